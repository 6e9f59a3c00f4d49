//! Bad input, for each action: a clear error with a stable code, before anything is touched.

use serde_json::{Value, json};

use crate::client::OmsServer;

fn project() -> Value {
    json!({
        "name": "p", "type": "MIGRATION", "sourceEndpointId": "e_1", "sinkEndpointId": "e_2",
        "transferMapping": { "mode": "WILDCARD", "tableAndViewWhiteList": ["shop.*"] },
        "enableStructTransfer": true, "enableFullTransfer": true, "enableFullVerify": true,
        "enableIncrTransfer": true,
    })
}

fn with(key: &str, value: Value) -> Value {
    let mut body = project();
    body[key] = value;
    body
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = OmsServer::ready(folder.path()).await;
    let account = server.account.clone();
    for (path, body, says) in [
        ("/api/v2", "{}", "Action"),
        ("/api/v2?Action=", "{}", "''"),
        ("/api/v2?Action=Nonsense", "{}", "'Nonsense' is not known"),
        ("/api/v2?Action=DescribeProject", "", "missing field `id`"),
        ("/api/v2?Action=DescribeProject", "[1", "line 1"),
        (
            "/api/v2?Action=DescribeProject",
            r#"{"id": 7}"#,
            "invalid type",
        ),
        (
            "/api/v2?Action=DescribeProject",
            r#"{"id": "x", "more": 1}"#,
            "unknown field `more`",
        ),
    ] {
        server
            .post(path, body, Some(&account))
            .await
            .refused(400, "API-0001", says);
    }
    for action in [
        "DescribeProject",
        "SubmitPreCheck",
        "GetPreCheckResult",
        "RetryPreCheck",
        "DescribeProjectSteps",
        "DescribeProjectProgress",
        "DescribeProjectComponents",
        "StartProject",
        "StopProject",
        "ResumeProject",
        "ReleaseProject",
        "UpdateProjectConfig",
        "DeleteProject",
    ] {
        let reply = server.call(action, json!({ "id": "np_none" })).await;
        reply.refused(404, "MDB-0006", "np_none");
    }
    let of_table = json!({ "projectId": "np_none", "schema": "s", "table": "t" });
    for (action, body) in [
        (
            "ListProjectFullVerifyResult",
            json!({ "projectId": "np_none" }),
        ),
        ("ListFullVerifyInconsistenciesResult", of_table.clone()),
        ("ListFullVerifyCorrectionsResult", of_table),
    ] {
        server
            .call(action, body)
            .await
            .refused(404, "MDB-0006", "np_none");
    }
    for (body, says) in [
        (json!({ "pageNumber": 0 }), "pageNumber"),
        (json!({ "pageSize": 151 }), "pageSize"),
        (json!({ "pageSize": -1 }), "invalid value"),
        (json!({ "sortField": "name" }), "sortField"),
        (json!({ "order": "up" }), "order"),
        (json!({ "status": "GONE" }), "status"),
    ] {
        server
            .call("ListProjects", body)
            .await
            .refused(400, "API-0001", says);
    }
    for (body, says) in [
        (with("name", json!("two words")), "name"),
        (with("type", json!("SYNC")), "type"),
        (
            with(
                "labelIds",
                json!(["l_1", "l_2", "l_3", "l_4", "l_5", "l_6"]),
            ),
            "labelIds",
        ),
        (
            with("enableFullTransfer", json!(false)),
            "enableFullTransfer",
        ),
        (
            with("fullTransferConfig", json!({ "fast": true })),
            "unknown field `fast`",
        ),
    ] {
        server
            .call("CreateProject", body)
            .await
            .refused(400, "API-0001", says);
    }
    server
        .call("CreateProject", project())
        .await
        .refused(404, "MDB-0006", "e_1");
    let unreachable = json!({ "name": "s", "ip": "127.0.0.1", "port": 1, "username": "root" });
    let reply = server.call("CreateMysqlDataSource", unreachable).await;
    reply.refused(400, "SRC-0001", "127.0.0.1:1");
    let named = json!({ "name": "a name", "ip": "127.0.0.1", "port": 1, "username": "root" });
    server
        .call("CreateMysqlDataSource", named)
        .await
        .refused(400, "API-0001", "name");

    // more than is taken at once
    let huge = format!("{{\"id\": \"{}\"}}", "x".repeat(2 << 20));
    let reply = server
        .post("/api/v2?Action=DescribeProject", &huge, Some(&account))
        .await;
    reply.refused(413, "API-0001", "body");
    assert_eq!(
        server.call("ListProjects", json!({})).await.data(),
        &json!([])
    );
    assert_eq!(
        server.call("ListDataSource", json!({})).await.data(),
        &json!([])
    );
}
