//! The states of a step, as one table: every pair that is not in it is illegal.

use entity::StepStatus;
use std::fmt;

/// What happened to a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepEvent {
    /// Its turn came.
    Start,
    /// Its component failed for good.
    Fail,
    /// All is done.
    Finish,
    /// It reached its steady state: the target follows the source.
    CatchUp,
    /// The project was paused.
    Suspend,
    /// The project goes on.
    Resume,
    /// A person wants it to run again, by command or by SQL.
    Retry,
    /// What it found counts no more.
    Forget,
    /// What it is about changed: it is to be done once more, from its beginning.
    Anew,
}

/// A pair of state and event that must not meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IllegalTransition {
    /// The state.
    pub from: StepStatus,
    /// The event.
    pub event: StepEvent,
}

impl fmt::Display for IllegalTransition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a step that is {} cannot {:?}", self.from, self.event)
    }
}

/// The state after an event.
pub fn next(from: StepStatus, event: StepEvent) -> Result<StepStatus, IllegalTransition> {
    use StepEvent as E;
    use StepStatus as S;
    match (from, event) {
        (S::Init, E::Start) => Ok(S::Running),
        (S::Init, E::Suspend | E::Resume) => Ok(S::Init),
        (S::Running, E::Fail) => Ok(S::Failed),
        // what follows is done when the switchover stops it
        (S::Running | S::Monitoring, E::Finish) => Ok(S::Finished),
        // a switchover that was rolled back lets it go on; a task of one is done once more
        (S::Finished, E::Resume) => Ok(S::Running),
        (S::Running, E::CatchUp) => Ok(S::Monitoring),
        (S::Running | S::Monitoring, E::Suspend) => Ok(S::Suspend),
        (S::Suspend, E::Resume) => Ok(S::Running),
        (S::Suspend, E::Suspend) => Ok(S::Suspend),
        (S::Failed, E::Retry) => Ok(S::Running),
        // a Store or an Incr-Sync goes on after its step was done, and may fail then
        (S::Monitoring | S::Finished, E::Fail) => Ok(S::Failed),
        // a verification may be asked for again
        (S::Finished, E::Retry) => Ok(S::Init),
        // a pre-check of what is something else by now
        (S::Finished | S::Failed, E::Forget) => Ok(S::Init),
        (S::Init, E::Forget) => Ok(S::Init),
        (S::Running | S::Finished | S::Suspend, E::Anew) => Ok(S::Init),
        (from, event) => Err(IllegalTransition { from, event }),
    }
}
