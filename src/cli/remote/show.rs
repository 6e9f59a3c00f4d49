//! `oms project list`, `show`, `steps` and `progress` at a server.

use super::client::Client;
use super::columns::{self, Column, at, text_at};
use super::{components, find, tell};
use crate::cli::args::Output;
use crate::cli::exit::ExitCode;
use crate::cli::failure::Outcome;
use crate::cli::print;
use crate::cli::project::{Line, print_lines};
use serde_json::{Value, json};

/// Lists all projects.
pub async fn list(client: &Client, output: Output) -> Outcome {
    let projects = client.pages("ListProjects", json!({})).await?;
    match output {
        Output::Text => print_lines(projects.iter().map(line).collect()),
        output => print::document(output, &projects)?,
    }
    Ok(ExitCode::Equal)
}

fn line(project: &Value) -> Line {
    let steps = project["steps"].as_array().map_or(&[][..], Vec::as_slice);
    let done = |step: &&Value| matches!(step["status"].as_str(), Some("FINISHED" | "MONITORING"));
    let current = steps.iter().find(|s| !done(s)).or(steps.last());
    let text = |place: &str| current.map(|s| text_at(s, place)).unwrap_or_default();
    let progress = current.and_then(|s| s["progress"].as_i64());
    let lag = at(project, "extraInfo.syncDelay").as_u64();
    let failed = steps.iter().find(|s| s["status"] == "FAILED");
    Line {
        id: text_at(project, "id"),
        name: text_at(project, "name"),
        status: text_at(project, "status"),
        current_step: text("name"),
        step_status: text("status"),
        progress: progress.and_then(|p| i32::try_from(p).ok()).unwrap_or(0),
        lag_ms: lag.map(|seconds| seconds.saturating_mul(1000)),
        last_error: failed
            .map(|s| text_at(s, "extraInfo.errorMsg"))
            .unwrap_or_default(),
    }
}

const PROJECT: &[Column] = &[
    ("Project", "id"),
    ("Name", "name"),
    ("Type", "type"),
    ("Status", "status"),
    ("Labels", "labelNames"),
    ("Source", "source"),
    ("Target", "target"),
    ("Objects", "transferMapping.tableAndViewWhiteList"),
    ("Left out", "transferMapping.tableAndViewBlackList"),
    ("Created (UTC)", "gmtCreate"),
    ("Started (UTC)", "gmtStart"),
    ("Finished (UTC)", "gmtFinish"),
];

/// Shows a project, with its steps and components if wanted.
pub async fn show(client: &Client, id: &str, with_steps: bool, output: Output) -> Outcome {
    let id = find::project(client, id).await?;
    let mut project = client
        .call("DescribeProject", json!({ "id": id }))
        .await?
        .data;
    if output != Output::Text {
        print::document(output, &project)?;
        return Ok(ExitCode::Equal);
    }
    for (side, info) in [
        ("source", "sourceConnectInfo"),
        ("target", "sinkConnectInfo"),
    ] {
        let text = |place: &str| text_at(&project[info], place);
        let told = format!(
            "{} {}@{} ({})",
            text("dbEngine"),
            text("username"),
            text("connectionInfo"),
            text("version")
        );
        project[side] = told.into();
    }
    let labels = project["labels"].as_array().into_iter().flatten();
    project["labelNames"] = labels.map(|l| l["name"].clone()).collect();
    print::out(&columns::fields(&project, PROJECT));
    if with_steps {
        print::out(&steps_text(&project["steps"]));
        let reply = client
            .call("DescribeProjectComponents", json!({ "id": id }))
            .await?;
        print::out(&components::text(&reply.data));
    }
    Ok(ExitCode::Equal)
}

const STEP: &[Column] = &[
    ("#", "order"),
    ("STEP", "name"),
    ("STATUS", "status"),
    ("PROGRESS", "percent"),
    ("STARTED (UTC)", "startTime"),
    ("FINISHED (UTC)", "finishTime"),
    ("ERROR", "error"),
];

/// Shows the steps of a project.
pub async fn steps(client: &Client, id: &str, output: Output) -> Outcome {
    let id = find::project(client, id).await?;
    let reply = client
        .call("DescribeProjectSteps", json!({ "id": id }))
        .await?;
    tell(output, &reply.data, steps_text)
}

fn steps_text(steps: &Value) -> String {
    let mut rows = steps.as_array().cloned().unwrap_or_default();
    for row in &mut rows {
        let (code, message) = (
            text_at(row, "extraInfo.errorCode"),
            text_at(row, "extraInfo.errorMsg"),
        );
        row["percent"] = format!("{} %", text_at(row, "progress")).into();
        row["error"] = format!("{code} {message}").trim().into();
    }
    columns::rows(&rows, STEP)
}

/// Shows how far a project is.
pub async fn progress(client: &Client, id: &str, output: Output) -> Outcome {
    let id = find::project(client, id).await?;
    let reply = client
        .call("DescribeProjectProgress", json!({ "id": id }))
        .await?;
    tell(output, &reply.data, |data| {
        let mut data = data.clone();
        for key in ["incrSyncCheckpoint", "reverseIncrTransferCheckpoint"] {
            if let Some(time) = data[key]
                .as_i64()
                .and_then(|s| chrono::DateTime::from_timestamp(s, 0))
            {
                data[key] = time.format("%Y-%m-%dT%H:%M:%S").to_string().into();
            }
        }
        for key in ["structTransferProgress", "fullTransferProgress"] {
            if let Some(percent) = data[key].as_u64() {
                data[key] = format!("{percent} %").into();
            }
        }
        columns::fields(&data, PROGRESS)
    })
}

const PROGRESS: &[Column] = &[
    ("Project", "projectId"),
    ("Status", "status"),
    ("Step", "currentStep"),
    ("Schema", "structTransferProgress"),
    ("Rows", "fullTransferProgress"),
    ("Changes applied until (UTC)", "incrSyncCheckpoint"),
    ("Reverse until (UTC)", "reverseIncrTransferCheckpoint"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_shows_the_step_that_is_not_done() {
        let project = json!({
            "id": "np_1", "name": "shop", "status": "FAILED",
            "steps": [
                { "name": "TRANSFER_PRECHECK", "status": "FINISHED", "progress": 100 },
                {
                    "name": "FULL_TRANSFER", "status": "FAILED", "progress": 30,
                    "extraInfo": { "errorCode": "FUL-0002", "errorMsg": "a row" },
                },
                { "name": "INCR_TRANSFER", "status": "MONITORING", "progress": 100 },
            ],
            "extraInfo": { "syncDelay": 3 },
        });
        let wanted = Line {
            id: "np_1".into(),
            name: "shop".into(),
            status: "FAILED".into(),
            current_step: "FULL_TRANSFER".into(),
            step_status: "FAILED".into(),
            progress: 30,
            lag_ms: Some(3000),
            last_error: "a row".into(),
        };
        assert_eq!(line(&project), wanted);
        let text = steps_text(&project["steps"]);
        assert!(
            text.contains("30 %") && text.contains("FUL-0002 a row"),
            "{text}"
        );
        assert_eq!(line(&json!({ "id": "np_2" })).current_step, "");
    }
}
