//! Incr-Sync: follows the source's log and applies it to the target, in parallel and with an
//! exactly-once effect.
//!
//! ```text
//! log → scope → conflict matrix → lanes → target transaction = changes + progress row
//!                     ↑               │
//!                     └── window ◄────┘  watermark: everything up to here is applied
//! ```
//!
//! [`engine`] reads the log and dispatches; [`locks`] (with [`canon`] and [`layout`]) says what a
//! transaction claims, [`matrix`] who waits for whom; a [`lane`] applies batches, folded by
//! [`plan`], through a [`target`]; [`window`] knows how far all is; [`barrier`] passes DDL;
//! [`large`] transactions are read from the log twice. `docs/incr-sync.md` argues why the result is right.

mod apply_ddl;
mod barrier;
pub mod canon;
pub mod ddl;
mod engine;
mod extent;
mod fit;
mod join;
pub mod keyless;
pub mod lane;
mod large;
pub mod layout;
pub mod locks;
pub mod matrix;
mod mysql_keyless;
pub mod mysql_target;
pub mod plan;
mod reach;
pub mod render;
mod render_keyless;
mod rm;
mod settings;
mod stats;
pub mod target;
pub mod window;
mod work;

pub use crate::component::log_source::OpenLog;
pub use apply_ddl::MySqlDdl;
pub use ddl::{DdlApplier, DdlTaskState, DdlTasks};
pub use extent::ExtentReader;
pub use join::boundary;
pub use lane::Retry;
pub use mysql_target::MySqlTarget;
pub use reach::{Reach, Reached};
pub use rm::RmDdlTasks;
pub use settings::{MOST_CLAIMS, Settings};
pub use target::{Claim, Target};
pub use work::IncrSyncWork;

#[cfg(test)]
pub(crate) mod tests;
