//! `CreateProject` (reference 5.4). What cannot be done yet is refused, with the name of the parameter.

use super::manage::check_name;
use super::registry::Call;
use super::request::invalid;
use super::{Answer, Outcome, labels};
use crate::coordinator::steps_of;
use crate::datasource::mysql::BinlogAddress;
use crate::error::Result;
use crate::metadata::{AlarmLevel, DataSource, DataSourceType, NewProject, ProjectType, new_id};
use crate::model::filter::ObjectFilter;
use crate::model::objects::Modified;
use crate::model::options::{IncrSyncOptions, Options};
use crate::model::project::{ProjectConfig, Stages, WayBack};
use crate::model::speed::SpeedMode;
use schemars::JsonSchema;
use serde::Deserialize;

/// Parameters of `CreateProject`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct CreateProject {
    /// Unique, without blanks.
    name: String,
    /// `SYNC` is refused for now.
    r#type: ProjectType,
    /// 5 at most.
    #[serde(default)]
    label_ids: Vec<String>,
    /// The source's data source.
    source_endpoint_id: String,
    /// The target's data source.
    sink_endpoint_id: String,
    /// Which objects.
    transfer_mapping: Mapping,
    /// Move the schema, indexes and foreign keys included.
    enable_struct_transfer: bool,
    /// Copy the data.
    enable_full_transfer: bool,
    /// Compare both sides.
    #[serde(default)]
    enable_full_verify: bool,
    /// Follow the source; needs `enableFullTransfer`.
    enable_incr_transfer: bool,
    /// Verify what is applied, all the time; needs `enableIncrTransfer`.
    #[serde(default)]
    enable_incr_verify: bool,
    /// Prepare the forward switchover, from which on changes at the target are carried back; needs
    /// `enableIncrTransfer`.
    #[serde(default)]
    enable_reverse_incr_transfer: bool,
    /// Settings of the copy.
    #[serde(default)]
    full_transfer_config: Transfer,
    /// Settings of incremental synchronization.
    #[serde(default)]
    incr_transfer_config: Transfer,
    /// The same of the way back, where they differ.
    reverse_incr_transfer_config: Option<Transfer>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
/// Which objects.
struct Mapping {
    mode: Mode,
    /// In the mode SPECIFIC: the databases and their tables by name.
    #[serde(default)]
    databases: Vec<Database>,
    /// In the mode WILDCARD: rules such as `shop.*`.
    #[serde(default)]
    table_and_view_white_list: Vec<String>,
    /// Rules for what is left out.
    #[serde(default)]
    table_and_view_black_list: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
enum Mode {
    Specific,
    Wildcard,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
/// A database and what of it.
pub struct Database {
    name: String,
    /// Its name at the target; another one is refused for now.
    mapped_name: Option<String>,
    #[serde(default)]
    tables: Vec<Object>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
/// A table.
pub struct Object {
    name: String,
    /// Its name at the target; another one is refused for now.
    mapped_name: Option<String>,
    /// Which rows; refused for now.
    where_clause: Option<String>,
}

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
/// Settings of a step; those that are not its own are left alone.
pub struct Transfer {
    /// Rows each second, at most; 0: no limit.
    throttle_rps: Option<u64>,
    /// Bytes each second, at most; 0: no limit.
    #[serde(rename = "throttleIOPS")]
    throttle_iops: Option<u64>,
    /// How fast the copy goes; unless it is CUSTOM, the parameter `migration.checker.params.<mode>`
    /// says what it means. A copy that runs takes over how many slices it copies at the same time, up
    /// to the number that it began with; the rest counts from its next start.
    full_transfer_speed_mode: Option<SpeedMode>,
    /// The same of the full verification, from its next start.
    full_verify_speed_mode: Option<SpeedMode>,
    /// Slices that are copied at the same time in the mode CUSTOM; the greater of the two counts.
    read_worker_num: Option<usize>,
    /// See `readWorkerNum`.
    write_worker_num: Option<usize>,
    /// Transactions at the target at the same time.
    incr_sync_concurrency: Option<usize>,
    /// How long the Store keeps the log, hours.
    store_log_kept_hour: Option<u64>,
}

/// `CreateProject`.
pub async fn project(call: &Call<'_>, wanted: CreateProject) -> Outcome {
    let api = call.api;
    check(&wanted)?;
    wanted.full_transfer_config.check_mode()?;
    let stages = stages(&wanted)?;
    // neither its owner, its data sources nor its name are taken away meanwhile
    let _one = api.life.lock().await;
    api.accounts.still(call.who).await?;
    labels::require(call, &wanted.label_ids).await?;
    let sources = api.metadata.datasources();
    let source = sources.get(&wanted.source_endpoint_id).await?;
    let target = sources.get(&wanted.sink_endpoint_id).await?;
    if source.id == target.id {
        return Err(invalid("sinkEndpointId", "it is the source"));
    }
    if wanted.enable_reverse_incr_transfer && !gives_log(&target) {
        let why = "changes at an OceanBase target are carried back by its Binlog Service only: give its data source a binlogAddress, or false here";
        return Err(invalid("enableReverseIncrTransfer", why));
    }
    let options = options(&wanted);
    options
        .check()
        .map_err(|why| invalid("the configuration", why))?;
    let config = ProjectConfig {
        filter: filter(&wanted.transfer_mapping)?,
        options,
        data_dir: api.data_dir.clone(),
        stages,
        modified: Modified::default(),
        reverse_incr_sync: reverse(&wanted),
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
    let (owner, steps) = (Some(call.who.id.as_str()), steps_of(&config));
    let project = projects.create_whole(new, owner, steps, &wanted.label_ids);
    Answer::of(project.await?.id)
}

fn check(wanted: &CreateProject) -> Result<()> {
    check_name(&wanted.name)?;
    if wanted.r#type != ProjectType::Migration {
        return Err(invalid("type", "only MIGRATION can be done"));
    }
    if wanted.enable_incr_verify && !wanted.enable_incr_transfer {
        let why = "there is nothing to verify without enableIncrTransfer";
        return Err(invalid("enableIncrVerify", why));
    }
    if wanted.enable_reverse_incr_transfer && !wanted.enable_incr_transfer {
        let why = "nothing is carried back without enableIncrTransfer";
        return Err(invalid("enableReverseIncrTransfer", why));
    }
    Ok(())
}

fn stages(wanted: &CreateProject) -> Result<Stages> {
    let stages = Stages {
        structure: wanted.enable_struct_transfer,
        full: wanted.enable_full_transfer,
        incr: wanted.enable_incr_transfer,
        full_verify: wanted.enable_full_verify,
        way_back: match wanted.enable_reverse_incr_transfer {
            true => WayBack::Switchover,
            false => WayBack::None,
        },
    };
    match stages.problem() {
        Some(why) => Err(invalid("enableFullTransfer", why)),
        None => Ok(stages),
    }
}

fn options(wanted: &CreateProject) -> Options {
    let mut options = Options::default();
    wanted.full_transfer_config.apply_full(&mut options);
    wanted.incr_transfer_config.apply_incr(&mut options);
    options.incr_verification.enabled = wanted.enable_incr_verify;
    options
}

/// Whether its changes can be followed.
fn gives_log(target: &DataSource) -> bool {
    let is_oceanbase = matches!(
        target.kind,
        DataSourceType::ObMysql | DataSourceType::ObMysqlCe | DataSourceType::ObOracle
    );
    let address = BinlogAddress::read_options(&target.options);
    !is_oceanbase || matches!(address, Ok(Some(_)))
}

/// Settings of the way back, where they differ from those of the way forth.
fn reverse(wanted: &CreateProject) -> Option<IncrSyncOptions> {
    let given = wanted.reverse_incr_transfer_config.as_ref()?;
    let mut options = options(wanted);
    given.apply_incr(&mut options);
    Some(options.incr_sync)
}

fn set<T: Copy>(place: &mut T, value: Option<T>) {
    *place = value.unwrap_or(*place);
}

impl Transfer {
    /// Takes over what is given, as the copy's settings.
    pub(super) fn apply_full(&self, options: &mut Options) {
        let full = &mut options.full_import;
        set(&mut full.throttle_rps, self.throttle_rps);
        set(&mut full.throttle_iops, self.throttle_iops);
        // one worker reads and writes its slice
        let workers = self.read_worker_num.max(self.write_worker_num);
        set(&mut full.workers, workers);
        let custom = workers.map(|_| SpeedMode::Custom);
        set(&mut full.speed, self.full_transfer_speed_mode.or(custom));
        let verify = &mut options.full_verification;
        set(&mut verify.speed, self.full_verify_speed_mode);
    }

    /// Takes over what is given, as the settings of incremental synchronization.
    pub(super) fn apply_incr(&self, options: &mut Options) {
        let incr = &mut options.incr_sync;
        set(&mut incr.throttle_rps, self.throttle_rps);
        set(&mut incr.throttle_iops, self.throttle_iops);
        set(&mut incr.lanes, self.incr_sync_concurrency);
        let kept = self.store_log_kept_hour;
        let seconds = kept.map(|hours| hours.saturating_mul(3600));
        set(&mut options.store.retention_secs, seconds);
    }

    /// Refuses figures beside a mode that has its own.
    pub(super) fn check_mode(&self) -> Result<()> {
        let figures = self.read_worker_num.or(self.write_worker_num).is_some();
        match self.full_transfer_speed_mode {
            Some(mode) if figures && mode != SpeedMode::Custom => Err(invalid(
                "fullTransferSpeedMode",
                format!(
                    "{} has its own figures: leave readWorkerNum and writeWorkerNum out, or give CUSTOM",
                    mode.name()
                ),
            )),
            _ => Ok(()),
        }
    }

    /// Whether it says more than how fast.
    pub(super) fn is_structural(&self) -> bool {
        self.read_worker_num.is_some()
            || self.write_worker_num.is_some()
            || self.incr_sync_concurrency.is_some()
            || self.store_log_kept_hour.is_some()
    }
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

/// The names of tables.
pub(super) fn specific(databases: &[Database]) -> Result<Vec<String>> {
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
