//! A project's Store, which keeps what the project's Incr-Sync has not applied yet.

use super::Parts;
use crate::actor::work::{Context, Finish, Work};
use crate::error::Result;
use futures::future::BoxFuture;
use std::time::Duration;

const LOOK_EVERY: Duration = Duration::from_millis(500);

/// A Store whose log is kept from its beginning until the Incr-Sync says how far it is: the copy
/// in between may take longer than logs are kept otherwise.
pub struct KeptStore {
    parts: Parts,
}

impl KeptStore {
    /// The Store of this project.
    pub fn new(parts: Parts) -> Self {
        Self { parts }
    }
}

impl Work for KeptStore {
    fn run(self: Box<Self>, context: Context) -> BoxFuture<'static, Result<Finish>> {
        Box::pin(async move {
            let parts = self.parts;
            let work: Box<dyn Work> = Box::new(parts.store());
            let mut work = work.run(context);
            loop {
                tokio::select! {
                    end = &mut work => return end,
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                }
                if let Some(start) = parts.hub.start(&parts.subtopic) {
                    parts
                        .hub
                        .checkpoint(&parts.subtopic, &parts.consumer(), &start);
                    if parts.config.options.incr_verification.enabled {
                        let consumer = parts.verifying_consumer();
                        parts.hub.checkpoint(&parts.subtopic, &consumer, &start);
                    }
                    break;
                }
            }
            work.await
        })
    }
}
