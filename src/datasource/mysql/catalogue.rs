//! A server's catalogue: which tables and views there are, and how they are defined.
//!
//! Lists come from `information_schema` in a few statements for all databases; a definition is
//! what `SHOW CREATE TABLE` prints, read by [`crate::model::ddl`].

use super::connect::{Server, Session};
use super::connection::Connection;
use super::fault::{NO_SUCH_SCHEMA, NO_SUCH_TABLE, fault, server_code};
use super::literal::quoted;
use crate::error::{Error, Kind, Result};
use crate::model::ddl::charset::{canonical_charset, canonical_collation};
use crate::model::ddl::{CharsetDefault, Definition, Dialect, parse_definition};
use crate::model::filter::ObjectFilter;
use crate::model::table::TableName;
use mysql_async::Row;
use mysql_async::prelude::{FromRow, Queryable};
use std::collections::{BTreeSet, HashMap, HashSet};

mod facts;
mod scope;

pub use facts::{dialect, target};
pub use scope::{table, tables_in_scope, target_of};

/// Database of the heartbeat's table at a source, as OMS names it.
pub const HEARTBEAT_SCHEMA: &str = "drc";

/// Databases that belong to the server or to us.
const SYSTEM_SCHEMAS: &[&str] = &[
    "mysql",
    "sys",
    "information_schema",
    "performance_schema",
    "oceanbase",
    "__recyclebin",
    "__public",
    "lbacsys",
    "oraauditor",
    "test_oms_internal",
    super::fence::TARGET_SCHEMA,
    // the heartbeat's own
    HEARTBEAT_SCHEMA,
];

/// A database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaInfo {
    /// Name.
    pub name: String,
    /// Its default character set.
    pub default: CharsetDefault,
}

/// A base table as the catalogue lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableInfo {
    /// Name.
    pub name: TableName,
    /// Storage engine.
    pub engine: String,
    /// Rows, as the server estimates.
    pub rows: u64,
    /// Length of the data, bytes, as the server estimates.
    pub data_bytes: u64,
}

/// What a filter finds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Objects {
    /// Databases that hold one of the tables or views.
    pub schemas: Vec<SchemaInfo>,
    /// Base tables, by name.
    pub tables: Vec<TableInfo>,
    /// Views, by name.
    pub views: Vec<TableName>,
    /// Objects in the same databases that are not migrated, for people: `trigger shop.t`.
    pub others: Vec<String>,
}

/// Opens a session for the catalogue: definitions are printed in backticks whatever the server's
/// sql_mode, and estimates are fresh.
pub async fn open(server: &Server) -> Result<Connection> {
    let mut conn = server.session(Session::Plain).await?;
    for statement in [
        "SET SESSION sql_mode = ''",
        "SET SESSION sql_quote_show_create = 1",
        "SET SESSION information_schema_stats_expiry = 0",
    ] {
        optional(&mut conn, statement).await?;
    }
    Ok(conn)
}

/// Runs a statement that not every server knows.
pub async fn optional(conn: &mut Connection, statement: &'static str) -> Result<()> {
    match conn.query_drop(statement).await {
        Err(mysql_async::Error::Server(error)) => {
            tracing::debug!(statement, code = error.code, "not known there");
            Ok(())
        }
        other => other.map_err(|e| fault(statement, e)),
    }
}

async fn rows<T: FromRow + Send + 'static>(
    conn: &mut Connection,
    what: &str,
    sql: String,
) -> Result<Vec<T>> {
    conn.query(sql)
        .await
        .map_err(|e| fault(format!("reading the catalogue ({what})"), e))
}

/// Whether a database belongs to the server or to us, so that no rule moves it.
pub fn is_system(schema: &str) -> bool {
    SYSTEM_SCHEMAS
        .iter()
        .any(|s| s.eq_ignore_ascii_case(schema))
}

/// All databases but the server's own.
pub async fn schemas(conn: &mut Connection) -> Result<Vec<SchemaInfo>> {
    let found: Vec<(String, String, String)> = rows(
        conn,
        "databases",
        "SELECT schema_name, default_character_set_name, default_collation_name FROM information_schema.schemata ORDER BY schema_name"
            .to_owned(),
    )
    .await?;
    Ok(found
        .into_iter()
        .filter(|(name, _, _)| !is_system(name))
        .map(|(name, charset, collation)| SchemaInfo {
            name,
            default: CharsetDefault {
                charset: canonical_charset(&charset),
                collation: canonical_collation(&collation),
            },
        })
        .collect())
}

/// The tables and views that match, with their databases.
pub async fn objects(conn: &mut Connection, filter: &ObjectFilter) -> Result<Objects> {
    let schemas: Vec<SchemaInfo> = schemas(conn)
        .await?
        .into_iter()
        .filter(|s| filter.matches_schema(&s.name))
        .collect();
    if schemas.is_empty() {
        return Ok(Objects::default());
    }
    let list = schemas
        .iter()
        .map(|s| quoted(&s.name))
        .collect::<Vec<_>>()
        .join(",");
    let mut out = Objects::default();
    let found: Vec<Row> = rows(
        conn,
        "tables",
        format!(
            "SELECT table_schema, table_name, table_type, engine, table_rows, data_length FROM information_schema.tables WHERE table_schema IN ({list}) ORDER BY table_schema, table_name"
        ),
    )
    .await?;
    for row in found {
        add_object(&mut out, filter, row)?;
    }
    let used: BTreeSet<&str> = out
        .tables
        .iter()
        .map(|t| t.name.schema.as_str())
        .chain(out.views.iter().map(|v| v.schema.as_str()))
        .collect();
    out.schemas = schemas
        .iter()
        .filter(|s| used.contains(s.name.as_str()))
        .cloned()
        .collect();
    out.others.extend(others(conn, &list).await?);
    Ok(out)
}

fn add_object(out: &mut Objects, filter: &ObjectFilter, mut row: Row) -> Result<()> {
    let mut text = |at: usize| -> Option<String> { row.take_opt(at).and_then(|v| v.ok()) };
    let (Some(schema), Some(name), Some(kind)) = (text(0), text(1), text(2)) else {
        return Err(Error::new(
            Kind::StatementFailed,
            "reading the catalogue (tables)",
        ));
    };
    let engine = text(3).unwrap_or_default();
    let mut number = |at: usize| -> u64 {
        row.take_opt::<Option<u64>, _>(at)
            .and_then(|v| v.ok().flatten())
            .unwrap_or(0)
    };
    let (rows, data_bytes) = (number(4), number(5));
    let name = TableName::new(schema, name);
    if !filter.matches(&name) {
        return Ok(());
    }
    match kind.as_str() {
        "BASE TABLE" | "SYSTEM VERSIONED" => out.tables.push(TableInfo {
            name,
            engine,
            rows,
            data_bytes,
        }),
        "VIEW" => out.views.push(name),
        other => out.others.push(format!("{} {name}", other.to_lowercase())),
    }
    Ok(())
}

/// Triggers, routines and events of these databases. A server without one of the lists has none.
async fn others(conn: &mut Connection, list: &str) -> Result<Vec<String>> {
    let mut out = Vec::new();
    for (kind, sql) in [
        (
            "trigger",
            format!(
                "SELECT trigger_schema, trigger_name FROM information_schema.triggers WHERE trigger_schema IN ({list}) ORDER BY 1, 2"
            ),
        ),
        (
            "routine",
            format!(
                "SELECT routine_schema, routine_name FROM information_schema.routines WHERE routine_schema IN ({list}) ORDER BY 1, 2"
            ),
        ),
        (
            "event",
            format!(
                "SELECT event_schema, event_name FROM information_schema.events WHERE event_schema IN ({list}) ORDER BY 1, 2"
            ),
        ),
    ] {
        match conn.query::<(String, String), _>(sql).await {
            Ok(found) => out.extend(
                found
                    .into_iter()
                    .map(|(schema, name)| format!("{kind} {schema}.{name}")),
            ),
            Err(mysql_async::Error::Server(error)) => {
                tracing::debug!(kind, code = error.code, "the catalogue has no such list");
            }
            Err(error) => return Err(fault("reading the catalogue", error)),
        }
    }
    Ok(out)
}

/// What the server prints for `SHOW CREATE TABLE`; None: there is no such table.
pub async fn show_create_table(conn: &mut Connection, name: &TableName) -> Result<Option<String>> {
    show(conn, &format!("SHOW CREATE TABLE {}", name.quoted()), name).await
}

/// What the server prints for `SHOW CREATE VIEW`; None: there is no such view.
pub async fn show_create_view(conn: &mut Connection, name: &TableName) -> Result<Option<String>> {
    show(conn, &format!("SHOW CREATE VIEW {}", name.quoted()), name).await
}

async fn show(conn: &mut Connection, sql: &str, name: &TableName) -> Result<Option<String>> {
    let row: Option<Row> = match conn.query_first(sql).await {
        Ok(row) => row,
        Err(error) if matches!(server_code(&error), Some(NO_SUCH_TABLE | NO_SUCH_SCHEMA)) => {
            return Ok(None);
        }
        Err(error) => return Err(fault(format!("reading the definition of {name}"), error)),
    };
    row.and_then(|mut row| row.take_opt::<String, _>(1))
        .and_then(|text| text.ok())
        .map(Some)
        .ok_or_else(|| {
            Error::new(
                Kind::StatementFailed,
                format!("reading the definition of {name}"),
            )
            .detail("the answer has no text")
        })
}

/// A table's definition; None: there is no such table. The error is
/// [`Kind::SchemaUnsupported`] where the definition is not understood.
pub async fn definition(
    conn: &mut Connection,
    name: &TableName,
    dialect: &Dialect,
) -> Result<Option<Definition>> {
    let Some(shown) = show_create_table(conn, name).await? else {
        return Ok(None);
    };
    parse_definition(&shown, name, dialect)
        .map(Some)
        .map_err(|why| {
            Error::new(
                Kind::SchemaUnsupported,
                format!("understanding the definition of table {name}"),
            )
            .detail(why)
        })
}

/// Whether a table or view of this name is there.
pub async fn exists(conn: &mut Connection, name: &TableName) -> Result<bool> {
    Ok(kind_of(conn, name).await?.is_some())
}

/// `BASE TABLE`, `VIEW`, …; None: there is nothing of this name.
pub async fn kind_of(conn: &mut Connection, name: &TableName) -> Result<Option<String>> {
    let sql = format!(
        "SELECT table_type FROM information_schema.tables WHERE table_schema = {} AND table_name = {}",
        quoted(&name.schema),
        quoted(&name.name)
    );
    Ok(rows(conn, "one table", sql).await?.pop())
}

/// Whether a table holds a row.
pub async fn has_rows(conn: &mut Connection, name: &TableName) -> Result<bool> {
    let sql = format!("SELECT 1 FROM {} LIMIT 1", name.quoted());
    let row: Option<u8> = conn
        .query_first(sql)
        .await
        .map_err(|e| fault(format!("looking whether {name} holds rows"), e))?;
    Ok(row.is_some())
}

/// Names of a view's or table's columns in order.
pub async fn column_names(conn: &mut Connection, name: &TableName) -> Result<Vec<String>> {
    let sql = format!(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = {} AND table_name = {} ORDER BY ordinal_position",
        quoted(&name.schema),
        quoted(&name.name)
    );
    rows(conn, "columns", sql).await
}

/// The names of all columns of a schema's tables, in lower case, by table.
pub async fn columns_of(
    conn: &mut Connection,
    schema: &str,
) -> Result<HashMap<String, HashSet<String>>> {
    let sql = format!(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = {}",
        quoted(schema)
    );
    let found: Vec<(String, String)> = rows(conn, "columns", sql).await?;
    let mut columns: HashMap<String, HashSet<String>> = HashMap::new();
    for (table, column) in found {
        columns
            .entry(table)
            .or_default()
            .insert(column.to_lowercase());
    }
    Ok(columns)
}
