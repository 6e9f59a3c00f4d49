//! The books of an Incr-Verification: which rows are still to be looked at, and what the log must
//! yet say about those whose look was not conclusive. Pure: no input or output.
//!
//! The log says what a row became (its *image*). A look at the target sees an image, too, but the
//! target goes on: what it shows may be a change that the books do not have yet. So a look that
//! saw another image than the log's last one stays open `until` the newest transaction that the
//! target can have held at that moment. If the log shows the image that was seen on the way there,
//! the row was right, only newer; if not, no change of the source made it, and the row is suspect.
//! One look is enough, however hot the row is. What the log says of a row while a look at it is open
//! need not be kept: either it explains the look, and is then looked at itself, or the row will be
//! compared with the source's, which settles all changes up to then.

use crate::component::full_verification::plan::Key;
use crate::component::full_verification::review::Seen;
use crate::model::ids::TxnId;
use crate::model::position::Position;
use std::collections::{HashMap, VecDeque};

/// A row: the version of its table, and bytes that are the same for the same key.
pub type Slot = (u32, Box<[u8]>);

/// What the log said last of a row.
#[derive(Debug, Clone)]
pub struct Latest {
    /// The row's key.
    pub key: Key,
    /// Its image; None: it is deleted.
    pub image: Seen,
}

/// A look that was not conclusive.
#[derive(Debug)]
struct Look {
    key: Key,
    observed: Seen,
    until: TxnId,
}

/// The looks of one round that were not conclusive.
#[derive(Debug)]
struct Round {
    until: TxnId,
    start: Position,
    slots: Vec<Slot>,
}

/// The books.
#[derive(Debug)]
pub struct Ledger {
    batch: HashMap<Slot, Latest>,
    /// Behind which the first change of the batch stands.
    batch_start: Position,
    looks: HashMap<Slot, Look>,
    rounds: VecDeque<Round>,
    /// The newest transaction of which something was read.
    touched: TxnId,
    /// The newest transaction that was read to its end.
    whole: TxnId,
    /// The position behind it.
    end: Position,
}

impl Ledger {
    /// Books of what comes behind a position.
    pub fn new(start: Position) -> Self {
        // as for the target's watermark: what begins at the position is still to come
        let before = TxnId(start.txn_id().0.saturating_sub(1));
        Self {
            batch: HashMap::new(),
            batch_start: start.clone(),
            looks: HashMap::new(),
            rounds: VecDeque::new(),
            touched: before,
            whole: before,
            end: start,
        }
    }

    /// The log says that a row has this image now. Gives true where that explains an open look.
    pub fn change(&mut self, txn: TxnId, slot: Slot, latest: Latest) -> bool {
        self.touched = self.touched.max(txn);
        let explained = match self.looks.get(&slot) {
            Some(look) if look.observed == latest.image => {
                self.looks.remove(&slot);
                true
            }
            Some(_) => return false,
            None => false,
        };
        if self.batch.is_empty() {
            self.batch_start = self.end.clone();
        }
        self.batch.insert(slot, latest);
        explained
    }

    /// A transaction, or a DDL statement, was read to its end.
    pub fn end_of(&mut self, txn: TxnId, end: Position) {
        self.touched = self.touched.max(txn);
        self.whole = self.whole.max(txn);
        self.end = end;
    }

    /// Everything in front of a position is applied, and the log has nothing more in front of it.
    pub fn nothing_up_to(&mut self, position: &Position) {
        let at_rest = self.touched == self.whole && self.is_empty();
        if at_rest && position.txn_id() > self.end.txn_id() {
            self.end = position.clone();
        }
    }

    /// Whether no row is waiting for anything.
    pub fn is_empty(&self) -> bool {
        self.batch.is_empty() && self.looks.is_empty() && self.rounds.is_empty()
    }

    /// Rows to be looked at.
    pub fn waiting(&self) -> usize {
        self.batch.len()
    }

    /// Looks that are not settled.
    pub fn open(&self) -> usize {
        self.looks.len()
    }

    /// The newest transaction of which something was read: once the target has it, the rows that
    /// wait can be looked at.
    pub fn touched(&self) -> TxnId {
        self.touched
    }

    /// The newest transaction that was read to its end.
    pub fn whole(&self) -> TxnId {
        self.whole
    }

    /// The log must be read up to here to settle all looks.
    pub fn wanted(&self) -> Option<TxnId> {
        self.rounds.back().map(|round| round.until)
    }

    /// Everything in front of it is settled.
    pub fn checkpoint(&self) -> &Position {
        match self.rounds.front() {
            Some(round) => &round.start,
            None if !self.batch.is_empty() => &self.batch_start,
            None => &self.end,
        }
    }

    /// The rows to be looked at now, with the position in front of them.
    pub fn take(&mut self) -> (Position, Vec<(Slot, Latest)>) {
        (self.batch_start.clone(), self.batch.drain().collect())
    }

    /// Rows whose looks were not conclusive: the target held no more than `until` when it was
    /// looked at.
    pub fn looked(&mut self, until: TxnId, start: Position, seen: Vec<(Slot, Key, Seen)>) {
        if seen.is_empty() {
            return;
        }
        let mut slots = Vec::with_capacity(seen.len());
        for (slot, key, observed) in seen {
            slots.push(slot.clone());
            let look = Look {
                key,
                observed,
                until,
            };
            self.looks.insert(slot, look);
        }
        self.rounds.push_back(Round {
            until,
            start,
            slots,
        });
    }

    /// The rows that are suspect: the log was read as far as the target can have been, and nothing
    /// explains what was seen.
    pub fn suspects(&mut self) -> Vec<(Slot, Key)> {
        let mut out = Vec::new();
        while let Some(round) = self.rounds.pop_front_if(|round| round.until <= self.whole) {
            self.close(round, &mut out);
        }
        out
    }

    /// The rows of the oldest open round, where there are too many to wait for the log.
    pub fn oldest(&mut self) -> Vec<(Slot, Key)> {
        let mut out = Vec::new();
        if let Some(round) = self.rounds.pop_front() {
            self.close(round, &mut out);
        }
        out
    }

    fn close(&mut self, round: Round, out: &mut Vec<(Slot, Key)>) {
        for slot in round.slots {
            let is_its = self
                .looks
                .get(&slot)
                .is_some_and(|look| look.until == round.until);
            if is_its && let Some(look) = self.looks.remove(&slot) {
                out.push((slot, look.key));
            }
        }
    }

    /// All rows that wait for anything: a DDL statement comes, behind which tables are others.
    pub fn clear(&mut self) -> Vec<(Slot, Key)> {
        self.rounds.clear();
        let looks = self.looks.drain().map(|(slot, look)| (slot, look.key));
        let batch = self.batch.drain().map(|(slot, latest)| (slot, latest.key));
        looks.chain(batch).collect()
    }
}

#[cfg(test)]
mod tests;
