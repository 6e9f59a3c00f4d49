//! What events mean, in the order of the log.

use super::decode::text::client_charset;
use super::table_map::TableMap;
use crate::model::ids::TxnId;
use std::borrow::Cow;

/// What the last event means.
#[derive(Debug, PartialEq)]
pub enum Step<'a> {
    /// Nothing.
    Nothing,
    /// The table that rows belong to.
    TableMap(TableMap<'a>),
    /// Rows: the body of an event of this type.
    Rows(u8),
    /// A savepoint was set.
    Savepoint(String),
    /// All since the savepoint is undone.
    RollbackTo(String),
    /// A statement that is neither rows nor transaction control.
    Statement(Sql<'a>),
    /// The transaction is committed, or `XA PREPARE`d.
    Commit {
        /// It waits for XA COMMIT: nothing of it counts yet.
        prepared: bool,
    },
    /// The transaction is undone.
    Rollback,
    /// The file ended inside a transaction (the source crashed): nothing of it counts.
    Aborted,
}

/// A statement.
#[derive(Debug, PartialEq)]
pub struct Sql<'a> {
    /// Id of the transaction that it stands in, or is.
    pub id: TxnId,
    /// Default database of the session.
    pub schema: Cow<'a, str>,
    /// The statement.
    pub text: Cow<'a, str>,
    /// It changes data, and should have been rows.
    pub is_data: bool,
    /// Why it could not be read, where it could not.
    pub problem: Option<String>,
    /// sql_mode has ANSI_QUOTES.
    pub ansi_quotes: bool,
    /// sql_mode has NO_BACKSLASH_ESCAPES.
    pub no_backslash_escapes: bool,
    /// The transaction, if there was one, is over with it.
    pub ends: bool,
}

/// A statement in UTF-8, and why it is not right where its character set is unknown.
pub(super) fn sql_text(raw: Cow<'_, [u8]>, charset: Option<u16>) -> (Cow<'_, str>, Option<String>) {
    let converted = charset.and_then(client_charset).and_then(|charset| {
        let mut out = Vec::with_capacity(raw.len());
        charset.to_utf8(&raw, &mut out).ok()?;
        String::from_utf8(out).ok()
    });
    match converted {
        Some(text) => (Cow::Owned(text), None),
        None => {
            let problem = match (charset, raw.is_ascii()) {
                (_, true) => None,
                (Some(number), _) => Some(format!(
                    "the statement's character set (collation {number}) is not supported"
                )),
                (None, _) => Some("the statement's character set is not known".to_owned()),
            };
            let text = match raw {
                Cow::Borrowed(raw) => String::from_utf8_lossy(raw),
                Cow::Owned(raw) => Cow::Owned(String::from_utf8_lossy(&raw).into_owned()),
            };
            (text, problem)
        }
    }
}
