//! The release of a project: everything of it ends, then what it keeps on nodes and servers is taken
//! away, then it is `RELEASED`. There is no way back from its first moment on.

use super::plan::{Action, ComponentView, View};
use entity::{ComponentStatus, DesiredStatus, ProjectStatus};

/// What is next in a release.
pub(super) fn release(view: &View) -> Vec<Action> {
    let running = view.others.iter().filter(|c| !is_at_rest(c));
    let mut actions = Vec::new();
    let mut ended = true;
    for component in running {
        ended = false;
        if component.desired != DesiredStatus::Stopped {
            actions.push(Action::SetDesired {
                component: component.id.clone(),
                desired: DesiredStatus::Stopped,
            });
        }
    }
    if !ended {
        return actions;
    }
    match &view.release {
        None => actions.push(Action::MakeRelease),
        Some(component) if component.status == ComponentStatus::Finished => {
            actions.push(Action::Project(ProjectStatus::Released));
        }
        Some(component) if component.status == ComponentStatus::Exception && !view.explained => {
            actions.push(Action::Explain {
                component: component.id.clone(),
            });
        }
        Some(_) => {}
    }
    actions
}

/// Nothing of it runs, and nothing will.
fn is_at_rest(component: &ComponentView) -> bool {
    match component.status {
        ComponentStatus::Finished => true,
        ComponentStatus::Stopped => component.desired == DesiredStatus::Stopped,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::super::plan::plan;
    use super::*;
    use proptest::prelude::*;

    fn component(id: &str, status: ComponentStatus, desired: DesiredStatus) -> ComponentView {
        ComponentView {
            id: id.to_owned(),
            status,
            desired,
            done: 0,
            total: 0,
            ready: false,
            held: false,
        }
    }

    const STATES: [ComponentStatus; 6] = [
        ComponentStatus::Init,
        ComponentStatus::Running,
        ComponentStatus::Paused,
        ComponentStatus::Stopped,
        ComponentStatus::Exception,
        ComponentStatus::Finished,
    ];
    const WANTED: [DesiredStatus; 3] = [
        DesiredStatus::Running,
        DesiredStatus::Paused,
        DesiredStatus::Stopped,
    ];

    proptest! {
        /// Whatever the components are at: nothing is taken away before all of them rest, and in the
        /// end the project is released.
        #[test]
        fn nothing_is_taken_away_under_a_component_that_runs(
            states in proptest::collection::vec((0..6_usize, 0..3_usize), 0..6)
        ) {
            let mut view = View {
                status: ProjectStatus::Releasing,
                told: Some(ProjectStatus::Releasing),
                steps: Vec::new(),
                others: states.iter().enumerate()
                    .map(|(at, (s, d))| component(&format!("c_{at}"), STATES[*s], WANTED[*d]))
                    .collect(),
                release: None,
                explained: false,
                hold: None,
            };
            for _ in 0..10 {
                for action in plan(&view) {
                    match action {
                        Action::SetDesired { component, desired } => {
                            let found = view.others.iter_mut().find(|c| c.id == component);
                            found.expect("one of them").desired = desired;
                        }
                        Action::MakeRelease => {
                            prop_assert!(view.others.iter().all(is_at_rest));
                            view.release = Some(component("r", ComponentStatus::Init, DesiredStatus::Running));
                        }
                        Action::Project(status) => {
                            view.status = status;
                            view.told = Some(status);
                        }
                        other => prop_assert!(false, "{:?}", other),
                    }
                }
                // what the Supervisor does
                for c in &mut view.others {
                    if c.desired == DesiredStatus::Stopped && c.status != ComponentStatus::Finished {
                        c.status = ComponentStatus::Stopped;
                    }
                }
                if let Some(release) = &mut view.release {
                    release.status = ComponentStatus::Finished;
                }
            }
            prop_assert_eq!(view.status, ProjectStatus::Released);
        }
    }
}
