//! The pre-check of a project that was never started, or that failed at it.
//!
//! It is the project's step `TRANSFER_PRECHECK`, run by its component like any other step: so it is
//! kept, goes on after a crash, and is told in the same rows. While the project is `INIT` nothing but
//! this step runs; its result stays until the objects change or the project is started, which checks
//! once more.

use super::act::Reconciler;
use super::known::{COMPONENT_MADE, PROJECT_STATUS, STEP_STATUS};
use super::settle::keep_refused;
use super::view::Rows;
use crate::component::precheck::stored;
use crate::error::{Error, Kind, Result};
use crate::metadata::{
    CheckAnew, ComponentStatus, ComponentType, DesiredStatus, NewComponent, NewEvent,
    ProjectStatus, StateText, Step, StepName, StepStatus, StepUpdate, Task, Written, now,
};
use crate::model::filter::ObjectFilter;
use crate::model::params::SkippableFlags;
use crate::model::project::ProjectConfig;
use crate::workflow::plan;
use serde_json::{Value, json};

pub use crate::component::precheck::{EndpointType, ItemStatus, StoredItem};

/// What a pre-check found.
#[derive(Debug, Clone)]
pub struct PreCheck {
    /// Its step; None: the project has none yet.
    pub step: Option<Step>,
    /// Its component is at work.
    pub at_work: bool,
    /// Its items.
    pub items: Vec<StoredItem>,
}

impl Reconciler {
    /// What the pre-check of a project found.
    pub async fn precheck(&self, project: &str) -> Result<PreCheck> {
        let rows = self.rows(project).await?;
        let flags: SkippableFlags = self.metadata.parameter().await?;
        let Some(step) = step_of(&rows) else {
            let items = stored(&[], &flags, false);
            return Ok(PreCheck {
                step: None,
                at_work: false,
                items,
            });
        };
        let tasks = self.metadata.tasks().list(&step.id).await?;
        let tasks: Vec<Task> = tasks.into_iter().flatten().collect();
        let counts = step.status != StepStatus::Init;
        let component = rows.component_of(step);
        Ok(PreCheck {
            at_work: step.status == StepStatus::Running
                && component.is_some_and(|c| c.status == ComponentStatus::Running),
            items: stored(&tasks, &flags, counts),
            step: Some(step.clone()),
        })
    }

    /// Checks a project that was never started. Whatever was skipped counts again. One that is being
    /// checked is left alone.
    pub async fn submit_precheck(&self, project: &str) -> Result<()> {
        let _one = self.one.lock().await;
        self.rows(project).await?;
        self.check_anew(project, None, None).await
    }

    /// Checks again: these items are skipped, and the objects of those are left out. Of a project that
    /// failed at its pre-check, all goes on if it passes.
    pub async fn retry_precheck(
        &self,
        project: &str,
        skip: &[String],
        remove: &[String],
    ) -> Result<()> {
        let _one = self.one.lock().await;
        let rows = self.rows(project).await?;
        let failed = rows.project.status == ProjectStatus::Failed;
        let status = step_of(&rows).map_or(StepStatus::Init, |step| step.status);
        let state = |why: &str, remedy: &'static str| {
            let what = format!("the pre-check of project {project}");
            Err(Error::new(Kind::StateInvalid, what)
                .detail(why)
                .remedy(remedy))
        };
        match status {
            StepStatus::Running | StepStatus::Suspend => {
                return state(
                    "it is not at its end",
                    "Wait for its result (GetPreCheckResult).",
                );
            }
            StepStatus::Init => return state("it has no result", "Begin it with SubmitPreCheck."),
            StepStatus::Finished if failed => {
                return state(
                    "it has passed; a later step failed",
                    "ResumeProject tries that again.",
                );
            }
            _ => {}
        }
        let tasks = self.tasks_of(&rows).await?;
        let flags: SkippableFlags = self.metadata.parameter().await?;
        let items = stored(&tasks, &flags, true);
        let skip = chosen("skipItems", skip, &items, |item| match item.skippable {
            true => Ok(()),
            false => Err("it cannot be skipped"),
        })?;
        let remove = chosen("removeItems", remove, &items, |item| {
            match removable(item) {
                true => Ok(()),
                false => Err("it names no objects that could be left out"),
            }
        })?;
        let config = without(&rows.project.config, &remove)?;
        let skip = skip.into_iter().filter_map(|item| {
            let name = item.full_name();
            let task = tasks.iter().find(|task| task.name == name);
            task.map(|task| task.id.clone())
        });
        let config = config.map(|config| config.to_json());
        self.check_anew(project, Some(skip.collect()), config)
            .await?;
        // what failed beside it goes on too
        match failed {
            true => self.decide(project, plan::resume).await.map(drop),
            false => Ok(()),
        }
    }

    /// Lets a project run that was never started; it is checked once more.
    pub async fn start(&self, project: &str) -> Result<()> {
        let _one = self.one.lock().await;
        // a failed one is tried again by the start itself, and what a person says is done is done
        let passed = |view: &plan::View| match view.steps.first() {
            Some(step) if step.status == StepStatus::Finished && !step.held => {
                plan::forget_check(view)
            }
            _ => Vec::new(),
        };
        self.decide(project, passed).await?;
        self.decide(project, plan::resume).await.map(drop)
    }

    /// Projects that were never started and that are being checked.
    pub(super) async fn checking(&self) -> Result<Vec<String>> {
        let steps = self.metadata.steps();
        let running = steps.projects_at(StepName::TransferPrecheck, StepStatus::Running);
        let mut found = Vec::new();
        for id in running.await? {
            // what cannot be understood is explained when the project is started
            if let Ok(project) = self.metadata.projects().get(&id).await
                && project.status == ProjectStatus::Init
            {
                self.adopt(&project).await?;
                found.push(id);
            }
        }
        Ok(found)
    }

    /// Begins a check, where none runs: as a whole, or not at all. `skip` are tasks that are skipped from
    /// now on, by id; None: nothing is. A project that failed at its check runs again.
    async fn check_anew(
        &self,
        project: &str,
        skip: Option<Vec<String>>,
        config: Option<Value>,
    ) -> Result<()> {
        let Some(rows) = self.settled(project).await? else {
            return Ok(());
        };
        let view = rows.view();
        let Some(step) = plan::check(&view).and_then(|_| step_of(&rows)) else {
            return Ok(());
        };
        let check = self.new_check(&rows, step, skip, config).await?;
        let done = self.metadata.steps().check_anew(check, self.epoch).await;
        // the journal has grown, or it is not known whether it has
        self.known.lock().remove(project);
        match done? {
            // it was done, and its answer was lost on the way
            Written::Changed { found } if found == StepStatus::Running.text() => {}
            written => written.require("oms_step", &step.id, self.epoch)?,
        }
        tracing::info!(project_id = project, from = %step.status, "the pre-check begins");
        Ok(())
    }

    /// All that is written where a check begins.
    async fn new_check(
        &self,
        rows: &Rows,
        step: &Step,
        skip: Option<Vec<String>>,
        config: Option<Value>,
    ) -> Result<CheckAnew> {
        let (project, kind) = (&rows.project, ComponentType::Precheck);
        let id = self.new_component_id(rows, kind, false).await?;
        let info = json!({ "component": id });
        let made = json!({ "type": kind, "step": step.id, "info": info });
        let told = json!({ "step": step.name, "from": step.status, "to": StepStatus::Running });
        let entry = |subject: &str, kind: &str, detail: Value| NewEvent {
            project_id: project.id.clone(),
            subject: subject.to_owned(),
            event_no: None,
            kind: kind.to_owned(),
            epoch: self.epoch,
            detail,
        };
        let mut journal = vec![
            entry(&id, COMPONENT_MADE, made),
            entry(&step.id, STEP_STATUS, told),
        ];
        let failed = project.status == ProjectStatus::Failed;
        if failed {
            let detail = json!({ "from": project.status, "to": ProjectStatus::Running });
            journal.push(entry(&project.id, PROJECT_STATUS, detail));
        }
        Ok(CheckAnew {
            project: project.id.clone(),
            step: step.id.clone(),
            update: StepUpdate {
                only_if: Some(step.status),
                status: Some(StepStatus::Running),
                progress: Some(0),
                step_info: Some(info),
                extra_info: Some(keep_refused(&step.extra_info, json!({}))),
                start_time: Some(now()),
                clear_finish_time: true,
                ..StepUpdate::default()
            },
            skip,
            component: NewComponent {
                id,
                project_id: project.id.clone(),
                step_id: step.id.clone(),
                kind,
                desired_status: DesiredStatus::Running,
                node: self.node.clone(),
                config: json!({}),
                checkpoint: json!({}),
            },
            config,
            runs: failed.then(|| keep_refused(&project.extra_info, json!({}))),
            journal,
        })
    }

    async fn tasks_of(&self, rows: &Rows) -> Result<Vec<Task>> {
        let Some(step) = step_of(rows) else {
            return Ok(Vec::new());
        };
        let tasks = self.metadata.tasks().list(&step.id).await?;
        Ok(tasks.into_iter().flatten().collect())
    }
}

fn step_of(rows: &Rows) -> Option<&Step> {
    let mut steps = rows.steps.iter();
    steps.find(|step| step.name == StepName::TransferPrecheck)
}

/// Whether the project would pass the item without the objects that it names.
pub fn removable(item: &StoredItem) -> bool {
    item.status == ItemStatus::Failed && !item.objects.is_empty()
}

/// The failed items that a request names, all of them, or what is wrong with one.
fn chosen<'i>(
    parameter: &str,
    names: &[String],
    items: &'i [StoredItem],
    may: impl Fn(&StoredItem) -> Result<(), &'static str>,
) -> Result<Vec<&'i StoredItem>> {
    let mut found = Vec::new();
    for name in names {
        let invalid = |why: &str| {
            Error::new(Kind::ParameterInvalid, format!("parameter {parameter}"))
                .detail(format!("{name}: {why}"))
        };
        let item = items.iter().find(|item| item.full_name() == *name);
        let item = item.ok_or_else(|| {
            invalid("there is no such item; give its side and its name, like DEST-DB_TRIGGER")
        })?;
        if item.status != ItemStatus::Failed && !item.skipped {
            return Err(invalid("it did not fail"));
        }
        may(item).map_err(invalid)?;
        found.push(item);
    }
    Ok(found)
}

/// The project's configuration without the objects of these items; None: nothing is left out.
fn without(config: &Value, items: &[&StoredItem]) -> Result<Option<ProjectConfig>> {
    if items.is_empty() {
        return Ok(None);
    }
    let mut config = ProjectConfig::from_json(config)?;
    for object in items.iter().flat_map(|item| &item.objects) {
        let rule = ObjectFilter::rule_of(object).ok_or_else(|| {
            Error::new(Kind::ParameterInvalid, "parameter removeItems")
                .detail(format!("{object}: no rule can be written for this name"))
                .remedy("Mend the table, or choose the objects anew in another project.")
        })?;
        config.filter.include.retain(|include| *include != rule);
        if config.filter.include.is_empty() {
            return Err(Error::new(Kind::ParameterInvalid, "parameter removeItems")
                .detail("no object would be left"));
        }
        // one that was named is gone with its name, and needs no rule: a project of named tables stays one
        if config.filter.matches(object) {
            config.filter.exclude.push(rule);
        }
    }
    Ok(Some(config))
}

#[cfg(test)]
#[path = "precheck_tests.rs"]
mod tests;
