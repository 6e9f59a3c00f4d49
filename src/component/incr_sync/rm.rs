//! What Incr-Sync keeps in `rm`: a task for each DDL statement that a person must look at.

use super::ddl::{DdlTaskState, DdlTasks};
use crate::error::{Kind, Result};
use crate::metadata::{Metadata, NewTask, TaskStatus};
use crate::model::ids::{StepId, TxnId};
use futures::future::BoxFuture;
use serde_json::json;

/// `task_type` of such a task; its `task_name` is the statement's place in the log.
const TASK: &str = "INCR_DDL";

/// Keeps the tasks of a step.
pub struct RmDdlTasks {
    metadata: Metadata,
    step: StepId,
    leader: i64,
}

impl RmDdlTasks {
    /// Tasks of this step, written with the leader's epoch.
    pub fn new(metadata: Metadata, step: StepId, leader: i64) -> Self {
        Self {
            metadata,
            step,
            leader,
        }
    }
}

impl DdlTasks for RmDdlTasks {
    fn record<'a>(
        &'a self,
        id: TxnId,
        sql: &'a str,
        why: &'a str,
    ) -> BoxFuture<'a, Result<DdlTaskState>> {
        Box::pin(async move {
            let new = NewTask {
                id: None,
                group: self.step.0.clone(),
                kind: TASK.to_owned(),
                name: id.to_string(),
                max_retry_count: None,
                task_info: json!({
                    "sql": sql,
                    "why": why,
                    "whatToDo": "Run a fitting statement at the target by hand, set task_status to SKIPPED, and run again.",
                }),
            };
            let task = self.metadata.tasks().upsert(new).await?;
            if matches!(task.status, TaskStatus::Skipped | TaskStatus::Finished) {
                return Ok(DdlTaskState::Skipped);
            }
            let extra = json!({ "errorCode": Kind::DdlUnsupported.code(), "errorMsg": why });
            let written = self
                .metadata
                .tasks()
                .set_status(&task.id, TaskStatus::Failed, None, Some(extra), self.leader)
                .await?;
            written.require("oms_task", &task.id, self.leader)?;
            Ok(DdlTaskState::Pending)
        })
    }
}
