//! Triggers, events and routines that the source has and the target has not: a person moves them.

use super::work::Ends;
use crate::datasource::mysql::{Connection, Server, Session, catalogue};
use crate::error::Result;
use crate::model::table::TableName;
use std::collections::BTreeSet;

/// Names of objects as `TRIGGER shop.t1`, in their order.
pub async fn missing(ends: &Ends) -> Result<Vec<String>> {
    let filter = &ends.filter;
    let here = Server::open(&ends.source).await?;
    let mut conn = catalogue::open(&here).await?;
    let schemas = catalogue::objects(&mut conn, filter).await?.schemas;
    let schemas: BTreeSet<String> = schemas.into_iter().map(|s| s.name).collect();
    let mut conn = here.session(Session::Plain).await?;
    let wanted = found(&mut conn, &schemas, |table| filter.matches(table)).await?;
    let there = Server::open(&ends.target).await?;
    let mut conn = there.session(Session::Plain).await?;
    let has = found(&mut conn, &schemas, |_| true).await?;
    Ok(wanted.difference(&has).cloned().collect())
}

/// The objects of some databases; triggers only of tables that `of` says.
async fn found(
    conn: &mut Connection,
    schemas: &BTreeSet<String>,
    of: impl Fn(&TableName) -> bool,
) -> Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    let triggers: Vec<(String, String, String)> = conn
        .rows(
            "listing triggers",
            "SELECT trigger_schema, trigger_name, event_object_table FROM information_schema.triggers",
        )
        .await?;
    for (schema, name, table) in triggers {
        let table = TableName::new(&schema, &table);
        if schemas.contains(&schema) && of(&table) {
            found.insert(format!("TRIGGER {schema}.{name}"));
        }
    }
    let others = [
        (
            "EVENT",
            "SELECT event_schema, event_name FROM information_schema.events",
        ),
        (
            "PROCEDURE",
            "SELECT routine_schema, routine_name FROM information_schema.routines WHERE routine_type = 'PROCEDURE'",
        ),
        (
            "FUNCTION",
            "SELECT routine_schema, routine_name FROM information_schema.routines WHERE routine_type = 'FUNCTION'",
        ),
    ];
    for (what, sql) in others {
        if what == "EVENT" && !has_events(conn).await? {
            continue;
        }
        let rows: Vec<(String, String)> =
            conn.rows(format!("listing objects: {what}"), sql).await?;
        for (schema, name) in rows {
            if schemas.contains(&schema) {
                found.insert(format!("{what} {schema}.{name}"));
            }
        }
    }
    Ok(found)
}

/// OceanBase has no events in most of its versions, and no view of them then.
async fn has_events(conn: &mut Connection) -> Result<bool> {
    let sql = "SELECT COUNT(*) FROM information_schema.tables \
               WHERE LOWER(table_schema) = 'information_schema' AND LOWER(table_name) = 'events'";
    let found: Option<u64> = conn.first("looking for events", sql).await?;
    Ok(found.unwrap_or(0) > 0)
}
