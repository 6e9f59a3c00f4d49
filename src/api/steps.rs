//! `DescribeProjectSteps` and `DescribeProjectProgress` (reference 5.6, 5.8).

use super::actions::ById;
use super::answer::stored;
use super::projects::time;
use super::{Answer, Api, Outcome};
use crate::coordinator::Rows;
use crate::metadata::{Component, Step, StepName, StepStatus};
use crate::workflow::steps::description;
use serde_json::{Value, json};

/// `DescribeProjectSteps`.
pub async fn describe(api: &Api, wanted: ById) -> Outcome {
    let rows = api.reconciler.rows(&wanted.id).await?;
    let steps: Vec<Value> = rows.steps.iter().map(|s| step_json(&rows, s)).collect();
    Ok(Answer::of(steps.into()))
}

/// A step as the API gives it.
pub fn step_json(rows: &Rows, step: &Step) -> Value {
    let text = |key: &str| step.extra_info.get(key).cloned().unwrap_or_default();
    json!({
        "order": step.order,
        "name": step.name,
        "description": description(step.name),
        "status": step.status,
        "extraInfo": {
            "errorDetails": error_details(step),
            "errorCode": text("errorCode"),
            "errorMsg": text("errorMsg"),
            "errorParam": null,
            "failedTime": text("failedTime"),
        },
        "startTime": step.start_time.map(time),
        "finishTime": step.finish_time.map(time),
        "progress": step.progress,
        "stepInfo": step_info(step, rows.component_of(step)),
    })
}

/// The error of a step that failed, with its remedy.
fn error_details(step: &Step) -> Value {
    let text = |key: &str| step.extra_info.get(key).cloned().unwrap_or_default();
    match text("errorCode").is_string() {
        true => json!([stored(Some(&json!({
            "code": text("errorCode"), "message": text("errorMsg"), "proposal": text("proposal"),
        })))]),
        false => json!([]),
    }
}

fn figure(component: &Component, key: &str) -> Option<u64> {
    component.progress.get(key).and_then(Value::as_u64)
}

fn step_info(step: &Step, component: Option<&Component>) -> Value {
    let Some(component) = component else {
        return Value::Null;
    };
    match step.name {
        StepName::FullTransfer | StepName::FullVerifier => json!({
            "processedRecords": figure(component, "done"),
            "capacity": figure(component, "total"),
        }),
        StepName::IncrTransfer => json!({
            "incrTimestampCheckpoint": checkpoint_seconds(component),
            "checkpointSampleTimestamp": component.latest_heartbeat.map(|t| t.and_utc().timestamp()),
            "enableIncrStatistics": false,
        }),
        _ => Value::Null,
    }
}

/// A component's checkpoint, Unix seconds.
pub fn checkpoint_seconds(component: &Component) -> Option<u64> {
    let time = component.checkpoint.get("time_ms").and_then(Value::as_u64);
    time.filter(|ms| *ms > 0).map(|ms| ms / 1000)
}

/// `DescribeProjectProgress`.
pub async fn progress(api: &Api, wanted: ById) -> Outcome {
    let rows = api.reconciler.rows(&wanted.id).await?;
    let find = |name: StepName| rows.steps.iter().find(|s| s.name == name);
    let incr = find(StepName::IncrTransfer);
    let current = rows
        .steps
        .iter()
        .find(|s| !matches!(s.status, StepStatus::Finished | StepStatus::Monitoring))
        .or(rows.steps.last());
    let percent = |name: StepName| find(name).map(|s| s.progress);
    Ok(Answer::of(json!({
        "projectId": rows.project.id,
        "status": rows.project.status,
        "alarmLevel": rows.project.alarm_level,
        "enableIncrSync": incr.is_some(),
        "currentStep": current.map(|s| s.name),
        "incrSyncCheckpoint": incr.and_then(|s| rows.component_of(s)).and_then(checkpoint_seconds),
        "enableStructTransfer": find(StepName::StructTransfer).is_some(),
        "enableFullTransfer": find(StepName::FullTransfer).is_some(),
        "structTransferProgress": percent(StepName::StructTransfer),
        "fullTransferProgress": percent(StepName::FullTransfer),
        "enableReverseIncrTransfer": find(StepName::ReverseIncrTransfer).is_some(),
        "reverseIncrTransferCheckpoint": null,
    })))
}
