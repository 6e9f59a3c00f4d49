//! What a pre-check knows about both sides: plain data, gathered once, judged afterwards.

use crate::datasource::mysql::Flavour;
use crate::datasource::mysql::ddl::Target;
use crate::datasource::mysql::privileges::Grants;
use crate::datasource::mysql::settings::Settings;
use crate::model::params::SkippableFlags;
use crate::model::table::{ForeignKey, TableName};
use std::collections::{BTreeMap, BTreeSet};

/// What the project is going to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    /// Makes the tables at the target.
    pub structure: bool,
    /// Copies the rows.
    pub full: bool,
    /// Follows the log.
    pub incr: bool,
    /// Writes a heartbeat at the source.
    pub heartbeat: bool,
    /// Names of items ([`super::Item::full_name`]) that may fail, where they are skippable.
    pub skip: BTreeSet<String>,
    /// Which items are skippable, against the table.
    pub flags: SkippableFlags,
}

impl Default for Scope {
    fn default() -> Self {
        Self {
            structure: true,
            full: true,
            incr: true,
            heartbeat: true,
            skip: BTreeSet::new(),
            flags: SkippableFlags::default(),
        }
    }
}

/// What a server says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerFacts {
    /// What it is.
    pub flavour: Flavour,
    /// Its version as it says it.
    pub version: String,
    /// The version's numbers; of an OceanBase its own, not MySQL's.
    pub numbers: (u32, u32, u32),
    /// `CURRENT_USER()`.
    pub account: String,
    /// Its settings.
    pub settings: Settings,
    /// What the account may do.
    pub grants: Grants,
    /// Its clock minus ours, milliseconds.
    pub clock_ms: i64,
}

/// What the source says about its log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogFacts {
    /// Why the log's end cannot be seen.
    pub refusal: Option<String>,
    /// Databases to which the log is restricted; empty: all.
    pub only: Vec<String>,
    /// Databases that are left out of the log.
    pub without: Vec<String>,
    /// Whether the source replicates from another server; None: not known.
    pub is_replica: Option<bool>,
    /// Who serves it, where that is not the source itself.
    pub elsewhere: Option<LogAddress>,
}

/// What serves the source's log at its binlog address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogAddress {
    /// Where: `host:port`.
    pub address: String,
    /// It is OceanBase's Binlog Service.
    pub is_service: bool,
    /// Its settings; empty where it was not reached.
    pub settings: Settings,
    /// What the account may do there; None: it was not reached, or does not say.
    pub grants: Option<Grants>,
}

/// A source table in scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableFacts {
    /// Its name.
    pub name: TableName,
    /// Storage engine.
    pub engine: String,
    /// It has no key that identifies a row.
    pub keyless: bool,
    /// Foreign keys.
    pub foreign_keys: Vec<ForeignKey>,
    /// Character sets and collations of its columns.
    pub collations: BTreeSet<(String, String)>,
    /// Why its definition cannot be moved.
    pub problem: Option<String>,
}

/// A table in scope that the target has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetTable {
    /// Its name at the source.
    pub name: TableName,
    /// Whether it holds rows; None: it cannot be read.
    pub has_rows: Option<bool>,
    /// Triggers on it.
    pub triggers: Vec<String>,
}

/// Everything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// What is going to be done.
    pub scope: Scope,
    /// The include rules' databases that are written without wildcards.
    pub named_schemas: BTreeSet<String>,
    /// The source.
    pub source: ServerFacts,
    /// The target.
    pub target: ServerFacts,
    /// What the target knows for definitions.
    pub target_ddl: Target,
    /// The source's log.
    pub log: LogFacts,
    /// Databases that hold objects in scope.
    pub schemas: BTreeSet<String>,
    /// Tables in scope.
    pub tables: Vec<TableFacts>,
    /// Views in scope.
    pub views: Vec<TableName>,
    /// Those of them that the target has.
    pub target_tables: Vec<TargetTable>,
    /// Whether the source has the heartbeat table.
    pub heartbeat_table: bool,
    /// Whether both are the same server; None: not known.
    pub same_server: Option<bool>,
}

impl Facts {
    /// The settings of who serves the source's log.
    pub fn log_settings(&self) -> &Settings {
        let elsewhere = self.log.elsewhere.as_ref();
        elsewhere.map_or(&self.source.settings, |at| &at.settings)
    }

    /// Names of the tables that a rule picks, for a message: some, and how many more there are.
    pub fn named<'a>(tables: impl IntoIterator<Item = &'a TableName>) -> String {
        let all: Vec<String> = tables.into_iter().map(ToString::to_string).collect();
        some_of(&all)
    }

    /// Tables whose names are equal once they are in lower case.
    pub fn names_that_collide(&self) -> Vec<String> {
        let mut by_lower: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let names = self.tables.iter().map(|t| &t.name).chain(&self.views);
        for name in names {
            let text = name.to_string();
            by_lower.entry(text.to_lowercase()).or_default().push(text);
        }
        by_lower
            .into_values()
            .filter(|names| names.len() > 1)
            .map(|names| names.join(" and "))
            .collect()
    }
}

/// How many names a message repeats.
const NAMES_SHOWN: usize = 10;

/// Some of a list, for a message.
pub fn some_of(all: &[String]) -> String {
    let shown = all[..all.len().min(NAMES_SHOWN)].join(", ");
    match all.len().checked_sub(NAMES_SHOWN) {
        Some(more) if more > 0 => format!("{shown} and {more} more"),
        _ => shown,
    }
}
