//! The audit log: who changed what, seen by whom, and without a secret.

use sea_orm::{ConnectionTrait, EntityTrait};
use serde_json::{Value, json};

use crate::client::{OmsServer, PASSWORD};
use crate::harness::{Kind, Options, Rm, Server};

#[tokio::test(flavor = "multi_thread")]
async fn every_change_has_a_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = Server::start(Kind::MariaDb, Options::default()).await;
    database
        .exec("CREATE USER app IDENTIFIED BY 'secret of app'")
        .await;
    let server = OmsServer::ready(folder.path()).await;
    let body = json!({ "account": "bob", "password": "First-Pass_11", "role": "USER" });
    let made = server.call("CreateUser", body).await;
    let (bob, request) = (made.data().clone(), made.body["requestId"].clone());
    let body = json!({ "id": bob, "mail": "bob@example.com", "password": "Other-Pass_33" });
    server.call("UpdateUser", body).await.data();
    let source = json!({
        "name": "from", "ip": "127.0.0.1", "port": database.port(), "username": "app",
        "password": "secret of app",
    });
    let source = server.call("CreateMysqlDataSource", source).await;
    source.data();
    let refused = server.call("DeleteUser", json!({ "id": "u_none" })).await;
    refused.refused(404, "MDB-0006", "");
    let token = json!({ "name": "ci", "expireDays": 1 });
    let token = server.call("CreateApiToken", token).await;
    let token = token.data()["token"].as_str().expect("a token").to_owned();
    server.call("DeleteUser", json!({ "id": bob })).await.data();

    let logs = server.call("ListAuditLogs", json!({})).await;
    let lines = logs.data().as_array().expect("lines").clone();
    let told: Vec<(&str, &str)> = lines
        .iter()
        .map(|line| {
            let text = |key: &str| line[key].as_str().expect("a text");
            (text("action"), text("resultCode"))
        })
        .collect();
    assert_eq!(
        told,
        [
            ("DeleteUser", "OK"),
            ("CreateApiToken", "OK"),
            ("DeleteUser", "MDB-0006"),
            ("CreateMysqlDataSource", "OK"),
            ("UpdateUser", "OK"),
            ("CreateUser", "OK"),
            ("ChangePassword", "OK"),
        ]
    );
    let line = &lines[5];
    assert_eq!(line["requestId"], request);
    assert_eq!(line["objectId"], bob);
    assert_eq!(
        (&line["account"], &line["address"]),
        (&json!("admin"), &json!("127.0.0.1"))
    );
    assert!(line["before"].is_null(), "{line:#}");
    assert_eq!(line["after"]["account"], "bob");
    let line = &lines[4];
    assert_eq!(line["before"]["mail"], "", "{line:#}");
    assert_eq!(line["after"]["mail"], "bob@example.com", "{line:#}");
    assert_eq!(lines[0]["before"]["account"], "bob");
    assert!(lines[0]["after"].is_null());
    assert_eq!(lines[2]["objectId"], "u_none");
    assert_eq!(lines[3]["after"]["userName"], "app");

    // no secret, in whatever column
    let rm = Rm::open(&folder.path().join("rm.db")).await.expect("rm");
    let rows = entity::oms_audit_log::Entity::find()
        .all(rm.connection())
        .await;
    let text = format!("{:?}", rows.expect("rows"));
    for secret in ["First-Pass", "Other-Pass", "argon2", "secret of app", "v1:"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    assert!(!text.contains(PASSWORD) && !text.contains(&token));

    // where no line can be written, nothing is changed
    rm.connection()
        .execute_unprepared("ALTER TABLE oms_audit_log RENAME TO away")
        .await
        .expect("renamed");
    let reply = server
        .call("CreateDepartment", json!({ "name": "dark" }))
        .await;
    assert_eq!(reply.status, 503, "{:#}", reply.body);
    rm.connection()
        .execute_unprepared("ALTER TABLE away RENAME TO oms_audit_log")
        .await
        .expect("renamed");
    let listed = server.call("ListDepartments", json!({})).await;
    assert_eq!(listed.body["totalCount"], 1, "{:#}", listed.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_are_filtered_and_shown_to_whom_they_concern() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = OmsServer::ready(folder.path()).await;
    let made = server
        .call("CreateDepartment", json!({ "name": "east" }))
        .await;
    let east = made.data().as_str().expect("an id").to_owned();
    let viewer = server.user("viewer", "ROOT-VIEWER", "").await;
    let boss = server.user("boss", "ADMIN", &east).await;
    let alice = server.user("alice", "USER", &east).await;
    let bob = server.user("bob", "USER", "d_default").await;
    for account in [&alice, &bob] {
        let body = json!({ "name": "x" });
        let reply = server.call_as(account, "CreateDepartment", body).await;
        reply.refused(403, "API-0004", "");
    }
    // the department; five accounts made and five passwords changed, the first one's too; two refusals
    let total = async |account: &(String, String), body: Value| {
        let reply = server.call_as(account, "ListAuditLogs", body).await;
        reply.data();
        reply.body["totalCount"].as_u64().expect("a number")
    };
    let root = server.account.clone();
    assert_eq!(total(&root, json!({})).await, 12);
    assert_eq!(total(&viewer, json!({})).await, 12);
    assert_eq!(total(&boss, json!({})).await, 3);
    assert_eq!(total(&alice, json!({})).await, 2);
    assert_eq!(total(&alice, json!({ "account": "bob" })).await, 0);
    for (filter, expected) in [
        (json!({ "account": "alice" }), 2),
        (json!({ "action": "ChangePassword" }), 5),
        (json!({ "resultCode": "API-0004" }), 2),
        (json!({ "objectId": east }), 1),
        (json!({ "endTime": "2020-01-01T00:00:00" }), 0),
        (json!({ "beginTime": "2020-01-01T00:00:00" }), 12),
        (json!({ "pageNumber": 99, "pageSize": 5 }), 12),
    ] {
        assert_eq!(total(&root, filter.clone()).await, expected, "{filter}");
    }
    let page = server.call("ListAuditLogs", json!({ "pageNumber": 2, "pageSize": 5 }));
    assert_eq!(page.await.data().as_array().map(Vec::len), Some(5));
    let bad = server.call("ListAuditLogs", json!({ "beginTime": "today" }));
    bad.await.refused(400, "API-0001", "beginTime");
}
