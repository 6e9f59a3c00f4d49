//! O&M tasks: what each is made of, and what happens next to one as it stands. Pure.
//!
//! An O&M task is a few sub-tasks for each component that it is about, one after the other; those of
//! different components do not wait for each other. A sub-task either does something once, and can do
//! it again, or waits until something is seen. One that fails stops those behind it until a person
//! retries or skips it.

use super::plan::ComponentView;
use super::steps::Goal;
use entity::{
    ComponentStatus, ComponentType, DesiredStatus, OmTaskStatus, OmTaskType, ProjectStatus,
    StepStatus, TaskStatus,
};

/// The kinds of sub-tasks, with the text that `oms_task.task_type` has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// Write the new settings into the project's row.
    UpdateConfig,
    /// Tell the component to pause, until a person starts it.
    PauseComponent,
    /// It is at rest.
    AwaitPaused,
    /// Tell the component to run.
    StartComponent,
    /// The step's component works, or is done.
    AwaitRunning,
    /// Give the step a new component.
    RemakeComponent,
    /// Tell the component to stop for good.
    StopComponent,
    /// It has ended.
    AwaitStopped,
    /// Delete its row.
    DeleteComponent,
}

const TEXTS: [(Part, &str); 9] = [
    (Part::UpdateConfig, "UPDATE_CONFIG"),
    (Part::PauseComponent, "PAUSE_COMPONENT"),
    (Part::AwaitPaused, "AWAIT_PAUSED"),
    (Part::StartComponent, "START_COMPONENT"),
    (Part::AwaitRunning, "AWAIT_RUNNING"),
    (Part::RemakeComponent, "REMAKE_COMPONENT"),
    (Part::StopComponent, "STOP_COMPONENT"),
    (Part::AwaitStopped, "AWAIT_STOPPED"),
    (Part::DeleteComponent, "DELETE_COMPONENT"),
];

impl Part {
    /// As `oms_task.task_type` says it.
    pub fn text(self) -> &'static str {
        TEXTS
            .iter()
            .find(|(part, _)| *part == self)
            .map_or("", |(_, text)| text)
    }

    /// The part that a text stands for.
    pub fn from_text(text: &str) -> Option<Self> {
        TEXTS
            .iter()
            .find(|(_, known)| *known == text)
            .map(|(part, _)| *part)
    }
}

/// The parts of an operation on one component, in their order. `restarts`: a change of settings that
/// counts from the component's next start.
pub fn parts(kind: OmTaskType, restarts: bool) -> &'static [Part] {
    use OmTaskType as K;
    match kind {
        K::StartComponent | K::ResumeComponent => &[Part::StartComponent, Part::AwaitRunning],
        K::PauseComponent => &[Part::PauseComponent, Part::AwaitPaused],
        K::RerunComponent | K::RepairStep => &[Part::RemakeComponent, Part::AwaitRunning],
        K::DeleteComponent => &[
            Part::StopComponent,
            Part::AwaitStopped,
            Part::DeleteComponent,
        ],
        K::UpdateStore | K::UpdateFullImport | K::UpdateIncrSync | K::UpdateFullVerification => {
            match restarts {
                true => &[
                    Part::UpdateConfig,
                    Part::PauseComponent,
                    Part::AwaitPaused,
                    Part::StartComponent,
                    Part::AwaitRunning,
                ],
                false => &[Part::UpdateConfig],
            }
        }
    }
}

/// What a sub-task is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct World {
    /// The project's state.
    pub project: ProjectStatus,
    /// The component that the task was made for.
    pub component: Option<ComponentView>,
    /// Its kind, or that of its step.
    pub kind: Option<ComponentType>,
    /// The component that its step has now, and what is wrong with it.
    pub current: Option<(ComponentView, Option<String>)>,
    /// The id of the component that the step had when a task was made that gives it another one.
    pub before: Option<String>,
    /// The switchover stopped the component.
    pub switched: bool,
    /// The step's state, and when it is done.
    pub step: Option<(StepStatus, Goal)>,
}

/// What is to be done about a sub-task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Do what it says.
    Act,
    /// It is done.
    Done,
    /// Look again later.
    Wait,
    /// It cannot be done, and why.
    Fail(String),
}

impl World {
    fn works(&self) -> Result<(), String> {
        match self.project {
            ProjectStatus::Running
            | ProjectStatus::RunningModifying
            | ProjectStatus::RunningMerging
            | ProjectStatus::Failed => Ok(()),
            other => Err(format!(
                "the project is {other}: its components run when it does (StartProject, ResumeProject)"
            )),
        }
    }

    /// Whether new settings make it start anew: it works, and nobody paused it.
    pub fn would_restart(&self) -> bool {
        let works = |c: &ComponentView| c.status != ComponentStatus::Finished && !c.held;
        self.works().is_ok() && self.component().is_ok_and(works)
    }

    fn is_current(&self) -> bool {
        match (&self.component, &self.current) {
            (Some(component), Some((current, _))) => component.id == current.id,
            _ => false,
        }
    }

    /// The component, if its step still has it.
    fn component(&self) -> Result<&ComponentView, String> {
        let Some(component) = &self.component else {
            return Err("the component is not there any more".to_owned());
        };
        match &self.current {
            _ if self.is_current() => Ok(component),
            Some((current, _)) => Err(format!("its step has another component: {}", current.id)),
            None => Err("its step has no component".to_owned()),
        }
    }
}

/// What is to be done about a sub-task, as the world is. `late`: it has waited as long as it may.
pub fn judge(part: Part, world: &World, late: bool) -> Verdict {
    let judged = match part {
        Part::UpdateConfig => update(world),
        Part::PauseComponent => pause(world),
        Part::AwaitPaused => Ok(at_rest(world, ComponentStatus::Paused)),
        Part::StartComponent => start(world),
        Part::AwaitRunning => running(world),
        Part::RemakeComponent => remake(world),
        Part::StopComponent => stop(world),
        Part::AwaitStopped => Ok(at_rest(world, ComponentStatus::Stopped)),
        Part::DeleteComponent => Ok(match world.component {
            Some(_) => Verdict::Act,
            None => Verdict::Done,
        }),
    };
    match judged {
        Ok(Verdict::Wait) if late => {
            let seen = world.current.as_ref().map(|(c, _)| c);
            let seen = seen.or(world.component.as_ref());
            let error = world.current.as_ref().and_then(|(_, error)| error.clone());
            Verdict::Fail(error.unwrap_or_else(|| match seen {
                None => "it was waited for in vain: the step has no component".to_owned(),
                Some(c) => format!(
                    "it was waited for in vain: {} is {}, wanted {}",
                    c.id, c.status, c.desired
                ),
            }))
        }
        Ok(verdict) => verdict,
        Err(why) => Verdict::Fail(why),
    }
}

fn update(world: &World) -> Result<Verdict, String> {
    match world.project {
        ProjectStatus::Releasing | ProjectStatus::Released | ProjectStatus::Deleted => {
            Err(format!("the project is {}", world.project))
        }
        _ => Ok(Verdict::Act),
    }
}

fn pause(world: &World) -> Result<Verdict, String> {
    world.works()?;
    match world.component()?.status {
        ComponentStatus::Finished => Ok(Verdict::Done),
        _ => Ok(Verdict::Act),
    }
}

fn start(world: &World) -> Result<Verdict, String> {
    world.works()?;
    if world.switched {
        return Err(
            "the forward switchover stopped it: RollBackAppSwitch lets it go on".to_owned(),
        );
    }
    match world.component()?.status {
        ComponentStatus::Finished => {
            Err("it is done; RerunComponent gives its step a new one".to_owned())
        }
        _ => Ok(Verdict::Act),
    }
}

fn running(world: &World) -> Result<Verdict, String> {
    let Some((current, error)) = &world.current else {
        return Ok(Verdict::Wait);
    };
    match current.status {
        // it failed, and is tried again
        ComponentStatus::Running if error.is_some() => Ok(Verdict::Wait),
        // a step that is to get a new one still has the one before
        _ if world.before.as_ref() == Some(&current.id) => Ok(Verdict::Wait),
        ComponentStatus::Running | ComponentStatus::Finished => Ok(Verdict::Done),
        ComponentStatus::Exception => Err(error.clone().unwrap_or_else(|| "it failed".to_owned())),
        _ => Ok(Verdict::Wait),
    }
}

fn remake(world: &World) -> Result<Verdict, String> {
    world.works()?;
    let now = world.current.as_ref().map(|(c, _)| &c.id);
    if now.is_some() && now != world.before.as_ref() {
        return Ok(Verdict::Done);
    }
    match (world.step, world.kind) {
        (None, _) => Err("it belongs to no step".to_owned()),
        (Some((StepStatus::Init, _)), _) => Err("its step has not begun".to_owned()),
        (Some((StepStatus::Finished, Goal::Finishes)), kind)
            if kind != Some(ComponentType::FullVerification) =>
        {
            Err(
                "its step is FINISHED: what it did is not done again, the target goes on from it"
                    .to_owned(),
            )
        }
        _ => Ok(Verdict::Act),
    }
}

fn stop(world: &World) -> Result<Verdict, String> {
    if world.component.is_none() {
        return Ok(Verdict::Done);
    }
    if world.is_current() && world.works().is_ok() && !is_done(world) {
        return Err("its project runs: pause the project first (StopProject)".to_owned());
    }
    Ok(Verdict::Act)
}

fn is_done(world: &World) -> bool {
    let finished = |c: &ComponentView| c.status == ComponentStatus::Finished;
    world.component.as_ref().is_some_and(finished)
}

/// Nothing of it runs, and it was told so.
fn at_rest(world: &World, wanted: ComponentStatus) -> Verdict {
    let Some(component) = &world.component else {
        return Verdict::Done;
    };
    let told = component.desired != DesiredStatus::Running;
    let rests = match component.status {
        ComponentStatus::Finished => true,
        ComponentStatus::Exception => told && wanted == ComponentStatus::Paused,
        ComponentStatus::Stopped => told,
        status => told && status == wanted,
    };
    match rests {
        true => Verdict::Done,
        false => Verdict::Wait,
    }
}

/// A sub-task as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartView {
    /// Those of one chain come one after the other.
    pub chain: String,
    /// Its place in the chain.
    pub order: u64,
    /// Where it is.
    pub status: TaskStatus,
    /// It was not yet tried more often than it may be.
    pub retries_left: bool,
}

/// The sub-tasks whose turn it is, by their places in `all`.
pub fn turns(all: &[PartView]) -> Vec<usize> {
    let done = |s: TaskStatus| matches!(s, TaskStatus::Finished | TaskStatus::Skipped);
    let first = |at: &usize| {
        let part = &all[*at];
        let earlier = |other: &PartView| {
            other.chain == part.chain && other.order < part.order && !done(other.status)
        };
        !all.iter().any(earlier)
    };
    let runs = |at: &usize| match all[*at].status {
        TaskStatus::Running => true,
        TaskStatus::Pending => all[*at].retries_left,
        _ => false,
    };
    (0..all.len()).filter(runs).filter(first).collect()
}

/// The state of a task whose sub-tasks are so.
pub fn status(all: &[PartView]) -> OmTaskStatus {
    let done = |p: &PartView| matches!(p.status, TaskStatus::Finished | TaskStatus::Skipped);
    if all.iter().all(done) {
        return OmTaskStatus::Successful;
    }
    if turns(all).is_empty() {
        return OmTaskStatus::Failed;
    }
    match all.iter().all(|p| p.status == TaskStatus::Pending) {
        true => OmTaskStatus::Ready,
        false => OmTaskStatus::InProgress,
    }
}

#[cfg(test)]
#[path = "om_tests.rs"]
mod tests;
