//! Changing the objects of a project: tables are added and removed, while it runs or not (reference 1.5,
//! 7.13). `docs/objects.md` says how that is done; here is what is refused.

use super::actions::ById;
use super::answer::PageInfo;
use super::create::{Database, specific};
use super::datasources::login_to;
use super::page::Page;
use super::projects::time;
use super::registry::Call;
use super::request::invalid;
use super::{Answer, Api, Outcome};
use crate::datasource::mysql::catalogue::{exists, open, tables_in_scope};
use crate::error::{Error, Kind, Result};
use crate::metadata::{
    ModifyRecord, ModifyStatus, ModifyType, NewModifyRecord, Project, ProjectStatus, StepName,
    StepStatus, new_id,
};
use crate::model::filter::ObjectFilter;
use crate::model::project::ProjectConfig;
use crate::model::table::TableName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::HashSet;

/// Parameters of `CreateProjectModifyRecords`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Create {
    /// The project.
    id: String,
    /// Whether the tables are added or removed.
    r#type: ModifyType,
    /// The databases and their tables by name.
    databases: Vec<Database>,
}

/// Parameters of `ListProjectModifyRecords`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct List {
    /// The project.
    id: String,
    /// From 1.
    #[schemars(range(min = 1))]
    page_number: Option<u64>,
    /// 10 unless told.
    #[schemars(range(min = 1, max = 150))]
    page_size: Option<u64>,
}

/// A change of a project's objects.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordItem {
    /// `mr_…`.
    id: String,
    project_id: String,
    /// The project that brings added tables.
    sub_project_id: Option<String>,
    r#type: ModifyType,
    status: ModifyStatus,
    /// The tables, as `database.table`.
    tables: Vec<String>,
    /// `errorCode`, `errorMsg`, `proposal` of what went wrong.
    error_detail: Option<Value>,
    /// When it was asked for, UTC.
    gmt_create: String,
    /// When it was written last, UTC.
    gmt_modified: String,
}

impl From<&ModifyRecord> for RecordItem {
    fn from(record: &ModifyRecord) -> Self {
        let tables = record.tables.iter();
        Self {
            id: record.id.clone(),
            project_id: record.project_id.clone(),
            sub_project_id: record.sub_project_id.clone(),
            r#type: record.kind,
            status: record.status,
            tables: tables
                .map(|(schema, table)| format!("{schema}.{table}"))
                .collect(),
            error_detail: record
                .extra_info
                .get("errorCode")
                .map(|_| record.extra_info.clone()),
            gmt_create: time(record.gmt_created),
            gmt_modified: time(record.gmt_modified),
        }
    }
}

/// `ListProjectModifyRecords`, the newest first.
pub async fn list(call: &Call<'_>, wanted: List) -> Outcome {
    let page = Page::of(wanted.page_number, wanted.page_size)?;
    let metadata = &call.api.metadata;
    metadata.projects().get(&wanted.id).await?;
    let records = metadata.modify_records().list(&wanted.id, 0, 0).await?;
    let (records, info): (Vec<ModifyRecord>, PageInfo) =
        page.cut(records.into_iter().flatten().collect());
    let items: Vec<RecordItem> = records.iter().map(RecordItem::from).collect();
    Answer::page(items, info)
}

/// `CreateProjectModifyRecords`.
pub async fn create(call: &Call<'_>, wanted: Create) -> Outcome {
    let api = call.api;
    let tables = tables(&wanted.databases)?;
    let project = api.metadata.projects().get(&wanted.id).await?;
    let adds = wanted.r#type == ModifyType::IncreaseObject;
    // before the servers are asked, and again when nobody else changes anything
    allowed(api, &project, wanted.r#type, &tables).await?;
    if adds {
        look_at_servers(api, &project, &tables).await?;
    }
    let _one = api.life.lock().await;
    let project = api.metadata.projects().get(&wanted.id).await?;
    let config = allowed(api, &project, wanted.r#type, &tables).await?;
    api.reconciler.claim(&project.id).await?;
    let store = config.store_place(&project.id, &project.source_id);
    let at_once = project.status == ProjectStatus::Init;
    let id = new_id("mr_");
    let names = tables.iter().cloned().map(|t| (t.schema, t.name));
    let new = NewModifyRecord {
        id: id.clone(),
        project_id: project.id,
        sub_project_id: (adds && !at_once).then(|| new_id("np_")),
        kind: wanted.r#type,
        status: match at_once {
            true => ModifyStatus::Success,
            false => ModifyStatus::Pending,
        },
        tables: names.collect(),
    };
    if at_once {
        let change = |config: &ProjectConfig| {
            let mut config = match adds {
                true => config.with_tables(&tables, None, None),
                false => config.without_tables(&tables, store),
            };
            // nothing has begun: its Store will begin with what it is then
            config.modified.store = None;
            config
        };
        api.reconciler.change_at_once(new, change).await?;
    } else {
        api.metadata.modify_records().create(new).await?;
    }
    api.changed();
    Answer::of(id)
}

/// `CancelProjectModifyRecord`.
pub async fn cancel(call: &Call<'_>, wanted: ById) -> Outcome {
    let _one = call.api.life.lock().await;
    call.api.reconciler.cancel_change(&wanted.id).await?;
    call.api.changed();
    Ok(Answer::nothing())
}

/// `StopProjectModifyRecords`.
pub async fn stop(call: &Call<'_>, wanted: ById) -> Outcome {
    let _one = call.api.life.lock().await;
    call.api.reconciler.abort_change(&wanted.id).await?;
    call.api.changed();
    Ok(Answer::nothing())
}

/// `RetryProjectModifyRecords`.
pub async fn retry(call: &Call<'_>, wanted: ById) -> Outcome {
    let _one = call.api.life.lock().await;
    call.api.reconciler.retry_change(&wanted.id).await?;
    call.api.changed();
    Ok(Answer::nothing())
}

/// What the audit log keeps of a change.
pub(super) async fn snapshot(api: &Api, id: &str) -> Result<Value> {
    let record = api.metadata.modify_records().get(id).await?;
    Ok(json!(RecordItem::from(&record)))
}

fn tables(databases: &[Database]) -> Result<Vec<TableName>> {
    let names = specific(databases)?;
    let mut seen = HashSet::new();
    if let Some(twice) = names.iter().find(|name| !seen.insert(name.as_str())) {
        return Err(invalid("databases", format!("{twice} is named twice")));
    }
    let filter = ObjectFilter {
        include: names,
        exclude: Vec::new(),
    };
    match filter
        .problem()
        .is_none()
        .then(|| filter.tables())
        .flatten()
    {
        Some(tables) => Ok(tables),
        None => Err(invalid("databases", "it names no table")),
    }
}

fn refused(project: &Project, why: impl std::fmt::Display) -> Error {
    Error::new(Kind::StateInvalid, format!("project {}", project.id)).detail(why)
}

/// Gives the configuration of a project whose objects may be changed so.
async fn allowed(
    api: &Api,
    project: &Project,
    kind: ModifyType,
    tables: &[TableName],
) -> Result<ProjectConfig> {
    if let Some(parent) = &project.parent {
        return Err(refused(project, format!("it is a sub-project of {parent}"))
            .remedy("Change the objects of that project."));
    }
    let config = ProjectConfig::from_json(&project.config)?;
    let Some(there) = config.filter.tables() else {
        return Err(refused(
            project,
            "its objects are given by rules, so tables come and go by their names",
        )
        .remedy("Only a project whose tables are named one by one can get or lose some."));
    };
    in_state(api, project, kind).await?;
    let open = api
        .metadata
        .modify_records()
        .open(Some(&project.id))
        .await?;
    let open = open.into_iter().flatten().find(|record| {
        // a removal that failed is over
        record.kind == ModifyType::IncreaseObject || record.status != ModifyStatus::Failed
    });
    if let Some(open) = open {
        return Err(refused(
            project,
            format!("another change of its objects, {}, is {}", open.id, open.status),
        )
        .remedy("Wait for its end; one that is PENDING can be cancelled, one that is RUNNING or FAILED aborted."));
    }
    let has = |table: &&TableName| there.contains(table);
    match kind {
        ModifyType::IncreaseObject => {
            if let Some(table) = tables.iter().find(has) {
                return Err(refused(
                    project,
                    format!("{table} is one of its tables already"),
                ));
            }
        }
        ModifyType::DecreaseObject => {
            if let Some(table) = tables.iter().find(|table| !has(table)) {
                return Err(refused(project, format!("{table} is none of its tables")));
            }
            if there.iter().all(|table| tables.contains(table)) {
                return Err(refused(project, "no table would be left")
                    .remedy("Release the project, or leave one table."));
            }
        }
    }
    Ok(config)
}

/// What reference 7.13 allows.
async fn in_state(api: &Api, project: &Project, kind: ModifyType) -> Result<()> {
    use ProjectStatus as P;
    let adds = kind == ModifyType::IncreaseObject;
    let allowed = match project.status {
        P::Init | P::Running | P::Suspend => true,
        P::Failed => !adds,
        _ => false,
    };
    if !allowed {
        let what = if adds { "get" } else { "lose" };
        return Err(refused(
            project,
            format!("it cannot {what} tables while it is {}", project.status),
        )
        .remedy(match adds {
            true => "It must be INIT, RUNNING or SUSPEND.",
            false => "It must be INIT, RUNNING, SUSPEND or FAILED.",
        }));
    }
    if !adds || project.status == P::Init {
        return Ok(());
    }
    let steps = api.metadata.steps().list(&project.id).await?;
    let steps: Vec<_> = steps.into_iter().flatten().collect();
    let reverse = steps
        .iter()
        .any(|step| step.name == StepName::ReverseIncrTransfer && step.status != StepStatus::Init);
    let current = steps
        .iter()
        .find(|step| step.status != StepStatus::Finished);
    let paused_in = current.filter(|step| {
        project.status == P::Suspend
            && matches!(step.name, StepName::FullTransfer | StepName::IncrTransfer)
    });
    if reverse {
        return Err(refused(
            project,
            "it follows back, and gets no tables any more",
        ));
    }
    match paused_in {
        Some(step) => Err(refused(
            project,
            format!("it is paused in {}, where it gets no tables", step.name),
        )
        .remedy("Let it go on first (ResumeProject).")),
        None => Ok(()),
    }
}

/// The tables are at the source, and the target has a place for them.
async fn look_at_servers(api: &Api, project: &Project, tables: &[TableName]) -> Result<()> {
    let config = ProjectConfig::from_json(&project.config)?;
    let sources = api.metadata.datasources();
    let source = login_to(api, &sources.get(&project.source_id).await?).await?;
    let target = login_to(api, &sources.get(&project.target_id).await?).await?;
    let filter = ObjectFilter {
        include: tables.iter().map(ToString::to_string).collect(),
        exclude: Vec::new(),
    };
    let found = tables_in_scope(&source, &filter).await?;
    let missing = |table: &&TableName| !found.iter().any(|there| there.name == **table);
    if let Some(table) = tables.iter().find(missing) {
        return Err(Error::new(
            Kind::ObjectMissing,
            format!("adding {table} to project {}", project.id),
        )
        .detail(format!("the source {} has no such table", source.endpoint))
        .remedy("Check the spelling and the case of the name."));
    }
    let mut conn = open(&target).await?;
    for table in tables {
        let there = exists(&mut conn, table).await?;
        let what = format!("adding {table} to project {}", project.id);
        if there && config.stages.structure {
            return Err(Error::new(Kind::StateInvalid, what)
                .detail(format!(
                    "the target {} has a table of this name already",
                    target.endpoint
                ))
                .remedy("Drop it at the target, where it is not needed."));
        }
        if !there && !config.stages.structure {
            return Err(Error::new(Kind::ObjectMissing, what)
                .detail(format!(
                    "the target {} has no such table, and the project makes none",
                    target.endpoint
                ))
                .remedy("Make it at the target."));
        }
    }
    Ok(())
}
