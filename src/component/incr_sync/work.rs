//! Incr-Sync as a component's work.

use super::ddl::{DdlApplier, DdlTasks};
use super::engine::Engine;
use super::lane::{Lane, Retry};
use super::target::{Claim, Target};
use super::window::Applied;
use crate::component::contract::{Context, Finish, Work, cancelled_is_fine};
use crate::component::log_source::LogSource;
use crate::error::Result;
use crate::model::filter::ObjectFilter;
use crate::model::ids::TxnId;
use crate::model::options::IncrSyncOptions;
use crate::model::position::Position;
use crate::model::table::TableName;
use futures::future::BoxFuture;
use std::collections::HashMap;
use std::sync::Arc;

/// Opens the log behind a position.
pub type OpenLog =
    Arc<dyn Fn(Position) -> BoxFuture<'static, Result<Box<dyn LogSource>>> + Send + Sync>;

/// What an Incr-Sync needs to know.
pub struct Settings {
    /// Where a first run begins: the position that was fixed before the copy. Later runs go on
    /// from the progress kept at the target.
    pub start: Position,
    /// Tables whose copy was a consistent read at a position (those without a key): their changes
    /// in front of it are not applied.
    pub table_starts: HashMap<TableName, Position>,
    /// Which tables are in scope.
    pub filter: ObjectFilter,
    /// Lanes and sizes.
    pub options: IncrSyncOptions,
    /// Applies DDL.
    pub ddl: Arc<dyn DdlApplier>,
    /// Where DDL that can't be applied is recorded.
    pub ddl_tasks: Arc<dyn DdlTasks>,
    /// Ends with [`Finish::Done`] once everything in front of this position is applied and nothing
    /// behind it.
    pub stop_at: Option<Position>,
    /// How failures that may pass are tried again.
    pub retry: Retry,
}

impl Settings {
    /// Whether what the log says of this table at `id` is to be applied: the table is in scope,
    /// and was not copied at a position behind it.
    pub fn concerns(&self, table: &TableName, id: TxnId) -> bool {
        let copied_behind = self
            .table_starts
            .get(table)
            .is_some_and(|start| id < start.txn_id());
        !copied_behind && self.filter.matches(table)
    }
}

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
        let lanes = self.settings.options.lanes.max(1);
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
        let mut engine = Engine::new(self.settings, context, lanes, taken.watermark, remembered);
        engine.run(source.as_mut()).await
    }
}

impl Work for IncrSyncWork {
    fn run(self: Box<Self>, context: Context) -> BoxFuture<'static, Result<Finish>> {
        Box::pin(async move { cancelled_is_fine(self.work(context).await) })
    }
}
