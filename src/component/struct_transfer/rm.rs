//! Outcomes of objects in `rm`: one row of `oms_task` for each.

use super::log::{Object, ObjectLog};
use crate::error::{ErrorReport, Result};
use crate::metadata::{Metadata, NewTask, Task, TaskStatus, TaskUpdate};
use crate::model::ids::StepId;
use futures::future::BoxFuture;
use serde_json::{Value, json};

/// Keeps the outcomes of a step.
pub struct RmObjects {
    metadata: Metadata,
    step: StepId,
    leader: i64,
}

impl RmObjects {
    /// Outcomes of this step, written with the leader's epoch.
    pub fn new(metadata: Metadata, step: StepId, leader: i64) -> Self {
        Self {
            metadata,
            step,
            leader,
        }
    }

    async fn task(&self, object: &Object) -> Result<Task> {
        let new = NewTask {
            id: None,
            group: self.step.0.clone(),
            kind: object.task_type.as_str().to_owned(),
            name: object.name.clone(),
            max_retry_count: None,
            task_info: json!({}),
        };
        Ok(self.metadata.tasks().upsert(new).await?)
    }

    async fn set(
        &self,
        object: &Object,
        status: TaskStatus,
        info: Value,
        extra: Value,
    ) -> Result<()> {
        let task = self.task(object).await?;
        let update = TaskUpdate {
            status: Some(status),
            task_info: Some(info),
            extra_info: Some(extra),
            ..TaskUpdate::default()
        };
        let written = self
            .metadata
            .tasks()
            .update(&task.id, update, self.leader)
            .await?;
        Ok(written.require("oms_task", &task.id, self.leader)?)
    }

    async fn is(&self, object: &Object, status: TaskStatus) -> Result<bool> {
        Ok(self.task(object).await?.status == status)
    }
}

impl ObjectLog for RmObjects {
    fn is_skipped<'a>(&'a self, object: &'a Object) -> BoxFuture<'a, Result<bool>> {
        Box::pin(self.is(object, TaskStatus::Skipped))
    }

    fn is_finished<'a>(&'a self, object: &'a Object) -> BoxFuture<'a, Result<bool>> {
        Box::pin(self.is(object, TaskStatus::Finished))
    }

    fn begin<'a>(&'a self, object: &'a Object) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.set(object, TaskStatus::Running, json!({}), json!({})))
    }

    fn finished<'a>(
        &'a self,
        object: &'a Object,
        notes: &'a [String],
    ) -> BoxFuture<'a, Result<()>> {
        let info = match notes.is_empty() {
            true => json!({}),
            false => json!({ "result": "Completed (with conversion)", "notes": notes }),
        };
        Box::pin(self.set(object, TaskStatus::Finished, info, json!({})))
    }

    fn failed<'a>(
        &'a self,
        object: &'a Object,
        report: &'a ErrorReport,
    ) -> BoxFuture<'a, Result<()>> {
        let extra = json!({
            "errorCode": report.code,
            "errorMsg": report.message,
            "proposal": report.proposal,
        });
        Box::pin(self.set(object, TaskStatus::Failed, json!({}), extra))
    }
}
