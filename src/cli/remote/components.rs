//! `oms component`, and `oms project components`.

use super::args::{ComponentCommand, Remote};
use super::client::Client;
use super::columns::{self, Column};
use super::{act, find, tell};
use crate::cli::args::Output;
use crate::cli::failure::Outcome;
use serde_json::{Value, json};

const COLUMNS: &[Column] = &[
    ("COMPONENT", "name"),
    ("TYPE", "list"),
    ("NODE", "ip"),
    ("STATUS", "status"),
    ("PROGRESS", "progress"),
    ("DELAY", "delay"),
    ("ERROR", "error"),
];

/// Runs the command.
pub async fn run(command: Remote<ComponentCommand>, output: Output) -> Outcome {
    let client = Client::open(&command.api)?;
    let (action, name, done) = match command.command {
        ComponentCommand::List { project } => return list(&client, &project, output).await,
        ComponentCommand::Start { name } => ("StartComponent", name, "is started"),
        ComponentCommand::Pause { name } => ("PauseComponent", name, "is paused"),
        ComponentCommand::Rerun { name } => ("RerunComponent", name, "runs again"),
    };
    let done = format!("component {name} {done}");
    act(&client, output, action, json!({ "name": name }), &done).await
}

/// Lists the components of a project.
pub async fn list(client: &Client, project: &str, output: Output) -> Outcome {
    let id = find::project(client, project).await?;
    let reply = client
        .call("DescribeProjectComponents", json!({ "id": id }))
        .await?;
    tell(output, &reply.data, text)
}

/// The components of all lists, for people.
pub fn text(data: &Value) -> String {
    let mut rows = Vec::new();
    for (list, components) in data.as_object().into_iter().flatten() {
        for component in components.as_array().into_iter().flatten() {
            let mut row = component.clone();
            if let Some(row) = row.as_object_mut() {
                let with_unit = |key: &str, unit: &str| {
                    let figure = columns::text_at(component, key);
                    match figure.is_empty() {
                        true => figure,
                        false => format!("{figure} {unit}"),
                    }
                };
                let short = list.trim_end_matches("Components").trim_end_matches("List");
                let error = columns::text_at(&component["errorDetails"][0], "message");
                row.insert("list".into(), short.into());
                row.insert("progress".into(), with_unit("progress", "%").into());
                row.insert("delay".into(), with_unit("delay", "s").into());
                row.insert("error".into(), error.into());
            }
            rows.push(row);
        }
    }
    columns::rows(&rows, COLUMNS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn components_of_all_lists_are_shown() {
        let data = json!({
            "storeList": [{ "name": "store-1", "status": "RUNNING", "delay": 2 }],
            "incrSyncComponents": [{
                "name": "sync-1", "status": "FAILED", "progress": 40,
                "errorDetails": [{ "code": "X", "message": "went wrong" }],
            }],
            "reverseStoreList": [],
        });
        let shown = text(&data);
        for part in ["store-1", "incrSync", "2 s", "40 %", "went wrong"] {
            assert!(shown.contains(part), "{part}:\n{shown}");
        }
    }
}
