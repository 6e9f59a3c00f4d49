//! The nodes: `ListServers` and `UpdateServerQuota` (reference 3.10 and 7.17).

use super::registry::Call;
use super::request::invalid;
use super::{Answer, Api, Outcome};
use crate::coordinator::Places;
use crate::error::{Error, Kind, Result};
use crate::metadata::{Component, NodeRow, QUOTA_MOST, Row};
use chrono::DateTime;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};

/// A node that has said nothing for so long is down.
const DOWN_AFTER_MS: i64 = 30_000;

/// Parameters of `ListServers`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct List {
    /// A part of the name or of the address.
    #[serde(default)]
    search_key: String,
}

/// Parameters of `UpdateServerQuota`; what is not given stays, null is any number.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct UpdateQuota {
    /// The node.
    name: String,
    /// Stores that it may have.
    #[serde(default, deserialize_with = "given")]
    #[schemars(range(min = 0, max = 100_000))]
    store_quota: Option<Option<i32>>,
    /// Full-Imports, Incr-Syncs and verifications that it may have, together.
    #[serde(default, deserialize_with = "given")]
    #[schemars(range(min = 0, max = 100_000))]
    connector_quota: Option<Option<i32>>,
}

/// Tells null from what is not given.
fn given<'de, D: Deserializer<'de>>(reader: D) -> Result<Option<Option<i32>>, D::Error> {
    Option::deserialize(reader).map(Some)
}

/// A node.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ServerItem {
    name: String,
    ip: Option<String>,
    /// The port of its API.
    port: Option<i32>,
    /// Where it stands; empty: there is one region.
    region: Option<String>,
    /// `DOWN`: it has said nothing for half a minute, or it ended.
    status: Option<ServerStatus>,
    /// Its version of oms.
    version: Option<String>,
    /// The host's CPU in use.
    cpu_percent: Option<i32>,
    /// The host's memory in use.
    memory_percent: Option<i32>,
    /// The disk with the Stores in use.
    disk_percent: Option<i32>,
    /// How many components it has of how many that it may have.
    components: Vec<UsageItem>,
    /// When it said something last, UTC.
    gmt_heartbeat: Option<String>,
    /// Why its row cannot be understood.
    problem: Option<String>,
}

/// Whether a node is there.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
enum ServerStatus {
    /// It is there.
    Online,
    /// It is not.
    Down,
}

/// Components of a kind on a node.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct UsageItem {
    /// `STORE`, or `CONNECTOR`: Full-Import, Incr-Sync and verifications.
    component_type: &'static str,
    /// Those that run or are paused.
    usage: usize,
    /// Null: any number.
    upper_limit: Option<i32>,
}

/// `ListServers`.
pub async fn list(call: &Call<'_>, wanted: List) -> Outcome {
    let api = call.api;
    let now_ms = api.metadata.nodes().now_ms().await?;
    let mut items = Vec::new();
    for row in api.metadata.nodes().list().await? {
        let item = item(api, row, now_ms).await?;
        let has = |text: &str| text.contains(&wanted.search_key);
        if has(&item.name) || item.ip.as_deref().is_some_and(has) {
            items.push(item);
        }
    }
    Answer::of(items)
}

/// `UpdateServerQuota`.
pub async fn update_quota(call: &Call<'_>, wanted: UpdateQuota) -> Outcome {
    let (store, connector) = (wanted.store_quota, wanted.connector_quota);
    for (name, quota) in [("storeQuota", store), ("connectorQuota", connector)] {
        if quota
            .flatten()
            .is_some_and(|q| !(0..=QUOTA_MOST).contains(&q))
        {
            return Err(invalid(
                name,
                format!("it must be 0 to {QUOTA_MOST}, or null"),
            ));
        }
    }
    if store.is_none() && connector.is_none() {
        return Err(invalid(
            "storeQuota",
            "neither it nor connectorQuota is given",
        ));
    }
    let nodes = call.api.metadata.nodes();
    match nodes.set_quota(&wanted.name, store, connector).await? {
        true => Ok(Answer::nothing()),
        false => Err(Error::new(Kind::NotFound, format!("node {}", wanted.name))
            .detail("there is none")
            .remedy("ListServers shows them.")),
    }
}

/// What the audit log keeps of a node; None where there is none.
pub async fn snapshot(api: &Api, name: &str) -> Result<Option<Value>> {
    let row = api.metadata.nodes().find(name).await;
    let row = match row.map_err(Error::from) {
        Err(error) if error.kind() == Kind::RmCorrupt => None,
        row => row?,
    };
    Ok(row.map(|row| {
        json!({
            "name": row.name, "storeQuota": row.store_quota,
            "connectorQuota": row.connector_quota,
        })
    }))
}

async fn item(api: &Api, row: Row<NodeRow>, now_ms: i64) -> Result<ServerItem> {
    let (name, row, problem) = match row {
        Ok(row) => (row.name.clone(), Some(row), None),
        Err(problem) => {
            tracing::warn!(%problem, "a node's row cannot be understood");
            (problem.id.clone(), None, Some(problem.to_string()))
        }
    };
    let there = api.metadata.components().list_living_by_node(&name).await?;
    let there: Vec<Component> = there.into_iter().flatten().collect();
    let row = row.as_ref();
    let usage = |component_type, places: Places, upper_limit| UsageItem {
        component_type,
        usage: places.taken(&there),
        upper_limit,
    };
    Ok(ServerItem {
        name,
        ip: row.map(|row| row.ip.clone()),
        port: row.map(|row| row.port),
        region: row.map(|row| row.region.clone()),
        status: row.map(|row| match now_ms - row.heartbeat_at_ms <= DOWN_AFTER_MS {
            true => ServerStatus::Online,
            false => ServerStatus::Down,
        }),
        version: row.map(|row| row.version.clone()),
        cpu_percent: row.and_then(|row| row.load.cpu),
        memory_percent: row.and_then(|row| row.load.memory),
        disk_percent: row.and_then(|row| row.load.disk),
        components: vec![
            usage("STORE", Places::Store, row.and_then(|row| row.store_quota)),
            usage(
                "CONNECTOR",
                Places::Connector,
                row.and_then(|row| row.connector_quota),
            ),
        ],
        gmt_heartbeat: row
            .filter(|row| row.heartbeat_at_ms > 0)
            .and_then(|row| DateTime::from_timestamp_millis(row.heartbeat_at_ms))
            .map(|at| super::projects::time(at.naive_utc())),
        problem,
    })
}
