//! The Stores of this node, by subtopic.

use super::live::{LiveStore, missing};
use super::reader::StoreReader;
use crate::error::Result;
use crate::model::position::Position;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;

/// The Stores of this node: works register here, consumers find them here. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct StoreHub {
    stores: Arc<Mutex<HashMap<String, Arc<LiveStore>>>>,
}

impl StoreHub {
    /// A hub without Stores.
    pub fn new() -> Self {
        Self::default()
    }

    /// A reader of everything from a position on; at its end it waits for more. Any number of
    /// readers may read at once.
    ///
    /// Errors: `StoreMissing` while no Store runs for the subtopic; `StorePosition` where the
    /// position is older than what is kept.
    pub async fn open(&self, subtopic: &str, from: &Position) -> Result<StoreReader> {
        let live = self
            .stores
            .lock()
            .get(subtopic)
            .cloned()
            .ok_or_else(|| missing(subtopic))?;
        StoreReader::open(live, from.txn_id()).await
    }

    /// Says how far a consumer has got for good: what is older may be deleted. Must be told again
    /// and again; the newest word counts.
    pub fn checkpoint(&self, subtopic: &str, consumer: &str, position: &Position) {
        if let Some(live) = self.stores.lock().get(subtopic) {
            live.consumer_is_at(consumer, position.txn_id());
        }
    }

    /// A consumer is gone for good: nothing is kept for it.
    pub fn forget(&self, subtopic: &str, consumer: &str) {
        if let Some(live) = self.stores.lock().get(subtopic) {
            live.forget_consumer(consumer);
        }
    }

    /// Nothing is kept for anybody else than these.
    pub fn keep_only(&self, subtopic: &str, consumers: &[String]) {
        if let Some(live) = self.stores.lock().get(subtopic) {
            for consumer in live.consumers().into_keys() {
                if !consumers.contains(&consumer) {
                    live.forget_consumer(&consumer);
                }
            }
        }
    }

    /// The oldest and the newest position that a Store holds; None while none runs.
    pub fn range(&self, subtopic: &str) -> Option<(Position, Position)> {
        let live = self.stores.lock().get(subtopic).cloned()?;
        let published = live.published()?;
        Some((live.first().ok()?, (*published.tip).clone()))
    }

    /// The position at which a Store began; None while none runs.
    pub fn start(&self, subtopic: &str) -> Option<Position> {
        self.stores.lock().get(subtopic)?.start()
    }

    /// A Store's folder is gone: what is known of it says nothing about the next one of that name.
    pub fn forget_store(&self, subtopic: &str) {
        self.stores.lock().remove(subtopic);
    }

    pub(super) fn register(&self, subtopic: &str) -> Arc<LiveStore> {
        self.stores
            .lock()
            .entry(subtopic.to_owned())
            .or_insert_with(|| Arc::new(LiveStore::new(subtopic)))
            .clone()
    }
}
