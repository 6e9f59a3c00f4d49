//! Where in a source's log something stands.

use super::ids::TxnId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A place in a source's binlog, between two transactions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Binlog file name, for example `binlog.000003`.
    pub file: String,
    /// Offset in that file, bytes: transactions that begin before it are before this position,
    /// the one that begins here is the first behind it.
    pub offset: u64,
    /// What had been executed here, where the source has GTIDs: a MySQL GTID set
    /// (`uuid:1-77,…`), or a MariaDB position (`0-1-77,…`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gtid: Option<String>,
    /// Commit time of the last transaction before this position by the source's clock, in
    /// milliseconds since 1970; 0 where none is known.
    #[serde(default)]
    pub time_ms: u64,
}

impl Position {
    /// The number in the binlog file's name.
    pub fn file_no(&self) -> u64 {
        self.file
            .rsplit('.')
            .next()
            .and_then(|digits| digits.parse().ok())
            .unwrap_or(0)
    }

    /// The id of a transaction that begins exactly here: those before this position are less.
    pub fn txn_id(&self) -> TxnId {
        TxnId::from_file(self.file_no(), self.offset)
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.offset)?;
        match &self.gtid {
            Some(gtid) => write!(f, " ({gtid})"),
            None => Ok(()),
        }
    }
}
