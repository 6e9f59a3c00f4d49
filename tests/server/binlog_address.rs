//! A data source whose change log is served elsewhere.

use serde_json::{Value, json};

use crate::client::OmsServer;
use crate::harness::server::start_all;
use crate::harness::{Kind, Options, Server};

fn body(name: &str, database: &Server, log: Option<u16>) -> Value {
    let url = url::Url::parse(&database.url_with_password()).expect("a URL");
    let mut body = json!({
        "name": name, "ip": "127.0.0.1", "port": database.port(), "username": url.username(),
        "password": url.password().unwrap_or_default(),
    });
    if let Some(port) = log {
        body["binlogAddress"] = json!({ "host": "127.0.0.1", "port": port });
    }
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_is_tried_kept_and_taken_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let [mysql, log, mariadb, oceanbase] = start_all([
        (Kind::MySql, Options::default()),
        (Kind::MySql, Options::default()),
        (Kind::MariaDb, Options::default()),
        (Kind::OceanBase, Options::default()),
    ])
    .await;
    let server = OmsServer::ready(folder.path()).await;
    let make = async |action: &str, body: Value| server.call(action, body).await;
    let (of_mysql, of_oceanbase) = ("CreateMySqlDataSource", "CreateOceanBaseDataSource");
    make(of_mysql, body("my", &mysql, Some(0)))
        .await
        .refused(400, "API-0001", "binlogAddress");
    // a log of another family is none of this database
    make(of_mysql, body("my", &mysql, Some(mariadb.port())))
        .await
        .refused(400, "BIN-0003", "MariaDB");
    let id = make(of_mysql, body("my", &mysql, Some(log.port()))).await;
    let id = id.data().clone();
    let shown = async || {
        let listed = server
            .call("ListDataSource", json!({ "searchKey": "my" }))
            .await;
        listed.data()[0]["binlogAddress"].clone()
    };
    assert_eq!(
        shown().await,
        json!({ "host": "127.0.0.1", "port": log.port() })
    );
    let tested = server.call("TestDataSource", json!({ "id": id })).await;
    assert_eq!(tested.data()["logWay"], "BINLOG");
    // made once more without, it is gone
    let again = make(of_mysql, body("my", &mysql, None)).await;
    assert_eq!(again.data(), &id);
    assert_eq!(shown().await, Value::Null);

    let project = |target: &Value| {
        json!({
            "name": "p", "type": "MIGRATION", "sourceEndpointId": id, "sinkEndpointId": target,
            "transferMapping": { "mode": "WILDCARD", "tableAndViewWhiteList": ["shop.*"] },
            "enableStructTransfer": true, "enableFullTransfer": true, "enableFullVerify": true,
            "enableIncrTransfer": true, "enableReverseIncrTransfer": true,
        })
    };
    let way = async |target: &Value| {
        let tested = server.call("TestDataSource", json!({ "id": target })).await;
        tested.data()["logWay"].clone()
    };
    let target = make(of_oceanbase, body("ob", &oceanbase, None)).await;
    let target = target.data().clone();
    assert_eq!(way(&target).await, "NONE");
    server
        .call("CreateProject", project(&target))
        .await
        .refused(400, "API-0001", "binlogAddress");
    make(of_oceanbase, body("ob", &oceanbase, Some(log.port()))).await;
    assert_eq!(way(&target).await, "BINLOG_SERVICE");
    let made = server.call("CreateProject", project(&target)).await;
    assert!(made.data().is_string(), "{:#}", made.body);

    // somebody else's end is noticed
    make(of_mysql, body("my", &mysql, Some(log.port()))).await;
    log.kill9();
    server
        .call("TestDataSource", json!({ "id": id }))
        .await
        .refused(400, "SRC-0001", "");
}
