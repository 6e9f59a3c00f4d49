//! Our thin layer over actix.
//!
//! Actors here are shells: they keep state, answer messages and decide. Long work is a tokio task
//! on the multi-thread runtime, whose end comes back to its actor as a message ([`shell`]).
//! Restarts are ours: a new object, after a [`backoff`], with an attempt number. `do_send` is not
//! used between actors, because its queue has no limit.

pub mod backoff;
pub mod exit;
pub mod pace;
pub mod shell;
#[cfg(test)]
mod shell_tests;
pub mod system;
pub mod work;

pub use backoff::Backoff;
pub use exit::Exit;
pub use shell::{Observation, Shell, ShellState};
