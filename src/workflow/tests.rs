//! The workflow against a small model of `rm`: whatever order things happen in, a project whose
//! components work ends with all steps done, and nothing is done twice.

use super::plan::{Action, ComponentView, StepView, View, plan, resume};
use super::steps::{component_of, migration};
use super::transition::{StepEvent, next};
use crate::model::project::Stages;
use entity::{ComponentStatus, DesiredStatus, ProjectStatus, StepName, StepStatus};
use proptest::prelude::*;

const STATES: [StepStatus; 6] = [
    StepStatus::Init,
    StepStatus::Running,
    StepStatus::Failed,
    StepStatus::Finished,
    StepStatus::Suspend,
    StepStatus::Monitoring,
];

#[test]
fn only_a_started_step_ends() {
    for from in STATES {
        let ends = next(from, StepEvent::Finish).is_ok();
        assert_eq!(ends, from == StepStatus::Running, "{from}");
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
        others: Vec::new(),
        release: None,
        explained: false,
        steps: migration(&Stages::default(), true)
            .into_iter()
            .enumerate()
            .map(|(at, name)| StepView {
                id: format!("s_{at}"),
                name,
                status: StepStatus::Init,
                progress: 0,
                component: None,
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
            });
        }
        Action::SetDesired { component, desired } => {
            let found = view.steps.iter_mut().filter_map(|s| s.component.as_mut());
            found
                .filter(|c| c.id == *component)
                .for_each(|c| c.desired = *desired);
        }
        Action::ResetComponent { component } => {
            let found = view.steps.iter_mut().filter_map(|s| s.component.as_mut());
            found
                .filter(|c| c.id == *component)
                .for_each(|c| c.status = ComponentStatus::Init);
        }
        Action::Step { step, event, .. } => {
            let at = step_of(view, step);
            view.steps[at].status = next(view.steps[at].status, *event).expect("legal");
        }
        Action::Progress { step, percent } => {
            let at = step_of(view, step);
            assert!(*percent > view.steps[at].progress);
            view.steps[at].progress = *percent;
        }
        Action::Project(status) => view.status = *status,
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
}

fn world() -> impl Strategy<Value = World> {
    let at = 0..migration(&Stages::default(), true).len();
    prop_oneof![
        10 => at.clone().prop_map(World::Advance),
        1 => at.clone().prop_map(World::Fail),
        1 => Just(World::Pause),
        2 => Just(World::Go),
        1 => at.prop_map(World::SetBack),
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
                    (ComponentStatus::Running, super::steps::Goal::Finishes) => {
                        ComponentStatus::Finished
                    }
                    (status, _) => status,
                };
                c.ready = c.status == ComponentStatus::Running;
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
