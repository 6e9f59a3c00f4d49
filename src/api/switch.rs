//! The forward switchover: `RehearseAppSwitch`, `StartAppSwitch`, `DescribeAppSwitch`, and what a person
//! says to its sub-steps. OMS has these in its console only; the sub-steps are those of its reference (1.9).

use super::actions::ById;
use super::answer::{ErrorDetail, stored};
use super::datasources::endpoint_of;
use super::life::in_state;
use super::projects::time;
use super::registry::Call;
use super::{Answer, Outcome};
use crate::coordinator::{
    CheckItem, Ends, ItemStatus, RehearsedStep, SwitchOptions, SwitchState, rehearse,
};
use crate::error::{Error, Kind};
use crate::metadata::{ProjectStatus, StepName, StepStatus, Task, TaskStatus};
use crate::model::ids::ProjectId;
use crate::model::project::ProjectConfig;
use crate::workflow::switch::{COMPLETE_OBJECT, Hand, Part, StopWrites as Stop, Way as SwitchWay};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Parameters of `StartAppSwitch` and `RehearseAppSwitch`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Start {
    /// The project.
    id: String,
    /// How it is known that the application writes no more at the source.
    #[serde(default)]
    stop_writes: StopWrites,
    /// Items of the switchover's pre-check that are gone without, by name, like `VERIFICATION`.
    #[serde(default)]
    waive: Vec<String>,
    /// How long the other side may take to come up to the last position, seconds.
    #[serde(default = "a_minute")]
    catch_up_timeout_sec: u64,
}

fn a_minute() -> u64 {
    60
}

/// How it is known that the application writes no more.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum StopWrites {
    /// A person says so (ConfirmAppSwitch of STOP_SOURCE_WRITES).
    #[default]
    Confirm,
    /// The source is made read-only; undone by a roll-back and by the project's release.
    ReadOnly,
}

impl From<StopWrites> for Stop {
    fn from(stop: StopWrites) -> Self {
        match stop {
            StopWrites::Confirm => Self::Confirm,
            StopWrites::ReadOnly => Self::ReadOnly,
        }
    }
}

/// Parameters of `ConfirmAppSwitch`, `RetryAppSwitch` and `SkipAppSwitch`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct SubStep {
    /// The project.
    id: String,
    /// The sub-step by its name, like `STOP_SOURCE_WRITES`, or by its id; an object by its id.
    sub_step: String,
}

/// Where a switchover is.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppSwitch {
    /// The project.
    id: String,
    /// State of the step TRANSFER_APP_SWITCH.
    status: StepStatus,
    /// Where it goes.
    way: Way,
    /// How writes stop.
    stop_writes: StopWrites,
    /// What is gone without.
    waive: Vec<String>,
    /// When it began, UTC.
    gmt_start: Option<String>,
    /// When it was done, UTC.
    gmt_finish: Option<String>,
    /// Why it failed.
    error_detail: Option<ErrorDetail>,
    /// The sub-step that waits for a person's word, if one does.
    waits_for: Option<String>,
    /// The sub-steps of this way, in their order.
    sub_steps: Vec<SubStepItem>,
    /// Objects that a person moves.
    objects: Vec<ObjectItem>,
    /// How far the way back is behind, milliseconds.
    reverse_lag_ms: Option<u64>,
    /// State of the step REVERSE_INCR_TRANSFER.
    reverse_status: Option<StepStatus>,
}

/// Where a switchover goes.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum Way {
    /// The application moves to the target.
    Forward,
    /// It is rolled back.
    Back,
}

/// Who does a sub-step.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum By {
    /// `oms` does.
    Oms,
    /// A person, who says that it is done.
    Person,
}

/// A sub-step.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubStepItem {
    /// Its id in `oms_task`.
    id: String,
    /// Its name.
    name: String,
    /// What it does.
    description: String,
    /// Where it is.
    status: TaskStatus,
    by: By,
    /// Whether it can be skipped.
    skippable: bool,
    /// What that means.
    skip_consequence: Option<String>,
    retry_count: i32,
    max_retry_count: i32,
    /// When its row was written last, UTC.
    gmt_modified: String,
    /// Why it failed.
    error_detail: Option<ErrorDetail>,
}

/// An object that a person moves.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectItem {
    /// Its id in `oms_task`.
    id: String,
    /// What it is, like `TRIGGER shop.t1`.
    name: String,
    /// FINISHED or SKIPPED: a person has seen to it.
    status: TaskStatus,
}

/// What a rehearsal found.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rehearsal {
    /// A switchover could begin now.
    ready: bool,
    checks: Vec<Check>,
    /// What would be done, in its order.
    sub_steps: Vec<Rehearsed>,
    /// What a person would have to move.
    objects: Vec<String>,
    /// How long the target took to have what the source's log ended with, milliseconds.
    catch_up_ms: Option<u64>,
    /// How long the application would be without writes, milliseconds, without the time that persons
    /// take.
    without_writes_ms: Option<u64>,
}

/// Something that was checked.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Check {
    /// Its name, by which it is waived.
    name: String,
    status: Standing,
    /// What was found.
    message: String,
    /// What to do.
    proposal: String,
    /// It is gone without.
    waived: bool,
}

/// How a check stands.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
enum Standing {
    /// Must be mended first.
    Failed,
    /// Works, but somebody should know.
    Warning,
    /// Fine.
    Passed,
}

/// A sub-step of a rehearsal.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Rehearsed {
    name: String,
    description: String,
    /// What would be run at a server.
    statements: Vec<String>,
}

/// `RehearseAppSwitch`.
pub async fn rehearsal(call: &Call<'_>, wanted: Start) -> Outcome {
    let api = call.api;
    let project = in_state(api, &wanted.id, "rehearse", &[ProjectStatus::Running]).await?;
    let state = api.reconciler.switch_state(&wanted.id).await?;
    if state.step.status != StepStatus::Init {
        // the way forth does not follow any more, and would be waited for in vain
        return Err(Error::new(
            Kind::StateInvalid,
            format!("rehearsing the switchover of project {}", project.id),
        )
        .detail(format!("it is {} already", state.step.status))
        .remedy("DescribeAppSwitch shows where it is; RollBackAppSwitch takes it back."));
    }
    let config = ProjectConfig::from_json(&project.config)?;
    let sources = api.metadata.datasources();
    let ends = Ends {
        metadata: api.metadata.clone(),
        project: ProjectId::from(project.id.as_str()),
        filter: config.filter,
        source: endpoint_of(api, &sources.get(&project.source_id).await?)?,
        target: endpoint_of(api, &sources.get(&project.target_id).await?)?,
        verifies: config.stages.full_verify,
    };
    let found = rehearse(&ends, wanted.stop_writes.into(), &wanted.waive).await?;
    let step = |s: RehearsedStep| Rehearsed {
        name: s.name,
        description: s.description,
        statements: s.statements,
    };
    Answer::of(Rehearsal {
        ready: found.ready,
        checks: found.checks.into_iter().map(check).collect(),
        sub_steps: found.sub_steps.into_iter().map(step).collect(),
        objects: found.objects,
        catch_up_ms: found.catch_up_ms,
        without_writes_ms: found.without_writes_ms,
    })
}

fn check(item: CheckItem) -> Check {
    Check {
        name: item.name,
        status: match item.status {
            ItemStatus::Failed => Standing::Failed,
            ItemStatus::Warning => Standing::Warning,
            _ => Standing::Passed,
        },
        message: item.message,
        proposal: item.remedy,
        waived: item.waived,
    }
}

/// `StartAppSwitch`.
pub async fn start(call: &Call<'_>, wanted: Start) -> Outcome {
    let api = call.api;
    let _one = api.life.lock().await;
    let project = in_state(api, &wanted.id, "switch", &[ProjectStatus::Running]).await?;
    api.reconciler.claim(&project.id).await?;
    let options = SwitchOptions {
        stop_writes: wanted.stop_writes.into(),
        waive: wanted.waive,
        by: call.who.name.clone(),
        catch_up_timeout_sec: wanted.catch_up_timeout_sec,
    };
    api.reconciler.begin_switch(&project.id, options).await?;
    api.changed();
    Ok(Answer::nothing())
}

/// States of a project whose switchover takes orders.
const ORDERLY: [ProjectStatus; 3] = [
    ProjectStatus::Running,
    ProjectStatus::Failed,
    ProjectStatus::Suspend,
];

/// `RollBackAppSwitch`.
pub async fn roll_back(call: &Call<'_>, wanted: ById) -> Outcome {
    let api = call.api;
    let _one = api.life.lock().await;
    let project = in_state(api, &wanted.id, "roll back", &ORDERLY).await?;
    api.reconciler.claim(&project.id).await?;
    api.reconciler.roll_back_switch(&project.id).await?;
    api.changed();
    Ok(Answer::nothing())
}

/// `ConfirmAppSwitch`.
pub async fn confirm(call: &Call<'_>, wanted: SubStep) -> Outcome {
    let api = call.api;
    let _one = api.life.lock().await;
    let project = in_state(api, &wanted.id, "confirm", &ORDERLY).await?;
    api.reconciler.claim(&project.id).await?;
    api.reconciler
        .confirm_switch(&project.id, &wanted.sub_step)
        .await?;
    api.changed();
    Ok(Answer::nothing())
}

/// `RetryAppSwitch`.
pub async fn retry(call: &Call<'_>, wanted: SubStep) -> Outcome {
    let api = call.api;
    let _one = api.life.lock().await;
    let project = in_state(api, &wanted.id, "retry", &ORDERLY).await?;
    api.reconciler.claim(&project.id).await?;
    api.reconciler
        .retry_switch(&project.id, &wanted.sub_step)
        .await?;
    api.changed();
    Ok(Answer::nothing())
}

/// `SkipAppSwitch`.
pub async fn skip(call: &Call<'_>, wanted: SubStep) -> Outcome {
    let api = call.api;
    let _one = api.life.lock().await;
    let project = in_state(api, &wanted.id, "skip", &ORDERLY).await?;
    api.reconciler.claim(&project.id).await?;
    api.reconciler
        .skip_switch(&project.id, &wanted.sub_step)
        .await?;
    api.changed();
    Ok(Answer::nothing())
}

/// `DescribeAppSwitch`.
pub async fn describe(call: &Call<'_>, wanted: ById) -> Outcome {
    let rows = call.api.reconciler.rows(&wanted.id).await?;
    let state = call.api.reconciler.switch_state(&wanted.id).await?;
    let reverse = rows.step(StepName::ReverseIncrTransfer);
    let lag = reverse.and_then(|s| rows.component_of(s)?.progress.get("lag_ms")?.as_u64());
    let step = &state.step;
    Answer::of(AppSwitch {
        id: wanted.id,
        status: step.status,
        way: match state.way {
            SwitchWay::Forward => Way::Forward,
            SwitchWay::Back => Way::Back,
        },
        stop_writes: match state.options.stop_writes {
            Stop::Confirm => StopWrites::Confirm,
            Stop::ReadOnly => StopWrites::ReadOnly,
        },
        waive: state.options.waive.clone(),
        gmt_start: step.start_time.map(time),
        gmt_finish: step.finish_time.map(time),
        error_detail: error_of(&step.extra_info),
        waits_for: waits_for(&state),
        sub_steps: state.sub_steps.iter().map(|s| item(s, &state)).collect(),
        objects: state
            .objects
            .iter()
            .map(|task| ObjectItem {
                id: task.id.clone(),
                name: task.name.clone(),
                status: task.status,
            })
            .collect(),
        reverse_lag_ms: lag,
        reverse_status: reverse.map(|s| s.status),
    })
}

fn item((part, task): &(Part, Task), state: &SwitchState) -> SubStepItem {
    let skip = match (part, state.way) {
        (Part::CreateReverseSync, SwitchWay::Forward) => None,
        (part, _) => part.skip_consequence(),
    };
    SubStepItem {
        id: task.id.clone(),
        name: task.kind.clone(),
        description: part.description().to_owned(),
        status: task.status,
        by: match part.hand(state.options.stop_writes) {
            Hand::Person => By::Person,
            Hand::Component | Hand::Coordinator => By::Oms,
        },
        skippable: skip.is_some(),
        skip_consequence: skip.map(str::to_owned),
        retry_count: task.retry_count,
        max_retry_count: task.max_retry_count,
        gmt_modified: time(task.gmt_modified),
        error_detail: error_of(&task.extra_info),
    }
}

/// The sub-step that waits for a person: one that is his, or the objects.
fn waits_for(state: &SwitchState) -> Option<String> {
    let part = state.turn?;
    let person = part.hand(state.options.stop_writes) == Hand::Person;
    let open = |task: &Task| !matches!(task.status, TaskStatus::Finished | TaskStatus::Skipped);
    if person {
        return Some(part.text().to_owned());
    }
    let objects = part == Part::ProcessObjects && state.objects.iter().any(open);
    objects.then(|| COMPLETE_OBJECT.to_owned())
}

fn error_of(extra: &serde_json::Value) -> Option<ErrorDetail> {
    let text = |key: &str| extra.get(key).cloned().unwrap_or_default();
    let code = text("errorCode");
    let error = json!({ "code": code, "message": text("errorMsg"), "proposal": text("proposal") });
    stored(Some(&error).filter(|_| code.is_string()))
}
