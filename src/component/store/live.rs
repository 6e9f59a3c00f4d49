//! A running Store as its readers see it: its segments, and how far they may read.

use super::segment::Segments;
use crate::error::{Error, Kind, Result};
use crate::model::ids::TxnId;
use crate::model::position::Position;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::{Notify, watch};

/// How far the log may be read.
#[derive(Debug, Clone)]
pub(super) struct Published {
    /// Grows when what was published is cut again, because it was broken.
    pub generation: u64,
    /// The segment that is written to.
    pub segment: u64,
    /// Where its last whole transaction ends.
    pub offset: u64,
    /// The place in the source's log there.
    pub tip: Arc<Position>,
}

/// A broken frame that a reader met: all from there on must be pulled again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Damage {
    pub segment: u64,
    pub offset: u64,
}

/// A Store, shared by its work and its readers. It outlives the work: while the work is started
/// anew, readers wait.
#[derive(Debug)]
pub(super) struct LiveStore {
    pub subtopic: String,
    dir: Mutex<PathBuf>,
    start: Mutex<Option<Position>>,
    pub segments: Mutex<Segments>,
    published: watch::Sender<Option<Published>>,
    consumers: Mutex<BTreeMap<String, TxnId>>,
    damage: Mutex<Option<Damage>>,
    /// Says that `damage` is set.
    pub damaged: Notify,
}

impl LiveStore {
    pub fn new(subtopic: &str) -> Self {
        Self {
            subtopic: subtopic.to_owned(),
            dir: Mutex::new(PathBuf::new()),
            start: Mutex::new(None),
            segments: Mutex::new(Segments::new()),
            published: watch::Sender::new(None),
            consumers: Mutex::new(BTreeMap::new()),
            damage: Mutex::new(None),
            damaged: Notify::new(),
        }
    }

    pub fn dir(&self) -> PathBuf {
        self.dir.lock().clone()
    }

    pub fn start(&self) -> Option<Position> {
        self.start.lock().clone()
    }

    pub fn set_start(&self, start: Position) {
        *self.start.lock() = Some(start);
    }

    /// Shows what a folder holds. Readers go on where they are if all that they may have read is
    /// still there; else they are told to begin again.
    pub fn attach(&self, dir: PathBuf, segments: Segments, current: u64, end: u64, tip: Position) {
        *self.dir.lock() = dir;
        *self.segments.lock() = segments;
        self.published.send_modify(|published| {
            let generation = match published {
                None => 0,
                Some(old) if (old.segment, old.offset) <= (current, end) => old.generation,
                Some(old) => old.generation + 1,
            };
            *published = Some(Published {
                generation,
                segment: current,
                offset: end,
                tip: Arc::new(tip),
            });
        });
        *self.damage.lock() = None;
    }

    /// Shows more.
    pub fn publish(&self, segment: u64, offset: u64, tip: Arc<Position>) {
        if let Some(entry) = self.segments.lock().get_mut(&segment) {
            entry.bytes = offset;
        }
        self.published.send_modify(|published| {
            let generation = published.as_ref().map_or(0, |p| p.generation);
            *published = Some(Published {
                generation,
                segment,
                offset,
                tip,
            });
        });
    }

    pub fn watch(&self) -> watch::Receiver<Option<Published>> {
        self.published.subscribe()
    }

    pub fn published(&self) -> Option<Published> {
        self.published.borrow().clone()
    }

    /// A reader met a broken frame.
    pub fn report_damage(&self, damage: Damage) {
        let mut held = self.damage.lock();
        if held.is_none_or(|old| (damage.segment, damage.offset) < (old.segment, old.offset)) {
            *held = Some(damage);
        }
        drop(held);
        self.damaged.notify_one();
    }

    pub fn damage(&self) -> Option<Damage> {
        *self.damage.lock()
    }

    pub fn set_consumers(&self, consumers: BTreeMap<String, TxnId>) {
        let mut held = self.consumers.lock();
        for (name, id) in consumers {
            held.entry(name).or_insert(id);
        }
    }

    pub fn consumers(&self) -> BTreeMap<String, TxnId> {
        self.consumers.lock().clone()
    }

    pub fn consumer_is_at(&self, consumer: &str, id: TxnId) {
        let mut consumers = self.consumers.lock();
        match consumers.get_mut(consumer) {
            Some(held) => *held = id,
            None => {
                consumers.insert(consumer.to_owned(), id);
            }
        }
    }

    pub fn forget_consumer(&self, consumer: &str) {
        self.consumers.lock().remove(consumer);
    }

    /// The oldest place that a consumer may still ask for.
    pub fn slowest_consumer(&self) -> Option<TxnId> {
        self.consumers.lock().values().min().copied()
    }

    /// Bytes and number of the segments.
    pub fn size(&self) -> (u64, usize) {
        let segments = self.segments.lock();
        (segments.values().map(|s| s.bytes).sum(), segments.len())
    }

    /// The oldest place that is kept.
    pub fn first(&self) -> Result<Position> {
        self.segments
            .lock()
            .values()
            .next()
            .map(|segment| segment.base.clone())
            .ok_or_else(|| missing(&self.subtopic))
    }
}

/// The error for a subtopic without a Store.
pub(super) fn missing(subtopic: &str) -> Error {
    Error::new(Kind::StoreMissing, format!("reading subtopic {subtopic}"))
        .detail("no active store under the topic")
}
