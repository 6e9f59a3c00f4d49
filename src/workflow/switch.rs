//! The forward switchover and its roll-back: of which sub-steps each is made, who does them, and what
//! happens next. Pure.
//!
//! A sub-step is a row of `oms_task` in the group of the step `TRANSFER_APP_SWITCH`. They come one after
//! the other. What needs a server is done by the step's component; what needs other components is done by
//! the Coordinator; what only a person can know waits for that person. Each can be done again.

use super::plan::ComponentView;
use super::reverse::serves;
use entity::{ComponentStatus, DesiredStatus, StepStatus, TaskStatus};
use serde::{Deserialize, Serialize};

/// Where a switchover goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Way {
    /// The application moves to the target.
    #[default]
    Forward,
    /// The application stays at the source, or moves back to it.
    Back,
}

/// How it is known that the application writes no more.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StopWrites {
    /// A person says so.
    #[default]
    Confirm,
    /// `oms` makes the source read-only, until a roll-back or the project's release.
    ReadOnly,
}

/// A sub-step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// A person began.
    StartSwitch,
    /// What must be so before anything is changed.
    Precheck,
    /// The Store of the way back, so that nothing is missed that is written at the target.
    CreateDestStore,
    /// The application writes no more at the source.
    StopSourceWrites,
    /// The target has everything up to the source's last position.
    ReachStopPosition,
    /// The way forth ends.
    StopForwardSync,
    /// Triggers, events and routines, which a person moves.
    ProcessObjects,
    /// The way back follows.
    CreateReverseSync,
    /// The application writes no more at the target.
    StopTargetWrites,
    /// The source has everything up to the target's last position.
    ReachBackPosition,
    /// The way back ends.
    StopReverseSync,
    /// The way forth goes on where it was.
    StartForwardSync,
    /// The source is writable again, if `oms` made it read-only.
    AllowSourceWrites,
    /// The Store of the way back ends.
    StopDestStore,
    /// What the way back keeps on servers and on disk is taken away.
    CleanDestStore,
    /// The way back is as if it had never been.
    ForgetReverse,
}

/// Who does a sub-step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hand {
    /// The step's component, which talks to the servers.
    Component,
    /// The Coordinator, which starts and stops components.
    Coordinator,
    /// A person, who says that it is done.
    Person,
}

/// `task_type` of an object that a person moves; its `task_name` is the object.
pub const COMPLETE_OBJECT: &str = "COMPLETE_OBJECT";

const TEXTS: [(Part, &str); 16] = [
    (Part::StartSwitch, "START_SWITCH"),
    (Part::Precheck, "SWITCH_PRECHECK"),
    (Part::CreateDestStore, "CREATE_DEST_STORE"),
    (Part::StopSourceWrites, "STOP_SOURCE_WRITES"),
    (Part::ReachStopPosition, "REACH_STOP_POSITION"),
    (Part::StopForwardSync, "STOP_FORWARD_SYNC"),
    (Part::ProcessObjects, "PROCESS_DB_OBJECTS"),
    (Part::CreateReverseSync, "CREATE_REVERSE_SYNC"),
    (Part::StopTargetWrites, "STOP_TARGET_WRITES"),
    (Part::ReachBackPosition, "REACH_BACK_POSITION"),
    (Part::StopReverseSync, "STOP_REVERSE_SYNC"),
    (Part::StartForwardSync, "START_FORWARD_SYNC"),
    (Part::AllowSourceWrites, "ALLOW_SOURCE_WRITES"),
    (Part::StopDestStore, "STOP_DEST_STORE"),
    (Part::CleanDestStore, "CLEAN_DEST_STORE"),
    (Part::ForgetReverse, "FORGET_REVERSE"),
];

const FORWARD: [Part; 8] = [
    Part::StartSwitch,
    Part::Precheck,
    Part::CreateDestStore,
    Part::StopSourceWrites,
    Part::ReachStopPosition,
    Part::StopForwardSync,
    Part::ProcessObjects,
    Part::CreateReverseSync,
];

impl Part {
    /// As `oms_task.task_type` says it.
    pub fn text(self) -> &'static str {
        let of = |(part, text): &(Self, &'static str)| (*part == self).then_some(*text);
        TEXTS.iter().find_map(of).unwrap_or("")
    }

    /// The sub-step that a text stands for.
    pub fn from_text(text: &str) -> Option<Self> {
        let of = |(part, known): &(Self, &str)| (*known == text).then_some(*part);
        TEXTS.iter().find_map(of)
    }

    /// What it does, in words for people.
    pub fn description(self) -> &'static str {
        match self {
            Self::StartSwitch => "Start the forward switchover",
            Self::Precheck => "Check what the switchover needs",
            Self::CreateDestStore => "Start the Store of the way back",
            Self::StopSourceWrites => "The application writes no more at the source",
            Self::ReachStopPosition => "The target has everything up to the source's last position",
            Self::StopForwardSync => "Stop the forward synchronization",
            Self::ProcessObjects => "Database objects",
            Self::CreateReverseSync => "Start the reverse incremental synchronization",
            Self::StopTargetWrites => "The application writes no more at the target",
            Self::ReachBackPosition => "The source has everything up to the target's last position",
            Self::StopReverseSync => "Stop the reverse incremental synchronization",
            Self::StartForwardSync => "The forward synchronization goes on",
            Self::AllowSourceWrites => "The source takes writes again",
            Self::StopDestStore => "Stop the Store of the way back",
            Self::CleanDestStore => "Take away what the way back keeps",
            Self::ForgetReverse => "Forget the way back",
        }
    }

    /// Who does it.
    pub fn hand(self, stop: StopWrites) -> Hand {
        match self {
            Self::StopSourceWrites if stop == StopWrites::Confirm => Hand::Person,
            Self::StopTargetWrites => Hand::Person,
            Self::Precheck
            | Self::StopSourceWrites
            | Self::ReachStopPosition
            | Self::ProcessObjects
            | Self::ReachBackPosition
            | Self::AllowSourceWrites
            | Self::CleanDestStore => Hand::Component,
            Self::StartSwitch
            | Self::CreateDestStore
            | Self::StopForwardSync
            | Self::CreateReverseSync
            | Self::StopReverseSync
            | Self::StartForwardSync
            | Self::StopDestStore
            | Self::ForgetReverse => Hand::Coordinator,
        }
    }

    /// What a person takes upon himself who goes on without it; None: it cannot be done without.
    pub fn skip_consequence(self) -> Option<&'static str> {
        match self {
            Self::CreateDestStore => Some(
                "There is no way back: what is written at the target is not carried to the source, and \
                 the switchover cannot be rolled back once the forward synchronization was stopped.",
            ),
            Self::ReachStopPosition => {
                Some("Changes that the target does not have yet stay at the source only.")
            }
            Self::ProcessObjects => {
                Some("Triggers, events and routines may be missing at the target.")
            }
            Self::ReachBackPosition => {
                Some("Changes that the source does not have yet stay at the target only.")
            }
            // of a roll-back
            Self::CreateReverseSync => Some(
                "Nothing more is carried to the source; REACH_BACK_POSITION says whether anything is \
                 missing there.",
            ),
            _ => None,
        }
    }
}

/// A sub-step as its row stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartView {
    /// Which.
    pub part: Part,
    /// Where it is.
    pub status: TaskStatus,
    /// It was not yet tried more often than it may be.
    pub retries_left: bool,
}

impl PartView {
    fn is_done(&self) -> bool {
        matches!(self.status, TaskStatus::Finished | TaskStatus::Skipped)
    }
}

/// The sub-steps of a way, in their order. `all`: every sub-step that has a row; a roll-back undoes what
/// they say was begun.
pub fn parts(way: Way, all: &[PartView]) -> Vec<Part> {
    match way {
        Way::Forward => FORWARD.to_vec(),
        Way::Back => back(all),
    }
}

fn back(all: &[PartView]) -> Vec<Part> {
    let view = |part: Part| all.iter().find(|view| view.part == part);
    let begun = |part| view(part).is_some_and(|v| v.status != TaskStatus::Pending || v.is_done());
    let skipped = |part| view(part).is_some_and(|v| v.status == TaskStatus::Skipped);
    let mut parts = Vec::new();
    let has_store = begun(Part::CreateDestStore) && !skipped(Part::CreateDestStore);
    if begun(Part::StopForwardSync) {
        parts.push(Part::CreateReverseSync);
        parts.push(Part::StopTargetWrites);
        parts.push(Part::ReachBackPosition);
        parts.push(Part::StopReverseSync);
        parts.push(Part::StartForwardSync);
    }
    if begun(Part::StopSourceWrites) {
        parts.push(Part::AllowSourceWrites);
    }
    if has_store {
        parts.push(Part::StopDestStore);
        parts.push(Part::CleanDestStore);
    }
    parts.push(Part::ForgetReverse);
    parts
}

/// Whether there is no roll-back from here, and why.
pub fn no_way_back(all: &[PartView]) -> Option<&'static str> {
    let status = |part: Part| all.iter().find(|v| v.part == part).map(|v| v.status);
    let stopped = status(Part::StopForwardSync).is_some_and(|s| s != TaskStatus::Pending);
    (stopped && status(Part::CreateDestStore) == Some(TaskStatus::Skipped)).then_some(
        "the Store of the way back was skipped and the forward synchronization was stopped: what the \
         application wrote at the target since is not known",
    )
}

/// The sub-step whose turn it is: the first that is not done, where it may run. `parts`: those of the
/// way, in order.
pub fn turn<'v>(parts: &[Part], all: &'v [PartView]) -> Option<&'v PartView> {
    let view = |part: &Part| all.iter().find(|view| view.part == *part);
    let first = parts.iter().filter_map(view).find(|view| !view.is_done())?;
    let may = match first.status {
        TaskStatus::Running => true,
        TaskStatus::Pending => first.retries_left,
        _ => false,
    };
    may.then_some(first)
}

/// Whether all are done.
pub fn is_over(parts: &[Part], all: &[PartView]) -> bool {
    let done = |part: &Part| all.iter().any(|v| v.part == *part && v.is_done());
    parts.iter().all(done)
}

/// What the Coordinator's sub-steps are about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct World {
    /// The Store of the way back, and what is wrong with it.
    pub store: Option<(ComponentView, Option<String>)>,
    /// The Incr-Sync of the way back, and what is wrong with it.
    pub reverse: Option<(ComponentView, Option<String>)>,
    /// The step of the way back.
    pub reverse_step: StepStatus,
    /// What follows the source: Incr-Sync, and Incr-Verification where there is one.
    pub forward: Vec<ComponentView>,
    /// The steps of those.
    pub forward_steps: Vec<StepStatus>,
    /// The way back was skipped with its Store.
    pub no_way_back: bool,
}

/// What is to be done about one of the Coordinator's sub-steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Do what it says.
    Act,
    /// It is done.
    Done,
    /// It does not apply.
    Skip,
    /// Look again later.
    Wait,
    /// It cannot be done, and why.
    Fail(String),
}

/// What is to be done about a sub-step of the Coordinator's. `begins`: it was `PENDING` just now, so what
/// failed before is tried again. `late`: it has waited as long as it may.
pub fn judge(part: Part, world: &World, begins: bool, late: bool) -> Verdict {
    let verdict = match part {
        Part::StartSwitch => Verdict::Done,
        Part::CreateDestStore => dest_store(world, begins),
        Part::CreateReverseSync if world.no_way_back => Verdict::Skip,
        Part::CreateReverseSync => reverse_sync(world, begins),
        Part::StopForwardSync => stop_forward(world),
        Part::StopReverseSync => match stopped(world.reverse.as_ref()) {
            // a step that follows would get a new component
            Verdict::Done if follows(world.reverse_step) => Verdict::Act,
            verdict => verdict,
        },
        Part::StopDestStore => stopped(world.store.as_ref()),
        Part::StartForwardSync => start_forward(world, begins),
        Part::ForgetReverse => match world.reverse_step {
            StepStatus::Init if world.store.is_none() && world.reverse.is_none() => Verdict::Done,
            _ => Verdict::Act,
        },
        _ => Verdict::Wait,
    };
    match verdict {
        Verdict::Wait if late => Verdict::Fail(in_vain(part, world)),
        verdict => verdict,
    }
}

fn in_vain(part: Part, world: &World) -> String {
    let say = |what: &str, found: &Option<(ComponentView, Option<String>)>| match found {
        None => format!("{what}: there is none"),
        Some((c, Some(error))) => format!("{what} {} is {}: {error}", c.id, c.status),
        Some((c, None)) => format!("{what} {} is {}, wanted {}", c.id, c.status, c.desired),
    };
    let seen = match part {
        Part::CreateDestStore | Part::StopDestStore => say("the Store", &world.store),
        Part::CreateReverseSync | Part::StopReverseSync => {
            format!(
                "{}; {}; the step is {}",
                say("the Store", &world.store),
                say("the Incr-Sync", &world.reverse),
                world.reverse_step
            )
        }
        _ => {
            let each = world.forward.iter();
            let each: Vec<String> = each.map(|c| format!("{} is {}", c.id, c.status)).collect();
            each.join(", ")
        }
    };
    format!("it was waited for in vain; {seen}")
}

fn dest_store(world: &World, begins: bool) -> Verdict {
    match &world.store {
        None => Verdict::Act,
        Some((store, _)) if store.desired == DesiredStatus::Stopped => Verdict::Act,
        Some((store, error)) => match store.status {
            ComponentStatus::Exception if begins => Verdict::Act,
            ComponentStatus::Exception => {
                Verdict::Fail(error.clone().unwrap_or_else(|| "it failed".to_owned()))
            }
            _ if serves(store) => Verdict::Done,
            _ => Verdict::Wait,
        },
    }
}

fn reverse_sync(world: &World, begins: bool) -> Verdict {
    let failed = |found: &Option<(ComponentView, Option<String>)>| {
        let (component, error) = found.as_ref()?;
        (component.status == ComponentStatus::Exception)
            .then(|| error.clone().unwrap_or_else(|| "it failed".to_owned()))
    };
    match world.reverse_step {
        StepStatus::Init | StepStatus::Finished => Verdict::Act,
        StepStatus::Failed if begins => Verdict::Act,
        StepStatus::Failed => {
            let why = failed(&world.store).or_else(|| failed(&world.reverse));
            Verdict::Fail(why.unwrap_or_else(|| "the step is FAILED".to_owned()))
        }
        StepStatus::Monitoring => match &world.reverse {
            Some((c, _)) if c.status == ComponentStatus::Running && c.ready => Verdict::Done,
            _ => Verdict::Wait,
        },
        StepStatus::Running | StepStatus::Suspend => Verdict::Wait,
    }
}

/// Nothing of it runs, and nothing will by itself.
fn rests(component: &ComponentView) -> bool {
    component.desired != DesiredStatus::Running
        && matches!(
            component.status,
            ComponentStatus::Paused | ComponentStatus::Stopped
        )
        || component.status == ComponentStatus::Finished
}

fn stop_forward(world: &World) -> Verdict {
    if world.forward.iter().any(|c| !c.held) {
        return Verdict::Act;
    }
    if !world.forward.iter().all(rests) {
        return Verdict::Wait;
    }
    match world
        .forward_steps
        .iter()
        .all(|s| *s == StepStatus::Finished)
    {
        true => Verdict::Done,
        false => Verdict::Act,
    }
}

fn start_forward(world: &World, begins: bool) -> Verdict {
    let held = world.forward.iter().any(|c| c.held);
    let failed = world.forward_steps.contains(&StepStatus::Failed);
    if held || world.forward_steps.contains(&StepStatus::Finished) || failed && begins {
        return Verdict::Act;
    }
    if failed {
        return Verdict::Fail("the step of the forward synchronization is FAILED".to_owned());
    }
    let follows = world
        .forward_steps
        .iter()
        .all(|s| *s == StepStatus::Monitoring)
        && world
            .forward
            .iter()
            .all(|c| c.ready && c.status == ComponentStatus::Running);
    match follows {
        true => Verdict::Done,
        false => Verdict::Wait,
    }
}

fn follows(step: StepStatus) -> bool {
    matches!(step, StepStatus::Running | StepStatus::Monitoring)
}

fn stopped(found: Option<&(ComponentView, Option<String>)>) -> Verdict {
    match found {
        None => Verdict::Done,
        Some((c, _)) if c.desired != DesiredStatus::Stopped => Verdict::Act,
        Some((c, _))
            if matches!(
                c.status,
                ComponentStatus::Stopped | ComponentStatus::Finished
            ) =>
        {
            Verdict::Done
        }
        Some(_) => Verdict::Wait,
    }
}

#[cfg(test)]
#[path = "switch_tests.rs"]
mod tests;
