//! `oms session`: logins that last for a while.

use super::account_args::SessionCommand;
use super::args::Remote;
use super::client::Client;
use super::columns::{self, Column, text_at};
use super::{act, tell};
use crate::cli::args::Output;
use crate::cli::failure::Outcome;
use serde_json::{Value, json};

const COLUMNS: &[Column] = &[
    ("ID", "id"),
    ("ACCOUNT", "account"),
    ("FROM", "address"),
    ("USED (UTC)", "lastUsedTime"),
    ("UNTIL (UTC)", "expireTime"),
];

/// Runs the command.
pub async fn run(command: Remote<SessionCommand>, output: Output) -> Outcome {
    let client = Client::open(&command.api)?;
    match command.command {
        SessionCommand::List => {
            let all = Value::Array(client.pages("ListSessions", json!({})).await?);
            tell(output, &all, |all| columns::list(all, COLUMNS))
        }
        SessionCommand::Open => {
            let data = client.call("CreateSession", json!({})).await?.data;
            // shown this once: whoever pipes it gets nothing else
            tell(output, &data, |data| text_at(data, "token"))
        }
        SessionCommand::End { id } => {
            let done = format!("session {id} has ended");
            act(&client, output, "DeleteSession", json!({ "id": id }), &done).await
        }
    }
}
