//! What can go wrong with the rm database, as values.

use std::{error::Error as StdError, fmt, sync::Arc};

use sea_orm::DbErr;

use super::retry::{self, Class};

/// A cell of the rm database that cannot be understood, most often after an edit by hand.
///
/// It is a finding about a row, not a failure of the database: the other rows are fine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RowProblem {
    /// The table.
    pub table: &'static str,
    /// The row's primary key; parts of a composite key are joined with `/`.
    pub id: String,
    /// The column; `?` when the database does not say.
    pub column: String,
    /// What stands there, cut to a length that fits on a line.
    pub found: String,
    /// Why it cannot be used, and what is allowed.
    pub why: String,
}

impl fmt::Display for RowProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} row '{}': {} = '{}' {}",
            self.table, self.id, self.column, self.found, self.why
        )
    }
}

/// An error of the rm database.
#[derive(Clone, Debug)]
pub enum MetaError {
    /// The database cannot be reached, or the connection was lost and did not come back in time.
    /// The outcome of a write is unknown: read again.
    Unreachable {
        /// What was being done.
        what: &'static str,
        /// What the driver said.
        detail: String,
    },
    /// The database does not let us in, or does not let us do this.
    Refused {
        /// What was being done.
        what: &'static str,
        /// What the server said.
        detail: String,
    },
    /// A row cannot be understood.
    CorruptRow(RowProblem),
    /// Something else with this name or key is there, or somebody else changed the row again and
    /// again.
    Conflict {
        /// What stood in the way.
        what: String,
    },
    /// A newer epoch wrote the row: the caller is no longer in charge and must end itself.
    Fenced {
        /// The table.
        table: &'static str,
        /// The row.
        id: String,
        /// The epoch of the row.
        found: i64,
        /// The caller's.
        ours: i64,
    },
    /// There is no such row.
    NotFound {
        /// The table.
        table: &'static str,
        /// The row.
        id: String,
    },
    /// The URL names a kind of database that cannot hold rm, or is malformed.
    UnsupportedUrl {
        /// What is wrong; never the URL itself, it can hold a password.
        detail: String,
    },
    /// Anything else: a full disk, a broken file, a bug.
    Other {
        /// What was being done.
        what: &'static str,
        /// The driver's error.
        source: Arc<dyn StdError + Send + Sync>,
    },
}

/// The kinds of [`MetaError`], for the table of error codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MetaErrorKind {
    /// See [`MetaError::Unreachable`].
    Unreachable,
    /// See [`MetaError::Refused`].
    Refused,
    /// See [`MetaError::CorruptRow`].
    CorruptRow,
    /// See [`MetaError::Conflict`].
    Conflict,
    /// See [`MetaError::Fenced`].
    Fenced,
    /// See [`MetaError::NotFound`].
    NotFound,
    /// See [`MetaError::UnsupportedUrl`].
    UnsupportedUrl,
    /// See [`MetaError::Other`].
    Other,
}

impl MetaError {
    /// The kind, without its data.
    pub fn kind(&self) -> MetaErrorKind {
        match self {
            Self::Unreachable { .. } => MetaErrorKind::Unreachable,
            Self::Refused { .. } => MetaErrorKind::Refused,
            Self::CorruptRow(_) => MetaErrorKind::CorruptRow,
            Self::Conflict { .. } => MetaErrorKind::Conflict,
            Self::Fenced { .. } => MetaErrorKind::Fenced,
            Self::NotFound { .. } => MetaErrorKind::NotFound,
            Self::UnsupportedUrl { .. } => MetaErrorKind::UnsupportedUrl,
            Self::Other { .. } => MetaErrorKind::Other,
        }
    }

    pub(super) fn not_found(table: &'static str, id: impl Into<String>) -> Self {
        let id = id.into();
        Self::NotFound { table, id }
    }

    pub(super) fn from_db(what: &'static str, error: DbErr) -> Self {
        match retry::class(&error) {
            Class::Busy | Class::Lost => Self::Unreachable {
                what,
                detail: error.to_string(),
            },
            Class::Refused => Self::Refused {
                what,
                detail: error.to_string(),
            },
            Class::Duplicate => Self::Conflict {
                what: format!("{what}: {error}"),
            },
            Class::Other => Self::Other {
                what,
                source: Arc::new(error),
            },
        }
    }
}

impl fmt::Display for MetaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable { what, detail } => {
                write!(f, "rm database not reachable ({what}): {detail}")
            }
            Self::Refused { what, detail } => {
                write!(f, "rm database refuses ({what}): {detail}")
            }
            Self::CorruptRow(problem) => problem.fmt(f),
            Self::Conflict { what } => write!(f, "conflict in the rm database: {what}"),
            Self::Fenced {
                table,
                id,
                found,
                ours,
            } => write!(
                f,
                "{table} row '{id}' belongs to epoch {found}, newer than ours ({ours})"
            ),
            Self::NotFound { table, id } => write!(f, "no row '{id}' in {table}"),
            Self::UnsupportedUrl { detail } => write!(f, "rm database URL: {detail}"),
            Self::Other { what, source } => write!(f, "rm database failed ({what}): {source}"),
        }
    }
}

impl StdError for MetaError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Other { source, .. } => Some(source.as_ref()),
            _ => None,
        }
    }
}

impl From<RowProblem> for MetaError {
    fn from(problem: RowProblem) -> Self {
        Self::CorruptRow(problem)
    }
}
