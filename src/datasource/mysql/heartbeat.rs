//! The heartbeat's table at a source: `drc.heartbeat`, as OMS names it, with a column for
//! milliseconds. Each Store has a row of its own there.

use super::binlog::source::Source;
use super::catalogue::HEARTBEAT_SCHEMA as SCHEMA;
use super::connect::{Server, Session};
use super::connection::Connection;
use super::fault::fault;
use super::nudge::nudged;
use crate::error::{Error, Kind, Result};
use crate::model::table::{Table, TableName};
use mysql_async::prelude::Queryable;

/// The table.
const TABLE: &str = "heartbeat";

/// The table's name.
pub fn table_name() -> TableName {
    TableName::new(SCHEMA, TABLE)
}

/// The row of a Store's subtopic, which tells the Stores of one source apart.
pub fn row_of(subtopic: &str) -> u16 {
    let hash = crc32fast::hash(subtopic.as_bytes());
    (hash % 32_767) as u16 + 1
}

/// The table, as it is at the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeartbeatTable {
    /// Its definition.
    pub table: Table,
    /// Index of the column that tells the rows apart.
    pub id: usize,
    /// Index of the column that holds the beat.
    pub value: usize,
    /// The beat is in milliseconds; else in seconds.
    pub in_millis: bool,
}

/// Makes the table where it is missing.
///
/// # Errors
/// As the server refuses it.
pub async fn make(server: &Server) -> Result<()> {
    let what = || making(server);
    let mut conn = server.session(Session::Plain).await?;
    let exists: Option<u8> = conn
        .exec_first(
            "SELECT 1 FROM information_schema.tables WHERE table_schema = ? AND table_name = ?",
            (SCHEMA, TABLE),
        )
        .await
        .map_err(|e| fault(what(), e))?;
    if exists.is_none() {
        let name = table_name().quoted();
        for sql in [
            format!("CREATE DATABASE IF NOT EXISTS `{SCHEMA}`"),
            format!(
                "CREATE TABLE IF NOT EXISTS {name} (id SMALLINT NOT NULL DEFAULT 1 PRIMARY KEY, ts INT, ts_ms BIGINT)"
            ),
        ] {
            nudged(server, &sql, conn.query_drop(&sql))
                .await
                .map_err(|e| fault(what(), e))?;
        }
    }
    Ok(())
}

fn making(server: &Server) -> String {
    let name = table_name();
    format!("making the heartbeat table {name} at {}", server.endpoint)
}

/// Makes the table where it is missing, and gives its definition.
///
/// # Errors
/// As the server refuses it; `SchemaUnsupported` where a table is there that is not one.
pub async fn prepare(source: &mut Source) -> Result<HeartbeatTable> {
    make(&source.server).await?;
    let what = making(&source.server);
    let table = source
        .definition(&table_name())
        .await?
        .ok_or_else(|| Error::new(Kind::ObjectMissing, what.clone()))?
        .map_err(|why| Error::new(Kind::SchemaUnsupported, what.clone()).detail(why))?;
    let millis = table.column_index("ts_ms");
    let (id, value) = table
        .column_index("id")
        .zip(millis.or_else(|| table.column_index("ts")))
        .ok_or_else(|| {
            Error::new(Kind::SchemaUnsupported, what)
                .detail("the table that is there has no columns id and ts")
        })?;
    Ok(HeartbeatTable {
        id,
        value,
        in_millis: millis.is_some(),
        table,
    })
}

/// Writes one row's beats.
#[derive(Debug)]
pub struct BeatWriter {
    conn: Connection,
    what: String,
    row: u16,
    in_millis: bool,
}

impl BeatWriter {
    /// Opens a session for the row with this id.
    pub async fn open(server: &Server, row: u16, in_millis: bool) -> Result<Self> {
        let what = format!("writing the heartbeat at {}", server.endpoint);
        let mut conn = server.session(Session::Plain).await?;
        conn.query_drop(
            "SET SESSION sql_mode = '', SESSION innodb_lock_wait_timeout = 5, SESSION lock_wait_timeout = 5",
        )
        .await
        .map_err(|e| fault(what.clone(), e))?;
        Ok(Self {
            conn,
            what,
            row,
            in_millis,
        })
    }

    /// Writes a beat; it is logged only if it differs from the last one.
    pub async fn write(&mut self, value: u64) -> Result<()> {
        let name = table_name().quoted();
        let row = self.row;
        let sql = if self.in_millis {
            let seconds = value / 1000;
            format!(
                "INSERT INTO {name} (id, ts, ts_ms) VALUES ({row}, {seconds}, {value}) \
                 ON DUPLICATE KEY UPDATE ts = {seconds}, ts_ms = {value}"
            )
        } else {
            format!(
                "INSERT INTO {name} (id, ts) VALUES ({row}, {value}) \
                 ON DUPLICATE KEY UPDATE ts = {value}"
            )
        };
        self.conn
            .query_drop(sql)
            .await
            .map_err(|e| fault(self.what.clone(), e))
    }
}
