//! Incr-Sync alone: the Store holds everything before the clock starts.

use super::behind::Behind;
use super::common::{Figures, SUBTOPIC, Store, context, cpu_seconds, filter, peak_memory};
use oms::component::contract::Work;
use oms::component::incr_sync::{
    DdlTaskState, DdlTasks, IncrSyncWork, MOST_CLAIMS, MySqlDdl, MySqlTarget, OpenLog, Retry,
    Settings,
};
use oms::component::log_source::LogSource;
use oms::datasource::mysql::ddl::family;
use oms::datasource::mysql::{Endpoint, Server};
use oms::model::ids::TxnId;
use oms::model::options::{IncrSyncOptions, StoreOptions};
use oms::model::position::Position;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

#[derive(clap::Args)]
pub struct Apply {
    /// URL of the source.
    #[arg(long)]
    source: String,
    /// URL of the target.
    #[arg(long)]
    target: String,
    /// Tables, as a pattern.
    #[arg(long)]
    include: String,
    /// Where to begin, JSON.
    #[arg(long)]
    start: String,
    /// Where to end, JSON.
    #[arg(long)]
    until: String,
    /// Folder of the Store.
    #[arg(long)]
    dir: PathBuf,
    /// Settings of Incr-Sync that differ from the defaults, JSON.
    #[arg(long, default_value = "{}")]
    options: String,
    /// Verify what is applied, behind it.
    #[arg(long)]
    incr_verify: bool,
}

struct NoTasks;

impl DdlTasks for NoTasks {
    fn record<'a>(
        &'a self,
        _: TxnId,
        _: &'a str,
        _: &'a str,
    ) -> futures::future::BoxFuture<'a, oms::error::Result<DdlTaskState>> {
        Box::pin(async { Ok(DdlTaskState::Pending) })
    }
}

impl Apply {
    pub async fn run(self) -> Figures {
        let start: Position = serde_json::from_str(&self.start)?;
        let until: Position = serde_json::from_str(&self.until)?;
        let options: IncrSyncOptions = serde_json::from_str(&self.options)?;
        let store = Store::start(
            &self.source,
            &self.include,
            self.dir.clone(),
            Some(start.clone()),
            StoreOptions::default(),
        )?;
        store.holds(&until).await?;
        let (source, target) = (
            Server::open(&Endpoint::parse(&self.source)?).await?,
            Server::open(&Endpoint::parse(&self.target)?).await?,
        );
        let (hub, bytes) = (store.hub.clone(), options.batch_bytes);
        let open: OpenLog = Arc::new(move |from| {
            let hub = hub.clone();
            Box::pin(async move {
                let reader = hub.open(SUBTOPIC, &from).await?;
                Ok(Box::new(reader) as Box<dyn LogSource>)
            })
        });
        let settings = Settings {
            start: start.clone(),
            table_starts: HashMap::new(),
            filter: filter(&self.include),
            ddl: Arc::new(MySqlDdl::new(target.clone(), family(source.flavour))),
            ddl_from: None,
            ddl_tasks: Arc::new(NoTasks),
            stop_at: Some(until.clone()),
            retry: Retry::default(),
            throttle: Arc::default(),
            options,
            most_claims: MOST_CLAIMS,
        };
        let target = MySqlTarget::new(target, "np_bench/incr_sync", bytes);
        let behind = match self.incr_verify {
            true => Some(Behind::start(
                Endpoint::parse(&self.source)?,
                Endpoint::parse(&self.target)?,
                &self.include,
                start,
                Arc::clone(&open),
                target.clone(),
            )),
            false => None,
        };
        let work = IncrSyncWork::new(Arc::new(target), open, settings);
        let (context, _, progress) = context(1);
        let (cpu, begun) = (cpu_seconds(), Instant::now());
        Box::new(work).run(context).await?;
        let seconds = begun.elapsed().as_secs_f64();
        let cpu = cpu_seconds() - cpu;
        let verified = match behind {
            Some(behind) => behind.end(&until).await?,
            None => Value::Null,
        };
        store.stop().await?;
        let detail = progress.read().detail;
        let number = |name: &str| detail.get(name).cloned().unwrap_or(Value::Null);
        let transactions = number("transactions");
        Ok(json!({
            "seconds": seconds, "cpu_seconds": cpu, "peak_memory": peak_memory(),
            "transactions": transactions,
            "per_s": transactions.as_f64().unwrap_or(0.0) / seconds,
            "batches": number("batches"), "batch_rows_average": number("batch_rows_average"),
            "conflicts_waited": number("conflicts_waited"), "retries": number("retries"),
            "incr_verification": verified,
        }))
    }
}
