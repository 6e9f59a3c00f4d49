//! Projects that do a part of what a project can do: they come to their end, and do no more than that.

use std::time::Duration;

use serde_json::{Value, json};

use crate::client::OmsServer;
use crate::harness::server::{start_all, wait_for_value};
use crate::harness::{Kind, Options, same_rows};
use crate::life::datasource;

const MINUTES: Duration = Duration::from_secs(120);

/// Makes and starts a project that does these of: schema, copy, verification.
async fn run(server: &OmsServer, name: &str, sides: &[String; 2], does: [bool; 3]) -> String {
    let body = json!({
        "name": name, "type": "MIGRATION", "sourceEndpointId": sides[0], "sinkEndpointId": sides[1],
        "transferMapping": { "mode": "WILDCARD", "tableAndViewWhiteList": ["a.*"] },
        "enableStructTransfer": does[0], "enableFullTransfer": does[1], "enableFullVerify": does[2],
        "enableIncrTransfer": false,
    });
    let id = server.call("CreateProject", body).await;
    let id = id.data().as_str().expect("an id").to_owned();
    server
        .call("StartProject", json!({ "id": id }))
        .await
        .data();
    id
}

fn steps(project: &Value) -> Vec<String> {
    let steps = project["steps"].as_array().into_iter().flatten();
    steps
        .map(|s| format!("{} {}", s["order"], s["name"].as_str().unwrap_or_default()))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_chosen_is_not_done() {
    let folder = tempfile::tempdir().expect("a folder");
    // nobody follows it: it needs no log
    let kinds = [
        (Kind::MySql, Options::default().no_binlog()),
        (Kind::MariaDb, Options::default()),
    ];
    let [source, target] = start_all(kinds).await;
    source
        .exec(
            "CREATE DATABASE a; CREATE TABLE a.t (id INT PRIMARY KEY, v INT, KEY (v)); \
             INSERT INTO a.t VALUES (1, 1), (2, 2), (3, 3);",
        )
        .await;
    let server = OmsServer::ready(folder.path()).await;
    let password = url::Url::parse(&source.url_with_password()).expect("a URL");
    let password = password.password().unwrap_or_default().to_owned();
    let sides = [
        datasource(&server, "CreateMysqlDataSource", "from", &source, &password).await,
        datasource(&server, "CreateMysqlDataSource", "to", &target, &password).await,
    ];
    let schema = run(&server, "schema", &sides, [true, false, false]).await;
    let project = server.project_is(&schema, "FINISHED", MINUTES).await;
    assert_eq!(
        steps(&project),
        [
            "1 TRANSFER_PRECHECK",
            "2 STRUCT_TRANSFER",
            "3 INDEX_TRANSFER"
        ]
    );
    assert!(project["gmtFinish"].is_string(), "{project:#}");
    wait_for_value(&target, "SELECT COUNT(*) FROM a.t", "0", MINUTES).await;

    let copy = run(&server, "copy", &sides, [false, true, true]).await;
    let project = server.project_is(&copy, "FINISHED", MINUTES).await;
    assert_eq!(
        steps(&project),
        ["1 TRANSFER_PRECHECK", "2 FULL_TRANSFER", "3 FULL_VERIFIER"]
    );
    same_rows(&source, &target, "a").await;

    // what is there already is compared, and a difference is found
    target.exec("UPDATE a.t SET v = 99 WHERE id = 2").await;
    let compare = run(&server, "compare", &sides, [false, false, true]).await;
    server.project_is(&compare, "FINISHED", MINUTES).await;
    let found = server
        .call(
            "ListProjectFullVerifyResult",
            json!({ "projectId": compare }),
        )
        .await;
    assert_eq!(found.data()["differentNumber"], 1, "{:#}", found.body);

    let nothing = json!({
        "name": "nothing", "type": "MIGRATION", "sourceEndpointId": sides[0], "sinkEndpointId": sides[1],
        "transferMapping": { "mode": "WILDCARD", "tableAndViewWhiteList": ["a.*"] },
        "enableStructTransfer": false, "enableFullTransfer": false, "enableIncrTransfer": false,
    });
    let reply = server.call("CreateProject", nothing).await;
    reply.refused(400, "API-0001", "a project does something");
    for id in [&schema, &copy, &compare] {
        let by_id = json!({ "id": id });
        server
            .call("StopProject", by_id.clone())
            .await
            .refused(409, "CMP-0003", "FINISHED");
        server.call("ReleaseProject", by_id.clone()).await.data();
        server.project_is(id, "RELEASED", MINUTES).await;
        server.call("DeleteProject", by_id).await.data();
    }
}
