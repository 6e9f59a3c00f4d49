//! Items in `rm`: each is a row of `oms_task`.

use super::item::{Item, ItemStatus, PrecheckLog};
use crate::error::Result;
use crate::metadata::{Metadata, NewTask, TaskStatus, TaskUpdate};
use crate::model::ids::StepId;
use futures::future::BoxFuture;
use serde_json::json;

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

    async fn item(&self, item: &Item) -> Result<()> {
        let new = NewTask {
            id: None,
            group: self.step.0.clone(),
            kind: "PRECHECK".to_owned(),
            name: item.full_name(),
            max_retry_count: None,
            task_info: json!({}),
        };
        let task = self.metadata.tasks().upsert(new).await?;
        let status = match item.status {
            // the decision to live with it stays
            _ if task.status == TaskStatus::Skipped => TaskStatus::Skipped,
            ItemStatus::Failed => TaskStatus::Failed,
            _ => TaskStatus::Finished,
        };
        let update = TaskUpdate {
            status: Some(status),
            task_info: serde_json::to_value(item).ok(),
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
            let tasks = self.metadata.tasks().list(self.step.as_str()).await?;
            Ok(tasks
                .into_iter()
                .flatten()
                .filter(|task| task.status == TaskStatus::Skipped)
                .map(|task| task.name)
                .collect())
        })
    }

    fn items<'a>(&'a self, items: &'a [Item]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            // an item that is not judged yet needs no row
            let judged =
                |item: &&Item| !matches!(item.status, ItemStatus::Pending | ItemStatus::Running);
            for item in items.iter().filter(judged) {
                self.item(item).await?;
            }
            Ok(())
        })
    }
}
