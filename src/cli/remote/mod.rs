//! Commands that ask an `oms server` through its HTTP API.
//!
//! One file per group of commands; [`client`] sends actions, [`address`] and [`context`] say to whom,
//! [`columns`] makes tables of what is answered. A command is one action, or a few; whatever the server
//! refuses is shown with its own code and remedy.

pub mod account_args;
mod address;
pub mod args;
pub mod audits;
mod client;
mod columns;
pub mod components;
pub mod configure;
pub mod context;
pub mod datasources;
pub mod departments;
mod find;
pub mod labels;
pub mod nodes;
pub mod objects;
pub mod params;
mod password;
pub mod prechecks;
pub mod project_args;
pub mod projects;
pub mod sessions;
mod show;
pub mod switch;
pub mod tasks;
pub mod tokens;
pub mod users;
mod verify;
mod wait;

pub use client::{Client, configured};

use super::args::Output;
use super::exit::ExitCode;
use super::failure::Outcome;
use super::print;
use serde_json::Value;

/// Prints what an action answered: as it is, or what it says to people.
fn tell(output: Output, data: &Value, text: impl FnOnce(&Value) -> String) -> Outcome {
    match output {
        Output::Text => print::out(&text(data)),
        output => print::document(output, data)?,
    }
    Ok(ExitCode::Equal)
}

/// Runs an action that answers with nothing, and says that it is done.
async fn act(client: &Client, output: Output, action: &str, body: Value, done: &str) -> Outcome {
    let data = client.call(action, body).await?.data;
    tell(output, &data, |_| done.to_owned())
}
