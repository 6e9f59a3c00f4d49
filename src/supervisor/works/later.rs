//! The log of a project's Store, as its Full-Import asks it for columns.

use super::follow::wait_for_store;
use crate::component::full_import::{Columns, LaterColumns, added_in};
use crate::component::log_source::{AskEnd, OpenLog};
use crate::component::store::StoreHub;
use crate::error::{Error, Kind, Result};
use futures::future::BoxFuture;
use std::time::Duration;

/// The Store may need so long until it has what the source's log has now.
const LOG_WAIT: Duration = Duration::from_secs(60);

/// A project's Store, from its beginning to the source's position now.
pub struct StoreColumns {
    /// Says where the source's log ends.
    pub end: AskEnd,
    /// The node's Stores.
    pub hub: StoreHub,
    /// The project's.
    pub subtopic: String,
    /// Opens its log.
    pub open: OpenLog,
}

impl StoreColumns {
    async fn read(&self, wanted: &Columns) -> Result<Columns> {
        let until = (self.end)().await?.txn_id();
        let start = wait_for_store(&self.hub, &self.subtopic).await?;
        let mut log = (self.open)(start).await?;
        let read = added_in(log.as_mut(), until, wanted);
        tokio::time::timeout(LOG_WAIT, read).await.map_err(|_| {
            Error::new(
                Kind::StoreMissing,
                format!("reading the log of {}", self.subtopic),
            )
            .detail(format!(
                "it is not where the source is after {} s",
                LOG_WAIT.as_secs()
            ))
        })?
    }
}

impl LaterColumns for StoreColumns {
    fn added<'a>(&'a self, wanted: &'a Columns) -> BoxFuture<'a, Result<Columns>> {
        Box::pin(self.read(wanted))
    }
}
