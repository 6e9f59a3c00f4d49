//! `oms task`: operation and maintenance tasks.

use super::args::{Remote, TaskCommand};
use super::client::Client;
use super::columns::{self, Column};
use super::{act, find, tell};
use crate::cli::args::Output;
use crate::cli::failure::Outcome;
use serde_json::{Value, json};

const COLUMNS: &[Column] = &[
    ("ID", "id"),
    ("PROJECT", "projectId"),
    ("TYPE", "taskType"),
    ("NAME", "taskName"),
    ("STATUS", "status"),
    ("RETRIES", "retryCount"),
    ("CREATED (UTC)", "gmtCreate"),
    ("MODIFIED (UTC)", "gmtModified"),
];

/// Runs the command.
pub async fn run(command: Remote<TaskCommand>, output: Output) -> Outcome {
    let client = Client::open(&command.api)?;
    match command.command {
        TaskCommand::List { project, status } => {
            let mut wanted = json!({});
            if let Some(project) = project {
                wanted["projectId"] = find::project(&client, &project).await?.into();
            }
            if let Some(status) = status {
                wanted["status"] = status.into();
            }
            let all = Value::Array(client.pages("ListOmTasks", wanted).await?);
            tell(output, &all, |all| columns::list(all, COLUMNS))
        }
        TaskCommand::Show { id } => {
            let reply = client.call("DescribeOmTask", json!({ "id": id })).await?;
            tell(output, &reply.data, |task| {
                let fields = task.as_object().into_iter().flatten();
                let mut t = crate::cli::table::plain();
                for (name, value) in fields {
                    t.add_row([name.clone(), columns::cell(value)]);
                }
                t.to_string()
            })
        }
        TaskCommand::Skip { id } => {
            let done = format!("task {id} is skipped");
            act(&client, output, "SkipOmTask", json!({ "id": id }), &done).await
        }
        TaskCommand::Retry { id } => {
            let done = format!("task {id} runs again");
            act(&client, output, "RetryOmTask", json!({ "id": id }), &done).await
        }
    }
}
