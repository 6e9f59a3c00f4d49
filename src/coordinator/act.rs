//! Does what the workflow decided: one write for each action, in an order in which a crash
//! between any two is mended by the next look.

use super::known::{Known, PERSON, PROJECT_STATUS, STEP_STATUS};
use super::settle::keep_refused;
use super::view::{Look, Rows, look};
use crate::error::{Error, Kind, Result};
use crate::metadata::{
    Component, ComponentStatus, Metadata, ProjectFilter, ProjectStatus, Report, RowProblem, Step,
    StepUpdate, TaskStatus, TaskUpdate, Written, now,
};
use crate::workflow::plan::{self, Action, View};
use crate::workflow::transition::{StepEvent, next};
use parking_lot::Mutex;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

/// Failed tasks that a failed step names, at most.
const NAMED_TASKS: usize = 20;

/// Reconciles projects, as the leader of one epoch.
#[derive(Clone)]
pub struct Reconciler {
    pub(super) metadata: Metadata,
    pub(super) epoch: i64,
    pub(super) node: String,
    /// What the journal knows of each project, as far as it was read.
    pub(super) known: Arc<Mutex<HashMap<String, Known>>>,
    /// Since when it leads: what happened before says nothing about how long it waits.
    pub(super) since: chrono::NaiveDateTime,
    /// When it last deleted old O&M tasks.
    pub(super) forgot: Arc<Mutex<Option<Instant>>>,
    /// Held by whoever decides: a command and a look do not come between each other's writes.
    pub(super) one: Arc<tokio::sync::Mutex<()>>,
    /// Projects that were taken over, but not yet let go on: a row of theirs was nonsense.
    unsettled: Arc<Mutex<HashSet<String>>>,
}

impl Reconciler {
    /// Acts as the leader of `epoch`; new components run on `node`.
    pub fn new(metadata: Metadata, epoch: i64, node: impl Into<String>) -> Self {
        Self {
            metadata,
            epoch,
            node: node.into(),
            known: Arc::default(),
            since: now(),
            forgot: Arc::default(),
            one: Arc::default(),
            unsettled: Arc::default(),
        }
    }

    /// Looks once at a project and does what is to be done. Gives the view that it decided on;
    /// None where a row cannot be understood.
    pub async fn reconcile(&self, project: &str) -> Result<Option<View>> {
        let _one = self.one.lock().await;
        self.decide(project, plan::plan).await
    }

    /// Lets a paused or failed project go on. What components had reached is reached anew by their
    /// next works.
    pub async fn resume(&self, project: &str) -> Result<Option<View>> {
        let _one = self.one.lock().await;
        self.let_go_on(project).await
    }

    /// The same, by whoever decides already.
    pub(super) async fn let_go_on(&self, project: &str) -> Result<Option<View>> {
        let Some(rows) = self.settled(project).await? else {
            return Ok(None);
        };
        for component in rows.components {
            if component.progress.get("ready").and_then(Value::as_bool) == Some(true) {
                let mut progress = component.progress.clone();
                progress["ready"] = false.into();
                let report = Report {
                    progress: Some(progress),
                    ..Report::default()
                };
                let components = self.metadata.components();
                let written = components
                    .report(&component.id, component.epoch, report)
                    .await?;
                // one that was assigned anew meanwhile begins anew by itself
                if !matches!(written, Written::Fenced { .. } | Written::NotFound) {
                    written.require("oms_component", &component.id, component.epoch)?;
                }
            }
        }
        self.decide(project, plan::resume).await
    }

    /// Lets a verification that is done run again, once the rest has caught up.
    pub async fn verify_again(&self, project: &str) -> Result<()> {
        let _one = self.one.lock().await;
        let Some(rows) = self.settled(project).await? else {
            return Ok(());
        };
        let done = rows.steps.iter().find(|s| {
            s.name == entity::StepName::FullVerifier && s.status == entity::StepStatus::Finished
        });
        match done {
            Some(step) => {
                self.step_event(&rows, &step.id, StepEvent::Retry, None)
                    .await
            }
            None => Ok(()),
        }
    }

    /// Takes a project over, so that its rows can be written: whoever wrote them before is fenced.
    pub async fn claim(&self, project: &str) -> Result<()> {
        let written = self.metadata.projects().claim(project, self.epoch).await?;
        Ok(written.require("oms_project", project, self.epoch)?)
    }

    /// Takes over a project that an earlier leader left, and lets it go on if it was running.
    pub async fn adopt(&self, project: &crate::metadata::Project) -> Result<()> {
        let late = self.unsettled.lock().contains(&project.id);
        if project.epoch >= self.epoch && !late {
            return Ok(());
        }
        if project.epoch < self.epoch {
            self.claim(&project.id).await?;
        }
        let settled = match project.status {
            ProjectStatus::Running
            | ProjectStatus::RunningModifying
            | ProjectStatus::RunningMerging => self.resume(&project.id).await?.is_some(),
            _ => true,
        };
        let mut unsettled = self.unsettled.lock();
        match settled {
            true => unsettled.remove(&project.id),
            false => unsettled.insert(project.id.clone()),
        };
        Ok(())
    }

    /// Takes over a project whose own row cannot be understood, and puts that right. It goes on
    /// when its row is good.
    async fn adopt_broken(&self, problem: &RowProblem) -> Result<()> {
        let id = &problem.id;
        let Some(row) = self.metadata.raw_row(problem).await? else {
            return Ok(());
        };
        let epoch = row.get("epoch").and_then(|epoch| epoch.parse::<i64>().ok());
        if epoch.is_none_or(|epoch| epoch < self.epoch) {
            self.unsettled.lock().insert(id.clone());
            self.claim(id).await?;
        }
        let _one = self.one.lock().await;
        self.settled(id).await.map(drop)
    }

    /// The projects that may need something, each taken over from an earlier leader. A project
    /// whose row is nonsense is put right first.
    pub async fn living(&self) -> Result<Vec<String>> {
        let filter = ProjectFilter {
            except: vec![
                ProjectStatus::Init,
                ProjectStatus::Finished,
                ProjectStatus::Released,
                ProjectStatus::Deleted,
            ],
            ..ProjectFilter::default()
        };
        let mut ids = self.checking().await?;
        for project in self.metadata.projects().list(&filter).await? {
            let (id, taken) = match &project {
                Ok(project) => (&project.id, self.adopt(project).await),
                Err(problem) => (&problem.id, self.adopt_broken(problem).await),
            };
            match taken {
                Ok(()) if project.is_ok() => ids.push(id.clone()),
                Ok(()) => {}
                Err(error) if error.kind() == Kind::Fenced => return Err(error),
                // the others need not wait for it
                Err(error) => {
                    self.known.lock().remove(id);
                    tracing::warn!(project_id = %id, code = error.kind().code(), %error, "taking over");
                }
            }
        }
        Ok(ids)
    }

    /// Deletes a project that holds nothing any more, with all that hangs on it. Its row stays, so that
    /// its name in a log or an audit can be found.
    pub async fn delete(&self, project: &str) -> Result<()> {
        let _one = self.one.lock().await;
        let projects = self.metadata.projects();
        // much may hang on one that ran, too much for one transaction; whoever dies in the midst of it
        // leaves a project with which nothing can be done but this
        if projects.get(project).await?.status == ProjectStatus::Released {
            projects.purge(project).await?;
        }
        // no word to the journal, which goes too
        let written = projects.delete(project, self.epoch).await;
        self.known.lock().remove(project);
        Ok(written?.require("oms_project", project, self.epoch)?)
    }

    /// Pauses a project: its components end at their next safe points.
    pub async fn suspend(&self, project: &str, why: &str) -> Result<()> {
        let _one = self.one.lock().await;
        let extra = json!({ "suspended": why });
        self.project_status(project, ProjectStatus::Suspend, Some(extra))
            .await
    }

    pub(super) async fn decide(
        &self,
        project: &str,
        decide: impl Fn(&View) -> Vec<Action>,
    ) -> Result<Option<View>> {
        let done = self.decide_on(project, decide).await;
        if done.is_err() {
            // what was written and what was not is read again
            self.known.lock().remove(project);
        }
        done
    }

    async fn decide_on(
        &self,
        project: &str,
        decide: impl Fn(&View) -> Vec<Action>,
    ) -> Result<Option<View>> {
        let Some(rows) = self.settled(project).await? else {
            return Ok(None);
        };
        let view = rows.view();
        let actions = decide(&view);
        for action in &actions {
            self.act(&rows, action.clone()).await?;
        }
        self.note_repairs(&view, &actions, project).await?;
        Ok(Some(view))
    }

    async fn act(&self, rows: &Rows, action: Action) -> Result<()> {
        match action {
            Action::MakeComponent { step, kind } => self.make_component(rows, &step, kind).await,
            Action::MakeRelease => self.make_release(rows).await,
            Action::Explain { component } => self.explain_release(rows, &component).await,
            Action::SetDesired { component, desired } => {
                self.set_desired(&component, desired).await
            }
            Action::ResetComponent { component } => self.reset_component(rows, &component).await,
            Action::Step {
                step,
                event,
                component,
            } => {
                self.step_event(rows, &step, event, component.as_deref())
                    .await
            }
            Action::Progress { step, percent } => {
                let update = StepUpdate {
                    progress: Some(percent),
                    ..StepUpdate::default()
                };
                self.update_step(&step, update).await
            }
            Action::Project(status) => {
                self.project_status(&rows.project.id, status, self.project_extra(rows, status))
                    .await
            }
            Action::Accept { step } => self.accept_step(rows, &step).await,
            Action::AcceptProject => self.accept_project(rows).await,
            Action::TakeTask { task } => self.take_task(rows, &task).await,
        }
    }

    pub(super) async fn step_event(
        &self,
        rows: &Rows,
        step: &str,
        event: StepEvent,
        component: Option<&str>,
    ) -> Result<()> {
        let Some(step) = rows.steps.iter().find(|s| s.id == step) else {
            return Ok(());
        };
        let status = match next(step.status, event) {
            Ok(status) => status,
            Err(illegal) => {
                tracing::warn!(step = %step.name, %illegal, "an action that does not fit");
                return Ok(());
            }
        };
        // the journal first: what is not in it is a person's edit
        let detail = json!({ "step": step.name, "from": step.status, "to": status });
        self.record(&rows.project.id, &step.id, STEP_STATUS, detail)
            .await?;
        let failed = component.and_then(|id| rows.components.iter().find(|c| c.id == id));
        let mut update = event_update(rows, step, event, status, failed);
        update.extra_info = update
            .extra_info
            .map(|extra| keep_refused(&step.extra_info, extra));
        self.update_step(&step.id, update).await?;
        tracing::info!(project_id = %rows.project.id, step = %step.name, from = %step.status, to = %status, "step");
        Ok(())
    }

    /// A person's edit counts from here on as what the step was told; what it failed of is over.
    async fn accept_step(&self, rows: &Rows, step: &str) -> Result<()> {
        let Some(step) = rows.steps.iter().find(|s| s.id == step) else {
            return Ok(());
        };
        let from = rows.known.told(&step.id);
        let detail = json!({ "step": step.name, "from": from, "to": step.status, "by": PERSON });
        self.record(&rows.project.id, &step.id, STEP_STATUS, detail)
            .await?;
        tracing::info!(project_id = %rows.project.id, step = %step.name, %from, to = %step.status, "edited");
        let update = StepUpdate {
            only_if: Some(step.status),
            extra_info: Some(json!({})),
            ..StepUpdate::default()
        };
        self.update_step(&step.id, update).await
    }

    async fn accept_project(&self, rows: &Rows) -> Result<()> {
        let project = &rows.project;
        let from = rows.known.status;
        let detail = json!({ "from": from, "to": project.status, "by": PERSON });
        self.record(&project.id, &project.id, PROJECT_STATUS, detail)
            .await?;
        if from.is_some() {
            tracing::info!(project_id = %project.id, ?from, to = %project.status, "edited");
            self.set_extra(&project.id, &json!({})).await?;
        }
        Ok(())
    }

    async fn take_task(&self, rows: &Rows, task: &str) -> Result<()> {
        let Some(task) = rows.tasks.iter().find(|t| t.id == task) else {
            return Ok(());
        };
        let update = TaskUpdate {
            only_if: Some(task.status),
            status: Some(TaskStatus::Pending),
            retry_count: Some(task.retry_count.saturating_add(1)),
            ..TaskUpdate::default()
        };
        let written = self
            .metadata
            .tasks()
            .update(&task.id, update, self.epoch)
            .await?;
        // one that a person changed meanwhile is looked at again
        if matches!(written, Written::Fenced { .. }) {
            written.require("oms_task", &task.id, self.epoch)?;
        }
        Ok(())
    }

    pub(super) async fn update_step(&self, step: &str, update: StepUpdate) -> Result<()> {
        let written = self
            .metadata
            .steps()
            .update(step, update, self.epoch)
            .await?;
        // a step that a person changed meanwhile is looked at again
        if matches!(written, Written::Fenced { .. } | Written::NotFound) {
            written.require("oms_step", step, self.epoch)?;
        }
        Ok(())
    }

    pub(super) async fn project_status(
        &self,
        project: &str,
        status: ProjectStatus,
        extra: Option<Value>,
    ) -> Result<()> {
        let from = self.known(project).await?.status;
        if from != Some(status) {
            let detail = json!({ "from": from, "to": status });
            self.record(project, project, PROJECT_STATUS, detail)
                .await?;
        }
        let written = self
            .metadata
            .projects()
            .set_status(project, status, extra, self.epoch)
            .await?;
        Ok(written.require("oms_project", project, self.epoch)?)
    }

    /// A failed project's row says why, so that one need not look for the step.
    fn project_extra(&self, rows: &Rows, status: ProjectStatus) -> Option<Value> {
        let extra = match status {
            ProjectStatus::Failed => rows
                .steps
                .iter()
                .find_map(|step| {
                    let component = rows.component_of(step)?;
                    (component.status == ComponentStatus::Exception)
                        .then(|| failure(step, Some(component)))
                })
                .or_else(|| Some(json!({}))),
            ProjectStatus::Running => Some(json!({})),
            _ => None,
        };
        extra.map(|extra| keep_refused(&rows.project.extra_info, extra))
    }

    /// Reads a project's rows once; for those who show them.
    pub async fn rows(&self, project: &str) -> Result<Rows> {
        match look(&self.metadata, project, Known::default(), false).await? {
            Look::Fine(rows) => Ok(*rows),
            Look::Broken(problem, _) => {
                Err(Error::new(Kind::RmCorrupt, format!("project {project}")).detail(problem))
            }
        }
    }
}

fn event_update(
    rows: &Rows,
    step: &Step,
    event: StepEvent,
    status: entity::StepStatus,
    failed: Option<&Component>,
) -> StepUpdate {
    let mut update = StepUpdate {
        only_if: Some(step.status),
        status: Some(status),
        ..StepUpdate::default()
    };
    match event {
        StepEvent::Start => {
            update.start_time = Some(now());
            update.progress = Some(0);
        }
        StepEvent::Finish | StepEvent::CatchUp => {
            update.progress = Some(100);
            update.finish_time = Some(now());
            update.extra_info = Some(json!({}));
        }
        StepEvent::Fail => {
            let mut extra = failure(step, failed);
            let tasks = rows.tasks.iter();
            let own = tasks.filter(|t| t.group == step.id && t.status == TaskStatus::Failed);
            let ids: Vec<&str> = own.take(NAMED_TASKS).map(|t| t.id.as_str()).collect();
            if !ids.is_empty() {
                extra["failedTasks"] = ids.into();
            }
            update.extra_info = Some(extra);
        }
        StepEvent::Retry | StepEvent::Forget | StepEvent::Anew => {
            update.clear_finish_time = true;
            update.extra_info = Some(json!({}));
            if status == entity::StepStatus::Init {
                update.progress = Some(0);
            }
        }
        StepEvent::Suspend | StepEvent::Resume => {}
    }
    update
}

/// `extra_info` of a failed step, with the reference's names.
fn failure(step: &Step, component: Option<&Component>) -> Value {
    let mut failure = failure_of(component);
    failure["failedStep"] = step.name.to_string().into();
    failure
}

/// Why a component failed, with the reference's names.
pub(super) fn failure_of(component: Option<&Component>) -> Value {
    let error = component.and_then(|c| c.error.clone()).unwrap_or_default();
    let text = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default();
    json!({
        "errorCode": text("code"),
        "errorMsg": text("message"),
        "proposal": text("proposal"),
        "component": component.map(|c| &c.id),
        "failedTime": now().format("%Y-%m-%dT%H:%M:%S").to_string(),
    })
}
