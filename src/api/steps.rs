//! `DescribeProjectSteps` and `DescribeProjectProgress` (reference 5.6, 5.8).

use super::actions::ById;
use super::answer::{ErrorDetail, stored};
use super::projects::time;
use super::registry::Call;
use super::{Answer, Outcome};
use crate::coordinator::Rows;
use crate::metadata::{AlarmLevel, Component, ProjectStatus, Step, StepName, StepStatus};
use crate::workflow::steps::description;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

/// A step of a project.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepItem {
    /// From 1.
    order: i32,
    /// Which step.
    name: StepName,
    /// What it does, in words.
    description: &'static str,
    /// Where it is.
    status: StepStatus,
    /// Its last failure.
    extra_info: StepError,
    /// When it began, UTC, `yyyy-MM-ddTHH:mm:ss`.
    start_time: Option<String>,
    /// When it was done, or in its steady state, UTC.
    finish_time: Option<String>,
    /// Percent.
    progress: i32,
    /// The user confirms it, nobody else starts it.
    interactive: bool,
    /// Figures; which ones depends on the step.
    step_info: Option<StepInfo>,
}

/// Why a step failed; null where it did not.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepError {
    /// The same, with its remedy.
    error_details: Vec<ErrorDetail>,
    /// Stable code.
    error_code: Value,
    /// What happened.
    error_msg: Value,
    /// Not used.
    error_param: Option<String>,
    /// When, UTC.
    failed_time: Value,
}

/// Figures of a step.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum StepInfo {
    /// Of a copy or a verification.
    #[serde(rename_all = "camelCase")]
    Full {
        /// Rows done.
        processed_records: Option<u64>,
        /// Rows in all, as far as it is known.
        capacity: Option<u64>,
    },
    /// Of incremental synchronization.
    #[serde(rename_all = "camelCase")]
    Incr {
        /// What was written at the source until then is at the target, Unix seconds.
        incr_timestamp_checkpoint: Option<u64>,
        /// When that was looked at, Unix seconds.
        checkpoint_sample_timestamp: Option<i64>,
        /// Statistics by object are kept.
        enable_incr_statistics: bool,
    },
}

/// How far a project is.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProgressItem {
    /// The project.
    project_id: String,
    /// Its state.
    status: ProjectStatus,
    /// How much its trouble matters.
    alarm_level: AlarmLevel,
    /// It follows the source.
    enable_incr_sync: bool,
    /// The first step that is not done, or the last.
    current_step: Option<StepName>,
    /// What was written at the source until then is at the target, Unix seconds.
    incr_sync_checkpoint: Option<u64>,
    /// It moves the schema.
    enable_struct_transfer: bool,
    /// It copies the data.
    enable_full_transfer: bool,
    /// Percent.
    struct_transfer_progress: Option<i32>,
    /// Percent.
    full_transfer_progress: Option<i32>,
    /// It follows back after the switchover.
    enable_reverse_incr_transfer: bool,
    /// The same of the way back, Unix seconds.
    reverse_incr_transfer_checkpoint: Option<u64>,
}

/// `DescribeProjectSteps`.
pub async fn describe(call: &Call<'_>, wanted: ById) -> Outcome {
    let rows = call.api.reconciler.rows(&wanted.id).await?;
    Answer::of(step_items(&rows))
}

/// The steps of a project as the API gives them.
pub fn step_items(rows: &Rows) -> Vec<StepItem> {
    rows.steps.iter().map(|s| item(rows, s)).collect()
}

fn item(rows: &Rows, step: &Step) -> StepItem {
    let text = |key: &str| step.extra_info.get(key).cloned().unwrap_or_default();
    StepItem {
        order: step.order,
        name: step.name,
        description: description(step.name),
        status: step.status,
        extra_info: StepError {
            error_details: error_details(step),
            error_code: text("errorCode"),
            error_msg: text("errorMsg"),
            error_param: None,
            failed_time: text("failedTime"),
        },
        start_time: step.start_time.map(time),
        finish_time: step.finish_time.map(time),
        progress: step.progress,
        interactive: step.interactive,
        step_info: rows.component_of(step).and_then(|c| step_info(step, c)),
    }
}

fn error_details(step: &Step) -> Vec<ErrorDetail> {
    let text = |key: &str| step.extra_info.get(key).cloned().unwrap_or_default();
    let error = json!({
        "code": text("errorCode"), "message": text("errorMsg"), "proposal": text("proposal"),
    });
    let failed = text("errorCode").is_string();
    stored(Some(&error).filter(|_| failed))
        .into_iter()
        .collect()
}

fn figure(component: &Component, key: &str) -> Option<u64> {
    component.progress.get(key).and_then(Value::as_u64)
}

fn step_info(step: &Step, component: &Component) -> Option<StepInfo> {
    match step.name {
        StepName::FullTransfer | StepName::FullVerifier => Some(StepInfo::Full {
            processed_records: figure(component, "done"),
            capacity: figure(component, "total"),
        }),
        StepName::IncrTransfer => Some(StepInfo::Incr {
            incr_timestamp_checkpoint: checkpoint_seconds(component),
            checkpoint_sample_timestamp: heartbeat_seconds(component),
            enable_incr_statistics: false,
        }),
        _ => None,
    }
}

/// When a component reported last, Unix seconds.
pub fn heartbeat_seconds(component: &Component) -> Option<i64> {
    component.latest_heartbeat.map(|t| t.and_utc().timestamp())
}

/// A component's checkpoint, Unix seconds.
pub fn checkpoint_seconds(component: &Component) -> Option<u64> {
    let time = component.checkpoint.get("time_ms").and_then(Value::as_u64);
    time.filter(|ms| *ms > 0).map(|ms| ms / 1000)
}

/// `DescribeProjectProgress`.
pub async fn progress(call: &Call<'_>, wanted: ById) -> Outcome {
    let rows = call.api.reconciler.rows(&wanted.id).await?;
    let find = |name: StepName| rows.steps.iter().find(|s| s.name == name);
    let incr = find(StepName::IncrTransfer);
    let current = rows
        .steps
        .iter()
        .find(|s| !matches!(s.status, StepStatus::Finished | StepStatus::Monitoring))
        .or(rows.steps.last());
    let percent = |name: StepName| find(name).map(|s| s.progress);
    Answer::of(ProgressItem {
        project_id: rows.project.id.clone(),
        status: rows.project.status,
        alarm_level: rows.project.alarm_level,
        enable_incr_sync: incr.is_some(),
        current_step: current.map(|s| s.name),
        incr_sync_checkpoint: incr
            .and_then(|s| rows.component_of(s))
            .and_then(checkpoint_seconds),
        enable_struct_transfer: find(StepName::StructTransfer).is_some(),
        enable_full_transfer: find(StepName::FullTransfer).is_some(),
        struct_transfer_progress: percent(StepName::StructTransfer),
        full_transfer_progress: percent(StepName::FullTransfer),
        enable_reverse_incr_transfer: find(StepName::ReverseIncrTransfer).is_some(),
        reverse_incr_transfer_checkpoint: find(StepName::ReverseIncrTransfer)
            .and_then(|s| rows.component_of(s))
            .and_then(checkpoint_seconds),
    })
}
