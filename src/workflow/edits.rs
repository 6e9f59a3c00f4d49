//! What people ask for by editing rows, and what tasks ask for: pure.
//!
//! The journal says which state of a step `oms` knew last ([`StepView::told`]). A row that says
//! something else was edited by a person, and that is heeded once and then accepted.

use super::plan::{Action, StepView, TaskView, event};
use super::reverse;
use super::steps::{Goal, component_of};
use super::transition::StepEvent;
use entity::{ComponentStatus, DesiredStatus, StepName, StepStatus, TaskStatus};

/// Does what a person's edit of a step's state asks for beyond what the state means by itself. True
/// where the step's component starts anew: it is to be looked at afresh then.
pub(super) fn heed(step: &StepView, goal: Goal, actions: &mut Vec<Action>) -> bool {
    // FAILED says "run again", see `again`: its retry is what the journal gets
    if step.told == step.status || step.status == StepStatus::Failed {
        return false;
    }
    let mut anew = false;
    if let Some(component) = &step.component {
        let stopped = component.desired == DesiredStatus::Stopped;
        let ended = match component.status {
            ComponentStatus::Exception | ComponentStatus::Stopped => true,
            ComponentStatus::Finished => goal == Goal::Finishes,
            _ => stopped,
        };
        anew = ended
            && match step.status {
                StepStatus::Running => true,
                StepStatus::Finished | StepStatus::Monitoring => goal != Goal::Finishes,
                _ => false,
            };
        if anew {
            actions.push(Action::ResetComponent {
                component: component.id.clone(),
            });
        }
    }
    actions.push(Action::Accept {
        step: step.id.clone(),
    });
    anew
}

/// Ends the component of a step that a person says is done: what it still does is not wanted.
pub(super) fn end(step: &StepView, actions: &mut Vec<Action>) {
    if let Some(component) = &step.component
        && component.status != ComponentStatus::Finished
        && component.desired != DesiredStatus::Stopped
    {
        actions.push(Action::SetDesired {
            component: component.id.clone(),
            desired: DesiredStatus::Stopped,
        });
    }
}

/// What makes a failed step run again, if somebody asks for that: a person who set the step to
/// `FAILED` or emptied its `step_info`, a task that is to run again, or tasks that failed and are
/// settled by now.
pub(super) fn again(step: &StepView) -> Option<Vec<Action>> {
    let (kind, _) = component_of(step.name)?;
    let retry = event(step, StepEvent::Retry);
    let make = Action::MakeComponent {
        step: step.id.clone(),
        kind,
    };
    let store = reverse::reset(step);
    let Some(component) = &step.component else {
        let goes_back = step.name == StepName::ReverseIncrTransfer;
        let make = (!goes_back).then_some(make);
        return Some(store.into_iter().chain([retry]).chain(make).collect());
    };
    let reset = Action::ResetComponent {
        component: component.id.clone(),
    };
    if step.told != StepStatus::Failed {
        let stopped = component.desired == DesiredStatus::Stopped
            || component.status == ComponentStatus::Stopped;
        let own = match component.status {
            _ if stopped => vec![make, retry],
            ComponentStatus::Exception | ComponentStatus::Finished => vec![reset, retry],
            _ => vec![retry],
        };
        return Some(store.into_iter().chain(own).collect());
    }
    let (wanted, waiting): (Vec<_>, Vec<_>) = step
        .tasks
        .iter()
        .partition(|task| task.status == TaskStatus::Pending && task.retries_left);
    if wanted.is_empty() && !(step.blamed && waiting.is_empty()) {
        return None;
    }
    let mut actions: Vec<Action> = wanted.into_iter().map(take).collect();
    actions.extend([reset, retry]);
    Some(actions)
}

/// What the scheduler does by itself when a step's component gave up over tasks that failed for
/// reasons that may pass: nothing until their wait is over, then it runs them again. `None`: the step
/// has failed.
pub(super) fn by_itself(step: &StepView) -> Option<Vec<Action>> {
    let component = step.component.as_ref()?;
    let failed: Vec<&TaskView> = step
        .tasks
        .iter()
        .filter(|task| task.status == TaskStatus::Failed)
        .collect();
    if failed.is_empty() || !failed.iter().all(|task| task.passing && task.retries_left) {
        return None;
    }
    if !failed.iter().all(|task| task.due) {
        return Some(Vec::new());
    }
    let mut actions: Vec<Action> = failed.into_iter().map(take).collect();
    actions.push(Action::ResetComponent {
        component: component.id.clone(),
    });
    Some(actions)
}

/// What makes a finished step run again for tasks that a person set to `PENDING`.
pub(super) fn reopened(step: &StepView) -> Vec<Action> {
    let wanted = step
        .tasks
        .iter()
        .filter(|task| task.status == TaskStatus::Pending && task.retries_left);
    let mut actions: Vec<Action> = wanted.map(take).collect();
    if actions.is_empty() {
        return actions;
    }
    match (&step.component, step.name) {
        // it would wait for a person's word otherwise
        (Some(component), StepName::TransferAppSwitch) => {
            actions.push(Action::ResetComponent {
                component: component.id.clone(),
            });
            actions.push(event(step, StepEvent::Resume));
        }
        _ => actions.push(event(step, StepEvent::Retry)),
    }
    actions
}

fn take(task: &TaskView) -> Action {
    Action::TakeTask {
        task: task.id.clone(),
    }
}
