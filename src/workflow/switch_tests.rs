//! The sub-steps of a switchover against a model of what the Coordinator and the Supervisor make of them.

use super::*;
use entity::ComponentStatus as C;
use proptest::prelude::*;

fn view(part: Part, status: TaskStatus) -> PartView {
    PartView {
        part,
        status,
        retries_left: true,
    }
}

fn component(id: &str, status: C, desired: DesiredStatus, ready: bool) -> ComponentView {
    ComponentView {
        id: id.to_owned(),
        status,
        desired,
        done: 0,
        total: 0,
        ready,
        held: false,
    }
}

fn fresh() -> World {
    World {
        store: None,
        reverse: None,
        reverse_step: StepStatus::Init,
        forward: vec![component("incr", C::Running, DesiredStatus::Running, true)],
        forward_steps: vec![StepStatus::Monitoring],
        no_way_back: false,
    }
}

#[test]
fn each_text_stands_for_its_sub_step() {
    for (part, text) in TEXTS {
        assert_eq!(part.text(), text);
        assert_eq!(Part::from_text(text), Some(part));
        assert!(!part.description().is_empty());
    }
    assert_eq!(Part::from_text("CREATE_DEST_STORES"), None);
}

#[test]
fn one_after_the_other() {
    let all: Vec<PartView> = FORWARD
        .iter()
        .map(|part| view(*part, TaskStatus::Pending))
        .collect();
    assert_eq!(
        turn(&FORWARD, &all).map(|v| v.part),
        Some(Part::StartSwitch)
    );
    for (at, part) in FORWARD.iter().enumerate() {
        let mut all = all.clone();
        for earlier in &mut all[..at] {
            earlier.status = TaskStatus::Skipped;
        }
        assert_eq!(turn(&FORWARD, &all).map(|v| v.part), Some(*part));
        // what failed stops those behind it
        all[at].status = TaskStatus::Failed;
        assert_eq!(turn(&FORWARD, &all), None);
        all[at].status = TaskStatus::Pending;
        all[at].retries_left = false;
        assert_eq!(turn(&FORWARD, &all), None);
    }
}

/// A roll-back undoes what was begun, and only that.
#[test]
fn a_roll_back_from_everywhere() {
    let at = |begun: usize| -> Vec<Part> {
        let all: Vec<PartView> = FORWARD
            .iter()
            .enumerate()
            .map(|(at, part)| match at {
                _ if at < begun => view(*part, TaskStatus::Finished),
                _ if at == begun => view(*part, TaskStatus::Running),
                _ => view(*part, TaskStatus::Pending),
            })
            .collect();
        assert_eq!(no_way_back(&all), None);
        parts(Way::Back, &all)
    };
    assert_eq!(at(1), [Part::ForgetReverse]);
    let store = [
        Part::StopDestStore,
        Part::CleanDestStore,
        Part::ForgetReverse,
    ];
    assert_eq!(at(2), store);
    let source: Vec<Part> = [Part::AllowSourceWrites].into_iter().chain(store).collect();
    assert_eq!(at(3), source);
    assert_eq!(at(4), source);
    let whole: Vec<Part> = [
        Part::CreateReverseSync,
        Part::StopTargetWrites,
        Part::ReachBackPosition,
        Part::StopReverseSync,
        Part::StartForwardSync,
    ]
    .into_iter()
    .chain(source)
    .collect();
    for begun in 5..8 {
        assert_eq!(at(begun), whole, "{begun}");
    }
}

#[test]
fn without_its_store_there_is_no_way_back_once_the_way_forth_ended() {
    let mut all: Vec<PartView> = FORWARD
        .iter()
        .map(|part| view(*part, TaskStatus::Finished))
        .collect();
    assert_eq!(no_way_back(&all), None);
    all[2].status = TaskStatus::Skipped;
    assert!(no_way_back(&all).is_some());
    all[5].status = TaskStatus::Pending;
    assert_eq!(no_way_back(&all), None);
}

#[test]
fn a_store_that_failed_is_tried_again_once_for_each_try() {
    let mut world = fresh();
    let judged = |world: &World, begins| judge(Part::CreateDestStore, world, begins, false);
    assert_eq!(judged(&world, true), Verdict::Act);
    world.store = Some((
        component("s", C::Exception, DesiredStatus::Running, false),
        Some("SRC-0001: gone".to_owned()),
    ));
    assert_eq!(judged(&world, true), Verdict::Act);
    assert_eq!(
        judged(&world, false),
        Verdict::Fail("SRC-0001: gone".to_owned())
    );
    world.store = Some((
        component("s", C::Running, DesiredStatus::Running, false),
        None,
    ));
    assert_eq!(judged(&world, false), Verdict::Wait);
    assert!(matches!(
        judge(Part::CreateDestStore, &world, false, true),
        Verdict::Fail(_)
    ));
    world.store = Some((
        component("s", C::Running, DesiredStatus::Running, true),
        None,
    ));
    assert_eq!(judged(&world, false), Verdict::Done);
}

/// What the Coordinator and the Supervisor make of an `Act`, on the model.
fn act(part: Part, world: &mut World) {
    match part {
        Part::CreateDestStore => {
            world.store = Some((component("s", C::Init, DesiredStatus::Running, false), None));
        }
        Part::CreateReverseSync => {
            world.reverse_step = StepStatus::Running;
            world.reverse = Some((component("r", C::Init, DesiredStatus::Running, false), None));
        }
        Part::StopForwardSync => {
            let held = world.forward.iter().all(|c| c.held);
            for c in &mut world.forward {
                c.held = true;
                c.desired = DesiredStatus::Paused;
            }
            if held {
                world.forward_steps.fill(StepStatus::Finished);
            }
        }
        Part::StartForwardSync => {
            world.forward_steps.fill(StepStatus::Running);
            for c in &mut world.forward {
                c.held = false;
                c.desired = DesiredStatus::Running;
            }
        }
        Part::StopReverseSync => {
            if let Some((c, _)) = &mut world.reverse {
                c.desired = DesiredStatus::Stopped;
            }
            world.reverse_step = StepStatus::Finished;
        }
        Part::StopDestStore => {
            if let Some((c, _)) = &mut world.store {
                c.desired = DesiredStatus::Stopped;
            }
        }
        Part::ForgetReverse => {
            world.reverse_step = StepStatus::Init;
            world.store = None;
            world.reverse = None;
        }
        _ => {}
    }
}

/// Components come to what is wanted of them, one a look.
fn settle(world: &mut World) {
    let each = world.forward.iter_mut();
    let each = each.chain(world.store.as_mut().map(|(c, _)| c));
    for c in each.chain(world.reverse.as_mut().map(|(c, _)| c)) {
        c.status = match c.desired {
            DesiredStatus::Running => C::Running,
            DesiredStatus::Paused => C::Paused,
            DesiredStatus::Stopped => C::Stopped,
        };
        c.ready = c.status == C::Running;
    }
    if world.reverse_step == StepStatus::Running {
        world.reverse_step = StepStatus::Monitoring;
    }
    for step in &mut world.forward_steps {
        if *step == StepStatus::Running {
            *step = StepStatus::Monitoring;
        }
    }
}

/// Goes through a way as the Coordinator does; `cut`: sub-steps whose end is lost to a crash.
fn go(way: Way, all: &mut Vec<PartView>, world: &mut World, cut: &[usize], until: usize) {
    let mut looks = 0;
    loop {
        looks += 1;
        assert!(looks < 400, "{all:?} {world:?}");
        let wanted = parts(way, all);
        for part in &wanted {
            if !all.iter().any(|v| v.part == *part) {
                all.push(view(*part, TaskStatus::Pending));
            }
        }
        if is_over(&wanted, all) {
            return;
        }
        let part = turn(&wanted, all).expect("one").part;
        let done = wanted.iter().filter(|p| is_over(&[**p], all)).count();
        if way == Way::Forward && done >= until {
            return;
        }
        let at = all.iter().position(|v| v.part == part).expect("a row");
        let begins = all[at].status == TaskStatus::Pending;
        all[at].status = TaskStatus::Running;
        let verdict = match part.hand(StopWrites::Confirm) {
            Hand::Coordinator => judge(part, world, begins, false),
            _ => Verdict::Done,
        };
        match verdict {
            Verdict::Act => act(part, world),
            Verdict::Done if cut.contains(&looks) => {}
            Verdict::Done => all[at].status = TaskStatus::Finished,
            Verdict::Wait => {}
            other => panic!("{part:?}: {other:?}"),
        }
        settle(world);
    }
}

proptest! {
    /// Wherever it is rolled back, and whatever is lost on the way: the way forth follows again, and nothing
    /// is left of the way back; a second switchover comes to its end.
    #[test]
    fn forth_and_back_and_forth(
        until in 1..9_usize,
        cut in proptest::collection::vec(1..60_usize, 0..20),
    ) {
        let mut world = fresh();
        let mut all = Vec::new();
        go(Way::Forward, &mut all, &mut world, &cut, until);
        go(Way::Back, &mut all, &mut world, &cut, 0);
        prop_assert_eq!(&world.forward_steps, &[StepStatus::Monitoring]);
        prop_assert!(world.forward.iter().all(|c| !c.held && c.status == C::Running));
        prop_assert_eq!(world.reverse_step, StepStatus::Init);
        prop_assert!(world.store.is_none() && world.reverse.is_none());
        let mut all = Vec::new();
        go(Way::Forward, &mut all, &mut world, &cut, 9);
        prop_assert_eq!(&world.forward_steps, &[StepStatus::Finished]);
        prop_assert_eq!(world.reverse_step, StepStatus::Monitoring);
        prop_assert!(world.store.is_some_and(|(store, _)| serves(&store)));
    }
}
