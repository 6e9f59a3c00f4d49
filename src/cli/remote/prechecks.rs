//! `oms precheck`: what must be right before a project begins.

use super::args::Remote;
use super::client::Client;
use super::columns::{self, Column, text_at};
use super::project_args::{PrecheckCommand, PrecheckWaiting};
use super::{act, find, tell};
use crate::cli::args::Output;
use crate::cli::exit::ExitCode;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::print;
use crate::error::{Error, Kind};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Rest between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);

const COLUMNS: &[Column] = &[
    ("ITEM", "name"),
    ("STATUS", "status"),
    ("SKIPPABLE", "skippable"),
    ("SKIPPED", "skipped"),
    ("OBJECTS", "objects"),
    ("FOUND", "message"),
    ("WHAT TO DO", "errorDetail.proposal"),
];

/// Runs the command.
pub async fn run(command: Remote<PrecheckCommand>, output: Output) -> Outcome {
    let client = Client::open(&command.api)?;
    match command.command {
        PrecheckCommand::Submit(wanted) => {
            let id = find::project(&client, &wanted.id).await?;
            let body = json!({ "id": id });
            begin(&client, &wanted, "SubmitPreCheck", body, output).await
        }
        PrecheckCommand::Result { id, all } => {
            let id = find::project(&client, &id).await?;
            let found = result(&client, &id).await?;
            tell(output, &found, |found| text(found, all))?;
            Ok(exit(&found))
        }
        PrecheckCommand::Retry {
            wanted,
            skip,
            remove,
        } => {
            let id = find::project(&client, &wanted.id).await?;
            if !skip.is_empty() {
                warn_of(&result(&client, &id).await?, &skip);
            }
            let mut body = json!({ "id": id });
            for (key, items) in [("skipItems", skip), ("removeItems", remove)] {
                if !items.is_empty() {
                    body[key] = items.into();
                }
            }
            begin(&client, &wanted, "RetryPreCheck", body, output).await
        }
    }
}

/// Begins a check, and waits for its result if that is wanted.
async fn begin(
    client: &Client,
    wanted: &PrecheckWaiting,
    action: &str,
    body: Value,
    output: Output,
) -> Outcome {
    let id = text_at(&body, "id");
    if !wanted.wait {
        let done = format!("project {id} is being checked");
        return act(client, output, action, body, &done).await;
    }
    client.call(action, body).await?;
    let begun = Instant::now();
    loop {
        let found = result(client, &id).await?;
        let status = text_at(&found, "preCheckStatus");
        if matches!(status.as_str(), "FAILED" | "FINISHED") {
            tell(output, &found, |found| text(found, false))?;
            return Ok(exit(&found));
        }
        let limit = wanted.timeout.map(Duration::from_secs);
        if limit.is_some_and(|limit| begun.elapsed() >= limit) {
            let late = Error::new(Kind::WaitTimedOut, format!("the pre-check of project {id}"));
            let late = late.detail(format!("it is {status}"));
            return Err(Failure::from(late));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

async fn result(client: &Client, id: &str) -> Outcome<Value> {
    let body = json!({ "id": id });
    Ok(client.call("GetPreCheckResult", body).await?.data)
}

/// A failed pre-check is bad input, as it is of `oms migrate`.
fn exit(found: &Value) -> ExitCode {
    match found["preCheckStatus"] == "FAILED" {
        true => ExitCode::BadInput,
        false => ExitCode::Equal,
    }
}

/// Says what skipping means.
fn warn_of(found: &Value, skip: &[String]) {
    for item in found["items"].as_array().into_iter().flatten() {
        let name = text_at(item, "name");
        let consequence = text_at(item, "skipConsequence");
        if skip.contains(&name) && !consequence.is_empty() {
            print::warn(&format!("{name} is skipped: {consequence}"));
        }
    }
}

/// The items that matter; all of them where that is wanted.
fn text(found: &Value, all: bool) -> String {
    let mut items = found["items"].as_array().cloned().unwrap_or_default();
    let count = items.len();
    items.retain(|item| all || item["status"] != "PASSED");
    for item in &mut items {
        let objects = item["blackObjectsInfo"].as_array();
        let names = objects.into_iter().flatten().map(|object| {
            let (database, name) = (text_at(object, "database"), text_at(object, "name"));
            format!("{database}.{name}")
        });
        item["objects"] = names.collect::<Vec<_>>().join(", ").into();
    }
    let status = text_at(found, "preCheckStatus");
    let passed = count - items.len();
    let mut out = columns::rows(&items, COLUMNS);
    if passed > 0 {
        out = format!("{out}\n{passed} items passed");
    }
    format!("{out}\npre-check: {status}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_failed_is_shown() {
        let found = json!({ "preCheckStatus": "FAILED", "items": [
            { "name": "SOURCE-RDB_CONNECT", "status": "PASSED", "message": "connected" },
            { "name": "DEST-DB_TRIGGER", "status": "FAILED", "skippable": true,
              "errorDetail": { "proposal": "Drop them" },
              "blackObjectsInfo": [{ "database": "a", "name": "t" }] },
        ]});
        let shown = text(&found, false);
        for part in [
            "DEST-DB_TRIGGER",
            "a.t",
            "Drop",
            "1 items passed",
            "pre-check: FAILED",
        ] {
            assert!(shown.contains(part), "{part}:\n{shown}");
        }
        assert!(!shown.contains("RDB_CONNECT"), "{shown}");
        assert!(text(&found, true).contains("RDB_CONNECT"));
        assert_eq!(exit(&found), ExitCode::BadInput);
    }
}
