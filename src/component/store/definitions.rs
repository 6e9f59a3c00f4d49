//! Reading definitions of tables from the source, and proving that they are those of a place in
//! its log: no DDL stands between the place and the moment of reading.

use super::codec::SchemaChange;
use super::tracker::{Modes, Tracker};
use crate::datasource::mysql::binlog::assembler::{Assembler, Step};
use crate::datasource::mysql::binlog::event::kind;
use crate::datasource::mysql::binlog::source::Source;
use crate::datasource::mysql::binlog::stream::{LogStream, Replica};
use crate::datasource::mysql::catalogue::is_system;
use crate::datasource::mysql::{Flavour, Server};
use crate::error::{Error, Kind, Result};
use crate::model::ddl::Ddl;
use crate::model::filter::ObjectFilter;
use crate::model::position::Position;
use crate::model::table::TableName;

/// All tables of the databases that the filter could match, as they are now.
pub(super) async fn all(source: &mut Source, filter: &ObjectFilter) -> Result<SchemaChange> {
    let wanted = |schema: &str| filter.matches_schema(schema) && !is_system(schema);
    let mut change = SchemaChange {
        defaults: source.schemas(wanted).await?,
        ..SchemaChange::default()
    };
    let mut next = 1;
    let schemas: Vec<String> = change.defaults.keys().cloned().collect();
    for schema in schemas {
        for (name, defined) in source.tables(&schema).await? {
            match defined {
                Ok(table) => {
                    change.set.push((next, table));
                    next += 1;
                }
                Err(why) => {
                    tracing::warn!(table = %name, why, "the definition is not understood");
                    change.unknown.push((name, why));
                }
            }
        }
    }
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
    source: &mut Source,
    replica: &Replica,
    tracker: &Tracker,
    tables: &[TableName],
    at: &Position,
    first_version: u32,
) -> Result<SchemaChange> {
    let mut change = SchemaChange::default();
    let mut next = first_version;
    for name in tables {
        match source.definition(name).await? {
            Some(Ok(table)) => {
                change.set.push((next, table));
                next += 1;
            }
            Some(Err(why)) => change.unknown.push((name.clone(), why)),
            None => change.drop.push(name.clone()),
        }
    }
    let end = source.end().await?;
    if changed_between(
        &source.server,
        replica,
        tracker,
        Some(tables),
        at,
        &end.position,
    )
    .await?
    {
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
