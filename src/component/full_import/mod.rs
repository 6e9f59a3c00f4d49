//! Full-Import: copies what was in the tables when the project began.
//!
//! Each table is cut into slices by its key ([`plan`]); a number of workers ([`worker`]) take slices
//! of all tables and copy them ([`copy`]): a reader streams rows out of the source while a writer puts
//! the rows before them into the target. Slices and their states are kept in `rm` through a
//! [`SliceStore`], so that whoever goes on after a crash copies at most one slice for each worker
//! again.
//!
//! Slices are read at different times while the application writes, so the copy alone is not
//! consistent. It need not be: the log begins before the copy, and replaying it writes every row that
//! changed since then again. That does not hold for a table without a key; such a table is one slice,
//! read in one snapshot whose log position stands in the slice's info, and copied from the start
//! after a crash.

mod batch_size;
mod copy;
mod gate;
mod meter;
mod plan;
mod queue;
mod rm;
mod shared;
mod slices;
mod worker;

pub use rm::{RmSlices, keyless_positions};
pub use slices::{Slice, SliceInfo, SliceState, SliceStore, TableProvider};

use crate::component::contract::{Context, Finish, Work, cancelled_is_fine};
use crate::component::share::Shares;
use crate::component::throttle::Throttle;
use crate::datasource::mysql::fence::Fence;
use crate::datasource::mysql::stats::table_stats;
use crate::datasource::mysql::{Endpoint, Server, Session};
use crate::error::{Error, Kind, Result};
use crate::model::options::FullImportOptions;
use crate::model::table::Table;
use futures::future::BoxFuture;
use meter::Meter;
use shared::{Shared, TableJob};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// The copy of a project's tables.
#[derive(Clone)]
pub struct FullImportWork {
    /// Where to read.
    pub source: Endpoint,
    /// Where to write. The tables are there, with their primary and unique keys.
    pub target: Endpoint,
    /// Which tables.
    pub tables: Arc<dyn TableProvider>,
    /// Settings.
    pub options: FullImportOptions,
    /// Limits what is read each second.
    pub throttle: Arc<Throttle>,
    /// The node's turns.
    pub shares: Shares,
    /// What is kept about slices.
    pub slices: Arc<dyn SliceStore>,
}

impl Work for FullImportWork {
    fn run(self: Box<Self>, context: Context) -> BoxFuture<'static, Result<Finish>> {
        Box::pin(async move { cancelled_is_fine(self.copy(&context).await) })
    }
}

/// So often the copy begins anew, at most, because definitions changed meanwhile.
const CHANGES: u32 = 5;

/// How often the figures are refreshed.
const TICK: Duration = Duration::from_millis(500);

impl FullImportWork {
    /// Copies all tables; again with the definitions that the source has then, where something was not
    /// there by name and they are others than before: a column was dropped in the midst of the copy. What
    /// is copied already stays: the statement that dropped it is in the log, behind the copy's beginning.
    async fn copy(self, context: &Context) -> Result<Finish> {
        let mut tables = self.definitions(context).await?;
        let mut changes = 0;
        loop {
            let copied = self.clone().copy_all(context, tables.clone()).await;
            let missing = matches!(&copied, Err(error) if error.kind() == Kind::ObjectMissing);
            if !missing || changes == CHANGES {
                return copied;
            }
            let now = self.definitions(context).await?;
            if !have_changed(&tables, &now) {
                return copied;
            }
            tracing::info!("definitions changed: they are read anew");
            tables = now;
            changes += 1;
        }
    }

    /// The tables as they are now.
    async fn definitions(&self, context: &Context) -> Result<Vec<Table>> {
        tokio::select! {
            biased;
            () = context.cancelled() => context.check().map(|()| Vec::new()),
            tables = self.tables.tables() => tables,
        }
    }

    async fn copy_all(self, context: &Context, tables: Vec<Table>) -> Result<Finish> {
        let shared = tokio::select! {
            biased;
            () = context.cancelled() => return Ok(Finish::Cancelled),
            shared = self.prepare(context, tables) => Arc::new(shared?),
        };
        let mut workers = JoinSet::new();
        for lane in 0..shared.options.workers.max(1) {
            workers.spawn(worker::run(shared.clone(), lane));
        }
        let mut tick = tokio::time::interval(TICK);
        let outcome = loop {
            tokio::select! {
                ended = workers.join_next() => match ended {
                    None => break Ok(()),
                    Some(Ok(Ok(()))) => {}
                    Some(Ok(Err(error))) => break Err(error),
                    Some(Err(join)) => break Err(
                        Error::new(Kind::Panicked, "copying tables").caused_by(join)
                    ),
                },
                () = context.cancelled() => break context.check(),
                _ = tick.tick() => shared.follow(),
            }
        };
        // what is under way is rolled back by its target session's end
        workers.shutdown().await;
        shared.meter.publish();
        outcome?;
        match shared.first_failure() {
            Some(error) => Err(error),
            None => Ok(Finish::Done),
        }
    }

    async fn prepare(self, context: &Context, tables: Vec<Table>) -> Result<Shared> {
        let source = Server::open(&self.source).await?;
        let target = Server::open(&self.target).await?;
        let assignment = &context.assignment;
        let workers = self.options.workers.max(1);
        let mut conn = target.session(Session::Plain).await?;
        let role = format!("{}/full_import", assignment.project);
        let fence = Fence::acquire(&mut conn, &target, &role, assignment.epoch, workers).await?;
        drop(conn);
        let jobs = table_jobs(&source, tables).await?;
        tracing::info!(
            project = %assignment.project,
            tables = jobs.len(),
            epoch = assignment.epoch,
            workers,
            "full import begins"
        );
        let meter = Meter::new(
            context.progress().clone(),
            jobs.iter()
                .map(|job| (job.table.name.clone(), job.stats.rows)),
        );
        Ok(Shared::new(source, target, fence, self, jobs, meter))
    }
}

/// Whether a table is gone, or has other columns.
fn have_changed(before: &[Table], now: &[Table]) -> bool {
    let as_it_was = |table: &Table| {
        let found = now.iter().find(|t| t.name == table.name);
        found.is_some_and(|t| t.columns == table.columns)
    };
    !before.iter().all(as_it_was)
}

async fn table_jobs(source: &Server, tables: Vec<Table>) -> Result<Vec<Arc<TableJob>>> {
    let schemas: BTreeSet<_> = tables.iter().map(|t| t.name.schema.clone()).collect();
    let schemas: Vec<_> = schemas.iter().map(String::as_str).collect();
    let mut conn = source.session(Session::Plain).await?;
    let mut stats = table_stats(source, &mut conn, &schemas).await?;
    Ok(tables
        .into_iter()
        .map(|table| {
            Arc::new(TableJob {
                stats: stats.remove(&table.name).unwrap_or_default(),
                columns: table.written_columns(),
                table,
            })
        })
        .collect())
}
