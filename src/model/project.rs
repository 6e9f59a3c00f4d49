//! What a project's row keeps of its settings.

use crate::error::{Error, Kind, Result};
use crate::model::filter::ObjectFilter;
use crate::model::objects::Modified;
use crate::model::options::{IncrSyncOptions, Options};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The JSON of `oms_project.config`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectConfig {
    /// Which tables.
    pub filter: ObjectFilter,
    /// Settings of the components.
    #[serde(default)]
    pub options: Options,
    /// Folder for the Store and for verification files.
    pub data_dir: PathBuf,
    /// What it does; all of it unless told.
    #[serde(default)]
    pub stages: Stages,
    /// What changes of its objects have left, or need while one is under way. Written by `oms` only.
    #[serde(default, skip_serializing_if = "Modified::is_nothing")]
    pub modified: Modified,
    /// `reverseIncrTransferConfig`: settings of the Incr-Sync of the way back; those of the way forth
    /// unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverse_incr_sync: Option<IncrSyncOptions>,
}

/// What a project does, of what a project can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Stages {
    /// Moves the schema, indexes and foreign keys included.
    pub structure: bool,
    /// Copies the data.
    pub full: bool,
    /// Follows the source.
    pub incr: bool,
    /// Compares both sides.
    pub full_verify: bool,
    /// Whether, and when, changes at the target are carried back.
    #[serde(skip_serializing_if = "WayBack::is_none")]
    pub way_back: WayBack,
}

/// Whether, and when, changes at the target are carried back to the source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum WayBack {
    /// Never.
    #[default]
    None,
    /// From the forward switchover on.
    Switchover,
    /// All the time, beside the way forth: active-active.
    ActiveActive,
}

impl WayBack {
    /// Nothing is carried back.
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }
}

impl Default for Stages {
    fn default() -> Self {
        Self {
            structure: true,
            full: true,
            incr: true,
            full_verify: true,
            way_back: WayBack::None,
        }
    }
}

impl Stages {
    /// Why no project does just this; None: one can.
    pub fn problem(&self) -> Option<&'static str> {
        if !self.incr && !self.way_back.is_none() {
            return Some("nothing is carried back by a project that does not follow the source");
        }
        if *self == Self::none() {
            return Some("a project does something");
        }
        if self.incr && !self.full {
            return Some(
                "following the source without a copy needs a position to begin at, which cannot be given yet",
            );
        }
        None
    }

    fn none() -> Self {
        Self {
            structure: false,
            full: false,
            incr: false,
            full_verify: false,
            way_back: WayBack::None,
        }
    }
}

impl ProjectConfig {
    /// As it is stored.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// From what is stored; an unknown key or a wrong value is an error that names it.
    pub fn from_json(json: &serde_json::Value) -> Result<Self> {
        serde_json::from_value(json.clone())
            .map_err(|e| Error::new(Kind::RmCorrupt, "oms_project.config").caused_by(e))
    }
}

/// The subtopic of the way back, which has the target's log: `MYSQL_<project>_<data source>_reverse-1-0`.
pub fn reverse_subtopic_of(project: &str, datasource: &str) -> String {
    format!("MYSQL_{project}_{datasource}_reverse-1-0")
}

/// The subtopic of a project's source: `MYSQL_<project>_<data source>-1-0`.
pub fn subtopic_of(project: &str, datasource: &str) -> String {
    format!("MYSQL_{project}_{datasource}-1-0")
}
