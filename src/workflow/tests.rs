//! The workflow against a small model of `rm`: whatever order things happen in, a project whose
//! components work ends with all steps done, and nothing is done twice.

use super::plan::{Action, ComponentView, StepView, TaskView, View, plan, resume};
use super::steps::{Goal, component_of, migration};
use super::transition::{StepEvent, next};
use crate::model::project::Stages;
use entity::{ComponentStatus, DesiredStatus, ProjectStatus, StepName, StepStatus, TaskStatus};
use proptest::prelude::*;

mod check;
mod hold;

const STATES: [StepStatus; 6] = [
    StepStatus::Init,
    StepStatus::Running,
    StepStatus::Failed,
    StepStatus::Finished,
    StepStatus::Suspend,
    StepStatus::Monitoring,
];

#[test]
fn only_a_step_that_works_ends() {
    for from in STATES {
        let ends = next(from, StepEvent::Finish).is_ok();
        let works = matches!(from, StepStatus::Running | StepStatus::Monitoring);
        assert_eq!(ends, works, "{from}");
    }
}

#[test]
fn a_failed_step_only_moves_when_a_person_wants_it() {
    for event in [
        StepEvent::Start,
        StepEvent::Finish,
        StepEvent::CatchUp,
        StepEvent::Resume,
    ] {
        assert!(next(StepStatus::Failed, event).is_err(), "{event:?}");
    }
    assert_eq!(
        next(StepStatus::Failed, StepEvent::Retry),
        Ok(StepStatus::Running)
    );
}

fn fresh() -> View {
    View {
        status: ProjectStatus::Running,
        told: Some(ProjectStatus::Running),
        others: Vec::new(),
        release: None,
        explained: false,
        hold: None,
        steps: migration(&Stages::default(), true)
            .into_iter()
            .enumerate()
            .map(|(at, name)| StepView {
                id: format!("s_{at}"),
                name,
                status: StepStatus::Init,
                told: StepStatus::Init,
                held: false,
                blamed: false,
                tasks: Vec::new(),
                progress: 0,
                component: None,
                store: None,
                back: false,
            })
            .collect(),
    }
}

/// Does what the Coordinator does, on the model. Panics on an illegal transition.
fn act(view: &mut View, action: &Action, made: &mut u32) {
    let step_of =
        |view: &mut View, id: &str| view.steps.iter().position(|s| s.id == id).expect("step");
    match action {
        Action::MakeComponent { step, .. } => {
            *made += 1;
            let at = step_of(view, step);
            view.steps[at].component = Some(ComponentView {
                id: format!("c_{made}"),
                status: ComponentStatus::Init,
                desired: DesiredStatus::Running,
                done: 0,
                total: 0,
                ready: false,
                held: false,
            });
        }
        Action::SetDesired { component, desired } => {
            let found = view.steps.iter_mut().filter_map(|s| s.component.as_mut());
            for c in found.filter(|c| c.id == *component) {
                c.desired = *desired;
                if c.status != ComponentStatus::Finished && *desired == DesiredStatus::Stopped {
                    c.status = ComponentStatus::Stopped;
                }
            }
        }
        Action::ResetComponent { component } => {
            let found = view.steps.iter_mut().filter_map(|s| s.component.as_mut());
            for c in found.filter(|c| c.id == *component) {
                c.status = ComponentStatus::Init;
                c.desired = DesiredStatus::Running;
            }
        }
        Action::Step { step, event, .. } => {
            let at = step_of(view, step);
            let step = &mut view.steps[at];
            step.status = next(step.status, *event).expect("legal");
            step.told = step.status;
            step.held = false;
            step.blamed = *event == StepEvent::Fail
                && step.tasks.iter().any(|t| t.status == TaskStatus::Failed);
        }
        Action::Accept { step } => {
            let at = step_of(view, step);
            view.steps[at].told = view.steps[at].status;
            view.steps[at].held = true;
        }
        Action::AcceptProject => view.told = Some(view.status),
        Action::TakeTask { task } => {
            let found = view.steps.iter_mut().flat_map(|s| &mut s.tasks);
            found
                .filter(|t| t.id == *task)
                .for_each(|t| t.status = TaskStatus::Pending);
        }
        Action::Progress { step, percent } => {
            let at = step_of(view, step);
            assert!(*percent > view.steps[at].progress);
            view.steps[at].progress = *percent;
        }
        Action::Project(status) => {
            view.status = *status;
            view.told = Some(*status);
        }
        Action::MakeRelease | Action::Explain { .. } => panic!("nobody releases it"),
    }
}

/// One thing that the world does to the rows.
#[derive(Debug, Clone)]
enum World {
    /// The component of this step moves on.
    Advance(usize),
    /// The component of this step fails for good.
    Fail(usize),
    /// A person pauses the project.
    Pause,
    /// A person lets it go on.
    Go,
    /// A person sets this step back by SQL.
    SetBack(usize),
    /// A person sets this step's state by SQL.
    Set(usize, StepStatus),
    /// A person sets a paused or failed project to RUNNING by SQL.
    GoBySql,
    /// The component of this step fails for good over one of its tasks, perhaps for a reason that
    /// may pass.
    FailTask(usize, bool),
    /// A person sets the open tasks of this step to PENDING.
    Pend(usize),
    /// A person sets them to SKIPPED.
    Skip(usize),
}

fn world() -> impl Strategy<Value = World> {
    let at = 0..migration(&Stages::default(), true).len();
    prop_oneof![
        10 => at.clone().prop_map(World::Advance),
        1 => at.clone().prop_map(World::Fail),
        1 => Just(World::Pause),
        2 => Just(World::Go),
        1 => at.clone().prop_map(World::SetBack),
        2 => (at.clone(), 0..STATES.len()).prop_map(|(at, s)| World::Set(at, STATES[s])),
        1 => Just(World::GoBySql),
        1 => (at.clone(), any::<bool>()).prop_map(|(at, passing)| World::FailTask(at, passing)),
        1 => at.clone().prop_map(World::Pend),
        1 => at.prop_map(World::Skip),
    ]
}

fn happen(view: &mut View, what: &World, made: &mut u32) {
    match what {
        World::Advance(at) => {
            let goal = component_of(view.steps[*at].name).expect("component").1;
            if let Some(c) = &mut view.steps[*at].component
                && c.desired == DesiredStatus::Running
            {
                c.status = match (c.status, goal) {
                    (ComponentStatus::Init | ComponentStatus::Paused, _) => {
                        ComponentStatus::Running
                    }
                    (ComponentStatus::Running, Goal::Finishes) => ComponentStatus::Finished,
                    (status, _) => status,
                };
                c.ready = c.status == ComponentStatus::Running;
                if c.status == ComponentStatus::Finished {
                    view.steps[*at].tasks.clear();
                }
            }
        }
        World::Fail(at) => {
            if let Some(c) = &mut view.steps[*at].component
                && c.status == ComponentStatus::Running
            {
                c.status = ComponentStatus::Exception;
            }
        }
        World::Pause => {
            if view.status == ProjectStatus::Running {
                view.status = ProjectStatus::Suspend;
            }
        }
        World::Go => {
            for action in resume(view) {
                act(view, &action, made);
            }
        }
        World::SetBack(at) => {
            if view.steps[*at].status != StepStatus::Init {
                view.steps[*at].status = StepStatus::Failed;
                view.steps[*at].component = None;
            }
        }
        World::Set(at, status) => edit(&mut view.steps[*at], *status),
        World::GoBySql => {
            if matches!(view.status, ProjectStatus::Suspend | ProjectStatus::Failed) {
                view.status = ProjectStatus::Running;
            }
        }
        World::FailTask(at, passing) => {
            let step = &mut view.steps[*at];
            let running = ComponentStatus::Running;
            if let Some(c) = step.component.as_mut().filter(|c| c.status == running) {
                c.status = ComponentStatus::Exception;
                step.tasks = vec![TaskView {
                    id: format!("t_{at}"),
                    status: TaskStatus::Failed,
                    retries_left: true,
                    passing: *passing,
                    due: true,
                }];
            }
        }
        World::Pend(at) => {
            let tasks = &mut view.steps[*at].tasks;
            tasks
                .iter_mut()
                .for_each(|t| t.status = TaskStatus::Pending);
        }
        World::Skip(at) => view.steps[*at].tasks.clear(),
    }
}

/// A person's edit: the journal knows nothing of it.
fn edit(step: &mut StepView, status: StepStatus) {
    let follows = component_of(step.name).is_some_and(|(_, goal)| goal == Goal::Follows);
    // refused before it is looked at
    if status == StepStatus::Monitoring && !follows {
        return;
    }
    if step.status != status {
        step.status = status;
        step.held = true;
    }
}

fn settle(view: &mut View, made: &mut u32) {
    for _ in 0..20 {
        let actions = plan(view);
        if actions.is_empty() {
            return;
        }
        for action in actions {
            act(view, &action, made);
        }
    }
    panic!("the plan does not settle: {view:?}");
}

proptest! {
    #[test]
    fn every_history_ends_well(events in proptest::collection::vec(world(), 0..60), cut in any::<bool>()) {
        let mut view = fresh();
        let mut made = 0;
        for what in &events {
            // now and then the Coordinator dies after its first action
            let actions = plan(&view);
            let some = if cut { actions.len().min(1) } else { actions.len() };
            for action in &actions[..some] {
                act(&mut view, action, &mut made);
            }
            happen(&mut view, what, &mut made);
        }
        happen(&mut view, &World::Go, &mut made);
        // what a person holds, or says to be done, is let go again
        for step in &mut view.steps {
            if step.held && matches!(step.status, StepStatus::Suspend | StepStatus::Finished) {
                edit(step, StepStatus::Running);
            }
        }
        for _ in 0..60 {
            settle(&mut view, &mut made);
            for at in 0..migration(&Stages::default(), true).len() {
                happen(&mut view, &World::Advance(at), &mut made);
            }
            happen(&mut view, &World::Go, &mut made);
        }
        settle(&mut view, &mut made);
        prop_assert_eq!(view.status, ProjectStatus::Running);
        for step in &view.steps {
            let wanted = if matches!(step.name, StepName::IncrTransfer | StepName::IncrVerifier) {
                StepStatus::Monitoring
            } else {
                StepStatus::Finished
            };
            prop_assert_eq!(step.status, wanted, "{:?}", step.name);
        }
    }
}

#[test]
fn no_step_starts_before_the_one_before_it_is_done() {
    let mut view = fresh();
    let mut made = 0;
    settle(&mut view, &mut made);
    assert_eq!(made, 1);
    assert_eq!(view.steps[0].status, StepStatus::Running);
    assert_eq!(view.steps[1].status, StepStatus::Init);
}

/// A project whose step `at` failed over a task, with the Coordinator's answer to that.
fn failed_over_a_task(at: usize, passing: bool) -> View {
    let mut view = fresh();
    let mut made = 0;
    while view.steps[at].component.is_none() {
        settle(&mut view, &mut made);
        (0..at).for_each(|at| happen(&mut view, &World::Advance(at), &mut made));
    }
    happen(&mut view, &World::Advance(at), &mut made);
    happen(&mut view, &World::FailTask(at, passing), &mut made);
    view
}

#[test]
fn a_task_set_to_pending_runs_again_while_it_may() {
    let mut made = 0;
    let mut view = failed_over_a_task(1, false);
    settle(&mut view, &mut made);
    assert_eq!(view.status, ProjectStatus::Failed);
    assert!(view.steps[1].blamed);

    happen(&mut view, &World::Pend(1), &mut made);
    view.steps[1].tasks[0].retries_left = false;
    assert!(plan(&view).is_empty(), "its retries are used up");

    view.steps[1].tasks[0].retries_left = true;
    settle(&mut view, &mut made);
    assert_eq!(view.status, ProjectStatus::Running);
    assert_eq!(view.steps[1].status, StepStatus::Running);
    let component = view.steps[1].component.as_ref().expect("kept");
    assert_eq!(component.status, ComponentStatus::Init);
}

#[test]
fn a_skipped_task_lets_its_step_go_on() {
    let mut made = 0;
    let mut view = failed_over_a_task(1, false);
    settle(&mut view, &mut made);
    happen(&mut view, &World::Skip(1), &mut made);
    settle(&mut view, &mut made);
    assert_eq!(view.steps[1].status, StepStatus::Running);
}

#[test]
fn what_may_pass_is_tried_again_without_a_person() {
    let mut view = failed_over_a_task(1, true);
    view.steps[1].tasks[0].due = false;
    assert!(plan(&view).is_empty(), "it waits");
    view.steps[1].tasks[0].due = true;
    let take = Action::TakeTask {
        task: "t_1".to_owned(),
    };
    assert_eq!(plan(&view)[0], take);
    view.steps[1].tasks[0].retries_left = false;
    let mut made = 0;
    settle(&mut view, &mut made);
    assert_eq!(view.status, ProjectStatus::Failed);
}

#[test]
fn a_step_held_by_a_person_stays_when_the_project_goes_on() {
    let mut made = 0;
    let mut view = fresh();
    settle(&mut view, &mut made);
    happen(&mut view, &World::Advance(0), &mut made);
    happen(&mut view, &World::Set(0, StepStatus::Suspend), &mut made);
    settle(&mut view, &mut made);
    for world in [World::Pause, World::GoBySql] {
        happen(&mut view, &world, &mut made);
        settle(&mut view, &mut made);
    }
    assert_eq!(view.steps[0].status, StepStatus::Suspend);
    let component = view.steps[0].component.as_ref().expect("kept");
    assert_eq!(component.desired, DesiredStatus::Paused);
    happen(&mut view, &World::Set(0, StepStatus::Running), &mut made);
    settle(&mut view, &mut made);
    let component = view.steps[0].component.as_ref().expect("kept");
    assert_eq!(component.desired, DesiredStatus::Running);
}

#[test]
fn of_two_failed_steps_the_first_can_be_repaired_alone() {
    let mut made = 0;
    let mut view = fresh();
    let at = |name: StepName| {
        migration(&Stages::default(), true)
            .iter()
            .position(|n| *n == name)
    };
    let (pull, incr) = (
        at(StepName::TransferIncrLogPull).expect("a step"),
        at(StepName::IncrTransfer).expect("a step"),
    );
    while view.steps[incr].status != StepStatus::Monitoring {
        settle(&mut view, &mut made);
        (0..=incr).for_each(|at| happen(&mut view, &World::Advance(at), &mut made));
    }
    happen(&mut view, &World::Fail(incr), &mut made);
    settle(&mut view, &mut made);
    assert_eq!(view.status, ProjectStatus::Failed);
    happen(&mut view, &World::SetBack(pull), &mut made);
    for _ in 0..2 {
        settle(&mut view, &mut made);
        happen(&mut view, &World::Advance(pull), &mut made);
    }
    settle(&mut view, &mut made);
    assert_eq!(view.steps[pull].status, StepStatus::Finished);
    assert_eq!(view.steps[incr].status, StepStatus::Failed);
    assert_eq!(view.status, ProjectStatus::Failed);
}
