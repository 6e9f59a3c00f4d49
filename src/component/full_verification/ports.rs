//! What a verification needs from outside: the tables, a place for its results, and word from
//! Incr-Sync how far the target is.

use super::outcome::{Counts, Difference, TableOutcome};
use crate::error::Result;
use crate::model::table::{Table, TableName};
use futures::future::BoxFuture;
use std::sync::Arc;

/// A table to be compared.
#[derive(Debug, Clone)]
pub struct TablePair {
    /// The source's definition.
    pub source: Arc<Table>,
    /// Its name at the target.
    pub target: TableName,
}

/// Gives the tables that are in scope.
pub trait TableProvider: Send + Sync {
    /// All tables, in the order in which they are to be compared.
    fn tables(&self) -> BoxFuture<'_, Result<Vec<TablePair>>>;
}

/// Keeps the results of one run of a verification (one `sub_id`).
pub trait VerifyLog: Send + Sync {
    /// The tables whose comparison ended in this run already, so that a restarted work goes on
    /// with the others. Those that ended with `RUNTIME_EXCEPTION` are compared again.
    fn finished(&self) -> BoxFuture<'_, Result<Vec<TableOutcome>>>;

    /// A table's comparison begins; differences kept from an earlier attempt of this run are
    /// dropped.
    fn begin<'a>(&'a self, pair: &'a TablePair) -> BoxFuture<'a, Result<()>>;

    /// Counts while a table is compared; `estimate` is about the number of source rows.
    fn progress<'a>(
        &'a self,
        source: &'a TableName,
        counts: Counts,
        estimate: u64,
    ) -> BoxFuture<'a, Result<()>>;

    /// Rows that differ, some at a time.
    fn differences<'a>(
        &'a self,
        source: &'a TableName,
        differences: &'a [Difference],
    ) -> BoxFuture<'a, Result<()>>;

    /// Rows whose differences were handed over before ([`Difference::id`]) are corrected: they were
    /// looked at again and are equal.
    fn corrected<'a>(
        &'a self,
        source: &'a TableName,
        ids: &'a [String],
    ) -> BoxFuture<'a, Result<()>>;

    /// A table's comparison ended.
    fn finish<'a>(&'a self, outcome: &'a TableOutcome) -> BoxFuture<'a, Result<()>>;
}

/// Whether the target holds what the source held at some moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Passed {
    /// Everything that the source had committed when the question was put is at the target.
    Yes,
    /// Not within the time that the answerer waits.
    NotYet,
    /// Nobody can tell; only waiting and looking again helps.
    Unknown,
}

/// Tells how far the target is behind the source.
pub trait Progressed: Send + Sync {
    /// Looks at the source's position now and waits, for a bounded time, until the target has
    /// passed it.
    fn passed_now(&self) -> BoxFuture<'_, Result<Passed>>;
}

/// Knows nothing of the target's progress.
#[derive(Debug, Clone, Copy, Default)]
pub struct NobodyTells;

impl Progressed for NobodyTells {
    fn passed_now(&self) -> BoxFuture<'_, Result<Passed>> {
        Box::pin(async { Ok(Passed::Unknown) })
    }
}
