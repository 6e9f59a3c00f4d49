//! Full-Verification of a schema that nobody writes to.

use super::common::{Figures, context, cpu_seconds, peak_memory};
use futures::future::BoxFuture;
use oms::component::contract::Work;
use oms::component::full_verification::{
    Counts, Difference, FullVerificationWork, Passed, Progressed, TableOutcome, TablePair,
    TableProvider, VerifyLog,
};
use oms::component::share::Shares;
use oms::datasource::mysql::Endpoint;
use oms::datasource::mysql::binlog::source::Source;
use oms::error::Result;
use oms::model::options::FullVerificationOptions;
use oms::model::table::TableName;
use serde_json::json;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

#[derive(clap::Args)]
pub struct Verify {
    /// URL of the source.
    #[arg(long)]
    source: String,
    /// URL of the target.
    #[arg(long)]
    target: String,
    /// The database, of the same name on both sides.
    #[arg(long)]
    schema: String,
    /// Folder for correction files.
    #[arg(long)]
    dir: PathBuf,
    /// Settings of Full-Verification that differ from the defaults, JSON.
    #[arg(long, default_value = "{}")]
    options: String,
}

pub struct Fixed(pub Vec<TablePair>);

impl TableProvider for Fixed {
    fn tables(&self) -> BoxFuture<'_, Result<Vec<TablePair>>> {
        Box::pin(async { Ok(self.0.clone()) })
    }
}

pub struct AtRest;

impl Progressed for AtRest {
    fn passed_now(&self) -> BoxFuture<'_, Result<Passed>> {
        Box::pin(async { Ok(Passed::Yes) })
    }
}

#[derive(Default)]
struct Counting {
    rows: AtomicU64,
    differences: AtomicU64,
}

impl VerifyLog for Counting {
    fn finished(&self) -> BoxFuture<'_, Result<Vec<TableOutcome>>> {
        Box::pin(async { Ok(Vec::new()) })
    }
    fn begin<'a>(&'a self, _: &'a TablePair) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }
    fn progress<'a>(&'a self, _: &'a TableName, _: Counts, _: u64) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }
    fn differences<'a>(
        &'a self,
        _: &'a TableName,
        _: &'a [Difference],
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }
    fn corrected<'a>(&'a self, _: &'a TableName, _: &'a [String]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }
    fn finish<'a>(&'a self, outcome: &'a TableOutcome) -> BoxFuture<'a, Result<()>> {
        let counts = &outcome.counts;
        self.rows.fetch_add(counts.source_rows, Ordering::Relaxed);
        let differences = counts.differences();
        self.differences.fetch_add(differences, Ordering::Relaxed);
        Box::pin(async { Ok(()) })
    }
}

impl Verify {
    pub async fn run(self) -> Figures {
        let mut source = Source::open(&Endpoint::parse(&self.source)?).await?;
        let mut pairs = Vec::new();
        for (name, table) in source.tables(&self.schema).await? {
            pairs.push(TablePair {
                source: Arc::new(table?),
                target: name,
            });
        }
        let log = Arc::new(Counting::default());
        let work = FullVerificationWork {
            source: Endpoint::parse(&self.source)?,
            target: Endpoint::parse(&self.target)?,
            tables: Arc::new(Fixed(pairs)),
            options: serde_json::from_str::<FullVerificationOptions>(&self.options)?,
            dir: self.dir,
            sub_id: 1,
            log: log.clone(),
            progressed: Arc::new(AtRest),
            shares: Shares::default(),
        };
        let (context, _, _) = context(1);
        let (cpu, begun) = (cpu_seconds(), Instant::now());
        Box::new(work).run(context).await?;
        let seconds = begun.elapsed().as_secs_f64();
        Ok(json!({
            "seconds": seconds, "cpu_seconds": cpu_seconds() - cpu, "peak_memory": peak_memory(),
            "rows": log.rows.load(Ordering::Relaxed),
            "differences": log.differences.load(Ordering::Relaxed),
        }))
    }
}
