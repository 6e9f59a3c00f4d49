//! `oms label`.

use super::args::{LabelCommand, Remote};
use super::client::Client;
use super::{act, columns, find, tell};
use crate::cli::args::Output;
use crate::cli::failure::Outcome;
use serde_json::{Value, json};

/// Runs the command.
pub async fn run(command: Remote<LabelCommand>, output: Output) -> Outcome {
    let client = Client::open(&command.api)?;
    match command.command {
        LabelCommand::Create { name } => {
            let data = client
                .call("CreateLabel", json!({ "name": name }))
                .await?
                .data;
            tell(output, &data, columns::cell)
        }
        LabelCommand::List => {
            let data = client.list("ListAllLabels", json!({})).await?;
            tell(output, &data, |data| {
                columns::list(data, &[("ID", "id"), ("NAME", "name")])
            })
        }
        LabelCommand::Delete { id, force } => {
            let id = find::label(&client, &id).await?;
            let done = format!("label {id} is deleted");
            let mut body = json!({ "id": id });
            if force {
                body["force"] = true.into();
            }
            act(&client, output, "DeleteLabel", body, &done).await
        }
        LabelCommand::Start { id } => {
            let id = find::label(&client, &id).await?;
            let reply = client
                .call("StartProjectsByLabel", json!({ "id": id }))
                .await?;
            tell(output, &reply.data, |data| said(data, "started"))
        }
        LabelCommand::Stop { id } => {
            let id = find::label(&client, &id).await?;
            let reply = client
                .call("StopProjectsByLabel", json!({ "id": id }))
                .await?;
            tell(output, &reply.data, |data| said(data, "paused"))
        }
    }
}

/// What became of the label's projects.
fn said(data: &Value, done: &str) -> String {
    let ids = |key: &str| columns::text_at(data, key);
    let mut lines = vec![format!("{} projects", columns::text_at(data, "total"))];
    for (what, ids) in [
        (done, ids("succeedProjectIds")),
        ("failed", ids("failedProjectIds")),
    ] {
        if !ids.is_empty() {
            lines.push(format!("{what}: {ids}"));
        }
    }
    lines.join("\n")
}
