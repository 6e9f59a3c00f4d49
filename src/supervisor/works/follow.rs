//! A project's Incr-Sync: waits for its Store, finds where to begin, and tells the Store how far
//! it is.

use super::Parts;
use crate::actor::work::{Context, Finish, Work};
use crate::component::full_import::keyless_positions;
use crate::component::incr_sync::{
    IncrSyncWork, MOST_CLAIMS, MySqlDdl, MySqlTarget, Retry, RmDdlTasks, Settings,
};
use crate::component::store::StoreHub;
use crate::component::throttle::Throttle;
use crate::datasource::mysql::Server;
use crate::datasource::mysql::ddl::family;
use crate::error::{Error, Kind, Result};
use crate::model::position::Position;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;

const LOOK_EVERY: Duration = Duration::from_millis(100);
pub(super) const TELL_EVERY: Duration = Duration::from_secs(1);
/// A Store that restarts at the same time may need so long until it serves its log.
const STORE_WAIT: Duration = Duration::from_secs(60);

/// The Incr-Sync of a project.
pub struct FollowWork {
    parts: Parts,
    throttle: Arc<Throttle>,
}

impl FollowWork {
    /// Follows the project's Store, no faster than the throttle allows.
    pub fn new(parts: Parts, throttle: Arc<Throttle>) -> Self {
        Self { parts, throttle }
    }
}

impl Work for FollowWork {
    fn run(self: Box<Self>, context: Context) -> BoxFuture<'static, Result<Finish>> {
        Box::pin(async move {
            let parts = self.parts;
            let work = tokio::select! {
                () = context.cancelled() => return Ok(Finish::Cancelled),
                work = prepare(&parts, self.throttle) => work?,
            };
            let work: Box<dyn Work> = Box::new(work);
            let mut work = work.run(context.clone());
            loop {
                tokio::select! {
                    end = &mut work => return end,
                    () = tokio::time::sleep(TELL_EVERY) => tell(&parts, &parts.consumer(), &context),
                }
            }
        })
    }
}

/// Tells the Store what is applied for good, so that it may delete what is older.
pub(super) fn tell(parts: &Parts, consumer: &str, context: &Context) {
    let detail = context.progress().read().detail;
    let checkpoint = detail.get("checkpoint").cloned();
    if let Some(position) = checkpoint.and_then(|c| serde_json::from_value::<Position>(c).ok()) {
        parts.hub.checkpoint(&parts.subtopic, consumer, &position);
    }
}

async fn prepare(parts: &Parts, throttle: Arc<Throttle>) -> Result<IncrSyncWork> {
    let source = Server::open(&parts.source).await?;
    let target = Server::open(&parts.target).await?;
    let start = wait_for_store(&parts.hub, &parts.subtopic).await?;
    let project = &parts.assignment.project;
    let table_starts = keyless_positions(&parts.metadata, project).await?;
    let options = parts.config.options.incr_sync.clone();
    let settings = Settings {
        start,
        table_starts,
        filter: parts.config.filter.clone(),
        ddl: Arc::new(MySqlDdl::new(target.clone(), family(source.flavour))),
        ddl_tasks: Arc::new(RmDdlTasks::new(
            parts.metadata.clone(),
            parts.assignment.step.clone(),
            parts.leader,
        )),
        stop_at: None,
        retry: Retry::default(),
        throttle,
        most_claims: MOST_CLAIMS,
        options,
    };
    let target = MySqlTarget::new(target, parts.consumer(), settings.options.batch_bytes);
    Ok(IncrSyncWork::new(
        Arc::new(target),
        parts.open_log(),
        settings,
    ))
}

/// The position at which the Store began: where a first run begins. If the Store should not hold
/// it any more, opening its log there says so.
pub(super) async fn wait_for_store(hub: &StoreHub, subtopic: &str) -> Result<Position> {
    let looked = async {
        loop {
            if let Some(start) = hub.start(subtopic) {
                return start;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::time::timeout(STORE_WAIT, looked).await.map_err(|_| {
        Error::new(
            Kind::StoreMissing,
            format!("waiting for the Store of {subtopic}"),
        )
        .detail(format!("none serves it after {} s", STORE_WAIT.as_secs()))
    })
}
