//! How far the target is, by what Incr-Sync reports to `rm`.

use super::ports::{Passed, Progressed};
use crate::datasource::mysql::binlog::status::log_end;
use crate::datasource::mysql::{Endpoint, Server, Session};
use crate::error::Result;
use crate::metadata::{ComponentType, Metadata};
use crate::model::ids::{ProjectId, TxnId};
use crate::model::position::Position;
use futures::future::BoxFuture;
use std::time::Duration;
use tokio::time::Instant;

/// Incr-Sync writes its progress about twice a second.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// A round of re-checks does not wait longer than this.
const LONGEST: Duration = Duration::from_secs(10);

/// Compares the source's position with the watermark that the project's Incr-Sync reports.
pub struct RmProgressed {
    metadata: Metadata,
    project: ProjectId,
    source: Endpoint,
}

impl RmProgressed {
    /// Of this project.
    pub fn new(metadata: Metadata, project: ProjectId, source: Endpoint) -> Self {
        Self {
            metadata,
            project,
            source,
        }
    }

    async fn watermark(&self) -> Result<Option<TxnId>> {
        let components = self
            .metadata
            .components()
            .list(self.project.as_str())
            .await?;
        Ok(components
            .into_iter()
            .flatten()
            .filter(|c| c.kind == ComponentType::IncrSync)
            .filter_map(|c| {
                let position = c.progress.get("detail")?.get("watermark")?.clone();
                serde_json::from_value::<Position>(position).ok()
            })
            .map(|position| position.txn_id())
            .max())
    }
}

impl Progressed for RmProgressed {
    fn passed_now(&self) -> BoxFuture<'_, Result<Passed>> {
        Box::pin(async move {
            // nobody follows a source that may not even have a log
            if self.watermark().await?.is_none() {
                return Ok(Passed::Unknown);
            }
            let server = Server::open(&self.source).await?;
            let mut conn = server.session(Session::Plain).await?;
            let wanted = log_end(&mut conn, &server).await?.position.txn_id();
            drop(conn);
            let deadline = Instant::now() + LONGEST;
            loop {
                match self.watermark().await? {
                    None => return Ok(Passed::Unknown),
                    Some(reached) if reached >= wanted => return Ok(Passed::Yes),
                    Some(_) if Instant::now() >= deadline => return Ok(Passed::NotYet),
                    Some(_) => tokio::time::sleep(LOOK_EVERY).await,
                }
            }
        })
    }
}
