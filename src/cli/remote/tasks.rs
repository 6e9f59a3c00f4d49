//! `oms task`: operation and maintenance tasks.

use super::args::{Remote, TaskCommand};
use super::client::Client;
use super::columns::{self, Column, text_at};
use super::{act, find, tell};
use crate::cli::args::Output;
use crate::cli::exit::ExitCode;
use crate::cli::failure::{Failure, Outcome};
use crate::error::{ErrorReport, Kind};
use serde_json::{Value, json};
use std::time::Duration;

const COLUMNS: &[Column] = &[
    ("TASK", "id"),
    ("PROJECT", "projectId"),
    ("TYPE", "taskType"),
    ("NAME", "taskName"),
    ("STATUS", "status"),
    ("OWNER", "owner"),
    ("CREATED (UTC)", "gmtCreate"),
    ("ENDED (UTC)", "gmtFinish"),
];

const SUB_COLUMNS: &[Column] = &[
    ("SUB-TASK", "id"),
    ("TYPE", "taskType"),
    ("STATUS", "status"),
    ("RETRIES", "retryCount"),
    ("MODIFIED (UTC)", "gmtModified"),
    ("ERROR", "errorMsg"),
];

/// Rest between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(300);

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
                wanted["status"] = json!([status]);
            }
            let all = Value::Array(client.pages("ListOmTasks", wanted).await?);
            tell(output, &all, |all| columns::list(all, COLUMNS))
        }
        TaskCommand::Show { id } => {
            let reply = client.call("DescribeOmTask", json!({ "id": id })).await?;
            tell(output, &reply.data, text)
        }
        TaskCommand::Skip { id, sub_task } => {
            let done = format!("task {id} goes on without what failed");
            act(&client, output, "SkipOmTask", body(id, sub_task), &done).await
        }
        TaskCommand::Retry { id, sub_task } => {
            let done = format!("task {id} runs again");
            act(&client, output, "RetryOmTask", body(id, sub_task), &done).await
        }
    }
}

fn body(id: i64, sub_task: Option<String>) -> Value {
    let mut body = json!({ "id": id });
    if let Some(sub_task) = sub_task {
        body["subTaskId"] = sub_task.into();
    }
    body
}

/// A task with its sub-tasks, for people.
fn text(task: &Value) -> String {
    let head = columns::list(&json!([task]), COLUMNS);
    let subs = columns::list(&task["subTasks"], SUB_COLUMNS);
    let refused = text_at(task, "extraInfo.refused.message");
    match refused.is_empty() {
        true => format!("{head}\n\n{subs}"),
        false => format!("{head}\n\n{subs}\n\nrefused: {refused}"),
    }
}

/// Runs an action that makes an O&M task, says which, and waits for its end where that is wanted.
///
/// # Errors
/// What the API says; exit code 3 for a task that failed.
pub async fn submit(
    client: &Client,
    action: &str,
    wanted: Value,
    wait: bool,
    output: Output,
) -> Outcome {
    let number = client.call(action, wanted).await?.data;
    if !wait {
        return tell(output, &json!({ "id": number }), |_| {
            format!("O&M task {number}: `oms task show {number}` shows where it is")
        });
    }
    loop {
        let task = client
            .call("DescribeOmTask", json!({ "id": number }))
            .await?
            .data;
        match task["status"].as_str() {
            Some("SUCCESSFUL") => return tell(output, &task, text),
            Some("FAILED") => {
                tell(output, &task, text)?;
                return Err(failed(&task));
            }
            _ => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
}

/// Why a task failed.
fn failed(task: &Value) -> Failure {
    let subs = task["subTasks"].as_array().into_iter().flatten();
    let sub = subs.into_iter().find(|s| s["status"] == "FAILED");
    let said = |key: &str| sub.map(|s| text_at(s, key)).unwrap_or_default();
    let number = &task["id"];
    let report = ErrorReport {
        code: Kind::StateInvalid.code().to_owned(),
        message: format!(
            "O&M task {number}: sub-task {} failed: {}",
            said("taskType"),
            said("errorMsg")
        ),
        proposal: format!("`oms task retry {number}`, or `oms task skip {number}`."),
        retryable: false,
    };
    Failure::new(report, ExitCode::StepFailed)
}
