//! The shell under each message in each state, with works that end, fail, panic and hang.

use super::pace::Bell;
use super::shell::{Observe, Pause, Resume, Shell, ShellState, Start, Stop, WorkFactory};
use super::work::{Assignment, Context, Finish, Work};
use super::{Observation, system};
use crate::error::{Error, Kind, Result};
use actix::{Actor, Addr};
use futures::future::BoxFuture;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

#[derive(Clone, Copy)]
enum Behaviour {
    UntilTold,
    Done,
    Fails,
    Panics,
}

struct Toy {
    behaviour: Behaviour,
    alive: Arc<AtomicU32>,
}

struct Alive(Arc<AtomicU32>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Work for Toy {
    fn run(self: Box<Self>, context: Context) -> BoxFuture<'static, Result<Finish>> {
        Box::pin(async move {
            let before = self.alive.fetch_add(1, Ordering::SeqCst);
            let _alive = Alive(self.alive.clone());
            assert_eq!(before, 0, "two works of one component at once");
            context.progress().add(1, 10);
            match self.behaviour {
                Behaviour::UntilTold => {
                    context.cancelled().await;
                    Ok(Finish::Cancelled)
                }
                Behaviour::Done => Ok(Finish::Done),
                Behaviour::Fails => Err(Error::new(Kind::ServerBusy, "toy")),
                Behaviour::Panics => panic!("toy panic"),
            }
        })
    }
}

fn assignment() -> Assignment {
    Assignment {
        component: "c".into(),
        project: "np_x".into(),
        step: "s_x".into(),
        epoch: 1,
    }
}

fn shell(behaviour: Behaviour) -> Addr<Shell> {
    let alive = Arc::new(AtomicU32::new(0));
    let factory: WorkFactory = Box::new(move || {
        Ok(Box::new(Toy {
            behaviour,
            alive: alive.clone(),
        }))
    });
    Shell::new(assignment(), factory, Bell::default()).start()
}

async fn observe(shell: &Addr<Shell>) -> Observation {
    shell.send(Observe).await.expect("alive").expect("answers")
}

/// Observes until the state is the wanted one; fails with what was last seen.
async fn until(shell: &Addr<Shell>, state: ShellState) -> Observation {
    let mut last = observe(shell).await;
    for _ in 0..2000 {
        if last.state == state {
            return last;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        last = observe(shell).await;
    }
    panic!("waited for {state}, last seen {last:?}");
}

fn run(test: impl Future<Output = ()>) {
    system::run(test).expect("a runtime");
}

#[test]
fn runs_pauses_resumes_and_stops() {
    run(async {
        let shell = shell(Behaviour::UntilTold);
        assert_eq!(observe(&shell).await.state, ShellState::Idle);
        shell.send(Start).await.unwrap().unwrap();
        // a second start changes nothing
        shell.send(Start).await.unwrap().unwrap();
        until(&shell, ShellState::Running).await;
        shell.send(Pause).await.unwrap().unwrap();
        assert_eq!(observe(&shell).await.state, ShellState::Paused);
        assert!(shell.send(Start).await.unwrap().is_err());
        shell.send(Resume).await.unwrap().unwrap();
        until(&shell, ShellState::Running).await;
        shell.send(Stop).await.unwrap().unwrap();
        assert_eq!(observe(&shell).await.state, ShellState::Stopped);
        for refused in [
            shell.send(Start).await.unwrap(),
            shell.send(Resume).await.unwrap(),
        ] {
            assert_eq!(refused.unwrap_err().kind(), Kind::StateInvalid);
        }
        shell.send(Stop).await.unwrap().unwrap();
    });
}

#[test]
fn a_failure_is_told_once_and_not_repeated() {
    run(async {
        let shell = shell(Behaviour::Fails);
        shell.send(Start).await.unwrap().unwrap();
        let seen = until(&shell, ShellState::Failed).await;
        assert_eq!(seen.error.unwrap().kind(), Kind::ServerBusy);
        assert!(observe(&shell).await.error.is_none());
    });
}

#[test]
fn a_panic_is_an_error_with_a_code() {
    run(async {
        let shell = shell(Behaviour::Panics);
        shell.send(Start).await.unwrap().unwrap();
        let seen = until(&shell, ShellState::Failed).await;
        let error = seen.error.unwrap();
        assert_eq!(error.kind(), Kind::Panicked);
        assert!(error.to_string().contains("toy panic"));
    });
}

#[test]
fn what_is_finished_stays_finished_through_a_pause() {
    run(async {
        let shell = shell(Behaviour::Done);
        shell.send(Start).await.unwrap().unwrap();
        let seen = until(&shell, ShellState::Finished).await;
        assert_eq!((seen.progress.done, seen.progress.bytes), (1, 10));
        shell.send(Pause).await.unwrap().unwrap();
        assert_eq!(observe(&shell).await.state, ShellState::Finished);
        shell.send(Stop).await.unwrap().unwrap();
        assert_eq!(observe(&shell).await.state, ShellState::Stopped);
    });
}

#[test]
fn a_forgotten_shell_ends_its_work() {
    run(async {
        let alive = Arc::new(AtomicU32::new(0));
        let shared = alive.clone();
        let factory: WorkFactory = Box::new(move || {
            Ok(Box::new(Toy {
                behaviour: Behaviour::UntilTold,
                alive: shared.clone(),
            }))
        });
        let shell = Shell::new(assignment(), factory, Bell::default()).start();
        shell.send(Start).await.unwrap().unwrap();
        drop(shell);
        for _ in 0..2000 {
            if Arc::strong_count(&alive) == 1 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("the work outlives its shell");
    });
}
