//! What is to be done at the target for a few transactions, as data: it can be rendered to SQL and
//! run on a simulated target alike.
//!
//! Changes of a table with a row key are folded: of all changes to one row only its final state
//! counts. The rows that are gone (deleted, or moved to another key) are deleted first, then the
//! final images are written with REPLACE. `docs/incr-sync.md` argues why that is right with unique
//! values that move between rows, and over a copy that is newer than the log. Changes of a keyless
//! table are folded by their images, see [`super::keyless`].

use super::keyless::{Balances, Removal};
use super::layout::Layout;
use super::matrix::Seq;
use crate::error::Result;
use crate::model::change::Op;
use crate::model::ids::TxnId;
use crate::model::position::Position;
use crate::model::row::{Cell, Row, push_cell};
use bytes::Bytes;
use std::collections::HashMap;
use std::sync::Arc;

/// A change with the layout of its table.
#[derive(Debug, Clone)]
pub struct Step {
    /// The table.
    pub layout: Arc<Layout>,
    /// The change.
    pub op: Op,
}

/// A transaction.
#[derive(Debug)]
pub struct Txn {
    /// Its number in this run.
    pub seq: Seq,
    /// Its id.
    pub id: TxnId,
    /// The position behind it.
    pub end: Position,
    /// Its changes, those in scope only.
    pub steps: Vec<Step>,
    /// Bytes of all images.
    pub bytes: usize,
    /// A large transaction is not held: its changes are read from the log again.
    pub streamed: Option<Streamed>,
}

/// A large transaction, as far as it is held.
#[derive(Debug)]
pub struct Streamed {
    /// A position of the log in front of it, with nothing in between that is in scope.
    pub from: Position,
    /// What its changes are.
    pub tally: Tally,
}

/// Changes, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rows inserted.
    pub inserts: u64,
    /// Rows updated.
    pub updates: u64,
    /// Rows deleted.
    pub deletes: u64,
    /// Bytes of all images.
    pub bytes: u64,
}

impl Tally {
    /// Counts changes.
    pub fn count(&mut self, steps: &[Step]) {
        for step in steps {
            match step.op {
                Op::Insert(_) => self.inserts += 1,
                Op::Update { .. } => self.updates += 1,
                Op::Delete(_) => self.deletes += 1,
            }
            self.bytes += step.size() as u64;
        }
    }

    /// Adds another one.
    pub fn add(&mut self, other: &Self) {
        self.inserts += other.inserts;
        self.updates += other.updates;
        self.deletes += other.deletes;
        self.bytes += other.bytes;
    }

    /// Rows of all kinds.
    pub fn rows(&self) -> u64 {
        self.inserts + self.updates + self.deletes
    }
}

impl Step {
    /// Bytes of the change's images.
    pub fn size(&self) -> usize {
        let size = |row: Option<&Row>| row.map_or(0, Row::size);
        size(self.op.old()) + size(self.op.new_row())
    }
}

/// One thing to do at the target. Several rows in one are of the same table.
#[derive(Debug, Clone)]
pub enum Statement {
    /// Delete the rows with the keys of these images.
    Delete(Arc<Layout>, Vec<Row>),
    /// Write these images; rows that hold one of their unique values go.
    Replace(Arc<Layout>, Vec<Row>),
    /// Keyless: add these rows.
    Insert(Arc<Layout>, Vec<Row>),
    /// Keyless: take copies of rows away.
    Remove(Arc<Layout>, Vec<Removal>),
}

impl Statement {
    /// Its table.
    pub fn layout(&self) -> &Arc<Layout> {
        match self {
            Self::Delete(layout, _)
            | Self::Replace(layout, _)
            | Self::Insert(layout, _)
            | Self::Remove(layout, _) => layout,
        }
    }

    /// How many rows it must affect, where that says whether the target has drifted.
    pub fn must_affect(&self) -> Option<u64> {
        match self {
            Self::Delete(..) | Self::Replace(..) => None,
            Self::Insert(_, rows) => Some(rows.len() as u64),
            Self::Remove(_, removals) => Some(removals.iter().map(|r| r.count).sum()),
        }
    }
}

/// The statements for changes in their order.
pub fn plan<'a>(steps: impl IntoIterator<Item = &'a Step>) -> Result<Vec<Statement>> {
    let mut out = Vec::new();
    let mut tables: Vec<(*const Layout, Fold)> = Vec::new();
    let mut by_table: HashMap<u64, usize> = HashMap::new();
    for step in steps {
        let version = Arc::as_ptr(&step.layout);
        let at = *by_table.entry(step.layout.id).or_insert_with(|| {
            tables.push((version, Fold::new(&step.layout)));
            tables.len() - 1
        });
        if tables[at].0 != version {
            // another version of the same table: what came before is done before
            let (_, before) =
                std::mem::replace(&mut tables[at], (version, Fold::new(&step.layout)));
            before.finish(&mut out);
        }
        tables[at].1.add(&step.op)?;
    }
    for (_, table) in tables {
        table.finish(&mut out);
    }
    Ok(out)
}

/// The changes of one table.
enum Fold {
    Keyed {
        layout: Arc<Layout>,
        key: Vec<usize>,
        at: HashMap<Bytes, usize>,
        rows: Vec<Fate>,
    },
    Keyless(Balances),
}

/// What became of a row key.
enum Fate {
    /// No row has it; the image had it last.
    Gone(Row),
    /// This row has it.
    Is(Row),
}

impl Fold {
    fn new(layout: &Arc<Layout>) -> Self {
        match &layout.row_key {
            Some(key) => Self::Keyed {
                layout: Arc::clone(layout),
                key: key.clone(),
                at: HashMap::new(),
                rows: Vec::new(),
            },
            None => Self::Keyless(Balances::new(layout)),
        }
    }

    fn add(&mut self, op: &Op) -> Result<()> {
        match self {
            Self::Keyed {
                layout,
                key,
                at,
                rows,
            } => {
                let mut set = |bytes: Bytes, fate: Fate| match at.get(&bytes) {
                    Some(&index) => rows[index] = fate,
                    None => {
                        at.insert(bytes, rows.len());
                        rows.push(fate);
                    }
                };
                let old = op
                    .old()
                    .map(|row| key_bytes(layout, key, row))
                    .transpose()?;
                let new = op
                    .new_row()
                    .map(|row| key_bytes(layout, key, row))
                    .transpose()?;
                if let (Some(bytes), Some(row)) = (old, op.old())
                    && new.as_ref() != Some(&bytes)
                {
                    set(bytes, Fate::Gone(row.clone()));
                }
                if let (Some(bytes), Some(row)) = (new, op.new_row()) {
                    set(bytes, Fate::Is(row.clone()));
                }
            }
            Self::Keyless(balances) => balances.add(op)?,
        }
        Ok(())
    }

    fn finish(self, out: &mut Vec<Statement>) {
        match self {
            Self::Keyed { layout, rows, .. } => {
                let (mut gone, mut is) = (Vec::new(), Vec::new());
                for fate in rows {
                    match fate {
                        Fate::Gone(row) => gone.push(row),
                        Fate::Is(row) => is.push(row),
                    }
                }
                if !gone.is_empty() {
                    out.push(Statement::Delete(Arc::clone(&layout), gone));
                }
                if !is.is_empty() {
                    out.push(Statement::Replace(layout, is));
                }
            }
            Self::Keyless(balances) => balances.finish(out),
        }
    }
}

/// The cells of the row key as bytes. Where the key's columns stand together and in order, they are
/// a part of the row's own buffer.
fn key_bytes(layout: &Layout, key: &[usize], row: &Row) -> Result<Bytes> {
    let cells = layout.cells(row)?;
    if let [column] = key
        && let Cell::Value(value) = cells[*column]
    {
        return Ok(row.0.slice_ref(value));
    }
    let mut out = Vec::with_capacity(32);
    for &column in key {
        push_cell(&mut out, cells[column]);
    }
    Ok(out.into())
}
