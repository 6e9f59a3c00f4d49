//! Both directions of a project at once, on real servers: what `oms` writes never comes back, and what
//! an application writes always arrives, through kills of every work.
//!
//! `OMS_SEED=N` makes the same choices again; `OMS_KILLS=N` kills so often (default 16).

#![allow(
    clippy::print_stdout,
    reason = "a failed run is repeated with its seed"
)]

#[path = "../harness/mod.rs"]
mod harness;
#[path = "../schema/notebook.rs"]
#[allow(dead_code, reason = "the tests of schemas use the rest")]
mod notebook;

mod both;
mod chain;
mod ddl;
mod definitions;
mod link;
mod load;
mod marks;
mod reach;
mod readonly;
