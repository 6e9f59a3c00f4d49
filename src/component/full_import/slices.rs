//! Slices and what is kept about them between two runs.

use crate::datasource::mysql::slicing::Bound;
use crate::error::{ErrorReport, Result};
use crate::model::position::Position;
use crate::model::table::{Table, TableName};
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

/// How far a slice is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SliceState {
    /// Nothing of it was written yet.
    Init,
    /// A part of it may have been written.
    Running,
    /// All of it is committed at the target.
    Finished,
    /// It met an error that a person must mend; a part of it may have been written.
    Failed,
}

/// What else is kept about a slice, as JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SliceInfo {
    /// For a table without a key: the log position of the one read with which it was copied. Changes
    /// of this table before that position are in the copy already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorReport>,
}

/// A slice of a table: the rows with `lower < key <= upper`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// 0 for the first of the table.
    pub no: u32,
    /// The key below its first; None: from the start.
    pub lower: Option<Bound>,
    /// Its last key; None: to the end.
    pub upper: Option<Bound>,
    /// How far it is.
    pub state: SliceState,
    /// Rows as counted or estimated when it was cut.
    pub estimated_rows: u64,
    /// Rows that were copied.
    pub rows: u64,
    /// Bytes that were copied.
    pub bytes: u64,
    /// More.
    pub info: SliceInfo,
}

/// Keeps slices, in `rm`. A write whose `epoch` is older than one that wrote before changes nothing
/// and fails with [`crate::error::Kind::Fenced`]. Any error ends the work: what is known of the slices
/// is read again by the next.
pub trait SliceStore: Send + Sync {
    /// The slices of a table in the order of their numbers; None where the table was not cut yet
    /// (an empty list: it was, and holds no row).
    fn load<'a>(&'a self, table: &'a TableName) -> BoxFuture<'a, Result<Option<Vec<Slice>>>>;

    /// Keeps all slices of a table and that it is cut, at once or not at all; slices of an
    /// unfinished try before are gone then. May run again with the same or with other slices, but
    /// never after a slice of the table was updated.
    fn save_plan<'a>(
        &'a self,
        epoch: i64,
        table: &'a TableName,
        slices: &'a [Slice],
    ) -> BoxFuture<'a, Result<()>>;

    /// Keeps state, rows, bytes and info of one slice.
    fn update<'a>(
        &'a self,
        epoch: i64,
        table: &'a TableName,
        slice: &'a Slice,
    ) -> BoxFuture<'a, Result<()>>;
}

/// Names the tables that are copied, with their definitions at the source.
pub trait TableProvider: Send + Sync {
    /// The tables, in the order in which they shall be begun.
    fn tables(&self) -> BoxFuture<'_, Result<Vec<Table>>>;
}
