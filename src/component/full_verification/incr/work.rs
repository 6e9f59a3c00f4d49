//! The work of an Incr-Verification.

use super::glance::View;
use super::judge::{Judge, cases, wait};
use super::ledger::{Latest, Ledger, Slot};
use super::ports::{AppliedAtTarget, Extent, IncrLog};
use super::results::Results;
use crate::component::contract::{Context, Finish, Work, cancelled_is_fine};
use crate::component::full_verification::plan::{Key, Side};
use crate::component::full_verification::ports::{Progressed, TableProvider};
use crate::component::full_verification::review::{Rounds, Seen};
use crate::component::full_verification::sides::Sides;
use crate::component::log_source::{LogSource, OpenLog};
use crate::component::share::Shares;
use crate::datasource::mysql::{Endpoint, Server};
use crate::error::{Error, Kind, Result};
use crate::model::change::{Change, DdlEvent, LogItem, TableVersion, TxnPiece};
use crate::model::ddl::Ddl;
use crate::model::filter::ObjectFilter;
use crate::model::ids::TxnId;
use crate::model::options::{FullVerificationOptions, IncrVerificationOptions};
use crate::model::position::Position;
use futures::future::BoxFuture;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Rows that wait for a look, at most; and while Incr-Sync lags, so that rounds stay short.
const BATCH_ROWS: usize = 50_000;
const BATCH_ROWS_LAGGING: usize = 5_000;
/// Looks that are open, at most; beyond it the oldest are judged by the source.
const OPEN_LOOKS: usize = 100_000;
/// How often the target is asked how far it is.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How often results are written down.
const SAVE_EVERY: Duration = Duration::from_secs(2);
/// How often rows that are different are looked at again.
const LOOK_AGAIN_EVERY: Duration = Duration::from_secs(10);
/// An Incr-Sync that is further behind than this is given way.
const LAGGING: Duration = Duration::from_secs(1);
/// One that does not move for so long is at rest: giving way would help nobody.
const AT_REST: Duration = Duration::from_secs(2);
/// The longest rest between two rounds.
const LONGEST_REST: Duration = Duration::from_secs(10);

/// Verifies what is applied.
pub struct IncrVerificationWork {
    /// The source.
    pub source: Endpoint,
    /// The target.
    pub target: Endpoint,
    /// What is in scope.
    pub filter: ObjectFilter,
    /// The tables as they are now.
    pub tables: Arc<dyn TableProvider>,
    /// How suspect rows are looked at, and how many differences are listed.
    pub review: FullVerificationOptions,
    /// Settings.
    pub options: IncrVerificationOptions,
    /// Opens the log.
    pub open_log: OpenLog,
    /// Where to begin: the checkpoint of the last run, or the Store's beginning.
    pub start: Position,
    /// Tells what the target holds.
    pub applied: Arc<dyn AppliedAtTarget>,
    /// Tells whether the target has what the source has.
    pub progressed: Arc<dyn Progressed>,
    /// Keeps the results.
    pub log: Arc<dyn IncrLog>,
}

impl Work for IncrVerificationWork {
    fn run(self: Box<Self>, context: Context) -> BoxFuture<'static, Result<Finish>> {
        Box::pin(async move {
            let token = context.token().clone();
            let result = tokio::select! {
                () = token.cancelled() => Ok(Finish::Cancelled),
                result = self.verify(context) => result,
            };
            cancelled_is_fine(result)
        })
    }
}

impl IncrVerificationWork {
    async fn verify(self, context: Context) -> Result<Finish> {
        let source = Server::open(&self.source).await?;
        let target = Server::open(&self.target).await?;
        let sides = Sides::new(source, target, 2, &Shares::default());
        let results = Results::open(self.log, self.review.table_diff_max).await?;
        let stream = (self.open_log)(self.start.clone()).await?;
        tracing::info!(component = %context.assignment.component, position = %self.start, "incr-verification begins");
        let mut run = Run {
            judge: Judge {
                sides: Arc::clone(&sides),
                tables: self.tables,
                progressed: self.progressed,
                rounds: Rounds::from(&self.review),
                plans: HashMap::new(),
            },
            context,
            filter: self.filter,
            options: self.options,
            applied: self.applied,
            sides,
            results,
            ledger: Ledger::new(self.start),
            views: HashMap::new(),
            barrier: None,
            saved: Instant::now(),
            looked_again: None,
            lagging: true,
            seen: (TxnId::MIN, Instant::now()),
        };
        run.follow(stream).await
    }
}

/// State of one run.
struct Run {
    context: Context,
    filter: ObjectFilter,
    options: IncrVerificationOptions,
    applied: Arc<dyn AppliedAtTarget>,
    sides: Arc<Sides>,
    judge: Judge,
    results: Results,
    ledger: Ledger,
    /// By table version.
    views: HashMap<u32, (Arc<TableVersion>, View)>,
    /// A DDL statement, behind which nothing is read until all in front of it is settled.
    barrier: Option<DdlEvent>,
    saved: Instant,
    looked_again: Option<Instant>,
    /// Incr-Sync is given way. So it is at the beginning, until it is known to keep up.
    lagging: bool,
    /// The target's watermark, and since when it has been there.
    seen: (TxnId, Instant),
}

/// Whether the target is further behind the Store than it should be.
fn is_behind(extent: &Extent, tip: Option<&Position>) -> bool {
    let newest = tip.map_or(0, |tip| tip.time_ms);
    Duration::from_millis(newest.saturating_sub(extent.position.time_ms)) > LAGGING
}

impl Run {
    async fn follow(&mut self, mut log: Box<dyn LogSource>) -> Result<Finish> {
        loop {
            self.context.check()?;
            let began = Instant::now();
            let Some(extent) = self.applied.extent().await? else {
                self.context.progress().set_ready(true);
                wait(&self.context).await?;
                continue;
            };
            if self.seen.0 != extent.watermark {
                self.seen = (extent.watermark, Instant::now());
            }
            self.lagging =
                is_behind(&extent, log.tip().as_ref()) && self.seen.1.elapsed() < AT_REST;
            let before = (self.ledger.whole(), self.ledger.waiting());
            self.read(log.as_mut(), extent.watermark).await?;
            self.settle().await?;
            if self.ledger.touched() <= extent.watermark {
                self.look().await?;
                self.settle().await?;
            }
            if self.ledger.whole() >= extent.watermark {
                self.ledger.nothing_up_to(&extent.position);
            }
            self.pass_barrier(&extent).await?;
            self.look_again().await?;
            self.report(&extent, log.tip()).await?;
            let moved = before != (self.ledger.whole(), self.ledger.waiting());
            let rest = self.rest(began.elapsed(), moved, &extent);
            tokio::time::sleep(rest).await;
        }
    }

    /// How long to wait before the next round.
    fn rest(&self, busy: Duration, moved: bool, extent: &Extent) -> Duration {
        if self.lagging {
            let share = u32::from(self.options.share_percent.clamp(1, 100));
            return (busy * (100 - share) / share).clamp(LOOK_EVERY / 5, LONGEST_REST);
        }
        match moved && self.ledger.waiting() == 0 && self.ledger.whole() < extent.watermark {
            true => Duration::ZERO,
            false => LOOK_EVERY,
        }
    }

    /// Reads as far as the target is, and as far as open looks need it.
    async fn read(&mut self, log: &mut dyn LogSource, watermark: TxnId) -> Result<()> {
        let limit = match self.lagging {
            true => BATCH_ROWS_LAGGING,
            false => BATCH_ROWS,
        };
        while self.barrier.is_none() && self.ledger.waiting() < limit {
            let goal = self.ledger.wanted().unwrap_or(watermark).max(watermark);
            if self.ledger.whole() >= goal {
                break;
            }
            match log.next().await? {
                LogItem::Heartbeat(_) => {}
                LogItem::Txn(piece) => self.piece(piece).await?,
                LogItem::Ddl(event) => self.ddl(event),
            }
        }
        Ok(())
    }

    async fn piece(&mut self, piece: TxnPiece) -> Result<()> {
        for change in &piece.changes {
            if self.filter.matches(&change.table.table.name) {
                self.change(piece.id, change).await?;
            }
        }
        if let Some(end) = piece.end {
            self.ledger.end_of(piece.id, end);
        }
        self.context.progress().beat();
        Ok(())
    }

    async fn change(&mut self, txn: TxnId, change: &Change) -> Result<()> {
        let table = &change.table.table.name;
        let (old, new) = (change.op.old(), change.op.new_row());
        match self.view(&change.table).await? {
            View::Keyless => {
                let why = "it has no key: only a full verification compares it";
                self.results.unchecked(table, 1, why);
                return Ok(());
            }
            View::Glance(glance) => {
                let slot = |key: &Key| (change.table.id, glance.plan.key_id(key).into());
                let mut note = |key: Key, image: Seen| {
                    let slot: Slot = slot(&key);
                    let explained = self.ledger.change(txn, slot, Latest { key, image });
                    self.results.checked(table, usize::from(explained));
                };
                if let Some(old) = old {
                    let key = glance.plan.key_of(old);
                    if new.is_none_or(|new| glance.plan.key_of(new) != key) {
                        note(key, None);
                    }
                }
                if let Some(new) = new {
                    let image = glance.image(Side::Source, new);
                    note(glance.plan.key_of(new), Some(image));
                }
            }
            View::Blind => {
                let columns = change.table.table.row_key().unwrap_or_default();
                for row in [old, new].into_iter().flatten() {
                    let cells: Vec<_> = row.cells().collect();
                    let key =
                        Key::from_cells(columns.iter().filter_map(|&at| cells.get(at)).copied());
                    let slot = (change.table.id, key.0.to_vec().into());
                    // no image of the log is the target's: the row is judged by the source
                    self.ledger.change(txn, slot, Latest { key, image: None });
                }
            }
        }
        Ok(())
    }

    async fn view(&mut self, version: &Arc<TableVersion>) -> Result<View> {
        if let Some((_, view)) = self.views.get(&version.id) {
            return Ok(view.clone());
        }
        let view = View::of(version, &self.sides).await?;
        let entry = (Arc::clone(version), view.clone());
        self.views.insert(version.id, entry);
        Ok(view)
    }

    fn ddl(&mut self, event: DdlEvent) {
        match event.ddl {
            Ddl::Irrelevant | Ddl::SchemaDefault { .. } => {
                self.ledger.end_of(event.id, event.end);
            }
            _ => self.barrier = Some(event),
        }
    }

    /// Looks at the rows that wait.
    async fn look(&mut self) -> Result<()> {
        let (start, rows) = self.ledger.take();
        if rows.is_empty() {
            return Ok(());
        }
        let mut by_version: HashMap<u32, Vec<(Slot, Latest)>> = HashMap::new();
        for (slot, latest) in rows {
            by_version.entry(slot.0).or_default().push((slot, latest));
        }
        let mut lease = self.sides.lease().await?;
        let (mut open, mut blind, mut changed) = (Vec::new(), Vec::new(), Vec::new());
        for (version, rows) in by_version {
            let Some((version, view)) = self.views.get(&version) else {
                return Err(Error::new(
                    Kind::Internal,
                    "a row of an unknown table version",
                ));
            };
            let View::Glance(glance) = view else {
                let table = Arc::new(version.table.clone());
                blind.extend(rows.into_iter().map(|(_, l)| (Arc::clone(&table), l.key)));
                continue;
            };
            let keys: Vec<&Key> = rows.iter().map(|(_, latest)| &latest.key).collect();
            let seen = match glance.look(&mut lease.pair()?.target, &keys).await {
                Ok(seen) => seen,
                // by DDL: the target's table is another one now, whose rows the source's can judge
                Err(error) if error.kind() == Kind::ObjectMissing => {
                    tracing::info!(table = %version.table.name, %error, "it has changed at the target");
                    let table = Arc::new(version.table.clone());
                    blind.extend(rows.into_iter().map(|(_, l)| (Arc::clone(&table), l.key)));
                    changed.push(Arc::clone(version));
                    drop(lease);
                    lease = self.sides.lease().await?;
                    continue;
                }
                Err(error) => return Err(error),
            };
            self.context.progress().add(keys.len() as u64, 0);
            let right = rows
                .iter()
                .zip(&seen)
                .filter(|((_, latest), seen)| latest.image == **seen)
                .map(|((_, latest), _)| &latest.key);
            self.results
                .checked(&glance.plan.source, right.clone().count());
            self.results.right(&glance.plan, right).await?;
            open.extend(
                rows.into_iter()
                    .zip(seen)
                    .filter(|((_, latest), seen)| latest.image != *seen)
                    .map(|((slot, latest), seen)| (slot, latest.key, seen)),
            );
        }
        lease.give_back();
        for version in changed {
            self.views.insert(version.id, (version, View::Blind));
        }
        if !open.is_empty() {
            let extent = self.applied.extent().await?;
            let until = extent.map_or(self.ledger.touched(), |extent| extent.newest);
            self.ledger.looked(until, start, open);
        }
        for case in cases(blind) {
            self.judge
                .judge(case, &mut self.results, &self.context)
                .await?;
        }
        Ok(())
    }

    /// Judges what is suspect.
    async fn settle(&mut self) -> Result<()> {
        let mut suspects = self.ledger.suspects();
        while self.ledger.open() > OPEN_LOOKS {
            suspects.extend(self.ledger.oldest());
        }
        self.judge_slots(suspects).await
    }

    async fn judge_slots(&mut self, slots: Vec<(Slot, Key)>) -> Result<()> {
        if slots.is_empty() {
            return Ok(());
        }
        let suspects = slots.len() as u64;
        let mut tables = HashMap::new();
        let mut rows = Vec::with_capacity(slots.len());
        for ((version, _), key) in slots {
            if let Some((known, _)) = self.views.get(&version) {
                let table = tables
                    .entry(version)
                    .or_insert_with(|| Arc::new(known.table.clone()));
                rows.push((Arc::clone(table), key));
            }
        }
        self.suspected(suspects);
        for case in cases(rows) {
            self.judge
                .judge(case, &mut self.results, &self.context)
                .await?;
        }
        Ok(())
    }

    fn suspected(&self, more: u64) {
        let progress = self.context.progress();
        let before = progress.read().detail.get("suspects").cloned();
        let before = before.and_then(|n| n.as_u64()).unwrap_or(0);
        progress.set_detail("suspects", before + more);
    }

    /// Once the target has passed the DDL statement: judges by the source what still waits, and
    /// goes on behind it.
    async fn pass_barrier(&mut self, extent: &Extent) -> Result<()> {
        let Some(event) = self.barrier.take_if(|event| event.id <= extent.watermark) else {
            return Ok(());
        };
        let slots = self.ledger.clear();
        self.judge.forget();
        self.judge_slots(slots).await?;
        self.views.clear();
        self.ledger.end_of(event.id, event.end);
        Ok(())
    }

    /// Looks from time to time whether somebody corrected what is different.
    async fn look_again(&mut self) -> Result<()> {
        if self
            .looked_again
            .is_some_and(|at| at.elapsed() < LOOK_AGAIN_EVERY)
        {
            return Ok(());
        }
        for case in self.results.known() {
            self.judge.look_again(case, &mut self.results).await?;
        }
        self.looked_again = Some(Instant::now());
        Ok(())
    }

    async fn report(&mut self, extent: &Extent, tip: Option<Position>) -> Result<()> {
        let progress = Arc::clone(self.context.progress());
        progress.set_ready(true);
        progress.beat();
        if self.saved.elapsed() >= SAVE_EVERY || self.ledger.is_empty() {
            self.results.save(&progress).await?;
            self.saved = Instant::now();
            let checkpoint = self.ledger.checkpoint();
            let json = serde_json::to_value(checkpoint)
                .map_err(|e| Error::new(Kind::Internal, "writing a checkpoint").detail(e))?;
            progress.set_detail("checkpoint", json);
        }
        progress.set_detail("waiting", self.ledger.waiting());
        progress.set_detail("open_looks", self.ledger.open());
        let newest = tip.map_or(extent.position.time_ms, |tip| tip.time_ms);
        let behind = newest.saturating_sub(self.ledger.checkpoint().time_ms);
        progress.set_lag_ms(
            if self.ledger.is_empty() && self.ledger.whole() >= extent.watermark {
                0
            } else {
                behind
            },
        );
        Ok(())
    }
}
