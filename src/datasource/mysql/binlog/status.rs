//! What the source says about its log: where it ends, how it is written, whose it is.

use super::super::connect::{Server, Session};
use super::super::connection::Connection;
use super::super::endpoint::Flavour;
use super::super::literal::quoted;
use super::super::settings::Settings;
use crate::error::{Error, Kind, Result};
use crate::model::position::Position;
use mysql_async::Row;
use std::collections::HashMap;

/// The end of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEnd {
    /// The position, with what was executed.
    pub position: Position,
    /// Databases to which the log is restricted (`binlog_do_db`); empty: all.
    pub only: Vec<String>,
    /// Databases that are left out of the log (`binlog_ignore_db`).
    pub without: Vec<String>,
}

/// What the server says about the end of its log, without the time; None: it writes no log.
///
/// # Errors
/// As the server refuses it, for example for want of REPLICATION CLIENT.
pub async fn written(
    conn: &mut Connection,
    server: &Server,
    what: &impl Fn() -> String,
) -> Result<Option<LogEnd>> {
    // the old name is gone since 8.4
    let statement = match (server.flavour, server.version_numbers()) {
        (Flavour::MySql, version) if version >= (8, 2, 0) => "SHOW BINARY LOG STATUS",
        _ => "SHOW MASTER STATUS",
    };
    let row: Option<Row> = conn.first(what(), statement).await?;
    let Some(row) = row else {
        return Ok(None);
    };
    let text = |at: usize| {
        row.get_opt::<String, _>(at)
            .and_then(std::result::Result::ok)
    };
    let offset = row.get_opt::<u64, _>(1).and_then(std::result::Result::ok);
    let (Some(file), Some(offset)) = (text(0), offset) else {
        return Err(Error::new(Kind::StatementFailed, what()).detail("the answer has no position"));
    };
    let names = |at: usize| -> Vec<String> {
        text(at)
            .unwrap_or_default()
            .split(',')
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .collect()
    };
    let (only, without) = (names(2), names(3));
    let gtid = match server.flavour {
        Flavour::MariaDb => mariadb_gtid(conn, &file, offset, what).await?,
        _ => text(4)
            .map(|set| set.replace(['\n', ' '], ""))
            .filter(|set| !set.is_empty()),
    };
    Ok(Some(LogEnd {
        position: Position {
            file,
            offset,
            gtid,
            time_ms: 0,
        },
        only,
        without,
    }))
}

/// MariaDB's GTIDs for a place in its log.
///
/// # Errors
/// As the server refuses it.
pub async fn mariadb_gtid(
    conn: &mut Connection,
    file: &str,
    offset: u64,
    what: &impl Fn() -> String,
) -> Result<Option<String>> {
    let sql = format!("SELECT BINLOG_GTID_POS({}, {offset})", quoted(file));
    let gtid: Option<Option<String>> = conn.first(what(), sql).await?;
    Ok(gtid.flatten().filter(|gtid| !gtid.is_empty()))
}

/// Where the log ends now.
///
/// # Errors
/// [`Kind::LogFormat`] where the server writes none.
pub async fn log_end(conn: &mut Connection, server: &Server) -> Result<LogEnd> {
    let mut end = end_without_time(conn, server).await?;
    end.position.time_ms = clock_ms(conn, server).await?;
    Ok(end)
}

/// Where the log ends now, without the time.
///
/// # Errors
/// [`Kind::LogFormat`] where the server writes none.
pub async fn end_without_time(conn: &mut Connection, server: &Server) -> Result<LogEnd> {
    let what = || format!("asking {} for the end of its log", server.endpoint);
    written(conn, server, &what).await?.ok_or_else(|| {
        Error::new(Kind::LogFormat, what())
            .detail("the source writes no binary log (log_bin is off)")
            .remedy(
                "Start the source with log_bin=ON, binlog_format=ROW and binlog_row_image=FULL.",
            )
    })
}

/// The server's clock, milliseconds since 1970.
///
/// # Errors
/// As the connection breaks.
pub async fn clock_ms(conn: &mut Connection, server: &Server) -> Result<u64> {
    let what = format!("asking {} for its time", server.endpoint);
    let sql = "SELECT CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS UNSIGNED)";
    let time_ms: Option<u64> = conn.first(what, sql).await?;
    Ok(time_ms.unwrap_or(0))
}

/// Where a server's log ends now, as the positions of a Store say it: with GTIDs only where they can be
/// used to go on. Every transaction that was committed when this was asked stands in front of it.
///
/// # Errors
/// [`Kind::LogFormat`] where the server writes no log; else as it is not reached or refuses to tell.
pub async fn position_now(server: &Server) -> Result<Position> {
    let mut conn = server.session(Session::Plain).await?;
    let settings = LogSettings::read(&mut conn, server).await?;
    let mut position = log_end(&mut conn, server).await?.position;
    if !settings.uses_gtid(server) {
        position.gtid = None;
    }
    Ok(position)
}

/// How the log is written, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSettings {
    variables: HashMap<String, String>,
}

const VARIABLES: &[&str] = &[
    "binlog_expire_logs_auto_purge",
    "binlog_expire_logs_seconds",
    "expire_logs_days",
    "log_replica_updates",
    "log_slave_updates",
    "log_bin",
    "binlog_format",
    "binlog_row_image",
    "binlog_row_value_options",
    "gtid_mode",
    "server_uuid",
    "server_uid",
    "server_id",
    "lower_case_table_names",
    "character_set_server",
    "collation_server",
    "default_collation_for_utf8mb4",
    "explicit_defaults_for_timestamp",
];

impl LogSettings {
    /// Reads the settings.
    pub async fn read(conn: &mut Connection, server: &Server) -> Result<Self> {
        let mut sql = "SHOW GLOBAL VARIABLES".to_owned();
        // who only serves a log may not understand a condition
        if !server.log_only {
            let names: Vec<String> = VARIABLES.iter().map(|name| format!("'{name}'")).collect();
            sql = format!("{sql} WHERE Variable_name IN ({})", names.join(","));
        }
        let what = format!("asking {} for the settings of its log", server.endpoint);
        let rows: Vec<(String, String)> = conn.rows(what, sql).await?;
        let variables = rows
            .into_iter()
            .map(|(name, value)| (name.to_ascii_lowercase(), value))
            .collect();
        Ok(Self { variables })
    }

    /// A variable's value, where the server has it.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str)
    }

    /// All of them, as a pre-check asks for settings.
    pub fn all(&self) -> Settings {
        let variables = self.variables.iter();
        variables
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect()
    }

    /// What tells this server from every other one, as far as it knows itself.
    pub fn identity(&self) -> String {
        let unique = ["server_uuid", "server_uid"]
            .iter()
            .find_map(|name| self.get(name).filter(|value| !value.is_empty()));
        match unique {
            Some(uuid) => uuid.to_owned(),
            None => format!("server_id={}", self.get("server_id").unwrap_or("0")),
        }
    }

    /// Whether transactions are found by their GTID.
    pub fn uses_gtid(&self, server: &Server) -> bool {
        server.flavour == Flavour::MariaDb || self.get("gtid_mode") == Some("ON")
    }

    /// What stands against reading rows from the log, in words.
    pub fn problem(&self) -> Option<String> {
        let is = |name: &str, wanted: &str| {
            self.get(name)
                .is_none_or(|value| value.eq_ignore_ascii_case(wanted))
        };
        if !is("log_bin", "ON") {
            return Some("log_bin is off".to_owned());
        }
        for (name, wanted) in [
            ("binlog_format", "ROW"),
            ("binlog_row_image", "FULL"),
            ("binlog_row_value_options", ""),
        ] {
            if !is(name, wanted) {
                let value = self.get(name).unwrap_or_default();
                return Some(format!("{name} is {value}, not '{wanted}'"));
            }
        }
        None
    }
}
