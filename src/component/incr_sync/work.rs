//! Incr-Sync as a component's work.

use super::engine::Engine;
use super::lane::Lane;
use super::settings::Settings;
use super::target::{Claim, Target};
use super::window::Applied;
use crate::component::contract::{Context, Finish, Work, cancelled_is_fine};
use crate::component::log_source::OpenLog;
use crate::error::Result;
use crate::model::options::TransactionMode;
use futures::future::BoxFuture;
use std::sync::Arc;

/// The work: follows the log and applies it to the target.
pub struct IncrSyncWork {
    target: Arc<dyn Target>,
    open_log: OpenLog,
    settings: Arc<Settings>,
}

impl IncrSyncWork {
    /// A work that applies the log to `target`, which knows the key of the progress rows.
    pub fn new(target: Arc<dyn Target>, open_log: OpenLog, settings: Settings) -> Self {
        Self {
            target,
            open_log,
            settings: Arc::new(settings),
        }
    }

    async fn work(self, context: Context) -> Result<Finish> {
        let options = &self.settings.options;
        let lanes = match options.transaction_mode {
            TransactionMode::Eventual => options.lanes.max(1),
            // one after another: a second lane would only wait
            TransactionMode::Atomic => 1,
        };
        let epoch = context.assignment.epoch;
        let claim = Claim {
            epoch,
            lanes,
            start: self.settings.start.clone(),
        };
        let taken = tokio::select! {
            taken = self.target.take_over(claim) => taken?,
            () = context.cancelled() => return Ok(Finish::Cancelled),
        };
        tracing::info!(
            component = %context.assignment.component,
            epoch,
            lanes,
            position = %taken.watermark.position,
            "incr-sync begins"
        );
        let mut source = (self.open_log)(taken.watermark.position.clone()).await?;
        let mut inherited = taken.applied.clone();
        let lanes = (0..lanes)
            .map(|index| {
                Lane::new(
                    index,
                    epoch,
                    taken.commits.get(index).copied().unwrap_or(0),
                    std::mem::take(&mut inherited),
                    Arc::clone(&self.target),
                    self.settings.retry,
                )
            })
            .collect();
        let remembered: Applied = taken.applied;
        let mut engine = Engine::new(
            self.settings,
            self.open_log,
            context,
            lanes,
            taken.watermark,
            remembered,
        );
        engine.run(source.as_mut()).await
    }
}

impl Work for IncrSyncWork {
    fn run(self: Box<Self>, context: Context) -> BoxFuture<'static, Result<Finish>> {
        Box::pin(async move { cancelled_is_fine(self.work(context).await) })
    }
}
