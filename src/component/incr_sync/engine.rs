//! The dispatcher: reads the log, feeds the conflict matrix, hands batches to idle lanes, and
//! moves the watermark. It owns all state; lanes are moved into a task for a batch and come back
//! with the result, so nothing is shared.

use super::barrier::{self, Barrier};
use super::ddl::Decision;
use super::lane::{Batch, Lane};
use super::large::{Rereader, Scan, WholeTables};
use super::layout::Layouts;
use super::locks::Claims;
use super::matrix::{Matrix, Seq};
use super::plan::{Step, Txn};
use super::settings::Settings;
use super::stats::Stats;
use super::window::{Applied, Watermark, Window};
use crate::component::contract::{Context, Finish};
use crate::component::log_source::{LogSource, OpenLog};
use crate::error::{Error, Kind, Result};
use crate::model::change::{Change, DdlEvent, LogItem, TxnPiece};
use crate::model::ids::TxnId;
use crate::model::options::TransactionMode;
use crate::model::position::Position;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;

/// Transactions between the watermark and the newest one that was read, at most.
pub const WINDOW_TXNS: usize = 4096;
/// A lane takes at least so many free transactions, as far as there are, before others get theirs.
const SHARE_MIN: usize = 64;
/// How often progress is told.
const TICK: Duration = Duration::from_millis(200);
/// A watermark that moves without anything being applied is kept at the target so often.
const IDLE_FLUSH: Duration = Duration::from_secs(5);
/// How long batches in flight may go on after the work was told to end.
const GRACE: Duration = Duration::from_millis(800);

/// State of one run.
pub struct Engine {
    pub(super) settings: Arc<Settings>,
    pub(super) context: Context,
    pub(super) window: Window,
    pub(super) lanes: Vec<Option<Lane>>,
    pub(super) stats: Stats,
    pub(super) seq: Seq,
    pub(super) claims: Claims,
    pub(super) whole_tables: WholeTables,
    pub(super) scanning: Option<Scan>,
    rereader: Arc<Rereader>,
    matrix: Matrix,
    waiting: HashMap<Seq, Txn>,
    running: JoinSet<Outcome>,
    layouts: Layouts,
    remembered: Applied,
    floor: TxnId,
    last_id: Option<TxnId>,
    skipping: Option<TxnId>,
    pub(super) barrier: Option<Barrier>,
    pub(super) stopping: bool,
    flushed: Position,
    flushed_at: Instant,
}

/// A lane that comes back from a batch.
struct Outcome {
    lane: Lane,
    watermark: Watermark,
    txns: Vec<Txn>,
    result: Result<()>,
}

impl Engine {
    /// Ready to read the log behind `watermark`.
    pub fn new(
        settings: Arc<Settings>,
        open_log: OpenLog,
        context: Context,
        lanes: Vec<Lane>,
        watermark: Watermark,
        remembered: Applied,
    ) -> Self {
        Self {
            rereader: Arc::new(Rereader::new(open_log, Arc::clone(&settings))),
            whole_tables: WholeTables::default(),
            scanning: None,
            matrix: Matrix::new(lanes.len()),
            lanes: lanes.into_iter().map(Some).collect(),
            floor: watermark.id,
            flushed: watermark.position.clone(),
            flushed_at: Instant::now(),
            window: Window::new(watermark),
            settings,
            context,
            remembered,
            stats: Stats::default(),
            seq: 0,
            waiting: HashMap::new(),
            running: JoinSet::new(),
            layouts: Layouts::default(),
            claims: Claims::default(),
            last_id: None,
            skipping: None,
            barrier: None,
            stopping: false,
        }
    }

    /// Follows the log until told to end, or until the position to stop at is reached.
    pub async fn run(&mut self, source: &mut dyn LogSource) -> Result<Finish> {
        let result = self.follow(source).await;
        if !matches!(result, Ok(Finish::Done)) {
            self.wind_down().await;
        }
        self.report(source.tip());
        result
    }

    async fn follow(&mut self, source: &mut dyn LogSource) -> Result<Finish> {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Skip);
        let token = self.context.token().clone();
        loop {
            self.dispatch();
            if self.running.is_empty() && self.matrix.is_empty() {
                if let Some(barrier) = self.barrier.take() {
                    barrier::pass(self, barrier).await?;
                    continue;
                }
                if self.stop_is_reached() {
                    return self.finish().await;
                }
            }
            let reading = self.may_read();
            tokio::select! {
                biased;
                () = token.cancelled() => return Ok(Finish::Cancelled),
                Some(joined) = self.running.join_next(), if !self.running.is_empty() => {
                    self.returned(joined)?;
                }
                _ = tick.tick() => {
                    self.report(source.tip());
                    self.flush_if_idle();
                }
                item = source.next(), if reading => self.take_in(item?)?,
            }
        }
    }

    fn may_read(&self) -> bool {
        self.barrier.is_none()
            && !self.stopping
            && self.window.count() < WINDOW_TXNS
            && self.window.bytes() < self.settings.options.window_bytes.max(1)
    }

    fn stop_is_reached(&self) -> bool {
        let reached = self
            .settings
            .stop_at
            .as_ref()
            .is_some_and(|stop| self.window.watermark().position.txn_id() >= stop.txn_id());
        self.stopping || reached
    }

    /// Takes one item of the log in.
    fn take_in(&mut self, item: LogItem) -> Result<()> {
        match item {
            LogItem::Heartbeat(position) => self.heartbeat(position),
            LogItem::Ddl(event) => self.ddl(event)?,
            LogItem::Txn(piece) => self.txn(piece)?,
        }
        Ok(())
    }

    fn heartbeat(&mut self, position: Position) {
        if self.last_id.is_none_or(|last| position.txn_id() > last)
            && position.txn_id() > self.floor
        {
            self.stop_behind(position.txn_id());
            self.window.pass(None, position, false);
        }
    }

    /// Whether the log has come to the position to stop at.
    fn stop_behind(&mut self, id: TxnId) -> bool {
        if let Some(stop) = &self.settings.stop_at
            && id >= stop.txn_id()
        {
            self.stopping = true;
        }
        self.stopping
    }

    /// Checks that the log goes forward: the same id twice, or an older one, would be taken for
    /// applied.
    fn is_next(&mut self, id: TxnId) -> Result<()> {
        if let Some(last) = self.last_id.filter(|last| id <= *last) {
            return Err(
                Error::new(Kind::SourceChanged, "reading the log").detail(format!(
                    "the transaction at {id} came after the one at {last}"
                )),
            );
        }
        self.last_id = Some(id);
        Ok(())
    }

    fn is_applied(&self, id: TxnId) -> bool {
        id <= self.floor || self.remembered.contains(id)
    }

    fn ddl(&mut self, event: DdlEvent) -> Result<()> {
        self.is_next(event.id)?;
        if self.stop_behind(event.id) {
            return Ok(());
        }
        if self.is_applied(event.id) {
            self.window.pass(Some(event.id), event.end, false);
            return Ok(());
        }
        match self.settings.decide(&event) {
            Decision::Ignore => self.window.pass(Some(event.id), event.end, false),
            decision => self.barrier = Some(Barrier::Ddl(Box::new(event), decision)),
        }
        Ok(())
    }

    fn txn(&mut self, piece: TxnPiece) -> Result<()> {
        if piece.piece == 0 {
            self.is_next(piece.id)?;
            if self.stop_behind(piece.id) {
                return Ok(());
            }
            if self.is_applied(piece.id) {
                self.skipping = Some(piece.id);
            }
        }
        if self.skipping == Some(piece.id) {
            if let Some(end) = piece.end {
                self.skipping = None;
                let remembered = piece.id > self.floor;
                self.window.pass(Some(piece.id), end, remembered);
                self.stats.skipped += 1;
            }
            return Ok(());
        }
        match piece.end {
            Some(end) if piece.piece == 0 => self.whole(piece.id, end, piece.changes),
            _ => self.scan(piece),
        }
    }

    fn whole(&mut self, id: TxnId, end: Position, changes: Vec<Change>) -> Result<()> {
        let steps = self.steps(id, changes);
        if steps.is_empty() {
            self.window.pass(Some(id), end, false);
            return Ok(());
        }
        let mut bytes = 0;
        let in_order = self.settings.options.transaction_mode == TransactionMode::Atomic;
        for step in &steps {
            if !in_order {
                self.claims.add(&step.layout, &step.op)?;
            }
            bytes += step.size();
        }
        if in_order {
            self.claims.add_everything();
        } else {
            let tables = steps.iter().map(|step| step.layout.id);
            self.whole_tables.claim(&mut self.claims, tables);
        }
        self.admit(Txn {
            seq: self.seq + 1,
            id,
            end,
            steps,
            bytes,
            streamed: None,
        });
        Ok(())
    }

    /// Takes in the next transaction, with the claims that were collected for it.
    pub(super) fn admit(&mut self, txn: Txn) {
        self.seq = txn.seq;
        self.window
            .open(txn.seq, txn.id, txn.end.clone(), txn.bytes);
        self.matrix.admit(txn.seq, self.claims.finish());
        self.waiting.insert(txn.seq, txn);
    }

    /// The changes that concern us, with their tables' layouts.
    pub(super) fn steps(&mut self, id: TxnId, changes: Vec<Change>) -> Vec<Step> {
        self.settings.steps(&mut self.layouts, id, changes)
    }

    /// Gives batches to idle lanes.
    fn dispatch(&mut self) {
        for index in 0..self.lanes.len() {
            if self.lanes[index].is_none() || !self.matrix.has_work(index) {
                continue;
            }
            let batch = self.batch_for(index);
            self.start(index, batch);
        }
    }

    fn start(&mut self, index: usize, batch: Batch) {
        let Some(mut lane) = self.lanes[index].take() else {
            return;
        };
        let throttle = Arc::clone(&self.settings.throttle);
        let rereader = Arc::clone(&self.rereader);
        self.running.spawn(async move {
            let rows = batch.txns.iter().map(|txn| txn.steps.len()).sum::<usize>();
            let bytes = batch.txns.iter().map(|txn| txn.bytes).sum::<usize>();
            throttle.take(rows as u64, bytes as u64).await;
            let result = lane.apply(&batch, &rereader).await;
            Outcome {
                lane,
                watermark: batch.watermark,
                txns: batch.txns,
                result,
            }
        });
    }

    fn batch_for(&mut self, lane: usize) -> Batch {
        let idle = self.lanes.iter().flatten().count().max(1);
        let share = (self.matrix.free() / idle).max(SHARE_MIN);
        let options = &self.settings.options;
        let (mut rows, mut bytes) = (0, 0);
        let mut txns = Vec::new();
        while rows < options.batch_rows.max(1) && bytes < options.batch_bytes.max(1) {
            let free = txns.len() < share;
            let Some(seq) = self.matrix.peek(lane, free) else {
                break;
            };
            // a large one is a batch of its own
            let next = self.waiting.get(&seq);
            let large = next.is_some_and(|txn| txn.streamed.is_some());
            if large && !txns.is_empty() {
                break;
            }
            self.matrix.take(lane, free);
            if let Some(txn) = self.waiting.remove(&seq) {
                rows += txn.steps.len();
                bytes += txn.bytes;
                txns.push(txn);
            }
            if large {
                break;
            }
        }
        Batch {
            txns,
            watermark: self.window.watermark().clone(),
        }
    }

    /// A lane is back.
    fn returned(&mut self, joined: std::result::Result<Outcome, JoinError>) -> Result<()> {
        let mut outcome =
            joined.map_err(|error| Error::new(Kind::Panicked, "applying a batch").detail(error))?;
        self.stats.retries += outcome.lane.take_retries();
        let index = outcome.lane.index();
        self.lanes[index] = Some(outcome.lane);
        outcome.result?;
        self.persisted(&outcome.watermark);
        for txn in &outcome.txns {
            self.matrix.finish(txn.seq);
            self.window.close(txn.seq);
            self.whole_tables.finish(txn.seq);
        }
        self.stats.applied(&outcome.txns, self.context.progress());
        Ok(())
    }

    /// Notes that a watermark is kept at the target.
    pub(super) fn persisted(&mut self, watermark: &Watermark) {
        if watermark.position.txn_id() >= self.flushed.txn_id() {
            self.flushed = watermark.position.clone();
            self.flushed_at = Instant::now();
        }
    }

    /// Everything in front of the DDL is applied, and so is the DDL: old layouts don't come again.
    pub(super) fn forget_layouts(&mut self) {
        self.layouts.clear();
    }

    /// A watermark that only heartbeats move is kept as well, from time to time.
    fn flush_if_idle(&mut self) {
        let idle = self.running.is_empty() && self.matrix.is_empty() && self.barrier.is_none();
        if idle
            && self.flushed_at.elapsed() >= IDLE_FLUSH
            && self.window.watermark().position != self.flushed
        {
            let batch = self.mark_only();
            self.start(0, batch);
        }
    }

    fn mark_only(&self) -> Batch {
        Batch {
            txns: Vec::new(),
            watermark: self.window.watermark().clone(),
        }
    }

    /// All is applied: keeps the watermark.
    async fn finish(&mut self) -> Result<Finish> {
        if self.window.watermark().position != self.flushed {
            let batch = self.mark_only();
            self.start(0, batch);
            while let Some(joined) = self.running.join_next().await {
                self.returned(joined)?;
            }
        }
        Ok(Finish::Done)
    }

    /// Lets batches in flight end, for a moment. What does not end is rolled back with its session.
    async fn wind_down(&mut self) {
        let all = async {
            while let Some(joined) = self.running.join_next().await {
                if let Err(error) = self.returned(joined) {
                    tracing::warn!(%error, "a batch failed while the work was ending");
                }
            }
        };
        if tokio::time::timeout(GRACE, all).await.is_err() {
            self.running.shutdown().await;
        }
    }

    fn report(&mut self, tip: Option<Position>) {
        // whatever a lane waits for ends in bounded time, so being here is a sign of life
        self.context.progress().beat();
        self.stats.waited = self.matrix.waited();
        self.stats.in_window = self.window.count();
        self.stats.report(
            self.window.watermark(),
            &self.flushed,
            tip,
            self.context.progress(),
        );
    }
}
