//! How far the copy is: counters that workers raise, and the figures that are made of them.

use crate::component::contract::ProgressCell;
use crate::model::table::TableName;
use parking_lot::Mutex;
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// At most so many tables are shown one by one.
const SHOWN_TABLES: usize = 50;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TableState {
    Waiting,
    Copying,
    Finished,
    Failed,
}

#[derive(Debug)]
struct TableMeter {
    state: TableState,
    rows: u64,
    total: u64,
    slices: u64,
    slices_done: u64,
}

#[derive(Debug)]
struct LastReading {
    at: Instant,
    read_rows: u64,
    read_bytes: u64,
    written_rows: u64,
    written_bytes: u64,
}

/// The meter of a copy.
#[derive(Debug)]
pub(super) struct Meter {
    progress: Arc<ProgressCell>,
    tables: Mutex<HashMap<TableName, TableMeter>>,
    /// Rows and bytes at the target; falls when a slice is copied again.
    rows: AtomicU64,
    bytes: AtomicU64,
    /// Everything that moved, slices that were copied twice included; for rates.
    read_rows: AtomicU64,
    read_bytes: AtomicU64,
    written_rows: AtomicU64,
    written_bytes: AtomicU64,
    last: Mutex<LastReading>,
}

impl Meter {
    /// A meter for these tables with their estimated rows.
    pub(super) fn new(
        progress: Arc<ProgressCell>,
        tables: impl IntoIterator<Item = (TableName, u64)>,
    ) -> Self {
        let meter = |total| TableMeter {
            state: TableState::Waiting,
            rows: 0,
            total,
            slices: 0,
            slices_done: 0,
        };
        let tables: HashMap<_, _> = tables
            .into_iter()
            .map(|(name, total)| (name, meter(total)))
            .collect();
        progress.set_done(0, 0);
        Self {
            progress,
            tables: Mutex::new(tables),
            rows: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            read_rows: AtomicU64::new(0),
            read_bytes: AtomicU64::new(0),
            written_rows: AtomicU64::new(0),
            written_bytes: AtomicU64::new(0),
            last: Mutex::new(LastReading {
                at: Instant::now(),
                read_rows: 0,
                read_bytes: 0,
                written_rows: 0,
                written_bytes: 0,
            }),
        }
    }

    /// A sign of life from a part that counts nothing.
    pub(super) fn beat(&self) {
        self.progress.beat();
    }

    /// A table was cut, or read from `rm`: so many slices and rows, of which so many are done.
    pub(super) fn planned(&self, table: &TableName, plan: &PlanFigures) {
        self.change(table, |t| {
            t.total = plan.rows;
            t.slices = plan.slices;
            t.slices_done = plan.slices_done;
            t.rows = plan.rows_done;
            t.state = if plan.slices == plan.slices_done {
                TableState::Finished
            } else {
                TableState::Copying
            };
        });
        self.rows.fetch_add(plan.rows_done, Ordering::Relaxed);
        self.bytes.fetch_add(plan.bytes_done, Ordering::Relaxed);
        self.progress.beat();
    }

    /// Rows came from the source.
    pub(super) fn read(&self, rows: u64, bytes: u64) {
        self.read_rows.fetch_add(rows, Ordering::Relaxed);
        self.read_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.progress.beat();
    }

    /// Begins to count a slice.
    pub(super) fn begin_slice<'a>(&'a self, table: &'a TableName) -> Tally<'a> {
        Tally {
            meter: self,
            table,
            rows: 0,
            bytes: 0,
            kept: false,
        }
    }

    /// A table failed.
    pub(super) fn table_failed(&self, table: &TableName) {
        self.change(table, |t| t.state = TableState::Failed);
    }

    /// A table is finished.
    pub(super) fn table_finished(&self, table: &TableName) {
        self.change(table, |t| t.state = TableState::Finished);
    }

    fn change(&self, table: &TableName, change: impl FnOnce(&mut TableMeter)) {
        if let Some(meter) = self.tables.lock().get_mut(table) {
            change(meter);
        }
    }

    /// Tells the shell how far it is.
    pub(super) fn publish(&self) {
        let rows = self.rows.load(Ordering::Relaxed);
        let bytes = self.bytes.load(Ordering::Relaxed);
        self.progress.set_done(rows, bytes);
        let tables = self.tables.lock();
        // a table may hold more rows than were counted when it was cut
        let capacity: u64 = tables.values().map(|t| t.total.max(t.rows)).sum();
        self.progress.set_total(capacity.max(1));
        let count = |state| tables.values().filter(|t| t.state == state).count();
        self.progress.set_detail("processedRecords", rows);
        self.progress.set_detail("capacity", capacity);
        self.progress.set_detail("tablesTotal", tables.len());
        self.progress
            .set_detail("tablesFinished", count(TableState::Finished));
        self.progress
            .set_detail("tablesFailed", count(TableState::Failed));
        let mut shown: Vec<_> = tables
            .iter()
            .filter(|(_, t)| matches!(t.state, TableState::Copying | TableState::Failed))
            .collect();
        shown.sort_unstable_by_key(|(name, _)| *name);
        let shown: Vec<_> = shown
            .into_iter()
            .take(SHOWN_TABLES)
            .map(|(name, t)| {
                json!({
                    "table": name.to_string(),
                    "state": if t.state == TableState::Failed { "FAILED" } else { "RUNNING" },
                    "rows": t.rows, "capacity": t.total,
                    "slicesDone": t.slices_done, "slices": t.slices,
                })
            })
            .collect();
        drop(tables);
        self.progress.set_detail("tables", shown);
        self.publish_rates();
    }

    fn publish_rates(&self) {
        let now = LastReading {
            at: Instant::now(),
            read_rows: self.read_rows.load(Ordering::Relaxed),
            read_bytes: self.read_bytes.load(Ordering::Relaxed),
            written_rows: self.written_rows.load(Ordering::Relaxed),
            written_bytes: self.written_bytes.load(Ordering::Relaxed),
        };
        let mut last = self.last.lock();
        let seconds = (now.at - last.at).as_secs_f64();
        if seconds < 0.1 {
            return;
        }
        let rate = |now: u64, last: u64| ((now - last) as f64 / seconds) as u64;
        for (name, value) in [
            ("srcRps", rate(now.read_rows, last.read_rows)),
            ("srcIops", rate(now.read_bytes, last.read_bytes)),
            ("dstRps", rate(now.written_rows, last.written_rows)),
            ("dstIops", rate(now.written_bytes, last.written_bytes)),
        ] {
            self.progress.set_detail(name, value);
        }
        *last = now;
    }
}

/// What is known of a table when its slices are known.
#[derive(Debug, Default)]
pub(super) struct PlanFigures {
    pub(super) slices: u64,
    pub(super) slices_done: u64,
    pub(super) rows: u64,
    pub(super) rows_done: u64,
    pub(super) bytes_done: u64,
}

/// Counts what one try at a slice wrote; taken back when the try fails.
#[derive(Debug)]
pub(super) struct Tally<'a> {
    meter: &'a Meter,
    table: &'a TableName,
    /// Rows.
    pub(super) rows: u64,
    /// Bytes.
    pub(super) bytes: u64,
    kept: bool,
}

impl Tally<'_> {
    /// Rows were committed at the target.
    pub(super) fn add(&mut self, rows: u64, bytes: u64) {
        self.rows += rows;
        self.bytes += bytes;
        self.meter.rows.fetch_add(rows, Ordering::Relaxed);
        self.meter.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.meter.written_rows.fetch_add(rows, Ordering::Relaxed);
        self.meter.written_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.meter.change(self.table, |t| t.rows += rows);
        self.meter.progress.add(rows, bytes);
    }

    /// The slice is finished; so many rows had been estimated.
    pub(super) fn keep(mut self, estimated: u64) {
        self.kept = true;
        let rows = self.rows;
        self.meter.change(self.table, |t| {
            t.slices_done += 1;
            t.total = t.total.saturating_sub(estimated) + rows;
        });
    }
}

impl Drop for Tally<'_> {
    fn drop(&mut self) {
        if !self.kept {
            self.meter.rows.fetch_sub(self.rows, Ordering::Relaxed);
            self.meter.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
            self.meter
                .change(self.table, |t| t.rows = t.rows.saturating_sub(self.rows));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_try_that_failed_is_not_counted() {
        let name = TableName::new("d", "t");
        let progress = Arc::new(ProgressCell::default());
        let meter = Meter::new(progress.clone(), [(name.clone(), 10)]);
        meter.planned(
            &name,
            &PlanFigures {
                slices: 3,
                slices_done: 1,
                rows: 30,
                rows_done: 10,
                bytes_done: 100,
            },
        );
        let mut failed = meter.begin_slice(&name);
        failed.add(5, 50);
        drop(failed);
        let mut good = meter.begin_slice(&name);
        good.add(10, 100);
        good.keep(10);
        meter.publish();
        let reading = progress.read();
        assert_eq!((reading.done, reading.total, reading.bytes), (20, 30, 200));
        assert_eq!(reading.detail["tables"][0]["slicesDone"], 2);
    }
}
