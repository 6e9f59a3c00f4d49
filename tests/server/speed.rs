//! Speed modes: what they mean stands in parameters, and counts from the next start.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::OmsServer;
use crate::harness::server::start_all;
use crate::harness::{Kind, Options, wait_until};
use crate::life::datasource;

const MINUTES: Duration = Duration::from_secs(120);

fn body(name: &str, from: &str, to: &str, full: Value) -> Value {
    json!({
        "name": name, "type": "MIGRATION", "sourceEndpointId": from, "sinkEndpointId": to,
        "transferMapping": { "mode": "WILDCARD", "tableAndViewWhiteList": ["a.*"] },
        "enableStructTransfer": true, "enableFullTransfer": true, "enableFullVerify": true,
        "enableIncrTransfer": false, "fullTransferConfig": full,
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mode_is_what_its_parameter_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let [source, target] = start_all([
        (Kind::MariaDb, Options::default()),
        (Kind::MariaDb, Options::default()),
    ])
    .await;
    source
        .exec(
            "CREATE DATABASE a; CREATE TABLE a.t (id INT PRIMARY KEY); INSERT INTO a.t VALUES (1)",
        )
        .await;
    let server = OmsServer::ready(folder.path()).await;
    let password = url::Url::parse(&source.url_with_password()).expect("a URL");
    let password = password.password().unwrap_or_default().to_owned();
    let action = "CreateMysqlDataSource";
    let from = datasource(&server, action, "from", &source, &password).await;
    let to = datasource(&server, action, "to", &target, &password).await;
    for (full, says) in [
        (
            json!({ "fullTransferSpeedMode": "QUICK" }),
            "unknown variant `QUICK`",
        ),
        (
            json!({ "fullTransferSpeedMode": "FAST", "readWorkerNum": 2 }),
            "FAST has its own figures",
        ),
    ] {
        let reply = server
            .call("CreateProject", body("bad", &from, &to, full))
            .await;
        reply.refused(400, "API-0001", says);
    }
    let full = json!({ "fullTransferSpeedMode": "FAST", "fullVerifySpeedMode": "STEADY" });
    let id = server
        .call("CreateProject", body("p", &from, &to, full))
        .await;
    let id = id.data().as_str().expect("an id").to_owned();
    let modes = |project: &Value| {
        let full = &project["fullTransferConfig"];
        [&full["fullTransferSpeedMode"], &full["fullVerifySpeedMode"]].map(|mode| mode.to_string())
    };
    let by_id = json!({ "id": id });
    let shown = server.call("DescribeProject", by_id.clone()).await;
    assert_eq!(modes(shown.data()), ["\"FAST\"", "\"STEADY\""]);
    // own figures are what CUSTOM means
    let update = json!({ "id": id, "fullTransferConfig": { "writeWorkerNum": 3 } });
    server.call("UpdateProjectConfig", update).await.data();
    let shown = server.call("DescribeProject", by_id.clone()).await;
    assert_eq!(modes(shown.data()), ["\"CUSTOM\"", "\"STEADY\""]);
    let bad = json!({ "id": id, "fullTransferConfig": { "fullTransferSpeedMode": "STEADY", "writeWorkerNum": 3 } });
    let reply = server.call("UpdateProjectConfig", bad).await;
    reply.refused(
        400,
        "API-0001",
        "leave readWorkerNum and writeWorkerNum out",
    );
    let update = json!({ "id": id, "fullTransferConfig": { "fullTransferSpeedMode": "STEADY" } });
    server
        .call("UpdateProjectConfig", update.clone())
        .await
        .data();

    let steady = json!({ "threads": 7, "readBatchBytes": 65536, "writeBatchBytes": 16384 });
    let set = json!({ "name": "migration.checker.params.steady", "value": steady });
    server.call("UpdateSystemParameter", set).await.data();
    server.call("StartProject", by_id.clone()).await.data();
    server.project_is(&id, "FINISHED", MINUTES).await;
    let log = server.log();
    let begins = |what: &str| {
        let line = log.lines().find(|line| line.contains(what));
        line.unwrap_or_else(|| panic!("{what}: {log}")).to_owned()
    };
    assert!(
        begins("full import begins").contains("workers=7"),
        "{}",
        begins("full import begins")
    );
    assert!(begins("full verification begins").contains("workers=7"));
    let reply = server.call("UpdateProjectConfig", update).await;
    reply.refused(409, "CMP-0003", "FINISHED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_runs_follows_its_mode() {
    let folder = tempfile::tempdir().expect("a folder");
    let [source, target] = start_all([
        (Kind::MariaDb, Options::default()),
        (Kind::MariaDb, Options::default()),
    ])
    .await;
    source
        .exec(
            "CREATE DATABASE a; USE a; CREATE TABLE t (id INT PRIMARY KEY); \
             INSERT INTO t SELECT seq FROM seq_1_to_3000",
        )
        .await;
    let server = OmsServer::ready(folder.path()).await;
    let password = url::Url::parse(&source.url_with_password()).expect("a URL");
    let password = password.password().unwrap_or_default().to_owned();
    let action = "CreateMysqlDataSource";
    let from = datasource(&server, action, "from", &source, &password).await;
    let to = datasource(&server, action, "to", &target, &password).await;
    // ten rows each second: it runs as long as it is looked at
    let full = json!({ "fullTransferSpeedMode": "NORMAL", "throttleRps": 10 });
    let id = server
        .call("CreateProject", body("p", &from, &to, full))
        .await;
    let id = id.data().as_str().expect("an id").to_owned();
    server
        .call("StartProject", json!({ "id": id }))
        .await
        .data();
    server
        .step_is(&id, "FULL_TRANSFER", "RUNNING", MINUTES)
        .await;
    let says = |what: &'static str| {
        let server = &server;
        wait_until(what, MINUTES, move || async move {
            let log = server.log();
            match log.contains(what) {
                true => Ok(Some(())),
                false => Err(log),
            }
        })
    };
    says("workers=8").await;
    let workers = json!({ "id": id, "fullTransferConfig": { "readWorkerNum": 2 } });
    let reply = server.call("UpdateProjectConfig", workers).await;
    reply.refused(409, "CMP-0003", "only throttles and speed modes");
    let update = json!({ "id": id, "fullTransferConfig": { "fullTransferSpeedMode": "STEADY" } });
    server.call("UpdateProjectConfig", update).await.data();
    says("at the same time was changed slices=4").await;
    // what the mode means follows too
    let value = json!({ "threads": 1, "readBatchBytes": 65536, "writeBatchBytes": 16384 });
    let set = json!({ "name": "migration.checker.params.steady", "value": value });
    server.call("UpdateSystemParameter", set).await.data();
    says("at the same time was changed slices=1").await;
    let free = json!({ "id": id, "fullTransferConfig": { "throttleRps": 0 } });
    server.call("UpdateProjectConfig", free).await.data();
    server.project_is(&id, "FINISHED", MINUTES).await;
}
