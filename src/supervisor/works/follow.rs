//! A project's Incr-Sync: waits for its Store, finds where to begin, and tells the Store how far
//! it is.

use super::{Parts, drain};
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
use crate::model::project::ProjectConfig;
use futures::future::BoxFuture;
use std::collections::HashMap;
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
            let Self { parts, throttle } = *self;
            if parts.config.modified.hold.is_some() && parts.drain.is_none() {
                return held(&parts, &context).await;
            }
            let prepared = async {
                let drained = drain::begin(&parts, context.assignment.epoch).await?;
                let stop_at = drained.as_ref().map(|drained| drained.position.clone());
                Ok((prepare(&parts, throttle, stop_at).await?, drained))
            };
            let prepared: Result<_> = tokio::select! {
                () = context.cancelled() => return Ok(Finish::Cancelled),
                prepared = prepared => prepared,
            };
            let (work, drained) = prepared?;
            let work: Box<dyn Work> = Box::new(work);
            let mut work = work.run(context.clone());
            loop {
                tokio::select! {
                    end = &mut work => {
                        if let (Ok(Finish::Done), Some(drained)) = (&end, &drained) {
                            drain::tell(drained, &context);
                        }
                        return end;
                    }
                    () = tokio::time::sleep(TELL_EVERY) => tell(&parts, &parts.consumer(), &context),
                }
            }
        })
    }
}

/// The project waits for a change of its objects: nothing is applied, whoever started this. It ends when
/// the wait does, and the next run finds what the objects are then.
async fn held(parts: &Parts, context: &Context) -> Result<Finish> {
    loop {
        context.progress().beat();
        tokio::select! {
            () = context.cancelled() => return Ok(Finish::Cancelled),
            () = tokio::time::sleep(TELL_EVERY) => {}
        }
        let project = parts.metadata.projects();
        let project = project.get(parts.assignment.project.as_str()).await?;
        let config = ProjectConfig::from_json(&project.config)?;
        if config.modified.hold.is_none() {
            return Ok(Finish::Cancelled);
        }
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

async fn prepare(
    parts: &Parts,
    throttle: Arc<Throttle>,
    stop_at: Option<Position>,
) -> Result<IncrSyncWork> {
    let source = Server::open(&parts.source).await?;
    let target = Server::open(&parts.target).await?;
    let start = wait_for_store(&parts.hub, &parts.subtopic).await?;
    let project = &parts.assignment.project;
    let table_starts = match parts.goes_back {
        true => parts.config.table_starts(HashMap::new()),
        false => {
            let copied = keyless_positions(&parts.metadata, project).await?;
            parts.config.table_starts(copied)
        }
    };
    let options = parts.config.options.incr_sync.clone();
    let settings = Settings {
        start,
        table_starts,
        filter: parts.config.filter.clone(),
        ddl: Arc::new(
            MySqlDdl::new(target.clone(), family(source.flavour)).marked(&parts.consumer()),
        ),
        ddl_from: parts.ddl_from().await?,
        ddl_tasks: Arc::new(RmDdlTasks::new(
            parts.metadata.clone(),
            parts.assignment.step.clone(),
            parts.leader,
        )),
        stop_at,
        retry: Retry::default(),
        throttle,
        most_claims: MOST_CLAIMS,
        options,
    };
    let target = MySqlTarget::new(target, parts.consumer(), settings.options.batch_bytes);
    let target = match parts.goes_back {
        // DDL of the way forth may have passed the tables that it finds
        true => target.comparing_definitions(),
        false => target,
    };
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
