//! The Store and its binlog reader on real servers.

#[path = "../harness/mod.rs"]
mod harness;

mod follow;
mod pull;
mod run;
mod types;
