//! `oms node`: the nodes that a server knows.

use super::args::{NodeCommand, Remote};
use super::client::Client;
use super::columns::{self, Column};
use super::tell;
use crate::cli::args::Output;
use crate::cli::failure::Outcome;
use serde_json::json;

const COLUMNS: &[Column] = &[
    ("NODE", "name"),
    ("IP", "ip"),
    ("PORT", "port"),
    ("REGION", "region"),
    ("STATUS", "status"),
    ("VERSION", "version"),
    ("HEARTBEAT (UTC)", "gmtHeartbeat"),
];

/// Runs the command.
pub async fn run(command: Remote<NodeCommand>, output: Output) -> Outcome {
    let client = Client::open(&command.api)?;
    match command.command {
        NodeCommand::List => {
            let data = client.list("ListServers", json!({})).await?;
            tell(output, &data, |data| columns::list(data, COLUMNS))
        }
    }
}
