//! The books against a model: a log of changes, a target that follows it out of order, and looks
//! at any moment.

use super::*;
use crate::model::row::{Cell, Row};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn at(offset: u64) -> Position {
    Position {
        file: "b.000001".to_owned(),
        offset,
        gtid: None,
        time_ms: 0,
    }
}

fn id(n: u64) -> TxnId {
    TxnId::from_file(1, 100 + 10 * n)
}

fn slot(key: u8) -> Slot {
    (1, vec![key].into_boxed_slice())
}

fn latest(key: u8, image: Seen) -> Latest {
    Latest {
        key: Row::from_cells([Cell::Value(&[key])]),
        image,
    }
}

/// A log of single changes: transaction `n` gives `key` this image.
#[derive(Debug, Clone)]
struct Log(Vec<(u8, Seen)>);

impl Log {
    /// What a key holds when the transactions up to `upto` are applied; nothing was there before.
    fn image(&self, key: u8, upto: u64) -> Seen {
        let before = self.0.iter().take(upto as usize).rev();
        before
            .clone()
            .find(|(k, _)| *k == key)
            .and_then(|(_, image)| *image)
    }
}

/// The target at a moment: each key stands somewhere between the watermark and the newest.
struct Target<'a> {
    log: &'a Log,
    watermark: u64,
    newest: u64,
    wrong: &'a BTreeSet<u8>,
}

impl Target<'_> {
    fn look(&self, key: u8, pick: u64) -> Seen {
        if self.wrong.contains(&key) {
            return Some(u128::MAX);
        }
        let span = self.newest - self.watermark + 1;
        self.log.image(key, self.watermark + pick % span)
    }
}

/// Reads on, looks, settles; gives the keys that were called suspect.
fn run(log: &Log, wrong: &BTreeSet<u8>, steps: &[(u8, u8, u64)]) -> (BTreeSet<u8>, Ledger) {
    let mut ledger = Ledger::new(at(100));
    let mut suspects = BTreeSet::new();
    let (mut read, mut watermark, mut newest) = (0_u64, 0_u64, 0_u64);
    let total = log.0.len() as u64;
    let settle = |ledger: &mut Ledger, suspects: &mut BTreeSet<u8>| {
        for (slot, _) in ledger.suspects() {
            suspects.insert(slot.1[0]);
        }
    };
    let ends = (0..).map(|n| (3, 3, n)).take(2 * log.0.len() + 4);
    for (ahead, reach, pick) in steps.iter().copied().chain(ends) {
        newest = (newest.max(watermark) + u64::from(reach)).min(total);
        watermark = (watermark + u64::from(ahead)).min(newest);
        let goal = ledger.wanted().unwrap_or(TxnId::MIN).max(id(watermark));
        for _ in 0..=(pick % 4) {
            if read < total && id(read + 1) <= goal {
                read += 1;
                let (key, image) = log.0[read as usize - 1];
                ledger.change(id(read), slot(key), latest(key, image));
                ledger.end_of(id(read), at(1000 + read));
            }
        }
        settle(&mut ledger, &mut suspects);
        if ledger.waiting() > 0 && ledger.touched() <= id(watermark) {
            let target = Target {
                log,
                watermark,
                newest,
                wrong,
            };
            let (start, rows) = ledger.take();
            let seen = rows
                .into_iter()
                .map(|(slot, latest)| (target.look(slot.1[0], pick), slot, latest))
                .filter(|(seen, _, latest)| *seen != latest.image)
                .map(|(seen, slot, latest)| (slot, latest.key, seen))
                .collect();
            ledger.looked(id(newest), start, seen);
            settle(&mut ledger, &mut suspects);
        }
    }
    (suspects, ledger)
}

fn logs() -> impl Strategy<Value = Log> {
    let change = (
        0_u8..4,
        proptest::option::weighted(0.8, (0_u128..5).boxed()),
    );
    proptest::collection::vec(change, 0..40).prop_map(Log)
}

proptest! {
    #[test]
    fn what_follows_the_log_is_never_suspect_and_what_does_not_always_is(
        log in logs(),
        steps in proptest::collection::vec((0_u8..5, 0_u8..6, any::<u64>()), 0..60),
        wrong in proptest::collection::btree_set(0_u8..4, 0..3),
    ) {
        let (suspects, ledger) = run(&log, &wrong, &steps);
        let changed: BTreeSet<u8> = log.0.iter().map(|(key, _)| *key).collect();
        let expected: BTreeSet<u8> = changed.intersection(&wrong).copied().collect();
        prop_assert_eq!(suspects, expected);
        prop_assert!(ledger.is_empty());
        let end = if log.0.is_empty() { at(100) } else { at(1000 + log.0.len() as u64) };
        prop_assert_eq!(ledger.checkpoint(), &end);
    }

    #[test]
    fn the_checkpoint_never_passes_what_is_open(
        log in logs(), steps in proptest::collection::vec((any::<bool>(), any::<bool>()), 0..60)
    ) {
        let mut ledger = Ledger::new(at(100));
        // the place in the log of the first change that is not settled, by key
        let mut open: BTreeMap<u8, u64> = BTreeMap::new();
        let mut read = 0;
        for (look, mismatch) in steps {
            if look {
                let (start, rows) = ledger.take();
                let seen: Vec<_> = rows.into_iter().filter(|(slot, _)| {
                    if !mismatch { open.remove(&slot.1[0]); }
                    mismatch
                }).map(|(slot, latest)| (slot, latest.key, Some(77))).collect();
                ledger.looked(id(read + 3), start, seen);
            } else if let Some((key, image)) = log.0.get(read as usize) {
                read += 1;
                if ledger.looks.contains_key(&slot(*key)) && *image == Some(77) { open.remove(key); }
                open.entry(*key).or_insert(read);
                ledger.change(id(read), slot(*key), latest(*key, *image));
                ledger.end_of(id(read), at(1000 + read));
                for (slot, _) in ledger.suspects() {
                    // compared with the source, which settles all that was read
                    open.remove(&slot.1[0]);
                }
            }
            let checkpoint = ledger.checkpoint().offset;
            for first in open.values() {
                prop_assert!(checkpoint < 1000 + first, "{checkpoint} {open:?}");
            }
        }
    }
}

#[test]
fn a_transaction_that_is_not_read_to_its_end_holds_the_checkpoint() {
    let mut ledger = Ledger::new(at(100));
    ledger.change(id(1), slot(1), latest(1, Some(1)));
    assert_eq!((ledger.touched(), ledger.checkpoint()), (id(1), &at(100)));
    let (start, rows) = ledger.take();
    assert_eq!((start, rows.len()), (at(100), 1));
    ledger.nothing_up_to(&at(5000));
    assert_eq!(ledger.checkpoint(), &at(100));
    ledger.end_of(id(1), at(200));
    assert_eq!(ledger.checkpoint(), &at(200));
    ledger.nothing_up_to(&at(5000));
    assert_eq!(ledger.checkpoint(), &at(5000));
}

#[test]
fn a_ddl_statement_takes_all_rows_once() {
    let mut ledger = Ledger::new(at(100));
    ledger.change(id(1), slot(1), latest(1, Some(1)));
    ledger.change(id(1), slot(2), latest(2, None));
    let (start, rows) = ledger.take();
    let seen = rows
        .into_iter()
        .map(|(slot, latest)| (slot, latest.key, Some(9)))
        .collect();
    ledger.looked(id(4), start, seen);
    ledger.change(id(2), slot(2), latest(2, Some(3)));
    ledger.change(id(2), slot(3), latest(3, Some(3)));
    ledger.change(id(2), slot(1), latest(1, Some(3)));
    let mut all: Vec<u8> = ledger.clear().into_iter().map(|(s, _)| s.1[0]).collect();
    all.sort_unstable();
    assert_eq!(all, [1, 2, 3]);
    assert!(ledger.is_empty());
}
