//! The runtime under the actors: actix's system on a multi-thread tokio runtime, so that the long
//! works never share a thread with the actors' messages.

use std::future::Future;
use std::io;

/// Runs `main` inside an actix system whose tokio runtime has many threads.
pub fn run<F: Future>(main: F) -> io::Result<F::Output> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("oms-worker")
        .build()?;
    // actix takes a function that makes the runtime, and calls it once
    let slot = std::sync::Mutex::new(Some(runtime));
    let system = actix::System::with_tokio_rt(move || {
        slot.lock()
            .ok()
            .and_then(|mut slot| slot.take())
            .unwrap_or_else(|| unreachable!("actix asks for its runtime once"))
    });
    Ok(system.block_on(main))
}

#[cfg(test)]
mod tests {
    #[test]
    fn spawned_tasks_run_beside_the_actors() {
        let apart = super::run(async {
            let here = std::thread::current().id();
            let there = tokio::spawn(async { std::thread::current().id() }).await;
            there.is_ok_and(|id| id != here)
        });
        assert!(apart.expect("a runtime"));
    }
}
