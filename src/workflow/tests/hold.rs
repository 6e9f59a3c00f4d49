//! A project whose objects are changed: its components wait, and go on.

use super::*;
use crate::workflow::plan::Hold;

/// A project that follows and has verified, with all components at work.
fn following() -> View {
    let mut view = fresh();
    let mut made = 0;
    for _ in 0..20 {
        settle(&mut view, &mut made);
        (0..view.steps.len()).for_each(|at| happen(&mut view, &World::Advance(at), &mut made));
    }
    settle(&mut view, &mut made);
    view
}

#[test]
fn components_wait_for_a_change_of_objects_and_go_on() {
    let wanted = |view: &View, name: StepName| {
        let step = view.steps.iter().find(|s| s.name == name);
        step.and_then(|s| s.component.as_ref()).map(|c| c.desired)
    };
    for store in [true, false] {
        let mut view = following();
        let steps = view.steps.clone();
        view.status = ProjectStatus::RunningMerging;
        view.told = Some(ProjectStatus::RunningMerging);
        view.hold = Some(Hold { store });
        let mut made = 100;
        settle(&mut view, &mut made);
        let paused = Some(DesiredStatus::Paused);
        assert_eq!(wanted(&view, StepName::IncrTransfer), paused);
        assert_eq!(wanted(&view, StepName::IncrVerifier), paused);
        assert_eq!(
            wanted(&view, StepName::TransferIncrLogPull) == paused,
            store
        );
        // whatever happens to components meanwhile, no step moves
        happen(&mut view, &World::Fail(5), &mut made);
        assert!(plan(&view).is_empty(), "{:?}", plan(&view));
        let states = |steps: &[StepView]| steps.iter().map(|s| s.status).collect::<Vec<_>>();
        assert_eq!(states(&view.steps), states(&steps));
        view.steps.clone_from(&steps);
        for step in &mut view.steps {
            if let Some(component) = &mut step.component
                && component.status != ComponentStatus::Finished
            {
                component.desired = DesiredStatus::Paused;
                component.status = ComponentStatus::Paused;
            }
        }
        view.hold = None;
        settle(&mut view, &mut made);
        let running = Some(DesiredStatus::Running);
        for name in [
            StepName::TransferIncrLogPull,
            StepName::IncrTransfer,
            StepName::IncrVerifier,
        ] {
            assert_eq!(wanted(&view, name), running);
        }
        assert_eq!(states(&view.steps), states(&steps));
    }
}

/// A project without incremental steps is not finished while tables come to it.
#[test]
fn a_project_does_not_end_while_its_objects_change() {
    let mut view = following();
    let ends = |step: &StepView| component_of(step.name).expect("one").1 == Goal::Finishes;
    view.steps.retain(ends);
    assert!(plan(&view).contains(&Action::Project(ProjectStatus::Finished)));
    view.status = ProjectStatus::RunningModifying;
    view.told = Some(ProjectStatus::RunningModifying);
    assert_eq!(plan(&view), []);
}
