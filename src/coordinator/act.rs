//! Does what the workflow decided: one write for each action, in an order in which a crash
//! between any two is mended by the next look.

use super::view::{Look, Rows, look};
use crate::error::{Error, Kind, Result};
use crate::metadata::{
    Component, ComponentStatus, ComponentType, DesiredStatus, Metadata, NewComponent, NewEvent,
    ProjectFilter, ProjectStatus, Report, Step, StepUpdate, Written, now,
};
use crate::model::project::subtopic_of;
use crate::workflow::plan::{self, Action, View};
use crate::workflow::transition::{StepEvent, next};
use serde_json::{Map, Value, json};

/// Reconciles projects, as the leader of one epoch.
#[derive(Clone)]
pub struct Reconciler {
    pub(super) metadata: Metadata,
    pub(super) epoch: i64,
    pub(super) node: String,
}

impl Reconciler {
    /// Acts as the leader of `epoch`; new components run on `node`.
    pub fn new(metadata: Metadata, epoch: i64, node: impl Into<String>) -> Self {
        Self {
            metadata,
            epoch,
            node: node.into(),
        }
    }

    /// Looks once at a project and does what is to be done. Gives the view that it decided on;
    /// None where a row cannot be understood.
    pub async fn reconcile(&self, project: &str) -> Result<Option<View>> {
        self.decide(project, plan::plan).await
    }

    /// Lets a paused or failed project go on. What components had reached is reached anew by their
    /// next works.
    pub async fn resume(&self, project: &str) -> Result<Option<View>> {
        for component in self.rows(project).await?.components {
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
        let rows = self.rows(project).await?;
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
        if project.epoch >= self.epoch {
            return Ok(());
        }
        self.claim(&project.id).await?;
        match project.status {
            ProjectStatus::Running
            | ProjectStatus::RunningModifying
            | ProjectStatus::RunningMerging => self.resume(&project.id).await.map(drop),
            _ => Ok(()),
        }
    }

    /// The projects that may need something, each taken over from an earlier leader.
    pub async fn living(&self) -> Result<Vec<String>> {
        let filter = ProjectFilter {
            statuses: vec![
                ProjectStatus::Running,
                ProjectStatus::RunningModifying,
                ProjectStatus::RunningMerging,
                ProjectStatus::Suspend,
                ProjectStatus::Failed,
                ProjectStatus::Releasing,
            ],
            ..ProjectFilter::default()
        };
        let mut ids = Vec::new();
        for project in self.metadata.projects().list(&filter).await? {
            match project {
                Ok(project) => {
                    self.adopt(&project).await?;
                    ids.push(project.id);
                }
                Err(problem) => tracing::warn!(%problem, "a row of rm cannot be understood"),
            }
        }
        Ok(ids)
    }

    /// Deletes a project that holds nothing any more, with all that hangs on it. Its row stays, so that
    /// its name in a log or an audit can be found.
    pub async fn delete(&self, project: &str) -> Result<()> {
        self.project_status(project, ProjectStatus::Deleted, None)
            .await?;
        Ok(self.metadata.projects().purge(project).await?)
    }

    /// Writes a project's objects and options.
    pub async fn configure(&self, project: &str, config: &Value) -> Result<()> {
        let projects = self.metadata.projects();
        let written = projects.set_config(project, config, self.epoch).await?;
        Ok(written.require("oms_project", project, self.epoch)?)
    }

    /// Pauses a project: its components end at their next safe points.
    pub async fn suspend(&self, project: &str, why: &str) -> Result<()> {
        let extra = json!({ "suspended": why });
        self.project_status(project, ProjectStatus::Suspend, Some(extra))
            .await
    }

    async fn decide(
        &self,
        project: &str,
        decide: impl Fn(&View) -> Vec<Action>,
    ) -> Result<Option<View>> {
        let rows = match look(&self.metadata, project).await? {
            Look::Fine(rows) => rows,
            Look::Broken(problem) => {
                tracing::warn!(project_id = project, %problem, "a row of rm cannot be understood");
                let extra = json!({
                    "errorCode": Kind::RmCorrupt.code(),
                    "errorMsg": problem.to_string(),
                    "proposal": Kind::RmCorrupt.remedy(),
                });
                let status = self.metadata.projects().get(project).await?.status;
                self.project_status(project, status, Some(extra)).await?;
                return Ok(None);
            }
        };
        let view = rows.view();
        for action in decide(&view) {
            self.act(&rows, action).await?;
        }
        Ok(Some(view))
    }

    async fn act(&self, rows: &Rows, action: Action) -> Result<()> {
        match action {
            Action::MakeComponent { step, kind } => self.make_component(rows, &step, kind).await,
            Action::MakeRelease => self.make_release(rows).await,
            Action::Explain { component } => self.explain(rows, &component).await,
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
        }
    }

    /// First the name in `step_info`, then the row: a crash between the two leaves a name without
    /// a row, and the row is made with this name at the next look.
    async fn make_component(&self, rows: &Rows, step: &str, kind: ComponentType) -> Result<()> {
        // read again: an action before this one may have changed the step
        let step = self.metadata.steps().get(step).await?;
        for other in rows.components.iter().filter(|c| c.step_id == step.id) {
            if other.desired_status != DesiredStatus::Stopped {
                self.set_desired(&other.id, DesiredStatus::Stopped).await?;
            }
        }
        let named = step.step_info.get("component").and_then(Value::as_str);
        let id = match named {
            Some(id) if rows.component_of(&step).is_none() => id.to_owned(),
            _ => self.new_component_id(rows, kind).await?,
        };
        let mut info = match &step.step_info {
            Value::Object(map) => map.clone(),
            _ => Map::new(),
        };
        let mut config = json!({});
        if kind == ComponentType::FullVerification {
            let sub_id = self.next_sub_id(rows).await?;
            info.insert("subId".to_owned(), sub_id.into());
            config = json!({ "subId": sub_id });
        }
        info.insert("component".to_owned(), id.clone().into());
        self.update_step(
            &step.id,
            StepUpdate {
                step_info: Some(info.into()),
                ..StepUpdate::default()
            },
        )
        .await?;
        let new = NewComponent {
            id: id.clone(),
            project_id: rows.project.id.clone(),
            step_id: step.id.clone(),
            kind,
            desired_status: DesiredStatus::Running,
            node: self.node.clone(),
            config,
            checkpoint: json!({}),
        };
        self.metadata.components().create(new).await?;
        self.journal(
            &rows.project.id,
            &id,
            "component.made",
            json!({ "type": kind.to_string() }),
        )
        .await
    }

    async fn next_sub_id(&self, rows: &Rows) -> Result<i32> {
        let last = rows
            .components
            .iter()
            .filter_map(|c| c.config.get("subId").and_then(Value::as_i64))
            .max()
            .unwrap_or(0);
        Ok(i32::try_from(last).unwrap_or(i32::MAX).saturating_add(1))
    }

    /// Names as OMS gives them: `<ip>-<port>:<what>:<10 digits>`.
    pub(super) async fn new_component_id(
        &self,
        rows: &Rows,
        kind: ComponentType,
    ) -> Result<String> {
        let sequence = self.metadata.components().next_sequence().await?;
        let project = &rows.project.id;
        let what = match kind {
            ComponentType::Store => format!("7100:{}", subtopic(rows)),
            ComponentType::FullImport => format!("9000:connector_v2:{project}-full_trans-1-0"),
            ComponentType::IncrSync => format!("9000:connector_v2:{project}-incr_trans-1-0"),
            ComponentType::FullVerification => format!("9000:verifier:{project}"),
            ComponentType::IncrVerification => format!("9000:verifier:{project}-incr"),
            ComponentType::Release => format!("9000:release:{project}"),
            ComponentType::Precheck => format!("9000:precheck:{project}"),
            ComponentType::StructTransfer => format!("9000:dbcat:{project}-struct"),
            ComponentType::IndexTransfer => format!("9000:dbcat:{project}-index"),
        };
        Ok(format!("{}-{what}:{sequence:010}", self.node))
    }

    async fn step_event(
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
        let failed = component.and_then(|id| rows.components.iter().find(|c| c.id == id));
        let update = event_update(step, event, status, failed);
        self.update_step(&step.id, update).await?;
        tracing::info!(project_id = %rows.project.id, step = %step.name, from = %step.status, to = %status, "step");
        let detail = json!({ "step": step.name, "from": step.status, "to": status });
        self.journal(&rows.project.id, &step.id, "step.status", detail)
            .await
    }

    async fn update_step(&self, step: &str, update: StepUpdate) -> Result<()> {
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

    async fn set_desired(&self, component: &str, desired: DesiredStatus) -> Result<()> {
        let written = self
            .metadata
            .components()
            .set_desired(component, desired, self.epoch)
            .await?;
        Ok(written.require("oms_component", component, self.epoch)?)
    }

    pub(super) async fn reset_component(&self, rows: &Rows, component: &str) -> Result<()> {
        let Some(row) = rows.components.iter().find(|c| c.id == component) else {
            return Ok(());
        };
        self.set_desired(component, DesiredStatus::Running).await?;
        let report = Report {
            status: Some(ComponentStatus::Init),
            attempt: Some(0),
            error: Some(None),
            ..Report::default()
        };
        let written = self
            .metadata
            .components()
            .report(component, row.epoch, report)
            .await?;
        Ok(written.require("oms_component", component, row.epoch)?)
    }

    pub(super) async fn project_status(
        &self,
        project: &str,
        status: ProjectStatus,
        extra: Option<Value>,
    ) -> Result<()> {
        let written = self
            .metadata
            .projects()
            .set_status(project, status, extra, self.epoch)
            .await?;
        Ok(written.require("oms_project", project, self.epoch)?)
    }

    /// A failed project's row says why, so that one need not look for the step.
    fn project_extra(&self, rows: &Rows, status: ProjectStatus) -> Option<Value> {
        match status {
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
        }
    }

    pub(super) async fn journal(
        &self,
        project: &str,
        subject: &str,
        what: &str,
        detail: Value,
    ) -> Result<()> {
        let event = NewEvent {
            project_id: project.to_owned(),
            subject: subject.to_owned(),
            event_no: None,
            kind: what.to_owned(),
            epoch: self.epoch,
            detail,
        };
        self.metadata.events().append(event).await?;
        Ok(())
    }

    /// Reads a project's rows once; for those who show them.
    pub async fn rows(&self, project: &str) -> Result<Rows> {
        match look(&self.metadata, project).await? {
            Look::Fine(rows) => Ok(rows),
            Look::Broken(problem) => {
                Err(Error::new(Kind::RmCorrupt, format!("project {project}")).detail(problem))
            }
        }
    }
}

fn subtopic(rows: &Rows) -> String {
    subtopic_of(&rows.project.id, &rows.project.source_id)
}

fn event_update(
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
        StepEvent::Start => update.start_time = Some(now()),
        StepEvent::Finish | StepEvent::CatchUp => {
            update.progress = Some(100);
            update.finish_time = Some(now());
            update.extra_info = Some(json!({}));
        }
        StepEvent::Fail => update.extra_info = Some(failure(step, failed)),
        StepEvent::Retry => {
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
