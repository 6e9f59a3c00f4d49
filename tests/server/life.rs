//! A project from its data sources to its proof, over HTTP: started, paused, resumed, the server killed
//! and started again, two projects side by side.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use entity::oms_step;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::{Value, json};

use crate::client::{OmsServer, PASSWORD};
use crate::harness::server::start_all;
use crate::harness::{Kind, Options, Rm, Server, Workload, WorkloadOptions, same_rows};

const MINUTES: Duration = Duration::from_secs(240);

pub async fn datasource(
    server: &OmsServer,
    action: &str,
    name: &str,
    database: &Server,
    password: &str,
) -> String {
    let url = url::Url::parse(&database.url_with_password()).expect("a URL");
    let body = json!({
        "name": name, "ip": "127.0.0.1", "port": database.port(), "username": url.username(),
        "password": password, "description": "of a test",
    });
    let reply = server.call(action, body).await;
    reply.data().as_str().expect("an id").to_owned()
}

pub async fn create(
    server: &OmsServer,
    name: &str,
    source: &str,
    sink: &str,
    mapping: Value,
) -> String {
    let body = json!({
        "name": name, "type": "MIGRATION", "sourceEndpointId": source, "sinkEndpointId": sink,
        "transferMapping": mapping, "enableStructTransfer": true, "enableFullTransfer": true,
        "enableFullVerify": true, "enableIncrTransfer": true, "enableIncrVerify": true,
        "fullTransferConfig": { "throttleRps": 0 },
    });
    let reply = server.call("CreateProject", body).await;
    reply.data().as_str().expect("an id").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_projects_live_side_by_side() {
    let folder = tempfile::tempdir().expect("a folder");
    let [source, target] = start_all([
        (Kind::MySql, Options::default()),
        (Kind::MariaDb, Options::default()),
    ])
    .await;
    source.load_shop().await;
    source
        .exec("CREATE DATABASE other; CREATE TABLE other.t (id INT PRIMARY KEY, v INT); INSERT INTO other.t VALUES (1, 1), (2, 2)")
        .await;
    let server = OmsServer::ready(folder.path()).await;
    let password = url::Url::parse(&source.url_with_password()).expect("a URL");
    let password = password.password().unwrap_or_default().to_owned();
    let wrong = json!({ "name": "x", "ip": "127.0.0.1", "port": source.port(), "username": "oms", "password": "wrong" });
    let reply = server.call("CreateMysqlDataSource", wrong).await;
    reply.refused(400, "SRC-0003", "");
    // the console's clients send passwords in Base64
    let from = datasource(
        &server,
        "CreateMySqlDataSource",
        "from",
        &source,
        &STANDARD.encode(&password),
    )
    .await;
    let to = datasource(&server, "CreateMysqlDataSource", "to", &target, &password).await;
    let listed = server
        .call("ListDataSource", json!({ "types": ["MARIADB"] }))
        .await;
    assert_eq!(listed.data()[0]["id"], json!(to), "{:#}", listed.body);
    assert!(!listed.body.to_string().contains(&password));

    let shop = create(
        &server,
        "shop",
        &from,
        &to,
        json!({ "mode": "WILDCARD", "tableAndViewWhiteList": ["shop.*"] }),
    )
    .await;
    let specific = json!({ "mode": "SPECIFIC", "databases": [{ "name": "other", "tables": [{ "name": "t" }] }] });
    let other = create(&server, "other", &from, &to, specific).await;
    let unused = create(
        &server,
        "unused",
        &from,
        &to,
        json!({ "mode": "WILDCARD", "tableAndViewWhiteList": ["x.*"] }),
    )
    .await;
    let by_id = |id: &str| json!({ "id": id });
    for action in ["StopProject", "ResumeProject"] {
        server
            .call(action, by_id(&shop))
            .await
            .refused(409, "CMP-0003", "while it is INIT");
    }
    // one of two that want different things of the same project wins, the other is told
    let (start, delete) = tokio::join!(
        server.call("StartProject", by_id(&unused)),
        server.call("DeleteProject", by_id(&unused)),
    );
    match start.status {
        200 => {
            delete.refused(409, "CMP-0003", "while it is RUNNING");
            server.call("StopProject", by_id(&unused)).await.data();
        }
        _ => {
            start.refused(409, "CMP-0003", "while it is DELETED");
            delete.data();
        }
    }
    let listed = server
        .call(
            "ListProjects",
            json!({ "order": "asc", "pageSize": 1, "pageNumber": 2 }),
        )
        .await;
    assert_eq!(listed.data()[0]["id"], json!(other), "{:#}", listed.body);
    assert_eq!(listed.data().as_array().map(Vec::len), Some(1));

    // as a request leaves it that dies between the project and its steps
    let rm = Rm::open(&folder.path().join("rm.db")).await.expect("rm");
    let steps = oms_step::Column::ProjectId.eq(&other);
    let gone = oms_step::Entity::delete_many().filter(steps);
    let gone = gone.exec(rm.connection()).await.expect("deleted");
    assert_eq!(gone.rows_affected, 8);
    rm.close().await;

    let load = Workload::start(
        source.url(),
        WorkloadOptions {
            rate: Some(40.0),
            ..WorkloadOptions::default()
        },
    );
    server.call("StartProject", by_id(&shop)).await.data();
    server.call("StartProject", by_id(&other)).await.data();
    server
        .call("StartProject", by_id(&shop))
        .await
        .refused(409, "CMP-0003", "while it is RUNNING");
    server
        .call("DeleteProject", by_id(&shop))
        .await
        .refused(409, "CMP-0003", "");
    server
        .step_is(&other, "FULL_VERIFIER", "FINISHED", MINUTES)
        .await;

    // paused in the midst, the server killed and ended, and resumed
    server.call("StopProject", by_id(&shop)).await.data();
    server.project_is(&shop, "SUSPEND", MINUTES).await;
    server.kill9();
    let server = OmsServer::start(folder.path(), Some(PASSWORD)).await;
    server.project_is(&shop, "SUSPEND", MINUTES).await;
    server.project_is(&other, "RUNNING", MINUTES).await;
    server.call("ResumeProject", by_id(&shop)).await.data();
    server
        .step_is(&shop, "INCR_TRANSFER", "MONITORING", MINUTES)
        .await;
    assert_eq!(server.terminate().await, Some(0));
    let server = OmsServer::start(folder.path(), Some(PASSWORD)).await;
    let step = server
        .step_is(&shop, "FULL_VERIFIER", "FINISHED", MINUTES)
        .await;
    assert!(
        step["stepInfo"]["processedRecords"].as_u64() > Some(100_000),
        "{step:#}"
    );

    let project = server.call("DescribeProject", by_id(&shop)).await;
    let project = project.data().clone();
    assert_eq!(project["status"], "RUNNING", "{project:#}");
    assert_eq!(project["enableIncrVerify"], true);
    assert_eq!(project["sourceEndpointType"], "MYSQL");
    assert_eq!(project["extraInfo"]["monitoringIncr"], true, "{project:#}");
    let time = project["gmtStart"].as_str().expect("a time");
    assert!(time.len() == 19 && time.as_bytes()[10] == b'T', "{time}");
    let progress = server.call("DescribeProjectProgress", by_id(&shop)).await;
    assert_eq!(
        progress.data()["fullTransferProgress"],
        100,
        "{:#}",
        progress.body
    );
    let components = server.call("DescribeProjectComponents", by_id(&shop)).await;
    for list in [
        "storeList",
        "fullImportComponents",
        "incrSyncComponents",
        "fullVerifyComponents",
    ] {
        assert_eq!(
            components.data()[list].as_array().map(Vec::len),
            Some(1),
            "{list}: {:#}",
            components.body
        );
    }
    let results = server
        .call(
            "ListProjectFullVerifyResult",
            json!({ "projectId": shop, "pageSize": 100 }),
        )
        .await;
    assert_eq!(results.data()["differentNumber"], 0, "{:#}", results.body);
    assert_eq!(results.body["totalCount"], 17, "{:#}", results.body);
    let rows = json!({ "projectId": shop, "schema": "shop", "table": "orders" });
    for action in [
        "ListFullVerifyInconsistenciesResult",
        "ListFullVerifyCorrectionsResult",
    ] {
        assert_eq!(server.call(action, rows.clone()).await.data(), &json!([]));
    }

    // what is written is followed, by both
    load.stop().await;
    source.exec("INSERT INTO other.t VALUES (3, 3)").await;
    crate::harness::server::wait_for_value(&target, "SELECT COUNT(*) FROM other.t", "3", MINUTES)
        .await;
    source
        .exec("UPDATE shop.warehouses SET capacity = 424242")
        .await;
    let followed = "SELECT COUNT(*) FROM shop.warehouses WHERE capacity <> 424242";
    crate::harness::server::wait_for_value(&target, followed, "0", MINUTES).await;
    same_rows(&source, &target, "other").await;
    same_rows(&source, &target, "shop").await;
    assert_eq!(server.terminate().await, Some(0));
}
