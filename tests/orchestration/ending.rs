//! A component that takes long to end holds up its own project, and nobody else's.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use oms::actor::shell::WorkFactory;
use oms::actor::system;
use oms::actor::work::{Assignment, Context, Finish, Work};
use oms::error::Result;
use oms::metadata::{
    AlarmLevel, Component, ComponentStatus, ComponentType, DesiredStatus, Metadata, NewComponent,
    NewProject, ProjectType,
};
use oms::supervisor::{EPOCH_STRIDE, Maker, Node};
use parking_lot::Mutex;
use serde_json::json;
use tokio::sync::Semaphore;

const NODE: &str = "n";

/// What works, and what lets it end once it was told to.
struct Stage {
    working: Mutex<BTreeSet<String>>,
    may_end: Semaphore,
}

struct Slow(Arc<Stage>);

struct Ending(String, Arc<Stage>);

impl Maker for Slow {
    fn maker<'a>(
        &'a self,
        component: &'a Component,
        _: &'a Assignment,
    ) -> BoxFuture<'a, Result<WorkFactory>> {
        let (id, stage) = (component.id.clone(), Arc::clone(&self.0));
        let factory: WorkFactory =
            Box::new(move || Ok(Box::new(Ending(id.clone(), Arc::clone(&stage)))));
        Box::pin(async move { Ok(factory) })
    }
}

impl Work for Ending {
    fn run(self: Box<Self>, context: Context) -> BoxFuture<'static, Result<Finish>> {
        Box::pin(async move {
            let Self(id, stage) = *self;
            stage.working.lock().insert(id.clone());
            context.cancelled().await;
            stage.may_end.acquire().await.expect("open").forget();
            stage.working.lock().remove(&id);
            Ok(Finish::Cancelled)
        })
    }
}

async fn component(metadata: &Metadata, project: &str, id: &str) {
    let new = NewComponent {
        id: id.to_owned(),
        project_id: project.to_owned(),
        step_id: "s_x".to_owned(),
        kind: ComponentType::FullImport,
        desired_status: DesiredStatus::Running,
        node: NODE.to_owned(),
        config: json!({}),
        checkpoint: json!({}),
    };
    metadata.components().create(new).await.expect("created");
}

async fn projects(metadata: &Metadata, ids: [&str; 2]) {
    for id in ids {
        let new = NewProject {
            id: id.to_owned(),
            name: id.to_owned(),
            kind: ProjectType::Migration,
            source_id: "e_s".to_owned(),
            target_id: "e_t".to_owned(),
            config: json!({}),
            alarm_level: AlarmLevel::Low,
        };
        metadata.projects().create(new).await.expect("created");
        let claimed = metadata.projects().claim(id, EPOCH_STRIDE).await;
        assert!(claimed.expect("claimed").applied());
    }
}

/// Rounds until exactly these work.
async fn until_these_work(node: &mut Node, stage: &Stage, expected: &[&str]) {
    let expected: BTreeSet<String> = expected.iter().map(|&id| id.to_owned()).collect();
    for _ in 0..500 {
        // the grace for an end is 20 s
        let round = tokio::time::timeout(Duration::from_secs(10), node.supervise());
        let round = round.await.expect("a round waits for nobody's end");
        round.expect("supervised");
        if *stage.working.lock() == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("{:?} work, not {expected:?}", stage.working.lock());
}

#[test]
fn nobody_waits_for_the_end_of_another_projects_component() {
    system::run(async {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("rm.db");
        let opened = Metadata::open(&path.to_string_lossy()).await;
        let metadata = opened.expect("opened");
        metadata.migrate().await.expect("migrated");
        projects(&metadata, ["huge", "small"]).await;
        let stage = Arc::new(Stage {
            working: Mutex::default(),
            may_end: Semaphore::new(0),
        });
        let maker = Box::new(Slow(Arc::clone(&stage)));
        let mut node = Node::new(metadata.clone(), maker, NODE, EPOCH_STRIDE, None);
        component(&metadata, "huge", "old").await;
        component(&metadata, "huge", "paused").await;
        until_these_work(&mut node, &stage, &["old", "paused"]).await;

        let components = metadata.components();
        let desire = async |id: &str, desired: DesiredStatus| {
            let set = components.set_desired(id, desired, EPOCH_STRIDE).await;
            assert!(set.expect("set").applied());
        };
        desire("old", DesiredStatus::Stopped).await;
        desire("paused", DesiredStatus::Paused).await;
        component(&metadata, "huge", "new").await;
        component(&metadata, "small", "other").await;
        until_these_work(&mut node, &stage, &["old", "paused", "other"]).await;
        let status = async |id: &str| components.get(id).await.expect("a row").status;
        assert_eq!(status("old").await, ComponentStatus::Running, "it ends yet");
        // wanted again before it has ended: it never says that it rests
        desire("paused", DesiredStatus::Running).await;
        until_these_work(&mut node, &stage, &["old", "paused", "other"]).await;

        // now both end; the successor begins behind its predecessor, and the other begins anew
        stage.may_end.add_permits(2);
        until_these_work(&mut node, &stage, &["new", "other", "paused"]).await;
        assert_eq!(status("old").await, ComponentStatus::Stopped);
        assert_eq!(status("paused").await, ComponentStatus::Running);
        stage.may_end.add_permits(100);
        node.stop_all().await;
        assert!(stage.working.lock().is_empty());
    })
    .expect("a runtime");
}
