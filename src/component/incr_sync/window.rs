//! How far the log is applied: the watermark, and what is applied above it.
//!
//! Transactions finish out of order. The window holds those that were read and are not yet below
//! the watermark, in the order of the log; the watermark follows the first unfinished one. It is
//! bounded in transactions and in bytes, so what must be remembered above the watermark is bounded
//! as well.

use super::matrix::Seq;
use crate::model::ids::TxnId;
use crate::model::position::Position;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Everything up to here is applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watermark {
    /// All transactions up to and with this one are applied.
    pub id: TxnId,
    /// A position behind that transaction, with nothing unapplied in front of it.
    pub position: Position,
}

impl Watermark {
    /// The watermark of one who begins at a position.
    pub fn at_start(position: Position) -> Self {
        Self {
            id: TxnId(position.txn_id().0.saturating_sub(1)),
            position,
        }
    }
}

/// Read but not yet below the watermark.
#[derive(Debug)]
pub struct Window {
    watermark: Watermark,
    entries: VecDeque<Entry>,
    last: Seq,
    count: usize,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    /// Its number, or that of the last one that was opened before it.
    seq: Seq,
    /// Whether it is still being applied.
    open: bool,
    id: Option<TxnId>,
    end: Position,
    count: usize,
    bytes: usize,
}

impl Window {
    /// An empty window behind a watermark.
    pub fn new(watermark: Watermark) -> Self {
        Self {
            watermark,
            entries: VecDeque::new(),
            last: 0,
            count: 0,
            bytes: 0,
        }
    }

    /// The watermark.
    pub fn watermark(&self) -> &Watermark {
        &self.watermark
    }

    /// The position behind the last one that was read.
    pub fn read_to(&self) -> &Position {
        let last = self.entries.back().map(|entry| &entry.end);
        last.unwrap_or(&self.watermark.position)
    }

    /// Transactions in the window.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Bytes of the unfinished transactions in the window.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// A transaction that is now being applied; numbers rise and begin with 1.
    pub fn open(&mut self, seq: Seq, id: TxnId, end: Position, bytes: usize) {
        self.count += 1;
        self.bytes += bytes;
        self.last = seq;
        self.entries.push_back(Entry {
            seq,
            open: true,
            id: Some(id),
            end,
            count: 1,
            bytes,
        });
    }

    /// A transaction for which nothing is to be done here. `remembered`: it is on the list of what
    /// an earlier run applied above its watermark.
    pub fn pass(&mut self, id: Option<TxnId>, end: Position, remembered: bool) {
        let count = usize::from(remembered);
        self.count += count;
        match self.entries.back_mut() {
            Some(last) if !last.open => {
                last.id = id.or(last.id);
                last.end = end;
                last.count += count;
            }
            _ => self.entries.push_back(Entry {
                seq: self.last,
                open: false,
                id,
                end,
                count,
                bytes: 0,
            }),
        }
        self.advance();
    }

    /// A transaction is applied.
    pub fn close(&mut self, seq: Seq) {
        let at = self.entries.partition_point(|entry| entry.seq < seq);
        if let Some(entry) = self.entries.get_mut(at).filter(|entry| entry.open) {
            entry.open = false;
            self.bytes -= entry.bytes;
            entry.bytes = 0;
        }
        self.advance();
    }

    fn advance(&mut self) {
        while let Some(entry) = self.entries.pop_front_if(|entry| !entry.open) {
            self.count -= entry.count;
            if let Some(id) = entry.id {
                self.watermark.id = id;
            }
            self.watermark.position = entry.end;
        }
    }
}

/// Transactions above a watermark that are applied: ranges of ids, each with all transactions of
/// the log from the first to the second. Kept as JSON `[[from,to],…]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Applied {
    ranges: Vec<(TxnId, TxnId)>,
}

impl Applied {
    /// The newest of them.
    pub fn newest(&self) -> Option<TxnId> {
        self.ranges.iter().map(|(_, to)| *to).max()
    }

    /// Whether a transaction is among them.
    pub fn contains(&self, id: TxnId) -> bool {
        let at = self.ranges.partition_point(|(from, _)| *from <= id);
        at > 0 && id <= self.ranges[at - 1].1
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// Adds a range.
    pub fn add(&mut self, from: TxnId, to: TxnId) {
        self.ranges.push((from, to));
    }

    /// Takes in all of another one.
    pub fn merge(&mut self, other: &Self) {
        self.ranges.extend_from_slice(&other.ranges);
        self.normalize();
    }

    /// Sorts, and joins ranges that overlap; ranges that merely adjoin stay apart, because ids in
    /// between them are not known to be applied.
    pub fn normalize(&mut self) {
        self.ranges.sort_unstable();
        self.ranges.dedup_by(|next, last| {
            let overlaps = next.0 <= last.1;
            if overlaps {
                last.1 = last.1.max(next.1);
            }
            overlaps
        });
    }

    /// Drops what is not above the watermark.
    pub fn prune(&mut self, watermark: TxnId) {
        self.ranges.retain(|(_, to)| *to > watermark);
    }
}

/// What one lane applied above the watermark. Transactions that follow each other in the log and
/// were applied by the same lane become one range.
#[derive(Debug, Default)]
pub struct LaneApplied {
    inherited: Applied,
    own: Vec<(Seq, TxnId)>,
}

impl LaneApplied {
    /// With what earlier runs left.
    pub fn new(inherited: Applied) -> Self {
        Self {
            inherited,
            own: Vec::new(),
        }
    }

    /// The list as it is to be kept once `batch` is applied as well.
    pub fn with(&self, watermark: TxnId, batch: &[(Seq, TxnId)]) -> Applied {
        let mut own: Vec<_> = self.own.iter().chain(batch).copied().collect();
        own.retain(|(_, id)| *id > watermark);
        own.sort_unstable();
        let mut out = self.inherited.clone();
        out.prune(watermark);
        let mut last: Option<(Seq, TxnId, TxnId)> = None;
        for (seq, id) in own {
            last = match last {
                Some((before, from, _)) if before + 1 == seq => Some((seq, from, id)),
                Some((_, from, to)) => {
                    out.add(from, to);
                    Some((seq, id, id))
                }
                None => Some((seq, id, id)),
            };
        }
        if let Some((_, from, to)) = last {
            out.add(from, to);
        }
        out.normalize();
        out
    }

    /// A batch is applied; forgets what the watermark covers.
    pub fn commit(&mut self, watermark: TxnId, batch: &[(Seq, TxnId)]) {
        self.own.extend_from_slice(batch);
        self.own.retain(|(_, id)| *id > watermark);
        self.inherited.prune(watermark);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(offset: u64) -> Position {
        Position {
            file: "b.000001".to_owned(),
            offset,
            gtid: None,
            time_ms: 0,
        }
    }

    #[test]
    fn the_watermark_follows_the_first_open_one() {
        let mut w = Window::new(Watermark::at_start(at(4)));
        assert_eq!(w.watermark().id, TxnId::from_file(1, 3));
        w.open(1, TxnId(10), at(20), 5);
        w.pass(None, at(25), false);
        w.open(2, TxnId(20), at(30), 5);
        w.pass(Some(TxnId(30)), at(40), true);
        w.pass(None, at(41), false);
        assert_eq!((w.count(), w.bytes()), (3, 10));
        w.close(2);
        assert_eq!((w.watermark().position.offset, w.bytes()), (4, 5));
        w.close(1);
        assert_eq!(
            (w.watermark().id, w.watermark().position.offset),
            (TxnId(30), 41)
        );
        assert_eq!((w.count(), w.bytes()), (0, 0));
        w.pass(None, at(50), false);
        assert_eq!(
            (w.watermark().id, w.watermark().position.offset),
            (TxnId(30), 50)
        );
    }

    #[test]
    fn neighbours_become_ranges() {
        let mut lane = LaneApplied::default();
        lane.commit(TxnId(0), &[(1, TxnId(10)), (2, TxnId(20)), (4, TxnId(40))]);
        let json = |a: &Applied| serde_json::to_string(a).expect("json");
        assert_eq!(json(&lane.with(TxnId(0), &[])), "[[10,20],[40,40]]");
        assert_eq!(json(&lane.with(TxnId(10), &[(3, TxnId(30))])), "[[20,40]]");
        assert_eq!(json(&lane.with(TxnId(40), &[])), "[]");
    }

    proptest! {
        /// Lanes apply in any order; what is below the watermark or on a list is exactly what was
        /// applied.
        #[test]
        fn lists_and_watermark_tell_exactly_what_is_applied(
            steps in proptest::collection::vec((0_usize..3, 1_usize..4, any::<u32>()), 1..60), inherited in 0_u64..8
        ) {
            let mut window = Window::new(Watermark::at_start(at(100)));
            let base = window.watermark().id.0;
            let mut old = Applied::default();
            if inherited > 0 { old.add(TxnId(base + 10), TxnId(base + 10 * inherited)); }
            let mut lanes = [LaneApplied::new(old.clone()), LaneApplied::default(), LaneApplied::default()];
            let mut lists = [old.clone(), Applied::default(), Applied::default()];
            let mut pending = Vec::new();
            let mut applied = std::collections::BTreeSet::new();
            let mut kept = base;
            let total = 40_u64;
            for i in 1..=total {
                let id = TxnId(base + 10 * i);
                if old.contains(id) { window.pass(Some(id), at(1000 + i), true); applied.insert(id); }
                else { window.open(i, id, at(1000 + i), 1); pending.push((i, id)); }
            }
            for (lane, size, pick) in steps {
                let mark = window.watermark().clone();
                let mut batch = Vec::new();
                for k in 0..size {
                    if pending.is_empty() { break; }
                    let at = (pick as usize + k) % pending.len();
                    batch.push(pending.remove(at));
                }
                lists[lane] = lanes[lane].with(mark.id, &batch);
                lanes[lane].commit(mark.id, &batch);
                kept = kept.max(mark.id.0);
                for (seq, id) in batch { window.close(seq); applied.insert(id); }
                let mut union = Applied::default();
                for list in &lists { union.merge(list); }
                for i in 1..=total {
                    let id = TxnId(base + 10 * i);
                    prop_assert_eq!(id.0 <= kept || union.contains(id), applied.contains(&id), "{}", i);
                }
            }
        }
    }
}
