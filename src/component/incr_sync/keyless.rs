//! Folding the changes of a table without a key. Its rows are a multiset: an update takes one copy
//! of its old image away and adds one of its new image. Of a batch only the balance of each image
//! counts, so a row that is changed ten times costs the target one search and not ten: without an
//! index a search reads the whole table.
//!
//! What the changes need one by one is not forgotten: an image that was taken away more often than it
//! had been added, at some point of the batch, must have so many copies at the target. If it has
//! not, the target has drifted.

use super::layout::Layout;
use super::plan::Statement;
use crate::error::Result;
use crate::model::change::Op;
use crate::model::row::Row;
use std::collections::HashMap;
use std::sync::Arc;

/// Copies of a row that are to go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// The row's image.
    pub row: Row,
    /// How many copies go; 0: none, but see `at_least`.
    pub count: u64,
    /// How many copies must be there, before any goes; never less than `count`.
    pub at_least: u64,
}

/// Copies of an image, in the course of a batch.
#[derive(Debug, Default, Clone, Copy)]
struct Balance {
    /// Added less taken away.
    now: i64,
    /// The lowest that it ever was.
    lowest: i64,
}

/// The balance of every image of one table.
#[derive(Debug)]
pub struct Balances {
    layout: Arc<Layout>,
    at: HashMap<Row, usize>,
    images: Vec<(Row, Balance)>,
}

impl Balances {
    /// Of nothing.
    pub fn new(layout: &Arc<Layout>) -> Self {
        Self {
            layout: Arc::clone(layout),
            at: HashMap::new(),
            images: Vec::new(),
        }
    }

    /// Takes a change in.
    ///
    /// # Errors
    /// Where an image does not have the table's columns.
    pub fn add(&mut self, op: &Op) -> Result<()> {
        if let (Some(old), Some(new)) = (op.old(), op.new_row()) {
            let (before, after) = (self.layout.cells(old)?, self.layout.cells(new)?);
            // what the server calculates may be all that differs
            if self.layout.written.iter().all(|&c| before[c] == after[c]) {
                return Ok(());
            }
        }
        if let Some(old) = op.old() {
            self.count(old, -1)?;
        }
        if let Some(new) = op.new_row() {
            self.count(new, 1)?;
        }
        Ok(())
    }

    fn count(&mut self, row: &Row, by: i64) -> Result<()> {
        let index = match self.at.get(row) {
            Some(&index) => index,
            None => {
                self.layout.cells(row)?;
                self.at.insert(row.clone(), self.images.len());
                self.images.push((row.clone(), Balance::default()));
                self.images.len() - 1
            }
        };
        let balance = &mut self.images[index].1;
        balance.now += by;
        balance.lowest = balance.lowest.min(balance.now);
        Ok(())
    }

    /// What is to be done. Rows go before others come: a unique value may move between them.
    pub fn finish(self, out: &mut Vec<Statement>) {
        let (mut removals, mut added) = (Vec::new(), Vec::new());
        for (row, balance) in self.images {
            for _ in 0..balance.now {
                added.push(row.clone());
            }
            if balance.lowest < 0 {
                removals.push(Removal {
                    row,
                    count: balance.now.min(0).unsigned_abs(),
                    at_least: balance.lowest.unsigned_abs(),
                });
            }
        }
        if !removals.is_empty() {
            out.push(Statement::Remove(Arc::clone(&self.layout), removals));
        }
        if !added.is_empty() {
            out.push(Statement::Insert(self.layout, added));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::world::{int, table};
    use super::*;
    use crate::model::change::TableVersion;
    use crate::model::row::Cell;
    use proptest::prelude::*;

    fn layout() -> Arc<Layout> {
        let table = table("n", vec![int("a", true)], vec![]);
        Arc::new(Layout::new(Arc::new(TableVersion { id: 1, table })))
    }

    fn row(value: u8) -> Row {
        Row::from_cells([Cell::Value(&[b'0' + value])])
    }

    fn op(old: Option<u8>, new: Option<u8>) -> Option<Op> {
        Some(match (old, new) {
            (None, Some(new)) => Op::Insert(row(new)),
            (Some(old), None) => Op::Delete(row(old)),
            (Some(old), Some(new)) => Op::Update {
                old: row(old),
                new: row(new),
            },
            (None, None) => return None,
        })
    }

    fn copies(rows: &[Row], row: &Row) -> u64 {
        rows.iter().filter(|r| *r == row).count() as u64
    }

    /// One by one, as the source did it; None where a row is missing.
    fn one_by_one(mut rows: Vec<Row>, ops: &[Op]) -> Option<Vec<Row>> {
        for op in ops {
            if let Some(old) = op.old() {
                let at = rows.iter().position(|r| r == old)?;
                rows.remove(at);
            }
            rows.extend(op.new_row().cloned());
        }
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        Some(rows)
    }

    /// As the statements say.
    fn at_once(mut rows: Vec<Row>, statements: &[Statement]) -> Option<Vec<Row>> {
        for statement in statements {
            match statement {
                Statement::Remove(_, removals) => {
                    for removal in removals {
                        if copies(&rows, &removal.row) < removal.at_least {
                            return None;
                        }
                        for _ in 0..removal.count {
                            let at = rows.iter().position(|r| *r == removal.row)?;
                            rows.remove(at);
                        }
                    }
                }
                Statement::Insert(_, new) => rows.extend(new.iter().cloned()),
                other => panic!("{other:?}"),
            }
        }
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        Some(rows)
    }

    proptest! {
        #[test]
        fn the_balance_is_what_the_changes_do_one_by_one(
            before in proptest::collection::vec(0_u8..4, 0..8),
            changes in proptest::collection::vec((proptest::option::of(0_u8..4), proptest::option::of(0_u8..4)), 0..20),
        ) {
            let before: Vec<Row> = before.into_iter().map(row).collect();
            let ops: Vec<Op> = changes.into_iter().filter_map(|(o, n)| op(o, n)).filter(|op| op.old() != op.new_row()).collect();
            let mut balances = Balances::new(&layout());
            for op in &ops { balances.add(op).expect("an image"); }
            let mut statements = Vec::new();
            balances.finish(&mut statements);
            prop_assert_eq!(at_once(before.clone(), &statements), one_by_one(before, &ops));
        }
    }
}
