//! What an Incr-Verification needs from outside: how far the target is, and a place for what it
//! finds.

use crate::component::full_verification::outcome::{DiffKind, Difference};
use crate::component::full_verification::plan::Key;
use crate::error::Result;
use crate::model::ids::TxnId;
use crate::model::position::Position;
use crate::model::table::TableName;
use futures::future::BoxFuture;
use std::collections::HashMap;

/// Which transactions the target holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extent {
    /// All transactions up to this one.
    pub watermark: TxnId,
    /// The log's position of the watermark: nothing in front of it is missing.
    pub position: Position,
    /// None behind this one.
    pub newest: TxnId,
}

/// Tells how far the target is, by what is committed there together with the rows.
pub trait AppliedAtTarget: Send + Sync {
    /// The target's extent now; None while nothing follows.
    fn extent(&self) -> BoxFuture<'_, Result<Option<Extent>>>;
}

/// A row that is different.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// How.
    pub kind: DiffKind,
    /// Its key, where that is known.
    pub key: Option<Key>,
}

/// What is known of one table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Rows that were looked at and are right, counted for each look.
    pub checked: u64,
    /// Rows that are different, by their id.
    pub open: HashMap<String, Open>,
    /// The columns of their keys.
    pub key_columns: Vec<String>,
    /// Differences that are not listed because there are too many.
    pub unlisted: u64,
    /// Changes that could not be verified.
    pub unchecked: u64,
    /// Why not, or what else a person should know.
    pub message: String,
}

/// Keeps the results, across restarts.
pub trait IncrLog: Send + Sync {
    /// What was known when the last run ended.
    fn restore(&self) -> BoxFuture<'_, Result<Vec<(TableName, Standing)>>>;

    /// A table's standing changed.
    fn standing<'a>(
        &'a self,
        table: &'a TableName,
        standing: &'a Standing,
    ) -> BoxFuture<'a, Result<()>>;

    /// Rows that differ.
    fn differences<'a>(
        &'a self,
        table: &'a TableName,
        differences: &'a [Difference],
    ) -> BoxFuture<'a, Result<()>>;

    /// Rows that were different and are right now.
    fn corrected<'a>(
        &'a self,
        table: &'a TableName,
        ids: &'a [String],
    ) -> BoxFuture<'a, Result<()>>;
}
