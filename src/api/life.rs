//! A project's life: start, pause, resume, delete.

use super::actions::ById;
use super::{Answer, Api, Outcome};
use crate::coordinator::make_steps;
use crate::error::{Error, Kind, Result};
use crate::metadata::{Project, ProjectStatus};
use crate::model::project::ProjectConfig;
use serde_json::Value;

/// `StartProject`: one that was never started.
pub async fn start(api: &Api, wanted: ById) -> Outcome {
    let _one = api.life.lock().await;
    let project = in_state(api, &wanted.id, "start", &[ProjectStatus::Init]).await?;
    // the request that made the project may have died in front of its steps
    let options = ProjectConfig::from_json(&project.config)?.options;
    make_steps(
        &api.metadata,
        &project.id,
        options.incr_verification.enabled,
    )
    .await?;
    go(api, &project).await
}

/// `ResumeProject`: one that was paused, or that failed.
pub async fn resume(api: &Api, wanted: ById) -> Outcome {
    let _one = api.life.lock().await;
    let states = [ProjectStatus::Suspend, ProjectStatus::Failed];
    let project = in_state(api, &wanted.id, "resume", &states).await?;
    go(api, &project).await
}

async fn go(api: &Api, project: &Project) -> Outcome {
    api.reconciler.claim(&project.id).await?;
    api.reconciler.resume(&project.id).await?;
    api.changed();
    Ok(Answer::of(Value::Null))
}

/// `StopProject`: pauses one that runs, or whose step failed while others go on.
pub async fn stop(api: &Api, wanted: ById) -> Outcome {
    let _one = api.life.lock().await;
    let states = [ProjectStatus::Running, ProjectStatus::Failed];
    let project = in_state(api, &wanted.id, "pause", &states).await?;
    api.reconciler.claim(&project.id).await?;
    api.reconciler
        .suspend(&project.id, "StopProject; ResumeProject lets it go on")
        .await?;
    api.changed();
    Ok(Answer::of(Value::Null))
}

/// `DeleteProject`: one that was never started.
pub async fn delete(api: &Api, wanted: ById) -> Outcome {
    let _one = api.life.lock().await;
    let project = in_state(api, &wanted.id, "delete", &[ProjectStatus::Init]).await?;
    api.reconciler.claim(&project.id).await?;
    api.reconciler.delete(&project.id).await?;
    Ok(Answer::of(Value::Null))
}

/// The project, if it may be done what is wanted.
async fn in_state(api: &Api, id: &str, what: &str, states: &[ProjectStatus]) -> Result<Project> {
    let project = api.metadata.projects().get(id).await?;
    if states.contains(&project.status) {
        return Ok(project);
    }
    let names: Vec<_> = states.iter().map(ToString::to_string).collect();
    Err(Error::new(Kind::StateInvalid, format!("project {id}"))
        .detail(format!("cannot {what} it while it is {}", project.status))
        .remedy(format!("It must be {}.", names.join(" or "))))
}
