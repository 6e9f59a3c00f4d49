//! Why a command failed: an error of this process, or one that a server's API answered with.
//!
//! A server may be newer than this program and know codes that it does not; so what is printed is the
//! report (code, message, remedy), and the exit code stands beside it.

use super::exit::ExitCode;
use crate::error::{Error, ErrorReport};

/// What a command gives.
pub type Outcome<T = ExitCode> = Result<T, Failure>;

/// An error as it is shown, and what the process ends with.
#[derive(Debug)]
pub struct Failure {
    /// Code, message, remedy.
    pub report: Box<ErrorReport>,
    /// The exit code.
    pub exit: ExitCode,
}

impl Failure {
    /// A report with its exit code.
    pub fn new(report: ErrorReport, exit: ExitCode) -> Self {
        Self {
            report: Box::new(report),
            exit,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(error.report(), ExitCode::of_error(&error))
    }
}
