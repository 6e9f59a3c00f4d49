//! Labels: made, given, found by, and used to start and pause many projects at once.

use serde_json::{Value, json};

use crate::client::OmsServer;
use crate::harness::server::start_all;
use crate::harness::{Kind, Options};
use crate::life::{create, datasource};

#[tokio::test(flavor = "multi_thread")]
async fn projects_are_found_started_and_paused_by_label() {
    let folder = tempfile::tempdir().expect("a folder");
    let kinds = [
        (Kind::MySql, Options::default()),
        (Kind::MariaDb, Options::default()),
    ];
    let [source, target] = start_all(kinds).await;
    let server = OmsServer::ready(folder.path()).await;
    let password = url::Url::parse(&source.url_with_password()).expect("a URL");
    let password = password.password().unwrap_or_default().to_owned();
    let from = datasource(&server, "CreateMysqlDataSource", "from", &source, &password).await;
    let to = datasource(&server, "CreateMysqlDataSource", "to", &target, &password).await;
    let tested = server.call("TestDataSource", json!({ "id": to })).await;
    assert_eq!(tested.data()["type"], "MARIADB", "{:#}", tested.body);

    for name in ["", "two words", "a name of more than twenty characters"] {
        let reply = server.call("CreateLabel", json!({ "name": name })).await;
        reply.refused(400, "API-0001", "name");
    }
    let label = server
        .call("CreateLabel", json!({ "name": "tonight" }))
        .await;
    let label = label.data().as_str().expect("an id").to_owned();
    assert!(label.starts_with("l_"), "{label}");
    let same = server
        .call("CreateLabel", json!({ "name": "tonight" }))
        .await;
    same.refused(409, "MDB-0007", "tonight");
    let all = server.call("ListAllLabels", json!({})).await;
    assert_eq!(all.data(), &json!([{ "id": label, "name": "tonight" }]));

    let mut projects = Vec::new();
    for name in ["one", "two", "three"] {
        source
            .exec(&format!(
                "CREATE DATABASE {name}; CREATE TABLE {name}.t (id INT PRIMARY KEY)"
            ))
            .await;
        let mapping = json!({ "mode": "WILDCARD", "tableAndViewWhiteList": [format!("{name}.*")] });
        projects.push(create(&server, name, &from, &to, mapping).await);
    }
    let unknown = json!({ "id": projects[0], "labelIds": ["l_none"] });
    let reply = server.call("UpdateProjectLabels", unknown).await;
    reply.refused(404, "MDB-0006", "l_none");
    for id in &projects[..2] {
        let wanted = json!({ "id": id, "labelIds": [label] });
        server.call("UpdateProjectLabels", wanted).await.data();
    }
    let found = server
        .call("ListProjects", json!({ "labelIds": [label] }))
        .await;
    let ids = |data: &Value| -> Vec<String> {
        let items = data.as_array().into_iter().flatten();
        let mut ids: Vec<_> = items
            .filter_map(|p| p["id"].as_str().map(str::to_owned))
            .collect();
        ids.sort();
        ids
    };
    let mut wanted = projects[..2].to_vec();
    wanted.sort();
    assert_eq!(ids(found.data()), wanted, "{:#}", found.body);
    assert_eq!(
        found.data()[0]["labels"],
        json!([{ "id": label, "name": "tonight" }])
    );

    let started = server
        .call("StartProjectsByLabel", json!({ "id": label }))
        .await;
    assert_eq!(started.data()["total"], 2, "{:#}", started.body);
    assert_eq!(started.data()["failedProjectIds"], json!([]));
    let again = server
        .call("StartProjectsByLabel", json!({ "id": label }))
        .await;
    assert_eq!(again.data()["total"], 0, "{:#}", again.body);
    let stopped = server
        .call("StopProjectsByLabel", json!({ "id": label }))
        .await;
    let mut succeeded: Vec<String> =
        serde_json::from_value(stopped.data()["succeedProjectIds"].clone()).expect("ids");
    succeeded.sort();
    assert_eq!(succeeded, wanted, "{:#}", stopped.body);
    let third = server
        .call("DescribeProject", json!({ "id": projects[2] }))
        .await;
    assert_eq!(third.data()["status"], "INIT");

    // throttles at any time, the rest at rest
    let throttle = json!({ "id": projects[0], "fullTransferConfig": { "throttleRps": 77 } });
    server
        .call("UpdateProjectConfig", throttle.clone())
        .await
        .data();
    server
        .call("ResumeProject", json!({ "id": projects[0] }))
        .await
        .data();
    server.call("UpdateProjectConfig", throttle).await.data();
    let workers = json!({ "id": projects[0], "fullTransferConfig": { "readWorkerNum": 2 } });
    let reply = server.call("UpdateProjectConfig", workers).await;
    reply.refused(409, "CMP-0003", "only throttles");
    let shown = server
        .call("DescribeProject", json!({ "id": projects[0] }))
        .await;
    assert_eq!(shown.data()["fullTransferConfig"]["throttleRps"], 77);

    // a name, an alert level, and another one like it
    let rename = |name: &str| json!({ "id": projects[0], "name": name });
    let reply = server.call("RenameProject", rename("two")).await;
    reply.refused(409, "MDB-0007", "two");
    let reply = server.call("RenameProject", rename("two words")).await;
    reply.refused(400, "API-0001", "name");
    server.call("RenameProject", rename("first")).await.data();
    let level = json!({ "id": projects[0], "alarmLevel": "HIGH" });
    server.call("UpdateProjectAlarmLevel", level).await.data();
    let twin = server.call("CloneProject", rename("twin")).await;
    let twin = twin.data().clone();
    let shown = async |id: Value| {
        let shown = server.call("DescribeProject", json!({ "id": id })).await;
        shown.data().clone()
    };
    let (one, other) = (shown(json!(projects[0])).await, shown(twin.clone()).await);
    assert_eq!(
        (&one["name"], &other["name"]),
        (&json!("first"), &json!("twin"))
    );
    assert_eq!(other["status"], "INIT");
    for key in [
        "labels",
        "alarmLevel",
        "transferMapping",
        "fullTransferConfig",
    ] {
        assert_eq!(one[key], other[key], "{key}");
    }
    let reply = server.call("CloneProject", rename("twin")).await;
    reply.refused(409, "MDB-0007", "twin");
    server
        .call("DeleteProject", json!({ "id": twin }))
        .await
        .data();
    let reply = server
        .call("RenameProject", json!({ "id": twin, "name": "x" }))
        .await;
    reply.refused(409, "CMP-0003", "DELETED");

    let used = server.call("DeleteLabel", json!({ "id": label })).await;
    used.refused(409, "CMP-0003", "2 projects have it");
    let forced = json!({ "id": label, "force": true });
    server.call("DeleteLabel", forced).await.data();
    let shown = server
        .call("DescribeProject", json!({ "id": projects[0] }))
        .await;
    assert_eq!(shown.data()["labels"], json!([]));
}
