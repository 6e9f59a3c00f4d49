//! What an O&M task is about, read together.

use super::act::Reconciler;
use super::view::{STORE, component_view, is_switched};
use crate::error::Result;
use crate::metadata::{
    Component, ComponentType, MetaError, MetaErrorKind, ProjectStatus, Step, StepName,
};
use crate::workflow::om::World;
use crate::workflow::steps::component_of;
use serde_json::Value;

/// The rows around a sub-task.
pub(super) struct Found {
    /// What the workflow sees of them.
    pub world: World,
    /// The component that the task was made for.
    pub component: Option<Component>,
    /// Its step.
    pub step: Option<Step>,
    /// Its project.
    pub project: Option<String>,
}

impl Reconciler {
    /// The rows around a component, or around a step.
    pub(super) async fn find(&self, component: Option<&str>, step: Option<&str>) -> Result<Found> {
        let component = match component {
            Some(id) => absent(self.metadata.components().get(id).await)?,
            None => None,
        };
        let step = match (&component, step) {
            (_, Some(step)) => absent(self.metadata.steps().get(step).await)?,
            (Some(component), None) => absent(self.metadata.steps().get(&component.step_id).await)?,
            (None, None) => None,
        };
        let project = step.as_ref().map(|s| s.project_id.clone());
        let project = project.or_else(|| component.as_ref().map(|c| c.project_id.clone()));
        let is_store = |s: &&Step| {
            s.name == StepName::ReverseIncrTransfer
                && component
                    .as_ref()
                    .is_some_and(|c| c.kind == ComponentType::Store)
        };
        let key = match step.as_ref().filter(is_store) {
            Some(_) => STORE,
            None => "component",
        };
        let named = step.as_ref().and_then(|s| s.step_info.get(key));
        let current = match named.and_then(Value::as_str) {
            Some(id) => absent(self.metadata.components().get(id).await)?,
            None => None,
        };
        let status = match &project {
            Some(id) => self.metadata.projects().get(id).await?.status,
            None => ProjectStatus::Deleted,
        };
        let goal = step.as_ref().and_then(|s| component_of(s.name));
        Ok(Found {
            world: World {
                project: status,
                component: component.as_ref().map(component_view),
                kind: component
                    .as_ref()
                    .map(|c| c.kind)
                    .or(goal.map(|(kind, _)| kind)),
                current: current.as_ref().map(|c| (component_view(c), why(c))),
                before: None,
                switched: component.as_ref().is_some_and(is_switched),
                step: step
                    .as_ref()
                    .zip(goal)
                    .map(|(s, (_, goal))| (s.status, goal)),
            },
            component,
            step,
            project,
        })
    }
}

/// A row, or nothing where there is none.
fn absent<T>(found: Result<T, MetaError>) -> Result<Option<T>, MetaError> {
    match found {
        Ok(row) => Ok(Some(row)),
        Err(error) if error.kind() == MetaErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// What is wrong with a component, in a line.
fn why(component: &Component) -> Option<String> {
    let error = component.error.as_ref()?;
    let text = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default();
    Some(format!("{}: {}", text("code"), text("message")))
}
