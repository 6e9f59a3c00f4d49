//! `oms migrate` as its users run it: the built binary between real servers.

#[path = "../harness/mod.rs"]
mod harness;

mod ddl;
mod disk;
mod equal;
mod incr_verify;
mod matrix;
mod output;
mod read_only;
mod refused;
mod restarts;
mod secrets;
mod stuck;
mod throttle;
mod verify;
