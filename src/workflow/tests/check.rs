//! The pre-check of a project that was not started.

use super::*;
use crate::workflow::plan::{check, forget_check};
use entity::ComponentType;

/// A project that was never started, and whose pre-check runs.
fn checking(made: &mut u32) -> View {
    let mut view = fresh();
    view.status = ProjectStatus::Init;
    view.told = Some(ProjectStatus::Init);
    begin(&mut view, made);
    view
}

/// It begins: its step gets a component, and runs.
fn begin(view: &mut View, made: &mut u32) {
    let step = check(view).expect("a pre-check that can begin").id.clone();
    let kind = ComponentType::Precheck;
    act(view, &Action::MakeComponent { step, kind }, made);
    view.steps[0].status = StepStatus::Running;
    view.steps[0].told = StepStatus::Running;
}

#[test]
fn a_project_that_is_not_started_is_checked_and_no_more() {
    let mut made = 0;
    let mut view = fresh();
    view.status = ProjectStatus::Init;
    view.told = Some(ProjectStatus::Init);
    assert_eq!(plan(&view), []);
    let run = |view: &mut View, actions: Vec<Action>, made: &mut u32| {
        assert!(!actions.is_empty());
        for action in actions {
            assert!(!matches!(action, Action::Project(_)), "{action:?}");
            act(view, &action, made);
        }
    };
    begin(&mut view, &mut made);
    assert_eq!(check(&view), None, "it runs already");
    let component = |view: &mut View, status| {
        view.steps[0].component.as_mut().expect("made").status = status;
    };
    component(&mut view, ComponentStatus::Exception);
    let fail = plan(&view);
    run(&mut view, fail, &mut made);
    assert_eq!(view.steps[0].status, StepStatus::Failed);
    assert_eq!(plan(&view), [], "it waits for a person");
    begin(&mut view, &mut made);
    component(&mut view, ComponentStatus::Finished);
    let finish = plan(&view);
    run(&mut view, finish, &mut made);
    assert_eq!(view.steps[0].status, StepStatus::Finished);
    assert_eq!(plan(&view), []);
    assert!(view.steps[1..].iter().all(|s| s.status == StepStatus::Init));
    let forget = forget_check(&view);
    run(&mut view, forget, &mut made);
    assert_eq!(view.steps[0].status, StepStatus::Init);
    assert_eq!(forget_check(&view), []);
    assert_eq!(made, 2);
}

/// What it has read already is not so any more: what it goes on to find would be about other objects.
#[test]
fn a_check_that_runs_while_objects_change_begins_anew() {
    let mut made = 0;
    let mut view = checking(&mut made);
    let before = view.steps[0].component.clone();
    let anew = forget_check(&view);
    let wanted = Action::MakeComponent {
        step: view.steps[0].id.clone(),
        kind: ComponentType::Precheck,
    };
    assert_eq!(anew, [wanted]);
    for action in &anew {
        act(&mut view, action, &mut made);
    }
    assert_ne!(view.steps[0].component, before);
    assert_eq!(view.steps[0].status, StepStatus::Running, "and it goes on");
    let component = view.steps[0].component.as_mut().expect("made");
    component.status = ComponentStatus::Finished;
    for action in plan(&view) {
        act(&mut view, &action, &mut made);
    }
    assert_eq!(view.steps[0].status, StepStatus::Finished);
}
