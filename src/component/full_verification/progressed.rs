//! How far the target is, by what Incr-Sync reports to `rm`.

use super::ports::{Passed, Progressed};
use crate::datasource::mysql::{Endpoint, log_way};
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

    /// How far the source was followed, as far as that is known; the outer `None`: nobody follows. One
    /// that has just started has said nothing yet, but what it had reached before counts.
    async fn watermark(&self) -> Result<Option<Option<TxnId>>> {
        let components = self
            .metadata
            .components()
            .list(self.project.as_str())
            .await?;
        let mut follows = components
            .into_iter()
            .flatten()
            .filter(|c| c.kind == ComponentType::IncrSync)
            .peekable();
        if follows.peek().is_none() {
            return Ok(None);
        }
        let reached = follows.filter_map(|c| {
            let told = c.progress.get("detail").and_then(|d| d.get("watermark"));
            let position =
                |json: &serde_json::Value| serde_json::from_value::<Position>(json.clone()).ok();
            told.and_then(position).or_else(|| position(&c.checkpoint))
        });
        Ok(Some(reached.map(|position| position.txn_id()).max()))
    }
}

impl Progressed for RmProgressed {
    fn passed_now(&self) -> BoxFuture<'_, Result<Passed>> {
        Box::pin(async move {
            // nobody follows a source that may not even have a log
            if self.watermark().await?.is_none() {
                return Ok(Passed::Unknown);
            }
            let wanted = log_way::end(&self.source).await?.txn_id();
            let deadline = Instant::now() + LONGEST;
            loop {
                match self.watermark().await? {
                    None => return Ok(Passed::Unknown),
                    Some(Some(reached)) if reached >= wanted => return Ok(Passed::Yes),
                    Some(_) if Instant::now() >= deadline => return Ok(Passed::NotYet),
                    Some(_) => tokio::time::sleep(LOOK_EVERY).await,
                }
            }
        })
    }
}
