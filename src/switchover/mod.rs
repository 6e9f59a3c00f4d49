//! The component of the forward switchover and of its roll-back: it does those sub-steps that need a
//! server. It reads the sub-steps from the rows of `oms_task`, does the one whose turn it is if it is one of
//! its own, and waits while the Coordinator or a person is at work. `docs/switchover.md` says what each
//! sub-step checks and changes. It asks the pre-check, the Stores and the verification, so it stands above
//! the other components.

mod check;
mod clean;
mod objects;
mod reach;
mod rehearse;
mod rm;
mod work;

pub use check::CheckItem;
pub use clean::{clean_way_back, release_source};
pub use rehearse::{Rehearsal, RehearsedStep, rehearse};
pub use work::{AppSwitchWork, Ends, Side};
