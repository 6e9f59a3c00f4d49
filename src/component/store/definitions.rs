//! Reading definitions of tables from the source, and proving that they are those of a place in
//! its log: no DDL stands between the place and the moment of reading.

use super::codec::SchemaChange;
use super::tracker::{Modes, Tracker, is_internal};
use crate::datasource::mysql::binlog::assembler::{Assembler, Step};
use crate::datasource::mysql::binlog::event::kind;
use crate::datasource::mysql::binlog::status::LogSettings;
use crate::datasource::mysql::binlog::stream::{LogStream, Replica};
use crate::datasource::mysql::fault::{fault, server_code};
use crate::datasource::mysql::{Flavour, Server};
use crate::error::{Error, Kind, Result};
use crate::model::ddl::{self, CharsetDefault, Ddl, Dialect, Family};
use crate::model::filter::ObjectFilter;
use crate::model::position::Position;
use crate::model::table::{Table, TableName};
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use std::collections::BTreeMap;

/// How the source's statements are read.
pub(super) fn dialect(server: &Server, settings: Option<&LogSettings>) -> Dialect {
    let setting = |name: &str| settings.and_then(|s| s.get(name));
    let version = server.version_numbers();
    let mut dialect = match server.flavour {
        Flavour::MariaDb => Dialect::mariadb(),
        Flavour::OceanBase => Dialect::oceanbase(),
        Flavour::MySql => {
            let default = if version >= (8, 0, 0) {
                "utf8mb4_0900_ai_ci"
            } else {
                "utf8mb4_general_ci"
            };
            let collation = setting("default_collation_for_utf8mb4").unwrap_or(default);
            let mut dialect = Dialect::new(Family::MySql, collation);
            dialect.inline_references = version >= (9, 0, 0);
            dialect
        }
    };
    if let (Some(charset), Some(collation)) =
        (setting("character_set_server"), setting("collation_server"))
    {
        dialect.server = CharsetDefault {
            charset: charset.to_ascii_lowercase(),
            collation: collation.to_ascii_lowercase(),
        };
    }
    if let Some(value) = setting("explicit_defaults_for_timestamp") {
        dialect.explicit_timestamp_defaults = value.eq_ignore_ascii_case("ON");
    }
    dialect
}

/// A table's definition; None: it is not there, or not a base table. The inner error says why it
/// is not understood.
pub(super) async fn one(
    conn: &mut Conn,
    server: &Server,
    name: &TableName,
    dialect: &Dialect,
) -> Result<Option<std::result::Result<Table, String>>> {
    const NO_SUCH_TABLE: u16 = 1146;
    const NO_SUCH_DATABASE: u16 = 1049;
    let row: Option<mysql_async::Row> = match conn
        .query_first(format!("SHOW CREATE TABLE {}", name.quoted()))
        .await
    {
        Ok(row) => row,
        Err(error) if matches!(server_code(&error), Some(NO_SUCH_TABLE | NO_SUCH_DATABASE)) => None,
        Err(error) => {
            let what = format!("reading the definition of {name} at {}", server.endpoint);
            return Err(fault(what, error));
        }
    };
    // a view answers with its own name in the first column's title
    let is_table = |row: &mysql_async::Row| {
        row.columns_ref()
            .first()
            .is_some_and(|column| column.name_str().eq_ignore_ascii_case("Table"))
    };
    let Some(row) = row.filter(is_table) else {
        return Ok(None);
    };
    let text = row
        .get_opt::<String, _>(1)
        .and_then(std::result::Result::ok)
        .unwrap_or_default();
    Ok(Some(
        ddl::parse_definition(&text, name, dialect).map(|definition| definition.table),
    ))
}

/// All tables of the databases that the filter could match, as they are now.
pub(super) async fn all(
    conn: &mut Conn,
    server: &Server,
    filter: &ObjectFilter,
    dialect: &Dialect,
) -> Result<SchemaChange> {
    let what = || format!("reading the catalogue of {}", server.endpoint);
    let schemata: Vec<(String, String, String)> = conn
        .query(
            "SELECT CAST(schema_name AS CHAR), CAST(default_character_set_name AS CHAR), \
             CAST(default_collation_name AS CHAR) FROM information_schema.schemata",
        )
        .await
        .map_err(|e| fault(what(), e))?;
    let defaults: BTreeMap<String, CharsetDefault> = schemata
        .into_iter()
        .filter(|(schema, ..)| filter.matches_schema(schema) && !is_internal(schema))
        .map(|(schema, charset, collation)| (schema, CharsetDefault { charset, collation }))
        .collect();
    let mut change = SchemaChange::default();
    let mut next = 1;
    for schema in defaults.keys() {
        let names: Vec<String> = conn
            .exec(
                "SELECT CAST(table_name AS CHAR) FROM information_schema.tables \
                 WHERE table_schema = ? AND table_type IN ('BASE TABLE', 'SYSTEM VERSIONED')",
                (schema,),
            )
            .await
            .map_err(|e| fault(what(), e))?;
        for name in names {
            let name = TableName::new(schema, name);
            match one(conn, server, &name, dialect).await? {
                Some(Ok(table)) => {
                    change.set.push((next, table));
                    next += 1;
                }
                Some(Err(why)) => {
                    tracing::warn!(table = %name, why, "the definition is not understood");
                    change.unknown.push((name, why));
                }
                None => {}
            }
        }
    }
    change.defaults = defaults;
    Ok(change)
}

/// Whether DDL that could touch the named tables (none: any tracked one) stands in the log
/// between two places.
pub(super) async fn changed_between(
    server: &Server,
    replica: &Replica,
    tracker: &Tracker,
    tables: Option<&[TableName]>,
    from: &Position,
    to: &Position,
) -> Result<bool> {
    let mut assembler = Assembler::new(from, server.flavour == Flavour::MariaDb);
    if assembler.place() >= to.txn_id() {
        return Ok(false);
    }
    let mut stream = LogStream::open(server, replica, from).await?;
    while assembler.place() < to.txn_id() {
        let event = stream.next().await?;
        let header = event.header();
        if matches!(header.kind, kind::HEARTBEAT | kind::HEARTBEAT_V2) && !assembler.is_inside() {
            // the source is at its end
            break;
        }
        let step = assembler.push(&header, stream.body(&event))?;
        if let Step::Statement(sql) = step {
            let modes = Modes {
                ansi_quotes: sql.ansi_quotes,
                no_backslash_escapes: sql.no_backslash_escapes,
            };
            let ddl = tracker.parse(&sql.text, &sql.schema, modes);
            if concerns(&ddl, tracker, tables) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

fn concerns(ddl: &Ddl, tracker: &Tracker, tables: Option<&[TableName]>) -> bool {
    let hit = |name: &TableName| match tables {
        Some(tables) => tables.contains(name),
        None => tracker.watches(&name.schema),
    };
    match ddl {
        Ddl::Irrelevant | Ddl::TruncateTable(_) => false,
        Ddl::CreateTable { table, .. } => hit(&table.name),
        Ddl::CreateTableLike { name, .. } | Ddl::AlterTable { name, .. } => hit(name),
        Ddl::DropTable { names, .. } => names.iter().any(hit),
        Ddl::RenameTable(pairs) => pairs.iter().any(|(from, to)| hit(from) || hit(to)),
        Ddl::SchemaDefault { schema, .. } | Ddl::DropSchema(schema) => tracker.watches(schema),
        Ddl::Unsupported { tables, .. } => tables.is_empty() || tables.iter().any(hit),
    }
}

/// Definitions of the named tables at the place `at`, which is the one that is being read. They
/// are read from the source as they are now, which is the same only if no DDL on them follows.
pub(super) async fn reread(
    server: &Server,
    conn: &mut Conn,
    replica: &Replica,
    tracker: &Tracker,
    tables: &[TableName],
    at: &Position,
    dialect: &Dialect,
    first_version: u32,
) -> Result<SchemaChange> {
    let mut change = SchemaChange::default();
    let mut next = first_version;
    for name in tables {
        match one(conn, server, name, dialect).await? {
            Some(Ok(table)) => {
                change.set.push((next, table));
                next += 1;
            }
            Some(Err(why)) => change.unknown.push((name.clone(), why)),
            None => change.drop.push(name.clone()),
        }
    }
    let end = crate::datasource::mysql::binlog::status::log_end(conn, server).await?;
    if changed_between(server, replica, tracker, Some(tables), at, &end.position).await? {
        let why = "further DDL on it follows in the log, so its definition here cannot be read from the source";
        let list = |names: &[TableName]| {
            names
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", ")
        };
        tracing::warn!(tables = list(tables), position = %at, why, "the definition is lost");
        return Ok(SchemaChange {
            unknown: tables.iter().map(|t| (t.clone(), why.to_owned())).collect(),
            ..SchemaChange::default()
        });
    }
    Ok(change)
}

/// The error after too many attempts to read definitions while the tables kept changing.
pub(super) fn restless(server: &Server) -> Error {
    Error::new(
        Kind::ServerBusy,
        format!("reading the definitions of tables at {}", server.endpoint),
    )
    .detail("the tables in scope were changed by DDL each time while they were read")
}
