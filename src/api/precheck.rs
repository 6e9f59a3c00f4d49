//! The pre-check of a project: `SubmitPreCheck`, `GetPreCheckResult` and `RetryPreCheck` (reference
//! 5.12). It runs as the project's step TRANSFER_PRECHECK, also while the project is not started.

use super::actions::ById;
use super::answer::{ErrorDetail, stored};
use super::life::in_state;
use super::projects::time;
use super::registry::Call;
use super::{Answer, Outcome};
use crate::coordinator::{EndpointType, ItemStatus, StoredItem, make_steps, removable};
use crate::error::Kind;
use crate::metadata::{ProjectStatus, Step, StepStatus};
use crate::model::project::ProjectConfig;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Parameters of `RetryPreCheck`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Retry {
    /// The project.
    id: String,
    /// Failed items that are skipped from now on, like `DEST-DB_TRIGGER`; their `skipConsequence` says
    /// what that means.
    #[serde(default)]
    skip_items: Vec<String>,
    /// Failed items whose objects (`blackObjectsInfo`) the project leaves out from now on.
    #[serde(default)]
    remove_items: Vec<String>,
}

/// What a pre-check found.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PreCheckResult {
    /// The project.
    id: String,
    pre_check_status: PreCheckStatus,
    /// When the last check began, UTC.
    gmt_start: Option<String>,
    /// When it passed, UTC.
    gmt_finish: Option<String>,
    /// Why it failed.
    error_detail: Option<ErrorDetail>,
    items: Vec<PreCheckItem>,
}

/// Where a pre-check is.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
enum PreCheckStatus {
    /// Nothing was checked, or what was checked is another thing by now.
    Init,
    /// It is about to begin.
    Pending,
    /// It runs.
    Running,
    /// An item failed.
    Failed,
    /// It passed.
    Finished,
}

/// A side of a project.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
enum Side {
    /// The source.
    Source,
    /// The target.
    Dest,
}

/// How an item stands.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
enum Standing {
    /// Not looked at yet.
    Pending,
    /// Being looked at.
    Running,
    /// Must be mended, skipped or left out first.
    Failed,
    /// Works, but somebody should know.
    Warning,
    /// Fine.
    Passed,
}

/// A thing that is checked.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct PreCheckItem {
    /// With its side, as it is named in order to skip it: `DEST-DB_TRIGGER`.
    name: String,
    endpoint_type: Side,
    /// Without its side: `DB_TRIGGER`.
    check_type: String,
    status: Standing,
    /// What was found.
    message: String,
    /// It may be skipped.
    skippable: bool,
    /// Somebody skipped it.
    skipped: bool,
    /// What happens where it is skipped.
    skip_consequence: Option<String>,
    /// Not used: one account does all.
    role: Option<String>,
    /// Of one that failed: what to do.
    error_detail: Option<ErrorDetail>,
    /// It failed because of single objects, which can be left out.
    removable: bool,
    /// These objects.
    black_objects_info: Vec<BlackObject>,
}

/// An object that an item did not pass over.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct BlackObject {
    /// Its database.
    database: String,
    name: String,
}

/// `SubmitPreCheck`.
pub async fn submit(call: &Call<'_>, wanted: ById) -> Outcome {
    let api = call.api;
    let _one = api.life.lock().await;
    let project = in_state(api, &wanted.id, "check", &[ProjectStatus::Init]).await?;
    // the request that made the project may have died in front of its steps
    let config = ProjectConfig::from_json(&project.config)?;
    make_steps(&api.metadata, &project.id, &config).await?;
    api.reconciler.claim(&project.id).await?;
    api.reconciler.submit_precheck(&project.id).await?;
    api.changed();
    Ok(Answer::nothing())
}

/// `RetryPreCheck`.
pub async fn retry(call: &Call<'_>, wanted: Retry) -> Outcome {
    let api = call.api;
    let _one = api.life.lock().await;
    let states = [ProjectStatus::Init, ProjectStatus::Failed];
    let project = in_state(api, &wanted.id, "check", &states).await?;
    api.reconciler.claim(&project.id).await?;
    let (skip, remove) = (&wanted.skip_items, &wanted.remove_items);
    api.reconciler
        .retry_precheck(&project.id, skip, remove)
        .await?;
    api.changed();
    Ok(Answer::nothing())
}

/// `GetPreCheckResult`.
pub async fn result(call: &Call<'_>, wanted: ById) -> Outcome {
    let found = call.api.reconciler.precheck(&wanted.id).await?;
    let step = found.step.as_ref();
    let counts = step.filter(|step| step.status != StepStatus::Init);
    let status = match step.map(|step| step.status) {
        None | Some(StepStatus::Init) => PreCheckStatus::Init,
        Some(StepStatus::Failed) => PreCheckStatus::Failed,
        Some(StepStatus::Finished | StepStatus::Monitoring) => PreCheckStatus::Finished,
        Some(StepStatus::Running) if found.at_work => PreCheckStatus::Running,
        Some(StepStatus::Running | StepStatus::Suspend) => PreCheckStatus::Pending,
    };
    let items = found.items.into_iter();
    Answer::of(PreCheckResult {
        id: wanted.id,
        pre_check_status: status,
        gmt_start: counts.and_then(|step| step.start_time).map(time),
        gmt_finish: counts.and_then(|step| step.finish_time).map(time),
        error_detail: counts.and_then(error_of),
        items: items.map(|item| item_of(item, found.at_work)).collect(),
    })
}

fn error_of(step: &Step) -> Option<ErrorDetail> {
    let text = |key: &str| step.extra_info.get(key).cloned().unwrap_or_default();
    let code = text("errorCode");
    let error = json!({ "code": code, "message": text("errorMsg"), "proposal": text("proposal") });
    stored(Some(&error).filter(|_| code.is_string()))
}

fn item_of(item: StoredItem, at_work: bool) -> PreCheckItem {
    let removable = removable(&item);
    let failed = item.status == ItemStatus::Failed;
    let error = json!({
        "code": Kind::PrecheckFailed.code(), "message": item.message, "proposal": item.remedy,
    });
    PreCheckItem {
        name: item.full_name(),
        endpoint_type: match item.endpoint_type {
            EndpointType::Source => Side::Source,
            EndpointType::Dest => Side::Dest,
        },
        status: match item.status {
            ItemStatus::Pending if at_work => Standing::Running,
            ItemStatus::Pending => Standing::Pending,
            ItemStatus::Running => Standing::Running,
            ItemStatus::Failed => Standing::Failed,
            ItemStatus::Warning => Standing::Warning,
            ItemStatus::Passed => Standing::Passed,
        },
        check_type: item.name,
        message: item.message,
        skippable: item.skippable,
        skipped: item.skipped,
        skip_consequence: item.skippable.then_some(item.skip_consequence),
        role: None,
        error_detail: stored(Some(&error).filter(|_| failed)),
        removable,
        black_objects_info: item
            .objects
            .into_iter()
            .map(|object| BlackObject {
                database: object.schema,
                name: object.name,
            })
            .collect(),
    }
}
