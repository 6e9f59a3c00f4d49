//! `CreateProject` (reference 5.4). What cannot be done yet is refused, with the name of the parameter.

use super::auth::Who;
use super::request::invalid;
use super::{Answer, Api, Outcome};
use crate::coordinator::make_steps;
use crate::error::Result;
use crate::metadata::{AlarmLevel, NewProject, ProjectType, new_id};
use crate::model::filter::ObjectFilter;
use crate::model::options::Options;
use crate::model::project::ProjectConfig;
use serde::Deserialize;

/// Parameters of `CreateProject`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct CreateProject {
    name: String,
    r#type: ProjectType,
    #[serde(default)]
    label_ids: Vec<String>,
    source_endpoint_id: String,
    sink_endpoint_id: String,
    transfer_mapping: Mapping,
    enable_struct_transfer: bool,
    enable_full_transfer: bool,
    #[serde(default)]
    enable_full_verify: bool,
    enable_incr_transfer: bool,
    #[serde(default)]
    enable_incr_verify: bool,
    #[serde(default)]
    enable_reverse_incr_transfer: bool,
    #[serde(default)]
    full_transfer_config: Transfer,
    #[serde(default)]
    incr_transfer_config: Transfer,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Mapping {
    mode: Mode,
    #[serde(default)]
    databases: Vec<Database>,
    #[serde(default)]
    table_and_view_white_list: Vec<String>,
    #[serde(default)]
    table_and_view_black_list: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Mode {
    Specific,
    Wildcard,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Database {
    name: String,
    mapped_name: Option<String>,
    #[serde(default)]
    tables: Vec<Object>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Object {
    name: String,
    mapped_name: Option<String>,
    where_clause: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
struct Transfer {
    throttle_rps: Option<u64>,
    #[serde(rename = "throttleIOPS")]
    throttle_iops: Option<u64>,
    read_worker_num: Option<usize>,
    write_worker_num: Option<usize>,
    incr_sync_concurrency: Option<usize>,
    store_log_kept_hour: Option<u64>,
}

/// `CreateProject`.
pub async fn project(api: &Api, who: &Who, wanted: CreateProject) -> Outcome {
    check(&wanted)?;
    let sources = api.metadata.datasources();
    let source = sources.get(&wanted.source_endpoint_id).await?;
    let target = sources.get(&wanted.sink_endpoint_id).await?;
    if source.id == target.id {
        return Err(invalid("sinkEndpointId", "it is the source"));
    }
    let options = options(&wanted);
    options
        .check()
        .map_err(|why| invalid("the configuration", why))?;
    let config = ProjectConfig {
        filter: filter(&wanted.transfer_mapping)?,
        options,
        data_dir: api.data_dir.clone(),
    };
    let new = NewProject {
        id: new_id("np_"),
        name: wanted.name,
        kind: ProjectType::Migration,
        source_id: source.id,
        target_id: target.id,
        config: config.to_json(),
        alarm_level: AlarmLevel::Low,
    };
    let projects = api.metadata.projects();
    let project = projects.create_owned(new, Some(&who.id)).await?;
    make_steps(&api.metadata, &project.id, wanted.enable_incr_verify).await?;
    Ok(Answer::of(project.id.into()))
}

fn check(wanted: &CreateProject) -> Result<()> {
    if wanted.name.is_empty() || wanted.name.contains(char::is_whitespace) {
        return Err(invalid("name", "it must have a character and no space"));
    }
    if wanted.r#type != ProjectType::Migration {
        return Err(invalid("type", "only MIGRATION can be done"));
    }
    if !wanted.label_ids.is_empty() {
        return Err(invalid("labelIds", "there are no labels"));
    }
    for (name, given) in [
        ("enableStructTransfer", wanted.enable_struct_transfer),
        ("enableFullTransfer", wanted.enable_full_transfer),
        ("enableFullVerify", wanted.enable_full_verify),
        ("enableIncrTransfer", wanted.enable_incr_transfer),
    ] {
        if !given {
            return Err(invalid(
                name,
                "a project without this step cannot be done yet: give true",
            ));
        }
    }
    if wanted.enable_reverse_incr_transfer {
        return Err(invalid(
            "enableReverseIncrTransfer",
            "it cannot be done yet: give false",
        ));
    }
    Ok(())
}

fn options(wanted: &CreateProject) -> Options {
    let mut options = Options::default();
    let (full, incr) = (&wanted.full_transfer_config, &wanted.incr_transfer_config);
    let set = |place: &mut u64, value: Option<u64>| *place = value.unwrap_or(*place);
    set(&mut options.full_import.throttle_rps, full.throttle_rps);
    set(&mut options.full_import.throttle_iops, full.throttle_iops);
    set(&mut options.incr_sync.throttle_rps, incr.throttle_rps);
    set(&mut options.incr_sync.throttle_iops, incr.throttle_iops);
    set(
        &mut options.store.retention_secs,
        incr.store_log_kept_hour
            .map(|hours| hours.saturating_mul(3600)),
    );
    // one worker reads and writes its slice
    let workers = full.read_worker_num.max(full.write_worker_num);
    options.full_import.workers = workers.unwrap_or(options.full_import.workers);
    options.incr_sync.lanes = incr
        .incr_sync_concurrency
        .unwrap_or(options.incr_sync.lanes);
    options.incr_verification.enabled = wanted.enable_incr_verify;
    options
}

/// The rules of a mapping. Names in a SPECIFIC mapping are names, not patterns.
fn filter(mapping: &Mapping) -> Result<ObjectFilter> {
    let include = match mapping.mode {
        Mode::Wildcard => {
            if !mapping.databases.is_empty() {
                return Err(invalid(
                    "transferMapping.databases",
                    "it has no use in the WILDCARD mode: give tableAndViewWhiteList",
                ));
            }
            mapping.table_and_view_white_list.clone()
        }
        Mode::Specific => specific(&mapping.databases)?,
    };
    let filter = ObjectFilter {
        include,
        exclude: mapping.table_and_view_black_list.clone(),
    };
    match filter.problem() {
        Some(why) => Err(invalid("transferMapping", why)),
        None => Ok(filter),
    }
}

fn specific(databases: &[Database]) -> Result<Vec<String>> {
    let mut rules = Vec::new();
    for database in databases {
        same_name("databases", &database.name, database.mapped_name.as_deref())?;
        for table in &database.tables {
            same_name("tables", &table.name, table.mapped_name.as_deref())?;
            if table
                .where_clause
                .as_ref()
                .is_some_and(|w| !w.trim().is_empty())
            {
                return Err(invalid(
                    "whereClause",
                    format!(
                        "{}.{}: rows cannot be filtered yet",
                        database.name, table.name
                    ),
                ));
            }
            let name = format!("{}.{}", database.name, table.name);
            if database.name.contains('.') || name.contains(['*', '?', '[']) {
                return Err(invalid(
                    "tables",
                    format!(
                        "'{name}' has a character that has a meaning in rules: use the WILDCARD mode"
                    ),
                ));
            }
            rules.push(name);
        }
    }
    Ok(rules)
}

fn same_name(what: &str, name: &str, mapped: Option<&str>) -> Result<()> {
    match mapped {
        Some(mapped) if mapped != name => Err(invalid(
            "mappedName",
            format!("{what}: '{name}' cannot get the name '{mapped}' at the target yet"),
        )),
        _ => Ok(()),
    }
}
