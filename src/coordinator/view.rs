//! From rows to the [`View`] that the workflow decides on.

use super::known::Known;
use super::switch::part_views;
use crate::error::{ALL_KINDS, Result, Retry};
use crate::metadata::{
    Component, ComponentType, MetaError, Metadata, Project, Row, RowProblem, Step, StepName,
    StepStatus, Task, TaskStatus, now,
};
use crate::model::objects::Hold;
use crate::model::project::ProjectConfig;
use crate::workflow::plan::{self, ComponentView, StepView, TaskView, View};
use crate::workflow::steps::{Goal, component_of};
use crate::workflow::switch::{Part, Way, parts};
use chrono::TimeDelta;

/// Key of a component's `config`: the O&M task that paused it.
pub(super) const HELD: &str = "held";

/// Key of `step_info`: the Store of the way back.
pub(super) const STORE: &str = "store";

/// Key of `step_info` of the switchover: where it goes.
pub(super) const WAY: &str = "way";

/// Where a switchover goes.
pub(super) fn way(step: &Step) -> Way {
    let way = step.step_info.get(WAY).cloned().unwrap_or_default();
    serde_json::from_value(way).unwrap_or_default()
}

/// Whether the switchover stopped this component: its step's id stands where that of an O&M task would.
pub(super) fn is_switched(component: &Component) -> bool {
    let held = component
        .config
        .get(HELD)
        .and_then(serde_json::Value::as_str);
    held.is_some_and(|by| by.starts_with("s_"))
}

/// The longest wait before the scheduler tries a failed task again.
const LONGEST_WAIT: i64 = 30;

/// A project's rows as they were read at one look.
#[derive(Debug, Clone)]
pub struct Rows {
    /// The project.
    pub project: Project,
    /// Its steps in order.
    pub steps: Vec<Step>,
    /// All its components, also those that no step names any more.
    pub components: Vec<Component>,
    /// Tasks that wait for somebody, of steps that no component is at work on.
    pub tasks: Vec<Task>,
    /// What the journal knows.
    pub known: Known,
}

/// The rows around one that cannot be understood, as far as they can.
#[derive(Debug, Clone, Default)]
pub struct Around {
    /// The project.
    pub project: Option<Project>,
    /// Its steps in order.
    pub steps: Vec<Step>,
    /// Its components.
    pub components: Vec<Component>,
}

/// What a look at a project found.
pub enum Look {
    /// All rows can be understood.
    Fine(Box<Rows>),
    /// One cannot.
    Broken(RowProblem, Box<Around>),
}

/// Reads a project's rows; open tasks only where `tasks` says so.
pub async fn look(metadata: &Metadata, id: &str, known: Known, tasks: bool) -> Result<Look> {
    let mut problems = Vec::new();
    let project = match metadata.projects().get(id).await {
        Ok(project) => Some(project),
        Err(MetaError::CorruptRow(problem)) => {
            problems.push(problem);
            None
        }
        Err(error) => return Err(error.into()),
    };
    let steps = sorted(metadata.steps().list(id).await?, &mut problems);
    let components = sorted(metadata.components().list(id).await?, &mut problems);
    let around = |project: Option<Project>| {
        Box::new(Around {
            project,
            steps: steps.clone(),
            components: components.clone(),
        })
    };
    let sound = match (project, problems.is_empty()) {
        (Some(project), true) => sound(project, steps.clone(), components.clone(), known),
        (project, _) => {
            problems.extend(steps.iter().filter_map(unfit));
            return Ok(Look::Broken(problems.swap_remove(0), around(project)));
        }
    };
    let mut rows = match sound {
        Sound::Fine(rows) => rows,
        Sound::Broken(problem, project) => {
            return Ok(Look::Broken(problem, around(Some(*project))));
        }
    };
    if tasks {
        let all: Vec<String> = steps.iter().map(|s| s.id.clone()).collect();
        let open = metadata
            .tasks()
            .open(&all, &rows.at_rest(), &rows.switching())
            .await?;
        rows.tasks = sorted(open, &mut problems);
        if let Some(problem) = problems.pop() {
            return Ok(Look::Broken(problem, around(Some(rows.project.clone()))));
        }
    }
    Ok(Look::Fine(rows))
}

/// Whether rows that can be read say something that can be.
pub(super) enum Sound {
    /// They do.
    Fine(Box<Rows>),
    /// One does not; with the project.
    Broken(RowProblem, Box<Project>),
}

/// Puts a project's rows together; without its tasks.
pub(super) fn sound(
    project: Project,
    steps: Vec<Step>,
    components: Vec<Component>,
    known: Known,
) -> Sound {
    let unfit = steps.iter().find_map(unfit);
    match unfit.or_else(|| unreadable_config(&project, &known)) {
        Some(problem) => Sound::Broken(problem, Box::new(project)),
        None => Sound::Fine(Box::new(Rows {
            project,
            steps,
            components,
            tasks: Vec::new(),
            known,
        })),
    }
}

/// The good rows; the others go to the problems.
fn sorted<T>(rows: Vec<Row<T>>, problems: &mut Vec<RowProblem>) -> Vec<T> {
    let mut good = Vec::new();
    for row in rows {
        match row {
            Ok(row) => good.push(row),
            Err(problem) => problems.push(problem),
        }
    }
    good
}

/// A state that this step cannot be in.
fn unfit(step: &Step) -> Option<RowProblem> {
    let (_, goal) = component_of(step.name)?;
    (step.status == StepStatus::Monitoring && goal != Goal::Follows).then(|| RowProblem {
        table: "oms_step",
        id: step.id.clone(),
        column: "step_status".to_owned(),
        found: step.status.to_string(),
        why: format!("is no state of {}, which comes to an end", step.name),
    })
}

/// A configuration that could be read before and cannot be read any more.
fn unreadable_config(project: &Project, known: &Known) -> Option<RowProblem> {
    let error = ProjectConfig::from_json(&project.config).err()?;
    let before = known.row.as_ref()?.get("config")?;
    ProjectConfig::from_json(before).ok()?;
    Some(RowProblem {
        table: "oms_project",
        id: project.id.clone(),
        column: "config".to_owned(),
        found: project.config.to_string().chars().take(80).collect(),
        why: format!("is no configuration of a project: {error}"),
    })
}

impl Rows {
    /// The component that a step's `step_info` names, if its row exists.
    pub fn component_of(&self, step: &Step) -> Option<&Component> {
        let id = step.step_info.get("component")?.as_str()?;
        self.components.iter().find(|c| c.id == id)
    }

    /// The Store of the way back that a step's `step_info` names, if its row exists.
    pub fn store_of(&self, step: &Step) -> Option<&Component> {
        let id = step.step_info.get(STORE)?.as_str()?;
        self.components.iter().find(|c| c.id == id)
    }

    /// A step.
    pub fn step(&self, name: StepName) -> Option<&Step> {
        self.steps.iter().find(|step| step.name == name)
    }

    /// Why its components wait, if they do.
    pub(super) fn hold(&self) -> Option<Hold> {
        let hold = self.project.config.get("modified")?.get("hold")?;
        serde_json::from_value(hold.clone()).ok()
    }

    /// The component that releases the project.
    pub fn release(&self) -> Option<&Component> {
        let mut newest = self.components.iter().rev();
        newest.find(|c| c.kind == ComponentType::Release)
    }

    /// The steps that no component is at work on.
    pub(super) fn at_rest(&self) -> Vec<String> {
        use crate::metadata::ComponentStatus as C;
        let at_rest = |step: &&Step| match step.status {
            StepStatus::Init | StepStatus::Suspend => false,
            _ => self
                .component_of(step)
                .is_some_and(|c| matches!(c.status, C::Exception | C::Finished)),
        };
        let steps = self.steps.iter().filter(at_rest);
        steps.map(|step| step.id.clone()).collect()
    }

    /// The switchover, whose tasks are looked at together once it has begun.
    pub(super) fn switching(&self) -> Vec<String> {
        let begun =
            |s: &&Step| s.name == StepName::TransferAppSwitch && s.status != StepStatus::Init;
        self.steps
            .iter()
            .filter(begun)
            .map(|s| s.id.clone())
            .collect()
    }

    /// What the workflow decides on.
    pub fn view(&self) -> View {
        let releases = |c: &&Component| c.kind == ComponentType::Release;
        let others = self.components.iter().filter(|c| !releases(c));
        View {
            status: self.project.status,
            others: others.map(component_view).collect(),
            release: self.release().map(component_view),
            explained: self.project.extra_info.get("errorCode").is_some(),
            hold: self.hold().map(|hold| plan::Hold { store: hold.store }),
            told: self.known.status,
            steps: self
                .steps
                .iter()
                .map(|step| StepView {
                    id: step.id.clone(),
                    name: step.name,
                    status: step.status,
                    told: self.known.told(&step.id),
                    held: self.known.held(&step.id, step.status),
                    blamed: step.extra_info.get("failedTasks").is_some(),
                    tasks: self.tasks_of(step),
                    progress: step.progress,
                    component: self.component_of(step).map(component_view),
                    store: self.store_of(step).map(component_view),
                    back: way(step) == Way::Back,
                })
                .collect(),
        }
    }

    /// Of the switchover, whose tasks come one after the other, the one whose turn it is.
    fn tasks_of(&self, step: &Step) -> Vec<TaskView> {
        let own = self.tasks.iter().filter(|task| task.group == step.id);
        if step.name == StepName::TransferAppSwitch {
            let own: Vec<Task> = own.cloned().collect();
            return first_of_switch(step, &own)
                .map(task_view)
                .into_iter()
                .collect();
        }
        own.filter(|task| is_open(task)).map(task_view).collect()
    }
}

/// The sub-step of a switchover whose turn it is, if it waits or failed.
fn first_of_switch<'t>(step: &Step, tasks: &'t [Task]) -> Option<&'t Task> {
    let all = part_views(tasks);
    let wanted = parts(way(step), &all);
    let of = |part: &Part| tasks.iter().find(|task| task.kind == part.text());
    let done = |task: &&Task| !matches!(task.status, TaskStatus::Finished | TaskStatus::Skipped);
    let first = wanted.iter().filter_map(of).find(done)?;
    is_open(first).then_some(first)
}

/// Somebody must do something about it.
fn is_open(task: &Task) -> bool {
    matches!(task.status, TaskStatus::Pending | TaskStatus::Failed)
}

fn task_view(task: &Task) -> TaskView {
    let code = task.extra_info.get("errorCode").and_then(|c| c.as_str());
    let kind = code.and_then(|code| ALL_KINDS.iter().find(|kind| kind.code() == code));
    // 1 s, doubled with each retry
    let factor = 1_i64 << task.retry_count.clamp(0, 10);
    let wait = TimeDelta::seconds(factor.min(LONGEST_WAIT));
    TaskView {
        id: task.id.clone(),
        status: task.status,
        retries_left: task.may_retry(),
        passing: kind.is_some_and(|kind| kind.retry() == Retry::Timed),
        due: now() - task.gmt_modified >= wait,
    }
}

/// What the workflow sees of a component.
pub(super) fn component_view(component: &Component) -> ComponentView {
    let figure = |key: &str| {
        component
            .progress
            .get(key)
            .and_then(serde_json::Value::as_u64)
    };
    ComponentView {
        id: component.id.clone(),
        status: component.status,
        desired: component.desired_status,
        done: figure("done").unwrap_or(0),
        total: figure("total").unwrap_or(0),
        ready: component
            .progress
            .get("ready")
            .and_then(serde_json::Value::as_bool)
            .unwrap_or(false),
        held: component.config.get(HELD).is_some(),
    }
}
