//! A verification behind the switchover: the target is the truth then, and what is corrected is the source.

use mysql_async::prelude::Queryable;
use serde_json::{Value, json};

use crate::bank::Load;
use crate::harness::{Kind, Server};
use crate::scene::{Scene, seed};

/// Every row of both tables, in order.
async fn rows(server: &Server) -> Vec<String> {
    let mut conn = server.conn().await;
    let mut rows = Vec::new();
    for sql in [
        "SELECT CONCAT_WS('|', id, balance, note) FROM bank.accounts ORDER BY id",
        "SELECT CONCAT_WS('|', id, payer, payee) FROM bank.ledger ORDER BY id",
    ] {
        let found: Vec<String> = conn.query(sql).await.expect("rows");
        rows.extend(found);
    }
    rows
}

async fn verifier(scene: &Scene) -> Value {
    let found = scene.call("DescribeProjectComponents", json!({})).await;
    let all = found["fullVerifyComponents"].as_array().cloned();
    let newest = all.unwrap_or_default().into_iter().next_back();
    newest.expect("a verification")["name"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_the_switch_the_target_is_the_truth() {
    let folder = tempfile::tempdir().expect("a folder");
    let seed = seed();
    let scene = Scene::new(folder.path(), [Kind::MariaDb, Kind::MariaDb], seed).await;
    scene.verified().await;
    scene.begin(json!({})).await;
    scene.waits_for("STOP_SOURCE_WRITES").await;
    // in between neither side is
    let name = json!({ "name": verifier(&scene).await });
    let reply = scene.server.call("RerunComponent", name).await;
    reply.refused(409, "CMP-0003", "neither side is the truth");
    // and there is nothing to rehearse any more
    let reply = scene
        .server
        .call("RehearseAppSwitch", scene.body(json!({})));
    reply
        .await
        .refused(409, "CMP-0003", "it is RUNNING already");
    scene.confirm("STOP_SOURCE_WRITES").await;
    scene.switched().await;

    let load = Load::start(&scene.target, seed, 2);
    scene
        .seen("the application to write at the target", |_| {
            load.done() > 50
        })
        .await;
    load.stop().await;
    scene.same().await;
    // somebody spoils the source by hand
    scene
        .source
        .exec(
            "UPDATE bank.accounts SET balance = balance + 5 WHERE id = 7; DELETE FROM bank.ledger LIMIT 3; \
             INSERT INTO bank.accounts (id, balance) VALUES (100000, 0)",
        )
        .await;
    let truth = rows(&scene.target).await;
    assert_ne!(rows(&scene.source).await, truth);
    let update = json!({
        "dimension": "NAME", "key": verifier(&scene).await, "cmRegion": "",
        "config": { "filter.verify.rectify.type": "now" },
    });
    let asked = scene.server.call("UpdateFullVerification", update).await;
    asked.data();
    let name = json!({ "name": verifier(&scene).await });
    scene.server.call("RerunComponent", name).await.data();
    scene.same().await;
    scene.step_is("FULL_VERIFIER", "FINISHED").await;
    assert_eq!(rows(&scene.target).await, truth);
    assert_eq!(rows(&scene.source).await, truth);
}
