//! The items of a pre-check, and where they are told.

use crate::error::Result;
use crate::model::table::TableName;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};

/// Which database an item is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum EndpointType {
    /// The source.
    Source,
    /// The target.
    Dest,
}

impl EndpointType {
    /// The name that stands in `rm`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Source => "SOURCE",
            Self::Dest => "DEST",
        }
    }
}

/// How an item stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ItemStatus {
    /// Not looked at yet.
    Pending,
    /// Being looked at.
    Running,
    /// Must be mended first.
    Failed,
    /// Works, but somebody should know.
    Warning,
    /// Fine.
    Passed,
}

impl ItemStatus {
    /// The name that stands in `rm`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Failed => "FAILED",
            Self::Warning => "WARNING",
            Self::Passed => "PASSED",
        }
    }
}

/// One thing that is checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Item {
    /// Name, as OMS has it where OMS has it.
    pub name: &'static str,
    /// Which side.
    pub endpoint_type: EndpointType,
    /// How it stands.
    pub status: ItemStatus,
    /// What was found.
    pub message: String,
    /// What to do; empty where nothing is to be done.
    pub remedy: String,
    /// Whether a project may go on although it failed.
    pub skippable: bool,
    /// What happens then.
    pub skip_consequence: &'static str,
    /// The objects that it did not pass over, where it is about single ones: without them it passes.
    pub objects: Vec<TableName>,
}

impl Item {
    /// The name with its side, as the console shows it and as it is named in order to skip it:
    /// `SOURCE-DB_INCR_LOG`.
    pub fn full_name(&self) -> String {
        format!("{}-{}", self.endpoint_type.name(), self.name)
    }
}

/// An item as `rm` keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StoredItem {
    /// See [`Item`].
    pub name: String,
    /// See [`Item`].
    pub endpoint_type: EndpointType,
    /// See [`Item`].
    pub status: ItemStatus,
    /// See [`Item`].
    pub message: String,
    /// See [`Item`].
    pub remedy: String,
    /// See [`Item`].
    pub skippable: bool,
    /// See [`Item`].
    pub skip_consequence: String,
    /// See [`Item`].
    #[serde(default)]
    pub objects: Vec<TableName>,
    /// Somebody decided to live with it.
    #[serde(default)]
    pub skipped: bool,
}

impl StoredItem {
    /// See [`Item::full_name`].
    pub fn full_name(&self) -> String {
        format!("{}-{}", self.endpoint_type.name(), self.name)
    }
}

impl From<Item> for StoredItem {
    fn from(item: Item) -> Self {
        Self {
            name: item.name.to_owned(),
            endpoint_type: item.endpoint_type,
            status: item.status,
            message: item.message,
            remedy: item.remedy,
            skippable: item.skippable,
            skip_consequence: item.skip_consequence.to_owned(),
            objects: item.objects,
            skipped: false,
        }
    }
}

/// Keeps the items of a pre-check.
pub trait PrecheckLog: Send + Sync {
    /// Names ([`Item::full_name`]) of failed items that somebody decided to live with.
    fn skipped(&self) -> BoxFuture<'_, Result<Vec<String>>>;

    /// The items as they stand now: all of them the first time, later those that changed.
    fn items<'a>(&'a self, items: &'a [Item]) -> BoxFuture<'a, Result<()>>;
}
