//! Full-Verification proves that both sides are equal while the source lives and Incr-Sync follows.
//!
//! Every column of every row is compared, in both directions: what is missing at the target
//! (`MASTER_ONLY`), what only the target has (`IMAGE_ONLY`), what has other values (`MISMATCHED`).
//! [`plan`] chooses the way for each table: [`merge`] where both sides sort the key alike,
//! [`lookup`] where the key is text, [`keyless`] where there is no key. Rows are streamed, a few in
//! memory at a time; [`canon`] says when two cells are equal. What looks different is in flight
//! more often than not: [`review`] looks again before anything is called a difference. Differences
//! and correction SQL go to files ([`files`]) and to the [`VerifyLog`]; on request the target is
//! corrected ([`correct`]).
//!
//! ```text
//!  Work ── table ──┬─ slices ─ merge | lookup ─┐
//!                  └─ keyless ─────────────────┴─ suspects ─ review ─ report ─ correct
//! ```
//!
//! [`incr`] verifies what Incr-Sync applies, all the time, by the log.
//!
//! Whatever goes wrong on the way, a table that was not compared is never called equal: its result
//! is `RUNTIME_EXCEPTION`.

pub mod canon;
mod correct;
mod definition;
mod files;
mod gauge;
mod incr;
mod keyed;
mod keyless;
mod keyless_report;
mod lookup;
mod merge;
mod order;
pub mod outcome;
mod plan;
pub mod ports;
mod progressed;
mod report;
mod retry;
mod review;
mod rm;
mod shared;
mod sides;
mod slices;
mod statement;
mod sums;
mod table_run;
mod tally;
mod work;
mod writer;

pub use incr::{
    AppliedAtTarget, Extent, IncrLog, IncrVerificationWork, RmIncrLog, SUB_ID as INCR_SUB_ID,
    Standing,
};
pub use outcome::{Counts, DiffKind, Difference, ResultType, TableOutcome};
pub use ports::{NobodyTells, Passed, Progressed, TablePair, TableProvider, VerifyLog};
pub use progressed::RmProgressed;
pub use rm::RmVerifyLog;
pub use work::FullVerificationWork;
