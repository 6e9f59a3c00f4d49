//! Labels, and what is done to all projects with one (reference 5.3, 5.11, 7.16).

use super::actions::ById;
use super::audit::snapshot_of;
use super::permit::Owners;
use super::registry::Call;
use super::request::invalid;
use super::{Answer, Api, Outcome, life};
use crate::error::{Error, Kind, Result};
use crate::metadata::{Label, ProjectStatus};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Longest name, characters.
const NAME_MAX: usize = 20;
/// Labels of a project, at most.
const OF_PROJECT_MAX: usize = 5;
/// Labels in all, at most.
const MAX: usize = 100;

/// A label.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LabelItem {
    /// `l_…`.
    id: String,
    /// Its name.
    name: String,
}

impl From<&Label> for LabelItem {
    fn from(label: &Label) -> Self {
        Self {
            id: label.id.clone(),
            name: label.name.clone(),
        }
    }
}

/// Parameters of `CreateLabel`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Create {
    /// 1 to 20 characters without blanks, unique.
    #[schemars(length(min = 1, max = 20))]
    name: String,
}

/// Parameters of `ListAllLabels`: none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct List {}

/// Parameters of `DeleteLabel`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Delete {
    /// The label.
    id: String,
    /// Also where projects have it; it is taken from them.
    #[serde(default)]
    force: bool,
}

/// Parameters of `UpdateProjectLabels`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Set {
    /// The project.
    id: String,
    /// Its labels from now on, 5 at most.
    #[schemars(length(max = 5))]
    label_ids: Vec<String>,
}

/// What became of the projects with a label.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ByLabel {
    /// Projects that were to be started or paused.
    total: usize,
    /// Those that were.
    succeed_project_ids: Vec<String>,
    /// Those that were not; each says why when it is tried by itself.
    failed_project_ids: Vec<String>,
}

/// What the audit log keeps of a label.
pub async fn snapshot(api: &Api, id: &str) -> Result<Value> {
    snapshot_of(&LabelItem::from(&api.metadata.labels().get(id).await?))
}

/// `CreateLabel`.
pub async fn create(call: &Call<'_>, wanted: Create) -> Outcome {
    let length = wanted.name.chars().count();
    if length == 0 || length > NAME_MAX || wanted.name.contains(char::is_whitespace) {
        let why = format!("it must have 1 to {NAME_MAX} characters and no blank");
        return Err(invalid("name", why));
    }
    let _one = call.api.life.lock().await;
    let labels = call.api.metadata.labels();
    if labels.list().await?.len() >= MAX {
        return Err(Error::new(Kind::StateInvalid, "creating a label")
            .detail(format!("there are {MAX} already"))
            .remedy("Delete one that is not used any more (DeleteLabel)."));
    }
    Answer::of(labels.create(&wanted.name).await?.id)
}

/// `ListAllLabels`.
pub async fn list(call: &Call<'_>, _: List) -> Outcome {
    let labels = call.api.metadata.labels().list().await?;
    Answer::of(labels.iter().map(LabelItem::from).collect::<Vec<_>>())
}

/// `DeleteLabel`.
pub async fn delete(call: &Call<'_>, wanted: Delete) -> Outcome {
    // no project gets it meanwhile
    let _one = call.api.life.lock().await;
    let labels = call.api.metadata.labels();
    let label = labels.get(&wanted.id).await?;
    let used = labels.projects_with(&label.id).await?.len();
    if used > 0 && !wanted.force {
        return Err(
            Error::new(Kind::StateInvalid, format!("label {}", label.id))
                .detail(format!("{used} projects have it"))
                .remedy("Delete it with force to take it from them."),
        );
    }
    labels.delete(&label.id).await?;
    Ok(Answer::nothing())
}

/// Checks labels that a project is to get.
pub async fn require(call: &Call<'_>, ids: &[String]) -> Result<()> {
    if ids.len() > OF_PROJECT_MAX {
        let why = format!("a project has at most {OF_PROJECT_MAX}");
        return Err(invalid("labelIds", why));
    }
    for id in ids {
        call.api.metadata.labels().get(id).await?;
    }
    Ok(())
}

/// `UpdateProjectLabels`.
pub async fn set(call: &Call<'_>, wanted: Set) -> Outcome {
    // neither the project nor a label is deleted meanwhile
    let _one = call.api.life.lock().await;
    let project = call.api.metadata.projects().get(&wanted.id).await?;
    if project.status == ProjectStatus::Deleted {
        let what = format!("project {} is deleted", project.id);
        return Err(Error::new(Kind::StateInvalid, what));
    }
    require(call, &wanted.label_ids).await?;
    let labels = call.api.metadata.labels();
    labels.set(&project.id, &wanted.label_ids).await?;
    Ok(Answer::nothing())
}

/// `StartProjectsByLabel`.
pub async fn start_all(call: &Call<'_>, wanted: ById) -> Outcome {
    let mut done = ByLabel::default();
    for id in with_label(call, "StartProject", &wanted.id, ProjectStatus::Init).await? {
        let started = life::start(call, ById { id: id.clone() }).await;
        done.note(id, started);
    }
    Answer::of(done)
}

/// `StopProjectsByLabel`.
pub async fn stop_all(call: &Call<'_>, wanted: ById) -> Outcome {
    let mut done = ByLabel::default();
    for id in with_label(call, "StopProject", &wanted.id, ProjectStatus::Running).await? {
        let stopped = life::stop(call, ById { id: id.clone() }).await;
        done.note(id, stopped);
    }
    Answer::of(done)
}

impl ByLabel {
    fn note(&mut self, id: String, outcome: Outcome) {
        self.total += 1;
        match outcome {
            Ok(_) => self.succeed_project_ids.push(id),
            Err(error) => {
                tracing::warn!(project_id = %id, %error, "one of the projects with a label");
                self.failed_project_ids.push(id);
            }
        }
    }
}

/// The projects with a label that are in a state, and to which one may do this.
async fn with_label(
    call: &Call<'_>,
    action: &str,
    label: &str,
    status: ProjectStatus,
) -> Result<Vec<String>> {
    let metadata = &call.api.metadata;
    let owners = Owners::load(call.api).await?;
    let label = metadata.labels().get(label).await?;
    let mut out = Vec::new();
    for id in metadata.labels().projects_with(&label.id).await? {
        let (owner, fits) = match metadata.projects().get(&id).await.map_err(Error::from) {
            Ok(project) => (project.owner, project.status == status),
            // it is told among those that failed, to who may act on anybody's
            Err(error) if error.kind() == Kind::RmCorrupt => (None, true),
            Err(error) => return Err(error),
        };
        if fits && owners.sees(call.who, action, owner.as_deref()) {
            out.push(id);
        }
    }
    Ok(out)
}
