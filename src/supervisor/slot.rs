//! One component on this node: its shell, its failures, what was reported of it.

use super::policy::{Verdict, verdict};
use crate::actor::pace::Bell;
use crate::actor::shell::{Observe, Start, Stop};
use crate::actor::{Backoff, Observation, Shell, ShellState};
use crate::error::{Error, ErrorReport, Kind, Result};
use crate::metadata::{ComponentStatus, Report};
use actix::Addr;
use std::time::{Duration, Instant};
use tokio::task::{JoinError, JoinHandle};

/// How often progress is written while nothing else changes.
const REPORT_EVERY: Duration = Duration::from_millis(500);
/// The same of one that has nothing to do but to say that it is there.
const REPORT_AT_REST: Duration = Duration::from_secs(2);

/// A component that runs here, or will again after a wait.
pub struct Slot {
    /// Generation of the assignment in `oms_component`.
    pub epoch: i64,
    shell: Option<Addr<Shell>>,
    /// A shell that was told to end, until it has.
    ending: Option<JoinHandle<Result<()>>>,
    backoff: Backoff,
    not_before: Instant,
    last_beat: u64,
    /// What it had done at the last report.
    done: u64,
    reported: Option<Instant>,
    was_ready: bool,
}

/// What a look at a slot asks for.
pub enum Next {
    /// Nothing to write.
    Nothing,
    /// Write this.
    Report(Report),
    /// Write this, which others are waiting for.
    News(Report),
    /// Write this, and forget the slot: the component is done or given up.
    Close(Report),
    /// Start a new work now.
    Start,
    /// Forget the slot without a word.
    Drop,
}

impl Slot {
    /// A slot whose component was just assigned with this generation.
    pub fn new(epoch: i64) -> Self {
        Self {
            epoch,
            shell: None,
            ending: None,
            backoff: Backoff::new(Duration::from_millis(200), Duration::from_secs(15)),
            not_before: Instant::now(),
            last_beat: 0,
            done: 0,
            reported: None,
            was_ready: false,
        }
    }

    /// Takes a new shell and starts it.
    pub async fn start(&mut self, shell: Addr<Shell>) -> Result<()> {
        self.last_beat = 0;
        self.reported = None;
        self.was_ready = false;
        self.shell = Some(shell.clone());
        ask(shell.send(Start).await)?
    }

    /// Tells the work to end at its next safe point, and rings when it has. False: it was told before,
    /// or there is none.
    pub fn begin_end(&mut self, bell: &Bell) -> bool {
        if let Some(shell) = self.shell.take() {
            let bell = bell.clone();
            self.ending = Some(tokio::spawn(async move {
                let ended = ask(shell.send(Stop).await);
                bell.ring();
                ended?
            }));
            return true;
        }
        false
    }

    /// Waits until then for the end that was begun; gives whether nothing works any more.
    pub async fn ended_by(&mut self, then: Instant) -> Result<bool> {
        let Some(ending) = &mut self.ending else {
            return Ok(self.shell.is_none());
        };
        match tokio::time::timeout_at(then.into(), ending).await {
            Ok(ended) => {
                self.ending = None;
                joined(ended).map(|()| true)
            }
            Err(_) => Ok(false),
        }
    }

    /// Ends the work at its next safe point, and waits for that.
    pub async fn stop(&mut self) -> Result<()> {
        if let Some(ending) = self.ending.take() {
            joined(ending.await)?;
        }
        match self.shell.take() {
            Some(shell) => ask(shell.send(Stop).await)?,
            None => Ok(()),
        }
    }

    /// Looks at the shell.
    pub async fn look(&mut self) -> Next {
        // wanted again while it still ends
        match self.ended_by(Instant::now()).await {
            Ok(false) if self.shell.is_none() => return Next::Nothing,
            Ok(_) => {}
            Err(error) => return self.failed(&error, None),
        }
        let Some(shell) = self.shell.clone() else {
            return if Instant::now() >= self.not_before {
                Next::Start
            } else {
                Next::Nothing
            };
        };
        match shell.send(Observe).await {
            Ok(Ok(seen)) => self.judge(seen),
            Ok(Err(error)) => self.failed(&error, None),
            Err(dead) => self.failed(
                &Error::new(Kind::Unresponsive, "a component's shell").detail(dead),
                None,
            ),
        }
    }

    fn judge(&mut self, seen: Observation) -> Next {
        let progress = serde_json::to_value(&seen.progress).ok();
        let ready = seen.progress.ready;
        // a failure after progress is a new story; a single beat is made by starting alone
        if seen.progress.beat > self.last_beat.max(50) {
            self.backoff.reset();
        }
        self.last_beat = seen.progress.beat;
        let checkpoint = seen.progress.detail.get("checkpoint").cloned();
        let report = Report {
            progress,
            checkpoint,
            ..Report::default()
        };
        match seen.state {
            ShellState::Running => {
                let turned = std::mem::replace(&mut self.was_ready, ready) != ready;
                let pause = match seen.progress.done == self.done && ready {
                    true => REPORT_AT_REST,
                    false => REPORT_EVERY,
                };
                if !turned && self.reported.is_some_and(|at| at.elapsed() < pause) {
                    return Next::Nothing;
                }
                self.done = seen.progress.done;
                self.reported = Some(Instant::now());
                let report = Report {
                    status: Some(ComponentStatus::Running),
                    ..report
                };
                match turned {
                    true => Next::News(report),
                    false => Next::Report(report),
                }
            }
            ShellState::Finished => Next::Close(Report {
                status: Some(ComponentStatus::Finished),
                error: Some(None),
                ..report
            }),
            ShellState::Failed => {
                let error = seen.error.unwrap_or_else(|| {
                    Error::new(Kind::Internal, "a component failed without an error")
                });
                self.failed(&error, report.progress)
            }
            // ended without having been told to
            ShellState::Idle => {
                self.shell = None;
                Next::Start
            }
            ShellState::Paused | ShellState::Stopped => Next::Nothing,
        }
    }

    /// Counts a failure and says what follows. Also for works that could not even be made.
    pub fn failed(&mut self, error: &Error, progress: Option<serde_json::Value>) -> Next {
        self.shell = None;
        let report = Report {
            progress,
            attempt: Some(i32::try_from(self.backoff.attempt() + 1).unwrap_or(i32::MAX)),
            error: Some(serde_json::to_value(failed_at(error)).ok()),
            ..Report::default()
        };
        let judged = verdict(error.kind(), self.backoff.attempt() + 1);
        tracing::warn!(code = error.kind().code(), %error, verdict = ?judged, "a component failed");
        match judged {
            Verdict::Again => {
                self.not_before = Instant::now() + self.backoff.next_wait();
                Next::Report(report)
            }
            Verdict::GiveUp => Next::Close(Report {
                status: Some(ComponentStatus::Exception),
                ..report
            }),
            Verdict::StepDown => Next::Drop,
        }
    }
}

fn failed_at(error: &Error) -> ErrorReport {
    error.report()
}

fn joined(ended: std::result::Result<Result<()>, JoinError>) -> Result<()> {
    ended.map_err(|e| Error::new(Kind::Panicked, "ending a component").caused_by(e))?
}

fn ask<T>(answer: std::result::Result<T, actix::MailboxError>) -> Result<T> {
    answer.map_err(|e| Error::new(Kind::Unresponsive, "a component's shell").detail(e))
}
