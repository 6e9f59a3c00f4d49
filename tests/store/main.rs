//! The Store and its binlog reader on real servers.

#[path = "../harness/mod.rs"]
mod harness;

mod apart;
mod cases;
mod ddl;
mod follow;
mod large;
mod pull;
mod run;
mod types;
