//! Reading definitions of tables from the source, and proving that they are those of a place in
//! its log: no DDL stands between the place and the moment of reading.
//!
//! Where the log is served elsewhere than where the tables are, it may be behind: what was just
//! read from the database may not be in it yet. Then a beat is written to the database after the
//! reading, and the log is read until the beat is seen in it.

use super::beat::Beats;
use super::codec::SchemaChange;
use super::tracker::{Modes, Tracker};
use crate::datasource::mysql::binlog::assembler::{Assembler, Sql, Step};
use crate::datasource::mysql::binlog::event::kind;
use crate::datasource::mysql::binlog::input::Bad;
use crate::datasource::mysql::binlog::plan::RowPlan;
use crate::datasource::mysql::binlog::rows::{self, RowsEvent};
use crate::datasource::mysql::binlog::source::Source;
use crate::datasource::mysql::binlog::status::LogEnd;
use crate::datasource::mysql::binlog::stream::{LogStream, Replica};
use crate::datasource::mysql::catalogue::is_system;
use crate::datasource::mysql::heartbeat::{self, BeatWriter};
use crate::datasource::mysql::{Endpoint, Flavour, Server};
use crate::error::{Error, Kind, Result};
use crate::model::ddl::Ddl;
use crate::model::filter::ObjectFilter;
use crate::model::ids::TxnId;
use crate::model::position::Position;
use crate::model::table::TableName;
use std::collections::HashMap;
use std::time::Duration;

/// How long a log may be behind its database while definitions are read.
const PATIENCE: Duration = Duration::from_secs(60);

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

/// Who asks the source for its log for a proof, and which beat is written for one.
#[derive(Debug, Clone)]
pub(super) struct Prover {
    /// Our second name among the source's replicas.
    pub replica: Replica,
    /// Our row of the heartbeat's table.
    pub row_id: u16,
}

/// Up to where the log is looked at.
enum Until {
    /// The place where it ended after the reading.
    Place(TxnId),
    /// This beat, which was written after the reading.
    Beat(Beats),
}

/// Whether DDL that could touch the named tables (none: any tracked one) stands in the log between
/// a place and now, and where now is.
pub(super) async fn changed_since(
    source: &mut Source,
    prover: &Prover,
    tracker: &Tracker,
    tables: Option<&[TableName]>,
    from: &Position,
) -> Result<(bool, LogEnd)> {
    let until = match source.is_apart() {
        true => Some(beat(source, prover).await?),
        false => None,
    };
    let end = source.end().await?;
    let until = until.map_or_else(|| Until::Place(end.position.txn_id()), Until::Beat);
    let (log, mariadb) = (&source.log, source.log.flavour == Flavour::MariaDb);
    let mut assembler = Assembler::new(from, mariadb);
    if matches!(until, Until::Place(place) if assembler.place() >= place) {
        return Ok((false, end));
    }
    let mut stream = LogStream::open(log, &prover.replica, from).await?;
    let concerned = |sql: &Sql<'_>| {
        let modes = Modes {
            ansi_quotes: sql.ansi_quotes,
            no_backslash_escapes: sql.no_backslash_escapes,
        };
        let ddl = tracker.parse(&sql.text, &sql.schema, modes);
        concerns(&ddl, tracker, tables)
    };
    let looked = look(&mut stream, &mut assembler, &until, concerned);
    match tokio::time::timeout(PATIENCE, looked).await {
        Ok(changed) => changed.map(|changed| (changed, end)),
        Err(_) => Err(behind(source)),
    }
}

/// Where the log of a server ends now: everything that was committed there when this was asked stands in
/// front of it. A log that is served elsewhere is waited for: a beat is written to the database, in the
/// heartbeat's row of the Store that serves `subtopic`, and read again from the log.
///
/// # Errors
/// As the server, or who serves its log, is not reached, or has no log; `ServerBusy` where the log does
/// not follow its database.
pub async fn end_of_log(endpoint: &Endpoint, subtopic: &str) -> Result<Position> {
    let mut source = Source::open(endpoint).await?;
    let end = source.end().await?.position;
    if !source.is_apart() {
        return Ok(end);
    }
    let prover = Prover {
        replica: Replica::random(),
        row_id: heartbeat::row_of(subtopic),
    };
    let until = Until::Beat(beat(&mut source, &prover).await?);
    let log = &source.log;
    let mut assembler = Assembler::new(&end, log.flavour == Flavour::MariaDb);
    let mut stream = LogStream::open(log, &prover.replica, &end).await?;
    let looked = look(&mut stream, &mut assembler, &until, |_| false);
    match tokio::time::timeout(PATIENCE, looked).await {
        Ok(looked) => looked.map(|_| Position {
            time_ms: end.time_ms,
            ..assembler.position()
        }),
        Err(_) => Err(behind(&source)),
    }
}

/// Writes a beat of its own to the database.
async fn beat(source: &mut Source, prover: &Prover) -> Result<Beats> {
    let found = heartbeat::prepare(source).await?;
    let mut writer = BeatWriter::open(&source.server, prover.row_id, found.in_millis).await?;
    // in seconds or milliseconds since 1970: greater than any that was written before
    let value = match found.in_millis {
        true => clock_ms(source).await?,
        false => clock_ms(source).await? / 1000,
    };
    let beats = Beats::of_one(found, prover.row_id, value + 1);
    // one that is in the row already changes nothing, and would not be logged: not so the other
    writer.write(value).await?;
    writer.write(value + 1).await?;
    Ok(beats)
}

fn behind(source: &Source) -> Error {
    Error::new(
        Kind::ServerBusy,
        format!(
            "waiting until the log at {} is as far as the database",
            source.log.endpoint
        ),
    )
    .detail(format!(
        "what was written to {} was not in it after {} s",
        source.server.endpoint,
        PATIENCE.as_secs()
    ))
    .remedy("See that the address serves the log of this database and follows it closely.")
}

async fn clock_ms(source: &mut Source) -> Result<u64> {
    Ok(source.end().await?.position.time_ms)
}

/// Reads the log until a statement comes that concerns the asker (true), or the end is there (false).
async fn look(
    stream: &mut LogStream,
    assembler: &mut Assembler,
    until: &Until,
    concerned: impl Fn(&Sql<'_>) -> bool,
) -> Result<bool> {
    let mut plans: HashMap<u64, RowPlan> = HashMap::new();
    loop {
        match until {
            Until::Place(place) if assembler.place() >= *place => return Ok(false),
            Until::Beat(beats) if beats.is_proved() && !assembler.is_inside() => {
                return Ok(false);
            }
            _ => {}
        }
        let event = stream.next().await?;
        let header = event.header();
        let at_end = matches!(header.kind, kind::HEARTBEAT | kind::HEARTBEAT_V2);
        if at_end && !assembler.is_inside() && matches!(until, Until::Place(_)) {
            return Ok(false);
        }
        let body = stream.body(&event);
        match (assembler.push(&header, body)?, until) {
            (Step::Statement(sql), _) if concerned(&sql) => return Ok(true),
            (Step::TableMap(map), Until::Beat(beats)) => {
                plans.remove(&map.id);
                let name = TableName::new(map.schema, map.table);
                if let Some(table) = beats.table().filter(|table| table.table.name == name) {
                    plans.insert(map.id, RowPlan::new(&map, table)?);
                }
            }
            (Step::Rows(kind), Until::Beat(beats)) => {
                let bad = |b: Bad| b.error("looking for a beat in the log".to_owned());
                if let Some(plan) = plans.get(&rows::table_id(body).map_err(bad)?) {
                    beats.rows(&RowsEvent::parse(kind, body).map_err(bad)?, plan);
                }
            }
            _ => {}
        }
    }
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
    prover: &Prover,
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
    let (changed, _) = changed_since(source, prover, tracker, Some(tables), at).await?;
    if changed {
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
