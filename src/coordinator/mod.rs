//! The Coordinator: turns projects into steps and components, by reconciling.
//!
//! It looks at the rows of each project, lets the pure [`crate::workflow`] decide, does what was
//! decided, and looks again. It keeps nothing between two looks and owns no data path.

mod act;
mod actor;
mod release;
mod sample;
mod steps;
mod view;

pub use act::Reconciler;
pub use actor::{Coordinator, Halt, Scope, Tick};
pub use steps::make_steps;
pub use view::Rows;
