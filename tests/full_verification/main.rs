//! The verification on real servers: planted differences of every kind in tables of every shape, a
//! source that lives while it is verified, and everything that may go wrong on the way.

#[path = "../harness/mod.rs"]
mod harness;

mod altered;
mod corrections;
mod failures;
mod fixture;
mod flavours;
mod incr;
mod limits;
mod live;
mod planted;
mod sums;
