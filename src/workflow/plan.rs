//! What the Coordinator does about a project as it stands in `rm`.
//!
//! [`plan`] looks at one project's rows and says what to do next; the Coordinator does it, and
//! looks again. It keeps nothing in memory between two looks, so it makes no difference whether
//! the rows were changed by itself, by a component, by a person with SQL, or by another leader
//! before a crash. Each action is idempotent.

use super::edits::{again, by_itself, end, heed, reopened};
use super::precheck::precheck;
pub use super::precheck::{check, forget_check};
use super::release::release;
use super::reverse;
use super::steps::{Goal, component_of};
use super::transition::StepEvent;
use entity::{
    ComponentStatus, ComponentType, DesiredStatus, ProjectStatus, StepName, StepStatus, TaskStatus,
};

/// A step's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepView {
    /// Its id.
    pub id: String,
    /// Which step.
    pub name: StepName,
    /// State.
    pub status: StepStatus,
    /// The state that the journal knew last. Another one in the row is a person's edit.
    pub told: StepStatus,
    /// A person set this state. `SUSPEND` stays then until a person lets the step go on, and
    /// `FINISHED` whatever its tasks say.
    pub held: bool,
    /// It failed over tasks of its own.
    pub blamed: bool,
    /// Its tasks that are `PENDING` or `FAILED` while no component is at work on them.
    pub tasks: Vec<TaskView>,
    /// Progress in percent, as stored.
    pub progress: i32,
    /// The component that its `step_info` names.
    pub component: Option<ComponentView>,
    /// The Store of the way back that its `step_info` names.
    pub store: Option<ComponentView>,
    /// A switchover that is being rolled back: at its end the step waits for its next begin.
    pub back: bool,
}

/// A component's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentView {
    /// Its id.
    pub id: String,
    /// What it is doing.
    pub status: ComponentStatus,
    /// What it should do.
    pub desired: DesiredStatus,
    /// Units done.
    pub done: u64,
    /// Units in all; 0: unknown.
    pub total: u64,
    /// Its goal is reached.
    pub ready: bool,
    /// A person paused it: it waits for a person, whatever the project does.
    pub held: bool,
}

/// An open task's row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskView {
    /// Its id.
    pub id: String,
    /// `PENDING` or `FAILED`.
    pub status: TaskStatus,
    /// It was not yet tried more often than it may be.
    pub retries_left: bool,
    /// It failed for a reason that may pass by itself.
    pub passing: bool,
    /// The wait after its failure is over.
    pub due: bool,
}

/// A project's rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct View {
    /// The project's state.
    pub status: ProjectStatus,
    /// The state that the journal knew last; `None`: it knows none.
    pub told: Option<ProjectStatus>,
    /// Its steps in order.
    pub steps: Vec<StepView>,
    /// All its components but the one that releases it, also those that no step names any more.
    pub others: Vec<ComponentView>,
    /// The component that releases it.
    pub release: Option<ComponentView>,
    /// Its row says what went wrong.
    pub explained: bool,
    /// Its components wait for a change of its objects.
    pub hold: Option<Hold>,
}

/// Which components wait for a change of a project's objects: all, with or without the Store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hold {
    /// The Store waits too.
    pub store: bool,
}

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Make a component for a step, name it in `step_info`, and let it run.
    MakeComponent {
        /// The step.
        step: String,
        /// Which component.
        kind: ComponentType,
    },
    /// Tell a component what to do.
    SetDesired {
        /// The component.
        component: String,
        /// What it shall do.
        desired: DesiredStatus,
    },
    /// Let a component that had failed run again.
    ResetComponent {
        /// The component.
        component: String,
    },
    /// Make the component that takes away what the project keeps.
    MakeRelease,
    /// Say on the project's row why this component failed.
    Explain {
        /// The component.
        component: String,
    },
    /// Something happened to a step; a failure takes its error from this component.
    Step {
        /// The step.
        step: String,
        /// What happened.
        event: StepEvent,
        /// The component that failed.
        component: Option<String>,
    },
    /// A step's progress in percent changed.
    Progress {
        /// The step.
        step: String,
        /// Percent.
        percent: i32,
    },
    /// The project's state changes.
    Project(ProjectStatus),
    /// A person's edit of a step's state is accepted: the journal knows it from here on.
    Accept {
        /// The step.
        step: String,
    },
    /// The same for the project's state.
    AcceptProject,
    /// The scheduler takes a task: it is `PENDING` and counts one retry more.
    TakeTask {
        /// The task.
        task: String,
    },
}

/// What to do about a project as it stands.
pub fn plan(view: &View) -> Vec<Action> {
    let goes_on = is_running(view.status) || view.status == ProjectStatus::Failed;
    if let Some(hold) = view.hold.filter(|_| goes_on) {
        return hold_back(view, hold);
    }
    let mut actions = match view.status {
        // a person lets a failed project go on
        ProjectStatus::Running if view.told == Some(ProjectStatus::Failed) => resume(view),
        ProjectStatus::Running
        | ProjectStatus::RunningModifying
        | ProjectStatus::RunningMerging => run(view),
        ProjectStatus::Failed => repair(view),
        ProjectStatus::Suspend => suspend(view),
        ProjectStatus::Releasing => release(view),
        ProjectStatus::Init => precheck(view),
        ProjectStatus::Finished | ProjectStatus::Released | ProjectStatus::Deleted => Vec::new(),
    };
    let moves = |action: &Action| matches!(action, Action::Project(_));
    if view.told != Some(view.status) && !actions.iter().any(moves) {
        actions.push(Action::AcceptProject);
    }
    actions
}

fn run(view: &View) -> Vec<Action> {
    let mut actions = Vec::new();
    let mut behind = false;
    for step in &view.steps {
        let actions_before = actions.len();
        // what comes after the incremental step looks at a target that has caught up
        if behind && step.status == StepStatus::Init || reverse::waits_for_a_person(view, step) {
            return actions;
        }
        run_step(step, behind, &mut actions);
        if failed(step, &actions[actions_before..]) {
            actions.push(Action::Project(ProjectStatus::Failed));
            return actions;
        }
        if !matches!(step.status, StepStatus::Finished | StepStatus::Monitoring) {
            run_beside(view, step, &mut actions);
            return actions;
        }
        // what the switchover stopped has nothing to catch up with
        let applies = step.status != StepStatus::Finished
            && component_of(step.name).is_some_and(|(kind, _)| kind == ComponentType::IncrSync);
        // what a work had reached before a pause is to be reached again by the next one
        let caught_up = |c: &ComponentView| c.ready && c.status == ComponentStatus::Running;
        behind |= applies && step.component.as_ref().is_some_and(|c| !caught_up(c));
    }
    let ends = |s: &StepView| {
        let finishes = component_of(s.name).is_some_and(|(_, goal)| goal == Goal::Finishes);
        finishes && s.status == StepStatus::Finished
    };
    // one that does not follow the source has an end, but not while its objects are changed
    if view.status == ProjectStatus::Running
        && !view.steps.is_empty()
        && view.steps.iter().all(ends)
    {
        actions.push(Action::Project(ProjectStatus::Finished));
    }
    actions
}

/// The way back goes on beside a step that is not done.
fn run_beside(view: &View, step: &StepView, actions: &mut Vec<Action>) {
    let Some(back) = reverse::beside(view, step) else {
        return;
    };
    let before = actions.len();
    match back.status {
        StepStatus::Init => {
            reverse::store(back, actions);
        }
        // a roll-back takes it away, whatever it failed of
        StepStatus::Failed if step.back => return,
        _ => run_step(back, false, actions),
    }
    if failed(back, &actions[before..]) {
        actions.push(Action::Project(ProjectStatus::Failed));
    }
}

/// A step that failed and is not tried again, or that fails now.
fn failed(step: &StepView, actions: &[Action]) -> bool {
    let fails = |action: &Action| {
        matches!(
            action,
            Action::Step {
                event: StepEvent::Fail,
                ..
            }
        )
    };
    step.status == StepStatus::Failed && actions.is_empty() || actions.iter().any(fails)
}

/// A failed project waits until somebody asks for its failed step to run again; what runs goes on
/// running. Of several failed steps the first counts: a Store is made anew while Incr-Sync still waits.
fn repair(view: &View) -> Vec<Action> {
    let fails = Action::Project(ProjectStatus::Failed);
    if run(view).contains(&fails) {
        return Vec::new();
    }
    vec![Action::Project(ProjectStatus::Running)]
}

fn suspend(view: &View) -> Vec<Action> {
    let mut actions = Vec::new();
    for step in &view.steps {
        pause(step, &mut actions);
        if matches!(step.status, StepStatus::Running | StepStatus::Monitoring) {
            actions.push(event(step, StepEvent::Suspend));
        }
    }
    actions
}

/// Nothing begins and nothing is judged until the change is done: it takes seconds.
fn hold_back(view: &View, hold: Hold) -> Vec<Action> {
    let mut actions = Vec::new();
    for step in &view.steps {
        if hold.store || step.name != StepName::TransferIncrLogPull {
            pause(step, &mut actions);
        }
    }
    actions
}

/// Ends a step's components at their next safe points.
fn pause(step: &StepView, actions: &mut Vec<Action>) {
    for component in step.component.iter().chain(&step.store) {
        if component.desired == DesiredStatus::Running
            && component.status != ComponentStatus::Finished
        {
            actions.push(Action::SetDesired {
                component: component.id.clone(),
                desired: DesiredStatus::Paused,
            });
        }
    }
}

pub(super) fn event(step: &StepView, event: StepEvent) -> Action {
    Action::Step {
        step: step.id.clone(),
        event,
        component: step.component.as_ref().map(|c| c.id.clone()),
    }
}

pub(super) fn run_step(step: &StepView, behind: bool, actions: &mut Vec<Action>) {
    let Some((kind, goal)) = component_of(step.name) else {
        return;
    };
    let make = Action::MakeComponent {
        step: step.id.clone(),
        kind,
    };
    if heed(step, goal, actions) {
        return;
    }
    let goes_back = step.name == StepName::ReverseIncrTransfer;
    if goes_back && reverse::store(step, actions) {
        return;
    }
    match (step.status, &step.component) {
        (StepStatus::Init, _) if goes_back => actions.push(reverse::begin(step)),
        (StepStatus::Init, _) => {
            // the component first: a step that runs goes by the one that it has
            actions.push(make);
            actions.push(event(step, StepEvent::Start));
        }
        (StepStatus::Suspend, _) if step.held => pause(step, actions),
        (StepStatus::Suspend, _) => actions.push(event(step, StepEvent::Resume)),
        (StepStatus::Running, None) => actions.push(make),
        // one that was stopped never works again
        (StepStatus::Running, Some(component)) if component.desired == DesiredStatus::Stopped => {
            actions.push(make);
        }
        (StepStatus::Failed, _) => actions.extend(again(step).unwrap_or_default()),
        (StepStatus::Running, Some(component)) => {
            if !behind {
                wake(component, actions);
            }
            watch(step, component, goal, actions);
        }
        (StepStatus::Finished | StepStatus::Monitoring, Some(component))
            if goal != Goal::Finishes =>
        {
            wake(component, actions);
            if component.status == ComponentStatus::Exception {
                give_up(step, actions);
            }
        }
        // its row was deleted while the project was paused
        (StepStatus::Finished | StepStatus::Monitoring, None) if goal != Goal::Finishes => {
            actions.push(make);
        }
        (StepStatus::Finished, _) if goal == Goal::Finishes => match step.held {
            true => end(step, actions),
            false => actions.extend(reopened(step)),
        },
        (StepStatus::Finished | StepStatus::Monitoring, _) => {}
    }
}

/// A component that was paused with its project runs again with it; one that a person paused does not.
pub(super) fn wake(component: &ComponentView, actions: &mut Vec<Action>) {
    if component.desired == DesiredStatus::Paused && !component.held {
        actions.push(Action::SetDesired {
            component: component.id.clone(),
            desired: DesiredStatus::Running,
        });
    }
}

/// The step failed, unless its tasks are tried again.
fn give_up(step: &StepView, actions: &mut Vec<Action>) {
    match by_itself(step) {
        Some(retry) => actions.extend(retry),
        None => actions.push(event(step, StepEvent::Fail)),
    }
}

fn watch(step: &StepView, component: &ComponentView, goal: Goal, actions: &mut Vec<Action>) {
    let done = match component.status {
        ComponentStatus::Exception => return give_up(step, actions),
        ComponentStatus::Finished if step.back => Some(StepEvent::Anew),
        ComponentStatus::Finished => Some(StepEvent::Finish),
        ComponentStatus::Running if component.ready => match goal {
            Goal::Finishes => None,
            Goal::IsReady => Some(StepEvent::Finish),
            Goal::Follows => Some(StepEvent::CatchUp),
        },
        _ => None,
    };
    let percent = match (done, component.total) {
        (Some(_), _) => 100,
        (None, 0) => step.progress,
        (None, total) => (component.done.min(total) * 100 / total).min(99) as i32,
    };
    if percent > step.progress {
        actions.push(Action::Progress {
            step: step.id.clone(),
            percent,
        });
    }
    if let Some(done) = done {
        actions.push(event(step, done));
    }
}

/// Whether a project in this state runs.
pub fn is_running(status: ProjectStatus) -> bool {
    matches!(
        status,
        ProjectStatus::Running | ProjectStatus::RunningModifying | ProjectStatus::RunningMerging
    )
}

/// What makes a failed or paused project run again: its failed steps are retried with the
/// components that they have.
pub fn resume(view: &View) -> Vec<Action> {
    let mut actions = Vec::new();
    for step in view.steps.iter().filter(|s| s.status == StepStatus::Failed) {
        if let Some(component) = &step.component {
            actions.push(Action::ResetComponent {
                component: component.id.clone(),
            });
        }
        actions.extend(reverse::reset(step));
        actions.push(event(step, StepEvent::Retry));
    }
    // a verification that was cut off goes on when the target has caught up again
    let verifies =
        |s: &&StepView| s.name == StepName::FullVerifier && s.status == StepStatus::Running;
    if let Some(component) = view
        .steps
        .iter()
        .find(verifies)
        .and_then(|s| s.component.as_ref())
        && component.desired == DesiredStatus::Running
        && component.status != ComponentStatus::Finished
    {
        actions.push(Action::SetDesired {
            component: component.id.clone(),
            desired: DesiredStatus::Paused,
        });
    }
    if !is_running(view.status) {
        actions.push(Action::Project(ProjectStatus::Running));
    }
    actions
}
