//! What Incr-Sync tells about itself.

use super::plan::{Tally, Txn};
use super::window::Watermark;
use crate::component::contract::ProgressCell;
use crate::model::position::Position;

/// A lag below this counts as caught up, milliseconds.
const READY_LAG_MS: u64 = 10_000;

/// Figures of one run.
#[derive(Debug, Default)]
pub struct Stats {
    /// Transactions applied.
    pub txns: u64,
    /// Changes applied.
    pub rows: Tally,
    /// DDL statements passed.
    pub ddl: u64,
    /// DDL statements in scope that were not applied, because this direction carries none.
    pub ddl_passed_over: u64,
    /// Transactions that were applied by an earlier run.
    pub skipped: u64,
    /// Large transactions.
    pub big: u64,
    /// Batches.
    pub batches: u64,
    /// Rows in batches.
    pub batch_rows: u64,
    /// Attempts that were repeated.
    pub retries: u64,
    /// Transactions that waited for another one.
    pub waited: u64,
    /// Transactions between the watermark and the newest one read.
    pub in_window: usize,
    goal: Option<Position>,
    ready: bool,
}

impl Stats {
    /// A batch is applied.
    pub fn applied(&mut self, txns: &[Txn], progress: &ProgressCell) {
        if txns.is_empty() {
            return;
        }
        let mut rows = Tally::default();
        for txn in txns {
            match &txn.streamed {
                Some(streamed) => {
                    rows.add(&streamed.tally);
                    self.big += 1;
                }
                None => rows.count(&txn.steps),
            }
        }
        self.txns += txns.len() as u64;
        self.batches += 1;
        self.batch_rows += rows.rows();
        self.rows.add(&rows);
        progress.add(rows.rows(), rows.bytes);
    }

    /// Tells all of it. `kept` is the position that is kept at the target: a later run reads the
    /// log from there at the earliest.
    pub fn report(
        &mut self,
        watermark: &Watermark,
        kept: &Position,
        tip: Option<Position>,
        progress: &ProgressCell,
    ) {
        let lag = (watermark.position.time_ms > 0)
            .then(|| now_ms().saturating_sub(watermark.position.time_ms));
        if let Some(lag) = lag {
            progress.set_lag_ms(lag);
        }
        self.judge(watermark, tip, lag);
        progress.set_ready(self.ready);
        let average = self.batch_rows.checked_div(self.batches).unwrap_or(0);
        for (name, value) in [
            ("transactions", self.txns),
            ("inserts", self.rows.inserts),
            ("updates", self.rows.updates),
            ("deletes", self.rows.deletes),
            ("ddl", self.ddl),
            ("ddl_passed_over", self.ddl_passed_over),
            ("skipped", self.skipped),
            ("big_transactions", self.big),
            ("batches", self.batches),
            ("batch_rows_average", average),
            ("retries", self.retries),
            ("conflicts_waited", self.waited),
            ("in_window", self.in_window as u64),
        ] {
            progress.set_detail(name, value);
        }
        let json = |position: &Position| serde_json::to_value(position).unwrap_or_default();
        progress.set_detail("watermark", json(&watermark.position));
        progress.set_detail("checkpoint", json(kept));
    }

    /// Caught up: everything that the log held a moment ago is applied, and that is not old.
    fn judge(&mut self, watermark: &Watermark, tip: Option<Position>, lag: Option<u64>) {
        let small = lag.is_some_and(|lag| lag <= READY_LAG_MS);
        let at = watermark.position.txn_id();
        let reached = self.goal.as_ref().is_some_and(|goal| at >= goal.txn_id());
        if !small {
            self.ready = false;
        } else if reached {
            self.ready = true;
        }
        if reached || self.goal.is_none() {
            self.goal = tip;
        }
    }
}

fn now_ms() -> u64 {
    u64::try_from(chrono::Utc::now().timestamp_millis()).unwrap_or(0)
}
