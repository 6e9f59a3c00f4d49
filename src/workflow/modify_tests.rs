//! Changes of objects in a small world: components that rest when they are told to, leaders that die
//! anywhere, people who pause and resume, a sub-project that fails. The parent's tables may change only
//! while everything rests and the last run is done, and in the end the change is done.

use super::*;
use proptest::prelude::*;
use proptest::sample::select;

fn running(status: ModifyStatus) -> Change {
    Change {
        kind: ModifyType::IncreaseObject,
        status,
        parent: Parent {
            status: ProjectStatus::Running,
            follows: true,
            held: Held::No,
            ready: true,
            changed: false,
        },
        child: None,
        overdue: false,
        resting: false,
    }
}

fn fresh_child() -> Child {
    Child {
        status: ProjectStatus::Running,
        ready: false,
        held: Held::No,
        drain: Drain::No,
    }
}

thread_local! {
    /// The parent went on after the last run of this attempt had been told of.
    static LET_GO: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Does what was decided, as the Coordinator does; `half`: it dies in the midst where there is one.
fn act(change: &mut Change, next: Next, half: bool) {
    let child = change.child.as_mut();
    match next {
        Next::Begin => change.status = ModifyStatus::Modifying,
        Next::MakeChild => {
            change.child.get_or_insert_with(fresh_child);
            if !half {
                change.status = ModifyStatus::Running;
            }
        }
        Next::PauseChild => child.expect("one").status = ProjectStatus::Suspend,
        Next::ResumeChild => child.expect("one").status = ProjectStatus::Running,
        Next::Merge => {
            LET_GO.set(false);
            change.status = ModifyStatus::Merging;
            // what an earlier attempt left counts for nothing
            let child = child.expect("one");
            if child.drain != Drain::No {
                child.drain = Drain::Stale;
            }
        }
        Next::HoldParent => change.parent.held = Held::Told,
        Next::HoldBoth => {
            change.parent.held = Held::Told;
            if !half {
                child.expect("one").held = Held::Told;
            }
        }
        Next::HoldChild => child.expect("one").held = Held::Told,
        Next::ReleaseParent => change.parent.held = Held::No,
        Next::ReleaseChild => child.expect("one").held = Held::No,
        Next::Drain => {
            let child = child.expect("one");
            assert_eq!(
                (change.parent.held, child.held),
                (Held::AtRest, Held::AtRest)
            );
            child.drain = Drain::Told;
            if !half {
                child.held = Held::No;
            }
        }
        Next::Undrain => {
            let child = child.expect("one");
            assert_eq!(child.held, Held::AtRest);
            child.drain = Drain::No;
            if !half {
                child.held = Held::No;
            }
        }
        Next::Switch => {
            let child = child.expect("one");
            assert_eq!(change.parent.held, Held::AtRest);
            assert!(is_running(change.parent.status));
            assert_eq!(change.status, ModifyStatus::Merging);
            if change.parent.follows {
                assert!(!LET_GO.get(), "an extent of before counts");
                assert_eq!((child.held, child.drain), (Held::AtRest, Drain::Done));
            }
            change.parent.changed = true;
            change.parent.held = Held::No;
        }
        Next::Remove => {
            assert_eq!(change.parent.held, Held::AtRest);
            change.parent.changed = true;
            change.parent.held = Held::No;
        }
        Next::Revoke => {
            assert!(!change.parent.changed);
            if half {
                change.parent.held = Held::No;
            } else {
                change.status = ModifyStatus::Running;
                change.overdue = false;
                if let Some(child) = child
                    && child.drain != Drain::No
                {
                    child.drain = Drain::Stale;
                }
            }
        }
        Next::Conclude => {
            assert!(change.parent.changed);
            if let Some(child) = child {
                child.status = ProjectStatus::Releasing;
            }
            if !half {
                change.status = ModifyStatus::Success;
            }
        }
        Next::Fail => change.status = ModifyStatus::Failed,
        Next::Terminate => {
            assert!(!change.parent.changed || change.kind == ModifyType::DecreaseObject);
            if let Some(child) = child {
                child.status = ProjectStatus::Releasing;
            }
            if !half {
                change.status = ModifyStatus::Terminated;
            }
        }
    }
}

/// What the world does.
#[derive(Debug, Clone, Copy)]
enum World {
    /// A leader looks, and dies in the midst or not.
    Look(bool),
    /// Components do what they are told.
    Work,
    Pause,
    Resume,
    ParentFails,
    ChildFails,
    Retry,
    TooLong,
    /// A person takes the parent's hold away.
    LetGo,
}

fn happen(change: &mut Change, world: World) {
    match world {
        World::Look(half) => {
            if let Some(next) = next(change) {
                act(change, next, half);
            }
        }
        World::Work => {
            if change.parent.held == Held::Told {
                change.parent.held = Held::AtRest;
            }
            if let Some(child) = &mut change.child {
                match (child.held, child.drain) {
                    (Held::Told, _) => child.held = Held::AtRest,
                    (Held::No, Drain::Told) if is_running(child.status) => {
                        child.drain = Drain::Done;
                    }
                    (Held::No, Drain::No) if is_running(child.status) => child.ready = true,
                    _ => {}
                }
            }
        }
        World::Pause if is_running(change.parent.status) => {
            change.parent.status = ProjectStatus::Suspend;
        }
        World::Resume
            if matches!(
                change.parent.status,
                ProjectStatus::Suspend | ProjectStatus::Failed
            ) =>
        {
            change.parent.status = ProjectStatus::Running;
        }
        World::ParentFails if is_running(change.parent.status) => {
            change.parent.status = ProjectStatus::Failed;
        }
        World::ChildFails => {
            if let Some(child) = &mut change.child
                && is_running(child.status)
                && child.held == Held::No
            {
                child.status = ProjectStatus::Failed;
            }
        }
        World::Retry if change.status == ModifyStatus::Failed => {
            if let Some(child) = &mut change.child {
                child.status = ProjectStatus::Running;
                change.status = ModifyStatus::Running;
            }
        }
        World::LetGo if change.parent.held != Held::No => {
            change.parent.held = Held::No;
            let told = |child: &Child| matches!(child.drain, Drain::Told | Drain::Done);
            if change.child.as_ref().is_some_and(told) {
                LET_GO.set(true);
            }
        }
        World::TooLong if change.status == ModifyStatus::Merging => change.overdue = true,
        _ => {}
    }
}

fn world() -> impl Strategy<Value = World> {
    select(vec![
        World::Look(false),
        World::Look(false),
        World::Look(false),
        World::Look(true),
        World::Work,
        World::Work,
        World::Work,
        World::Pause,
        World::Resume,
        World::ParentFails,
        World::ChildFails,
        World::Retry,
        World::TooLong,
        World::LetGo,
    ])
}

proptest! {
    #[test]
    fn a_change_is_done_in_the_end(
        worlds in proptest::collection::vec(world(), 0..60),
        follows in any::<bool>(),
        adds in any::<bool>(),
    ) {
        LET_GO.set(false);
        let mut change = running(ModifyStatus::Pending);
        change.parent.follows = follows;
        if !adds {
            change.kind = ModifyType::DecreaseObject;
        }
        for what in worlds {
            happen(&mut change, what);
        }
        // nothing goes wrong any more
        for _ in 0..20 {
            for what in [World::Resume, World::Retry, World::Look(false), World::Work] {
                happen(&mut change, what);
            }
        }
        prop_assert_eq!(change.status, ModifyStatus::Success);
        prop_assert!(change.parent.changed);
        prop_assert_eq!(change.parent.held, Held::No);
        prop_assert_eq!(next(&change), None);
    }

    /// A project that is released in the midst takes its sub-project with it.
    #[test]
    fn the_end_of_the_project_ends_the_change(
        worlds in proptest::collection::vec(world(), 0..40),
        adds in any::<bool>(),
    ) {
        let mut change = running(ModifyStatus::Pending);
        if !adds {
            change.kind = ModifyType::DecreaseObject;
        }
        for what in worlds {
            happen(&mut change, what);
        }
        change.parent.status = ProjectStatus::Releasing;
        for _ in 0..5 {
            happen(&mut change, World::Look(true));
            happen(&mut change, World::Look(false));
        }
        prop_assert_eq!(next(&change), None);
        let child = change.child.map(|child| child.status);
        prop_assert!(matches!(child, None | Some(ProjectStatus::Releasing)), "{:?}", change);
    }
}

#[test]
fn a_project_that_is_paused_waits_with_what_comes_and_not_with_what_goes() {
    let mut change = running(ModifyStatus::Pending);
    change.parent.status = ProjectStatus::Suspend;
    assert_eq!(next(&change), None);
    change.kind = ModifyType::DecreaseObject;
    assert_eq!(next(&change), Some(Next::Begin));
}
