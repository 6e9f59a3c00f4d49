//! `ListProjects` and `DescribeProject` (reference 5.5).

use super::actions::ById;
use super::answer::understood;
use super::labels::LabelItem;
use super::page::Page;
use super::permit::Owners;
use super::registry::Call;
use super::steps::{StepItem, step_items};
use super::{Answer, Api, Outcome};
use crate::coordinator::Rows;
use crate::error::{Error, Kind, Result};
use crate::metadata::{
    AlarmLevel, DataSource, DataSourceType, Label, Project, ProjectFilter, ProjectStatus,
    ProjectType, Row, StepName, StepStatus,
};
use crate::model::project::ProjectConfig;
use crate::model::speed::SpeedMode;
use chrono::NaiveDateTime;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::HashMap;

/// Parameters of `ListProjects`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct ListProjects {
    /// A part of the name or of the id.
    search_key: Option<String>,
    /// This kind only.
    r#type: Option<ProjectType>,
    /// In this state, or in one of these.
    status: Option<OneOrMany>,
    /// With one of these labels.
    label_ids: Vec<String>,
    /// From a source of one of these kinds.
    source_endpoint_types: Vec<DataSourceType>,
    /// To a target of one of these kinds.
    sink_endpoint_types: Vec<DataSourceType>,
    /// Also the children of projects whose objects are changed.
    visible_sub_project: bool,
    /// What they are sorted by.
    sort_field: SortField,
    /// In which order.
    order: Order,
    /// From 1.
    #[schemars(range(min = 1))]
    page_number: Option<u64>,
    /// 10 unless told.
    #[schemars(range(min = 1, max = 150))]
    page_size: Option<u64>,
}

/// What a list is sorted by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum SortField {
    /// When it was made.
    #[default]
    GmtCreate,
    /// When it was written last.
    GmtModified,
}

/// The order of a list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Order {
    /// The oldest first.
    Asc,
    /// The newest first.
    #[default]
    Descend,
}

/// One state, or a list of them.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
enum OneOrMany {
    One(ProjectStatus),
    Many(Vec<ProjectStatus>),
}

/// A project.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProjectItem {
    /// `np_…`.
    id: String,
    r#type: ProjectType,
    name: String,
    labels: Vec<LabelItem>,
    /// Who made it.
    owner: String,
    /// How much its trouble matters.
    importance: AlarmLevel,
    status: ProjectStatus,
    /// When it was made, UTC, `yyyy-MM-ddTHH:mm:ss`.
    gmt_create: String,
    /// When it was written last, UTC.
    gmt_modified: String,
    /// When its first step began, UTC.
    gmt_start: Option<String>,
    /// When it was finished, UTC.
    gmt_finish: Option<String>,
    /// The target's data source.
    dest_conn_id: String,
    /// A child project is being merged into it.
    is_merging: bool,
    /// Its objects are being changed.
    is_modifying: bool,
    /// It is a child of another project.
    is_sub_project: bool,
    source_endpoint_type: Option<DataSourceType>,
    sink_endpoint_type: Option<DataSourceType>,
    /// Which objects it moves.
    transfer_mapping: Option<MappingItem>,
    enable_struct_transfer: Option<bool>,
    enable_full_transfer: Option<bool>,
    enable_full_verify: Option<bool>,
    enable_incr_transfer: Option<bool>,
    enable_incr_verify: Option<bool>,
    enable_reverse_incr_transfer: Option<bool>,
    full_transfer_config: Option<FullTransferItem>,
    incr_transfer_config: Option<IncrTransferItem>,
    source_connect_info: Option<ConnectInfo>,
    sink_connect_info: Option<ConnectInfo>,
    steps: Vec<StepItem>,
    extra_info: ExtraInfo,
    /// What of it cannot be understood, and is null therefore.
    problem: Option<String>,
    /// Not used.
    alarm_stats: Option<Value>,
}

/// Objects, as `transferMapping` gives them in its WILDCARD mode.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct MappingItem {
    /// `WILDCARD`.
    mode: &'static str,
    databases: Vec<Value>,
    databases_black: Vec<Value>,
    /// Rules for what is moved.
    table_and_view_white_list: Vec<String>,
    /// Rules for what is not.
    table_and_view_black_list: Vec<String>,
}

/// Settings of the copy.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct FullTransferItem {
    /// Rows each second, at most; 0: no limit.
    throttle_rps: u64,
    /// Bytes each second, at most; 0: no limit.
    #[serde(rename = "throttleIOPS")]
    throttle_iops: u64,
    full_transfer_speed_mode: SpeedMode,
    full_verify_speed_mode: SpeedMode,
    /// Of the mode CUSTOM.
    read_worker_num: usize,
    /// The same.
    write_worker_num: usize,
}

/// Settings of incremental synchronization.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct IncrTransferItem {
    /// Changes each second, at most; 0: no limit.
    throttle_rps: u64,
    /// Bytes each second, at most; 0: no limit.
    #[serde(rename = "throttleIOPS")]
    throttle_iops: u64,
    incr_sync_concurrency: usize,
    /// How long the Store keeps the log, hours.
    store_log_kept_hour: u64,
}

/// One side of a project.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ConnectInfo {
    /// The data source.
    id: String,
    /// The same.
    endpoint_id: String,
    endpoint_name: String,
    /// `source` or `dest`.
    endpoint_side: &'static str,
    db_engine: DataSourceType,
    /// Host and port.
    connection_info: String,
    username: String,
    /// The server's version, as last seen.
    version: String,
    host: String,
    port: u16,
}

/// Where a project is.
#[derive(Debug, Default, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ExtraInfo {
    /// The step that runs, or that failed.
    running_step: Option<StepName>,
    /// Percent.
    running_progress: Option<i32>,
    /// It follows the source, and has caught up.
    monitoring_incr: bool,
    /// How far the target is behind the source, seconds.
    sync_delay: Option<u64>,
    /// The code of what went wrong.
    error_code: Option<String>,
    /// What went wrong.
    error_msg: Option<String>,
    /// Its sub-projects that are not at their end.
    sub_ids: Vec<String>,
    /// Of a sub-project: the project that its tables go to.
    parent_id: Option<String>,
}

/// A time as the API gives it: UTC, seconds.
pub fn time(time: NaiveDateTime) -> String {
    time.format("%Y-%m-%dT%H:%M:%S").to_string()
}

/// `ListProjects`.
pub async fn list(call: &Call<'_>, wanted: ListProjects) -> Outcome {
    let api = call.api;
    let page = Page::of(wanted.page_number, wanted.page_size)?;
    let filter = ProjectFilter {
        search: wanted.search_key.filter(|key| !key.is_empty()),
        statuses: match wanted.status {
            None => Vec::new(),
            Some(OneOrMany::One(one)) => vec![one],
            Some(OneOrMany::Many(many)) => many,
        },
        kind: wanted.r#type,
        children: wanted.visible_sub_project,
        ..ProjectFilter::default()
    };
    let rows = api.metadata.projects().list(&filter).await?;
    let sources = Sources::load(api).await?;
    let owners = Owners::load(api).await?;
    let labels = api.metadata.labels().by_project().await?;
    let of = |project: &Project| labels.get(&project.id).map_or(&[][..], Vec::as_slice);
    let mut items = Vec::new();
    let (rows, broken) = understood(rows);
    for project in rows {
        if !owners.sees(call.who, "ListProjects", project.owner.as_deref()) {
            continue;
        }
        let has = |id: &String| of(&project).iter().any(|label| label.id == *id);
        if !wanted.label_ids.is_empty() && !wanted.label_ids.iter().any(has) {
            continue;
        }
        let is = |id: &str, wanted: &[DataSourceType]| {
            let kind = sources.get(id).map(|side| side.kind);
            wanted.is_empty() || kind.is_ok_and(|kind| wanted.contains(&kind))
        };
        if is(&project.source_id, &wanted.source_endpoint_types)
            && is(&project.target_id, &wanted.sink_endpoint_types)
        {
            items.push(project);
        }
    }
    if wanted.sort_field == SortField::GmtModified {
        items.sort_by_key(|project| std::cmp::Reverse(project.gmt_modified));
    }
    if wanted.order == Order::Asc {
        items.reverse();
    }
    let (items, info) = page.cut(items);
    let mut data = Vec::with_capacity(items.len());
    for project in items {
        data.push(item(api, &project, of(&project), &sources, &owners).await?);
    }
    Ok(Answer::page(data, info)?.without(call.who, &broken))
}

/// `DescribeProject`.
pub async fn describe(call: &Call<'_>, wanted: ById) -> Outcome {
    let api = call.api;
    let project = api.metadata.projects().get(&wanted.id).await?;
    let sources = Sources::load(api).await?;
    let labels = api.metadata.labels().by_project().await?;
    let labels = labels.get(&project.id).map_or(&[][..], Vec::as_slice);
    let owners = Owners::load(api).await?;
    Answer::of(item(api, &project, labels, &sources, &owners).await?)
}

/// All data sources by id; those whose rows cannot be understood with why.
struct Sources(HashMap<String, Row<DataSource>>);

impl Sources {
    async fn load(api: &Api) -> Result<Self> {
        let rows = api.metadata.datasources().list().await?;
        let id = |row: &Row<DataSource>| match row {
            Ok(source) => source.id.clone(),
            Err(problem) => problem.id.clone(),
        };
        Ok(Self(rows.into_iter().map(|row| (id(&row), row)).collect()))
    }

    fn get(&self, id: &str) -> Result<&DataSource> {
        match self.0.get(id) {
            Some(Ok(source)) => Ok(source),
            Some(Err(problem)) => {
                Err(Error::new(Kind::RmCorrupt, format!("data source {id}")).detail(problem))
            }
            None => {
                Err(Error::new(Kind::NotFound, format!("data source {id}")).detail("it is gone"))
            }
        }
    }
}

/// What can be understood; why it cannot goes to the problems.
fn known<T>(found: Result<T>, problems: &mut Vec<String>) -> Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if matches!(error.kind(), Kind::RmCorrupt | Kind::NotFound) => {
            problems.push(error.to_string());
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// A project, as far as it can be understood.
async fn item(
    api: &Api,
    project: &Project,
    labels: &[Label],
    sources: &Sources,
    owners: &Owners,
) -> Result<ProjectItem> {
    let mut problems = Vec::new();
    let rows = known(api.reconciler.rows(&project.id).await, &mut problems)?;
    let config = known(ProjectConfig::from_json(&project.config), &mut problems)?;
    let source = known(sources.get(&project.source_id), &mut problems)?;
    let sink = known(sources.get(&project.target_id), &mut problems)?;
    if !problems.is_empty() {
        tracing::warn!(project_id = %project.id, ?problems, "a project is not shown whole");
    }
    let steps = rows.as_ref().map(|rows| rows.steps.as_slice());
    let has = |name: StepName| Some(steps?.iter().any(|s| s.name == name));
    let all = || steps.into_iter().flatten();
    let finished = all().filter_map(|s| s.finish_time).max();
    Ok(ProjectItem {
        id: project.id.clone(),
        r#type: project.kind,
        name: project.name.clone(),
        labels: labels.iter().map(LabelItem::from).collect(),
        owner: owners.account(project.owner.as_deref()).to_owned(),
        importance: project.alarm_level,
        status: project.status,
        gmt_create: time(project.gmt_created),
        gmt_modified: time(project.gmt_modified),
        gmt_start: all().filter_map(|s| s.start_time).min().map(time),
        gmt_finish: finished
            .filter(|_| project.status == ProjectStatus::Finished)
            .map(time),
        dest_conn_id: project.target_id.clone(),
        is_merging: project.status == ProjectStatus::RunningMerging,
        is_modifying: project.status == ProjectStatus::RunningModifying,
        is_sub_project: project.parent.is_some(),
        source_endpoint_type: source.map(|side| side.kind),
        sink_endpoint_type: sink.map(|side| side.kind),
        enable_struct_transfer: has(StepName::StructTransfer),
        enable_full_transfer: has(StepName::FullTransfer),
        enable_full_verify: has(StepName::FullVerifier),
        enable_incr_transfer: has(StepName::IncrTransfer),
        enable_incr_verify: has(StepName::IncrVerifier),
        enable_reverse_incr_transfer: has(StepName::ReverseIncrTransfer),
        full_transfer_config: config.as_ref().map(full_transfer),
        incr_transfer_config: config.as_ref().map(incr_transfer),
        transfer_mapping: config.map(|config| MappingItem {
            mode: "WILDCARD",
            databases: Vec::new(),
            databases_black: Vec::new(),
            table_and_view_white_list: config.filter.include,
            table_and_view_black_list: config.filter.exclude,
        }),
        source_connect_info: source.map(|side| connect_info(side, "source")),
        sink_connect_info: sink.map(|side| connect_info(side, "dest")),
        steps: rows.as_ref().map(step_items).unwrap_or_default(),
        extra_info: match &rows {
            Some(rows) => extra_info(rows, sub_ids(api, &project.id).await?),
            None => ExtraInfo::default(),
        },
        problem: (!problems.is_empty()).then(|| problems.join("; ")),
        alarm_stats: None,
    })
}

fn full_transfer(config: &ProjectConfig) -> FullTransferItem {
    let full = &config.options.full_import;
    FullTransferItem {
        throttle_rps: full.throttle_rps,
        throttle_iops: full.throttle_iops,
        full_transfer_speed_mode: full.speed,
        full_verify_speed_mode: config.options.full_verification.speed,
        read_worker_num: full.workers,
        write_worker_num: full.workers,
    }
}

fn incr_transfer(config: &ProjectConfig) -> IncrTransferItem {
    let incr = &config.options.incr_sync;
    IncrTransferItem {
        throttle_rps: incr.throttle_rps,
        throttle_iops: incr.throttle_iops,
        incr_sync_concurrency: incr.lanes,
        store_log_kept_hour: config.options.store.retention_secs / 3600,
    }
}

async fn sub_ids(api: &Api, project: &str) -> Result<Vec<String>> {
    let records = api.metadata.modify_records().open(Some(project)).await?;
    let records = records.into_iter().flatten();
    Ok(records.filter_map(|record| record.sub_project_id).collect())
}

fn connect_info(side: &DataSource, name: &'static str) -> ConnectInfo {
    ConnectInfo {
        id: side.id.clone(),
        endpoint_id: side.id.clone(),
        endpoint_name: side.name.clone(),
        endpoint_side: name,
        db_engine: side.kind,
        connection_info: format!("{}:{}", side.host, side.port),
        username: side.username.clone(),
        version: side.version.clone(),
        host: side.host.clone(),
        port: side.port,
    }
}

fn extra_info(rows: &Rows, sub_ids: Vec<String>) -> ExtraInfo {
    let running = rows.steps.iter().find(|s| {
        matches!(
            s.status,
            StepStatus::Running | StepStatus::Failed | StepStatus::Suspend
        )
    });
    let incr = rows.steps.iter().find(|s| s.name == StepName::IncrTransfer);
    let lag = incr
        .and_then(|s| rows.component_of(s))
        .and_then(|c| c.progress.get("lag_ms"))
        .and_then(Value::as_u64);
    let text = |key: &str| Some(rows.project.extra_info.get(key)?.as_str()?.to_owned());
    ExtraInfo {
        running_step: running.map(|s| s.name),
        running_progress: running.map(|s| s.progress),
        monitoring_incr: incr.is_some_and(|s| s.status == StepStatus::Monitoring),
        sync_delay: lag.map(|ms| ms.div_ceil(1000)),
        error_code: text("errorCode"),
        error_msg: text("errorMsg"),
        sub_ids,
        parent_id: rows.project.parent.clone(),
    }
}
