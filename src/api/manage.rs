//! Projects renamed, cloned, and given another alert level (reference 7.12).

use super::life::no_sub_project;
use super::registry::Call;
use super::request::invalid;
use super::{Answer, Outcome};
use crate::coordinator::steps_of;
use crate::error::{Error, Kind};
use crate::metadata::{AlarmLevel, NewProject, ProjectStatus, new_id};
use crate::model::objects::Modified;
use crate::model::project::ProjectConfig;
use schemars::JsonSchema;
use serde::Deserialize;

/// Parameters of `RenameProject` and `CloneProject`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// The project.
    id: String,
    /// The new name: unique, without blanks.
    name: String,
}

/// Parameters of `UpdateProjectAlarmLevel`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Level {
    /// The project.
    id: String,
    /// How loud its alerts are.
    alarm_level: AlarmLevel,
}

/// Why no project has this name.
pub(super) fn check_name(name: &str) -> crate::error::Result<()> {
    match name.is_empty() || name.contains(char::is_whitespace) {
        true => Err(invalid("name", "it must have a character and no space")),
        false => Ok(()),
    }
}

/// `RenameProject`: one that is not at its end.
pub async fn rename(call: &Call<'_>, wanted: Named) -> Outcome {
    check_name(&wanted.name)?;
    let api = call.api;
    let _one = api.life.lock().await;
    let project = api.metadata.projects().get(&wanted.id).await?;
    no_sub_project(&project, "rename")?;
    let states = [
        ProjectStatus::Init,
        ProjectStatus::Running,
        ProjectStatus::Suspend,
        ProjectStatus::Failed,
    ];
    if !states.contains(&project.status) {
        let names = states.map(|s| s.to_string()).join(", ");
        return Err(
            Error::new(Kind::StateInvalid, format!("project {}", project.id))
                .detail(format!("cannot rename it while it is {}", project.status))
                .remedy(format!("It must be one of {names}.")),
        );
    }
    api.reconciler.claim(&project.id).await?;
    api.reconciler.rename(&project.id, &wanted.name).await?;
    Ok(Answer::nothing())
}

/// `UpdateProjectAlarmLevel`.
pub async fn alarm_level(call: &Call<'_>, wanted: Level) -> Outcome {
    let api = call.api;
    let _one = api.life.lock().await;
    let project = api.metadata.projects().get(&wanted.id).await?;
    if project.status == ProjectStatus::Deleted {
        return Err(Error::new(
            Kind::StateInvalid,
            format!("project {} is deleted", project.id),
        ));
    }
    api.reconciler.claim(&project.id).await?;
    let level = wanted.alarm_level;
    api.reconciler.set_alarm_level(&project.id, level).await?;
    api.changed();
    Ok(Answer::nothing())
}

/// `CloneProject`: another one of the same objects, settings, data sources and labels, which waits for
/// its start. Gives its id.
pub async fn clone(call: &Call<'_>, wanted: Named) -> Outcome {
    check_name(&wanted.name)?;
    let api = call.api;
    // neither its owner, its data sources nor its name are taken away meanwhile
    let _one = api.life.lock().await;
    api.accounts.still(call.who).await?;
    let project = api.metadata.projects().get(&wanted.id).await?;
    no_sub_project(&project, "clone")?;
    if project.status == ProjectStatus::Deleted {
        let why = "it is deleted, and its objects with it";
        return Err(Error::new(Kind::StateInvalid, format!("project {}", project.id)).detail(why));
    }
    let mut config = ProjectConfig::from_json(&project.config)?;
    // what changes of the objects have left is of that project's own log
    config.modified = Modified::default();
    let sources = api.metadata.datasources();
    for id in [&project.source_id, &project.target_id] {
        sources.get(id).await?;
    }
    let marked = api.metadata.labels().of_project(&project.id).await?;
    let new = NewProject {
        id: new_id("np_"),
        name: wanted.name,
        kind: project.kind,
        source_id: project.source_id,
        target_id: project.target_id,
        config: config.to_json(),
        alarm_level: project.alarm_level,
    };
    let projects = api.metadata.projects();
    let (owner, steps) = (Some(call.who.id.as_str()), steps_of(&config));
    let made = projects.create_whole(new, owner, steps, &marked);
    Answer::of(made.await?.id)
}
