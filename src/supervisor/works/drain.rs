//! The last run of a sub-project's Incr-Sync: it brings the added tables to just where the parent's
//! Incr-Sync goes on with them. `docs/objects.md` argues why nothing is lost or doubled.

use super::{Parts, consumer_of};
use crate::actor::work::Context;
use crate::component::incr_sync::{Claim, MySqlTarget, Target, boundary};
use crate::datasource::mysql::Server;
use crate::error::{Error, Kind, Result};
use crate::model::objects::{Drain, Drained, Joins};
use crate::model::position::Position;
use crate::model::project::ProjectConfig;

/// Fences the Incr-Sync of both projects at the target, and says where this run ends; `None` for a run
/// that is not the last one.
pub async fn begin(parts: &Parts, epoch: i64) -> Result<Option<Drained>> {
    let Some(drain) = parts.drain.clone() else {
        return Ok(None);
    };
    let joins = parts.config.modified.joins.as_ref().ok_or_else(|| {
        Error::new(Kind::Internal, "merging a project").detail("it is no sub-project")
    })?;
    require_held(parts, &drain, joins).await?;
    let server = Server::open(&parts.target).await?;
    let start = Position {
        file: String::new(),
        offset: 0,
        gtid: None,
        time_ms: 0,
    };
    let lanes = parts.config.options.incr_sync.lanes.max(1);
    let mut both = Vec::new();
    for project in [joins.project.as_str(), parts.assignment.project.as_str()] {
        let target = MySqlTarget::new(server.clone(), consumer_of(project), 0);
        let claim = Claim {
            epoch,
            lanes,
            start: start.clone(),
        };
        both.push(target.take_over(claim).await?);
    }
    let [parent, child] = both.as_slice() else {
        return Err(Error::new(Kind::Internal, "merging a project"));
    };
    for (taken, project) in [
        (parent, &joins.project),
        (child, &parts.assignment.project.0),
    ] {
        // made just now: whoever follows has told how far it is before
        if taken.watermark.position == start {
            return Err(Error::new(
                Kind::ProgressInvalid,
                format!("merging a project into {}", joins.project),
            )
            .detail(format!("the progress of {project} is not at the target")));
        }
    }
    let position = boundary(parent, child);
    tracing::info!(project_id = %parts.assignment.project, parent = joins.project, %position, parent_at = %parent.watermark.position, child_at = %child.watermark.position, "the last run before the merge");
    Ok(Some(Drained { drain, position }))
}

/// The parent waits for just this attempt, so its Incr-Sync neither runs nor starts: one that started
/// before has an older epoch, and is fenced.
async fn require_held(parts: &Parts, drain: &Drain, joins: &Joins) -> Result<()> {
    let parent = parts.metadata.projects().get(&joins.project).await?;
    let config = ProjectConfig::from_json(&parent.config)?;
    let held = config.modified.hold.is_some_and(|hold| {
        hold.store && hold.record == drain.record && hold.attempt == drain.attempt
    });
    if held {
        return Ok(());
    }
    Err(Error::new(
        Kind::StateInvalid,
        format!("merging a project into {}", joins.project),
    )
    .detail("it does not wait for that")
    .remedy("Nothing to do: the merge is tried again from its beginning."))
}

/// Says where the run ended.
pub fn tell(drained: &Drained, context: &Context) {
    if let Ok(drained) = serde_json::to_value(drained) {
        context.progress().set_detail("drained", drained);
    }
}
