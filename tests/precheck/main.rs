//! The pre-check on real servers: it finds what is wrong, says what to do, and touches nothing.

#[path = "../harness/mod.rs"]
mod harness;

mod fixture;
mod items;
mod refusals;
