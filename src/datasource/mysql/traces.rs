//! What `oms` keeps on the servers that it works with, and how it is taken away again when a project
//! is released: progress and fences in `omstxndb` at the target, the heartbeat's row in
//! `drc.heartbeat` at the source.
//!
//! Rows of the project always go. Tables and databases that nobody uses any more go too, where the
//! server can keep others off while one looks (`LOCK TABLES`, `GET_LOCK`: MySQL and MariaDB), and
//! where the account may; an empty table that stays harms nobody.

use super::connect::{Server, Session};
use super::connection::Connection;
use super::endpoint::Flavour;
use super::fence::TARGET_SCHEMA;
use super::heartbeat;
use super::literal::quoted;
use super::marks::{FENCE_TABLE, PROGRESS_TABLE};
use crate::error::{Error, Kind, Result};
use crate::model::table::TableName;

/// Tables in [`TARGET_SCHEMA`] whose rows belong to components of projects.
const TARGET_TABLES: [&str; 2] = [PROGRESS_TABLE, FENCE_TABLE];
/// Whoever makes or drops a table of ours holds this lock of the server.
const LOCK: &str = "'oms.tables'";
/// How long to wait for it, seconds.
const LOCK_WAIT_SECS: u32 = 20;

/// Keeps other processes of `oms` from making or dropping tables of ours on this server, until
/// [`unlock_tables`] or the session's end. Does nothing on a server that has no such locks.
///
/// # Errors
/// `ServerBusy` where somebody else holds it for long.
pub async fn lock_tables(conn: &mut Connection, flavour: Flavour) -> Result<()> {
    if flavour == Flavour::OceanBase {
        return Ok(());
    }
    let what = "locking oms's tables";
    let sql = format!("SELECT GET_LOCK({LOCK}, {LOCK_WAIT_SECS})");
    let got: Option<Option<u8>> = conn.first(what, sql).await?;
    match got.flatten() {
        Some(1) => Ok(()),
        _ => Err(Error::new(Kind::ServerBusy, what)
            .detail(format!("another session holds the lock {LOCK}"))),
    }
}

/// Gives the lock of [`lock_tables`] back.
///
/// # Errors
/// As the connection breaks, which gives it back too.
pub async fn unlock_tables(conn: &mut Connection, flavour: Flavour) -> Result<()> {
    if flavour == Flavour::OceanBase {
        return Ok(());
    }
    let sql = format!("SELECT RELEASE_LOCK({LOCK})");
    let _: Option<Option<u8>> = conn.first("unlocking oms's tables", sql).await?;
    Ok(())
}

/// Removes what a project's components keep at the target; their names begin with `<project>/`.
/// Can be run again.
///
/// # Errors
/// As the server is not reached or refuses to delete rows.
pub async fn forget_at_target(server: &Server, project: &str) -> Result<()> {
    let mut conn = server.session(Session::Write).await?;
    let prefix = format!("{project}/");
    for name in TARGET_TABLES {
        let table = TableName::new(TARGET_SCHEMA, name);
        let condition = format!("LEFT(component, {}) = {}", prefix.len(), quoted(&prefix));
        delete(&mut conn, server, &table, &condition).await?;
    }
    let tables = TARGET_TABLES.map(|name| TableName::new(TARGET_SCHEMA, name));
    drop_unused(&mut conn, server, &tables).await
}

/// Removes a Store's row of the heartbeat's table, where the account may. Can be run again.
///
/// # Errors
/// As the server is not reached or refuses to delete the row.
pub async fn forget_at_source(server: &Server, row: u16) -> Result<()> {
    let mut conn = server.session(Session::Plain).await?;
    let table = heartbeat::table_name();
    match delete(&mut conn, server, &table, &format!("id = {row}")).await {
        // writing the row needs less than that
        Err(error) if error.kind() == Kind::PrivilegeMissing => {
            tracing::info!(%error, "the heartbeat's row stays where it is");
            return Ok(());
        }
        deleted => deleted?,
    }
    drop_unused(&mut conn, server, &[table]).await
}

/// Deletes rows of a table that may be gone already.
async fn delete(
    conn: &mut Connection,
    server: &Server,
    table: &TableName,
    condition: &str,
) -> Result<()> {
    let what = format!(
        "removing the project's rows of {table} at {}",
        server.endpoint
    );
    let sql = format!("DELETE FROM {} WHERE {condition}", table.quoted());
    match conn.run(what, sql).await {
        Err(error) if error.kind() != Kind::ObjectMissing => Err(error),
        _ => Ok(()),
    }
}

/// Drops those of the tables that are empty, and then their database, if it is.
async fn drop_unused(conn: &mut Connection, server: &Server, tables: &[TableName]) -> Result<()> {
    if server.flavour == Flavour::OceanBase {
        return Ok(());
    }
    lock_tables(conn, server.flavour).await?;
    let dropped = drop_locked(conn, tables).await;
    // whatever became of it, others may go on
    let unlocked = conn.run("unlocking tables", "UNLOCK TABLES").await;
    unlock_tables(conn, server.flavour).await?;
    unlocked?;
    match dropped {
        Err(error) if error.kind() == Kind::PrivilegeMissing => {
            tracing::info!(%error, "tables of ours stay where they are, empty");
            Ok(())
        }
        dropped => dropped,
    }
}

async fn drop_locked(conn: &mut Connection, tables: &[TableName]) -> Result<()> {
    let what = |table: &TableName| format!("dropping {table}, which is not used any more");
    for table in tables {
        let name = table.quoted();
        // nobody writes to it between the look and the drop
        match conn
            .run(what(table), format!("LOCK TABLES {name} WRITE"))
            .await
        {
            Err(error) if error.kind() == Kind::ObjectMissing => continue,
            locked => locked?,
        };
        let used = format!("SELECT 1 FROM {name} LIMIT 1");
        if !conn.answers(what(table), used).await? {
            conn.run(what(table), format!("DROP TABLE {name}")).await?;
        }
        conn.run(what(table), "UNLOCK TABLES").await?;
    }
    let Some(schema) = tables.first().map(|table| table.schema.clone()) else {
        return Ok(());
    };
    let what = format!("dropping the database {schema}, which is not used any more");
    let objects = [
        "information_schema.TABLES WHERE TABLE_SCHEMA",
        "information_schema.ROUTINES WHERE ROUTINE_SCHEMA",
        "information_schema.EVENTS WHERE EVENT_SCHEMA",
    ];
    for from in objects {
        let used = format!("SELECT 1 FROM {from} = {} LIMIT 1", quoted(&schema));
        if conn.answers(what.clone(), used).await? {
            return Ok(());
        }
    }
    conn.run(what, format!("DROP DATABASE IF EXISTS `{schema}`"))
        .await
        .map(drop)
}
