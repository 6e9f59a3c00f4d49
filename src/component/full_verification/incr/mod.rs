//! Incr-Verification: while Incr-Sync follows, what it applied is read back and compared with what
//! the log says.
//!
//! It reads the Store's log behind the target's watermark, keeps the last image of each row that
//! changed, and looks at the rows at the target, many at once. Nothing is read at the source unless
//! a row is suspect. [`ledger`] says why one look is enough; [`glance`] how a row at the target is
//! compared with the log's; [`judge`] what happens to a row that is suspect; [`work`] does it all,
//! with its own checkpoint, and gives way where Incr-Sync lags.
//!
//! ```text
//!  Store ─ log ─► ledger ─► look at the target ─┬─ the log's image ─────────────► checked
//!                   ▲                           └─ another one ─► the log explains it ─► checked
//!                   └── reads on ◄───────────────────┘        └─► suspect ─► judge ─► difference
//! ```
//!
//! A check is never dropped: the checkpoint stays in front of every row that is not settled, and
//! changes that cannot be verified (of a table without a key, say) are counted and named.

pub mod glance;
mod judge;
pub mod ledger;
mod ports;
mod results;
mod rm;
mod work;

pub use ports::{AppliedAtTarget, Extent, IncrLog, Standing};
pub use rm::{RmIncrLog, SUB_ID};
pub use work::IncrVerificationWork;
