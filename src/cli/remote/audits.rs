//! `oms audit`: who changed what.

use super::args::{AuditCommand, Remote};
use super::client::Client;
use super::columns::{self, Column};
use super::tell;
use crate::cli::args::Output;
use crate::cli::failure::Outcome;
use serde_json::{Value, json};

const COLUMNS: &[Column] = &[
    ("TIME (UTC)", "time"),
    ("ACCOUNT", "account"),
    ("FROM", "address"),
    ("ACTION", "action"),
    ("OBJECT", "objectId"),
    ("RESULT", "resultCode"),
];
/// The most that a page of the API has.
const PAGE: u64 = 150;

/// Runs the command.
pub async fn run(command: Remote<AuditCommand>, output: Output) -> Outcome {
    let client = Client::open(&command.api)?;
    let AuditCommand::List {
        account,
        action,
        object,
        result,
        from,
        until,
        limit,
    } = command.command;
    let mut wanted = json!({});
    for (key, value) in [
        ("account", account),
        ("action", action),
        ("objectId", object),
        ("resultCode", result),
        ("beginTime", from),
        ("endTime", until),
    ] {
        if let Some(value) = value {
            wanted[key] = value.into();
        }
    }
    let mut all = Vec::new();
    for number in 1.. {
        let mut body = wanted.clone();
        body["pageNumber"] = number.into();
        body["pageSize"] = PAGE.into();
        let reply = client.call("ListAuditLogs", body).await?;
        let Value::Array(items) = reply.data else {
            break;
        };
        let last = items.len() < PAGE as usize;
        all.extend(items);
        if last || all.len() as u64 >= limit {
            break;
        }
    }
    all.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    tell(output, &Value::Array(all), |all| {
        columns::list(all, COLUMNS)
    })
}
