//! Nodes: what they say of their hosts, which are down, and quotas that the Coordinator keeps to.

use std::time::Duration;

use sea_orm::{ConnectionTrait, EntityTrait};
use serde_json::{Value, json};

use crate::client::OmsServer;
use crate::harness::server::start_all;
use crate::harness::{Kind, Options, Rm, same_rows, wait_until};
use crate::life::datasource;

const MINUTES: Duration = Duration::from_secs(120);

async fn node(server: &OmsServer, name: &str) -> Value {
    let reply = server
        .call("ListServers", json!({ "searchKey": name }))
        .await;
    let all = reply.data().as_array().expect("a list").clone();
    all.into_iter()
        .find(|one| one["name"] == name)
        .unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn nodes_say_how_they_are() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = OmsServer::ready(folder.path()).await;
    // the load of the CPU is known after a while of looking
    let here = wait_until("the node's load", Duration::from_secs(60), || async {
        let here = node(&server, "127.0.0.1").await;
        match here["cpuPercent"].is_i64() {
            true => Ok(Some(here)),
            false => Err(format!("{here:#}")),
        }
    })
    .await;
    assert_eq!(here["status"], "ONLINE", "{here:#}");
    let port = server
        .address()
        .rsplit(':')
        .next()
        .and_then(|port| port.parse::<i64>().ok());
    assert_eq!(here["port"].as_i64(), port, "{here:#}");
    for key in ["cpuPercent", "memoryPercent", "diskPercent"] {
        let figure = here[key].as_i64().expect(key);
        assert!((0..=100).contains(&figure), "{here:#}");
    }
    assert_eq!(
        here["components"],
        json!([
            { "componentType": "STORE", "usage": 0, "upperLimit": null },
            { "componentType": "CONNECTOR", "usage": 0, "upperLimit": null },
        ])
    );
    let rm = Rm::open(&folder.path().join("rm.db")).await.expect("an rm");
    for (name, cpu, beat) in [("gone", 5, 1_000), ("odd", 900, 1_000)] {
        let add = format!(
            "INSERT INTO oms_node VALUES ('{name}', '10.0.0.9', 8089, '', '0.1', 0, {cpu}, NULL, NULL, \
             NULL, 3, {beat}, '2020-01-01 00:00:00.000', '2020-01-01 00:00:00.000')"
        );
        rm.connection()
            .execute_unprepared(&add)
            .await
            .expect("a row");
    }
    let gone = node(&server, "gone").await;
    assert_eq!(
        (&gone["status"], &gone["ip"]),
        (&json!("DOWN"), &json!("10.0.0.9")),
        "{gone:#}"
    );
    assert_eq!(gone["components"][1]["upperLimit"], 3, "{gone:#}");
    let odd = node(&server, "odd").await;
    assert!(
        odd["problem"]
            .as_str()
            .is_some_and(|p| p.contains("cpu_percent")),
        "{odd:#}"
    );
    assert!(odd["status"].is_null(), "{odd:#}");
    assert!(
        server
            .call("ListServers", json!({}))
            .await
            .data()
            .as_array()
            .is_some_and(|a| a.len() == 3)
    );

    for (body, status, code, says) in [
        (
            json!({ "name": "nowhere", "storeQuota": 1 }),
            404,
            "MDB-0006",
            "nowhere",
        ),
        (
            json!({ "name": "gone", "storeQuota": -1 }),
            400,
            "API-0001",
            "storeQuota",
        ),
        (
            json!({ "name": "gone", "connectorQuota": 100_001 }),
            400,
            "API-0001",
            "connectorQuota",
        ),
        (json!({ "name": "gone" }), 400, "API-0001", "is given"),
        (
            json!({ "name": "gone", "quota": 1 }),
            400,
            "API-0001",
            "unknown field `quota`",
        ),
    ] {
        server
            .call("UpdateServerQuota", body)
            .await
            .refused(status, code, says);
    }
    let quota = json!({ "name": "gone", "connectorQuota": null, "storeQuota": 2 });
    server.call("UpdateServerQuota", quota).await.data();
    let gone = node(&server, "gone").await;
    assert!(gone["components"][1]["upperLimit"].is_null(), "{gone:#}");
    assert_eq!(gone["components"][0]["upperLimit"], 2, "{gone:#}");
    assert_eq!(server.terminate().await, Some(0));
    let here = entity::oms_node::Entity::find_by_id("127.0.0.1");
    let here = here.one(rm.connection()).await.expect("an rm");
    assert_eq!(
        here.expect("a row").heartbeat_at_ms,
        0,
        "it said that it ends"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_is_kept() {
    let folder = tempfile::tempdir().expect("a folder");
    let [source, target] = start_all([
        (Kind::MySql, Options::default()),
        (Kind::MariaDb, Options::default()),
    ])
    .await;
    source
        .exec("CREATE DATABASE a; CREATE TABLE a.t (id INT PRIMARY KEY); INSERT INTO a.t VALUES (1), (2)")
        .await;
    let server = OmsServer::ready(folder.path()).await;
    let password = url::Url::parse(&source.url_with_password()).expect("a URL");
    let password = password.password().unwrap_or_default().to_owned();
    let action = "CreateMysqlDataSource";
    let from = datasource(&server, action, "from", &source, &password).await;
    let to = datasource(&server, action, "to", &target, &password).await;
    wait_until("the node's row", MINUTES, || async {
        let here = node(&server, "127.0.0.1").await;
        Ok::<_, String>(here.is_object().then_some(()))
    })
    .await;
    let quota = |stores: Value| json!({ "name": "127.0.0.1", "storeQuota": stores });
    server
        .call("UpdateServerQuota", quota(json!(0)))
        .await
        .data();
    let body = json!({
        "name": "p", "type": "MIGRATION", "sourceEndpointId": from, "sinkEndpointId": to,
        "transferMapping": { "mode": "WILDCARD", "tableAndViewWhiteList": ["a.*"] },
        "enableStructTransfer": true, "enableFullTransfer": true, "enableFullVerify": false,
        "enableIncrTransfer": true,
    });
    let id = server.call("CreateProject", body).await;
    let id = id.data().as_str().expect("an id").to_owned();
    let by_id = json!({ "id": id });
    server.call("StartProject", by_id.clone()).await.data();
    server.project_is(&id, "FAILED", MINUTES).await;
    let refused = |step: Value| {
        assert_eq!(step["extraInfo"]["errorCode"], "CMP-0007", "{step:#}");
        let message = step["extraInfo"]["errorMsg"].as_str().expect("a message");
        assert!(
            message.contains("no enough host resource for STORE"),
            "{message}"
        );
    };
    let pull = "TRANSFER_INCR_LOG_PULL";
    refused(server.step_is(&id, pull, "FAILED", MINUTES).await);
    // tried again, it is refused again
    server.call("ResumeProject", by_id.clone()).await.data();
    server.project_is(&id, "FAILED", MINUTES).await;
    refused(server.step_is(&id, pull, "FAILED", MINUTES).await);

    server
        .call("UpdateServerQuota", quota(json!(1)))
        .await
        .data();
    server.call("ResumeProject", by_id.clone()).await.data();
    server
        .step_is(&id, "INCR_TRANSFER", "MONITORING", MINUTES)
        .await;
    same_rows(&source, &target, "a").await;
    let here = node(&server, "127.0.0.1").await;
    assert_eq!(here["components"][0]["usage"], 1, "{here:#}");
    // what runs goes on under a smaller quota
    server
        .call("UpdateServerQuota", quota(json!(0)))
        .await
        .data();
    source.exec("INSERT INTO a.t VALUES (3)").await;
    let sql = "SELECT COUNT(*) FROM a.t";
    crate::harness::server::wait_for_value(&target, sql, "3", MINUTES).await;
}
