//! The pre-check of projects that are not started, and of those that failed at it: its items, what is
//! skipped and left out, and a server that is killed in the midst.

use std::sync::Arc;
use std::time::Duration;

use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use crate::client::{OmsServer, PASSWORD};
use crate::harness::server::{start_all, wait_for_value};
use crate::harness::{Kind, Options, Rm, Server, wait_until};
use crate::life::datasource;

const MINUTES: Duration = Duration::from_secs(120);

/// A project of `a.*` that copies and does not follow.
async fn project(server: &OmsServer, name: &str, [source, target]: [&Server; 2]) -> String {
    let password = url::Url::parse(&source.url_with_password()).expect("a URL");
    let password = password.password().unwrap_or_default().to_owned();
    let action = "CreateMysqlDataSource";
    let from = datasource(server, action, "from", source, &password).await;
    let to = datasource(server, action, "to", target, &password).await;
    let body = json!({
        "name": name, "type": "MIGRATION", "sourceEndpointId": from, "sinkEndpointId": to,
        "transferMapping": { "mode": "WILDCARD", "tableAndViewWhiteList": ["a.*"] },
        "enableStructTransfer": true, "enableFullTransfer": true, "enableFullVerify": false,
        "enableIncrTransfer": false,
    });
    let reply = server.call("CreateProject", body).await;
    reply.data().as_str().expect("an id").to_owned()
}

/// Waits until the pre-check is in a state.
async fn is(server: &OmsServer, id: &str, status: &str) -> Value {
    wait_until(
        &format!("the pre-check to be {status}"),
        MINUTES,
        || async {
            let reply = server.call("GetPreCheckResult", json!({ "id": id })).await;
            let found = reply.data().clone();
            match found["preCheckStatus"] == status {
                true => Ok(Some(found)),
                false => Err(format!("{:#}", found["preCheckStatus"])),
            }
        },
    )
    .await
}

fn item(result: &Value, name: &str) -> Value {
    let items = result["items"].as_array().into_iter().flatten();
    let mut found = items.filter(|item| item["name"] == name);
    found
        .next()
        .unwrap_or_else(|| panic!("{name}: {result:#}"))
        .clone()
}

fn steps(project: &Value) -> Vec<&str> {
    let steps = project["steps"].as_array().into_iter().flatten();
    steps.filter_map(|step| step["status"].as_str()).collect()
}

async fn two() -> [Arc<Server>; 2] {
    let kinds = [
        (Kind::MariaDb, Options::default()),
        (Kind::MariaDb, Options::default()),
    ];
    let [source, target] = start_all(kinds).await;
    source
        .exec(
            "CREATE DATABASE a; CREATE TABLE a.t (id INT PRIMARY KEY); CREATE TABLE a.u (id INT \
             PRIMARY KEY); CREATE TABLE a.w (id INT PRIMARY KEY); INSERT INTO a.t VALUES (1); \
             INSERT INTO a.u VALUES (1), (2); INSERT INTO a.w VALUES (7)",
        )
        .await;
    target
        .exec(
            "CREATE DATABASE a; CREATE TABLE a.t (id INT PRIMARY KEY); INSERT INTO a.t VALUES (99); \
             CREATE TABLE a.u (id INT PRIMARY KEY); \
             CREATE TRIGGER a.tr AFTER INSERT ON a.u FOR EACH ROW SET @x = 1",
        )
        .await;
    [source, target]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_is_checked_before_it_is_started() {
    let folder = tempfile::tempdir().expect("a folder");
    let [source, target] = two().await;
    let mut server = OmsServer::ready(folder.path()).await;
    let id = project(&server, "checked", [&source, &target]).await;
    let by_id = json!({ "id": id });
    let found = is(&server, &id, "INIT").await;
    assert_eq!(item(&found, "SOURCE-RDB_CONNECT")["status"], "PENDING");
    let retry = |body: Value| {
        let mut body = body;
        body["id"] = json!(id);
        body
    };
    let reply = server.call("RetryPreCheck", retry(json!({}))).await;
    reply.refused(409, "CMP-0003", "it has no result");

    server.call("SubmitPreCheck", by_id.clone()).await.data();
    let found = is(&server, &id, "FAILED").await;
    assert_eq!(found["errorDetail"]["code"], "PRE-0001", "{found:#}");
    assert!(found["gmtStart"].is_string(), "{found:#}");
    assert_eq!(item(&found, "DEST-RDB_CONNECT")["status"], "PASSED");
    let empty = item(&found, "DEST-RDB_TABLE_EMPTY");
    assert_eq!(
        (&empty["status"], &empty["skippable"], &empty["removable"]),
        (&json!("FAILED"), &json!(false), &json!(true)),
        "{empty:#}"
    );
    assert_eq!(
        empty["blackObjectsInfo"],
        json!([{ "database": "a", "name": "t" }])
    );
    assert!(
        empty["errorDetail"]["proposal"]
            .as_str()
            .is_some_and(|p| p.contains("Empty"))
    );
    let trigger = item(&found, "DEST-DB_TRIGGER");
    assert_eq!(
        (&trigger["status"], &trigger["skippable"]),
        (&json!("FAILED"), &json!(true))
    );
    let consequence = trigger["skipConsequence"].as_str().expect("a consequence");
    assert!(
        consequence.contains("run again for every row"),
        "{consequence}"
    );
    // it was checked and not started
    let shown = server.call("DescribeProject", by_id.clone()).await;
    assert_eq!(shown.data()["status"], "INIT");
    assert_eq!(steps(shown.data()), ["FAILED", "INIT", "INIT", "INIT"]);

    for (body, says) in [
        (
            json!({ "skipItems": ["DEST-RDB_TABLE_EMPTY"] }),
            "it cannot be skipped",
        ),
        (json!({ "skipItems": ["DB_TRIGGER"] }), "give its side"),
        (
            json!({ "skipItems": ["SOURCE-DB_VERSION"] }),
            "it did not fail",
        ),
        (
            json!({ "removeItems": ["SOURCE-DB_VERSION"] }),
            "it did not fail",
        ),
        (json!({ "removeItems": "all" }), "removeItems"),
    ] {
        let reply = server.call("RetryPreCheck", retry(body)).await;
        reply.refused(400, "API-0001", says);
    }
    let both = json!({ "skipItems": ["DEST-DB_TRIGGER"], "removeItems": ["DEST-RDB_TABLE_EMPTY"] });
    server.call("RetryPreCheck", retry(both)).await.data();
    let found = is(&server, &id, "FINISHED").await;
    let trigger = item(&found, "DEST-DB_TRIGGER");
    assert_eq!(
        (&trigger["status"], &trigger["skipped"]),
        (&json!("WARNING"), &json!(true))
    );
    assert_eq!(item(&found, "DEST-RDB_TABLE_EMPTY")["status"], "PASSED");
    let shown = server.call("DescribeProject", by_id.clone()).await;
    assert_eq!(shown.data()["status"], "INIT");
    assert_eq!(
        shown.data()["transferMapping"]["tableAndViewBlackList"],
        json!(["a.t"])
    );

    server.kill9();
    server = OmsServer::start(folder.path(), Some(PASSWORD)).await;
    is(&server, &id, "FINISHED").await;
    // begun anew, nothing is skipped any more
    server.call("SubmitPreCheck", by_id.clone()).await.data();
    let found = is(&server, &id, "FAILED").await;
    assert_eq!(item(&found, "DEST-DB_TRIGGER")["skipped"], false);

    server.call("StartProject", by_id.clone()).await.data();
    server.project_is(&id, "FAILED", MINUTES).await;
    let reply = server.call("SubmitPreCheck", by_id.clone()).await;
    reply.refused(409, "CMP-0003", "FAILED");
    is(&server, &id, "FAILED").await;
    let skip = json!({ "skipItems": ["DEST-DB_TRIGGER"] });
    server.call("RetryPreCheck", retry(skip)).await.data();
    server.project_is(&id, "FINISHED", MINUTES).await;
    let untouched = "SELECT IF(MAX(id) = 99 AND COUNT(*) = 1, 2, 0) FROM a.t";
    for sql in ["SELECT COUNT(*) FROM a.u", untouched] {
        wait_for_value(&target, sql, "2", MINUTES).await;
    }
    let reply = server.call("RetryPreCheck", retry(json!({}))).await;
    reply.refused(409, "CMP-0003", "FINISHED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_survives_a_kill_and_a_start_checks_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let [source, target] = two().await;
    target.exec("DROP DATABASE a").await;
    let mut server = OmsServer::ready(folder.path()).await;
    let id = project(&server, "killed", [&source, &target]).await;
    let by_id = json!({ "id": id });
    // it hangs at its first question
    source.pause();
    server.call("SubmitPreCheck", by_id.clone()).await.data();
    let found = is(&server, &id, "RUNNING").await;
    assert_eq!(item(&found, "SOURCE-RDB_CONNECT")["status"], "RUNNING");
    server.call("SubmitPreCheck", by_id.clone()).await.data();
    let reply = server.call("DeleteProject", by_id.clone()).await;
    reply.refused(409, "CMP-0003", "being checked");
    let reply = server.call("RetryPreCheck", by_id.clone()).await;
    reply.refused(409, "CMP-0003", "not at its end");
    server.kill9();
    server = OmsServer::start(folder.path(), Some(PASSWORD)).await;
    source.resume();
    is(&server, &id, "FINISHED").await;
    let shown = server.call("DescribeProject", by_id.clone()).await;
    assert_eq!(steps(shown.data()), ["FINISHED", "INIT", "INIT", "INIT"]);
    // what was right then is not right any more: the start looks again
    target
        .exec(
            "CREATE DATABASE a; CREATE TABLE a.w (id INT PRIMARY KEY); INSERT INTO a.w VALUES (5)",
        )
        .await;
    server.call("StartProject", by_id.clone()).await.data();
    server.project_is(&id, "FAILED", MINUTES).await;
    let found = is(&server, &id, "FAILED").await;
    assert_eq!(item(&found, "DEST-RDB_TABLE_EMPTY")["status"], "FAILED");

    // an administrator lets it be skipped, and the parameter counts at once
    let flags = json!({ "name": "precheck.skippable_flags", "value": { "RDB_TABLE_EMPTY": true } });
    server.call("UpdateSystemParameter", flags).await.data();
    let reply = server.call("GetPreCheckResult", by_id.clone()).await;
    assert_eq!(
        item(reply.data(), "DEST-RDB_TABLE_EMPTY")["skippable"],
        true
    );
    let skip = json!({ "id": id, "skipItems": ["DEST-RDB_TABLE_EMPTY"] });
    server.call("RetryPreCheck", skip).await.data();
    // the copy itself looks again: nothing is copied over rows that are there
    server
        .step_is(&id, "TRANSFER_PRECHECK", "FINISHED", MINUTES)
        .await;
    let found = server
        .step_is(&id, "FULL_TRANSFER", "FAILED", MINUTES)
        .await;
    assert_eq!(found["extraInfo"]["errorCode"], "FUL-0001", "{found:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_can_be_asked_for_with_sql() {
    let folder = tempfile::tempdir().expect("a folder");
    let [source, target] = two().await;
    target.exec("DROP DATABASE a").await;
    let server = OmsServer::ready(folder.path()).await;
    let id = project(&server, "by_sql", [&source, &target]).await;
    let rm = Rm::open(&folder.path().join("rm.db")).await.expect("an rm");
    let edit = "UPDATE oms_step SET step_status = 'RUNNING' WHERE step_name = 'TRANSFER_PRECHECK'";
    rm.connection()
        .execute_unprepared(edit)
        .await
        .expect("an edit");
    is(&server, &id, "FINISHED").await;
    let shown = server.call("DescribeProject", json!({ "id": id })).await;
    assert_eq!(shown.data()["status"], "INIT");
    assert_eq!(steps(shown.data()), ["FINISHED", "INIT", "INIT", "INIT"]);
    // one that is checked can be deleted
    let by_id = json!({ "id": id });
    server.call("DeleteProject", by_id).await.data();
}
