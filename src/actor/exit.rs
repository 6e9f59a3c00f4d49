//! How a work ended.

use super::work::Finish;
use crate::error::{Error, Kind};

/// The end of a work, as its shell sees it.
#[derive(Debug)]
pub enum Exit {
    /// All is done.
    Done,
    /// It was told to end, and ended at a safe point.
    Cancelled,
    /// It was told to end and did not within the grace period, so its task was dropped.
    Killed,
    /// It failed.
    Failed(Error),
    /// It panicked; the text is the panic's.
    Panicked(String),
}

impl Exit {
    /// The error that this exit stands for, if it is one.
    pub fn into_error(self) -> Option<Error> {
        match self {
            Self::Done | Self::Cancelled | Self::Killed => None,
            Self::Failed(error) => Some(error),
            Self::Panicked(text) => {
                Some(Error::new(Kind::Panicked, "a component panicked").detail(text))
            }
        }
    }
}

impl From<Result<Finish, Error>> for Exit {
    fn from(result: Result<Finish, Error>) -> Self {
        match result {
            Ok(Finish::Done) => Self::Done,
            Ok(Finish::Cancelled) => Self::Cancelled,
            Err(error) if error.kind() == Kind::Interrupted => Self::Cancelled,
            Err(error) => Self::Failed(error),
        }
    }
}
