//! Whether everything in front of a position of the source's log is applied at the target: by
//! position, not by clock, and for good.
//!
//! Each transaction of Incr-Sync keeps the watermark at the target, but a watermark that only
//! heartbeats move is kept there now and then, so of an idle source the progress rows alone say for
//! seconds that something may be left. What they do not cover is therefore looked up in the Store's log:
//! if nothing in scope stands between the watermark and the position that is not applied, the position
//! is reached. Nothing is asked of Incr-Sync itself, and what is true stays true whatever becomes of it.

use super::ddl::{Decision, decide};
use super::extent::ExtentReader;
use super::mysql_target::MySqlTarget;
use super::window::{Applied, Watermark};
use crate::component::log_source::OpenLog;
use crate::error::Result;
use crate::model::change::{DdlEvent, LogItem, TxnPiece};
use crate::model::filter::ObjectFilter;
use crate::model::ids::TxnId;
use crate::model::position::Position;
use std::time::Duration;
use tokio::time::Instant;

/// How often to look while waiting.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// The Store has what is asked for, so reading does not wait for the source.
const READ: Duration = Duration::from_secs(1);

/// How far the target is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reached {
    /// Everything in front of the position is applied.
    Yes,
    /// The Store has not come to the position; it holds the log up to here.
    StoreAt(Option<Position>),
    /// Something in front of the position is not applied; everything up to here is.
    AppliedTo(Position),
    /// Incr-Sync has no progress rows at the target.
    NothingApplied,
}

/// Tells how far a target is.
pub struct Reach {
    rows: ExtentReader,
    open_log: OpenLog,
    filter: ObjectFilter,
}

impl Reach {
    /// Of the target (whose name is that of the Incr-Sync's progress rows) behind this log; `filter` is
    /// the project's.
    pub fn new(target: MySqlTarget, open_log: OpenLog, filter: ObjectFilter) -> Self {
        Self {
            rows: ExtentReader::new(target),
            open_log,
            filter,
        }
    }

    /// Looks once whether everything in front of `goal` is applied.
    ///
    /// # Errors
    /// As the target is not reached, or the Store's log not read.
    pub async fn look(&self, goal: &Position) -> Result<Reached> {
        let Some((watermark, applied)) = self.rows.progress().await? else {
            return Ok(Reached::NothingApplied);
        };
        if watermark.position.txn_id() >= goal.txn_id() {
            return Ok(Reached::Yes);
        }
        let mut log = (self.open_log)(watermark.position.clone()).await?;
        let tip = log.tip();
        if tip.as_ref().is_none_or(|tip| tip.txn_id() < goal.txn_id()) {
            return Ok(Reached::StoreAt(tip));
        }
        let scan = Scan {
            filter: &self.filter,
            watermark: &watermark,
            applied: &applied,
            goal: goal.txn_id(),
        };
        loop {
            let Ok(item) = tokio::time::timeout(READ, log.next()).await else {
                return Ok(Reached::StoreAt(tip));
            };
            match scan.item(&item?) {
                Some(true) => return Ok(Reached::Yes),
                Some(false) => return Ok(Reached::AppliedTo(watermark.position)),
                None => {}
            }
        }
    }

    /// Looks until everything in front of `goal` is applied, for as long as `within`; the last answer.
    ///
    /// # Errors
    /// As [`Reach::look`], if that may not pass by itself.
    pub async fn wait(&self, goal: &Position, within: Duration) -> Result<Reached> {
        let deadline = Instant::now() + within;
        loop {
            let found = self.look(goal).await;
            let is_last = Instant::now() >= deadline;
            match found {
                Ok(Reached::Yes) => return Ok(Reached::Yes),
                Err(error) if is_last || !error.is_transient() => return Err(error),
                Ok(found) if is_last => return Ok(found),
                _ => tokio::time::sleep(LOOK_EVERY).await,
            }
        }
    }
}

/// The log between a watermark and the goal.
struct Scan<'a> {
    filter: &'a ObjectFilter,
    watermark: &'a Watermark,
    applied: &'a Applied,
    goal: TxnId,
}

impl Scan<'_> {
    /// What an item says: the goal is reached, something in front of it is left, or nothing yet.
    fn item(&self, item: &LogItem) -> Option<bool> {
        let id = match item {
            LogItem::Txn(piece) => Some(piece.id),
            LogItem::Ddl(event) => Some(event.id),
            LogItem::Heartbeat(_) => None,
        };
        if id.is_some_and(|id| id >= self.goal) {
            return Some(true);
        }
        let is_left = match item {
            LogItem::Txn(piece) => self.is_left(piece.id) && self.changes(piece),
            LogItem::Ddl(event) => self.is_left(event.id) && self.concerns(event),
            LogItem::Heartbeat(_) => false,
        };
        if is_left {
            return Some(false);
        }
        let is_over = item.end().is_some_and(|end| end.txn_id() >= self.goal);
        is_over.then_some(true)
    }

    fn is_left(&self, id: TxnId) -> bool {
        id > self.watermark.id && !self.applied.contains(id)
    }

    fn changes(&self, piece: &TxnPiece) -> bool {
        let in_scope =
            |change: &crate::model::change::Change| self.filter.matches(&change.table.table.name);
        piece.changes.iter().any(in_scope)
    }

    /// A statement that is passed over counts as left until the watermark is kept behind it.
    fn concerns(&self, event: &DdlEvent) -> bool {
        decide(&event.ddl, &|name| self.filter.matches(name)) != Decision::Ignore
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::component::incr_sync::tests::world::world;
    use proptest::prelude::*;

    fn everything() -> ObjectFilter {
        ObjectFilter {
            include: vec!["*.*".to_owned()],
            exclude: Vec::new(),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]

        /// Of a random history any part is applied, in any order: the answer is that of looking at each
        /// transaction by itself.
        #[test]
        fn reached_is_what_is_applied(seed: u64, mark in 0.0..1.0, goal in 0.0..1.0, lost in 0_usize..3) {
            let world = world(seed, 30);
            let ends: Vec<usize> = (0..world.items.len())
                .filter(|&i| world.items[i].end().is_some())
                .collect();
            let pick = |share: f64| ends[((ends.len() - 1) as f64 * share) as usize];
            let (mark, goal) = (pick(mark), pick(goal));
            let position = world.items[mark].end().expect("end").clone();
            let goal_at = world.items[goal].end().expect("end").txn_id();
            prop_assume!(position.txn_id() < goal_at);
            let id_of = |item: &LogItem| match item {
                LogItem::Txn(piece) => Some(piece.id),
                LogItem::Ddl(event) => Some(event.id),
                LogItem::Heartbeat(_) => None,
            };
            let behind: Vec<&LogItem> = world.items[mark + 1..].iter().collect();
            let ids: Vec<TxnId> = behind.iter().filter_map(|item| id_of(item)).collect();
            let mut applied = Applied::default();
            // all but a few of those in front of the goal
            let missing: Vec<TxnId> = ids.iter().copied().filter(|id| *id < goal_at).rev().step_by(2).take(lost).collect();
            for id in &ids {
                if !missing.contains(id) {
                    applied.add(*id, *id);
                }
            }
            applied.normalize();
            let watermark = Watermark { id: TxnId(position.txn_id().0 - 1), position };
            let filter = everything();
            let scan = Scan { filter: &filter, watermark: &watermark, applied: &applied, goal: goal_at };
            let said = behind.iter().find_map(|item| scan.item(item));
            let concerns = |id: &TxnId| behind.iter().any(|item| id_of(item) == Some(*id) && match item {
                LogItem::Txn(piece) => !piece.changes.is_empty(),
                LogItem::Ddl(event) => decide(&event.ddl, &|_| true) != Decision::Ignore,
                LogItem::Heartbeat(_) => false,
            });
            prop_assert_eq!(said, Some(!missing.iter().any(concerns)));
        }
    }
}
