//! O&M tasks: makes them, and brings each a step further at every look.
//!
//! What is to be done says [`crate::workflow::om`], and [`super::om_act`] does it. A sub-task is `RUNNING` before it does anything and
//! `FINISHED` after it, so one that a crash interrupted is done again; all of them can be.

use super::act::Reconciler;
use super::known::PERSON;
use super::sample::is_time;
use super::view::HELD;
use crate::error::{Error, Kind, Result};
use crate::metadata::{
    NewOmTask, NewTask, OmTask, OmTaskStatus, OmTaskType, OmTasks, Row, Task, TaskStatus,
    TaskUpdate, Written, now,
};
use crate::workflow::om::{Part, PartView, Verdict, judge, parts, status, turns};
use crate::workflow::plan::{Action, View};
use chrono::TimeDelta;
use serde_json::{Value, json};
use std::time::Duration;

/// What is waited for is seen within this time, or the sub-task fails.
const PATIENCE: TimeDelta = TimeDelta::seconds(120);

/// So long can be seen what was done to components of several projects. Other tasks go with their project.
const KEPT: TimeDelta = TimeDelta::days(30);
/// How often older ones are deleted.
const FORGET_EVERY: Duration = Duration::from_secs(3600);

/// A component that has worked for so long without an error is taken to work.
const SETTLED: TimeDelta = TimeDelta::seconds(2);

/// An O&M task to be made.
#[derive(Debug, Clone)]
pub struct Operation {
    /// What.
    pub kind: OmTaskType,
    /// The components, or, to repair a step, none.
    pub components: Vec<String>,
    /// To repair a step: its id.
    pub step: Option<String>,
    /// What people call it that it is about: a component, a node, a step's name.
    pub name: String,
    /// Who asks.
    pub owner: Option<String>,
    /// To change settings: keys of `oms_project.config.options`, with their new values.
    pub settings: Value,
    /// The settings count from the component's next start.
    pub restarts: bool,
}

impl Reconciler {
    /// Makes an O&M task, if it can begin; gives its number.
    ///
    /// # Errors
    /// `StateInvalid` where its first sub-task could not be done now, or where another task is at work
    /// on the same component.
    pub async fn operate(&self, operation: Operation) -> Result<i64> {
        let _one = self.one.lock().await;
        let mut project = None;
        let chains = match &operation.step {
            Some(step) => vec![(None, Some(step.as_str()))],
            None => operation
                .components
                .iter()
                .map(|c| (Some(c.as_str()), None))
                .collect(),
        };
        let mut before = serde_json::Map::new();
        let mut restarts = Vec::new();
        for (component, step) in chains {
            let mut found = self.find(component, step).await?;
            let chain = component.or(step).unwrap_or_default();
            let current = found.world.current.as_ref().map(|(c, _)| c.id.clone());
            if remakes(operation.kind) {
                found.world.before.clone_from(&current);
                before.insert(chain.to_owned(), current.into());
            }
            let refused = |why: String| {
                Error::new(Kind::StateInvalid, format!("component {chain}")).detail(why)
            };
            if let Some(other) = self.at_work_on(chain).await? {
                let why = format!("O&M task {other} is at work on it");
                return Err(refused(why).remedy("Wait for it, or skip it (SkipOmTask)."));
            }
            let restart = operation.restarts && found.world.would_restart();
            if restart {
                restarts.push(chain.to_owned());
            }
            let first = parts(operation.kind, restart)[0];
            if let Verdict::Fail(why) = judge(first, &found.world, false) {
                return Err(refused(why)
                    .remedy("DescribeProject and DescribeProjectComponents show where they are."));
            }
            project = match project {
                None => found.project,
                Some(one) if Some(&one) == found.project.as_ref() => Some(one),
                Some(_) => Some(String::new()),
            };
        }
        let new = NewOmTask {
            project_id: project.unwrap_or_default(),
            kind: operation.kind,
            name: operation.name,
            owner: operation.owner,
            task_info: json!({
                "components": operation.components,
                "step": operation.step,
                "before": before,
                "settings": operation.settings,
                "restarts": restarts,
            }),
        };
        Ok(self.metadata.om_tasks().create(new).await?.number())
    }

    /// Makes an O&M task of each step that a person's edit of its row gave a new work: a repair with SQL
    /// is seen where the others are.
    pub(super) async fn note_repairs(
        &self,
        view: &View,
        actions: &[Action],
        project: &str,
    ) -> Result<()> {
        for step in view.steps.iter().filter(|s| s.told != s.status) {
            let works_anew = |action: &Action| match action {
                Action::MakeComponent { step: made, .. } => *made == step.id,
                Action::ResetComponent { component } => {
                    step.component.as_ref().is_some_and(|c| c.id == *component)
                }
                _ => false,
            };
            if !actions.iter().any(works_anew) {
                continue;
            }
            let new = NewOmTask {
                project_id: project.to_owned(),
                kind: OmTaskType::RepairStep,
                name: step.name.to_string(),
                owner: None,
                task_info: json!({ "step": step.id, "by": PERSON }),
            };
            self.metadata.om_tasks().create(new).await?;
        }
        Ok(())
    }

    /// Lets what failed of a task run again: a sub-task, or all of a component of which one failed.
    pub async fn retry_om_task(&self, number: i64, sub: Option<&str>) -> Result<()> {
        let _one = self.one.lock().await;
        let failed = self.failed(number, sub).await?;
        let id = OmTasks::id_of(number);
        // the task first: whoever dies behind that leaves one whose state the next look works out anew
        self.set_om_status(&id, OmTaskStatus::InProgress).await?;
        for row in self.metadata.tasks().list(&id).await?.into_iter().flatten() {
            let again = match sub {
                Some(sub) => row.id == sub,
                None => {
                    row.status != TaskStatus::Skipped && failed.iter().any(|f| f.name == row.name)
                }
            };
            if again {
                let written = self.metadata.tasks().reset(&row.id, self.epoch).await?;
                written.require("oms_task", &row.id, self.epoch)?;
            }
        }
        Ok(())
    }

    /// Goes on without what failed of a task: a sub-task, or all that failed.
    pub async fn skip_om_task(&self, number: i64, sub: Option<&str>) -> Result<()> {
        let _one = self.one.lock().await;
        let failed = self.failed(number, sub).await?;
        // as above
        self.set_om_status(&OmTasks::id_of(number), OmTaskStatus::InProgress)
            .await?;
        for failed in failed {
            let update = TaskUpdate {
                status: Some(TaskStatus::Skipped),
                ..TaskUpdate::default()
            };
            self.update_task(&failed.id, update).await?;
        }
        Ok(())
    }

    async fn failed(&self, number: i64, sub: Option<&str>) -> Result<Vec<Task>> {
        let task = self
            .metadata
            .om_tasks()
            .get(&OmTasks::id_of(number))
            .await?;
        let subs = self.metadata.tasks().list(&task.id).await?;
        let failed: Vec<Task> = subs
            .into_iter()
            .flatten()
            .filter(|t| sub.is_none_or(|sub| t.id == sub))
            .filter(|t| t.status == TaskStatus::Failed)
            .collect();
        if failed.is_empty() || task.status != OmTaskStatus::Failed {
            let what = match sub {
                Some(sub) => format!("sub-task {sub} of O&M task {number}"),
                None => format!("O&M task {number}"),
            };
            return Err(Error::new(Kind::StateInvalid, what)
                .detail(format!("it has not failed: the task is {}", task.status))
                .remedy("Only what failed can be retried or skipped (DescribeOmTask)."));
        }
        Ok(failed)
    }

    /// Brings all open O&M tasks a step further; true where something was done. Now and then it deletes
    /// old ones.
    pub async fn operations(&self) -> Result<bool> {
        let forget = is_time(&mut self.forgot.lock(), FORGET_EVERY);
        if forget && let Err(error) = self.metadata.om_tasks().forget(now() - KEPT).await {
            tracing::warn!(%error, "old O&M tasks are not deleted");
        }
        if self.metadata.om_tasks().open().await?.is_empty() {
            return Ok(false);
        }
        let _one = self.one.lock().await;
        let mut stirred = false;
        for task in self.metadata.om_tasks().open().await? {
            let done = match task {
                Ok(task) => self.bring_on(&task).await,
                Err(problem) => self.mend_om(&problem).await,
            };
            match done {
                Ok(moved) => stirred |= moved,
                Err(error) if error.kind() == Kind::Fenced => return Err(error),
                // the others need not wait for it
                Err(error) => {
                    tracing::warn!(code = error.kind().code(), %error, "an O&M task");
                }
            }
        }
        Ok(stirred)
    }

    async fn bring_on(&self, task: &OmTask) -> Result<bool> {
        if task.status == OmTaskStatus::Initializing {
            self.make_sub_tasks(task).await?;
        }
        let mut subs = match self.sub_tasks(task).await? {
            Ok(subs) => subs,
            Err(problem) => return self.mend_om(&problem).await,
        };
        let mut stirred = false;
        let views: Vec<PartView> = subs.iter().map(part_view).collect();
        let turns = turns(&views);
        for &at in &turns {
            stirred |= self.take_turn(task, &mut subs[at]).await?;
        }
        if !turns.is_empty() {
            // as they are written: a person may have been quicker
            subs = match self.sub_tasks(task).await? {
                Ok(subs) => subs,
                Err(problem) => return self.mend_om(&problem).await,
            };
        }
        let views: Vec<PartView> = subs.iter().map(part_view).collect();
        let status = status(&views);
        if matches!(status, OmTaskStatus::Failed | OmTaskStatus::Successful) {
            self.let_go(task).await?;
        }
        if status != task.status {
            self.set_om_status(&task.id, status).await?;
            tracing::info!(task = %task.id, kind = %task.kind, from = %task.status, to = %status, "O&M task");
        }
        Ok(stirred)
    }

    /// All sub-tasks, or what is wrong with one.
    async fn sub_tasks(&self, task: &OmTask) -> Result<Row<Vec<Task>>> {
        let rows = self.metadata.tasks().list(&task.id).await?;
        Ok(rows.into_iter().collect())
    }

    /// A change of settings pauses a component for a moment only: whatever came of it, the component runs
    /// again when its project does.
    async fn let_go(&self, task: &OmTask) -> Result<()> {
        let pauses = matches!(
            task.kind,
            OmTaskType::UpdateStore
                | OmTaskType::UpdateFullImport
                | OmTaskType::UpdateIncrSync
                | OmTaskType::UpdateFullVerification
        );
        if !pauses {
            return Ok(());
        }
        for id in strings(&task.task_info["components"]) {
            let found = self.find(Some(&id), None).await?;
            if let Some(component) = found.component
                && component.config.get(HELD).and_then(Value::as_str) == Some(&task.id)
            {
                self.hold(&component, None).await?;
            }
        }
        Ok(())
    }

    async fn make_sub_tasks(&self, task: &OmTask) -> Result<()> {
        let info = &task.task_info;
        let restarts = strings(&info["restarts"]);
        let chains: Vec<String> = match info["step"].as_str() {
            Some(step) => vec![step.to_owned()],
            None => strings(&info["components"]),
        };
        let mut subs = Vec::new();
        for chain in &chains {
            let parts = parts(task.kind, restarts.contains(chain));
            for (order, part) in parts.iter().enumerate() {
                subs.push(NewTask {
                    id: None,
                    group: task.id.clone(),
                    kind: part.text().to_owned(),
                    name: chain.clone(),
                    max_retry_count: None,
                    task_info: json!({ "order": order }),
                });
            }
        }
        Ok(self.metadata.tasks().upsert_all(subs).await?)
    }

    /// Does what a sub-task says, or looks whether it is done; true where anything changed.
    async fn take_turn(&self, task: &OmTask, sub: &mut Task) -> Result<bool> {
        let Some(part) = Part::from_text(&sub.kind) else {
            return self
                .end_sub(sub, Some(format!("'{}' is no sub-task", sub.kind)))
                .await;
        };
        let began = sub.status == TaskStatus::Pending;
        if began {
            let again = sub.extra_info.get("errorMsg").is_some();
            let update = TaskUpdate {
                only_if: Some(TaskStatus::Pending),
                status: Some(TaskStatus::Running),
                retry_count: again.then(|| sub.retry_count.saturating_add(1)),
                ..TaskUpdate::default()
            };
            if !self.update_task(&sub.id, update).await? {
                return Ok(true); // a person was quicker
            }
            sub.status = TaskStatus::Running;
            sub.gmt_modified = now();
        }
        let step = task.task_info["step"].as_str();
        let component = step.is_none().then_some(sub.name.as_str());
        let mut found = self.find(component, step).await?;
        if remakes(task.kind) {
            let before = &task.task_info["before"][&sub.name];
            found.world.before = before.as_str().map(str::to_owned);
        }
        let waited = now() - sub.gmt_modified.max(self.since);
        let verdict = match waited < SETTLED && part == Part::AwaitRunning {
            // what cannot work mostly says so at once
            true => Verdict::Wait,
            false => judge(part, &found.world, waited > PATIENCE),
        };
        match verdict {
            Verdict::Wait => Ok(began),
            Verdict::Done => self.end_sub(sub, None).await,
            Verdict::Fail(why) => self.end_sub(sub, Some(why)).await,
            Verdict::Act => match self.perform(task, part, found).await {
                Ok(()) => self.end_sub(sub, None).await,
                Err(error) if error.kind() == Kind::ConfigInvalid => {
                    self.end_sub(sub, Some(error.to_string())).await
                }
                Err(error) => Err(error),
            },
        }
    }

    /// The open task that is about this component or step.
    async fn at_work_on(&self, chain: &str) -> Result<Option<i64>> {
        let open = self.metadata.om_tasks().open().await?;
        let about = |t: &OmTask| {
            t.status != OmTaskStatus::Failed
                && (t.task_info["step"] == chain
                    || strings(&t.task_info["components"])
                        .iter()
                        .any(|c| c == chain))
        };
        Ok(open.into_iter().flatten().find(about).map(|t| t.number()))
    }

    async fn end_sub(&self, sub: &mut Task, failed: Option<String>) -> Result<bool> {
        sub.status = match failed {
            Some(_) => TaskStatus::Failed,
            None => TaskStatus::Finished,
        };
        let extra = match failed {
            Some(why) => json!({
                "errorCode": Kind::StateInvalid.code(),
                "errorMsg": why,
                "failedTime": now().format("%Y-%m-%dT%H:%M:%S").to_string(),
            }),
            None => json!({}),
        };
        let update = TaskUpdate {
            only_if: Some(TaskStatus::Running),
            status: Some(sub.status),
            extra_info: Some(extra),
            ..TaskUpdate::default()
        };
        self.update_task(&sub.id, update).await
    }

    /// False where a person changed it meanwhile: it is looked at again.
    async fn update_task(&self, id: &str, update: TaskUpdate) -> Result<bool> {
        let written = self.metadata.tasks().update(id, update, self.epoch).await?;
        let applied = matches!(written, Written::Applied);
        if matches!(written, Written::Fenced { .. }) {
            written.require("oms_task", id, self.epoch)?;
        }
        Ok(applied)
    }

    async fn set_om_status(&self, id: &str, status: OmTaskStatus) -> Result<()> {
        let tasks = self.metadata.om_tasks();
        let written = tasks.set_status(id, status, self.epoch).await?;
        Ok(written.require("oms_om_task", id, self.epoch)?)
    }
}

/// Whether a task gives its step another component.
fn remakes(kind: OmTaskType) -> bool {
    matches!(kind, OmTaskType::RerunComponent | OmTaskType::RepairStep)
}

fn part_view(sub: &Task) -> PartView {
    PartView {
        chain: sub.name.clone(),
        order: sub.task_info["order"].as_u64().unwrap_or(0),
        status: sub.status,
        retries_left: sub.may_retry(),
    }
}

fn strings(list: &Value) -> Vec<String> {
    let items = list.as_array().into_iter().flatten();
    items.filter_map(Value::as_str).map(str::to_owned).collect()
}
