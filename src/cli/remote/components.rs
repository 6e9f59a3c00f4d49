//! `oms component`, and `oms project components`.

use super::args::{ComponentCommand, Remote};
use super::client::Client;
use super::columns::{self, Column};
use super::{find, tasks, tell};
use crate::cli::args::Output;
use crate::cli::failure::Outcome;
use crate::error::{Error, Kind};
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
    let (action, on) = match command.command {
        ComponentCommand::List { project } => return list(&client, &project, output).await,
        ComponentCommand::Start(on) => ("StartComponent", on),
        ComponentCommand::Pause(on) => ("PauseComponent", on),
        ComponentCommand::Resume(on) => ("ResumeComponent", on),
        ComponentCommand::Rerun(on) => ("RerunComponent", on),
        ComponentCommand::Delete(on) => ("DeleteComponent", on),
        ComponentCommand::Update {
            on,
            settings,
            defaults,
        } => {
            let (action, body) = update(&on.name, &settings, defaults)?;
            return tasks::submit(&client, action, body, on.wait, output).await;
        }
    };
    let body = json!({ "name": on.name });
    tasks::submit(&client, action, body, on.wait, output).await
}

/// The action that changes a component's settings, and its parameters. Which kind of component it is
/// says its name.
fn update(name: &str, settings: &[String], defaults: bool) -> Outcome<(&'static str, Value)> {
    let (action, scoped) = match name {
        name if name.contains("-full_trans-") => ("UpdateFullImport", true),
        name if name.contains("-incr_trans-") => ("UpdateIncrSync", true),
        name if name.contains(":verifier:") => ("UpdateFullVerification", false),
        _ => ("UpdateStore", false),
    };
    let mut config = json!({});
    for setting in settings {
        let Some((key, value)) = setting.split_once('=') else {
            return Err(
                Error::new(Kind::ConfigInvalid, format!("argument '{setting}'"))
                    .detail("it must be NAME=VALUE")
                    .into(),
            );
        };
        let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
        match key.split_once('.').filter(|_| scoped) {
            Some((scope, key)) => config[scope][key] = value,
            None => config[key] = value,
        }
    }
    let mut body = json!({ "dimension": "NAME", "key": name, "cmRegion": "", "config": config });
    if scoped {
        body["allowDelete"] = defaults.into();
    } else if defaults {
        return Err(Error::new(Kind::ConfigInvalid, "argument --defaults")
            .detail("it goes with a Full-Import or an Incr-Sync only")
            .into());
    }
    Ok((action, body))
}

/// `oms project repair`.
pub async fn repair(
    client: &Client,
    project: &str,
    step: &str,
    wait: bool,
    output: Output,
) -> Outcome {
    let id = find::project(client, project).await?;
    let body = json!({ "id": id, "stepName": step });
    tasks::submit(client, "RepairProjectStep", body, wait, output).await
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
    fn settings_are_sent_in_their_scopes() {
        let name = "127.0.0.1-9000:connector_v2:np_1-incr_trans-1-0:0000000004";
        let settings = ["sink.workerNum=8", "coordinator.transaction_mode=atomic"];
        let (action, body) = update(name, &settings.map(str::to_owned), true).expect("good");
        assert_eq!(action, "UpdateIncrSync");
        assert_eq!(body["allowDelete"], true);
        let wanted =
            json!({ "sink": { "workerNum": 8 }, "coordinator": { "transaction_mode": "atomic" } });
        assert_eq!(body["config"], wanted);
        let name = "127.0.0.1-7100:MYSQL_np_1_e_1-1-0:0000000002";
        let settings = ["store.clearer.outdated=7200".to_owned()];
        let (action, body) = update(name, &settings, false).expect("good");
        assert_eq!(action, "UpdateStore");
        assert_eq!(body["config"], json!({ "store.clearer.outdated": 7200 }));
        assert!(update(name, &settings, true).is_err());
        assert!(update(name, &["nothing".to_owned()], false).is_err());
    }

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
