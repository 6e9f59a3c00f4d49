//! The way back, `REVERSE_INCR_TRANSFER`: it has a Store of its own beside its Incr-Sync, and the two
//! start in the order in which they need each other.

use super::plan::{Action, ComponentView, StepView, View, event, wake};
use super::transition::StepEvent;
use entity::{ComponentStatus, ComponentType, DesiredStatus, StepName, StepStatus};

/// Whether a step begins by a person's word only: the switchover, and what it begins.
pub(super) fn waits_for_a_person(view: &View, step: &StepView) -> bool {
    let switches = |s: &StepView| s.name == StepName::TransferAppSwitch;
    step.status == StepStatus::Init
        && (switches(step)
            || step.name == StepName::ReverseIncrTransfer && view.steps.iter().any(switches))
}

/// The way back, where it begins or works beside this step, which is not done.
pub(super) fn beside<'v>(view: &'v View, step: &StepView) -> Option<&'v StepView> {
    if !matches!(
        step.name,
        StepName::FullVerifier | StepName::TransferAppSwitch
    ) {
        return None;
    }
    let reverse = |s: &&StepView| s.name == StepName::ReverseIncrTransfer;
    view.steps.iter().rfind(reverse)
}

/// Looks after the Store of the way back; true where the Incr-Sync has to wait for it.
pub(super) fn store(step: &StepView, actions: &mut Vec<Action>) -> bool {
    let runs = matches!(step.status, StepStatus::Running | StepStatus::Monitoring);
    let make = || Action::MakeComponent {
        step: step.id.clone(),
        kind: ComponentType::Store,
    };
    match &step.store {
        None if runs => {
            actions.push(make());
            true
        }
        None => false,
        // one that was stopped never works again
        Some(store) if runs && store.desired == DesiredStatus::Stopped => {
            actions.push(make());
            true
        }
        Some(store) if runs && store.status == ComponentStatus::Exception => {
            actions.push(Action::Step {
                step: step.id.clone(),
                event: StepEvent::Fail,
                component: Some(store.id.clone()),
            });
            true
        }
        Some(store) => {
            if runs || step.status == StepStatus::Init {
                wake(store, actions);
            }
            runs && step.component.is_none() && !serves(store)
        }
    }
}

/// Whether a Store has a beginning, and serves what comes behind it.
pub fn serves(store: &ComponentView) -> bool {
    store.ready && store.status == ComponentStatus::Running
}

/// What makes the way back begin, without its components: they come one after the other.
pub(super) fn begin(step: &StepView) -> Action {
    event(step, StepEvent::Start)
}

/// What lets a Store that gave up run again with its step.
pub(super) fn reset(step: &StepView) -> Option<Action> {
    let failed = |c: &&ComponentView| c.status == ComponentStatus::Exception;
    let store = step.store.as_ref().filter(failed)?;
    Some(Action::ResetComponent {
        component: store.id.clone(),
    })
}
