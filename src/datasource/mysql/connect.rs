//! Sessions that behave alike on every flavour: UTC, utf8mb4, strict about cuts, generous about
//! old dates, without foreign key checks where we write.

use super::connection::Connection;
use super::endpoint::{Endpoint, Flavour};
use super::fault::fault;
use super::tls::{Tls, TlsMode};
use super::wire::WireSession;
use crate::error::{Error, Kind, Result};
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, DriverError, Error as MyError, OptsBuilder};
use std::time::Duration;

/// What a session is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Session {
    /// Short statements: catalogue, settings.
    Plain,
    /// Long reads of rows.
    Read,
    /// Writing rows at the target.
    Write,
}

/// How long a connection may take to come up.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A server that answered once: its address, flavour and version. Opens sessions.
#[derive(Debug, Clone)]
pub struct Server {
    /// Where it is.
    pub endpoint: Endpoint,
    /// What it is.
    pub flavour: Flavour,
    /// `SELECT VERSION()`.
    pub version: String,
    /// The largest statement it takes, bytes (`max_allowed_packet`).
    pub max_packet: usize,
    /// It only serves an OceanBase's log (Binlog Service): it takes few statements besides.
    pub log_only: bool,
}

impl Server {
    /// Connects once and learns what the server is.
    pub async fn open(endpoint: &Endpoint) -> Result<Self> {
        let mut conn = raw(endpoint).await?;
        let what = || format!("asking {endpoint} for its version");
        let row: Option<(String, u64)> = conn
            .query_first("SELECT CAST(VERSION() AS CHAR), @@max_allowed_packet")
            .await
            .map_err(|e| fault(what(), e))?;
        let (version, max_packet) =
            row.ok_or_else(|| Error::new(Kind::StatementFailed, what()).detail("no answer"))?;
        drop(conn);
        Ok(Self {
            endpoint: endpoint.clone(),
            flavour: flavour_of(&version),
            max_packet: max_packet as usize,
            version,
            log_only: false,
        })
    }

    /// Connects to where another server's log is served, and learns what answers there.
    ///
    /// Only statements are used that OceanBase's Binlog Service answers too: it takes what it does
    /// not understand for done, and says nothing. What serves the log of an OceanBase speaks
    /// MySQL's protocol of replication, whatever it calls itself.
    pub async fn open_log(endpoint: &Endpoint, of: Flavour) -> Result<(Self, Connection)> {
        let mut conn = raw(endpoint).await?;
        let what = || format!("asking {endpoint}, which serves the log, for its version");
        let variables: Vec<(String, String)> = conn.rows(what(), "SHOW GLOBAL VARIABLES").await?;
        let value = |name: &str| {
            let found = variables.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.clone())
        };
        let version = value("version")
            .ok_or_else(|| Error::new(Kind::StatementFailed, what()).detail("no answer"))?;
        let flavour = match flavour_of(&version) {
            Flavour::OceanBase => Flavour::MySql,
            flavour => flavour,
        };
        let max_packet = value("max_allowed_packet").and_then(|bytes| bytes.parse().ok());
        let server = Self {
            endpoint: endpoint.clone(),
            flavour,
            max_packet: max_packet.unwrap_or(1 << 20),
            version,
            log_only: of == Flavour::OceanBase,
        };
        Ok((server, conn))
    }

    /// The version's leading numbers: (9, 7, 0).
    pub fn version_numbers(&self) -> (u32, u32, u32) {
        let mut parts = self
            .version
            .split(|c: char| !c.is_ascii_digit())
            .map(|d| d.parse().unwrap_or(0));
        let mut next = || parts.next().unwrap_or(0);
        (next(), next(), next())
    }

    /// Opens a session.
    pub async fn session(&self, session: Session) -> Result<Connection> {
        let mut conn = raw(&self.endpoint).await?;
        for statement in self.setup(session) {
            conn.query_drop(&statement)
                .await
                .map_err(|e| fault(format!("setting up a session on {}", self.endpoint), e))?;
        }
        Ok(conn)
    }

    /// Opens a session for bulk data.
    pub async fn wire(&self, session: Session) -> Result<WireSession> {
        let endpoint = &self.endpoint;
        let what = || format!("connecting to {endpoint}");
        let opening = tokio::time::timeout(CONNECT_TIMEOUT, WireSession::open(endpoint));
        let mut wire = match opening.await {
            Ok(opened) => opened.map_err(|e| not_connected(what(), endpoint, e))?,
            Err(_) => return Err(no_answer(what())),
        };
        for statement in self.setup(session) {
            wire.run(statement.as_bytes())
                .await
                .map_err(|e| fault(format!("setting up a session on {endpoint}"), e))?;
        }
        Ok(wire)
    }

    fn setup(&self, session: Session) -> Vec<String> {
        let mut out = vec![
            "SET NAMES utf8mb4 COLLATE utf8mb4_general_ci".to_owned(),
            "SET SESSION time_zone = '+00:00'".to_owned(),
        ];
        if self.flavour == Flavour::OceanBase {
            // microseconds: the default of 10 s ends long scans, DDL and waits for locks
            out.push("SET SESSION ob_query_timeout = 86400000000, ob_trx_timeout = 86400000000, ob_trx_idle_timeout = 86400000000".to_owned());
        }
        if session != Session::Write {
            // the server's own mode may refuse a zero date in a key range, pad CHAR with spaces,
            // or take a backslash in a literal for itself
            out.push(
                "SET SESSION sql_mode = 'ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO'".to_owned(),
            );
        }
        match session {
            Session::Plain => {}
            Session::Read => {
                match self.flavour {
                    // a limit for the application's queries would end long scans
                    Flavour::MySql => out.push("SET SESSION max_execution_time = 0".to_owned()),
                    Flavour::MariaDb => out.push("SET SESSION max_statement_time = 0".to_owned()),
                    Flavour::OceanBase => {}
                }
                out.push(
                    "SET SESSION net_write_timeout = 3600, net_read_timeout = 3600".to_owned(),
                );
                out.push("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ".to_owned());
                // the server's own mode may change what is read (PAD_CHAR_TO_FULL_LENGTH) and what
                // a literal means (NO_BACKSLASH_ESCAPES, NO_ZERO_DATE)
                out.push("SET SESSION sql_mode = 'ALLOW_INVALID_DATES'".to_owned());
            }
            Session::Write => {
                out.push("SET SESSION sql_mode = 'STRICT_ALL_TABLES,ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO,NO_ENGINE_SUBSTITUTION'".replace(
                    ",NO_ENGINE_SUBSTITUTION",
                    if self.flavour == Flavour::OceanBase { "" } else { ",NO_ENGINE_SUBSTITUTION" },
                ));
                out.push("SET SESSION foreign_key_checks = 0".to_owned());
                out.push("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED".to_owned());
                if self.flavour != Flavour::OceanBase {
                    out.push(
                        "SET SESSION unique_checks = 1, innodb_lock_wait_timeout = 50".to_owned(),
                    );
                }
            }
        }
        out
    }
}

fn flavour_of(version: &str) -> Flavour {
    if version.contains("OceanBase") {
        Flavour::OceanBase
    } else if version.contains("MariaDB") {
        Flavour::MariaDb
    } else {
        Flavour::MySql
    }
}

/// The driver's options for an endpoint.
fn options(endpoint: &Endpoint) -> OptsBuilder {
    OptsBuilder::default()
        .ip_or_hostname(endpoint.host.clone())
        .tcp_port(endpoint.port)
        .user(Some(endpoint.user.clone()))
        .pass(Some(endpoint.password.reveal().to_owned()))
        .ssl_opts(endpoint.tls.driver())
        .prefer_socket(false)
        .stmt_cache_size(0)
        // the protocol's own limit: the servers' max_allowed_packet is what counts
        .max_allowed_packet(Some(1 << 30))
        .wait_timeout(Some(28_800))
}

/// A connection of the driver, with other options than most; without TLS where it is only preferred
/// and the server does not offer it.
pub(super) async fn driver(
    endpoint: &Endpoint,
    adapt: impl Fn(OptsBuilder) -> OptsBuilder,
) -> std::result::Result<Conn, MyError> {
    match Conn::new(adapt(options(endpoint))).await {
        Err(MyError::Driver(DriverError::NoClientSslFlagFromServer))
            if endpoint.tls.mode == TlsMode::Preferred =>
        {
            let plain = Endpoint {
                tls: Tls::default(),
                ..endpoint.clone()
            };
            Conn::new(adapt(options(&plain))).await
        }
        other => other,
    }
}

/// Our error for one of a connection's beginning.
pub(super) fn not_connected(what: String, endpoint: &Endpoint, error: MyError) -> Error {
    let error = fault(what, error);
    if error.kind() != Kind::AccessDenied || endpoint.tls.cert.is_some() {
        return error;
    }
    // the server says no more about an account with REQUIRE SSL or X509
    let more = match endpoint.tls.mode {
        TlsMode::Disabled => {
            "An account with REQUIRE SSL, or MariaDB with require_secure_transport, wants a mode with TLS (sslMode, ssl-mode), an account with REQUIRE X509 a client certificate too (sslCert, sslKey)."
        }
        _ => "An account with REQUIRE X509 wants a client certificate (sslCert, sslKey).",
    };
    let remedy = format!("{} {more}", error.remedy_text());
    error.remedy(remedy)
}

async fn raw(endpoint: &Endpoint) -> Result<Connection> {
    let what = || format!("connecting to {endpoint}");
    match tokio::time::timeout(CONNECT_TIMEOUT, driver(endpoint, |opts| opts)).await {
        Ok(conn) => conn
            .map(Connection::new)
            .map_err(|e| not_connected(what(), endpoint, e)),
        Err(_) => Err(no_answer(what())),
    }
}

fn no_answer(what: String) -> Error {
    Error::new(Kind::Unreachable, what)
        .detail(format!("no answer within {} s", CONNECT_TIMEOUT.as_secs()))
}
