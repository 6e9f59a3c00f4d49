//! What all workers of a copy share: both servers, the fence, the queue of tables and slices, and
//! what failed.

use super::FullImportWork;
use super::gate::Gate;
use super::meter::Meter;
use super::queue::Queue;
use super::slices::SliceStore;
use crate::component::share::Share;
use crate::component::throttle::Throttle;
use crate::datasource::mysql::Server;
use crate::datasource::mysql::fence::Fence;
use crate::datasource::mysql::stats::TableStats;
use crate::error::Error;
use crate::model::options::FullImportOptions;
use crate::model::table::Table;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::Notify;

/// A table that is copied.
#[derive(Debug)]
pub(super) struct TableJob {
    pub(super) table: Table,
    /// Columns that are read and written.
    pub(super) columns: Vec<usize>,
    pub(super) stats: TableStats,
}

/// What all workers of a copy share.
pub(super) struct Shared {
    pub(super) source: Server,
    pub(super) target: Server,
    pub(super) fence: Fence,
    pub(super) options: FullImportOptions,
    pub(super) throttle: Arc<Throttle>,
    pub(super) gate: Gate,
    pub(super) share: Share,
    pub(super) slices: Arc<dyn SliceStore>,
    pub(super) meter: Meter,
    pub(super) jobs: Vec<Arc<TableJob>>,
    pub(super) queue: Mutex<Queue>,
    /// Woken when a table was cut.
    pub(super) wake: Notify,
    failures: Mutex<Vec<Error>>,
}

impl Shared {
    pub(super) fn new(
        source: Server,
        target: Server,
        fence: Fence,
        work: FullImportWork,
        jobs: Vec<Arc<TableJob>>,
        meter: Meter,
    ) -> Self {
        Self {
            queue: Mutex::new(Queue::new(jobs.len(), work.options.workers)),
            source,
            target,
            fence,
            gate: Gate::new(work.options.workers),
            share: work.shares.join(work.options.workers),
            options: work.options,
            throttle: work.throttle,
            slices: work.slices,
            meter,
            jobs,
            wake: Notify::new(),
            failures: Mutex::new(Vec::new()),
        }
    }

    /// Publishes the figures, and takes over how many slices are copied at the same time: by the
    /// settings, and by the node's other projects.
    pub(super) fn follow(&self) {
        self.meter.publish();
        match self.throttle.width() {
            0 => {}
            most => self.gate.set_most(most),
        }
        self.share.want(self.gate.most());
        self.gate.set_share(self.share.width());
    }

    /// The first table's failure, if any; says how many there are.
    pub(super) fn first_failure(&self) -> Option<Error> {
        let mut failures = self.failures.lock();
        let count = failures.len();
        let first = (count > 0).then(|| failures.swap_remove(0))?;
        if count > 1 {
            tracing::warn!(
                tables = count,
                "several tables failed; the first is reported"
            );
        }
        Some(first)
    }

    /// Notes that a table cannot be copied; the others go on.
    pub(super) fn table_failed(&self, job: &TableJob, error: Error) {
        tracing::warn!(table = %job.table.name, code = error.kind().code(), %error, "table failed");
        self.meter.table_failed(&job.table.name);
        self.failures.lock().push(error);
    }
}
