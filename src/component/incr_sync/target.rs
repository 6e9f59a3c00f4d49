//! What Incr-Sync needs of a target: sessions whose transactions begin with the lane's own
//! progress row. The real one is [`super::mysql_target`]; the tests have a simulated one.

use super::plan::Statement;
use super::window::{Applied, Watermark};
use crate::error::Result;
use crate::model::position::Position;
use futures::future::BoxFuture;

/// Who takes over the progress.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The epoch under which the lanes will write.
    pub epoch: i64,
    /// Number of lanes.
    pub lanes: usize,
    /// Where a first run begins.
    pub start: Position,
}

/// What earlier runs left.
#[derive(Debug, Clone)]
pub struct Taken {
    /// Everything up to here is applied.
    pub watermark: Watermark,
    /// What else is applied. Kept by lane 0 from now on.
    pub applied: Applied,
    /// For each lane the number of its commits; the next one must be the next number.
    pub commits: Vec<u64>,
}

/// What a lane's transaction writes into the lane's progress row.
#[derive(Debug, Clone)]
pub struct Mark {
    /// The lane.
    pub lane: usize,
    /// The epoch that must stand in the row.
    pub epoch: i64,
    /// The number of commits that must stand in the row; it becomes one more.
    pub commits: u64,
    /// The watermark.
    pub watermark: Watermark,
    /// What the lane applied above the watermark, with this transaction's own.
    pub applied: Applied,
}

/// Whether a transaction could begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// It is open, and its progress row is written and locked.
    Open,
    /// Its mark stands there already: an earlier attempt was committed after all.
    Done,
}

/// The target.
pub trait Target: Send + Sync {
    /// Raises the epoch on all progress rows and reads them, waiting for transactions of earlier
    /// owners to end. [`crate::error::Kind::Fenced`] if there is a newer epoch.
    fn take_over(&self, claim: Claim) -> BoxFuture<'_, Result<Taken>>;

    /// Opens a session.
    fn open(&self) -> BoxFuture<'_, Result<Box<dyn TargetSession>>>;
}

/// A session; dropping it rolls back.
pub trait TargetSession: Send {
    /// Begins a transaction with the mark. [`crate::error::Kind::Fenced`] if another epoch stands
    /// in the row.
    fn begin<'a>(&'a mut self, mark: &'a Mark) -> BoxFuture<'a, Result<Begin>>;

    /// Runs a statement; the number of rows that it affected.
    fn execute<'a>(&'a mut self, statement: &'a Statement) -> BoxFuture<'a, Result<u64>>;

    /// Keeps an open transaction from being ended for idleness; needed every few seconds where
    /// nothing is executed.
    fn keep_alive(&mut self) -> BoxFuture<'_, Result<()>>;

    /// Commits. After an error it may or may not be committed: begin again with the same mark.
    fn commit(&mut self) -> BoxFuture<'_, Result<()>>;

    /// Rolls back; after an error the session is of no use.
    fn rollback(&mut self) -> BoxFuture<'_, Result<()>>;
}
