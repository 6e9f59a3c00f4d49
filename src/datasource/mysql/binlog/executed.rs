//! What was executed up to a place in the log, in the source's own words.

use super::gtid::{Gtid, GtidSet, MariaGtidPos};
use crate::model::position::Position;

/// What was executed so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Executed {
    /// The source has no GTIDs, or none are used.
    Unknown,
    /// MySQL.
    MySql(GtidSet),
    /// MariaDB.
    MariaDb(MariaGtidPos),
}

impl Executed {
    /// From a position's text.
    pub fn of(position: &Position, mariadb: bool) -> Self {
        match &position.gtid {
            None => Self::Unknown,
            Some(text) if mariadb => MariaGtidPos::parse(text).map_or(Self::Unknown, Self::MariaDb),
            Some(text) => GtidSet::parse(text)
                .filter(|set| !set.has_tags())
                .map_or(Self::Unknown, Self::MySql),
        }
    }

    /// A transaction is over.
    pub(super) fn add(&mut self, identity: &Identity) {
        match (self, identity) {
            (Self::MySql(set), Identity::MySql(gtid)) => set.add(gtid),
            (
                Self::MariaDb(pos),
                Identity::MariaDb {
                    domain,
                    server,
                    sequence,
                },
            ) => pos.set(*domain, *server, *sequence),
            _ => {}
        }
    }

    /// As it stands in a position.
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Unknown => None,
            Self::MySql(set) => Some(set.to_string()),
            Self::MariaDb(pos) => Some(pos.to_string()),
        }
    }
}

/// A transaction's identity in the source's own words.
#[derive(Debug, PartialEq)]
pub(super) enum Identity {
    None,
    MySql(Gtid),
    MariaDb {
        domain: u32,
        server: u32,
        sequence: u64,
    },
}
