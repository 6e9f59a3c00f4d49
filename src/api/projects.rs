//! `ListProjects` and `DescribeProject` (reference 5.5).

use super::actions::ById;
use super::auth::Who;
use super::page::Page;
use super::permit::Owners;
use super::request::invalid;
use super::steps::step_json;
use super::{Answer, Api, Outcome};
use crate::coordinator::Rows;
use crate::error::Result;
use crate::metadata::{
    DataSource, Project, ProjectFilter, ProjectStatus, ProjectType, StepName, StepStatus,
};
use crate::model::project::ProjectConfig;
use chrono::NaiveDateTime;
use serde::Deserialize;
use serde_json::{Value, json};

/// Parameters of `ListProjects`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct ListProjects {
    search_key: Option<String>,
    r#type: Option<ProjectType>,
    status: Option<OneOrMany>,
    label_ids: Vec<String>,
    source_endpoint_types: Vec<String>,
    sink_endpoint_types: Vec<String>,
    visible_sub_project: bool,
    sort_field: Option<String>,
    order: Option<String>,
    page_number: Option<u64>,
    page_size: Option<u64>,
}

/// One state, or a list of them.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(ProjectStatus),
    Many(Vec<ProjectStatus>),
}

/// A time as the API gives it: UTC, seconds.
pub fn time(time: NaiveDateTime) -> String {
    time.format("%Y-%m-%dT%H:%M:%S").to_string()
}

/// `ListProjects`.
pub async fn list(api: &Api, who: &Who, wanted: ListProjects) -> Outcome {
    let page = Page::of(wanted.page_number, wanted.page_size)?;
    let by_modified = match wanted.sort_field.as_deref() {
        None | Some("gmtCreate") => false,
        Some("gmtModified") => true,
        Some(other) => {
            return Err(invalid(
                "sortField",
                format!("'{other}' is neither gmtCreate nor gmtModified"),
            ));
        }
    };
    let ascending = match wanted.order.as_deref() {
        None | Some("descend") => false,
        Some("asc") => true,
        Some(other) => {
            return Err(invalid(
                "order",
                format!("'{other}' is neither asc nor descend"),
            ));
        }
    };
    let filter = ProjectFilter {
        search: wanted.search_key.filter(|key| !key.is_empty()),
        statuses: match wanted.status {
            None => Vec::new(),
            Some(OneOrMany::One(one)) => vec![one],
            Some(OneOrMany::Many(many)) => many,
        },
        kind: wanted.r#type,
        ..ProjectFilter::default()
    };
    let mut rows: Vec<Project> = Vec::new();
    // a row that cannot be understood is one that the Coordinator explains where people look
    rows.extend(
        api.metadata
            .projects()
            .list(&filter)
            .await?
            .into_iter()
            .flatten(),
    );
    let owners = Owners::load(api).await?;
    rows.retain(|p| owners.sees(who, "ListProjects", p.owner.as_deref()));
    if !wanted.label_ids.is_empty() {
        // no project has a label
        rows.clear();
    }
    let mut items = Vec::new();
    for project in rows {
        let (source, sink) = sides(api, &project).await?;
        let of = |side: &DataSource, wanted: &[String]| {
            wanted.is_empty() || wanted.contains(&side.kind.to_string())
        };
        if of(&source, &wanted.source_endpoint_types) && of(&sink, &wanted.sink_endpoint_types) {
            items.push((project, source, sink));
        }
    }
    if by_modified {
        items.sort_by_key(|(project, ..)| std::cmp::Reverse(project.gmt_modified));
    }
    if ascending {
        items.reverse();
    }
    let _ = wanted.visible_sub_project;
    let (items, info) = page.cut(items);
    let mut data = Vec::with_capacity(items.len());
    for (project, source, sink) in items {
        data.push(item(api, &project, &source, &sink, &owners).await?);
    }
    Ok(Answer {
        data: data.into(),
        page: Some(info),
    })
}

/// `DescribeProject`.
pub async fn describe(api: &Api, wanted: ById) -> Outcome {
    let project = api.metadata.projects().get(&wanted.id).await?;
    let (source, sink) = sides(api, &project).await?;
    let owners = Owners::load(api).await?;
    Ok(Answer::of(
        item(api, &project, &source, &sink, &owners).await?,
    ))
}

async fn sides(api: &Api, project: &Project) -> Result<(DataSource, DataSource)> {
    let sources = api.metadata.datasources();
    Ok((
        sources.get(&project.source_id).await?,
        sources.get(&project.target_id).await?,
    ))
}

async fn item(
    api: &Api,
    project: &Project,
    source: &DataSource,
    sink: &DataSource,
    owners: &Owners,
) -> Result<Value> {
    let rows = api.reconciler.rows(&project.id).await?;
    let has = |name: StepName| rows.steps.iter().any(|s| s.name == name);
    let config = ProjectConfig::from_json(&project.config)?;
    let started = rows.steps.iter().filter_map(|s| s.start_time).min();
    let finished = rows.steps.iter().filter_map(|s| s.finish_time).max();
    Ok(json!({
        "id": project.id,
        "type": project.kind,
        "name": project.name,
        "labels": [],
        "owner": owners.account(project.owner.as_deref()),
        "importance": project.alarm_level,
        "status": project.status,
        "gmtCreate": time(project.gmt_created),
        "gmtModified": time(project.gmt_modified),
        "gmtStart": started.map(time),
        "gmtFinish": finished.filter(|_| project.status == ProjectStatus::Finished).map(time),
        "destConnId": project.target_id,
        "isMerging": project.status == ProjectStatus::RunningMerging,
        "isModifying": project.status == ProjectStatus::RunningModifying,
        "isSubProject": false,
        "sourceEndpointType": source.kind,
        "sinkEndpointType": sink.kind,
        "transferMapping": mapping(&config),
        "enableStructTransfer": has(StepName::StructTransfer),
        "enableFullTransfer": has(StepName::FullTransfer),
        "enableFullVerify": has(StepName::FullVerifier),
        "enableIncrTransfer": has(StepName::IncrTransfer),
        "enableIncrVerify": has(StepName::IncrVerifier),
        "enableReverseIncrTransfer": has(StepName::ReverseIncrTransfer),
        "fullTransferConfig": {
            "throttleRps": config.options.full_import.throttle_rps,
            "throttleIOPS": config.options.full_import.throttle_iops,
            "readWorkerNum": config.options.full_import.workers,
            "writeWorkerNum": config.options.full_import.workers,
        },
        "incrTransferConfig": {
            "throttleRps": config.options.incr_sync.throttle_rps,
            "throttleIOPS": config.options.incr_sync.throttle_iops,
            "incrSyncConcurrency": config.options.incr_sync.lanes,
            "storeLogKeptHour": config.options.store.retention_secs / 3600,
        },
        "sourceConnectInfo": connect_info(source, "source"),
        "sinkConnectInfo": connect_info(sink, "dest"),
        "steps": rows.steps.iter().map(|s| step_json(&rows, s)).collect::<Vec<_>>(),
        "extraInfo": extra_info(&rows),
        "alarmStats": null,
    }))
}

/// The rules as `transferMapping` gives them in its WILDCARD mode.
fn mapping(config: &ProjectConfig) -> Value {
    json!({
        "mode": "WILDCARD",
        "databases": [],
        "databasesBlack": [],
        "tableAndViewWhiteList": config.filter.include,
        "tableAndViewBlackList": config.filter.exclude,
    })
}

fn connect_info(side: &DataSource, name: &str) -> Value {
    json!({
        "id": side.id, "endpointId": side.id, "endpointName": side.name, "endpointSide": name,
        "dbEngine": side.kind, "connectionInfo": format!("{}:{}", side.host, side.port),
        "username": side.username, "version": side.version, "host": side.host, "port": side.port,
    })
}

fn extra_info(rows: &Rows) -> Value {
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
    json!({
        "runningStep": running.map(|s| s.name),
        "runningProgress": running.map(|s| s.progress),
        "monitoringIncr": incr.is_some_and(|s| s.status == StepStatus::Monitoring),
        "syncDelay": lag.map(|ms| ms.div_ceil(1000)),
    })
}
