//! `oms node`: the nodes that a server knows, and how many components they may run.

use super::args::{NodeCommand, Remote};
use super::client::Client;
use super::columns::{self, Column, text_at};
use super::{act, tell};
use crate::cli::args::Output;
use crate::cli::failure::Outcome;
use serde_json::{Value, json};

const COLUMNS: &[Column] = &[
    ("NODE", "name"),
    ("IP", "ip"),
    ("PORT", "port"),
    ("REGION", "region"),
    ("STATUS", "status"),
    ("CPU %", "cpuPercent"),
    ("MEMORY %", "memoryPercent"),
    ("DISK %", "diskPercent"),
    ("COMPONENTS", "places"),
    ("VERSION", "version"),
    ("HEARTBEAT (UTC)", "gmtHeartbeat"),
    ("PROBLEM", "problem"),
];

/// Runs the command.
pub async fn run(command: Remote<NodeCommand>, output: Output) -> Outcome {
    let client = Client::open(&command.api)?;
    match command.command {
        NodeCommand::List { search } => {
            let wanted = search.map_or_else(|| json!({}), |key| json!({ "searchKey": key }));
            let data = client.list("ListServers", wanted).await?;
            tell(output, &data, text)
        }
        NodeCommand::Quota {
            name,
            stores,
            connectors,
        } => {
            let mut body = json!({ "name": name });
            for (key, quota) in [("storeQuota", stores), ("connectorQuota", connectors)] {
                if let Some(quota) = quota {
                    // "none" is no number
                    body[key] = quota.parse::<u32>().map_or(Value::Null, Value::from);
                }
            }
            let done = format!("node {name} has this quota from now on");
            act(&client, output, "UpdateServerQuota", body, &done).await
        }
    }
}

fn text(data: &Value) -> String {
    let mut items = data.as_array().cloned().unwrap_or_default();
    for item in &mut items {
        let all = item["components"].as_array().into_iter().flatten();
        let places = all.map(|kind| {
            let most = match text_at(kind, "upperLimit") {
                most if most.is_empty() => "no limit".to_owned(),
                most => most,
            };
            let (name, usage) = (text_at(kind, "componentType"), text_at(kind, "usage"));
            format!("{name} {usage} of {most}")
        });
        item["places"] = places.collect::<Vec<_>>().join(", ").into();
    }
    columns::rows(&items, COLUMNS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_shown() {
        let data = json!([{ "name": "n", "components": [
            { "componentType": "STORE", "usage": 1, "upperLimit": 2 },
            { "componentType": "CONNECTOR", "usage": 0, "upperLimit": null },
        ]}]);
        let shown = text(&data);
        // a narrow terminal breaks lines
        let flat: String = shown.split_whitespace().collect();
        for part in ["STORE", "1of2", "nolimit"] {
            assert!(flat.contains(part), "{part}:\n{shown}");
        }
    }
}
