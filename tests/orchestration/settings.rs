//! A change of a component's settings that fails in its midst leaves nothing paused.

use oms::actor::system;
use oms::coordinator::Operation;
use oms::metadata::{ComponentStatus, OmTaskStatus, OmTaskType};
use serde_json::json;

use crate::om::following;
use crate::{PROJECT, World};

#[test]
fn a_change_of_settings_that_fails_leaves_nothing_paused() {
    system::run(async {
        let mut world = World::new(4).await;
        let (reconciler, mut node, sync) = following(&mut world).await;
        let number = reconciler
            .operate(Operation {
                kind: OmTaskType::UpdateIncrSync,
                components: vec![sync.clone()],
                step: None,
                name: sync.clone(),
                owner: None,
                settings: json!({ "incr_sync.lanes": 2 }),
                restarts: true,
            })
            .await
            .expect("a task");
        let held = async || {
            let row = world.metadata.components().get(&sync).await.expect("a row");
            row.config.get("held").is_some()
        };
        let task = format!("om_{number}");
        let mut looks = 0;
        while !held().await {
            looks += 1;
            assert!(looks < 500, "it is never paused");
            reconciler.operations().await.expect("looked");
        }
        // its project is paused in the midst of it
        reconciler
            .suspend(PROJECT, "test")
            .await
            .expect("suspended");
        loop {
            looks += 1;
            assert!(looks < 1000, "it does not end");
            reconciler.reconcile(PROJECT).await.expect("reconciled");
            node.supervise().await.expect("supervised");
            reconciler.operations().await.expect("looked");
            let found = world.metadata.om_tasks().get(&task).await.expect("a task");
            if found.status == OmTaskStatus::Failed {
                break;
            }
        }
        assert!(!held().await, "nobody would start it again");
        reconciler.resume(PROJECT).await.expect("resumed");
        let mut runs = false;
        for _ in 0..500 {
            reconciler.reconcile(PROJECT).await.expect("reconciled");
            node.supervise().await.expect("supervised");
            let row = world.metadata.components().get(&sync).await.expect("a row");
            runs |= row.status == ComponentStatus::Running;
        }
        assert!(runs, "it runs with its project");
        node.stop_all().await;
    })
    .expect("a runtime");
}
