//! The whole circle: switch, write at the new side, switch back, write at the old one.

use serde_json::json;

use crate::bank::Load;
use crate::harness::Kind;
use crate::scene::{Scene, seed};

#[tokio::test(flavor = "multi_thread")]
async fn at_rest() {
    let folder = tempfile::tempdir().expect("a folder");
    let scene = Scene::new(folder.path(), [Kind::MySql, Kind::MySql], 0).await;
    scene.verified().await;
    let rehearsed = scene.call("RehearseAppSwitch", json!({})).await;
    assert_eq!(rehearsed["ready"], true, "{rehearsed:#}");
    scene.begin(json!({})).await;
    scene.waits_for("STOP_SOURCE_WRITES").await;
    scene.confirm("STOP_SOURCE_WRITES").await;
    scene.switched().await;
    scene.target.exec("UPDATE bank.accounts SET balance = balance + 1 WHERE id = 1; UPDATE bank.accounts SET balance = balance - 1 WHERE id = 2").await;
    scene.same().await;
    scene.call("RollBackAppSwitch", json!({})).await;
    scene.waits_for("STOP_TARGET_WRITES").await;
    scene.confirm("STOP_TARGET_WRITES").await;
    scene.rolled_back().await;
    scene.source.exec("UPDATE bank.accounts SET balance = balance + 1 WHERE id = 2; UPDATE bank.accounts SET balance = balance - 1 WHERE id = 1").await;
    scene.same().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_mysql_to_mysql_and_back() {
    circle([Kind::MySql, Kind::MySql]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_mysql_to_mariadb_and_back() {
    circle([Kind::MySql, Kind::MariaDb]).await;
}

async fn circle(kinds: [Kind; 2]) {
    let folder = tempfile::tempdir().expect("a folder");
    let seed = seed();
    let scene = Scene::new(folder.path(), kinds, seed).await;
    let load = Load::start(&scene.source, seed, 3);
    scene.verified().await;
    let rehearsed = scene.call("RehearseAppSwitch", json!({})).await;
    assert_eq!(rehearsed["ready"], true, "{rehearsed:#}");
    assert!(rehearsed["withoutWritesMs"].is_u64(), "{rehearsed:#}");
    scene.begin(json!({})).await;
    scene.waits_for("STOP_SOURCE_WRITES").await;
    load.stop().await;
    forth_and_back(scene, seed).await;
}

async fn forth_and_back(scene: Scene, seed: u64) {
    scene.confirm("STOP_SOURCE_WRITES").await;
    scene.switched().await;
    scene.same().await;
    let load = Load::start(&scene.target, seed ^ 1, 3);
    scene
        .seen("the way back to carry changes", |_| load.done() > 200)
        .await;
    scene.call("RollBackAppSwitch", json!({})).await;
    scene.waits_for("STOP_TARGET_WRITES").await;
    load.stop().await;
    scene.confirm("STOP_TARGET_WRITES").await;
    scene.rolled_back().await;
    scene.same().await;
    // and once more, with the source made read-only by oms
    let load = Load::start(&scene.source, seed ^ 2, 3);
    scene
        .seen("the way forth to carry changes", |_| load.done() > 200)
        .await;
    scene.begin(json!({ "stopWrites": "READ_ONLY" })).await;
    scene.switched().await;
    load.stop().await;
    scene.same().await;
    let load = Load::start(&scene.target, seed ^ 3, 3);
    scene
        .seen("the way back to carry changes again", |_| load.done() > 200)
        .await;
    load.stop().await;
    scene.same().await;
}
