//! Roles, departments and ownership.

use serde_json::{Value, json};

use crate::client::{OmsServer, PASSWORD, Reply};
use crate::harness::{Kind, Options, Server};

type Account = (String, String);

fn id(reply: &Reply) -> String {
    reply.data().as_str().expect("an id").to_owned()
}

/// Two data sources of a server of its own user, and a project between them.
async fn project(server: &OmsServer, account: &Account, database: &Server, name: &str) -> String {
    database
        .exec(&format!(
            "CREATE USER {name} IDENTIFIED BY 'secret of {name}'"
        ))
        .await;
    let mut ends = Vec::new();
    for host in ["127.0.0.1", "localhost"] {
        let body = json!({
            "name": format!("{name}-{host}"), "ip": host, "port": database.port(),
            "username": name, "password": format!("secret of {name}"),
        });
        let reply = server.call_as(account, "CreateMysqlDataSource", body).await;
        ends.push(id(&reply));
    }
    id(&server
        .call_as(account, "CreateProject", wanted(name, &ends))
        .await)
}

fn wanted(name: &str, ends: &[String]) -> Value {
    json!({
        "name": name, "type": "MIGRATION", "sourceEndpointId": ends[0], "sinkEndpointId": ends[1],
        "transferMapping": { "mode": "WILDCARD", "tableAndViewWhiteList": ["shop.*"] },
        "enableStructTransfer": true, "enableFullTransfer": true, "enableFullVerify": true,
        "enableIncrTransfer": true,
    })
}

async fn seen(server: &OmsServer, account: &Account, expected: &[&str]) {
    let reply = server.call_as(account, "ListProjects", json!({})).await;
    assert_eq!(reply.names("name"), expected, "{} sees", account.0);
    let reply = server
        .call_as(account, "ListDataSource", json!({ "pageSize": 100 }))
        .await;
    let both = |name: &&str| [format!("{name}-127.0.0.1"), format!("{name}-localhost")];
    let sources: Vec<String> = expected.iter().flat_map(both).collect();
    assert_eq!(reply.names("name"), sources, "{} sees", account.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_role_sees_and_changes_what_it_may() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = Server::start(Kind::MariaDb, Options::default()).await;
    let server = OmsServer::ready(folder.path()).await;
    let root = server.account.clone();
    let made = server
        .call("CreateDepartment", json!({ "name": "east" }))
        .await;
    let east = id(&made);
    let again = server
        .call("CreateDepartment", json!({ "name": "east" }))
        .await;
    again.refused(400, "API-0001", "there is a department");
    let viewer = server.user("viewer", "ROOT-VIEWER", "").await;
    let boss = server.user("boss", "ADMIN", &east).await;
    let watcher = server.user("watcher", "ADMIN-VIEWER", &east).await;
    let alice = server.user("alice", "USER", &east).await;
    let bob = server.user("bob", "USER", "d_default").await;

    let mine = project(&server, &alice, &database, "alice").await;
    let other = project(&server, &bob, &database, "bob").await;
    project(&server, &root, &database, "root_p").await;
    seen(&server, &root, &["alice", "bob", "root_p"]).await;
    seen(&server, &viewer, &["alice", "bob", "root_p"]).await;
    for account in [&boss, &watcher, &alice] {
        seen(&server, account, &["alice"]).await;
    }
    seen(&server, &bob, &["bob"]).await;

    // a state that does not fit is found after the right was found
    let (deny, late) = ((403, "API-0004"), (409, "CMP-0003"));
    for (account, project, read, stop) in [
        (&root, &other, true, late),
        (&viewer, &mine, true, deny),
        (&boss, &mine, true, late),
        (&boss, &other, false, deny),
        (&watcher, &mine, true, deny),
        (&watcher, &other, false, deny),
        (&alice, &mine, true, late),
        (&alice, &other, false, deny),
        (&bob, &mine, false, deny),
    ] {
        let body = json!({ "id": project });
        let reply = server
            .call_as(account, "DescribeProject", body.clone())
            .await;
        match read {
            true => assert_eq!(reply.data()["id"], **project),
            false => reply.refused(403, "API-0004", &account.0),
        }
        let reply = server.call_as(account, "StopProject", body).await;
        reply.refused(stop.0, stop.1, "");
    }
    let shown = server.call("DescribeProject", json!({ "id": mine })).await;
    assert_eq!(shown.data()["owner"], "alice");

    // nobody uses another's data sources, by id or by their address
    let sources = server.call_as(&alice, "ListDataSource", json!({})).await;
    let ends: Vec<String> = (0..2)
        .map(|i| sources.data()[i]["id"].as_str().expect("an id").to_owned())
        .collect();
    assert_eq!(sources.data()[0]["owner"], "alice");
    let reply = server.call_as(&bob, "CreateProject", wanted("b", &ends));
    reply.await.refused(403, "API-0004", "bob");
    let reply = server.call_as(&viewer, "CreateProject", wanted("v", &ends));
    reply.await.refused(403, "API-0004", "viewer");
    id(&server
        .call_as(&boss, "CreateProject", wanted("of_boss", &ends))
        .await);
    let same = json!({
        "name": "taken", "ip": "localhost", "port": database.port(), "username": "alice",
        "password": "secret of alice",
    });
    let reply = server.call_as(&bob, "CreateMysqlDataSource", same).await;
    reply.refused(403, "API-0004", "another's");

    // who goes leaves what it had to who sent it away
    let users = server.call_as(&boss, "ListUsers", json!({})).await;
    assert_eq!(users.names("account"), ["alice", "boss", "watcher"]);
    let user = users.data()[0]["id"].clone();
    let gone = server
        .call_as(&boss, "DeleteUser", json!({ "id": user }))
        .await;
    gone.data();
    let reply = server.call_as(&alice, "ListProjects", json!({})).await;
    reply.refused(401, "API-0002", "");
    let shown = server.call("DescribeProject", json!({ "id": mine })).await;
    assert_eq!(shown.data()["owner"], "boss");
    assert_eq!(server.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_are_managed_by_those_above() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = OmsServer::ready(folder.path()).await;
    let made = server
        .call("CreateDepartment", json!({ "name": "east" }))
        .await;
    let east = id(&made);
    let boss = server.user("boss", "ADMIN", &east).await;
    let alice = server.user("alice", "USER", &east).await;
    server.user("bob", "USER", "d_default").await;
    let new = |account: &str, role: &str, department: Option<&str>| json!({ "account": account, "password": PASSWORD, "role": role, "departmentId": department });
    for (account, wanted, refused) in [
        (&boss, new("one", "USER", None), false),
        (&boss, new("two", "ADMIN-VIEWER", Some(&east)), false),
        (&boss, new("three", "ADMIN", None), true),
        (&boss, new("three", "ROOT-VIEWER", None), true),
        (&boss, new("three", "USER", Some("d_default")), true),
        (&alice, new("three", "USER", None), true),
        (&server.account, new("three", "ROOT", None), true),
    ] {
        let reply = server.call_as(account, "CreateUser", wanted).await;
        match refused {
            true => reply.refused(403, "API-0004", &account.0),
            false => assert!(id(&reply).starts_with('u')),
        }
    }
    let users = server
        .call("ListUsers", json!({ "pageSize": 100 }))
        .await
        .data()
        .clone();
    let find = |account: &str| -> Value {
        let found = users.as_array().into_iter().flatten();
        let mut found = found.filter(|user| user["account"] == account);
        found.next().unwrap_or_else(|| panic!("{users:#}"))["id"].clone()
    };
    for (account, action, body, refused) in [
        (
            &boss,
            "UpdateUser",
            json!({ "id": find("one"), "mail": "a@b", "role": "ADMIN-VIEWER" }),
            false,
        ),
        (
            &boss,
            "UpdateUser",
            json!({ "id": find("one"), "role": "ADMIN" }),
            true,
        ),
        (
            &boss,
            "UpdateUser",
            json!({ "id": find("one"), "departmentId": "d_default" }),
            true,
        ),
        (
            &boss,
            "UpdateUser",
            json!({ "id": find("boss"), "mail": "a@b" }),
            true,
        ),
        (
            &boss,
            "UpdateUser",
            json!({ "id": find("bob"), "mail": "a@b" }),
            true,
        ),
        (&boss, "DeleteUser", json!({ "id": find("bob") }), true),
        (&boss, "UnlockUser", json!({ "id": find("admin") }), true),
        (
            &alice,
            "UpdateUser",
            json!({ "id": find("alice"), "role": "ADMIN" }),
            true,
        ),
        (&boss, "CreateDepartment", json!({ "name": "x" }), true),
        (
            &server.account,
            "DeleteUser",
            json!({ "id": find("admin") }),
            true,
        ),
        (
            &server.account,
            "UpdateUser",
            json!({ "id": find("admin"), "role": "USER" }),
            true,
        ),
    ] {
        let reply = server.call_as(account, action, body.clone()).await;
        match refused {
            true => reply.refused(403, "API-0004", &account.0),
            false => assert!(reply.data().is_null(), "{body}"),
        }
    }
    let reply = server.call_as(&alice, "ListUsers", json!({})).await;
    assert_eq!(reply.names("account"), ["alice"]);
    let reply = server.call_as(&alice, "ListDepartments", json!({})).await;
    assert_eq!(reply.names("name"), ["east"]);
    let reply = server.call("ListDepartments", json!({})).await;
    assert_eq!(reply.names("name"), ["default", "east"]);
    for department in [&*east, "d_default"] {
        let body = json!({ "id": department });
        let reply = server.call("DeleteDepartment", body).await;
        reply.refused(409, "CMP-0003", department);
    }
    let moved = json!({ "id": find("bob"), "departmentId": "d_none" });
    let reply = server.call("UpdateUser", moved).await;
    reply.refused(400, "API-0001", "departmentId");

    // a password that another sets must be changed
    let body = json!({ "id": find("alice"), "password": "Other-Pass_33" });
    server.call_as(&boss, "UpdateUser", body).await.data();
    let alice = (alice.0, "Other-Pass_33".to_owned());
    let reply = server.call_as(&alice, "ListProjects", json!({})).await;
    reply.refused(403, "API-0003", "chosen by another");
    let departed = server
        .call("CreateDepartment", json!({ "name": "west" }))
        .await;
    let body = json!({ "id": id(&departed) });
    server.call("DeleteDepartment", body).await.data();
}

#[tokio::test(flavor = "multi_thread")]
async fn rules_are_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = OmsServer::ready(folder.path()).await;
    for (key, value, says) in [
        ("account", json!("bob2"), "account"),
        ("account", json!("a_name_too_long"), "account"),
        ("account", json!("admin"), "there is an account"),
        ("password", json!("Short_1"), "8 to 32"),
        ("password", json!("No-Digits_here"), "2 digits"),
        ("role", json!("KING"), "unknown variant"),
        ("departmentId", json!("d_none"), "d_none"),
        ("departmentId", json!(""), "must be in a department"),
        ("mail", json!("nobody"), "mail"),
        ("phone", json!("call me"), "phone"),
        ("description", json!("x".repeat(257)), "description"),
        ("more", json!(1), "unknown field"),
    ] {
        let mut body = json!({ "account": "bob", "password": PASSWORD, "role": "USER" });
        body[key] = value;
        let reply = server.call("CreateUser", body).await;
        reply.refused(400, "API-0001", says);
    }
    for action in ["UpdateUser", "DeleteUser", "UnlockUser", "DeleteDepartment"] {
        let reply = server.call(action, json!({ "id": "nobody" })).await;
        reply.refused(404, "MDB-0006", "nobody");
    }
}
