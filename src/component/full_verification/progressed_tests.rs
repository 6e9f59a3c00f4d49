//! How far Incr-Sync is, from what its row says.

use super::*;
use crate::metadata::{
    AlarmLevel, DesiredStatus, NewComponent, NewProject, NewStep, ProjectType, Report, StepName,
};
use serde_json::{Value, json};

const PROJECT: &str = "np_1";
const SYNC: &str = "n:sync:1";

/// A project, in a folder that must be kept.
async fn project() -> (tempfile::TempDir, Metadata, RmProgressed) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rm.db");
    let metadata = Metadata::open(&path.to_string_lossy()).await;
    let metadata = metadata.expect("opened");
    metadata.migrate().await.expect("migrated");
    let new = NewProject {
        id: PROJECT.to_owned(),
        name: "p".to_owned(),
        kind: ProjectType::Migration,
        source_id: "e_s".to_owned(),
        target_id: "e_t".to_owned(),
        config: json!({}),
        alarm_level: AlarmLevel::Low,
    };
    metadata.projects().create(new).await.expect("created");
    let step = NewStep {
        id: Some("s_1".to_owned()),
        order: 1,
        name: StepName::IncrTransfer,
        interactive: false,
    };
    let steps = metadata.steps().create_all(PROJECT, vec![step]).await;
    steps.expect("steps");
    let nowhere = Endpoint::parse("mysql://u@127.0.0.1:1").expect("a URL");
    let progressed = RmProgressed::new(metadata.clone(), ProjectId::from(PROJECT), nowhere);
    (folder, metadata, progressed)
}

async fn component(metadata: &Metadata, kind: ComponentType, checkpoint: Value) {
    let new = NewComponent {
        id: SYNC.to_owned(),
        project_id: PROJECT.to_owned(),
        step_id: "s_1".to_owned(),
        kind,
        desired_status: DesiredStatus::Running,
        node: "n".to_owned(),
        config: json!({}),
        checkpoint,
    };
    metadata.components().create(new).await.expect("created");
}

fn at(offset: u64) -> Value {
    json!({ "file": "binlog.000003", "offset": offset })
}

fn reached(offset: u64) -> Option<Option<TxnId>> {
    Some(Some(TxnId::from_file(3, offset)))
}

#[tokio::test]
async fn one_that_has_just_started_is_where_it_was_before() {
    let (_folder, metadata, progressed) = project().await;
    component(&metadata, ComponentType::IncrSync, at(700)).await;
    assert_eq!(progressed.watermark().await.expect("read"), reached(700));
    // what it reports counts as soon as it reports
    let report = Report {
        progress: Some(json!({ "detail": { "watermark": at(900) } })),
        ..Report::default()
    };
    let written = metadata.components().report(SYNC, 0, report).await;
    assert!(written.expect("written").applied());
    assert_eq!(progressed.watermark().await.expect("read"), reached(900));
}

#[tokio::test]
async fn one_that_has_reached_nothing_yet_is_waited_for() {
    let (_folder, metadata, progressed) = project().await;
    component(&metadata, ComponentType::IncrSync, json!({})).await;
    assert_eq!(progressed.watermark().await.expect("read"), Some(None));
}

#[tokio::test]
async fn where_nobody_follows_nobody_is_waited_for() {
    let (_folder, metadata, progressed) = project().await;
    component(&metadata, ComponentType::Store, at(700)).await;
    assert_eq!(progressed.watermark().await.expect("read"), None);
    let passed = progressed.passed_now().await.expect("no server is asked");
    assert_eq!(passed, Passed::Unknown);
}
