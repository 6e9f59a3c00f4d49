//! `DescribeProjectComponents` (reference 5.9).

use super::actions::ById;
use super::answer::{ErrorDetail, stored};
use super::projects::time;
use super::registry::Call;
use super::steps::{checkpoint_seconds, heartbeat_seconds};
use super::{Answer, Outcome};
use crate::coordinator::Rows;
use crate::metadata::{Component, ComponentStatus, ComponentType, StepName};
use crate::model::project::{ProjectConfig, reverse_subtopic_of, subtopic_of};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// The components of a project, by kind.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Components {
    store_list: Vec<StoreItem>,
    /// Of the way back.
    reverse_store_list: Vec<StoreItem>,
    full_verify_components: Vec<VerificationItem>,
    incr_verify_components: Vec<VerificationItem>,
    full_import_components: Vec<ComponentItem>,
    incr_sync_components: Vec<SyncItem>,
    /// Of the way back.
    reverse_incr_sync_components: Vec<SyncItem>,
}

/// What all components have.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ComponentItem {
    /// Its id.
    name: String,
    /// The node that it runs on.
    ip: String,
    /// Not used: there is one region.
    region: Option<String>,
    /// The project.
    identity: String,
    /// Percent.
    progress: u64,
    /// What it does.
    status: ComponentStatus,
    /// What it was told at its start.
    config: Value,
    /// Its last error.
    error_details: Vec<ErrorDetail>,
    /// When it was made, UTC.
    gmt_create: String,
    /// When it was written last, UTC.
    gmt_modify: String,
    /// When it reported last, Unix seconds.
    lately_heartbeat_time_sec: Option<i64>,
}

/// A Store.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StoreItem {
    #[serde(flatten)]
    common: ComponentItem,
    /// The source as a topic.
    topic: String,
    /// What consumers ask for.
    subtopic: String,
    /// How far it is behind its source, seconds.
    delay: Option<u64>,
    /// Not used.
    conn: Option<String>,
    /// A switch to another source is pending.
    to_switch: bool,
    /// Its last error.
    err_msg: Option<String>,
}

/// An Incr-Sync.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SyncItem {
    #[serde(flatten)]
    common: ComponentItem,
    /// What it reads.
    subtopics: Vec<String>,
    /// What was written at the source until then is at the target, Unix seconds.
    checkpoint: Option<u64>,
    /// When that was looked at, Unix seconds.
    checkpoint_sample_timestamp: Option<i64>,
    /// How far the target is behind the source, seconds.
    delay: Option<u64>,
}

/// A verification.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VerificationItem {
    #[serde(flatten)]
    common: ComponentItem,
    /// Rows that differ.
    inconsistent_quantity: Option<u64>,
    /// Rows compared.
    record_progress: Option<u64>,
    /// Its id once more.
    task_id: String,
}

/// `DescribeProjectComponents`.
pub async fn describe(call: &Call<'_>, wanted: ById) -> Outcome {
    let rows = &call.api.reconciler.rows(&wanted.id).await?;
    fn of<T>(rows: &Rows, kind: ComponentType, show: fn(&Rows, &Component) -> T) -> Vec<T> {
        let found = rows.components.iter();
        let found = found.filter(|c| c.kind == kind && !goes_back(rows, c));
        found.map(|c| show(rows, c)).collect()
    }
    fn back<T>(rows: &Rows, kind: ComponentType, show: fn(&Rows, &Component) -> T) -> Vec<T> {
        let found = rows.components.iter();
        let found = found.filter(|c| c.kind == kind && goes_back(rows, c));
        found.map(|c| show(rows, c)).collect()
    }
    Answer::of(Components {
        store_list: of(rows, ComponentType::Store, store),
        reverse_store_list: back(rows, ComponentType::Store, store),
        full_verify_components: of(rows, ComponentType::FullVerification, verification),
        incr_verify_components: of(rows, ComponentType::IncrVerification, verification),
        full_import_components: of(rows, ComponentType::FullImport, common),
        incr_sync_components: of(rows, ComponentType::IncrSync, sync),
        reverse_incr_sync_components: back(rows, ComponentType::IncrSync, sync),
    })
}

fn figure(c: &Component, key: &str) -> Option<u64> {
    c.progress.get(key).and_then(Value::as_u64)
}

fn common(rows: &Rows, c: &Component) -> ComponentItem {
    let done = figure(c, "done").unwrap_or(0) * 100;
    let percent = done.checked_div(figure(c, "total").unwrap_or(0));
    ComponentItem {
        name: c.id.clone(),
        ip: c.node.clone(),
        region: None,
        identity: rows.project.id.clone(),
        progress: percent.unwrap_or(0).min(100),
        status: c.status,
        config: c.config.clone(),
        error_details: stored(c.error.as_ref()).into_iter().collect(),
        gmt_create: time(c.gmt_created),
        gmt_modify: time(c.gmt_modified),
        lately_heartbeat_time_sec: heartbeat_seconds(c),
    }
}

fn delay(c: &Component) -> Option<u64> {
    figure(c, "lag_ms").map(|ms| ms.div_ceil(1000))
}

fn store(rows: &Rows, c: &Component) -> StoreItem {
    let subtopic = subtopic(rows, c);
    let message = c.error.as_ref().and_then(|e| e.get("message"));
    StoreItem {
        common: common(rows, c),
        topic: subtopic.trim_end_matches("-1-0").to_owned(),
        subtopic,
        delay: delay(c),
        conn: None,
        to_switch: false,
        err_msg: message.and_then(Value::as_str).map(str::to_owned),
    }
}

fn sync(rows: &Rows, c: &Component) -> SyncItem {
    SyncItem {
        common: common(rows, c),
        subtopics: vec![subtopic(rows, c)],
        checkpoint: checkpoint_seconds(c),
        checkpoint_sample_timestamp: heartbeat_seconds(c),
        delay: delay(c),
    }
}

fn verification(rows: &Rows, c: &Component) -> VerificationItem {
    let detail = |key: &str| c.progress.get("detail")?.get(key)?.as_u64();
    VerificationItem {
        common: common(rows, c),
        inconsistent_quantity: detail("inconsistencies"),
        record_progress: figure(c, "done"),
        task_id: c.id.clone(),
    }
}

/// Whether a component belongs to the way back.
fn goes_back(rows: &Rows, c: &Component) -> bool {
    let reverse = rows.step(StepName::ReverseIncrTransfer);
    reverse.is_some_and(|step| step.id == c.step_id)
}

/// The subtopic of a Store, or of what an Incr-Sync reads.
fn subtopic(rows: &Rows, c: &Component) -> String {
    let (project, source) = (&rows.project.id, &rows.project.source_id);
    if goes_back(rows, c) {
        return reverse_subtopic_of(project, &rows.project.target_id);
    }
    match ProjectConfig::from_json(&rows.project.config) {
        Ok(config) => config.store_place(project, source).subtopic,
        Err(_) => subtopic_of(project, source),
    }
}
