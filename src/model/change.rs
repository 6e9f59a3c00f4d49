//! What a source's log says: transactions of row changes, DDL, heartbeats.

use super::ddl::Ddl;
use super::ids::TxnId;
use super::position::Position;
use super::row::Row;
use super::table::Table;
use std::sync::Arc;

/// A table as it was for a stretch of the log; a new one is made by each DDL on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableVersion {
    /// Number of this version, unique within one Store.
    pub id: u32,
    /// The definition.
    pub table: Table,
}

/// What happened to a row. Images are whole rows: all columns of the table in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// A row came.
    Insert(Row),
    /// A row changed.
    Update {
        /// Before.
        old: Row,
        /// After.
        new: Row,
    },
    /// A row went.
    Delete(Row),
}

impl Op {
    /// The image before the change.
    pub fn old(&self) -> Option<&Row> {
        match self {
            Self::Insert(_) => None,
            Self::Update { old, .. } | Self::Delete(old) => Some(old),
        }
    }

    /// The image after the change.
    pub fn new_row(&self) -> Option<&Row> {
        match self {
            Self::Insert(new) | Self::Update { new, .. } => Some(new),
            Self::Delete(_) => None,
        }
    }
}

/// One row's change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Its table, as of this change.
    pub table: Arc<TableVersion>,
    /// The change.
    pub op: Op,
}

impl Change {
    /// Bytes of its images.
    pub fn size(&self) -> usize {
        self.op.old().map_or(0, Row::size) + self.op.new_row().map_or(0, Row::size)
    }
}

/// A transaction, or one piece of one that is too large to be held at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TxnPiece {
    /// The transaction.
    pub id: TxnId,
    /// 0 for the first piece; pieces of one transaction follow each other without a gap.
    pub piece: u32,
    /// Set on the last piece: the position behind the transaction.
    pub end: Option<Position>,
    /// Changes in the order of the log.
    pub changes: Vec<Change>,
}

impl TxnPiece {
    /// Whether this is a whole transaction.
    pub fn is_whole(&self) -> bool {
        self.piece == 0 && self.end.is_some()
    }
}

/// A DDL statement in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DdlEvent {
    /// Its place in the log.
    pub id: TxnId,
    /// The position behind it.
    pub end: Position,
    /// Default database of the session that ran it.
    pub schema: String,
    /// The statement as the log has it.
    pub sql: String,
    /// What it says, as far as it is understood.
    pub ddl: Ddl,
    /// The definitions, after the statement, of the tables that it made or changed.
    pub after: Vec<Arc<TableVersion>>,
}

/// One item of a Store's stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogItem {
    /// A transaction or a piece of one.
    Txn(TxnPiece),
    /// DDL.
    Ddl(DdlEvent),
    /// Nothing of interest happened up to here.
    Heartbeat(Position),
}

impl LogItem {
    /// The position behind this item, where the item ends at one.
    pub fn end(&self) -> Option<&Position> {
        match self {
            Self::Txn(piece) => piece.end.as_ref(),
            Self::Ddl(ddl) => Some(&ddl.end),
            Self::Heartbeat(position) => Some(position),
        }
    }
}
