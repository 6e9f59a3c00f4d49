//! How far the target is, by what Incr-Sync reports to `rm`.

use super::ports::{Passed, Progressed};
use crate::component::log_source::AskEnd;
use crate::datasource::mysql::{Endpoint, log_way};
use crate::error::Result;
use crate::metadata::{ComponentType, Metadata, StepName};
use crate::model::ids::{ProjectId, TxnId};
use crate::model::position::Position;
use futures::future::BoxFuture;
use std::sync::Arc;
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
    by: StepName,
    end: AskEnd,
}

impl RmProgressed {
    /// Of this project, on its way forth.
    pub fn new(metadata: Metadata, project: ProjectId, source: Endpoint) -> Self {
        Self {
            end: Arc::new(move || Box::pin(end_of(source.clone()))),
            metadata,
            project,
            by: StepName::IncrTransfer,
        }
    }

    /// Asks so where the log ends: one that is served elsewhere than where the rows are has to be asked
    /// with care.
    #[must_use]
    pub fn asking(mut self, end: AskEnd) -> Self {
        self.end = end;
        self
    }

    /// The same of the way back: `source` is the server that it follows.
    #[must_use]
    pub fn of_the_way_back(mut self) -> Self {
        self.by = StepName::ReverseIncrTransfer;
        self
    }

    /// How far the source was followed, as far as that is known; the outer `None`: nobody follows. One
    /// that has just started has said nothing yet, but what it had reached before counts.
    pub async fn watermark(&self) -> Result<Option<Option<TxnId>>> {
        let steps = self.metadata.steps().list(self.project.as_str()).await?;
        let mut steps = steps.into_iter().flatten();
        let Some(step) = steps.find(|step| step.name == self.by) else {
            return Ok(None);
        };
        let components = self
            .metadata
            .components()
            .list(self.project.as_str())
            .await?;
        let mut follows = components
            .into_iter()
            .flatten()
            .filter(|c| c.kind == ComponentType::IncrSync && c.step_id == step.id)
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

async fn end_of(source: Endpoint) -> Result<Position> {
    log_way::end(&source).await
}

impl Progressed for RmProgressed {
    fn passed_now(&self) -> BoxFuture<'_, Result<Passed>> {
        Box::pin(async move {
            // nobody follows a source that may not even have a log
            if self.watermark().await?.is_none() {
                return Ok(Passed::Unknown);
            }
            let wanted = (self.end)().await?.txn_id();
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

#[cfg(test)]
#[path = "progressed_tests.rs"]
mod tests;
