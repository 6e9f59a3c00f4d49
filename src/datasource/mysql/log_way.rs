//! How the changes of a server are read: from its binlog, or from OceanBase's Binlog Service.

use super::binlog::source::Source;
use super::endpoint::{Endpoint, Flavour};
use crate::error::Result;
use crate::model::position::Position;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Which of the ways is used for a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LogWay {
    /// The binlog of the server, or of the replica that its binlog address names.
    Binlog,
    /// OceanBase's Binlog Service, at the data source's binlog address.
    BinlogService,
    /// Not at all: an OceanBase without a Binlog Service.
    None,
}

impl LogWay {
    /// The way that is used for a server at this address.
    pub fn of(endpoint: &Endpoint, flavour: Flavour) -> Self {
        match (flavour, &endpoint.binlog) {
            (Flavour::OceanBase, Some(_)) => Self::BinlogService,
            (Flavour::OceanBase, None) => Self::None,
            (Flavour::MySql | Flavour::MariaDb, _) => Self::Binlog,
        }
    }
}

impl fmt::Display for LogWay {
    /// For people: `binlog`, `binlog service`, `nothing`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Binlog => "binlog",
            Self::BinlogService => "binlog service",
            Self::None => "nothing",
        })
    }
}

/// Sees whether the binlog address of a data source can be used, where it has one: that it answers,
/// and that it serves a log as it must be.
///
/// # Errors
/// As the address is not reached; `LogFormat` for the log.
pub async fn try_address(endpoint: &Endpoint) -> Result<()> {
    if endpoint.binlog.is_some() {
        Source::open(endpoint).await?.end().await?;
    }
    Ok(())
}

/// Where the log of a server ends now. What committed before this was asked is before it; where
/// the log is served elsewhere, only as far as it was served by then.
///
/// # Errors
/// As the server, or who serves its log, is not reached, or has no log.
pub async fn end(endpoint: &Endpoint) -> Result<Position> {
    Ok(Source::open(endpoint).await?.end().await?.position)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_decides() {
        let way = |url, flavour| LogWay::of(&Endpoint::parse(url).expect("valid"), flavour);
        let apart = "mysql://a@h?binlog-address=b:1";
        assert_eq!(way("mysql://a@h", Flavour::MySql), LogWay::Binlog);
        assert_eq!(way(apart, Flavour::MariaDb), LogWay::Binlog);
        assert_eq!(way("mysql://a@h", Flavour::OceanBase), LogWay::None);
        assert_eq!(way(apart, Flavour::OceanBase), LogWay::BinlogService);
    }
}
