//! The forward switchover: begins it, rolls it back, and does those of its sub-steps that start and stop
//! components. What is to be done says [`crate::workflow::switch`]; what needs a server is done by the
//! step's component ([`crate::switchover`]), which reads the same rows of `oms_task`.
//!
//! A sub-step is `RUNNING` before it does anything and `FINISHED` after it, so one that a crash interrupted
//! is done again; all of them can be.

use super::act::Reconciler;
use super::switch_act::world;
use super::view::{Rows, WAY, way};
use crate::error::{ALL_KINDS, Error, Kind, Result};
use crate::metadata::{
    NewTask, ProjectStatus, Step, StepName, StepStatus, StepUpdate, Task, TaskStatus, TaskUpdate,
    Written, now,
};
use crate::workflow::switch::{
    COMPLETE_OBJECT, Hand, Part, PartView, StopWrites, Verdict, Way, judge, no_way_back, parts,
    turn,
};
use crate::workflow::transition::StepEvent;
use chrono::TimeDelta;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What is waited for is seen within this time, or the sub-step fails.
const PATIENCE: TimeDelta = TimeDelta::seconds(120);

/// Key of `step_info`: how the switchover was asked for.
pub const OPTIONS: &str = "options";

/// How a switchover is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct SwitchOptions {
    /// How it is known that the application writes no more.
    pub stop_writes: StopWrites,
    /// Items of the pre-check that the user goes without, by name.
    pub waive: Vec<String>,
    /// Who asked; empty: by SQL.
    pub by: String,
    /// How long the other side may take to come up to the last position, seconds; 0: 60.
    pub catch_up_timeout_sec: u64,
}

impl SwitchOptions {
    /// Those of a switchover's step.
    pub fn of(step: &Step) -> Self {
        let options = step.step_info.get(OPTIONS).cloned().unwrap_or_default();
        serde_json::from_value(options).unwrap_or_default()
    }
}

/// Where a switchover is.
#[derive(Debug, Clone)]
pub struct SwitchState {
    /// Its step.
    pub step: Step,
    /// Where it goes.
    pub way: Way,
    /// How it was asked for.
    pub options: SwitchOptions,
    /// The sub-step that is at work, or waits.
    pub turn: Option<Part>,
    /// Those of this way, in their order, with their rows.
    pub sub_steps: Vec<(Part, Task)>,
    /// Objects that a person moves.
    pub objects: Vec<Task>,
}

impl Reconciler {
    /// Begins the switchover of a project.
    ///
    /// # Errors
    /// `StateInvalid` where the project has no switchover, or is not where it can begin.
    pub async fn begin_switch(&self, project: &str, options: SwitchOptions) -> Result<()> {
        let _one = self.one.lock().await;
        let rows = self.rows(project).await?;
        let step = switch_step(&rows)?;
        if step.status != StepStatus::Init {
            return Err(refused(
                project,
                format!("its switchover is {} already", step.status),
            )
            .remedy("DescribeAppSwitch shows where it is; RollBackAppSwitch takes it back."));
        }
        if rows.project.status != ProjectStatus::Running {
            return Err(refused(project, format!("it is {}", rows.project.status))
                .remedy("Let it run first (ResumeProject)."));
        }
        let waits = |s: &&Step| {
            s.order < step.order
                && !matches!(s.status, StepStatus::Finished | StepStatus::Monitoring)
        };
        if let Some(other) = rows.steps.iter().find(waits) {
            return Err(
                refused(project, format!("{} is {}", other.name, other.status))
                    .remedy("The switchover begins when all steps before it are done."),
            );
        }
        // a crash in front of the step's state leaves what the next begin makes anew
        self.metadata
            .tasks()
            .delete_group(&step.id, self.epoch)
            .await?;
        let info = json!({ OPTIONS: options, WAY: Way::Forward });
        let update = StepUpdate {
            step_info: Some(info),
            ..StepUpdate::default()
        };
        self.update_step(&step.id, update).await?;
        self.make_parts(&step.id, &parts(Way::Forward, &[]), options.stop_writes)
            .await?;
        tracing::info!(project_id = project, by = options.by, stop_writes = ?options.stop_writes, "the switchover begins");
        self.step_event(&rows, &step.id, StepEvent::Start, None)
            .await
    }

    /// Takes a switchover back, wherever it is.
    ///
    /// # Errors
    /// `StateInvalid` where there is none, or no way back.
    pub async fn roll_back_switch(&self, project: &str) -> Result<()> {
        let _one = self.one.lock().await;
        let rows = self.rows(project).await?;
        let step = switch_step(&rows)?;
        if step.status == StepStatus::Init {
            return Err(refused(project, "its switchover has not begun".to_owned()));
        }
        if matches!(
            rows.project.status,
            ProjectStatus::Releasing | ProjectStatus::Released | ProjectStatus::Deleted
        ) {
            return Err(refused(project, format!("it is {}", rows.project.status)));
        }
        if way(step) == Way::Back {
            return Ok(());
        }
        let all = part_views(&self.sub_steps(&step.id).await?);
        if let Some(why) = no_way_back(&all) {
            return Err(refused(project, why.to_owned()));
        }
        let stop = SwitchOptions::of(step).stop_writes;
        self.make_parts(&step.id, &parts(Way::Back, &all), stop)
            .await?;
        let mut info = step.step_info.clone();
        info[WAY] = json!(Way::Back);
        // whoever works the other way ends: the step gets a new component
        if let Some(map) = info.as_object_mut() {
            map.remove("component");
        }
        if let Some(component) = rows.component_of(step) {
            self.set_desired(&component.id, crate::metadata::DesiredStatus::Stopped)
                .await?;
        }
        let update = StepUpdate {
            step_info: Some(info),
            extra_info: Some(json!({})),
            ..StepUpdate::default()
        };
        self.update_step(&step.id, update).await?;
        tracing::info!(project_id = project, "the switchover is rolled back");
        match step.status {
            StepStatus::Failed => {
                let retry = StepEvent::Retry;
                self.step_event(&rows, &step.id, retry, None).await
            }
            StepStatus::Finished => {
                let resume = StepEvent::Resume;
                self.step_event(&rows, &step.id, resume, None).await
            }
            _ => Ok(()),
        }
    }

    /// A person says that a sub-step which waits for him is done: by its `task_type`, or an object by its
    /// row's id.
    ///
    /// # Errors
    /// `StateInvalid` where it does not wait for a person.
    pub async fn confirm_switch(&self, project: &str, sub: &str) -> Result<()> {
        let _one = self.one.lock().await;
        let rows = self.rows(project).await?;
        let step = switch_step(&rows)?;
        let task = self.sub_step(project, step, sub).await?;
        let stop = SwitchOptions::of(step).stop_writes;
        let waits = match Part::from_text(&task.kind) {
            Some(part) => part.hand(stop) == Hand::Person && self.is_its_turn(step, part).await?,
            None => task.kind == COMPLETE_OBJECT,
        };
        if !waits || matches!(task.status, TaskStatus::Finished | TaskStatus::Skipped) {
            let why = format!("{} is {} and waits for no word", task.kind, task.status);
            return Err(refused(project, why)
                .remedy("DescribeAppSwitch says which sub-step waits for whom."));
        }
        self.set_sub(&task, TaskStatus::Finished).await
    }

    /// Lets a sub-step that failed run again.
    ///
    /// # Errors
    /// `StateInvalid` where it has not failed.
    pub async fn retry_switch(&self, project: &str, sub: &str) -> Result<()> {
        let _one = self.one.lock().await;
        let rows = self.rows(project).await?;
        let step = switch_step(&rows)?;
        let task = self.sub_step(project, step, sub).await?;
        if task.status != TaskStatus::Failed {
            return Err(
                refused(project, format!("{} is {}", task.kind, task.status))
                    .remedy("Only what failed can be retried."),
            );
        }
        let written = self.metadata.tasks().reset(&task.id, self.epoch).await?;
        Ok(written.require("oms_task", &task.id, self.epoch)?)
    }

    /// Goes on without a sub-step, where that can be answered for.
    ///
    /// # Errors
    /// `StateInvalid` where it cannot be skipped, or is neither at work nor failed.
    pub async fn skip_switch(&self, project: &str, sub: &str) -> Result<()> {
        let _one = self.one.lock().await;
        let rows = self.rows(project).await?;
        let step = switch_step(&rows)?;
        let task = self.sub_step(project, step, sub).await?;
        let forward = way(step) == Way::Forward;
        let may = match Part::from_text(&task.kind) {
            Some(Part::CreateReverseSync) if forward => false,
            Some(part) => part.skip_consequence().is_some(),
            None => task.kind == COMPLETE_OBJECT,
        };
        if !may || matches!(task.status, TaskStatus::Finished | TaskStatus::Skipped) {
            let why = format!("{} is {} and cannot be skipped", task.kind, task.status);
            return Err(refused(project, why)
                .remedy("Mend what it says and retry it, or roll the switchover back."));
        }
        self.set_sub(&task, TaskStatus::Skipped).await
    }

    /// Where a project's switchover is.
    ///
    /// # Errors
    /// `StateInvalid` where it has none.
    pub async fn switch_state(&self, project: &str) -> Result<SwitchState> {
        let rows = self.rows(project).await?;
        let step = switch_step(&rows)?.clone();
        let tasks = self.sub_steps(&step.id).await?;
        let all = part_views(&tasks);
        let wanted = parts(way(&step), &all);
        let of = |part: &Part| {
            let task = tasks.iter().find(|t| t.kind == part.text())?;
            Some((*part, task.clone()))
        };
        Ok(SwitchState {
            way: way(&step),
            options: SwitchOptions::of(&step),
            turn: turn(&wanted, &all).map(|view| view.part),
            sub_steps: wanted.iter().filter_map(of).collect(),
            objects: tasks
                .iter()
                .filter(|t| t.kind == COMPLETE_OBJECT)
                .cloned()
                .collect(),
            step,
        })
    }

    async fn set_sub(&self, task: &Task, status: TaskStatus) -> Result<()> {
        let update = TaskUpdate {
            only_if: Some(task.status),
            status: Some(status),
            extra_info: Some(json!({})),
            ..TaskUpdate::default()
        };
        let written = self
            .metadata
            .tasks()
            .update(&task.id, update, self.epoch)
            .await?;
        Ok(written.require("oms_task", &task.id, self.epoch)?)
    }

    async fn is_its_turn(&self, step: &Step, part: Part) -> Result<bool> {
        let all = part_views(&self.sub_steps(&step.id).await?);
        Ok(turn(&parts(way(step), &all), &all).is_some_and(|view| view.part == part))
    }

    async fn sub_step(&self, project: &str, step: &Step, sub: &str) -> Result<Task> {
        let tasks = self.sub_steps(&step.id).await?;
        let named = |t: &Task| t.id == sub || t.kind == sub && t.kind != COMPLETE_OBJECT;
        tasks.into_iter().find(named).ok_or_else(|| {
            refused(project, format!("its switchover has no sub-step {sub}"))
                .remedy("DescribeAppSwitch lists them.")
        })
    }

    /// The rows of a switchover that can be understood.
    pub(super) async fn sub_steps(&self, step: &str) -> Result<Vec<Task>> {
        let tasks = self.metadata.tasks().list(step).await?;
        Ok(tasks.into_iter().flatten().collect())
    }

    async fn make_parts(&self, step: &str, parts: &[Part], stop: StopWrites) -> Result<()> {
        let new = |(order, part): (usize, &Part)| NewTask {
            id: None,
            group: step.to_owned(),
            kind: part.text().to_owned(),
            name: part.text().to_owned(),
            max_retry_count: None,
            task_info: json!({ "order": order, "by": format!("{:?}", part.hand(stop)).to_uppercase() }),
        };
        let tasks = parts.iter().enumerate().map(new).collect();
        Ok(self.metadata.tasks().upsert_all(tasks).await?)
    }

    /// The same of several projects; one that cannot be brought on does not keep the others waiting.
    pub(super) async fn bring_on_switches(&self, projects: &[String]) -> Result<bool> {
        let mut changed = false;
        for project in projects {
            match self.bring_on_switch(project).await {
                Ok(moved) => changed |= moved,
                Err(error) if error.kind() == Kind::Fenced => return Err(error),
                Err(error) => {
                    tracing::warn!(project_id = project, code = error.kind().code(), %error, "the switchover");
                }
            }
        }
        Ok(changed)
    }

    /// Brings the switchover of a project a step further, as far as that is the Coordinator's; true where
    /// anything changed.
    pub(super) async fn bring_on_switch(&self, project: &str) -> Result<bool> {
        let _one = self.one.lock().await;
        let rows = self.rows(project).await?;
        let Ok(step) = switch_step(&rows) else {
            return Ok(false);
        };
        let goes_on = [ProjectStatus::Running, ProjectStatus::Failed];
        if step.status != StepStatus::Running || !goes_on.contains(&rows.project.status) {
            return Ok(false);
        }
        let (way, options) = (way(step), SwitchOptions::of(step));
        let mut tasks = self.sub_steps(&step.id).await?;
        let wanted = parts(way, &part_views(&tasks));
        // of one that was begun with SQL, or whose begin was interrupted
        if wanted
            .iter()
            .any(|part| !tasks.iter().any(|t| t.kind == part.text()))
        {
            self.make_parts(&step.id, &wanted, options.stop_writes)
                .await?;
            tasks = self.sub_steps(&step.id).await?;
        }
        let views = part_views(&tasks);
        let Some(view) = turn(&wanted, &views) else {
            return Ok(false);
        };
        if view.part.hand(options.stop_writes) != Hand::Coordinator {
            return Ok(false);
        }
        let Some(mut task) = tasks.into_iter().find(|t| t.kind == view.part.text()) else {
            return Ok(false);
        };
        self.take_switch_turn(&rows, step, view.part, &mut task)
            .await
    }

    async fn take_switch_turn(
        &self,
        rows: &Rows,
        step: &Step,
        part: Part,
        task: &mut Task,
    ) -> Result<bool> {
        let begins = task.status == TaskStatus::Pending;
        if begins {
            let update = TaskUpdate {
                only_if: Some(TaskStatus::Pending),
                status: Some(TaskStatus::Running),
                ..TaskUpdate::default()
            };
            if !self.update_sub(&task.id, update).await? {
                return Ok(true); // a person was quicker
            }
            task.gmt_modified = now();
        }
        let skipped = self
            .sub_steps(&step.id)
            .await?
            .iter()
            .any(|t| t.kind == Part::CreateDestStore.text() && t.status == TaskStatus::Skipped);
        let late = now() - task.gmt_modified.max(self.since) > PATIENCE;
        match judge(part, &world(rows, step, skipped), begins, late) {
            Verdict::Wait => Ok(begins),
            Verdict::Done => self.end_part(task, TaskStatus::Finished, None).await,
            Verdict::Skip => self.end_part(task, TaskStatus::Skipped, None).await,
            Verdict::Fail(why) => self.end_part(task, TaskStatus::Failed, Some(why)).await,
            Verdict::Act => {
                self.act_switch(rows, step, part).await?;
                Ok(true)
            }
        }
    }

    async fn end_part(&self, task: &Task, status: TaskStatus, why: Option<String>) -> Result<bool> {
        tracing::info!(sub_step = task.kind, to = %status, why, "switchover");
        let extra = match why {
            Some(why) => json!({
                "errorCode": code_of(&why),
                "errorMsg": why,
                "failedTime": now().format("%Y-%m-%dT%H:%M:%S").to_string(),
            }),
            None => json!({}),
        };
        let update = TaskUpdate {
            only_if: Some(TaskStatus::Running),
            status: Some(status),
            extra_info: Some(extra),
            ..TaskUpdate::default()
        };
        self.update_sub(&task.id, update).await
    }

    /// False where a person changed it meanwhile: it is looked at again.
    async fn update_sub(&self, id: &str, update: TaskUpdate) -> Result<bool> {
        let written = self.metadata.tasks().update(id, update, self.epoch).await?;
        let applied = matches!(written, Written::Applied);
        if matches!(written, Written::Fenced { .. }) {
            written.require("oms_task", id, self.epoch)?;
        }
        Ok(applied)
    }
}

/// The step of a project's switchover.
pub(super) fn switch_step(rows: &Rows) -> Result<&Step> {
    rows.step(StepName::TransferAppSwitch).ok_or_else(|| {
        refused(&rows.project.id, "it has no forward switchover".to_owned())
            .remedy("A project that is made with enableReverseIncrTransfer has one.")
    })
}

/// The code of the error that a message begins with: one that may pass is tried again by itself.
fn code_of(why: &str) -> &str {
    let code = why.split(':').next().unwrap_or_default();
    let known = ALL_KINDS.iter().any(|kind| kind.code() == code);
    match known {
        true => code,
        false => Kind::SwitchFailed.code(),
    }
}

fn refused(project: &str, why: String) -> Error {
    Error::new(
        Kind::StateInvalid,
        format!("the switchover of project {project}"),
    )
    .detail(why)
}

/// The rows that are sub-steps, as the workflow sees them.
pub(super) fn part_views(tasks: &[Task]) -> Vec<PartView> {
    let view = |task: &Task| {
        Some(PartView {
            part: Part::from_text(&task.kind)?,
            status: task.status,
            retries_left: task.may_retry(),
        })
    };
    tasks.iter().filter_map(view).collect()
}
