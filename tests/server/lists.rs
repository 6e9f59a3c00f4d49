//! Lists over rows that somebody broke with SQL: what can be understood is shown, and what cannot is
//! said.

use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use crate::client::OmsServer;
use crate::harness::{Kind, Options, Rm, Server};

async fn project(server: &OmsServer, name: &str, from: &str, to: &str) -> String {
    let body = json!({
        "name": name, "type": "MIGRATION", "sourceEndpointId": from, "sinkEndpointId": to,
        "transferMapping": { "mode": "WILDCARD", "tableAndViewWhiteList": ["a.*"] },
        "enableStructTransfer": true, "enableFullTransfer": true, "enableIncrTransfer": false,
    });
    let reply = server.call("CreateProject", body).await;
    reply.data().as_str().expect("an id").to_owned()
}

fn problem(list: &Value, name: &str) -> Option<String> {
    let all = list.as_array().into_iter().flatten();
    let mut found = all.filter(|one| one["name"] == name);
    let one = found.next().unwrap_or_else(|| panic!("{name}: {list:#}"));
    one["problem"].as_str().map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_row_hides_no_other() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = Server::start(Kind::MariaDb, Options::default()).await;
    let server = OmsServer::ready(folder.path()).await;
    let mut sides = Vec::new();
    for name in ["one", "two", "three"] {
        let sql = format!("CREATE USER {name} IDENTIFIED BY 'secret'");
        database.exec(&sql).await;
        let body = json!({
            "name": name, "ip": "127.0.0.1", "port": database.port(), "username": name,
            "password": "secret",
        });
        let made = server.call("CreateMysqlDataSource", body).await;
        sides.push(made.data().as_str().expect("an id").to_owned());
    }
    let good = project(&server, "good", &sides[0], &sides[1]).await;
    project(&server, "half", &sides[0], &sides[2]).await;
    let stepless = project(&server, "stepless", &sides[0], &sides[1]).await;
    let config = project(&server, "config", &sides[0], &sides[1]).await;
    let lost = project(&server, "lost", &sides[0], &sides[1]).await;
    let listed = server.call("ListProjects", json!({})).await;
    assert_eq!(listed.names("name").len(), 5);
    assert!(listed.body["message"].is_null(), "{:#}", listed.body);
    for name in ["good", "half", "stepless", "config", "lost"] {
        assert_eq!(problem(listed.data(), name), None);
    }
    let label = server.call("CreateLabel", json!({ "name": "all" })).await;
    let label = label.data().as_str().expect("an id").to_owned();
    for id in [&config, &lost] {
        let set = json!({ "id": id, "labelIds": [label] });
        server.call("UpdateProjectLabels", set).await.data();
    }
    let rm = Rm::open(&folder.path().join("rm.db")).await.expect("an rm");
    for sql in [
        format!(
            "UPDATE oms_datasource SET type = 'NONSENSE' WHERE id = '{}'",
            sides[2]
        ),
        format!("UPDATE oms_step SET step_status = 'ODD' WHERE project_id = '{stepless}'"),
        format!("UPDATE oms_project SET config = '{{\"x\": 1}}' WHERE id = '{config}'"),
        format!("UPDATE oms_project SET project_type = 'NONE' WHERE id = '{lost}'"),
    ] {
        rm.connection()
            .execute_unprepared(&sql)
            .await
            .expect("an edit");
    }
    let listed = server.call("ListProjects", json!({})).await;
    assert_eq!(listed.names("name"), ["config", "good", "half", "stepless"]);
    let said = listed.body["message"]
        .as_str()
        .expect("a word on the lost one");
    assert!(
        said.contains(&lost) && said.contains("project_type"),
        "{said}"
    );
    let list = listed.data();
    assert_eq!(problem(list, "good"), None);
    for (name, says) in [
        ("half", "NONSENSE"),
        ("stepless", "ODD"),
        ("config", "config"),
    ] {
        let why = problem(list, name).expect(name);
        assert!(why.contains(says), "{name}: {why}");
    }
    let half = list
        .as_array()
        .into_iter()
        .flatten()
        .find(|p| p["name"] == "half");
    let half = half.expect("listed");
    assert!(
        half["sinkEndpointType"].is_null() && half["sinkConnectInfo"].is_null(),
        "{half:#}"
    );
    assert_eq!(half["sourceEndpointType"], "MARIADB", "{half:#}");
    assert_eq!(half["steps"].as_array().map(Vec::len), Some(4), "{half:#}");
    // filters go by what is known
    let filter = json!({ "sinkEndpointTypes": ["MARIADB"] });
    let listed = server.call("ListProjects", filter).await;
    assert_eq!(listed.names("name"), ["config", "good", "stepless"]);
    let shown = server
        .call("DescribeProject", json!({ "id": stepless }))
        .await;
    assert!(shown.data()["problem"].is_string(), "{:#}", shown.body);
    server
        .call("DescribeProject", json!({ "id": good }))
        .await
        .data();
    let listed = server.call("ListDataSource", json!({})).await;
    assert_eq!(listed.names("name"), ["one", "two"]);
    let said = listed.body["message"]
        .as_str()
        .expect("a word on the third");
    assert!(said.contains(&sides[2]), "{said}");

    // one that cannot be understood does not keep the others from being tried
    let started = server
        .call("StartProjectsByLabel", json!({ "id": label }))
        .await;
    let failed = started.data()["failedProjectIds"].as_array().cloned();
    let mut failed = failed.unwrap_or_default();
    failed.sort_by_key(ToString::to_string);
    let mut both = [json!(config), json!(lost)];
    both.sort_by_key(ToString::to_string);
    assert_eq!(failed, both, "{:#}", started.body);

    // of whom a broken row is, it does not say: only those are told who see everything
    let department = server
        .call("CreateDepartment", json!({ "name": "dep" }))
        .await;
    let department = department.data().as_str().expect("an id").to_owned();
    let bob = server.user("bob", "USER", &department).await;
    let listed = server.call_as(&bob, "ListProjects", json!({})).await;
    assert!(listed.body["message"].is_null(), "{:#}", listed.body);
    let spoil = "UPDATE oms_user SET user_role = 'KING' WHERE account = 'bob'";
    rm.connection()
        .execute_unprepared(spoil)
        .await
        .expect("an edit");
    let listed = server.call("ListUsers", json!({})).await;
    assert_eq!(listed.names("account"), ["admin"]);
    let said = listed.body["message"].as_str().expect("a word on bob");
    assert!(said.contains("user_role"), "{said}");
    assert!(server.log().contains("a row is not listed"));
}
