//! What the journal knows of a project: the last good state of the project and of each step, and the
//! last configuration.
//!
//! Whoever decides on a state writes it to the journal first and to the row second. So a row that
//! says something else than the journal was edited by a person, and a row that says nonsense can be
//! given its last good value back, by this process or by the next. A process that dies between the
//! two writes leaves what looks like such an edit, and heeding it does at worst once more what is
//! idempotent.

use super::view::Rows;
use crate::metadata::{Project, ProjectStatus, StateText, StepName, StepStatus};
use serde_json::{Value, json};
use std::collections::HashMap;

/// `event_type` of a project's state.
pub const PROJECT_STATUS: &str = "project.status";
/// `event_type` of what a person may change in a project's row.
pub const PROJECT_ROW: &str = "project.row";
/// `event_type` of a step's state.
pub const STEP_STATUS: &str = "step.status";
/// `event_type` of a component that a step got.
pub const COMPONENT_MADE: &str = "component.made";
/// `event_type` of nonsense that was not taken over.
pub const REFUSED: &str = "row.refused";
/// `by` of an entry about a person's edit.
pub const PERSON: &str = "sql";

/// A step as the journal knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownStep {
    /// Which step.
    pub name: Option<StepName>,
    /// Its state.
    pub status: StepStatus,
    /// A person set it.
    pub by_person: bool,
}

/// The journal's last word on a project.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Known {
    /// The project's state.
    pub status: Option<ProjectStatus>,
    /// `project_type`, `alarm_level` and `config`.
    pub row: Option<Value>,
    /// Its steps.
    pub steps: HashMap<String, KnownStep>,
    /// What each step's `step_info` was told to say, with the component's number.
    infos: HashMap<String, (u64, Value)>,
}

impl Known {
    /// Takes in an entry; one that cannot be understood says nothing.
    pub fn learn(&mut self, subject: &str, kind: &str, detail: &Value) {
        let text = |key: &str| detail.get(key).and_then(Value::as_str);
        match kind {
            PROJECT_STATUS => {
                let status = text("to").and_then(ProjectStatus::from_text);
                self.status = status.or(self.status);
            }
            PROJECT_ROW => self.row = Some(detail.clone()),
            STEP_STATUS => {
                if let Some(status) = text("to").and_then(StepStatus::from_text) {
                    let step = KnownStep {
                        name: text("step").and_then(StepName::from_text),
                        status,
                        by_person: text("by") == Some(PERSON),
                    };
                    self.steps.insert(subject.to_owned(), step);
                }
            }
            COMPONENT_MADE => {
                if let (Some(step), Some(info)) = (text("step"), detail.get("info")) {
                    let number = number_of(subject);
                    let known = self.infos.get(step).is_some_and(|(last, _)| *last > number);
                    if !known {
                        self.infos.insert(step.to_owned(), (number, info.clone()));
                    }
                }
            }
            _ => {}
        }
    }

    /// What a step's `step_info` says, if the journal has it.
    pub fn step_info(&self, step: &str) -> Option<&Value> {
        self.infos.get(step).map(|(_, info)| info)
    }

    /// A step's last state: steps are made in `INIT`.
    pub fn told(&self, step: &str) -> StepStatus {
        self.steps.get(step).map_or(StepStatus::Init, |s| s.status)
    }

    /// Whether a person set the state that this step's row has.
    pub fn held(&self, step: &str, status: StepStatus) -> bool {
        self.told(step) != status || self.steps.get(step).is_some_and(|s| s.by_person)
    }
}

/// A component's number: its id ends with it. Entries of different components have no order.
fn number_of(component: &str) -> u64 {
    let digits = component.rsplit(':').next().unwrap_or_default();
    digits.parse().unwrap_or(0)
}

/// What a person may change in a project's row, as the journal keeps it.
pub fn row_of(project: &Project) -> Value {
    json!({
        "project_type": project.kind,
        "alarm_level": project.alarm_level,
        "config": project.config,
    })
}

/// Whether the project's row holds something that the journal has not got.
pub fn is_news(rows: &Rows) -> Option<Value> {
    let row = row_of(&rows.project);
    (rows.known.row.as_ref() != Some(&row)).then_some(row)
}
