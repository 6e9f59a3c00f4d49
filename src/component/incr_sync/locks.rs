//! What a change claims: its keys, as locks. Two transactions conflict exactly if they claim a
//! common lock and at least one claims it exclusively.
//!
//! * A concrete key value is an exclusive lock on (table, key, canonical value).
//! * Where a key's values can be wild, each concrete value also takes the whole key shared, and a
//!   wild value takes the whole key exclusively.
//! * NULL in any column of a key makes no claim on it: unique keys let NULLs repeat.
//! * A keyless table is one exclusive lock: its changes are applied in the order of the log.
//! * An update that leaves a key's columns as they are claims nothing on that key, except the row
//!   key: the row holds the value from a change that claimed it to a change that gives it up, both
//!   of which claim the row key too, so everyone else who wants the value is ordered against this
//!   change through them.

use super::canon::{Canon, push_canonical};
use super::layout::{Layout, UniqueKey, Wildness, hash_of};
use crate::error::Result;
use crate::model::change::Op;
use crate::model::row::Cell;

/// One claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lock {
    /// What is claimed.
    pub id: u64,
    /// Whether nobody else may have it at the same time.
    pub exclusive: bool,
}

/// Collects the claims of one transaction.
#[derive(Debug, Default)]
pub struct Claims {
    locks: Vec<Lock>,
    scratch: Vec<u8>,
}

impl Claims {
    /// Adds the claims of a change.
    pub fn add(&mut self, layout: &Layout, op: &Op) -> Result<()> {
        let old = op.old().map(|row| layout.cells(row)).transpose()?;
        let new = op.new_row().map(|row| layout.cells(row)).transpose()?;
        if layout.row_key.is_none() {
            self.push(layout.id, true);
            return Ok(());
        }
        for key in &layout.keys {
            match (&old, &new) {
                (Some(old), Some(new)) => {
                    let changed = key.parts.is_empty()
                        || key.parts.iter().any(|p| old[p.column] != new[p.column]);
                    if changed || key.is_row_key {
                        self.add_key(key, old);
                    }
                    if changed {
                        self.add_key(key, new);
                    }
                }
                (Some(cells), None) | (None, Some(cells)) => self.add_key(key, cells),
                (None, None) => {}
            }
        }
        Ok(())
    }

    /// Claims a table as a whole: one who changes most of it alone, the others together.
    pub fn add_whole(&mut self, table: u64, exclusive: bool) {
        self.push(hash_of(&("whole", table)), exclusive);
    }

    /// Takes over claims that were collected before.
    pub fn extend(&mut self, locks: impl IntoIterator<Item = Lock>) {
        self.locks.extend(locks);
    }

    /// What was claimed since the last call, as it came.
    pub fn drain(&mut self) -> impl Iterator<Item = Lock> + '_ {
        self.locks.drain(..)
    }

    /// Claims what everybody claims: the transaction is ordered against every other one.
    pub fn add_everything(&mut self) {
        self.push(0, true);
    }

    /// The claims, each once, the stronger where both were made.
    pub fn finish(&mut self) -> Box<[Lock]> {
        let mut locks = std::mem::take(&mut self.locks);
        locks.sort_unstable_by_key(|lock| (lock.id, !lock.exclusive));
        locks.dedup_by_key(|lock| lock.id);
        locks.into_boxed_slice()
    }

    fn push(&mut self, id: u64, exclusive: bool) {
        let lock = Lock { id, exclusive };
        // changes of one transaction often hit the same table: keep the list short early
        if self.locks.last() != Some(&lock) {
            self.locks.push(lock);
        }
    }

    fn add_key(&mut self, key: &UniqueKey, cells: &[Cell<'_>]) {
        if key.wildness == Wildness::Always {
            self.push(key.id, true);
            return;
        }
        self.scratch.clear();
        for part in &key.parts {
            let Cell::Value(value) = cells[part.column] else {
                return;
            };
            let from = self.scratch.len();
            if push_canonical(&mut self.scratch, part.rule, part.prefix, value) == Canon::Wild {
                // a later part may still be NULL, which makes no claim
                if key.parts.iter().any(|p| cells[p.column] == Cell::Null) {
                    return;
                }
                self.push(key.id, true);
                return;
            }
            let length = (self.scratch.len() - from) as u64;
            self.scratch.extend_from_slice(&length.to_le_bytes());
        }
        let id = hash_of(&(key.id, self.scratch.as_slice()));
        if key.wildness == Wildness::Some {
            self.push(key.id, false);
        }
        self.push(id, true);
    }
}
