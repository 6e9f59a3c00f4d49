//! A project's Store, which keeps what the project's Incr-Sync has not applied yet.

use super::{Parts, consumer_of, verifying_consumer_of};
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

/// Whom the log is kept for. The Store of a sub-project takes the place of the parent's when they are
/// merged, so it keeps what the parent will need from its beginning on.
fn consumers(parts: &Parts) -> Vec<String> {
    let mut consumers = vec![parts.consumer()];
    if parts.config.options.incr_verification.enabled {
        consumers.push(parts.verifying_consumer());
    }
    if let Some(joins) = &parts.config.modified.joins {
        consumers.push(consumer_of(&joins.project));
        consumers.push(verifying_consumer_of(&joins.project));
    }
    consumers
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
                    let consumers = consumers(&parts);
                    for consumer in &consumers {
                        parts.hub.checkpoint(&parts.subtopic, consumer, &start);
                    }
                    // a Store that came with a merge kept the log for the sub-project too
                    parts.hub.keep_only(&parts.subtopic, &consumers);
                    break;
                }
            }
            work.await
        })
    }
}
