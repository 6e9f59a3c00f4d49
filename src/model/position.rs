//! Where in a source's log something stands.
//!
//! A binlog has files and offsets. An OceanBase whose changes are captured has the order of its
//! commits instead: system change numbers (SCN), nanoseconds since 1970. An SCN is written as a
//! position too, its upper bits as the number of a file called `scn`, its lower bits as the offset,
//! so that [`Position::txn_id`] is the SCN itself and all that compares positions compares SCNs.

use super::ids::TxnId;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The name of the file that stands for an SCN.
const SCN_FILE: &str = "scn";

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
    /// The place in front of the transaction that committed at this SCN: those with a smaller SCN
    /// are before it. The time is the SCN's.
    pub fn of_scn(scn: u64) -> Self {
        let id = TxnId(scn);
        Self {
            file: format!("{SCN_FILE}.{}", id.file_no()),
            offset: id.offset(),
            gtid: None,
            time_ms: scn / 1_000_000,
        }
    }

    /// The SCN of which it is the place; None: it is a place in a binlog.
    pub fn scn(&self) -> Option<u64> {
        let is_scn = self.file.split('.').next() == Some(SCN_FILE);
        is_scn.then(|| self.txn_id().0)
    }

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
        if let Some(scn) = self.scn() {
            return write!(f, "SCN {scn}");
        }
        write!(f, "{}:{}", self.file, self.offset)?;
        match &self.gtid {
            Some(gtid) => write!(f, " ({gtid})"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_scn_is_a_position(scn in 0..u64::MAX, other in 0..u64::MAX) {
            let place = Position::of_scn(scn);
            prop_assert_eq!(place.scn(), Some(scn));
            prop_assert_eq!(place.txn_id(), TxnId(scn));
            let ordered = place.txn_id() < Position::of_scn(other).txn_id();
            prop_assert_eq!(ordered, scn < other);
        }
    }

    #[test]
    fn a_place_in_a_binlog_is_no_scn() {
        let mut place = Position::of_scn(1_795_300_396_064_470_012);
        assert_eq!(place.time_ms, 1_795_300_396_064);
        assert_eq!(place.to_string(), "SCN 1795300396064470012");
        place.file = "scnbin.000001".to_owned();
        assert_eq!(place.scn(), None);
    }
}
