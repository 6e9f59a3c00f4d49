//! Errors: what happened, to what, why, and what to do.
//!
//! Every error has a [`Kind`]. The kind gives the stable code (`STO-0002`), whether a retry can
//! help, and the remedy that is shown to the user; all of them stand in one table in
//! [`kind`], from which `docs/errors.md` is made.

mod kind;

pub use kind::{ALL_KINDS, Kind, Retry};

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// Result with our [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An error with a stable code.
///
/// `what` says what was attempted and on which object; `detail` what went wrong. Neither may
/// hold a secret or a row's values.
#[derive(Debug)]
pub struct Error {
    inner: Box<Inner>,
}

#[derive(Debug)]
struct Inner {
    kind: Kind,
    what: Cow<'static, str>,
    detail: Option<String>,
    remedy: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl Error {
    /// An error of this kind; `what` was attempted.
    pub fn new(kind: Kind, what: impl Into<Cow<'static, str>>) -> Self {
        Self {
            inner: Box::new(Inner {
                kind,
                what: what.into(),
                detail: None,
                remedy: None,
                source: None,
            }),
        }
    }

    /// Adds what went wrong.
    #[must_use]
    pub fn detail(mut self, detail: impl fmt::Display) -> Self {
        self.inner.detail = Some(detail.to_string());
        self
    }

    /// Replaces the kind's general remedy by one for this very case.
    #[must_use]
    pub fn remedy(mut self, remedy: impl fmt::Display) -> Self {
        self.inner.remedy = Some(remedy.to_string());
        self
    }

    /// Adds the error that caused this one; its text becomes the detail where none is set.
    #[must_use]
    pub fn caused_by(mut self, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        if self.inner.detail.is_none() {
            self.inner.detail = Some(chain(&source));
        }
        self.inner.source = Some(Box::new(source));
        self
    }

    /// The kind.
    pub fn kind(&self) -> Kind {
        self.inner.kind
    }

    /// Whether trying the same again can help.
    pub fn is_transient(&self) -> bool {
        self.inner.kind.retry() == Retry::Timed
    }

    /// What to do.
    pub fn remedy_text(&self) -> &str {
        match &self.inner.remedy {
            Some(remedy) => remedy,
            None => self.inner.kind.remedy(),
        }
    }

    /// The error as it is kept in `rm` and shown by `--output json`.
    pub fn report(&self) -> ErrorReport {
        ErrorReport {
            code: self.kind().code().to_owned(),
            message: self.to_string(),
            proposal: self.remedy_text().to_owned(),
            retryable: self.is_transient(),
        }
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.inner.what)?;
        match &self.inner.detail {
            Some(detail) => write!(f, ": {detail}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.inner.source.as_deref().map(|s| s as _)
    }
}

/// An error as data: kept in `rm`, shown by the API and `--output json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorReport {
    /// Stable code.
    pub code: String,
    /// What happened, to what, why.
    pub message: String,
    /// What to do.
    pub proposal: String,
    /// Whether trying again can help.
    pub retryable: bool,
}
