//! What the Coordinator's sub-steps of a switchover see, and do.

use super::act::Reconciler;
use super::view::{HELD, Rows, STORE, component_view};
use crate::error::Result;
use crate::metadata::{
    Component, ComponentType, DesiredStatus, Step, StepName, StepStatus, StepUpdate,
};
use crate::workflow::plan::ComponentView;
use crate::workflow::switch::{Part, World};
use crate::workflow::transition::StepEvent;
use serde_json::{Value, json};

/// The steps whose components the switchover stops.
const FORWARD: [StepName; 2] = [StepName::IncrTransfer, StepName::IncrVerifier];

/// What the workflow sees.
pub(super) fn world(rows: &Rows, switch: &Step, no_way_back: bool) -> World {
    let reverse = rows.step(StepName::ReverseIncrTransfer);
    let found = |component: Option<&Component>| component.map(|c| (component_view(c), why(c)));
    World {
        store: found(reverse.and_then(|step| rows.store_of(step))),
        reverse: found(reverse.and_then(|step| rows.component_of(step))),
        reverse_step: reverse.map_or(StepStatus::Init, |step| step.status),
        forward: forward(rows)
            .map(|(_, component)| ComponentView {
                held: held_by(component, switch),
                ..component_view(component)
            })
            .collect(),
        forward_steps: forward(rows).map(|(step, _)| step.status).collect(),
        no_way_back,
    }
}

/// Whether the switchover holds a component.
fn held_by(component: &Component, switch: &Step) -> bool {
    component.config.get(HELD).and_then(Value::as_str) == Some(&switch.id)
}

/// What follows the source.
fn forward(rows: &Rows) -> impl Iterator<Item = (&Step, &Component)> {
    let steps = rows.steps.iter().filter(|s| FORWARD.contains(&s.name));
    steps.filter_map(|step| Some((step, rows.component_of(step)?)))
}

/// What is wrong with a component, in a line.
fn why(component: &Component) -> Option<String> {
    let error = component.error.as_ref()?;
    let text = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default();
    Some(format!("{}: {}", text("code"), text("message")))
}

impl Reconciler {
    /// Does what a sub-step says; done again it does no harm.
    pub(super) async fn act_switch(&self, rows: &Rows, switch: &Step, part: Part) -> Result<()> {
        let Some(reverse) = rows.step(StepName::ReverseIncrTransfer) else {
            return Ok(());
        };
        match part {
            Part::CreateDestStore => self.create_store(rows, reverse).await,
            Part::CreateReverseSync => self.create_reverse(rows, reverse).await,
            Part::StopForwardSync => self.stop_forward(rows, switch).await,
            Part::StartForwardSync => self.start_forward(rows, switch).await,
            Part::StopReverseSync => {
                self.stop(rows.component_of(reverse)).await?;
                self.step_event(rows, &reverse.id, StepEvent::Finish, None)
                    .await
            }
            Part::StopDestStore => self.stop(rows.store_of(reverse)).await,
            Part::ForgetReverse => self.forget_reverse(rows, reverse).await,
            _ => Ok(()),
        }
    }

    async fn create_store(&self, rows: &Rows, reverse: &Step) -> Result<()> {
        match rows.store_of(reverse) {
            Some(store) if store.desired_status != DesiredStatus::Stopped => {
                self.reset_component(rows, &store.id).await
            }
            _ => {
                self.make_component(rows, &reverse.id, ComponentType::Store)
                    .await
            }
        }
    }

    /// The step begins, or is tried again; its components follow in their order.
    async fn create_reverse(&self, rows: &Rows, reverse: &Step) -> Result<()> {
        let event = match reverse.status {
            StepStatus::Init => StepEvent::Start,
            StepStatus::Finished => StepEvent::Resume,
            _ => {
                for component in [rows.store_of(reverse), rows.component_of(reverse)] {
                    let failed =
                        |c: &&Component| c.status == crate::metadata::ComponentStatus::Exception;
                    if let Some(component) = component.filter(failed) {
                        self.reset_component(rows, &component.id).await?;
                    }
                }
                StepEvent::Retry
            }
        };
        self.step_event(rows, &reverse.id, event, None).await
    }

    /// The components first: a step that is done has none at work.
    async fn stop_forward(&self, rows: &Rows, switch: &Step) -> Result<()> {
        let mut rest = true;
        for (_, component) in forward(rows) {
            if !held_by(component, switch) {
                rest = false;
                self.hold(component, Some(&switch.id)).await?;
                self.set_desired(&component.id, DesiredStatus::Paused)
                    .await?;
            }
        }
        if !rest {
            return Ok(());
        }
        for (step, _) in forward(rows) {
            if step.status == StepStatus::Suspend {
                continue;
            }
            self.step_event(rows, &step.id, StepEvent::Finish, None)
                .await?;
        }
        Ok(())
    }

    /// The steps first: a component that works belongs to a step that is not done.
    async fn start_forward(&self, rows: &Rows, switch: &Step) -> Result<()> {
        for (step, component) in forward(rows) {
            match step.status {
                StepStatus::Finished => {
                    self.step_event(rows, &step.id, StepEvent::Resume, None)
                        .await?;
                }
                StepStatus::Failed => {
                    self.reset_component(rows, &component.id).await?;
                    self.step_event(rows, &step.id, StepEvent::Retry, None)
                        .await?;
                }
                _ => {}
            }
            if held_by(component, switch) {
                self.hold(component, None).await?;
                self.set_desired(&component.id, DesiredStatus::Running)
                    .await?;
            }
        }
        Ok(())
    }

    async fn stop(&self, component: Option<&Component>) -> Result<()> {
        match component {
            Some(component) => {
                self.set_desired(&component.id, DesiredStatus::Stopped)
                    .await
            }
            None => Ok(()),
        }
    }

    /// The step's state, then the names of its components, then their rows.
    async fn forget_reverse(&self, rows: &Rows, reverse: &Step) -> Result<()> {
        if reverse.status != StepStatus::Init {
            let event = match reverse.status {
                StepStatus::Failed => StepEvent::Forget,
                StepStatus::Monitoring => {
                    self.step_event(rows, &reverse.id, StepEvent::Finish, None)
                        .await?;
                    return Ok(());
                }
                _ => StepEvent::Anew,
            };
            self.step_event(rows, &reverse.id, event, None).await?;
        }
        let named = [STORE, "component"].map(|key| reverse.step_info.get(key).cloned());
        let update = StepUpdate {
            step_info: Some(json!({})),
            ..StepUpdate::default()
        };
        self.update_step(&reverse.id, update).await?;
        for id in named.iter().flatten().filter_map(Value::as_str) {
            self.metadata.components().remove(id, self.epoch).await?;
        }
        Ok(())
    }
}
