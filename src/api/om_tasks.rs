//! O&M tasks: listed, shown, retried and skipped (reference 7.17).

use super::answer::PageInfo;
use super::answer::understood;
use super::page::Page;
use super::permit::{Owners, Relation, may};
use super::projects::time;
use super::registry::Call;
use super::{Answer, Api, Outcome};
use crate::error::Result;
use crate::metadata::{OmTask, OmTaskFilter, OmTaskStatus, OmTaskType, OmTasks, Task, TaskStatus};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Parameters of `ListOmTasks`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct List {
    /// Only of this project.
    project_id: Option<String>,
    /// Only in one of these states.
    status: Vec<OmTaskStatus>,
    /// From 1.
    #[schemars(range(min = 1))]
    page_number: Option<u64>,
    /// 10 unless told.
    #[schemars(range(min = 1, max = 150))]
    page_size: Option<u64>,
}

/// Parameters of `DescribeOmTask`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ById {
    /// The task's number.
    id: i64,
}

/// Parameters of `RetryOmTask` and `SkipOmTask`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Failed {
    /// The task's number.
    id: i64,
    /// Only this sub-task; all that failed unless told.
    sub_task_id: Option<String>,
}

/// An O&M task.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OmTaskItem {
    /// Its number; its sub-tasks in `oms_task` have the group `om_<number>`.
    id: i64,
    /// The project; null where it is about components of several.
    project_id: Option<String>,
    /// What is done.
    task_type: OmTaskType,
    /// To what: a component, a node, a step.
    task_name: String,
    /// Where it is.
    status: OmTaskStatus,
    /// Who asked for it; null: nobody by the API.
    owner: Option<String>,
    /// What was refused of an edit in rm.
    extra_info: Value,
    /// When it was made, UTC.
    gmt_create: String,
    /// When it was written last, UTC.
    gmt_modified: String,
    /// When it came to its end, UTC.
    gmt_finish: Option<String>,
    /// Its sub-tasks in their order; only of `DescribeOmTask`.
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_tasks: Option<Vec<SubTaskItem>>,
}

/// A sub-task.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubTaskItem {
    /// Its id.
    id: String,
    /// What is done.
    task_type: String,
    /// To what.
    task_name: String,
    /// Where it is.
    status: TaskStatus,
    /// How often it was tried again.
    retry_count: i32,
    /// Above this it waits for a person.
    max_retry_count: i32,
    /// Why it failed.
    error_msg: Option<String>,
    /// When it was written last, UTC.
    gmt_modified: String,
}

fn sub_item(sub: &Task) -> SubTaskItem {
    let message = sub.extra_info.get("errorMsg").and_then(Value::as_str);
    SubTaskItem {
        id: sub.id.clone(),
        task_type: sub.kind.clone(),
        task_name: sub.name.clone(),
        status: sub.status,
        retry_count: sub.retry_count,
        max_retry_count: sub.max_retry_count,
        error_msg: message.map(str::to_owned),
        gmt_modified: time(sub.gmt_modified),
    }
}

fn item(owners: &Owners, task: &OmTask, subs: Option<&[Task]>) -> OmTaskItem {
    OmTaskItem {
        id: task.number(),
        project_id: Some(task.project_id.clone()).filter(|id| !id.is_empty()),
        task_type: task.kind,
        task_name: task.name.clone(),
        status: task.status,
        owner: task
            .owner
            .as_deref()
            .map(|owner| owners.account(Some(owner)).to_owned()),
        extra_info: task.extra_info.clone(),
        gmt_create: time(task.gmt_created),
        gmt_modified: time(task.gmt_modified),
        gmt_finish: task.finish_time.map(time),
        sub_tasks: subs.map(|subs| subs.iter().map(sub_item).collect()),
    }
}

/// `ListOmTasks`, the newest first.
pub async fn list(call: &Call<'_>, wanted: List) -> Outcome {
    let (api, who) = (call.api, call.who);
    let page = Page::of(wanted.page_number, wanted.page_size)?;
    let owners = Owners::load(api).await?;
    let all = may(who.role, "ListOmTasks", Relation::Foreign);
    let filter = OmTaskFilter {
        project_id: wanted.project_id,
        statuses: wanted.status,
        owners: (!all).then(|| owners.seen(who, "ListOmTasks")),
    };
    let skip = (page.number - 1).saturating_mul(page.size);
    let tasks = api.metadata.om_tasks();
    // a database counts rows with a sign
    let (rows, total) = tasks
        .list(&filter, skip.min(i64::MAX as u64), page.size)
        .await?;
    let info = PageInfo {
        number: page.number,
        size: page.size,
        total,
    };
    let (rows, broken) = understood(rows);
    let tasks = rows.iter().map(|task| item(&owners, task, None));
    let items: Vec<_> = tasks.collect();
    Ok(Answer::page(items, info)?.without(who, &broken))
}

/// `DescribeOmTask`.
pub async fn describe(call: &Call<'_>, wanted: ById) -> Outcome {
    Answer::of(shown(call.api, wanted.id).await?)
}

async fn shown(api: &Api, number: i64) -> Result<OmTaskItem> {
    let task = api.metadata.om_tasks().get(&OmTasks::id_of(number)).await?;
    let subs = api.metadata.tasks().list(&task.id).await?;
    let mut subs: Vec<Task> = subs.into_iter().flatten().collect();
    subs.sort_by_key(|sub| (sub.name.clone(), sub.task_info["order"].as_u64()));
    Ok(item(&Owners::load(api).await?, &task, Some(&subs)))
}

/// What the audit log keeps of a task.
pub async fn snapshot(api: &Api, number: i64) -> Result<Value> {
    super::audit::snapshot_of(&shown(api, number).await?)
}

/// `RetryOmTask`.
pub async fn retry(call: &Call<'_>, wanted: Failed) -> Outcome {
    let sub = wanted.sub_task_id.as_deref();
    call.api.reconciler.retry_om_task(wanted.id, sub).await?;
    call.api.changed();
    Ok(Answer::nothing())
}

/// `SkipOmTask`.
pub async fn skip(call: &Call<'_>, wanted: Failed) -> Outcome {
    let sub = wanted.sub_task_id.as_deref();
    call.api.reconciler.skip_om_task(wanted.id, sub).await?;
    call.api.changed();
    Ok(Answer::nothing())
}

/// The projects that an O&M task is about, as far as their components are there.
pub(super) async fn projects_of(api: &Api, task: &OmTask) -> Result<Vec<String>> {
    if !task.project_id.is_empty() {
        return Ok(vec![task.project_id.clone()]);
    }
    let mut projects = Vec::new();
    let ids = task.task_info["components"]
        .as_array()
        .into_iter()
        .flatten();
    for id in ids.filter_map(Value::as_str) {
        if let Ok(component) = api.metadata.components().get(id).await {
            projects.push(component.project_id);
        }
    }
    Ok(projects)
}
