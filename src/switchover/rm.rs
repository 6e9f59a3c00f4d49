//! The sub-steps in `rm`.

use crate::error::{Error, Kind, Result};
use crate::metadata::{Metadata, NewTask, Task, TaskStatus, TaskUpdate, Written, now};
use crate::model::position::Position;
use crate::workflow::switch::{COMPLETE_OBJECT, Part, PartView, StopWrites, Way};
use serde_json::{Value, json};
use std::time::Duration;

/// The other side comes up within this time, or the sub-step fails and is tried again.
const PATIENCE: Duration = Duration::from_secs(60);

/// The rows of a switchover's step, and of its sub-steps.
#[derive(Clone)]
pub struct Rows {
    /// rm.
    pub metadata: Metadata,
    /// The step.
    pub step: String,
    /// The leader's epoch, with which tasks are written.
    pub leader: i64,
}

/// What a switchover's step says.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// Where it goes.
    pub way: Way,
    /// How writes stop.
    pub stop_writes: StopWrites,
    /// What the user goes without.
    pub waive: Vec<String>,
    /// How long the other side may take to come up to the last position.
    pub patience: Duration,
}

impl Rows {
    /// How the switchover was asked for.
    pub async fn asked(&self) -> Result<Asked> {
        let step = self.metadata.steps().get(&self.step).await?;
        let info = step.step_info;
        let read = |place: &str| info.pointer(place).cloned().unwrap_or_default();
        Ok(Asked {
            way: serde_json::from_value(read("/way")).unwrap_or_default(),
            stop_writes: serde_json::from_value(read("/options/stopWrites")).unwrap_or_default(),
            waive: serde_json::from_value(read("/options/waive")).unwrap_or_default(),
            patience: match read("/options/catchUpTimeoutSec").as_u64() {
                None | Some(0) => PATIENCE,
                Some(seconds) => Duration::from_secs(seconds),
            },
        })
    }

    /// The rows that can be understood; the Coordinator puts the others right.
    pub async fn tasks(&self) -> Result<Vec<Task>> {
        let tasks = self.metadata.tasks().list(&self.step).await?;
        Ok(tasks.into_iter().flatten().collect())
    }

    /// What a sub-step has written down.
    pub async fn info(&self, part: Part) -> Result<Value> {
        let tasks = self.tasks().await?;
        let task = tasks.into_iter().find(|t| t.kind == part.text());
        Ok(task.map(|t| t.task_info).unwrap_or_default())
    }

    /// A position that a sub-step has written down.
    pub async fn position(&self, part: Part, key: &str) -> Result<Option<Position>> {
        let info = self.info(part).await?;
        Ok(info
            .get(key)
            .and_then(|value| serde_json::from_value(value.clone()).ok()))
    }

    /// Writes a fact down, before what follows from it is done.
    pub async fn note(&self, part: Part, key: &str, value: Value) -> Result<()> {
        let tasks = self.tasks().await?;
        let Some(task) = tasks.into_iter().find(|t| t.kind == part.text()) else {
            return Err(Error::new(Kind::StateInvalid, "the switchover")
                .detail(format!("it has no sub-step {}", part.text())));
        };
        let mut info = task.task_info;
        info[key] = value;
        let update = TaskUpdate {
            task_info: Some(info),
            ..TaskUpdate::default()
        };
        self.update(&task.id, update).await.map(drop)
    }

    /// A sub-step begins; false where a person changed it meanwhile.
    pub async fn begin(&self, task: &Task) -> Result<bool> {
        let update = TaskUpdate {
            only_if: Some(task.status),
            status: Some(TaskStatus::Running),
            ..TaskUpdate::default()
        };
        self.update(&task.id, update).await
    }

    /// A sub-step is done.
    pub async fn finish(&self, task: &Task) -> Result<()> {
        tracing::info!(sub_step = task.kind, "a sub-step of the switchover is done");
        let update = TaskUpdate {
            only_if: Some(TaskStatus::Running),
            status: Some(TaskStatus::Finished),
            extra_info: Some(json!({})),
            ..TaskUpdate::default()
        };
        self.update(&task.id, update).await.map(drop)
    }

    /// A sub-step failed.
    pub async fn fail(&self, task: &Task, error: &Error) -> Result<()> {
        let report = error.report();
        let update = TaskUpdate {
            only_if: Some(TaskStatus::Running),
            status: Some(TaskStatus::Failed),
            extra_info: Some(json!({
                "errorCode": report.code,
                "errorMsg": report.message,
                "proposal": report.proposal,
                "failedTime": now().format("%Y-%m-%dT%H:%M:%S").to_string(),
            })),
            ..TaskUpdate::default()
        };
        self.update(&task.id, update).await.map(drop)
    }

    /// Makes a row for each object that a person moves; those that are there stay as they are.
    pub async fn objects(&self, names: &[String]) -> Result<()> {
        let new = |name: &String| NewTask {
            id: None,
            group: self.step.clone(),
            kind: COMPLETE_OBJECT.to_owned(),
            name: name.clone(),
            max_retry_count: None,
            task_info: json!({ "by": "PERSON" }),
        };
        Ok(self
            .metadata
            .tasks()
            .upsert_all(names.iter().map(new).collect())
            .await?)
    }

    async fn update(&self, id: &str, update: TaskUpdate) -> Result<bool> {
        let tasks = self.metadata.tasks();
        let written = tasks.update(id, update, self.leader).await?;
        let applied = matches!(written, Written::Applied);
        if matches!(written, Written::Fenced { .. }) {
            written.require("oms_task", id, self.leader)?;
        }
        Ok(applied)
    }
}

/// The rows that are sub-steps, as the workflow sees them.
pub fn views(tasks: &[Task]) -> Vec<PartView> {
    let view = |task: &Task| {
        Some(PartView {
            part: Part::from_text(&task.kind)?,
            status: task.status,
            retries_left: task.may_retry(),
        })
    };
    tasks.iter().filter_map(view).collect()
}
