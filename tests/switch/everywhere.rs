//! At every sub-step: kill -9, twice each, and a roll-back. Nothing is lost, nothing doubled.

use std::time::Duration;

use serde_json::{Value, json};

use crate::bank::Load;
use crate::client::{OmsServer, PASSWORD};
use crate::harness::{Kind, wait_until};
use crate::scene::{MINUTES, Scene, seed, sub_step};

const FORWARD: [&str; 8] = [
    "START_SWITCH",
    "SWITCH_PRECHECK",
    "CREATE_DEST_STORE",
    "STOP_SOURCE_WRITES",
    "REACH_STOP_POSITION",
    "STOP_FORWARD_SYNC",
    "PROCESS_DB_OBJECTS",
    "CREATE_REVERSE_SYNC",
];

const BACK: [&str; 8] = [
    "STOP_TARGET_WRITES",
    "REACH_BACK_POSITION",
    "STOP_REVERSE_SYNC",
    "START_FORWARD_SYNC",
    "ALLOW_SOURCE_WRITES",
    "STOP_DEST_STORE",
    "CLEAN_DEST_STORE",
    "FORGET_REVERSE",
];

/// Confirms what is asked for until a sub-step is under way, or done.
async fn until_begun(scene: &Scene, sub: &str) {
    drive(scene, sub, |state| {
        sub_step(state, sub).is_some_and(|s| s["status"] != "PENDING")
            // it is over already: the rows of a roll-back stay, those of the way forth too
            || state["status"] == "INIT"
    })
    .await;
}

/// Confirms what is asked for until the switchover looks so.
async fn drive(scene: &Scene, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    wait_until(what, MINUTES, || async {
        let body = scene.body(json!({}));
        let Some(reply) = scene.server.try_call("DescribeAppSwitch", body).await else {
            return Err("no answer".to_owned());
        };
        let state = reply.body["data"].clone();
        if is(&state) {
            return Ok(Some(state));
        }
        if let Some(sub) = state["waitsFor"].as_str() {
            let body = scene.body(json!({ "subStep": sub }));
            scene.server.try_call("ConfirmAppSwitch", body).await;
        }
        Err(format!("{state:#}"))
    })
    .await
}

async fn killed(scene: Scene, folder: &std::path::Path) -> Scene {
    let Scene {
        server,
        source,
        target,
        project,
    } = scene;
    server.kill9();
    Scene {
        server: OmsServer::start(folder, Some(PASSWORD)).await,
        source,
        target,
        project,
    }
}

async fn switched(scene: &Scene) {
    drive(scene, "the switchover to be done", |state| {
        state["status"] == "FINISHED" && state["reverseStatus"] == "MONITORING"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_every_sub_step() {
    let folder = tempfile::tempdir().expect("a folder");
    let seed = seed();
    let mut scene = Scene::new(folder.path(), [Kind::MySql, Kind::MariaDb], seed).await;
    scene.verified().await;
    // two sub-steps in each circle, so that each is hit twice in eight
    for (round, at) in (0..FORWARD.len()).enumerate() {
        let load = Load::start(&scene.source, seed + round as u64, 2);
        wait_until("the load", MINUTES, || async {
            match load.done() > 20 {
                true => Ok(Some(())),
                false => Err(load.done()),
            }
        })
        .await;
        load.stop().await;
        scene.begin(json!({})).await;
        for sub in [FORWARD[at], FORWARD[(at + 3) % FORWARD.len()]] {
            until_begun(&scene, sub).await;
            scene = killed(scene, folder.path()).await;
        }
        switched(&scene).await;
        scene.same().await;
        let load = Load::start(&scene.target, seed + 100 + round as u64, 2);
        wait_until("the load", MINUTES, || async {
            match load.done() > 20 {
                true => Ok(Some(())),
                false => Err(load.done()),
            }
        })
        .await;
        load.stop().await;
        scene.call("RollBackAppSwitch", json!({})).await;
        for sub in [BACK[at], BACK[(at + 3) % BACK.len()]] {
            until_begun(&scene, sub).await;
            scene = killed(scene, folder.path()).await;
        }
        drive(&scene, "the roll-back to be done", |state| {
            state["status"] == "INIT"
        })
        .await;
        scene.step_is("INCR_TRANSFER", "MONITORING").await;
        scene.same().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rolled_back_at_every_sub_step() {
    let folder = tempfile::tempdir().expect("a folder");
    let seed = seed();
    let scene = Scene::new(folder.path(), [Kind::MySql, Kind::MySql], seed).await;
    scene.verified().await;
    for (round, sub) in FORWARD.iter().enumerate() {
        scene
            .begin(json!({ "stopWrites": if round % 2 == 0 { "CONFIRM" } else { "READ_ONLY" } }))
            .await;
        until_begun(&scene, sub).await;
        scene.call("RollBackAppSwitch", json!({})).await;
        drive(&scene, "the roll-back to be done", |state| {
            state["status"] == "INIT"
        })
        .await;
        scene.step_is("INCR_TRANSFER", "MONITORING").await;
        // the application's side is whole again, and the way forth goes on
        let load = Load::start(&scene.source, seed + round as u64, 2);
        wait_until("the application to write", MINUTES, || async {
            match load.done() > 20 {
                true => Ok(Some(())),
                false => Err(load.done()),
            }
        })
        .await;
        load.stop().await;
        scene.same().await;
    }
    released_without_a_trace(&scene).await;
}

/// A release behind a switchover leaves nothing of ours in either database.
async fn released_without_a_trace(scene: &Scene) {
    scene.begin(json!({ "stopWrites": "READ_ONLY" })).await;
    scene.switched().await;
    scene.call("StopProject", json!({})).await;
    scene.call("ReleaseProject", json!({})).await;
    let deadline = Duration::from_secs(60);
    scene
        .server
        .project_is(&scene.project, "RELEASED", deadline)
        .await;
    for side in [&scene.source, &scene.target] {
        let mut conn = side.conn().await;
        let left: Vec<String> = mysql_async::prelude::Queryable::query(
            &mut conn,
            "SELECT schema_name FROM information_schema.schemata WHERE schema_name IN ('omstxndb', 'drc')",
        )
        .await
        .expect("a list");
        assert!(left.is_empty(), "{left:?} at {}", side.url());
        let read_only: Option<u8> =
            mysql_async::prelude::Queryable::query_first(&mut conn, "SELECT @@global.read_only")
                .await
                .expect("an answer");
        assert_eq!(read_only, Some(0), "at {}", side.url());
    }
}
