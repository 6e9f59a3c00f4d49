//! A project's Incr-Verification: waits for its Store, goes on where the last run was, and tells the
//! Store how far it is.

use super::Parts;
use super::follow::{TELL_EVERY, tell, wait_for_store};
use crate::actor::work::{Context, Finish, Work};
use crate::component::full_verification::{
    AppliedAtTarget, Extent, IncrVerificationWork, RmIncrLog, RmProgressed,
};
use crate::component::incr_sync::{ExtentReader, MySqlTarget};
use crate::datasource::mysql::Server;
use crate::error::Result;
use crate::model::ids::TxnId;
use futures::future::BoxFuture;
use std::sync::Arc;

/// The Incr-Verification of a project.
pub struct CheckWork {
    parts: Parts,
}

impl CheckWork {
    /// Verifies what the project's Incr-Sync applies.
    pub fn new(parts: Parts) -> Self {
        Self { parts }
    }
}

impl Work for CheckWork {
    fn run(self: Box<Self>, context: Context) -> BoxFuture<'static, Result<Finish>> {
        Box::pin(async move {
            let parts = self.parts;
            let work = tokio::select! {
                () = context.cancelled() => return Ok(Finish::Cancelled),
                work = prepare(&parts) => work?,
            };
            let work: Box<dyn Work> = Box::new(work);
            let mut work = work.run(context.clone());
            let consumer = parts.verifying_consumer();
            loop {
                tokio::select! {
                    end = &mut work => return end,
                    () = tokio::time::sleep(TELL_EVERY) => tell(&parts, &consumer, &context),
                }
            }
        })
    }
}

async fn prepare(parts: &Parts) -> Result<IncrVerificationWork> {
    let beginning = wait_for_store(&parts.hub, &parts.subtopic).await?;
    let target = Server::open(&parts.target).await?;
    let target = MySqlTarget::new(target, parts.consumer(), 0);
    let project = parts.assignment.project.clone();
    Ok(IncrVerificationWork {
        source: parts.source.clone(),
        target: parts.target.clone(),
        filter: parts.config.filter.clone(),
        tables: parts.tables(),
        review: parts.config.options.full_verification.clone(),
        options: parts.config.options.incr_verification.clone(),
        open_log: parts.open_log(),
        start: parts.checkpoint.clone().unwrap_or(beginning),
        applied: Arc::new(Merged {
            rows: AppliedRows(ExtentReader::new(target)),
            up_to: parts.config.merged_up_to(),
        }),
        progressed: Arc::new(
            RmProgressed::new(
                parts.metadata.clone(),
                project.clone(),
                parts.source.clone(),
            )
            .asking(parts.ask_end()),
        ),
        log: Arc::new(RmIncrLog::new(
            parts.metadata.clone(),
            project.0,
            parts.assignment.epoch,
        )),
    })
}

/// What the target holds of tables that were merged in may be newer than what the project's own
/// Incr-Sync has come to.
struct Merged {
    rows: AppliedRows,
    up_to: TxnId,
}

impl AppliedAtTarget for Merged {
    fn extent(&self) -> BoxFuture<'_, Result<Option<Extent>>> {
        Box::pin(async move {
            let found = self.rows.extent().await?;
            Ok(found.map(|extent| Extent {
                newest: extent.newest.max(self.up_to),
                ..extent
            }))
        })
    }
}

/// What an Incr-Sync's progress rows at the target say.
pub struct AppliedRows(pub ExtentReader);

impl AppliedAtTarget for AppliedRows {
    fn extent(&self) -> BoxFuture<'_, Result<Option<Extent>>> {
        Box::pin(async move {
            let found = self.0.read().await?;
            Ok(found.map(|(watermark, newest)| Extent {
                watermark: watermark.id,
                position: watermark.position,
                newest,
            }))
        })
    }
}
