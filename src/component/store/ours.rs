//! What `oms` itself wrote at the source, which the Store leaves out: the other direction of the same
//! project wrote it, and carried over once more it would go round for ever.
//!
//! A transaction is ours as a whole once a mark of ours stands in it
//! ([`crate::datasource::mysql::marks`]). The mark is the first thing in it, so nothing is held for
//! the sake of it; were it not the first, what came before it is forgotten.

use super::batch::Mark;
use crate::datasource::mysql::binlog::status::LogEnd;
use crate::datasource::mysql::binlog::table_map::{TableMap, code};
use crate::datasource::mysql::fence::TARGET_SCHEMA;
use crate::datasource::mysql::marks::{LeaveOut, is_mark_table};
use crate::error::{Error, Kind, Result};

/// What is left out, and whether the open transaction is.
#[derive(Debug, Default)]
pub(super) struct Ours {
    leave_out: LeaveOut,
    open: Option<Open>,
    /// Transactions and DDL statements that were left out.
    pub left_out: u64,
}

/// The open transaction is ours.
#[derive(Debug, Clone, Copy)]
struct Open {
    /// Changes stood in front of the mark.
    forgot: bool,
}

/// A savepoint: what was kept there, and whether the transaction was ours by then.
#[derive(Debug, Clone, Copy)]
pub(super) struct Savepoint {
    pub kept: Mark,
    pub ours: bool,
}

impl Ours {
    pub fn new(leave_out: LeaveOut) -> Self {
        Self {
            leave_out,
            ..Self::default()
        }
    }

    /// Whether rows of this table may be marks that count here.
    pub fn is_mark(&self, map: &TableMap<'_>) -> bool {
        !self.leave_out.is_empty() && is_mark_table(map.schema, map.table)
    }

    /// Whether this component's writes are left out.
    pub fn has(&self, component: &[u8]) -> bool {
        self.leave_out.has(component)
    }

    /// Whether this statement is ours.
    pub fn has_statement(&self, sql: &str) -> bool {
        self.leave_out.has_statement(sql)
    }

    /// Whether the open transaction is ours.
    pub fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// The open transaction is ours; `forgot` says whether changes stood in front of the mark.
    pub fn begin(&mut self, forgot: bool) {
        self.open = Some(Open { forgot });
    }

    /// What came behind a savepoint is undone, a mark perhaps too; `was_ours` says whether the
    /// transaction was ours at the savepoint. False where what was forgotten counts after all.
    pub fn back_to(&mut self, was_ours: bool) -> bool {
        match self.open {
            Some(Open { forgot: true }) if !was_ours => false,
            Some(_) if !was_ours => {
                self.open = None;
                true
            }
            _ => true,
        }
    }

    /// The transaction is committed.
    pub fn commit(&mut self) {
        if self.open.take().is_some() {
            self.left_out += 1;
        }
    }

    /// The transaction counts for nothing.
    pub fn abort(&mut self) {
        self.open = None;
    }
}

/// How many bytes hold the length of the name in a mark's first column; None where the table is not
/// one that `oms` makes.
pub(super) fn name_length_bytes(map: &TableMap<'_>) -> Option<usize> {
    let columns = map.columns().ok()?;
    let first = columns.first()?;
    (first.code == code::VARCHAR).then_some(if first.meta > 255 { 2 } else { 1 })
}

/// Refuses a source whose log would not show the marks.
pub(super) fn require_marks(end: &LogEnd) -> Result<()> {
    let schema = TARGET_SCHEMA.to_owned();
    let hidden =
        end.without.contains(&schema) || !end.only.is_empty() && !end.only.contains(&schema);
    if !hidden {
        return Ok(());
    }
    Err(Error::new(
        Kind::LogFormat,
        "looking for the source's marks of what oms wrote",
    )
    .detail(format!(
        "the source leaves database {schema} out of its log (binlog_do_db, binlog_ignore_db), so what oms wrote would come back"
    ))
    .remedy(format!(
        "Let the source log database {schema} too (binlog_do_db, binlog_ignore_db), and restart it."
    )))
}

#[cfg(test)]
mod tests;
