//! The rm database's errors in the project's table of codes.

use super::{MetaError, MetaErrorKind};
use crate::error::{Error, Kind};

impl From<MetaError> for Error {
    fn from(error: MetaError) -> Self {
        let kind = match error.kind() {
            MetaErrorKind::Unreachable => Kind::RmUnreachable,
            MetaErrorKind::Refused | MetaErrorKind::Other => Kind::RmFailed,
            MetaErrorKind::Conflict => Kind::Taken,
            MetaErrorKind::CorruptRow => Kind::RmCorrupt,
            MetaErrorKind::Fenced => Kind::Fenced,
            MetaErrorKind::NotFound => Kind::NotFound,
            MetaErrorKind::UnsupportedUrl => Kind::UrlInvalid,
        };
        Self::new(kind, "rm database").caused_by(error)
    }
}
