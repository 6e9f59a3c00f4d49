//! `oms project show`.

use crate::cli::args::Output;
use crate::cli::exit::ExitCode;
use crate::cli::{print, table};
use crate::error::Result;
use crate::metadata::{Component, Metadata, Project, Step, Task};
use serde_json::{Value, json};

/// Shows a project, with its steps, tasks and components if wanted.
pub async fn show(
    metadata: &Metadata,
    id: &str,
    with_steps: bool,
    output: Output,
) -> Result<ExitCode> {
    let project = super::find(metadata, id).await?;
    let mut steps = Vec::new();
    let mut tasks = Vec::new();
    for step in metadata.steps().list(&project.id).await? {
        match step {
            Ok(step) => {
                if with_steps {
                    tasks.extend(metadata.tasks().list(&step.id).await?.into_iter().flatten());
                }
                steps.push(step);
            }
            Err(problem) => print::warn(&problem.to_string()),
        }
    }
    let components: Vec<_> = metadata
        .components()
        .list(&project.id)
        .await?
        .into_iter()
        .flatten()
        .collect();
    match output {
        Output::Text => text(metadata, &project, &steps, &tasks, &components, with_steps).await?,
        output => {
            let document = document(&project, &steps, &tasks, &components, with_steps);
            print::document(output, &document)?;
        }
    }
    Ok(ExitCode::Equal)
}

fn document(
    project: &Project,
    steps: &[Step],
    tasks: &[Task],
    components: &[Component],
    all: bool,
) -> Value {
    let mut out = json!({
        "id": project.id,
        "name": project.name,
        "status": project.status,
        "sourceId": project.source_id,
        "targetId": project.target_id,
        "config": project.config,
        "extraInfo": project.extra_info,
        "gmtCreated": project.gmt_created,
        "gmtModified": project.gmt_modified,
    });
    if all {
        out["steps"] = steps.iter().map(step_json).collect();
        out["tasks"] = tasks
            .iter()
            .map(|t| json!({
                "id": t.id, "taskGroup": t.group, "taskType": t.kind, "taskName": t.name,
                "status": t.status, "retryCount": t.retry_count, "taskInfo": t.task_info, "extraInfo": t.extra_info,
            }))
            .collect();
        out["components"] = components
            .iter()
            .map(|c| json!({
                "id": c.id, "stepId": c.step_id, "type": c.kind, "status": c.status, "desiredStatus": c.desired_status,
                "epoch": c.epoch, "attempt": c.attempt, "progress": c.progress, "checkpoint": c.checkpoint,
                "error": c.error, "latestHeartbeat": c.latest_heartbeat,
            }))
            .collect();
    }
    out
}

fn step_json(step: &Step) -> Value {
    json!({
        "id": step.id, "order": step.order, "name": step.name, "status": step.status, "progress": step.progress,
        "stepInfo": step.step_info, "extraInfo": step.extra_info,
        "startTime": step.start_time, "finishTime": step.finish_time,
    })
}

async fn text(
    metadata: &Metadata,
    project: &Project,
    steps: &[Step],
    tasks: &[Task],
    components: &[Component],
    all: bool,
) -> Result<()> {
    let mut t = table::plain();
    t.add_row(["Project", &project.id]);
    t.add_row(["Name", &project.name]);
    t.add_row(["Status", &project.status.to_string()]);
    for (what, id) in [
        ("Source", &project.source_id),
        ("Target", &project.target_id),
    ] {
        let side = metadata.datasources().get(id).await?;
        t.add_row([
            what,
            &format!(
                "{} {}@{}:{} ({})",
                side.kind, side.username, side.host, side.port, side.version
            ),
        ]);
    }
    t.add_row(["Settings", &project.config.to_string()]);
    if project
        .extra_info
        .as_object()
        .is_some_and(|o| !o.is_empty())
    {
        t.add_row(["Note", &project.extra_info.to_string()]);
    }
    print::out(&t.to_string());
    if !all {
        return Ok(());
    }
    let mut t = table::headed([
        "#",
        "STEP",
        "STATUS",
        "PROGRESS",
        "STARTED (UTC)",
        "FINISHED (UTC)",
        "ERROR",
    ]);
    for s in steps {
        let time = |time: Option<chrono::NaiveDateTime>| {
            time.map(|t| t.format("%Y-%m-%d %H:%M:%S").to_string())
                .unwrap_or_default()
        };
        let error = s
            .extra_info
            .get("errorMsg")
            .and_then(Value::as_str)
            .unwrap_or_default();
        t.add_row([
            s.order.to_string(),
            s.name.to_string(),
            s.status.to_string(),
            format!("{} %", s.progress),
            time(s.start_time),
            time(s.finish_time),
            error.to_owned(),
        ]);
    }
    print::out(&t.to_string());
    let mut t = table::headed(["TASK", "OBJECT", "STATUS", "NOTE"]);
    for task in tasks {
        let note = [&task.extra_info, &task.task_info]
            .into_iter()
            .find(|v| v.as_object().is_some_and(|o| !o.is_empty()));
        t.add_row([
            task.kind.clone(),
            task.name.clone(),
            task.status.to_string(),
            note.map(Value::to_string).unwrap_or_default(),
        ]);
    }
    print::out(&t.to_string());
    let mut t = table::headed([
        "COMPONENT",
        "TYPE",
        "STATUS",
        "WANTED",
        "EPOCH",
        "ATTEMPT",
        "DONE",
        "ERROR",
    ]);
    for c in components {
        let done = c
            .progress
            .get("done")
            .map(Value::to_string)
            .unwrap_or_default();
        let error = c
            .error
            .as_ref()
            .and_then(|e| e.get("message"))
            .and_then(Value::as_str)
            .unwrap_or_default();
        t.add_row([
            c.id.clone(),
            c.kind.to_string(),
            c.status.to_string(),
            c.desired_status.to_string(),
            c.epoch.to_string(),
            c.attempt.to_string(),
            done,
            error.to_owned(),
        ]);
    }
    print::out(&t.to_string());
    Ok(())
}
