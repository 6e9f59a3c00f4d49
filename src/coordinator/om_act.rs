//! What the sub-tasks of O&M tasks do.

use super::act::Reconciler;
use super::om_world::Found;
use super::view::HELD;
use crate::error::{Error, Kind, Result};
use crate::metadata::{
    Component, ComponentStatus, DesiredStatus, MetaError, OmTask, OmTaskStatus, RowProblem, Step,
    StepStatus, StepUpdate, Written,
};
use crate::model::project::ProjectConfig;
use crate::workflow::om::Part;
use crate::workflow::steps::{Goal, component_of};
use crate::workflow::transition::StepEvent;
use serde_json::{Value, json};

impl Reconciler {
    /// Does what a sub-task says; done again it does no harm.
    pub(super) async fn perform(&self, task: &OmTask, part: Part, found: Found) -> Result<()> {
        let Some(project) = &found.project else {
            return Ok(());
        };
        match (part, &found.component, &found.step) {
            (Part::UpdateConfig, ..) => self.apply(project, &task.task_info["settings"]).await,
            (Part::PauseComponent, Some(component), _) => {
                self.hold(component, Some(&task.id)).await?;
                self.set_desired(&component.id, DesiredStatus::Paused).await
            }
            (Part::StartComponent, Some(component), Some(step)) => {
                self.let_run(project, component, step).await
            }
            (Part::RemakeComponent, _, Some(step)) => self.remake(project, step).await,
            (Part::StopComponent, Some(component), _) => {
                self.set_desired(&component.id, DesiredStatus::Stopped)
                    .await
            }
            (Part::DeleteComponent, Some(component), step) => {
                if let Some(step) = step {
                    self.forget_name(step, &component.id).await?;
                }
                let components = self.metadata.components();
                let gone = components.remove(&component.id, self.epoch).await?;
                if !gone && components.get(&component.id).await.is_ok() {
                    let fenced = Error::new(Kind::Fenced, format!("component {}", component.id));
                    return Err(fenced.detail("a newer leader has its project"));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// A component that goes leaves its step no name: the next one would get it, as one whose row was not
    /// written yet, and whoever waits for another component would wait in vain.
    async fn forget_name(&self, step: &Step, component: &str) -> Result<()> {
        let mut info = step.step_info.clone();
        if let Some(map) = info.as_object_mut() {
            map.retain(|_, named| named.as_str() != Some(component));
        }
        if info == step.step_info {
            return Ok(());
        }
        let update = StepUpdate {
            step_info: Some(info),
            ..StepUpdate::default()
        };
        self.update_step(&step.id, update).await
    }

    async fn let_run(&self, project: &str, component: &Component, step: &Step) -> Result<()> {
        let rows = self.rows(project).await?;
        if step.status == StepStatus::Failed {
            self.step_event(&rows, &step.id, StepEvent::Retry, None)
                .await?;
        }
        match component.status {
            ComponentStatus::Exception | ComponentStatus::Stopped => {
                self.reset_component(&rows, &component.id).await
            }
            _ => {
                self.hold(component, None).await?;
                self.set_desired(&component.id, DesiredStatus::Running)
                    .await
            }
        }
    }

    /// The step's state first: with the component first, a crash between the two would leave a failed
    /// step with a component that nobody looks at.
    async fn remake(&self, project: &str, step: &Step) -> Result<()> {
        let rows = self.rows(project).await?;
        let Some((kind, goal)) = component_of(step.name) else {
            return Ok(());
        };
        let begins_anew = step.status == StepStatus::Finished && goal == Goal::Finishes;
        if begins_anew || step.status == StepStatus::Failed {
            self.step_event(&rows, &step.id, StepEvent::Retry, None)
                .await?;
        }
        match begins_anew {
            // it gets its component when its turn comes
            true => Ok(()),
            false => self.make_component(&rows, &step.id, kind).await,
        }
    }

    /// Writes settings into the project's row, which the components read.
    async fn apply(&self, project: &str, settings: &Value) -> Result<()> {
        let row = self.metadata.projects().get(project).await?;
        let mut config = ProjectConfig::from_json(&row.config)?.to_json();
        let invalid =
            |why: String| Error::new(Kind::ConfigInvalid, format!("project {project}")).detail(why);
        for (key, value) in settings.as_object().into_iter().flatten() {
            let place = format!("/options/{}", key.replace('.', "/"));
            match config.pointer_mut(&place) {
                Some(place) => *place = value.clone(),
                None => return Err(invalid(format!("there is no setting {key}"))),
            }
        }
        let config =
            ProjectConfig::from_json(&config).map_err(|error| invalid(error.to_string()))?;
        config.options.check().map_err(invalid)?;
        let projects = self.metadata.projects();
        let written = projects
            .set_config(project, &config.to_json(), self.epoch)
            .await?;
        Ok(written.require("oms_project", project, self.epoch)?)
    }

    /// Says that a person paused a component, or does so no more.
    pub(super) async fn hold(&self, component: &Component, by: Option<&str>) -> Result<()> {
        let mut config = component.config.clone();
        let Some(map) = config.as_object_mut() else {
            return Ok(());
        };
        match by {
            Some(by) => map.insert(HELD.to_owned(), by.into()),
            None => map.remove(HELD),
        };
        if config == component.config {
            return Ok(());
        }
        let written = self
            .metadata
            .components()
            .set_config(&component.id, &config, self.epoch)
            .await?;
        Ok(written.require("oms_component", &component.id, self.epoch)?)
    }

    /// Puts right what a person wrote into an O&M task that cannot be understood. Where it is not known
    /// what stood there, the task has failed. True where anything was written.
    pub(super) async fn mend_om(&self, problem: &RowProblem) -> Result<bool> {
        let Some(row) = self.metadata.raw_row(problem).await? else {
            return Ok(false);
        };
        let good = match problem.column.as_str() {
            // it waits for a person, who sees what was refused
            "task_status" => Some("FAILED"),
            "extra_info" => Some("{}"),
            _ => None,
        };
        let mut put_back = false;
        if let (Some(good), Some(nonsense)) = (good, row.get(&problem.column)) {
            let written = self
                .metadata
                .put_back(problem, nonsense, Some(good), self.epoch)
                .await?;
            put_back = matches!(written, Written::Applied);
            if matches!(written, Written::Fenced { .. }) {
                written.require(problem.table, &problem.id, self.epoch)?;
            }
        }
        let task = match problem.table {
            "oms_task" => row.get("task_group").unwrap_or_default().to_owned(),
            _ => problem.id.clone(),
        };
        let said = json!({
            "refused": {
                "table": problem.table,
                "id": problem.id,
                "column": problem.column,
                "value": problem.found,
                "message": MetaError::CorruptRow(problem.clone()).to_string(),
                "putBack": good.filter(|_| put_back),
            },
        });
        self.explain_om(&task, &said, put_back).await
    }

    async fn explain_om(&self, task: &str, said: &Value, put_back: bool) -> Result<bool> {
        let place = RowProblem {
            table: "oms_om_task",
            id: task.to_owned(),
            column: "extra_info".to_owned(),
            found: String::new(),
            why: String::new(),
        };
        let row = self.metadata.raw_row(&place).await?;
        let before = row.as_ref().and_then(|row| row.get("extra_info"));
        // said already, and nobody has mended it since
        if before
            .and_then(|text| serde_json::from_str(text).ok())
            .as_ref()
            == Some(said)
        {
            return Ok(false);
        }
        tracing::warn!(task, refused = %said["refused"]["message"], "a row of rm cannot be understood");
        let tasks = self.metadata.om_tasks();
        let written = tasks.set_extra_info(task, said, self.epoch).await?;
        written.require("oms_om_task", task, self.epoch)?;
        if !put_back {
            let failed = OmTaskStatus::Failed;
            let written = tasks.set_status(task, failed, self.epoch).await?;
            written.require("oms_om_task", task, self.epoch)?;
        }
        Ok(true)
    }
}
