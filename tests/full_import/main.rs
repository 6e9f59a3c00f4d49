//! The full copy on real servers.

#[path = "../harness/mod.rs"]
mod harness;

mod altered;
mod failures;
mod fixture;
mod keyless;
mod kills;
mod logins;
mod slices;
mod writes;
