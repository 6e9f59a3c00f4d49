//! What the switchover refuses, and how it goes on when that is mended.

use mysql_async::prelude::Queryable;
use serde_json::json;

use crate::bank::{self, Load};
use crate::harness::{Kind, Server};
use crate::scene::{Scene, seed, sub_step};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_so_is_found_before_anything_is_changed() {
    let folder = tempfile::tempdir().expect("a folder");
    let seed = seed();
    let scene = Scene::new(folder.path(), [Kind::MySql, Kind::MariaDb], seed).await;
    // not where it can begin
    let reply = scene
        .server
        .call("StartAppSwitch", scene.body(json!({})))
        .await;
    reply.refused(409, "CMP-0003", "while it is INIT");
    scene.verified().await;
    let reply = scene
        .server
        .call("RollBackAppSwitch", scene.body(json!({})))
        .await;
    reply.refused(409, "CMP-0003", "has not begun");
    still_written(&scene, seed).await;
    a_lag_that_does_not_close(&scene).await;
    a_missing_right(&scene).await;
}

/// Somebody writes on after "stopped": found, and refused until it ends.
async fn still_written(scene: &Scene, seed: u64) {
    let load = Load::start(&scene.source, seed, 2);
    scene.begin(json!({})).await;
    scene.waits_for("STOP_SOURCE_WRITES").await;
    let before = load.done();
    scene
        .seen("the load to go on", |_| load.done() > before + 20)
        .await;
    scene.confirm("STOP_SOURCE_WRITES").await;
    let state = scene.sub_is("REACH_STOP_POSITION", "FAILED").await;
    let sub = sub_step(&state, "REACH_STOP_POSITION").expect("a sub-step");
    assert_eq!(sub["errorDetail"]["code"], "SWI-0004", "{state:#}");
    let message = sub["errorDetail"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("bank.accounts"), "{message}");
    // it waits for a person, and does not try by itself
    scene.looked_at_twice().await;
    let state = scene.sub_is("REACH_STOP_POSITION", "FAILED").await;
    assert_eq!(
        sub_step(&state, "STOP_FORWARD_SYNC").expect("one")["status"],
        "PENDING"
    );
    load.stop().await;
    scene
        .call(
            "RetryAppSwitch",
            json!({ "subStep": "REACH_STOP_POSITION" }),
        )
        .await;
    scene.switched().await;
    scene.same().await;
    scene.roll_back().await;
    scene.same().await;
}

/// The target cannot come up to the last position: said, and tried again.
async fn a_lag_that_does_not_close(scene: &Scene) {
    scene.begin(json!({ "catchUpTimeoutSec": 1 })).await;
    scene.waits_for("STOP_SOURCE_WRITES").await;
    let mut lock = scene.target.conn().await;
    lock.query_drop("BEGIN").await.expect("a transaction");
    lock.query_drop("SELECT * FROM bank.accounts WHERE id = 5 FOR UPDATE")
        .await
        .expect("a lock");
    scene
        .source
        .exec("UPDATE bank.accounts SET note = 'locked at the target' WHERE id = 5")
        .await;
    scene.confirm("STOP_SOURCE_WRITES").await;
    let state = scene.sub_is("REACH_STOP_POSITION", "FAILED").await;
    let sub = sub_step(&state, "REACH_STOP_POSITION").expect("a sub-step");
    assert_eq!(sub["errorDetail"]["code"], "SWI-0003", "{state:#}");
    lock.query_drop("ROLLBACK").await.expect("let go");
    drop(lock);
    scene
        .seen("the next try to come through", |state| {
            let sub = sub_step(state, "REACH_STOP_POSITION");
            sub.is_some_and(|s| s["status"] == "FINISHED" || s["retryCount"].as_i64() > Some(3))
        })
        .await;
    scene.switched().await;
    scene.same().await;
    scene.roll_back().await;
}

/// The account may not write at the source: found by the rehearsal and by the pre-check.
async fn a_missing_right(scene: &Scene) {
    revoke(&scene.source, "INSERT").await;
    let rehearsed = scene.call("RehearseAppSwitch", json!({})).await;
    assert_eq!(rehearsed["ready"], false, "{rehearsed:#}");
    scene.begin(json!({})).await;
    let state = scene.sub_is("SWITCH_PRECHECK", "FAILED").await;
    let sub = sub_step(&state, "SWITCH_PRECHECK").expect("a sub-step");
    let message = sub["errorDetail"]["message"].as_str().unwrap_or_default();
    assert!(message.contains("INSERT"), "{message}");
    for later in [
        "CREATE_DEST_STORE",
        "STOP_SOURCE_WRITES",
        "STOP_FORWARD_SYNC",
    ] {
        assert_eq!(sub_step(&state, later).expect("one")["status"], "PENDING");
    }
    // the way forth has not noticed
    scene
        .source
        .exec("UPDATE bank.accounts SET note = 'still followed' WHERE id = 6")
        .await;
    scene.same().await;
    grant(&scene.source, "INSERT").await;
    scene
        .call("RetryAppSwitch", json!({ "subStep": "SWITCH_PRECHECK" }))
        .await;
    scene.waits_for("STOP_SOURCE_WRITES").await;
    scene.roll_back().await;
    bank::require_sum(&scene.source).await;
}

/// As the server's own administrator, whom `oms` is not.
async fn revoke(server: &Server, right: &str) {
    server
        .exec(&format!("REVOKE {right} ON *.* FROM oms"))
        .await;
}

async fn grant(server: &Server, right: &str) {
    server.exec(&format!("GRANT {right} ON *.* TO oms")).await;
}
