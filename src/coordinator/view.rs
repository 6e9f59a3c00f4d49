//! From rows to the [`View`] that the workflow decides on.

use crate::error::Result;
use crate::metadata::{Component, ComponentType, Metadata, Project, RowProblem, Step};
use crate::workflow::plan::{ComponentView, StepView, View};

/// A project's rows as they were read at one look.
#[derive(Debug, Clone)]
pub struct Rows {
    /// The project.
    pub project: Project,
    /// Its steps in order.
    pub steps: Vec<Step>,
    /// All its components, also those that no step names any more.
    pub components: Vec<Component>,
}

/// What a look at a project found.
pub enum Look {
    /// All rows can be understood.
    Fine(Rows),
    /// One cannot: nothing is done until a person mends it.
    Broken(RowProblem),
}

/// Reads a project's rows.
pub async fn look(metadata: &Metadata, project: &str) -> Result<Look> {
    let project = metadata.projects().get(project).await?;
    let steps: std::result::Result<Vec<_>, _> = metadata
        .steps()
        .list(&project.id)
        .await?
        .into_iter()
        .collect();
    let components: std::result::Result<Vec<_>, _> = metadata
        .components()
        .list(&project.id)
        .await?
        .into_iter()
        .collect();
    Ok(match (steps, components) {
        (Ok(steps), Ok(components)) => Look::Fine(Rows {
            project,
            steps,
            components,
        }),
        (Err(problem), _) | (_, Err(problem)) => Look::Broken(problem),
    })
}

impl Rows {
    /// The component that a step's `step_info` names, if its row exists.
    pub fn component_of(&self, step: &Step) -> Option<&Component> {
        let id = step.step_info.get("component")?.as_str()?;
        self.components.iter().find(|c| c.id == id)
    }

    /// The component that releases the project.
    pub fn release(&self) -> Option<&Component> {
        let mut newest = self.components.iter().rev();
        newest.find(|c| c.kind == ComponentType::Release)
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
            steps: self
                .steps
                .iter()
                .map(|step| StepView {
                    id: step.id.clone(),
                    name: step.name,
                    status: step.status,
                    progress: step.progress,
                    component: self.component_of(step).map(component_view),
                })
                .collect(),
        }
    }
}

fn component_view(component: &Component) -> ComponentView {
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
    }
}
