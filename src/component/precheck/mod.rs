//! Pre-check: what must be right before anything is touched. It reads only, on both sides.
//!
//! [`gather`] reads facts from both servers into a plain struct ([`facts`]); [`judge`] turns them
//! into items by a table of pure functions, each PASSED, WARNING or FAILED, with what to do; the
//! work tells them to a [`PrecheckLog`] and fails where one failed. It can be run again any time.

mod facts;
mod gather;
mod item;
mod judge;
mod rm;
mod work;

pub use facts::Scope;
pub use item::{EndpointType, Item, ItemStatus, PrecheckLog, StoredItem};
pub use rm::{RmPrecheck, stored};
pub use work::PrecheckWork;
