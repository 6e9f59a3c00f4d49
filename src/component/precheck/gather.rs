//! Reads the facts. Nothing is written, made or locked on either side; the one thing that is held
//! for a moment is a user-level lock, which ends with our session.

use super::facts::{Facts, LogAddress, LogFacts, Scope, ServerFacts, TableFacts, TargetTable};
use crate::datasource::mysql::binlog::source::Source;
use crate::datasource::mysql::binlog::status::{LogEnd, LogSettings, log_end};
use crate::datasource::mysql::ddl::{Target, convert, family};
use crate::datasource::mysql::literal::push_quoted;
use crate::datasource::mysql::privileges::Grants;
use crate::datasource::mysql::settings::Settings;
use crate::datasource::mysql::{Connection, Endpoint, Flavour, Server, Session, catalogue};
use crate::error::{Kind, Result};
use crate::model::ddl::Dialect;
use crate::model::filter::ObjectFilter;
use crate::model::table::TableName;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

/// Reads everything.
pub async fn facts(
    source: &Server,
    target: &Server,
    filter: &ObjectFilter,
    scope: Scope,
) -> Result<Facts> {
    let mut there = catalogue::open(target).await?;
    let target_ddl = catalogue::target(&mut there, target).await?;
    let mut here = catalogue::open(source).await?;
    let objects = catalogue::objects(&mut here, filter).await?;
    let dialect = catalogue::dialect(&mut here, source).await?;
    let mut tables = Vec::with_capacity(objects.tables.len());
    for info in &objects.tables {
        let mut facts = table(&mut here, &info.name, &dialect, source, &target_ddl).await?;
        facts.engine.clone_from(&info.engine);
        tables.push(facts);
    }
    let names: Vec<&TableName> = objects.tables.iter().map(|t| &t.name).collect();
    Ok(Facts {
        named_schemas: named_schemas(filter),
        source: server(source).await?,
        target: server(target).await?,
        log: log(source, &mut here).await?,
        schemas: objects.schemas.into_iter().map(|s| s.name).collect(),
        target_tables: target_tables(target, &mut there, &names, &target_ddl).await?,
        heartbeat_table: catalogue::exists(&mut here, &TableName::new("drc", "heartbeat")).await?,
        same_server: same_server(source, target).await?,
        views: objects.views,
        tables,
        target_ddl,
        scope,
    })
}

/// Databases that the include rules name in full.
fn named_schemas(filter: &ObjectFilter) -> BTreeSet<String> {
    filter
        .include
        .iter()
        .filter_map(|rule| rule.split_once('.'))
        .filter(|(schema, _)| !schema.contains(['*', '?', '[']))
        .map(|(schema, _)| schema.to_owned())
        .collect()
}

async fn server(server: &Server) -> Result<ServerFacts> {
    let mut conn = server.session(Session::Plain).await?;
    let settings = Settings::read(
        &mut conn,
        &format!("asking {} for its settings", server.endpoint),
    )
    .await?;
    let fold_case = settings.number("lower_case_table_names").unwrap_or(0.0) > 0.0;
    let what = format!("asking {} what the account may do", server.endpoint);
    let grants = Grants::read(&mut conn, server.flavour, fold_case, &what).await?;
    let account: Option<String> = conn
        .first(what, "SELECT CAST(CURRENT_USER() AS CHAR)")
        .await?;
    Ok(ServerFacts {
        flavour: server.flavour,
        version: server.version.clone(),
        numbers: match server.flavour {
            Flavour::OceanBase => catalogue::target_of(server).await?.version,
            _ => server.version_numbers(),
        },
        account: account.unwrap_or_else(|| server.endpoint.user.clone()),
        clock_ms: clock(&mut conn, server).await?,
        settings,
        grants,
    })
}

/// The server's clock minus ours, milliseconds: the best of a few looks.
async fn clock(conn: &mut Connection, server: &Server) -> Result<i64> {
    let now = || {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    };
    let mut best: Option<(i64, i64)> = None;
    for _ in 0..3 {
        let before = now();
        let theirs: Option<i64> = conn
            .first(
                format!("asking {} for its time", server.endpoint),
                "SELECT CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)",
            )
            .await?;
        let way = now() - before;
        let offset = theirs.unwrap_or(before) - (before + way / 2);
        if best.is_none_or(|(shortest, _)| way < shortest) {
            best = Some((way, offset));
        }
    }
    Ok(best.map_or(0, |(_, offset)| offset))
}

async fn log(source: &Server, conn: &mut Connection) -> Result<LogFacts> {
    let mut facts = LogFacts::default();
    let at = source.endpoint.of_log();
    match log_end_of(source, conn, at.as_ref(), &mut facts).await {
        Ok(end) => {
            facts.only = end.only;
            facts.without = end.without;
        }
        // an address that does not answer is the item's business, a source that does not the whole check's
        Err(error) if error.kind() == Kind::Unreachable && at.is_none() => return Err(error),
        Err(error) => facts.refusal = Some(error.to_string()),
    }
    let statement = match (source.flavour, source.version_numbers()) {
        _ if at.is_some() => return Ok(facts),
        (Flavour::OceanBase, _) => return Ok(facts),
        (Flavour::MariaDb, _) => "SHOW ALL SLAVES STATUS",
        (Flavour::MySql, version) if version >= (8, 0, 22) => "SHOW REPLICA STATUS",
        (Flavour::MySql, _) => "SHOW SLAVE STATUS",
    };
    let what = format!("asking {} whether it is a replica", source.endpoint);
    match conn.answers(what, statement).await {
        Ok(is_replica) => facts.is_replica = Some(is_replica),
        Err(error) if error.kind() == Kind::Unreachable => return Err(error),
        // not allowed to know, or not known there
        Err(_) => {}
    }
    Ok(facts)
}

/// The end of the log, as the source says it, or who serves it at its binlog address.
async fn log_end_of(
    source: &Server,
    conn: &mut Connection,
    at: Option<&Endpoint>,
    facts: &mut LogFacts,
) -> Result<LogEnd> {
    let Some(at) = at else {
        return log_end(conn, source).await;
    };
    let elsewhere = facts.elsewhere.insert(LogAddress {
        address: format!("{}:{}", at.host, at.port),
        is_service: source.flavour == Flavour::OceanBase,
        settings: Settings::default(),
        grants: None,
    });
    let (log, mut there) = Server::open_log(at, source.flavour).await?;
    elsewhere.settings = LogSettings::read(&mut there, &log).await?.all();
    if !log.log_only {
        let what = format!("asking {at} what the account may do");
        elsewhere.grants = Some(Grants::read(&mut there, log.flavour, false, &what).await?);
    }
    // it refuses an address that serves no such log
    Source::open(&source.endpoint).await?.end().await
}

async fn table(
    conn: &mut Connection,
    name: &TableName,
    dialect: &Dialect,
    source: &Server,
    target: &Target,
) -> Result<TableFacts> {
    let mut facts = TableFacts {
        name: name.clone(),
        engine: String::new(),
        keyless: false,
        foreign_keys: Vec::new(),
        collations: BTreeSet::new(),
        problem: None,
    };
    let definition = match catalogue::definition(conn, name, dialect).await {
        Ok(Some(definition)) => definition,
        // dropped while we look
        Ok(None) => return Ok(facts),
        Err(error)
            if error.kind() == Kind::SchemaUnsupported
                || error.kind() == Kind::PrivilegeMissing =>
        {
            facts.problem = Some(error.to_string());
            return Ok(facts);
        }
        Err(error) => return Err(error),
    };
    let converted = convert(&definition, family(source.flavour), target);
    facts.problem = converted.err().map(|error| error.to_string());
    facts.keyless = definition.table.row_key().is_none();
    facts.collations = definition
        .table
        .columns
        .iter()
        .filter_map(|c| Some((c.charset.clone()?, c.collation.clone()?)))
        .collect();
    facts.foreign_keys = definition.table.foreign_keys;
    Ok(facts)
}

/// The tables in scope that the target has, with their triggers.
async fn target_tables(
    target: &Server,
    conn: &mut Connection,
    names: &[&TableName],
    ddl: &Target,
) -> Result<Vec<TargetTable>> {
    let folded = |name: &TableName| match ddl.lower_case_names {
        true => TableName::new(name.schema.to_lowercase(), name.name.to_lowercase()),
        false => name.clone(),
    };
    let schemas: BTreeSet<String> = names.iter().map(|name| folded(name).schema).collect();
    if schemas.is_empty() {
        return Ok(Vec::new());
    }
    let mut list = Vec::new();
    for schema in &schemas {
        if !list.is_empty() {
            list.push(b',');
        }
        push_quoted(&mut list, schema.as_bytes());
    }
    let list = String::from_utf8_lossy(&list).into_owned();
    let what = || format!("reading the catalogue of {}", target.endpoint);
    let there: Vec<(String, String)> = conn
        .rows(what(), format!(
            "SELECT table_schema, table_name FROM information_schema.tables WHERE table_schema IN ({list})"
        ))
        .await?;
    let there: BTreeSet<TableName> = there
        .into_iter()
        .map(|(s, n)| folded(&TableName::new(s, n)))
        .collect();
    let mut triggers: BTreeMap<TableName, Vec<String>> = BTreeMap::new();
    let found: Vec<(String, String, String)> = conn
        .rows(what(), format!(
            "SELECT event_object_schema, event_object_table, trigger_name FROM information_schema.triggers \
             WHERE event_object_schema IN ({list})"
        ))
        .await?;
    for (schema, table, trigger) in found {
        triggers
            .entry(folded(&TableName::new(schema, table)))
            .or_default()
            .push(trigger);
    }
    let mut out = Vec::new();
    for name in names {
        let folded = folded(name);
        if !there.contains(&folded) {
            continue;
        }
        let has_rows = match catalogue::has_rows(conn, &folded).await {
            Ok(has_rows) => Some(has_rows),
            Err(error) if error.kind() == Kind::Unreachable => return Err(error),
            Err(_) => None,
        };
        out.push(TargetTable {
            name: (*name).clone(),
            has_rows,
            triggers: triggers.remove(&folded).unwrap_or_default(),
        });
    }
    Ok(out)
}

/// Whether both are the same server. Addresses prove nothing (proxies, names), so we take a
/// user-level lock on one and look for it on the other. None: a server knows no such locks.
async fn same_server(source: &Server, target: &Server) -> Result<Option<bool>> {
    if source.flavour != target.flavour {
        return Ok(Some(false));
    }
    let (mut holder, mut looker) = (
        source.session(Session::Plain).await?,
        target.session(Session::Plain).await?,
    );
    let name = format!("oms_precheck_{:032x}", rand::random::<u128>());
    let taken = ask(&mut holder, source, format!("SELECT GET_LOCK('{name}', 0)")).await?;
    if taken != Some(1) {
        return Ok(None);
    }
    let free = ask(
        &mut looker,
        target,
        format!("SELECT IS_FREE_LOCK('{name}')"),
    )
    .await?;
    ask(
        &mut holder,
        source,
        format!("SELECT RELEASE_LOCK('{name}')"),
    )
    .await?;
    Ok(free.map(|free| free == 0))
}

/// A number, or None where the server does not know the function.
async fn ask(conn: &mut Connection, server: &Server, sql: String) -> Result<Option<i64>> {
    let what = format!("asking {}", server.endpoint);
    match conn.first::<Option<i64>>(what, sql).await {
        Ok(answer) => Ok(answer.flatten()),
        Err(error) if error.kind() != Kind::Unreachable => Ok(None),
        Err(error) => Err(error),
    }
}
