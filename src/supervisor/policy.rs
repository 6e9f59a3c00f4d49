//! What to do about a failed work: pure.

use crate::error::{Kind, Retry};

/// Failures in a row, without progress between them, after which a person must look.
pub const MOST_FAILURES: u32 = 8;

/// What to do about a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Start a new work after the back-off's wait.
    Again,
    /// The component is `EXCEPTION`.
    GiveUp,
    /// A newer assignment works; this one says and writes nothing more.
    StepDown,
}

/// Judges the `failures`-th failure in a row (1 for the first).
pub fn verdict(kind: Kind, failures: u32) -> Verdict {
    match kind.retry() {
        _ if kind == Kind::Fenced => Verdict::StepDown,
        Retry::Timed if failures < MOST_FAILURES => Verdict::Again,
        Retry::Timed | Retry::Manual => Verdict::GiveUp,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_is_tried_again_in_bounds() {
        assert_eq!(verdict(Kind::ServerBusy, 1), Verdict::Again);
        assert_eq!(verdict(Kind::ServerBusy, MOST_FAILURES), Verdict::GiveUp);
        assert_eq!(verdict(Kind::AccessDenied, 1), Verdict::GiveUp);
        assert_eq!(verdict(Kind::Fenced, 1), Verdict::StepDown);
    }
}
