//! Runs a project's node in this process until its end: actors, signals, progress.

use super::progress::{ProgressView, StepLine};
use crate::actor::pace::Bell;
use crate::cli::signals::Signals;
use crate::cluster::solo::Leadership;
use crate::config::Until;
use crate::coordinator::{Coordinator, Halt, Reconciler, Rows, Scope};
use crate::error::{Error, Kind, Result};
use crate::metadata::{ComponentStatus, Metadata, ProjectStatus, Step, StepName, StepStatus};
use crate::model::position::Position;
use crate::supervisor::{EPOCH_STRIDE, Maker, Node, StopAll, Supervisor};
use actix::Actor;
use std::time::Duration;
use tokio::time::Instant;

/// The node's name in rm; solo there is only one.
pub const NODE: &str = "127.0.0.1";

const LOOK_EVERY: Duration = Duration::from_millis(150);
/// The same once the project only follows.
const FOLLOW_EVERY: Duration = Duration::from_secs(1);
/// How long the components may take to end when the run ends.
const DRAIN: Duration = Duration::from_secs(30);

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Caught up and verified.
    Verified,
    /// A step failed.
    Failed,
    /// The user or the system wants the process to end.
    Interrupted,
}

/// Runs the project until its end, and leaves its rows as the next run needs them.
pub async fn run(
    metadata: &Metadata,
    leadership: &Leadership,
    maker: Box<dyn Maker>,
    project: &str,
    until: Until,
    quiet: bool,
) -> Result<(End, Rows)> {
    let epoch = leadership.epoch * EPOCH_STRIDE;
    metadata
        .projects()
        .claim(project, epoch)
        .await?
        .require("oms_project", project, epoch)?;
    let reconciler = Reconciler::new(metadata.clone(), epoch, NODE);
    if until == Until::CaughtUp {
        reconciler.verify_again(project).await?;
    }
    reconciler.resume(project).await?;

    let scope = vec![project.to_owned()];
    let bell = Bell::default();
    let node =
        Node::new(metadata.clone(), maker, NODE, epoch, Some(scope.clone())).ringing(bell.clone());
    let supervisor = Supervisor::new(node).start();
    let (coordinator, _seen, mut fenced) =
        Coordinator::new(reconciler.clone(), Scope::These(scope), bell);
    let coordinator = coordinator.start();

    let mut view = ProgressView::new(quiet);
    let mut signals = Signals::new()?;
    let mut goal = None;
    let mut every = LOOK_EVERY;
    let end = loop {
        tokio::select! {
            () = signals.next() => break End::Interrupted,
            () = leadership.lost() => return Err(lost(metadata)),
            _ = fenced.wait_for(|fenced| *fenced) => return Err(lost(metadata)),
            () = tokio::time::sleep(every) => {}
        }
        let rows = match reconciler.rows(project).await {
            Ok(rows) => rows,
            Err(error) if error.is_transient() || error.kind() == Kind::RmCorrupt => continue,
            Err(error) => return Err(error),
        };
        view.show(&lines(&rows));
        if rows.project.status == ProjectStatus::Failed {
            break End::Failed;
        }
        if until == Until::CaughtUp && verified(&rows) {
            let goal =
                goal.get_or_insert_with(|| position_of(&rows, StepName::IncrTransfer, "watermark"));
            if has_passed(&rows, goal.as_ref()) {
                break End::Verified;
            }
        }
        every = match until {
            Until::Forever if verified(&rows) => FOLLOW_EVERY,
            _ => LOOK_EVERY,
        };
    };
    let last = reconciler.rows(project).await?;
    view.show(&lines(&last));
    view.end();
    if end != End::Failed {
        let why = match end {
            End::Verified => "caught up and verified; run again to go on",
            _ => "interrupted; run again to go on",
        };
        reconciler.suspend(project, why).await?;
        drain(metadata, project).await?;
    }
    let _ = coordinator.send(Halt).await;
    let _ = supervisor.send(StopAll).await;
    drop((supervisor, coordinator));
    Ok((end, last))
}

fn lost(metadata: &Metadata) -> Error {
    Error::new(Kind::Fenced, format!("rm database {}", metadata.place()))
        .detail("another process took it over")
}

fn verified(rows: &Rows) -> bool {
    rows.steps
        .iter()
        .any(|s| s.name == StepName::FullVerifier && s.status == StepStatus::Finished)
}

/// A position of which a step's component tells.
fn position_of(rows: &Rows, step: StepName, detail: &str) -> Option<Position> {
    let step = rows.steps.iter().find(|s| s.name == step)?;
    let component = rows.component_of(step)?;
    let position = component.progress.get("detail")?.get(detail)?.clone();
    serde_json::from_value(position).ok()
}

/// Whether the incremental verification, where there is one, has passed a position.
fn has_passed(rows: &Rows, goal: Option<&Position>) -> bool {
    let verifies = |s: &&Step| {
        s.name == StepName::IncrVerifier
            && matches!(s.status, StepStatus::Running | StepStatus::Monitoring)
    };
    let Some((step, goal)) = rows.steps.iter().find(verifies).zip(goal) else {
        return true;
    };
    let reached = position_of(rows, step.name, "checkpoint");
    reached.is_some_and(|reached| reached.txn_id() >= goal.txn_id())
}

/// Waits until no component of the project runs any more.
async fn drain(metadata: &Metadata, project: &str) -> Result<()> {
    let deadline = Instant::now() + DRAIN;
    while Instant::now() < deadline {
        let rows = metadata.components().list(project).await?;
        let running = rows
            .iter()
            .flatten()
            .any(|c| matches!(c.status, ComponentStatus::Running | ComponentStatus::Init));
        if !running {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tracing::warn!("components did not end in time; they go on from their checkpoints");
    Ok(())
}

/// The steps as they are shown.
pub fn lines(rows: &Rows) -> Vec<StepLine> {
    rows.steps
        .iter()
        .map(|step| {
            let progress = rows.component_of(step).map(|c| &c.progress);
            let figure = |key: &str| {
                progress
                    .and_then(|p| p.get(key))
                    .and_then(serde_json::Value::as_u64)
            };
            StepLine {
                name: step.name,
                status: step.status,
                percent: u64::try_from(step.progress).unwrap_or(0),
                done: figure("done").unwrap_or(0),
                total: figure("total").unwrap_or(0),
                bytes: figure("bytes").unwrap_or(0),
                lag_ms: figure("lag_ms"),
            }
        })
        .collect()
}
