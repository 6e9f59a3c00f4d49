//! The value that belongs in a cell that cannot be understood: pure.
//!
//! It comes from the journal where the journal has it, and else from the rows around the cell, where
//! these leave no doubt. Where they do leave doubt nothing is put back, and a person decides.

use super::known::Known;
use super::view::{Around, STORE};
use crate::metadata::{
    ComponentStatus, ComponentType, DesiredStatus, ProjectStatus, RawRow, RowProblem, StateText,
    Step, StepName, StepStatus, TaskStatus,
};
use crate::workflow::steps::{Goal, component_of};
use serde_json::{Map, Value, json};

/// What to put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Good {
    /// This text.
    Text(String),
    /// NULL.
    Null,
}

impl Good {
    /// For SQL.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Null => None,
        }
    }

    fn of(text: impl Into<String>) -> Option<Self> {
        Some(Self::Text(text.into()))
    }
}

/// What belongs in the cell that the problem names; `None`: that is not known.
pub fn good(problem: &RowProblem, row: &RawRow, known: &Known, around: &Around) -> Option<Good> {
    let column = problem.column.as_str();
    match problem.table {
        "oms_project" => of_project(column, known, around),
        "oms_step" => of_step(problem, row, known, around),
        "oms_task" => of_task(column, row, around),
        "oms_component" => of_component(column, row, known, around),
        _ => None,
    }
}

fn of_project(column: &str, known: &Known, around: &Around) -> Option<Good> {
    let kept = |key: &str| known.row.as_ref()?.get(key).cloned();
    match column {
        "project_status" => match known.status {
            Some(status) => Good::of(status.text()),
            // never started
            None if around.steps.iter().all(|s| s.status == StepStatus::Init)
                && around.components.is_empty() =>
            {
                Good::of(ProjectStatus::Init.text())
            }
            None => None,
        },
        "config" => Good::of(kept("config")?.to_string()),
        "project_type" | "alarm_level" => Good::of(kept(column)?.as_str()?),
        "extra_info" => Good::of("{}"),
        _ => None,
    }
}

fn of_step(problem: &RowProblem, row: &RawRow, known: &Known, around: &Around) -> Option<Good> {
    let told = known.told(&problem.id);
    match problem.column.as_str() {
        "step_status" => Good::of(told.text()),
        "step_name" => Good::of(known.steps.get(&problem.id)?.name?.text()),
        // what it is now shows at the next look
        "progress" => match row.get("step_status").and_then(StepStatus::from_text) {
            Some(StepStatus::Finished | StepStatus::Monitoring) => Good::of("100"),
            _ => Good::of("0"),
        },
        "step_info" => match known.step_info(&problem.id) {
            Some(info) => Good::of(info.to_string()),
            None => Good::of(step_info(&problem.id, around).to_string()),
        },
        "extra_info" => Good::of("{}"),
        "start_time" | "finish_time" => Some(Good::Null),
        _ => None,
    }
}

/// The component that works for a step, or that did last, as `step_info` names it: for a journal of a
/// version that did not keep it.
fn step_info(step: &str, around: &Around) -> Value {
    let last = |of: fn(&ComponentType) -> bool| {
        let made = around.components.iter().filter(|c| c.step_id == step);
        made.filter(|c| of(&c.kind)).max_by_key(|c| {
            let current = c.desired_status != DesiredStatus::Stopped;
            (current, c.gmt_created, c.id.clone())
        })
    };
    let goes_back = around
        .steps
        .iter()
        .any(|s| s.id == step && s.name == StepName::ReverseIncrTransfer);
    let mut info = Map::new();
    let component = match goes_back {
        true => last(|kind| *kind == ComponentType::IncrSync),
        false => last(|_| true),
    };
    if let Some(store) = last(|kind| *kind == ComponentType::Store).filter(|_| goes_back) {
        info.insert(STORE.to_owned(), store.id.clone().into());
    }
    if let Some(last) = component {
        if let Some(sub_id) = last.config.get("subId") {
            info.insert("subId".to_owned(), sub_id.clone());
        }
        info.insert("component".to_owned(), last.id.clone().into());
    }
    info.into()
}

/// Tasks are idempotent: one that is not known to be done, or to have failed, may run again.
fn of_task(column: &str, row: &RawRow, around: &Around) -> Option<Good> {
    let step = around
        .steps
        .iter()
        .find(|s| Some(s.id.as_str()) == row.get("task_group"));
    match column {
        "task_status" => {
            let failed = row
                .get("extra_info")
                .is_some_and(|e| e.contains("errorCode"))
                || step.is_some_and(|s| blames(s, row.get("id").unwrap_or_default()));
            let done = step
                .is_some_and(|s| matches!(s.status, StepStatus::Finished | StepStatus::Monitoring));
            Good::of(match (failed, done) {
                (true, _) => TaskStatus::Failed.text(),
                (false, true) => TaskStatus::Finished.text(),
                (false, false) => TaskStatus::Pending.text(),
            })
        }
        "task_info" | "extra_info" => Good::of("{}"),
        "retry_count" => Good::of("0"),
        "max_retry_count" => Good::of("3"),
        _ => None,
    }
}

/// Whether a step's failure named this task.
fn blames(step: &Step, task: &str) -> bool {
    let failed = step.extra_info.get("failedTasks").and_then(Value::as_array);
    failed.is_some_and(|ids| ids.iter().any(|id| id.as_str() == Some(task)))
}

fn of_component(column: &str, row: &RawRow, known: &Known, around: &Around) -> Option<Good> {
    let id = row.get("id")?;
    let step = around
        .steps
        .iter()
        .find(|s| Some(s.id.as_str()) == row.get("step_id"))?;
    let names = |key: &str| step.step_info.get(key).and_then(Value::as_str) == Some(id);
    let named = names("component") || names(STORE);
    let (kind, goal) = component_of(step.name)?;
    let kind = match names(STORE) {
        true => ComponentType::Store,
        false => kind,
    };
    match column {
        "component_type" => Good::of(kind.text()),
        "desired_status" => Good::of(desired(row, step, named, known, around).text()),
        "status" => {
            let wanted = row.get("desired_status").and_then(DesiredStatus::from_text);
            let wanted = wanted.unwrap_or_else(|| desired(row, step, named, known, around));
            Good::of(status(wanted, step, goal).text())
        }
        "config" => match step.step_info.get("subId").filter(|_| named) {
            Some(sub_id) => Good::of(json!({ "subId": sub_id }).to_string()),
            None => Good::of("{}"),
        },
        // what it does writes them anew
        "checkpoint" | "progress" => Good::of("{}"),
        "error" | "latest_heartbeat" => Some(Good::Null),
        _ => None,
    }
}

/// What was wanted of a component shows in what it does: the Supervisor made it so.
fn desired(
    row: &RawRow,
    step: &Step,
    named: bool,
    known: &Known,
    around: &Around,
) -> DesiredStatus {
    let project = around.project.as_ref().map(|p| p.status).or(known.status);
    match row.get("status").and_then(ComponentStatus::from_text) {
        Some(ComponentStatus::Stopped) => DesiredStatus::Stopped,
        Some(ComponentStatus::Paused) => DesiredStatus::Paused,
        _ if !named => DesiredStatus::Stopped,
        _ if project == Some(ProjectStatus::Suspend) || step.status == StepStatus::Suspend => {
            DesiredStatus::Paused
        }
        _ => DesiredStatus::Running,
    }
}

/// A component that is said to run is started where it does not.
fn status(desired: DesiredStatus, step: &Step, goal: Goal) -> ComponentStatus {
    match (desired, step.status) {
        (DesiredStatus::Stopped, _) => ComponentStatus::Stopped,
        (DesiredStatus::Paused, _) => ComponentStatus::Paused,
        (_, StepStatus::Failed) => ComponentStatus::Exception,
        (_, StepStatus::Finished) if goal == Goal::Finishes => ComponentStatus::Finished,
        _ => ComponentStatus::Running,
    }
}
