//! O&M tasks: what is refused, what is done once, what is waited for, and in which order.

use super::*;
use entity::StateText;
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

fn world(status: ComponentStatus) -> World {
    let one = component("c_1", status, DesiredStatus::Running);
    World {
        project: ProjectStatus::Running,
        component: Some(one.clone()),
        kind: Some(ComponentType::IncrSync),
        current: Some((one, None)),
        before: None,
        switched: false,
        step: Some((StepStatus::Monitoring, Goal::Follows)),
    }
}

fn fails(verdict: &Verdict, says: &str) {
    match verdict {
        Verdict::Fail(why) => assert!(why.contains(says), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_text_of_a_part_is_its_own() {
    for (part, text) in TEXTS {
        assert_eq!(Part::from_text(text), Some(part));
        assert_eq!(part.text(), text);
    }
    assert_eq!(Part::from_text("CREATE_TABLE"), None);
    for kind in OmTaskType::allowed() {
        let kind = OmTaskType::from_text(&kind).expect("its own text");
        for restarts in [false, true] {
            assert!(!parts(kind, restarts).is_empty(), "{kind}");
        }
    }
}

#[test]
fn components_are_not_paused_or_started_under_a_project_that_does_not_run() {
    for part in [
        Part::PauseComponent,
        Part::StartComponent,
        Part::RemakeComponent,
    ] {
        let mut world = world(ComponentStatus::Running);
        world.before = Some("c_1".to_owned());
        assert_eq!(judge(part, &world, false), Verdict::Act);
        world.project = ProjectStatus::Suspend;
        fails(&judge(part, &world, false), "SUSPEND");
    }
    let mut world = world(ComponentStatus::Paused);
    fails(&judge(Part::StopComponent, &world, false), "StopProject");
    world.project = ProjectStatus::Suspend;
    assert_eq!(judge(Part::StopComponent, &world, false), Verdict::Act);
}

#[test]
fn one_that_the_step_does_not_have_any_more_is_not_touched() {
    let mut world = world(ComponentStatus::Stopped);
    world.current = Some((
        component("c_2", ComponentStatus::Running, DesiredStatus::Running),
        None,
    ));
    fails(&judge(Part::PauseComponent, &world, false), "c_2");
    // but it may go
    assert_eq!(judge(Part::StopComponent, &world, false), Verdict::Act);
    world.component = None;
    assert_eq!(judge(Part::DeleteComponent, &world, false), Verdict::Done);
    fails(
        &judge(Part::StartComponent, &world, false),
        "not there any more",
    );
}

#[test]
fn what_was_done_is_not_done_again() {
    let mut world = world(ComponentStatus::Finished);
    world.step = Some((StepStatus::Finished, Goal::Finishes));
    world.kind = Some(ComponentType::FullImport);
    world.before = Some("c_1".to_owned());
    fails(&judge(Part::RemakeComponent, &world, false), "FINISHED");
    fails(
        &judge(Part::StartComponent, &world, false),
        "RerunComponent",
    );
    assert_eq!(judge(Part::PauseComponent, &world, false), Verdict::Done);
    // comparing twice does no harm
    world.kind = Some(ComponentType::FullVerification);
    assert_eq!(judge(Part::RemakeComponent, &world, false), Verdict::Act);
    assert_eq!(judge(Part::AwaitRunning, &world, false), Verdict::Wait);
    world.current = Some((
        component("c_2", ComponentStatus::Running, DesiredStatus::Running),
        None,
    ));
    assert_eq!(judge(Part::RemakeComponent, &world, false), Verdict::Done);
    assert_eq!(judge(Part::AwaitRunning, &world, false), Verdict::Done);
}

#[test]
fn waiting_has_an_end_that_says_what_was_seen() {
    let mut world = world(ComponentStatus::Init);
    assert_eq!(judge(Part::AwaitRunning, &world, false), Verdict::Wait);
    fails(&judge(Part::AwaitRunning, &world, true), "INIT");
    assert_eq!(judge(Part::AwaitPaused, &world, false), Verdict::Wait);
    fails(&judge(Part::AwaitPaused, &world, true), "wanted RUNNING");
    world.current = Some((
        component("c_1", ComponentStatus::Exception, DesiredStatus::Running),
        Some("CON-0001: no".to_owned()),
    ));
    fails(&judge(Part::AwaitRunning, &world, false), "CON-0001");
}

const STATES: [TaskStatus; 5] = [
    TaskStatus::Pending,
    TaskStatus::Running,
    TaskStatus::Finished,
    TaskStatus::Failed,
    TaskStatus::Skipped,
];

proptest! {
    /// Whatever the sub-tasks are at: in each chain one at most has its turn, all before it are done,
    /// and a task is at its end just when nothing has its turn.
    #[test]
    fn sub_tasks_come_in_their_order(
        rows in proptest::collection::vec((0..3_usize, 0..5_usize, any::<bool>()), 0..9)
    ) {
        let all: Vec<PartView> = rows.iter().enumerate().map(|(at, (chain, state, left))| PartView {
            chain: format!("c_{chain}"),
            order: at as u64,
            status: STATES[*state],
            retries_left: *left,
        }).collect();
        let turns = turns(&all);
        let done = |p: &PartView| matches!(p.status, TaskStatus::Finished | TaskStatus::Skipped);
        for at in &turns {
            prop_assert!(!done(&all[*at]) && all[*at].status != TaskStatus::Failed);
            prop_assert!(all.iter().all(|p| p.chain != all[*at].chain || p.order >= all[*at].order || done(p)));
            prop_assert_eq!(turns.iter().filter(|o| all[**o].chain == all[*at].chain).count(), 1);
        }
        match status(&all) {
            OmTaskStatus::Successful => prop_assert!(all.iter().all(done)),
            OmTaskStatus::Failed => prop_assert!(turns.is_empty() && !all.iter().all(done)),
            _ => prop_assert!(!turns.is_empty()),
        }
    }
}
