//! The full copy on real servers.

#[path = "../harness/mod.rs"]
mod harness;

mod failures;
mod fixture;
mod keyless;
mod kills;
mod slices;
mod writes;
