//! What all measurements need: a Store in this process, contexts, positions, peak memory.

use oms::component::contract::{Assignment, Context, Finish, ProgressCell, Work};
use oms::component::store::{StoreHub, StoreWork};
use oms::datasource::mysql::Endpoint;
use oms::datasource::mysql::binlog::source::Source;
use oms::error::Result;
use oms::model::filter::ObjectFilter;
use oms::model::options::StoreOptions;
use oms::model::position::Position;
use serde_json::Value;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Any error, with its text.
pub type Figures = std::result::Result<Value, Box<dyn std::error::Error>>;

pub const SUBTOPIC: &str = "MYSQL_bench-1-0";

/// The end of a source's log.
pub async fn position(source: &str) -> Figures {
    let mut source = Source::open(&Endpoint::parse(source)?).await?;
    Ok(serde_json::to_value(source.end().await?.position)?)
}

pub fn filter(include: &str) -> ObjectFilter {
    ObjectFilter {
        include: vec![include.to_owned()],
        exclude: Vec::new(),
    }
}

pub fn context(epoch: i64) -> (Context, CancellationToken, Arc<ProgressCell>) {
    let token = CancellationToken::new();
    let progress = Arc::new(ProgressCell::default());
    let assignment = Assignment {
        component: "127.0.0.1-7100:bench:0000000001".into(),
        project: "np_bench".into(),
        step: "s_bench".into(),
        epoch,
    };
    let context = Context::new(assignment, token.clone(), Arc::clone(&progress));
    (context, token, progress)
}

/// A Store that runs in this process.
pub struct Store {
    pub hub: StoreHub,
    token: CancellationToken,
    task: JoinHandle<Result<Finish>>,
}

impl Store {
    /// Starts it; a new folder begins at `start`.
    pub fn start(
        source: &str,
        include: &str,
        dir: PathBuf,
        start: Option<Position>,
        options: StoreOptions,
    ) -> Result<Self> {
        let hub = StoreHub::new();
        let mut work = StoreWork::new(
            Endpoint::parse(source)?,
            Arc::new(filter(include)),
            options,
            dir,
            SUBTOPIC,
            hub.clone(),
            false,
        );
        if let Some(start) = start {
            work = work.starting_at(start);
        }
        let (context, token, _) = context(1);
        let task = tokio::spawn(Box::new(work).run(context));
        Ok(Self { hub, token, task })
    }

    /// Waits until it holds everything in front of a position.
    pub async fn holds(&self, until: &Position) -> Result<()> {
        loop {
            let range = self.hub.range(SUBTOPIC);
            if range.is_some_and(|(_, tip)| tip.txn_id() >= until.txn_id()) {
                return Ok(());
            }
            assert!(!self.task.is_finished(), "the Store ended");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Ends it.
    pub async fn stop(self) -> Result<()> {
        self.token.cancel();
        match self.task.await {
            Ok(result) => result.map(drop),
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

/// Peak memory of this process, bytes.
pub fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|l| l.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) * 1024
}

/// CPU time of this process so far, seconds.
pub fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or("").split(' ').collect();
    let ticks = |at: usize| {
        fields
            .get(at)
            .and_then(|f| f.parse::<f64>().ok())
            .unwrap_or(0.0)
    };
    // user and system time, in hundredths of a second
    (ticks(12) + ticks(13)) / 100.0
}
