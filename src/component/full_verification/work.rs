//! The work of a Full-Verification: all tables, some at the same time; those that an earlier start
//! of the same run finished are not compared again.

use super::outcome::{ResultType, TableOutcome};
use super::ports::{Progressed, TablePair, TableProvider, VerifyLog};
use super::shared::Shared;
use super::sides::Sides;
use super::table_run::{Estimate, run_table};
use super::writer::Writers;
use crate::component::contract::{
    Assignment, Context, Finish, ProgressCell, Work, cancelled_is_fine,
};
use crate::component::share::Shares;
use crate::datasource::mysql::stats::table_stats;
use crate::datasource::mysql::{Endpoint, Server, Session};
use crate::error::{Error, Kind, Result};
use crate::model::options::FullVerificationOptions;
use crate::model::table::TableName;
use futures::future::BoxFuture;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::task::JoinSet;

/// Compares all tables of a project.
pub struct FullVerificationWork {
    /// The source.
    pub source: Endpoint,
    /// The target.
    pub target: Endpoint,
    /// The tables.
    pub tables: Arc<dyn TableProvider>,
    /// Settings.
    pub options: FullVerificationOptions,
    /// Folder under which `verify/<sub_id>/…` is written.
    pub dir: PathBuf,
    /// Number of this run, from 1.
    pub sub_id: u32,
    /// Keeps the results of this run.
    pub log: Arc<dyn VerifyLog>,
    /// Tells how far the target is.
    pub progressed: Arc<dyn Progressed>,
    /// The node's turns.
    pub shares: Shares,
}

impl Work for FullVerificationWork {
    fn run(self: Box<Self>, context: Context) -> BoxFuture<'static, Result<Finish>> {
        Box::pin(async move {
            let all = self.verify(context.assignment.clone(), Arc::clone(context.progress()));
            let result = tokio::select! {
                () = context.cancelled() => Ok(Finish::Cancelled),
                result = all => result,
            };
            cancelled_is_fine(result)
        })
    }
}

impl FullVerificationWork {
    async fn verify(self, assignment: Assignment, progress: Arc<ProgressCell>) -> Result<Finish> {
        let source = Server::open(&self.source).await?;
        let target = Server::open(&self.target).await?;
        let pairs = self.tables.tables().await?;
        let estimates = estimates(&source, &pairs).await?;
        let mut overview = Overview::new(&pairs, self.log.finished().await?);
        let workers = self.options.workers.max(1);
        tracing::info!(
            project = %assignment.project,
            tables = pairs.len(),
            workers,
            "full verification begins"
        );
        let sides = Sides::new(source, target, workers, &self.shares);
        let role = format!("{}/full_verification", assignment.project);
        let writers = match self.options.correct {
            true => Some(Writers::open(&sides, &role, assignment.epoch, workers).await?),
            false => None,
        };
        let shared = Arc::new(Shared {
            sides,
            writers,
            options: self.options,
            dir: self.dir,
            sub_id: self.sub_id,
            tables: self.tables,
            log: self.log,
            progressed: self.progressed,
            progress: Arc::clone(&progress),
        });
        overview.begin(&progress, &estimates);
        let mut waiting: VecDeque<TablePair> = pairs
            .into_iter()
            .filter(|pair| !overview.is_done(&pair.source.name))
            .collect();
        let mut running = JoinSet::new();
        loop {
            while running.len() < workers
                && let Some(pair) = waiting.pop_front()
            {
                let estimate = estimates
                    .get(&pair.source.name)
                    .copied()
                    .unwrap_or_default();
                let shared = Arc::clone(&shared);
                running.spawn(async move { run_table(&shared, &pair, estimate).await });
            }
            let Some(joined) = running.join_next().await else {
                break;
            };
            let panicked = |e| Error::new(Kind::Panicked, "comparing a table").detail(e);
            let (outcome, failure) = joined.map_err(panicked)??;
            overview.add(outcome, &progress);
            if let Some(failure) = failure {
                overview.fail(failure)?;
            }
        }
        overview.end()
    }
}

/// What is known of all tables.
struct Overview {
    done: BTreeSet<TableName>,
    tables: usize,
    inconsistencies: u64,
    corrected: u64,
    not_equal: u64,
    failures: Vec<Error>,
}

impl Overview {
    fn new(pairs: &[TablePair], finished: Vec<TableOutcome>) -> Self {
        let mut overview = Self {
            done: BTreeSet::new(),
            tables: pairs.len(),
            inconsistencies: 0,
            corrected: 0,
            not_equal: 0,
            failures: Vec::new(),
        };
        for outcome in finished {
            if !matches!(
                outcome.result,
                ResultType::RuntimeException | ResultType::Running
            ) {
                overview.count(outcome);
            }
        }
        overview
    }

    fn is_done(&self, table: &TableName) -> bool {
        self.done.contains(table)
    }

    fn count(&mut self, outcome: TableOutcome) {
        self.inconsistencies += outcome.counts.differences();
        self.corrected += outcome.counts.corrected;
        self.not_equal += u64::from(!outcome.result.is_equal());
        self.done.insert(outcome.source);
    }

    fn begin(&self, progress: &ProgressCell, estimates: &HashMap<TableName, Estimate>) {
        let rows = |(_, e): (&TableName, &Estimate)| e.rows;
        progress.set_total(estimates.iter().map(rows).sum());
        let finished = estimates.iter().filter(|(name, _)| self.is_done(name));
        progress.set_done(finished.map(rows).sum(), 0);
        self.show(progress);
    }

    fn add(&mut self, outcome: TableOutcome, progress: &ProgressCell) {
        tracing::info!(
            table = %outcome.source,
            result = outcome.result.name(),
            rows = outcome.counts.source_rows,
            differences = outcome.counts.differences(),
            corrected = outcome.counts.corrected,
            "a table was compared"
        );
        self.count(outcome);
        self.show(progress);
    }

    fn show(&self, progress: &ProgressCell) {
        progress.set_detail("inconsistencies", self.inconsistencies);
        progress.set_detail("corrected", self.corrected);
        progress.set_detail("tables", self.tables);
        progress.set_detail("tables_compared", self.done.len());
        progress.set_detail("tables_not_equal", self.not_equal);
        progress.set_detail("tables_failed", self.failures.len());
    }

    /// Notes that a table could not be compared; the error comes back where it concerns all tables.
    fn fail(&mut self, error: Error) -> Result<()> {
        let concerns_all = matches!(
            error.kind(),
            Kind::Unreachable
                | Kind::HostUnknown
                | Kind::AccessDenied
                | Kind::Interrupted
                | Kind::Fenced
        );
        if concerns_all {
            return Err(error);
        }
        self.failures.push(error);
        Ok(())
    }

    fn end(mut self) -> Result<Finish> {
        let failed = self.failures.len();
        if failed <= 1 {
            return self.failures.pop().map_or(Ok(Finish::Done), Err);
        }
        // if all of them may pass, so may the whole
        let transient = self.failures.iter().all(Error::is_transient);
        let kind = if transient {
            Kind::ServerBusy
        } else {
            Kind::VerifyFailed
        };
        let text: Vec<String> = self
            .failures
            .iter()
            .take(10)
            .map(ToString::to_string)
            .collect();
        Err(
            Error::new(kind, format!("{failed} tables could not be compared"))
                .detail(text.join("\n")),
        )
    }
}

/// About how large the tables are, by the source's statistics.
async fn estimates(source: &Server, pairs: &[TablePair]) -> Result<HashMap<TableName, Estimate>> {
    let schemas: BTreeSet<&str> = pairs
        .iter()
        .map(|p| p.source.name.schema.as_str())
        .collect();
    let schemas: Vec<&str> = schemas.into_iter().collect();
    let mut conn = source.session(Session::Plain).await?;
    let all = table_stats(source, &mut conn, &schemas).await?;
    Ok(pairs
        .iter()
        .filter_map(|p| {
            let stats = all.get(&p.source.name)?;
            let estimate = Estimate {
                rows: stats.rows,
                row_bytes: stats.row_bytes,
            };
            Some((p.source.name.clone(), estimate))
        })
        .collect())
}
