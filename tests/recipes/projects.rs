//! A project's row.

use crate::{following, follows};
use oms::metadata::{AlarmLevel, ComponentType, ProjectStatus, StepName, StepStatus};

pub async fn paused_and_let_go_on(url: &str) {
    let world = following(url).await;
    world.recipe("project-pause", None).await;
    let look = async || {
        let incr = world.step(StepName::IncrTransfer).await.status;
        let store = world.working(ComponentType::Store);
        (incr, store, world.working(ComponentType::IncrSync))
    };
    let paused = |seen: &(StepStatus, u32, u32)| *seen == (StepStatus::Suspend, 0, 0);
    world.until("a paused project", look, paused).await;
    world.recipe("project-go-on", None).await;
    follows(&world).await;
    world.end().await;
}

pub async fn failed_goes_on(url: &str) {
    let world = following(url).await;
    let store = ComponentType::Store;
    world.stage.failing.lock().insert(store);
    let look = async || world.the_project().await.status;
    let failed = |status: &ProjectStatus| *status == ProjectStatus::Failed;
    world.until("a failed project", look, failed).await;
    let row = world.the_project().await;
    assert!(
        row.extra_info["errorCode"].is_string(),
        "{:?}",
        row.extra_info
    );
    world.stage.failing.lock().clear();
    world.recipe("project-go-on", None).await;
    follows(&world).await;
    world.end().await;
}

/// What a person says stays said, whatever is written beside it.
pub async fn legal_edits_stay(url: &str) {
    let world = following(url).await;
    world.recipe("alarm-level", None).await;
    world.recipe("throttle", None).await;
    let look = async || world.metadata.events().list(&world.project).await;
    let seen = |events: &Result<Vec<_>, _>| {
        let events = events.as_ref().map(Vec::as_slice).unwrap_or_default();
        let mut rows = events.iter().rev().flatten();
        let last = rows.find(|e: &&oms::metadata::Event| e.kind == "project.row");
        last.is_some_and(|e| {
            e.detail["alarm_level"] == "HIGH"
                && e.detail["config"]["options"]["incr_sync"]["throttle_rps"] == 500
        })
    };
    let known = world.until("edits that are known", look, seen).await;
    assert!(known.is_ok());
    world.recipe("project-pause", None).await;
    let store = async || world.working(ComponentType::Store);
    world.until("a paused project", store, |n| *n == 0).await;
    world.recipe("project-go-on", None).await;
    follows(&world).await;
    let project = world.the_project().await;
    assert_eq!(project.alarm_level, AlarmLevel::High);
    assert_eq!(project.config["options"]["incr_sync"]["throttle_rps"], 500);
    world.end().await;
}
