//! kill -9 of the server at random moments while tables are added and removed under a load that touches
//! old and new tables together: at the end both sides are equal, row by row.
//!
//! `OMS_SEED=N` makes the same choices again; `OMS_ROUNDS=N` adds and removes so often (default 1).

use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};

use crate::client::{OmsServer, PASSWORD};
use crate::harness::oms::announce;
use crate::harness::wait_until;
use crate::objects_load::Load;
use crate::objects_scene::{MINUTES, Scene, project};

const OLD: [&str; 2] = ["shop.old_a", "shop.old_loose"];
const NEW: [&str; 3] = ["shop.new_a", "shop.new_loose", "extra.e"];
/// Kills in each change.
const KILLS: usize = 5;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Kills the server at once, and starts it again.
async fn kill(scene: Scene, folder: &std::path::Path) -> Scene {
    scene.server.kill9_now();
    let Scene { server, .. } = scene;
    drop(server);
    Scene {
        server: OmsServer::start(folder, Some(PASSWORD)).await,
        ..scene
    }
}

/// Lets a change come to its end through kills: some at any moment, some in the midst of the merge.
async fn through_kills(
    mut scene: Scene,
    folder: &std::path::Path,
    record: &str,
    rng: &mut StdRng,
    load: &Load,
    ddl: bool,
) -> Scene {
    for round in 0..KILLS {
        let aimed = round % 2 == 1;
        let state = wait_until("a moment to kill", MINUTES, || async {
            let found = scene.record(record).await;
            let status = found["status"].as_str().unwrap_or_default().to_owned();
            match status.as_str() {
                "FAILED" => panic!("{found:#}"),
                "MERGING" | "SUCCESS" => Ok(Some(status)),
                _ if !aimed => Ok(Some(status)),
                _ => Err(format!("{found:#}")),
            }
        })
        .await;
        if state == "SUCCESS" {
            break;
        }
        if ddl {
            load.alter(state == "MERGING");
        }
        let longest = if state == "MERGING" { 1500 } else { 3000 };
        let moment = rng.random_range(0..longest);
        tokio::time::sleep(Duration::from_millis(moment)).await;
        announce(&format!("killed {moment} ms after {state}"));
        scene = kill(scene, folder).await;
    }
    scene.record_is(record, "SUCCESS").await;
    scene
}

/// With changes of the tables' definitions.
#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_midst_of_changes_under_ddl() {
    killed_in_the_midst_of_changes(true).await;
}

/// With an incremental verification, which reads the Store that changes hands.
#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_midst_of_changes_under_verification() {
    killed_in_the_midst_of_changes(false).await;
}

async fn killed_in_the_midst_of_changes(ddl: bool) {
    let folder = tempfile::tempdir().expect("a folder");
    let seed = number("OMS_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    announce(&format!("changes of objects and kills: OMS_SEED={seed}"));
    let mut rng = StdRng::seed_from_u64(seed);
    let mut scene = Scene::new(folder.path()).await;
    if ddl {
        let mut body = project("ddl", &scene.sides, &OLD);
        body["enableIncrVerify"] = false.into();
        let made = scene.server.call("CreateProject", body).await;
        scene.project = made.data().as_str().expect("an id").to_owned();
    }
    scene.start().await;
    scene.step_is("FULL_VERIFIER", "FINISHED").await;
    let mut load = Load::start(&scene.source, seed);
    for round in 0..number("OMS_ROUNDS").unwrap_or(1) {
        let record = scene.change("INCREASE_OBJECT", &NEW).await;
        scene = through_kills(scene, folder.path(), &record, &mut rng, &load, ddl).await;
        if ddl {
            load.alter(true);
        }
        // followed by the project itself for a while
        tokio::time::sleep(Duration::from_millis(rng.random_range(500..2500))).await;
        announce(&format!(
            "round {round}: {} transactions",
            load.stop().await
        ));
        let all: Vec<&str> = OLD.into_iter().chain(NEW).collect();
        scene.same(&all).await;
        verified(&scene).await;
        load = Load::start(&scene.source, seed + round + 1);
        let record = scene.change("DECREASE_OBJECT", &NEW).await;
        scene = through_kills(scene, folder.path(), &record, &mut rng, &load, ddl).await;
        load.stop().await;
        scene.same(&OLD).await;
        scene
            .target
            .exec("DROP TABLE shop.new_a, shop.new_loose, extra.e")
            .await;
        load = Load::start(&scene.source, seed + round + 100);
    }
    load.stop().await;
    scene.same(&OLD).await;
    let by_id = json!({ "id": scene.project });
    let found = scene.server.call("DescribeProject", by_id).await;
    let status = &found.data()["status"];
    assert!(*status == "RUNNING" || ddl, "{:#}", found.body);
}

/// The project's own verification finds no difference, and leaves no table out.
async fn verified(scene: &Scene) {
    wait_until("all tables to be verified", MINUTES, || async {
        let body = json!({ "id": scene.project });
        let steps = scene.server.call("DescribeProjectSteps", body).await;
        let steps = steps.data().as_array().cloned().unwrap_or_default();
        let found = steps.iter().find(|step| step["name"] == "FULL_VERIFIER");
        let status = found.map(|step| step["status"].clone());
        // a comparison does not outlive a change of its table's definition
        if status == Some(Value::from("FAILED")) {
            let by_id = json!({ "id": scene.project });
            scene.server.call("ResumeProject", by_id).await;
        }
        if status != Some(Value::from("FINISHED")) {
            return Err(format!("{found:#?}"));
        }
        let names = scene.verified().await;
        match names.len() == OLD.len() + NEW.len() {
            true => Ok(Some(())),
            false => Err(format!("{names:?}")),
        }
    })
    .await;
}
