//! Items in `rm`: each is a row of `oms_task`.

use super::item::{Item, ItemStatus, PrecheckLog, StoredItem};
use super::judge;
use crate::error::Result;
use crate::metadata::{Metadata, NewTask, Task, TaskStatus, TaskUpdate};
use crate::model::ids::StepId;
use crate::model::params::SkippableFlags;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use std::collections::HashMap;

/// `task_type` of an item.
const KIND: &str = "PRECHECK";

/// Keeps each item's result as a row of `oms_task`.
pub struct RmPrecheck {
    metadata: Metadata,
    step: StepId,
    leader: i64,
}

impl RmPrecheck {
    /// Items of this step, written with the leader's epoch.
    pub fn new(metadata: Metadata, step: StepId, leader: i64) -> Self {
        Self {
            metadata,
            step,
            leader,
        }
    }

    /// The rows by the names of their items.
    async fn rows(&self) -> Result<HashMap<String, Task>> {
        let tasks = self.metadata.tasks().list(self.step.as_str()).await?;
        let tasks = tasks.into_iter().flatten();
        Ok(tasks.map(|task| (task.name.clone(), task)).collect())
    }

    async fn item(&self, item: &Item, task: &Task) -> Result<()> {
        let status = match item.status {
            // the decision to live with it stays
            _ if task.status == TaskStatus::Skipped => TaskStatus::Skipped,
            ItemStatus::Pending | ItemStatus::Running => TaskStatus::Running,
            ItemStatus::Failed => TaskStatus::Failed,
            ItemStatus::Warning | ItemStatus::Passed => TaskStatus::Finished,
        };
        let info = serde_json::to_value(item).unwrap_or_default();
        if task.status == status && task.task_info == info {
            return Ok(());
        }
        let update = TaskUpdate {
            status: Some(status),
            task_info: Some(info),
            ..TaskUpdate::default()
        };
        let written = self
            .metadata
            .tasks()
            .update(&task.id, update, self.leader)
            .await?;
        Ok(written.require("oms_task", &task.id, self.leader)?)
    }
}

impl PrecheckLog for RmPrecheck {
    fn skipped(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        Box::pin(async move {
            let tasks = self.rows().await?.into_values();
            Ok(tasks
                .filter(|task| task.status == TaskStatus::Skipped)
                .map(|task| task.name)
                .collect())
        })
    }

    fn items<'a>(&'a self, items: &'a [Item]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let mut rows = self.rows().await?;
            let missing = items.iter().filter(|i| !rows.contains_key(&i.full_name()));
            let new: Vec<NewTask> = missing.map(|i| new_task(self.step.as_str(), i)).collect();
            if !new.is_empty() {
                self.metadata.tasks().upsert_all(new).await?;
                rows = self.rows().await?;
            }
            for item in items {
                if let Some(task) = rows.get(&item.full_name()) {
                    self.item(item, task).await?;
                }
            }
            Ok(())
        })
    }
}

fn new_task(step: &str, item: &Item) -> NewTask {
    NewTask {
        id: None,
        group: step.to_owned(),
        kind: KIND.to_owned(),
        name: item.full_name(),
        max_retry_count: None,
        task_info: json!({}),
    }
}

/// All items of a step, as the last run left them, in their order; `tasks` are the step's.
/// `counts`: what an earlier run found is still true.
pub fn stored(tasks: &[Task], flags: &SkippableFlags, counts: bool) -> Vec<StoredItem> {
    let of = |item: Item| {
        let name = item.full_name();
        let task = tasks.iter().find(|t| t.kind == KIND && t.name == name);
        let read = |info: &Value| serde_json::from_value::<StoredItem>(info.clone()).ok();
        let found = task.filter(|_| counts).and_then(|t| read(&t.task_info));
        let mut stored = found.unwrap_or_else(|| StoredItem::from(item.clone()));
        // the parameter may have been changed since
        stored.skippable = item.skippable;
        stored.skip_consequence = item.skip_consequence.to_owned();
        stored.skipped = task.is_some_and(|t| t.status == TaskStatus::Skipped);
        stored
    };
    judge::pending(flags).into_iter().map(of).collect()
}
