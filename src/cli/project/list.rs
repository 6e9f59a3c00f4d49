//! `oms project list`.

use crate::cli::args::Output;
use crate::cli::exit::ExitCode;
use crate::cli::migrate::progress::span;
use crate::cli::{print, table};
use crate::error::Result;
use crate::metadata::{Metadata, Project, ProjectFilter, StepStatus};
use serde::Serialize;

/// A project in the list.
#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its state.
    pub status: String,
    /// The first step that is not done, or the last one.
    pub current_step: String,
    /// That step's state.
    pub step_status: String,
    /// That step's percent.
    pub progress: i32,
    /// How far the target is behind.
    pub lag_ms: Option<u64>,
    /// Why it failed last.
    pub last_error: String,
}

/// Lists all projects.
pub async fn list(metadata: &Metadata, output: Output) -> Result<ExitCode> {
    let mut lines = Vec::new();
    for project in metadata.projects().list(&ProjectFilter::default()).await? {
        match project {
            Ok(project) => lines.push(line(metadata, project).await?),
            Err(problem) => print::warn(&problem.to_string()),
        }
    }
    match output {
        Output::Text => print_lines(lines),
        output => print::document(output, &lines)?,
    }
    Ok(ExitCode::Equal)
}

/// The list, for people.
pub fn print_lines(lines: Vec<Line>) {
    let mut t = table::headed([
        "ID",
        "NAME",
        "STATUS",
        "STEP",
        "STEP STATUS",
        "PROGRESS",
        "LAG",
        "LAST ERROR",
    ]);
    for l in lines {
        let lag = l
            .lag_ms
            .map_or_else(String::new, |ms| span(ms as f64 / 1000.0));
        t.add_row([
            l.id,
            l.name,
            l.status,
            l.current_step,
            l.step_status,
            format!("{} %", l.progress),
            lag,
            l.last_error,
        ]);
    }
    print::out(&t.to_string());
}

async fn line(metadata: &Metadata, project: Project) -> Result<Line> {
    let steps: Vec<_> = metadata
        .steps()
        .list(&project.id)
        .await?
        .into_iter()
        .flatten()
        .collect();
    let components: Vec<_> = metadata
        .components()
        .list(&project.id)
        .await?
        .into_iter()
        .flatten()
        .collect();
    let current = steps
        .iter()
        .find(|s| !matches!(s.status, StepStatus::Finished | StepStatus::Monitoring))
        .or(steps.last());
    let lag = components
        .iter()
        .rev()
        .filter(|c| c.kind == crate::metadata::ComponentType::IncrSync)
        .find_map(|c| c.progress.get("lag_ms").and_then(serde_json::Value::as_u64));
    let last_error = project
        .extra_info
        .get("errorMsg")
        .and_then(|v| v.as_str())
        .unwrap_or_default();
    Ok(Line {
        last_error: last_error.to_owned(),
        status: project.status.to_string(),
        current_step: current.map(|s| s.name.to_string()).unwrap_or_default(),
        step_status: current.map(|s| s.status.to_string()).unwrap_or_default(),
        progress: current.map_or(0, |s| s.progress),
        lag_ms: lag,
        id: project.id,
        name: project.name,
    })
}
