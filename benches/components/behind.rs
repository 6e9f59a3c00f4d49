//! Incr-Verification behind an Incr-Sync that is measured.

use super::common::{context, filter};
use super::verify::{AtRest, Fixed};
use futures::future::BoxFuture;
use oms::component::contract::{Finish, ProgressCell, Work};
use oms::component::full_verification::{Difference, IncrLog, IncrVerificationWork, Standing};
use oms::component::incr_sync::{ExtentReader, MySqlTarget, OpenLog};
use oms::datasource::mysql::Endpoint;
use oms::error::Result;
use oms::model::options::{FullVerificationOptions, IncrVerificationOptions};
use oms::model::position::Position;
use oms::model::table::TableName;
use oms::supervisor::works::AppliedRows;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Keeps nothing: the figures are in the progress.
struct Forgetful;

impl IncrLog for Forgetful {
    fn restore(&self) -> BoxFuture<'_, Result<Vec<(TableName, Standing)>>> {
        Box::pin(async { Ok(Vec::new()) })
    }
    fn standing<'a>(&'a self, _: &'a TableName, _: &'a Standing) -> BoxFuture<'a, Result<()>> {
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
}

/// A verification that runs.
pub struct Behind {
    token: CancellationToken,
    progress: Arc<ProgressCell>,
    task: JoinHandle<Result<Finish>>,
}

impl Behind {
    pub fn start(
        source: Endpoint,
        target: Endpoint,
        include: &str,
        start: Position,
        open_log: OpenLog,
        reader: MySqlTarget,
    ) -> Self {
        let work = IncrVerificationWork {
            source,
            target,
            filter: filter(include),
            tables: Arc::new(Fixed(Vec::new())),
            review: FullVerificationOptions::default(),
            options: IncrVerificationOptions {
                enabled: true,
                ..IncrVerificationOptions::default()
            },
            open_log,
            start,
            applied: Arc::new(AppliedRows(ExtentReader::new(reader))),
            progressed: Arc::new(AtRest),
            log: Arc::new(Forgetful),
        };
        let (context, token, progress) = context(1);
        Self {
            token,
            progress,
            task: tokio::spawn(Box::new(work).run(context)),
        }
    }

    /// Waits until all up to a position is verified; gives the figures.
    pub async fn end(
        self,
        until: &Position,
    ) -> std::result::Result<Value, Box<dyn std::error::Error>> {
        let begun = Instant::now();
        let detail = loop {
            let detail = self.progress.read().detail;
            let checkpoint = detail.get("checkpoint").cloned();
            let checkpoint = checkpoint.and_then(|c| serde_json::from_value::<Position>(c).ok());
            if checkpoint.is_some_and(|c| c.txn_id() >= until.txn_id()) {
                break detail;
            }
            if self.task.is_finished() {
                self.task.await??;
                return Err("the verification ended".into());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        };
        self.token.cancel();
        self.task.await??;
        let number = |name: &str| detail.get(name).cloned().unwrap_or(Value::Null);
        Ok(json!({
            "seconds_behind": begun.elapsed().as_secs_f64(), "looked_at": self.progress.read().done,
            "checked": number("checked"), "suspects": number("suspects"),
        }))
    }
}
