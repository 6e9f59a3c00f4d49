//! Rights to O&M tasks, and orders to sub-projects.

use super::*;
use crate::metadata::{NewOmTask, OmTaskType};

/// Where one is about components of several projects, it needs a right to each of them.
#[tokio::test]
async fn a_task_about_several_projects_needs_them_all() {
    let world = World::new().await;
    let alice = world.user("alice", UserRole::User).await;
    let bob = world.user("bob", UserRole::User).await;
    let ends = [
        &*world.source(&alice, "from").await,
        &*world.source(&alice, "to").await,
    ];
    let mut syncs = Vec::new();
    for (number, (owner, name)) in (1..).zip([(&alice, "p"), (&alice, "q"), (&bob, "r")]) {
        let project = world.project(owner, name, ends).await;
        syncs.push(world.incr_sync(&project, number).await);
    }
    let task = async |of: &[usize]| {
        let components: Vec<&String> = of.iter().map(|&at| &syncs[at]).collect();
        let new = NewOmTask {
            project_id: String::new(),
            kind: OmTaskType::UpdateIncrSync,
            name: NODE.to_owned(),
            owner: Some(alice.id.clone()),
            task_info: json!({ "components": components }),
        };
        let made = world.api.metadata.om_tasks().create(new).await;
        json!({ "id": made.expect("a task").number() })
    };
    let (mine, both) = (task(&[0, 1]).await, task(&[1, 2]).await);
    let gone = task(&[]).await;
    let describe = "DescribeOmTask";
    for body in [&mine, &gone] {
        let seen = world.ask(&alice, describe, body.clone()).await;
        seen.expect("her own");
    }
    // she asked for it, and may have lost the right since
    for action in [describe, "RetryOmTask", "SkipOmTask"] {
        for body in [&both, &mine] {
            if body == &both {
                let refused = world.ask(&alice, action, both.clone()).await;
                world.refused(refused, Kind::Forbidden, "alice");
            }
            let refused = world.ask(&bob, action, body.clone()).await;
            world.refused(refused, Kind::Forbidden, "bob");
        }
    }
}

#[tokio::test]
async fn a_sub_project_takes_orders_from_its_parent_only() {
    let world = World::new().await;
    let root = world.user("root", UserRole::Root).await;
    let ends = [
        &*world.source(&root, "from").await,
        &*world.source(&root, "to").await,
    ];
    let parent = world.project(&root, "p", ends).await;
    let new = new_project("p+1", ends, &config());
    let projects = world.api.metadata.projects();
    let child = projects.create_child(new, &parent).await.expect("made");
    let steps = make_steps(&world.api.metadata, &child.id, &config()).await;
    steps.expect("steps");
    let sync = world.incr_sync(&child, 1).await;
    let update = json!({
        "dimension": "NAME", "key": sync, "cmRegion": "", "config": { "sink": { "workerNum": 2 } },
    });
    let mut obeyed = Vec::new();
    for (action, body) in [
        ("StartProject", json!({ "id": child.id })),
        ("StopProject", json!({ "id": child.id })),
        ("ResumeProject", json!({ "id": child.id })),
        ("ReleaseProject", json!({ "id": child.id })),
        ("DeleteProject", json!({ "id": child.id })),
        ("RenameProject", json!({ "id": child.id, "name": "own" })),
        ("CloneProject", json!({ "id": child.id, "name": "twin" })),
        (
            "UpdateProjectConfig",
            json!({ "id": child.id, "fullTransferConfig": { "throttleRps": 1 } }),
        ),
        ("UpdateIncrSync", update),
        ("PauseComponent", json!({ "name": sync })),
        ("StartComponent", json!({ "name": sync })),
        ("RerunComponent", json!({ "name": sync })),
        ("DeleteComponent", json!({ "name": sync })),
        (
            "RepairProjectStep",
            json!({ "id": child.id, "stepName": "INCR_TRANSFER" }),
        ),
    ] {
        let says = format!("it is a sub-project of {}", parent.id);
        let said = match world.ask(&root, action, body).await {
            Ok(answer) => format!("done: {}", answer.data),
            Err(error) => error.to_string(),
        };
        if !said.contains(&says) {
            obeyed.push((action, said));
        }
    }
    assert!(obeyed.is_empty(), "{obeyed:#?}");
    let found = projects.get(&child.id).await.expect("there");
    assert_eq!((&found.name, found.epoch), (&child.name, 0));
}
