//! A project's life: start, pause, resume, delete.

use super::actions::ById;
use super::registry::Call;
use super::{Answer, Api, Outcome};
use crate::coordinator::make_steps;
use crate::error::{Error, Kind, Result};
use crate::metadata::{Project, ProjectFilter, ProjectStatus, StepStatus};
use crate::model::project::ProjectConfig;
use schemars::JsonSchema;
use serde::Deserialize;

/// `StartProject`: one that was never started.
pub async fn start(call: &Call<'_>, wanted: ById) -> Outcome {
    let api = call.api;
    let _one = api.life.lock().await;
    let project = in_state(api, &wanted.id, "start", &[ProjectStatus::Init]).await?;
    // the request that made the project may have died in front of its steps
    let config = ProjectConfig::from_json(&project.config)?;
    make_steps(&api.metadata, &project.id, &config).await?;
    api.reconciler.claim(&project.id).await?;
    api.reconciler.start(&project.id).await?;
    api.changed();
    Ok(Answer::nothing())
}

/// `ResumeProject`: one that was paused, or that failed.
pub async fn resume(call: &Call<'_>, wanted: ById) -> Outcome {
    let api = call.api;
    let _one = api.life.lock().await;
    let states = [ProjectStatus::Suspend, ProjectStatus::Failed];
    let project = in_state(api, &wanted.id, "resume", &states).await?;
    go(api, &project).await
}

async fn go(api: &Api, project: &Project) -> Outcome {
    api.reconciler.claim(&project.id).await?;
    api.reconciler.resume(&project.id).await?;
    api.changed();
    Ok(Answer::nothing())
}

/// `StopProject`: pauses one that runs, or whose step failed while others go on.
pub async fn stop(call: &Call<'_>, wanted: ById) -> Outcome {
    let api = call.api;
    let _one = api.life.lock().await;
    let states = [
        ProjectStatus::Running,
        ProjectStatus::RunningModifying,
        ProjectStatus::RunningMerging,
        ProjectStatus::Failed,
    ];
    let project = in_state(api, &wanted.id, "pause", &states).await?;
    api.reconciler.claim(&project.id).await?;
    api.reconciler
        .suspend(&project.id, "StopProject; ResumeProject lets it go on")
        .await?;
    api.changed();
    Ok(Answer::nothing())
}

/// Parameters of `ReleaseProject`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Release {
    id: String,
    /// What is on a server that cannot be reached any more stays there.
    #[serde(default)]
    force: bool,
}

/// `ReleaseProject`: one that is paused, failed or finished; for good. Again, where it failed.
pub async fn release(call: &Call<'_>, wanted: Release) -> Outcome {
    let api = call.api;
    let _one = api.life.lock().await;
    let states = [
        ProjectStatus::Suspend,
        ProjectStatus::Failed,
        ProjectStatus::Finished,
        ProjectStatus::Releasing,
    ];
    let project = in_state(api, &wanted.id, "release", &states).await?;
    api.reconciler.claim(&project.id).await?;
    api.reconciler.release(&project.id, wanted.force).await?;
    api.changed();
    Ok(Answer::nothing())
}

/// `DeleteProject`: one that was never started, or that is released.
pub async fn delete(call: &Call<'_>, wanted: ById) -> Outcome {
    let api = call.api;
    let _one = api.life.lock().await;
    let states = [ProjectStatus::Init, ProjectStatus::Released];
    let project = in_state(api, &wanted.id, "delete", &states).await?;
    let steps = api.metadata.steps().list(&project.id).await?;
    let mut steps = steps.into_iter().flatten();
    // of a released one it is only where it was
    let checks = project.status == ProjectStatus::Init;
    if checks && steps.any(|step| step.status == StepStatus::Running) {
        return Err(
            Error::new(Kind::StateInvalid, format!("project {}", project.id))
                .detail("cannot delete it while it is being checked")
                .remedy("Wait for the end of its pre-check (GetPreCheckResult)."),
        );
    }
    for child in children(api, &project).await? {
        api.reconciler.claim(&child.id).await?;
        api.reconciler.delete(&child.id).await?;
    }
    api.reconciler.claim(&project.id).await?;
    api.reconciler.delete(&project.id).await?;
    Ok(Answer::nothing())
}

/// The sub-projects of a project that is deleted; they go first.
async fn children(api: &Api, project: &Project) -> Result<Vec<Project>> {
    let filter = ProjectFilter {
        parent: Some(project.id.clone()),
        ..ProjectFilter::default()
    };
    let children = api.metadata.projects().list(&filter).await?;
    let children: Vec<Project> = children.into_iter().flatten().collect();
    let released = |child: &&Project| child.status == ProjectStatus::Released;
    match children.iter().find(|child| !released(child)) {
        None => Ok(children),
        Some(child) => Err(
            Error::new(Kind::StateInvalid, format!("project {}", project.id))
                .detail(format!("its sub-project {} is {}", child.id, child.status))
                .remedy("Wait until that is RELEASED; ReleaseProject tries a release again."),
        ),
    }
}

/// A sub-project takes no orders but its parent's.
pub(super) fn no_sub_project(project: &Project, what: &str) -> Result<()> {
    let Some(parent) = &project.parent else {
        return Ok(());
    };
    let why = format!("cannot {what} it: it is a sub-project of {parent}");
    Err(
        Error::new(Kind::StateInvalid, format!("project {}", project.id))
            .detail(why)
            .remedy("Pause, resume or release that project, or abort the change of its objects."),
    )
}

/// The project, if it may be done what is wanted.
pub async fn in_state(
    api: &Api,
    id: &str,
    what: &str,
    states: &[ProjectStatus],
) -> Result<Project> {
    let project = api.metadata.projects().get(id).await?;
    // a release that did not succeed may be tried again by hand
    if project.status != ProjectStatus::Releasing {
        no_sub_project(&project, what)?;
    }
    if states.contains(&project.status) {
        return Ok(project);
    }
    let names: Vec<_> = states.iter().map(ToString::to_string).collect();
    Err(Error::new(Kind::StateInvalid, format!("project {id}"))
        .detail(format!("cannot {what} it while it is {}", project.status))
        .remedy(format!("It must be {}.", names.join(" or "))))
}
