//! The pre-check of a project that was never started, or that failed at it.

use super::plan::{Action, StepView, View, event, run_step};
use super::transition::StepEvent;
use entity::{ComponentType, StepName, StepStatus};

/// A project that was never started does nothing but check what it would begin with, where somebody
/// asked for that: its first step runs, and what comes of it moves nothing else.
pub(super) fn precheck(view: &View) -> Vec<Action> {
    let mut actions = Vec::new();
    let first = view.steps.first();
    let runs =
        |s: &&StepView| s.name == StepName::TransferPrecheck && s.status == StepStatus::Running;
    if let Some(step) = first.filter(runs) {
        run_step(step, false, &mut actions);
    }
    actions
}

/// The step of a pre-check that can begin now: of a project that was never started, or that failed at it.
/// None where it runs already.
pub fn check(view: &View) -> Option<&StepView> {
    let waits = |status| {
        matches!(
            status,
            StepStatus::Init | StepStatus::Failed | StepStatus::Finished
        )
    };
    let first = view.steps.first();
    first.filter(|s| s.name == StepName::TransferPrecheck && waits(s.status))
}

/// What makes a pre-check's result count no more, because what was checked is something else now.
pub fn forget_check(view: &View) -> Vec<Action> {
    let first = view.steps.first();
    let over = |s: &&StepView| {
        s.name == StepName::TransferPrecheck
            && matches!(s.status, StepStatus::Finished | StepStatus::Failed)
    };
    let runs =
        |s: &&StepView| s.name == StepName::TransferPrecheck && s.status == StepStatus::Running;
    // one that runs has read what is not so any more: it begins anew
    let anew = first.filter(runs).map(|step| Action::MakeComponent {
        step: step.id.clone(),
        kind: ComponentType::Precheck,
    });
    let forgotten = first
        .filter(over)
        .map(|step| event(step, StepEvent::Forget));
    anew.into_iter().chain(forgotten).collect()
}
