//! `oms project objects`: tables are added to a project, or removed from it.

use super::args::{ObjectsChange, ObjectsCommand};
use super::client::Client;
use super::columns::{self, Column};
use super::wait::wait_for_change;
use super::{act, find, tell};
use crate::cli::args::Output;
use crate::cli::failure::Outcome;
use crate::error::{Error, Kind, Result};
use serde_json::{Value, json};

const COLUMNS: &[Column] = &[
    ("ID", "id"),
    ("TYPE", "type"),
    ("STATUS", "status"),
    ("TABLES", "tables"),
    ("SUB-PROJECT", "subProjectId"),
    ("CREATED (UTC)", "gmtCreate"),
    ("MODIFIED (UTC)", "gmtModified"),
    ("ERROR", "error"),
];

/// Runs the command.
pub async fn run(client: &Client, command: ObjectsCommand, output: Output) -> Outcome {
    match command {
        ObjectsCommand::Add(wanted) => change(client, "INCREASE_OBJECT", &wanted, output).await,
        ObjectsCommand::Remove(wanted) => change(client, "DECREASE_OBJECT", &wanted, output).await,
        ObjectsCommand::List { project } => {
            let id = find::project(client, &project).await?;
            let wanted = json!({ "id": id });
            let records = client.pages("ListProjectModifyRecords", wanted).await?;
            let records = Value::Array(records.into_iter().map(with_error).collect());
            tell(output, &records, |all| columns::list(all, COLUMNS))
        }
        ObjectsCommand::Cancel { id } => {
            let done = format!("change {id} is cancelled");
            let action = "CancelProjectModifyRecord";
            act(client, output, action, json!({ "id": id }), &done).await
        }
        ObjectsCommand::Abort { id } => {
            let done = format!("change {id} is aborted");
            let action = "StopProjectModifyRecords";
            act(client, output, action, json!({ "id": id }), &done).await
        }
        ObjectsCommand::Retry { id } => {
            let done = format!("change {id} goes on");
            let action = "RetryProjectModifyRecords";
            act(client, output, action, json!({ "id": id }), &done).await
        }
    }
}

async fn change(client: &Client, kind: &str, wanted: &ObjectsChange, output: Output) -> Outcome {
    let databases = databases(&wanted.tables)?;
    let id = find::project(client, &wanted.project).await?;
    let body = json!({ "id": id, "type": kind, "databases": databases });
    let data = client.call("CreateProjectModifyRecords", body).await?.data;
    if !wanted.wait {
        return tell(output, &data, columns::cell);
    }
    let record = data.as_str().unwrap_or_default();
    let record = wait_for_change(client, &id, record, wanted.timeout, output).await?;
    tell(output, &record, |record| {
        let text = |key| columns::text_at(record, key);
        format!("change {} is {}", text("id"), text("status"))
    })
}

/// Tables by their databases, as the API has them.
fn databases(tables: &[String]) -> Result<Vec<Value>> {
    let mut databases: Vec<(&str, Vec<Value>)> = Vec::new();
    for name in tables {
        let Some((database, table)) = name.split_once('.') else {
            return Err(Error::new(Kind::ConfigInvalid, format!("table '{name}'"))
                .detail("it is not of the form DATABASE.TABLE"));
        };
        let table = json!({ "name": table });
        match databases.iter_mut().find(|(name, _)| *name == database) {
            Some((_, tables)) => tables.push(table),
            None => databases.push((database, vec![table])),
        }
    }
    let databases = databases.into_iter();
    Ok(databases
        .map(|(name, tables)| json!({ "name": name, "tables": tables }))
        .collect())
}

/// The message of what went wrong, where a table can show it.
fn with_error(mut record: Value) -> Value {
    let message = record["errorDetail"]["errorMsg"].clone();
    if !message.is_null() {
        record["error"] = message;
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_gathered_by_their_databases() {
        let named = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
            databases(&names)
        };
        let found = named(&["a.x", "b.y", "a.z.1"]).expect("tables");
        let wanted = json!([
            { "name": "a", "tables": [{ "name": "x" }, { "name": "z.1" }] },
            { "name": "b", "tables": [{ "name": "y" }] },
        ]);
        assert_eq!(Value::Array(found), wanted);
        let error = named(&["x"]).expect_err("no database");
        assert_eq!(error.kind(), Kind::ConfigInvalid);
    }
}
