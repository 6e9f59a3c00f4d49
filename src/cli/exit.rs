//! Exit codes: 0 equal, 1 differences, 2 bad input, 3 a step failed, 4 a person's word is waited for, 130
//! interrupted.

use super::migrate::run::End;
use super::migrate::summary::Summary;
use crate::error::{Error, Kind};

/// What the process ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitCode {
    /// Done; both sides are equal.
    Equal = 0,
    /// Done; differences were found.
    Differences = 1,
    /// Bad input.
    BadInput = 2,
    /// A step failed.
    StepFailed = 3,
    /// A person's word is waited for.
    Waits = 4,
    /// Interrupted.
    Interrupted = 130,
}

impl ExitCode {
    /// Of a run that came to an end.
    pub fn of(end: End, summary: &Summary) -> Self {
        match end {
            End::Interrupted => Self::Interrupted,
            End::Verified if summary.any_differences() => Self::Differences,
            End::Verified if summary.tables_unproved > 0 => Self::StepFailed,
            End::Verified => Self::Equal,
            End::Failed => {
                let text = |key: &str| {
                    summary
                        .error
                        .as_ref()
                        .and_then(|e| e.get(key))
                        .and_then(|v| v.as_str())
                        .unwrap_or_default()
                };
                // what the pre-check finds is input that was not right
                if text("failedStep") == "TRANSFER_PRECHECK" {
                    Self::BadInput
                } else {
                    Self::StepFailed
                }
            }
        }
    }

    /// Of an error before or outside the steps.
    pub fn of_error(error: &Error) -> Self {
        match error.kind() {
            Kind::Interrupted => Self::Interrupted,
            Kind::Internal | Kind::Fenced | Kind::RmFailed | Kind::Io | Kind::Panicked => {
                Self::StepFailed
            }
            _ => Self::BadInput,
        }
    }
}
