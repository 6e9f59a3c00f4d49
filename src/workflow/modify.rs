//! What is next in a change of a project's objects: pure.
//!
//! Tables are added by a sub-project, which copies them, catches up and is then merged into its parent;
//! they are removed by a restart of the parent with fewer tables. `docs/objects.md` says why nothing is
//! lost or doubled. Every state of a change stands in rm, and what is decided here is done by steps
//! that can be repeated, so a leader that dies between two of them is followed by one that goes on.

use super::plan::is_running;
use entity::{ModifyStatus, ModifyType, ProjectStatus};

/// Whether a project's components wait, for this change and this attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    /// They do not.
    No,
    /// They have been told to.
    Told,
    /// None of them works.
    AtRest,
}

/// The last run of the sub-project's Incr-Sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drain {
    /// It was not told of.
    No,
    /// One of an earlier attempt, which says nothing any more.
    Stale,
    /// It was told of, or runs.
    Told,
    /// It is done.
    Done,
}

/// The project whose objects change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parent {
    /// Its state.
    pub status: ProjectStatus,
    /// It follows the source.
    pub follows: bool,
    /// Its components wait.
    pub held: Held,
    /// A sub-project could be merged into it now.
    pub ready: bool,
    /// The change is done: the tables that come are there, those that go are not.
    pub changed: bool,
}

/// The sub-project that brings tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Child {
    /// Its state.
    pub status: ProjectStatus,
    /// It has caught up, or come to its end.
    pub ready: bool,
    /// Its components wait.
    pub held: Held,
    /// The last run of its Incr-Sync.
    pub drain: Drain,
}

/// A change as it stands in rm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Whether tables come or go.
    pub kind: ModifyType,
    /// Where it is.
    pub status: ModifyStatus,
    /// The project.
    pub parent: Parent,
    /// The sub-project, where there is one.
    pub child: Option<Child>,
    /// The attempt to merge takes too long.
    pub overdue: bool,
    /// An attempt failed a moment ago.
    pub resting: bool,
}

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Begin: the record is `MODIFYING`.
    Begin,
    /// Make the sub-project and start it; the record is `RUNNING`.
    MakeChild,
    /// Pause the sub-project, as its parent is.
    PauseChild,
    /// Let the sub-project go on, as its parent does.
    ResumeChild,
    /// Begin a new attempt to merge: the record is `MERGING`.
    Merge,
    /// Let the parent's components wait.
    HoldParent,
    /// Let both projects' components wait.
    HoldBoth,
    /// Let the sub-project's components wait.
    HoldChild,
    /// Let the parent's components go on.
    ReleaseParent,
    /// Let the sub-project's components go on.
    ReleaseChild,
    /// Tell the sub-project's Incr-Sync that its next run is the last one, and let it go on.
    Drain,
    /// The last run counts for nothing: the sub-project's Incr-Sync follows again.
    Undrain,
    /// The parent has the tables from here on.
    Switch,
    /// The tables of the parent are gone from here on.
    Remove,
    /// Give up this attempt to merge; the record is `RUNNING`.
    Revoke,
    /// The sub-project is not needed any more: release it; the record is `SUCCESS`.
    Conclude,
    /// The record is `FAILED`, for the reason that the sub-project has, or the parent's end.
    Fail,
    /// Release the sub-project; the record is `TERMINATED`.
    Terminate,
}

/// Nothing of a project that is at its end changes any more.
fn has_ended(status: ProjectStatus) -> bool {
    matches!(
        status,
        ProjectStatus::Finished
            | ProjectStatus::Releasing
            | ProjectStatus::Released
            | ProjectStatus::Deleted
    )
}

/// What is next; `None`: to wait.
pub fn next(change: &Change) -> Option<Next> {
    let over = [
        ModifyStatus::Terminated,
        ModifyStatus::Success,
        ModifyStatus::Cancel,
    ];
    if over.contains(&change.status) {
        return None;
    }
    match change.kind {
        ModifyType::IncreaseObject => increase(change),
        ModifyType::DecreaseObject => decrease(change),
    }
}

fn increase(change: &Change) -> Option<Next> {
    let parent = &change.parent;
    // what is merged is merged, whatever becomes of the parent
    if change.status == ModifyStatus::Merging && parent.changed {
        return Some(Next::Conclude);
    }
    if has_ended(parent.status) {
        return Some(Next::Terminate);
    }
    match (change.status, &change.child) {
        (ModifyStatus::Pending, _) => is_running(parent.status).then_some(Next::Begin),
        (ModifyStatus::Modifying, _) | (ModifyStatus::Running, None) => {
            is_running(parent.status).then_some(Next::MakeChild)
        }
        (ModifyStatus::Running, Some(child)) => run(change, child),
        (ModifyStatus::Merging, Some(child)) => merge(change, child),
        (ModifyStatus::Merging, None) => Some(Next::Revoke),
        (ModifyStatus::Failed, _) if parent.held != Held::No => Some(Next::ReleaseParent),
        _ => None,
    }
}

/// The sub-project works beside its parent.
fn run(change: &Change, child: &Child) -> Option<Next> {
    let parent = &change.parent;
    if parent.held != Held::No {
        return Some(Next::ReleaseParent);
    }
    if child.drain != Drain::No {
        return match child.held {
            Held::No => Some(Next::HoldChild),
            Held::Told => None,
            Held::AtRest => Some(Next::Undrain),
        };
    }
    if child.held != Held::No {
        return Some(Next::ReleaseChild);
    }
    let runs = is_running(child.status);
    if child.status == ProjectStatus::Failed || has_ended(child.status) && !child.ready {
        return Some(Next::Fail);
    }
    if parent.status == ProjectStatus::Suspend {
        return runs.then_some(Next::PauseChild);
    }
    if child.status == ProjectStatus::Suspend {
        return Some(Next::ResumeChild);
    }
    let ready = is_running(parent.status) && parent.ready && child.ready && !change.resting;
    ready.then_some(Next::Merge)
}

/// Its tables become the parent's.
fn merge(change: &Change, child: &Child) -> Option<Next> {
    let parent = &change.parent;
    if !is_running(parent.status) {
        return Some(Next::Revoke);
    }
    if !parent.follows {
        return match parent.held {
            _ if !child.ready => Some(Next::Revoke),
            Held::No => Some(Next::HoldParent),
            Held::Told => None,
            Held::AtRest => Some(Next::Switch),
        };
    }
    if !is_running(child.status) || change.overdue {
        return Some(Next::Revoke);
    }
    if parent.held == Held::No {
        // a person let it go on: what the last run reached says nothing any more
        return Some(match child.drain {
            Drain::Told | Drain::Done => Next::Revoke,
            Drain::No | Drain::Stale => Next::HoldBoth,
        });
    }
    match (child.drain, child.held) {
        (Drain::Told, Held::No) => None,
        (Drain::Told, _) => Some(Next::ReleaseChild),
        (_, Held::No) => Some(Next::HoldChild),
        _ if parent.held != Held::AtRest || child.held != Held::AtRest => None,
        (Drain::Done, _) => Some(Next::Switch),
        (Drain::No | Drain::Stale, _) => Some(Next::Drain),
    }
}

fn decrease(change: &Change) -> Option<Next> {
    let parent = &change.parent;
    match change.status {
        ModifyStatus::Pending if has_ended(parent.status) => Some(Next::Fail),
        ModifyStatus::Pending => Some(Next::Begin),
        ModifyStatus::Modifying if parent.changed => Some(Next::Conclude),
        ModifyStatus::Modifying if has_ended(parent.status) => Some(Next::Fail),
        ModifyStatus::Modifying => match parent.held {
            Held::No => Some(Next::HoldParent),
            Held::Told => None,
            Held::AtRest => Some(Next::Remove),
        },
        _ => None,
    }
}

#[cfg(test)]
#[path = "modify_tests.rs"]
mod tests;
