//! The shell around one component's work: Start, Pause, Resume, Stop, Observe.
//!
//! The shell owns at most one running work. A pause ends the work at its next safe point and a
//! resume makes a new one from what is kept, so a paused component holds no connection. A panic
//! inside the work is caught at the task's edge and becomes an error.

use super::exit::Exit;
use super::pace::Bell;
use super::work::{Assignment, Context, Finish, Progress, ProgressCell, Work};
use crate::error::{Error, Kind, Result};
use actix::prelude::{Actor, Addr, AsyncContext, Handler, Message, ResponseFuture};
use std::any::Any;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Makes a new work each time the component starts.
pub type WorkFactory = Box<dyn Fn() -> Result<Box<dyn Work>> + Send>;

/// How long a work may take to end after it was told to; then its task is dropped.
const GRACE: Duration = Duration::from_secs(20);

/// What a component is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShellState {
    /// Not started yet.
    Idle,
    /// Its work runs.
    Running,
    /// Told to pause; no work runs.
    Paused,
    /// Told to stop; no work runs, and none will.
    Stopped,
    /// Its work failed.
    Failed,
    /// Its work is done.
    Finished,
}

impl fmt::Display for ShellState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// An answer to [`Observe`].
#[derive(Debug)]
pub struct Observation {
    /// State.
    pub state: ShellState,
    /// Progress of the current work, or of the last one.
    pub progress: Progress,
    /// Why it failed: given out once, by the first look after the failure.
    pub error: Option<Error>,
}

/// Starts the work.
#[derive(Message)]
#[rtype(result = "Result<()>")]
pub struct Start;
/// Ends the work at its next safe point; answers when it has ended.
#[derive(Message)]
#[rtype(result = "Result<()>")]
pub struct Pause;
/// Goes on after a pause.
#[derive(Message)]
#[rtype(result = "Result<()>")]
pub struct Resume;
/// Ends the work for good; answers when it has ended.
#[derive(Message)]
#[rtype(result = "Result<()>")]
pub struct Stop;
/// Asks how it is.
#[derive(Message)]
#[rtype(result = "Result<Observation>")]
pub struct Observe;

/// The work ended; sent by the task to its own shell.
#[derive(Message)]
#[rtype(result = "()")]
struct Ended {
    run: u64,
    exit: Exit,
}

/// The running work's task.
struct Running {
    run: u64,
    cancel: CancellationToken,
    task: tokio::task::AbortHandle,
}

/// The actor around a component's work.
pub struct Shell {
    assignment: Assignment,
    factory: WorkFactory,
    state: ShellState,
    running: Option<Running>,
    runs: u64,
    progress: Arc<ProgressCell>,
    error: Option<Error>,
    /// Counts ends of works, for those who wait for one.
    ends: watch::Sender<u64>,
    bell: Bell,
}

impl Shell {
    /// A shell that makes its works with `factory`; rings when a work ends or reaches its goal.
    pub fn new(assignment: Assignment, factory: WorkFactory, bell: Bell) -> Self {
        Self {
            bell,
            assignment,
            factory,
            state: ShellState::Idle,
            running: None,
            runs: 0,
            progress: Arc::default(),
            error: None,
            ends: watch::channel(0).0,
        }
    }

    fn start(&mut self, me: Addr<Self>) -> Result<()> {
        if self.running.is_some() {
            return Ok(());
        }
        let work = (self.factory)().inspect_err(|_| self.state = ShellState::Failed)?;
        self.runs += 1;
        self.progress = Arc::new(ProgressCell::ringing(self.bell.clone()));
        self.error = None;
        let run = self.runs;
        let cancel = CancellationToken::new();
        let context = Context::new(
            self.assignment.clone(),
            cancel.clone(),
            self.progress.clone(),
        );
        // a strong address would keep a shell alive that nobody knows any more, and its work
        let me = me.downgrade();
        let task = tokio::spawn(async move {
            let exit = caught(work.run(context)).await;
            if let Some(me) = me.upgrade() {
                // a shell that stops just now needs no news
                let _ = me.send(Ended { run, exit }).await;
            }
        });
        self.running = Some(Running {
            run,
            cancel,
            task: task.abort_handle(),
        });
        self.state = ShellState::Running;
        Ok(())
    }

    /// Tells the work to end, and gives a future that completes when it has.
    fn end_work(&mut self, then: ShellState, me: Addr<Self>) -> ResponseFuture<Result<()>> {
        if !matches!(self.state, ShellState::Failed | ShellState::Finished)
            || then == ShellState::Stopped
        {
            self.state = then;
        }
        let Some(running) = &self.running else {
            return Box::pin(async { Ok(()) });
        };
        running.cancel.cancel();
        let (run, task) = (running.run, running.task.clone());
        let mut ends = self.ends.subscribe();
        Box::pin(async move {
            if tokio::time::timeout(GRACE, ends.wait_for(|&ended| ended >= run))
                .await
                .is_err()
            {
                task.abort();
                let _ = me
                    .send(Ended {
                        run,
                        exit: Exit::Killed,
                    })
                    .await;
            }
            Ok(())
        })
    }

    fn illegal(&self, what: &'static str) -> Error {
        Error::new(
            Kind::StateInvalid,
            format!("component {}", self.assignment.component),
        )
        .detail(format!("cannot {what} while it is {}", self.state))
    }
}

/// Runs a work to its end, whatever that is.
async fn caught(work: futures::future::BoxFuture<'static, Result<Finish>>) -> Exit {
    match futures::FutureExt::catch_unwind(AssertUnwindSafe(work)).await {
        Ok(result) => result.into(),
        Err(panic) => Exit::Panicked(panic_text(&*panic)),
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|s| (*s).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a text".to_owned())
}

impl Actor for Shell {
    type Context = actix::Context<Self>;

    fn stopped(&mut self, _: &mut Self::Context) {
        if let Some(running) = self.running.take() {
            running.cancel.cancel();
        }
    }
}

impl Handler<Start> for Shell {
    type Result = Result<()>;

    fn handle(&mut self, _: Start, ctx: &mut Self::Context) -> Result<()> {
        match self.state {
            ShellState::Idle | ShellState::Running => self.start(ctx.address()),
            _ => Err(self.illegal("start")),
        }
    }
}

impl Handler<Pause> for Shell {
    type Result = ResponseFuture<Result<()>>;

    fn handle(&mut self, _: Pause, ctx: &mut Self::Context) -> Self::Result {
        match self.state {
            ShellState::Stopped => {
                let error = self.illegal("pause");
                Box::pin(async { Err(error) })
            }
            _ => self.end_work(ShellState::Paused, ctx.address()),
        }
    }
}

impl Handler<Resume> for Shell {
    type Result = Result<()>;

    fn handle(&mut self, _: Resume, ctx: &mut Self::Context) -> Result<()> {
        match self.state {
            // a work that is still ending is left to end first
            ShellState::Paused if self.running.is_some() => Err(self.illegal("resume")),
            ShellState::Paused | ShellState::Running => self.start(ctx.address()),
            _ => Err(self.illegal("resume")),
        }
    }
}

impl Handler<Stop> for Shell {
    type Result = ResponseFuture<Result<()>>;

    fn handle(&mut self, _: Stop, ctx: &mut Self::Context) -> Self::Result {
        self.end_work(ShellState::Stopped, ctx.address())
    }
}

impl Handler<Observe> for Shell {
    type Result = Result<Observation>;

    fn handle(&mut self, _: Observe, _: &mut Self::Context) -> Result<Observation> {
        Ok(Observation {
            state: self.state,
            progress: self.progress.read(),
            error: self.error.take(),
        })
    }
}

impl Handler<Ended> for Shell {
    type Result = ();

    fn handle(&mut self, ended: Ended, _: &mut Self::Context) {
        if self.running.as_ref().is_none_or(|r| r.run != ended.run) {
            return;
        }
        self.running = None;
        match ended.exit {
            Exit::Done => self.state = ShellState::Finished,
            Exit::Cancelled | Exit::Killed => {
                // ended without having been told to: it can be started again
                if self.state == ShellState::Running {
                    self.state = ShellState::Idle;
                }
            }
            exit @ (Exit::Failed(_) | Exit::Panicked(_)) => {
                self.error = exit.into_error();
                if self.state == ShellState::Running {
                    self.state = ShellState::Failed;
                }
            }
        }
        self.ends.send_replace(ended.run);
        self.bell.ring();
    }
}
