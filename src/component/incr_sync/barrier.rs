//! What comes when everything before it is applied. DDL is applied alone: nothing behind it is
//! begun. A large transaction that claims whole tables is only taken in at this point, and what
//! follows goes on beside it.

use super::ddl::{DdlTaskState, Decision};
use super::engine::Engine;
use super::lane::{Body, Lane, beside};
use super::large::Scanned;
use super::settings::Settings;
use super::target::TargetSession;
use super::window::Watermark;
use crate::error::{Error, Kind, Result};
use crate::model::change::DdlEvent;
use futures::future::BoxFuture;
use std::time::Duration;

/// An item of the log that needs a barrier.
pub enum Barrier {
    /// A DDL statement, and what was decided about it.
    Ddl(Box<DdlEvent>, Decision),
    /// A large transaction that claims whole tables.
    Large(Box<Scanned>),
}

/// Applies it, or takes it in; nothing else is in flight.
pub async fn pass(engine: &mut Engine, barrier: Barrier) -> Result<()> {
    match barrier {
        Barrier::Ddl(event, decision) => ddl(engine, *event, decision).await,
        Barrier::Large(scanned) => {
            engine.admit_large(*scanned);
            Ok(())
        }
    }
}

fn lane_zero(engine: &mut Engine) -> Result<Lane> {
    engine.lanes[0]
        .take()
        .ok_or_else(|| Error::new(Kind::Internal, "passing a barrier").detail("lane 0 is not idle"))
}

async fn ddl(engine: &mut Engine, mut event: DdlEvent, decision: Decision) -> Result<()> {
    let settings = std::sync::Arc::clone(&engine.settings);
    let refused = match decision {
        Decision::Ignore => None,
        Decision::PassOver(why) => {
            tracing::info!(txn = %event.id, why, "a DDL statement is passed over");
            engine.stats.ddl_passed_over += 1;
            None
        }
        Decision::Stop(why) => Some(why),
        Decision::Apply(narrowed) => {
            event.ddl = narrowed;
            apply_ddl(engine, &event).await?
        }
    };
    if let Some(why) = refused {
        let state = settings
            .ddl_tasks
            .record(event.id, &event.sql, &why)
            .await?;
        if state == DdlTaskState::Pending {
            return Err(Error::new(
                Kind::DdlUnsupported,
                format!("applying the DDL statement at binlog position {}", event.id),
            )
            .detail(why));
        }
        tracing::warn!(txn = %event.id, "a DDL statement was skipped by its task");
        keep_ddl(engine, &event, false).await?;
    }
    engine.window.pass(Some(event.id), event.end, false);
    engine.forget_layouts();
    engine.stats.ddl += 1;
    Ok(())
}

/// Applies and keeps; why it can't be applied, if so.
async fn apply_ddl(engine: &mut Engine, event: &DdlEvent) -> Result<Option<String>> {
    match keep_ddl(engine, event, true).await {
        Ok(()) => Ok(None),
        Err(error) if is_about_the_statement(error.kind()) => Ok(Some(error.to_string())),
        Err(error) => Err(error),
    }
}

fn is_about_the_statement(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::DdlUnsupported
            | Kind::SchemaUnsupported
            | Kind::SchemaRefused
            | Kind::SchemaMismatch
            | Kind::StatementFailed
            | Kind::ObjectMissing
            | Kind::PrivilegeMissing
            | Kind::TypeUnsupported
    )
}

/// Runs the statement between the lock on lane 0's progress row and its commit: whoever takes over
/// waits for the lock, so no newer owner works while an older one's DDL runs. DDL itself is not
/// undone by a roll-back, but applying it is idempotent.
async fn keep_ddl(engine: &mut Engine, event: &DdlEvent, apply: bool) -> Result<()> {
    let watermark = Watermark {
        id: event.id,
        position: event.end.clone(),
    };
    let mut lane = lane_zero(engine)?;
    let mark = lane.mark(&watermark, &[]);
    let body = DdlBody {
        settings: &engine.settings,
        event: apply.then_some(event),
    };
    let progress = std::sync::Arc::clone(engine.context.progress());
    let result = {
        let transact = lane.transact(&mark, &body, &|| false);
        tokio::pin!(transact);
        let mut alive = tokio::time::interval(Duration::from_secs(1));
        let token = engine.context.token().clone();
        loop {
            tokio::select! {
                result = &mut transact => break result,
                _ = alive.tick() => progress.beat(),
                () = token.cancelled() => break Err(interrupted()),
            }
        }
    };
    match &result {
        Ok(()) => {
            lane.prune(&watermark);
            engine.persisted(&watermark);
        }
        Err(_) => lane.abandon(),
    }
    engine.lanes[0] = Some(lane);
    result
}

struct DdlBody<'a> {
    settings: &'a Settings,
    event: Option<&'a DdlEvent>,
}

impl Body for DdlBody<'_> {
    fn run<'a>(
        &'a self,
        session: &'a mut dyn TargetSession,
        _call: Duration,
    ) -> BoxFuture<'a, Result<()>> {
        let Some(event) = self.event else {
            return Box::pin(async { Ok(()) });
        };
        // without the lock on the progress row another owner could take over
        Box::pin(async move { beside(session, self.settings.ddl.apply(event)).await? })
    }
}

fn interrupted() -> Error {
    Error::new(Kind::Interrupted, "the work was told to end")
}
