//! The Coordinator: turns projects into steps and components, by reconciling.
//!
//! It looks at the rows of each project, lets the pure [`crate::workflow`] decide, does what was
//! decided, and looks again. It owns no data path, and what it keeps between two looks it can read
//! again: what the journal knows of each project, which tells a person's edit from its own writes and
//! gives a row of nonsense its last good value back.

mod act;
mod actor;
mod glance;
mod good;
mod known;
mod make;
mod manage;
mod merge;
mod modify;
mod om;
mod om_act;
mod om_world;
mod precheck;
mod release;
mod room;
mod sample;
mod settle;
mod steps;
mod switch;
mod switch_act;
#[cfg(test)]
mod tests;
mod view;

pub use act::Reconciler;
pub use actor::{Coordinator, Halt, Scope, Tick};
pub use om::Operation;
pub use precheck::{EndpointType, ItemStatus, PreCheck, StoredItem, removable};
pub use room::Places;
pub use steps::{make_steps, steps_of};
pub use switch::{SwitchOptions, SwitchState};

pub use crate::switchover::{CheckItem, Ends, RehearsedStep, rehearse};
pub use view::Rows;
