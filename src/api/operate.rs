//! Components started, paused, run again and deleted: each is an O&M task (reference 3.8, 7.17).

use super::life::no_sub_project;
use super::registry::Call;
use super::request::invalid;
use super::{Answer, Outcome};
use crate::coordinator::Operation;
use crate::error::{Error, Kind, Result};
use crate::metadata::{ComponentType, OmTaskType, StepName};
use crate::workflow::steps::component_of;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

/// A request that names a component.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ByName {
    /// The component's `name`, as DescribeProjectComponents gives it.
    name: String,
}

/// Parameters of `RepairProjectStep`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Repair {
    /// The project.
    id: String,
    /// The step.
    step_name: StepName,
}

/// The kinds of components that people operate; the others are over in moments.
const OPERATED: [ComponentType; 5] = [
    ComponentType::Store,
    ComponentType::FullImport,
    ComponentType::IncrSync,
    ComponentType::FullVerification,
    ComponentType::IncrVerification,
];

/// `StartComponent`.
pub async fn start(call: &Call<'_>, wanted: ByName) -> Outcome {
    component(call, wanted, OmTaskType::StartComponent).await
}

/// `PauseComponent`.
pub async fn pause(call: &Call<'_>, wanted: ByName) -> Outcome {
    component(call, wanted, OmTaskType::PauseComponent).await
}

/// `ResumeComponent`.
pub async fn resume(call: &Call<'_>, wanted: ByName) -> Outcome {
    component(call, wanted, OmTaskType::ResumeComponent).await
}

/// `RerunComponent`.
pub async fn rerun(call: &Call<'_>, wanted: ByName) -> Outcome {
    component(call, wanted, OmTaskType::RerunComponent).await
}

/// `DeleteComponent`.
pub async fn delete(call: &Call<'_>, wanted: ByName) -> Outcome {
    component(call, wanted, OmTaskType::DeleteComponent).await
}

async fn component(call: &Call<'_>, wanted: ByName, kind: OmTaskType) -> Outcome {
    let component = call.api.metadata.components().get(&wanted.name).await?;
    let any = kind == OmTaskType::DeleteComponent && component.kind != ComponentType::Release;
    if !OPERATED.contains(&component.kind) && !any {
        let why = format!("it is a {}, which is over in moments", component.kind);
        return Err(
            Error::new(Kind::StateInvalid, format!("component {}", component.id))
                .detail(why)
                .remedy("RepairProjectStep runs its step again."),
        );
    }
    let operation = Operation {
        kind,
        name: component.id.clone(),
        components: vec![component.id],
        step: None,
        owner: Some(call.who.id.clone()),
        settings: json!({}),
        restarts: false,
    };
    submit(call, operation).await
}

/// `RepairProjectStep`: the recipe of `oms_step` (a step set to `FAILED` with `step_info = '{}'`) as an
/// action.
pub async fn repair(call: &Call<'_>, wanted: Repair) -> Outcome {
    let project = call.api.metadata.projects().get(&wanted.id).await?;
    let steps = call.api.metadata.steps().list(&project.id).await?;
    let step = steps
        .into_iter()
        .flatten()
        .find(|s| s.name == wanted.step_name);
    let Some(step) = step.filter(|s| component_of(s.name).is_some()) else {
        let why = format!("project {} has no such step with a component", project.id);
        return Err(invalid("stepName", why));
    };
    let operation = Operation {
        kind: OmTaskType::RepairStep,
        name: step.name.to_string(),
        components: Vec::new(),
        step: Some(step.id),
        owner: Some(call.who.id.clone()),
        settings: json!({}),
        restarts: false,
    };
    submit(call, operation).await
}

/// Makes the O&M task; its number is the answer.
pub(super) async fn submit(call: &Call<'_>, operation: Operation) -> Outcome {
    let made = claimed(call, operation).await?;
    call.api.changed();
    Answer::of(made)
}

async fn claimed(call: &Call<'_>, operation: Operation) -> Result<i64> {
    let api = call.api;
    let _one = api.life.lock().await;
    for id in &operation.components {
        let component = api.metadata.components().get(id).await?;
        let project = api.metadata.projects().get(&component.project_id).await?;
        no_sub_project(&project, "operate components of")?;
        api.reconciler.claim(&component.project_id).await?;
    }
    if let Some(step) = &operation.step {
        let step = api.metadata.steps().get(step).await?;
        let project = api.metadata.projects().get(&step.project_id).await?;
        no_sub_project(&project, "operate components of")?;
        api.reconciler.claim(&step.project_id).await?;
    }
    api.reconciler.operate(operation).await
}
