//! A consistent read of a table at a known position of the log.

use super::binlog::status::{mariadb_gtid, written};
use super::connect::{Server, Session};
use super::connection::Connection;
use super::endpoint::Flavour;
use super::fault::fault;
use super::wire::WireSession;
use crate::error::{Error, Kind, Result};
use crate::model::position::Position;
use crate::model::row::{Cell, Row};
use crate::model::table::TableName;
use mysql_async::prelude::Queryable;

/// A session inside a consistent snapshot, and where in the log that snapshot is.
#[derive(Debug)]
pub struct Snapshot {
    /// Reads of the table on this session see exactly the transactions before `position`.
    pub session: WireSession,
    /// The position.
    pub position: Position,
}

/// How long the lock of a table may wait for transactions that use it, seconds: while it waits,
/// the application's writes to the table wait behind it.
const LOCK_WAIT_SECS: u32 = 5;

/// Opens a snapshot of one table.
///
/// MariaDB says at which position a snapshot is, so it needs no lock. MySQL does not: the table is
/// locked for reading for the moment in which the snapshot is taken and the position is read, so
/// that no transaction on it is between the log and the snapshot.
///
/// # Errors
/// [`Kind::KeylessRead`] where the account may not lock the table or the server has no log;
/// [`Kind::ServerBusy`] where a long transaction keeps the lock from being taken.
pub async fn open(server: &Server, table: &TableName) -> Result<Snapshot> {
    let what = || format!("opening a consistent read of table {table}");
    if let Some(address) = &server.endpoint.binlog {
        return Err(Error::new(Kind::KeylessRead, what())
            .detail(format!(
                "the log is served at {address}, and only the database knows where in its own log a snapshot is"
            ))
            .remedy("Give the table a primary key, exclude it, or take the binlog address from the data source."));
    }
    let mut session = server.wire(Session::Read).await?;
    match server.flavour {
        Flavour::MariaDb => {
            begin(&mut session, &what).await?;
            let position = mariadb_position(server, &mut session, &what).await?;
            Ok(Snapshot { session, position })
        }
        Flavour::MySql => {
            let mut locker = server.session(Session::Plain).await?;
            lock(&mut locker, table, &what).await?;
            begin(&mut session, &what).await?;
            let position = mysql_position(server, &mut locker, &what).await?;
            locker
                .query_drop("UNLOCK TABLES")
                .await
                .map_err(|e| fault(what(), e))?;
            Ok(Snapshot { session, position })
        }
        Flavour::OceanBase => Err(Error::new(Kind::KeylessRead, what())
            .detail("OceanBase as a source does not say at which log position a snapshot is")
            .remedy("Give the table a primary key, or exclude it.")),
    }
}

async fn begin(session: &mut WireSession, what: &impl Fn() -> String) -> Result<()> {
    session
        .run(b"START TRANSACTION WITH CONSISTENT SNAPSHOT")
        .await
        .map(drop)
        .map_err(|e| fault(what(), e))
}

async fn lock(conn: &mut Connection, table: &TableName, what: &impl Fn() -> String) -> Result<()> {
    conn.query_drop(format!("SET SESSION lock_wait_timeout = {LOCK_WAIT_SECS}"))
        .await
        .map_err(|e| fault(what(), e))?;
    match conn
        .query_drop(format!("LOCK TABLES {} READ", table.quoted()))
        .await
    {
        Ok(()) => Ok(()),
        Err(error) => {
            let error = fault(what(), error);
            Err(match error.kind() {
                Kind::PrivilegeMissing => Error::new(Kind::KeylessRead, what())
                    .detail("the account may not lock the table")
                    .caused_by(error),
                _ => error,
            })
        }
    }
}

async fn mariadb_position(
    server: &Server,
    session: &mut WireSession,
    what: &impl Fn() -> String,
) -> Result<Position> {
    let rows = session
        .all(b"SHOW STATUS LIKE 'binlog_snapshot_%'")
        .await
        .map_err(|e| fault(what(), e))?;
    let text = |row: &Row, at| match row.cell(at) {
        Some(Cell::Value(text)) => String::from_utf8_lossy(text).into_owned(),
        _ => String::new(),
    };
    let value = |name: &str| {
        rows.iter()
            .find(|row| text(row, 0).eq_ignore_ascii_case(name))
            .map(|row| text(row, 1))
            .filter(|value| !value.is_empty())
    };
    let file = value("binlog_snapshot_file");
    let offset = value("binlog_snapshot_position").and_then(|p| p.parse().ok());
    let (Some(file), Some(offset)) = (file, offset) else {
        return Err(no_log(what));
    };
    // the same position in other words: that can be asked of any session
    let mut side = server.session(Session::Plain).await?;
    let gtid = mariadb_gtid(&mut side, &file, offset, what).await?;
    Ok(Position {
        file,
        offset,
        gtid,
        time_ms: 0,
    })
}

async fn mysql_position(
    server: &Server,
    conn: &mut Connection,
    what: &impl Fn() -> String,
) -> Result<Position> {
    let end = written(conn, server, what).await?;
    end.map(|end| end.position).ok_or_else(|| no_log(what))
}

fn no_log(what: &impl Fn() -> String) -> Error {
    Error::new(Kind::KeylessRead, what())
        .detail("the server names no position of its binlog")
        .remedy("Switch the binlog of the source on.")
}
