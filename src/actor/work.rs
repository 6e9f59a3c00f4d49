//! The work inside a component, and the means with which it does it.
//!
//! A component is an actor (the shell) around one long task (the [`Work`]). The shell knows
//! Start, Pause, Resume, Stop and Observe; the work knows only its [`Context`]: it reports
//! progress, looks whether it shall end, and ends with a [`Finish`] or an error. Pausing ends the
//! work at its next safe point, resuming makes a new one, so each work must be able to go on from
//! what is kept in `rm`, at the target or on disk. A work must end soon (a second) after
//! [`Context::cancelled`], must never block an executor thread, and must be idempotent: the same
//! work may run again after it was killed at any instant.

use super::pace::Bell;
use crate::error::{Error, Result};
use crate::model::ids::{ComponentId, ProjectId, StepId};
use futures::future::BoxFuture;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio_util::sync::CancellationToken;

/// How a work ended when it did not fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finish {
    /// All is done.
    Done,
    /// It was told to end, and did so at a safe point.
    Cancelled,
}

/// The long work inside a component.
pub trait Work: Send {
    /// Works until all is done, until told to end, or until it fails.
    fn run(self: Box<Self>, context: Context) -> BoxFuture<'static, Result<Finish>>;
}

/// For whom a component works. The epoch is the generation of the assignment: writes with an
/// older one change nothing.
#[derive(Debug, Clone)]
pub struct Assignment {
    /// The component.
    pub component: ComponentId,
    /// Its project.
    pub project: ProjectId,
    /// Its step; also the `task_group` of the step's tasks.
    pub step: StepId,
    /// Generation.
    pub epoch: i64,
}

/// What the work is given: who it is, when to end, where to tell how far it is.
#[derive(Debug, Clone)]
pub struct Context {
    /// For whom it works.
    pub assignment: Assignment,
    cancel: CancellationToken,
    progress: Arc<ProgressCell>,
}

impl Context {
    /// A context; the shell keeps clones of `cancel` and `progress`.
    pub fn new(
        assignment: Assignment,
        cancel: CancellationToken,
        progress: Arc<ProgressCell>,
    ) -> Self {
        Self {
            assignment,
            cancel,
            progress,
        }
    }

    /// Whether the work shall end.
    pub fn is_cancelled(&self) -> bool {
        self.cancel.is_cancelled()
    }

    /// Completes when the work shall end.
    pub async fn cancelled(&self) {
        self.cancel.cancelled().await;
    }

    /// The token, to be handed to parts of the work.
    pub fn token(&self) -> &CancellationToken {
        &self.cancel
    }

    /// The progress.
    pub fn progress(&self) -> &Arc<ProgressCell> {
        &self.progress
    }

    /// An error where the work shall end; for use with `?` between two safe points, and turned
    /// into [`Finish::Cancelled`] by [`cancelled_is_fine`].
    pub fn check(&self) -> Result<()> {
        if self.is_cancelled() {
            return Err(Error::new(
                crate::error::Kind::Interrupted,
                "the work was told to end",
            ));
        }
        Ok(())
    }
}

/// Turns the error of [`Context::check`] into the finish that it stands for.
pub fn cancelled_is_fine(result: Result<Finish>) -> Result<Finish> {
    match result {
        Err(error) if error.kind() == crate::error::Kind::Interrupted => Ok(Finish::Cancelled),
        other => other,
    }
}

/// Live progress of a work: counters without locks, and a few texts.
#[derive(Debug, Default)]
pub struct ProgressCell {
    /// Moves with every sign of life; one that stands still says that the work is stuck.
    beat: AtomicU64,
    /// Units done (rows, items, changes).
    done: AtomicU64,
    /// Units in all, as far as known; 0: unknown.
    total: AtomicU64,
    /// Bytes done.
    bytes: AtomicU64,
    /// Lag behind the source in milliseconds plus 1; 0: unknown.
    lag: AtomicU64,
    /// Set once the component's own goal of being up to date was reached (a Store that pulls, an
    /// Incr-Sync that caught up).
    ready: std::sync::atomic::AtomicBool,
    detail: Mutex<serde_json::Map<String, serde_json::Value>>,
    /// Rung when the goal is reached or lost.
    bell: Option<Bell>,
}

/// A reading of a [`ProgressCell`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Progress {
    /// Sign of life.
    pub beat: u64,
    /// Units done.
    pub done: u64,
    /// Units in all; 0: unknown.
    pub total: u64,
    /// Bytes done.
    pub bytes: u64,
    /// Lag behind the source, milliseconds.
    pub lag_ms: Option<u64>,
    /// The component's goal is reached and kept.
    pub ready: bool,
    /// More, by component.
    pub detail: serde_json::Map<String, serde_json::Value>,
}

impl ProgressCell {
    /// A cell that rings when the goal is reached or lost.
    pub fn ringing(bell: Bell) -> Self {
        Self {
            bell: Some(bell),
            ..Self::default()
        }
    }

    /// A sign of life.
    pub fn beat(&self) {
        self.beat.fetch_add(1, Ordering::Relaxed);
    }

    /// More units and bytes are done.
    pub fn add(&self, done: u64, bytes: u64) {
        self.done.fetch_add(done, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.beat();
    }

    /// Sets what is done, for a work that goes on from a checkpoint.
    pub fn set_done(&self, done: u64, bytes: u64) {
        self.done.store(done, Ordering::Relaxed);
        self.bytes.store(bytes, Ordering::Relaxed);
        self.beat();
    }

    /// Sets the number of units in all.
    pub fn set_total(&self, total: u64) {
        self.total.store(total, Ordering::Relaxed);
    }

    /// Sets the lag.
    pub fn set_lag_ms(&self, lag_ms: u64) {
        self.lag.store(lag_ms.saturating_add(1), Ordering::Relaxed);
    }

    /// Says whether the goal is reached.
    pub fn set_ready(&self, ready: bool) {
        if self.ready.swap(ready, Ordering::AcqRel) != ready
            && let Some(bell) = &self.bell
        {
            bell.ring();
        }
    }

    /// Sets one of the component's own figures.
    pub fn set_detail(&self, key: &str, value: impl Into<serde_json::Value>) {
        self.detail.lock().insert(key.to_owned(), value.into());
    }

    /// A reading.
    pub fn read(&self) -> Progress {
        Progress {
            beat: self.beat.load(Ordering::Relaxed),
            done: self.done.load(Ordering::Relaxed),
            total: self.total.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            lag_ms: self.lag.load(Ordering::Relaxed).checked_sub(1),
            ready: self.ready.load(Ordering::Acquire),
            detail: self.detail.lock().clone(),
        }
    }
}
