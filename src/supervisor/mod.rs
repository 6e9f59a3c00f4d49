//! The Supervisor: runs the components that are assigned to this node.
//!
//! It compares what `oms_component` wants with the shells that it has, starts and ends works,
//! starts failed ones again with back-off, and reports progress and heartbeats. One per node.

mod actor;
mod host;
mod node;
mod policy;
mod slot;
pub mod works;

pub use actor::{StopAll, Supervise, Supervisor};
pub use host::Host;
pub use node::{EPOCH_STRIDE, Maker, Node};
