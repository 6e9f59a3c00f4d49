//! What the slices of one table have found so far: counts, and the keys that look different.

use super::outcome::Counts;
use super::plan::{Key, Plan};
use crate::component::contract::ProgressCell;
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Shared by the slices of one table.
#[derive(Debug)]
pub struct Tally {
    limit: usize,
    inner: Mutex<Inner>,
    progress: Arc<ProgressCell>,
}

#[derive(Debug, Default)]
struct Inner {
    counts: Counts,
    /// Keys that look different, by their id.
    suspects: HashMap<Vec<u8>, Key>,
    /// Keys whose difference is final.
    settled: HashSet<Vec<u8>>,
    /// Target keys that belong to another source key under the target's collation.
    claimed: HashSet<Vec<u8>>,
}

impl Tally {
    /// Takes so many suspects at most.
    pub fn new(limit: usize, progress: Arc<ProgressCell>) -> Self {
        Self {
            limit: limit.max(1),
            inner: Mutex::default(),
            progress,
        }
    }

    /// Adds what a slice counted, once it is done with.
    pub fn add(&self, counts: &Counts, bytes: u64) {
        self.inner.lock().counts.add(counts);
        self.progress.add(0, bytes);
    }

    /// Counts differences that stand, or that were corrected.
    pub fn found(&self, counts: &Counts) {
        self.inner.lock().counts.add(counts);
    }

    /// So many more source rows were looked at.
    pub fn beat(&self, rows: u64) {
        self.progress.add(rows, 0);
    }

    /// Notes a key that looks different; false where there is no room: the key is not noted. One
    /// whose difference is final already is not noted again.
    pub fn suspect(&self, plan: &Plan, key: Key) -> bool {
        let id = plan.key_id(&key);
        let mut inner = self.inner.lock();
        if inner.suspects.contains_key(&id) || inner.settled.contains(&id) {
            return true;
        }
        if inner.suspects.len() + inner.settled.len() >= self.limit {
            return false;
        }
        inner.suspects.insert(id, key);
        true
    }

    /// Whether there is room for another suspect.
    pub fn has_room(&self) -> bool {
        let inner = self.inner.lock();
        inner.suspects.len() + inner.settled.len() < self.limit
    }

    /// Takes all suspects out, so that there is room again.
    pub fn take_suspects(&self) -> Vec<Key> {
        let suspects = std::mem::take(&mut self.inner.lock().suspects);
        suspects.into_values().collect()
    }

    /// A key's difference is final.
    pub fn settle(&self, plan: &Plan, key: &Key) {
        let id = plan.key_id(key);
        self.inner.lock().settled.insert(id);
    }

    /// Notes that a target row belongs to a source row whose key has other bytes.
    pub fn claim(&self, plan: &Plan, target_key: &Key) {
        let id = plan.key_id(target_key);
        self.inner.lock().claimed.insert(id);
    }

    /// Whether a target row belongs to such a source row.
    pub fn is_claimed(&self, plan: &Plan, target_key: &Key) -> bool {
        let id = plan.key_id(target_key);
        self.inner.lock().claimed.contains(&id)
    }

    /// The counts now.
    pub fn counts(&self) -> Counts {
        let mut counts = self.inner.lock().counts;
        let different = counts.source_only + counts.mismatched;
        counts.consistent = counts.source_rows.saturating_sub(different);
        counts
    }
}
