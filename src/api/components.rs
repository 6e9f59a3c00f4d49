//! `DescribeProjectComponents` (reference 5.9).

use super::actions::ById;
use super::answer::stored;
use super::projects::time;
use super::steps::checkpoint_seconds;
use super::{Answer, Api, Outcome};
use crate::coordinator::Rows;
use crate::metadata::{Component, ComponentType};
use crate::model::project::subtopic_of;
use serde_json::{Value, json};

/// `DescribeProjectComponents`.
pub async fn describe(api: &Api, wanted: ById) -> Outcome {
    let rows = api.reconciler.rows(&wanted.id).await?;
    let of = |kind: ComponentType, show: fn(&Rows, &Component) -> Value| -> Vec<Value> {
        let found = rows.components.iter().filter(|c| c.kind == kind);
        found.map(|c| show(&rows, c)).collect()
    };
    Ok(Answer::of(json!({
        "storeList": of(ComponentType::Store, store),
        "reverseStoreList": [],
        "fullVerifyComponents": of(ComponentType::FullVerification, verification),
        "incrVerifyComponents": of(ComponentType::IncrVerification, verification),
        "fullImportComponents": of(ComponentType::FullImport, common),
        "incrSyncComponents": of(ComponentType::IncrSync, sync),
        "reverseIncrSyncComponents": [],
    })))
}

fn common(rows: &Rows, c: &Component) -> Value {
    let figure = |key: &str| c.progress.get(key).and_then(Value::as_u64).unwrap_or(0);
    let percent = (figure("done") * 100)
        .checked_div(figure("total"))
        .unwrap_or(0);
    let mut errors = vec![stored(c.error.as_ref())];
    errors.retain(|error| !error.is_null());
    json!({
        "name": c.id,
        "ip": c.node,
        "region": null,
        "identity": rows.project.id,
        "progress": percent.min(100),
        "status": c.status,
        "config": c.config,
        "errorDetails": errors,
        "gmtCreate": time(c.gmt_created),
        "gmtModify": time(c.gmt_modified),
        "latelyHeartbeatTimeSec": c.latest_heartbeat.map(|t| t.and_utc().timestamp()),
    })
}

fn with(mut base: Value, more: Value) -> Value {
    if let (Some(base), Value::Object(more)) = (base.as_object_mut(), more) {
        base.extend(more);
    }
    base
}

fn delay(c: &Component) -> Option<u64> {
    let lag = c.progress.get("lag_ms").and_then(Value::as_u64);
    lag.map(|ms| ms.div_ceil(1000))
}

fn store(rows: &Rows, c: &Component) -> Value {
    let subtopic = subtopic_of(&rows.project.id, &rows.project.source_id);
    let topic = subtopic.trim_end_matches("-1-0").to_owned();
    let more = json!({
        "topic": topic, "subtopic": subtopic, "delay": delay(c), "conn": null, "toSwitch": false,
        "errMsg": c.error.as_ref().and_then(|e| e.get("message")),
    });
    with(common(rows, c), more)
}

fn sync(rows: &Rows, c: &Component) -> Value {
    let more = json!({
        "subtopics": [subtopic_of(&rows.project.id, &rows.project.source_id)],
        "checkpoint": checkpoint_seconds(c),
        "checkpointSampleTimestamp": c.latest_heartbeat.map(|t| t.and_utc().timestamp()),
        "delay": delay(c),
    });
    with(common(rows, c), more)
}

fn verification(rows: &Rows, c: &Component) -> Value {
    let detail = |key: &str| c.progress.get("detail").and_then(|d| d.get(key)).cloned();
    let more = json!({
        "inconsistentQuantity": detail("inconsistencies"),
        "recordProgress": c.progress.get("done"),
        "taskId": c.id,
    });
    with(common(rows, c), more)
}
