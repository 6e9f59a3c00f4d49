//! `oms token`: tokens for programs, with one's own rights.

use super::account_args::TokenCommand;
use super::args::Remote;
use super::client::Client;
use super::columns::{self, Column, text_at};
use super::{act, find, tell};
use crate::cli::args::Output;
use crate::cli::failure::Outcome;
use serde_json::{Value, json};

const COLUMNS: &[Column] = &[
    ("ID", "id"),
    ("NAME", "name"),
    ("OWNER", "owner"),
    ("UNTIL (UTC)", "expireTime"),
    ("EXPIRED", "isExpired"),
];

/// Runs the command.
pub async fn run(command: Remote<TokenCommand>, output: Output) -> Outcome {
    let client = Client::open(&command.api)?;
    match command.command {
        TokenCommand::List => {
            let all = Value::Array(client.pages("ListApiTokens", json!({})).await?);
            tell(output, &all, |all| columns::list(all, COLUMNS))
        }
        TokenCommand::Create { name, days } => {
            let body = json!({ "name": name, "expireDays": days });
            let data = client.call("CreateApiToken", body).await?.data;
            // shown this once: whoever pipes it gets nothing else
            tell(output, &data, |data| text_at(data, "token"))
        }
        TokenCommand::Delete { id } => {
            let id = find::token(&client, &id).await?;
            let done = format!("token {id} is worth nothing any more");
            act(
                &client,
                output,
                "DeleteApiToken",
                json!({ "id": id }),
                &done,
            )
            .await
        }
    }
}
