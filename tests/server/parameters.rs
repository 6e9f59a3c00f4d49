//! System parameters: read by all, changed by few, taken up at once, and not broken by a bad value.

use std::time::Duration;

use sea_orm::ConnectionTrait;
use serde_json::{Value, json};

use crate::client::OmsServer;
use crate::harness::{Rm, wait_until};

const EXPIRATION: &str = "oms.user.password.expiration.date.config";

async fn shown(server: &OmsServer, name: &str) -> Value {
    let search = json!({ "searchKey": name });
    let reply = server.call("ListSystemParameters", search).await;
    let all = reply.data().as_array().expect("a list").clone();
    all.into_iter()
        .find(|one| one["name"] == name)
        .expect("it is listed")
}

/// What the account is told of its password's last days.
async fn days(server: &OmsServer) -> Option<String> {
    let reply = server.call("ListAllLabels", json!({})).await;
    let head = reply.head.lines();
    let mut found = head.filter_map(|line| line.strip_prefix("x-oms-password-expires-in-days: "));
    found.next().map(str::to_owned)
}

async fn sql(folder: &std::path::Path, sql: &str) {
    let rm = Rm::open(&folder.join("rm.db")).await.expect("an rm");
    rm.connection()
        .execute_unprepared(sql)
        .await
        .expect("an edit");
}

#[tokio::test(flavor = "multi_thread")]
async fn they_are_set_and_count_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = OmsServer::ready(folder.path()).await;
    let reply = server.call("ListSystemParameters", json!({})).await;
    let all = reply.data().as_array().expect("a list");
    assert!(all.len() >= 6, "{all:#?}");
    for one in all {
        assert_eq!(one["value"], one["defaultValue"], "{one:#}");
        assert_eq!(one["isDefault"], true, "{one:#}");
        assert!(
            one["problem"].is_null() && one["gmtModified"].is_null(),
            "{one:#}"
        );
        assert!(
            one["module"].is_string() && one["description"].is_string(),
            "{one:#}"
        );
    }
    assert_eq!(days(&server).await, None);
    let set = |value: Value| json!({ "name": EXPIRATION, "value": value });
    // what is not said is the default, and the whole value is kept
    let update = server
        .call("UpdateSystemParameter", set(json!({ "days": 20 })))
        .await;
    update.data();
    let one = shown(&server, EXPIRATION).await;
    assert_eq!(one["value"], json!({ "days": 20, "reminder": 30 }));
    assert!(
        one["gmtModified"].is_string() && one["isDefault"] == false,
        "{one:#}"
    );
    assert_eq!(days(&server).await.as_deref(), Some("20"));

    for (body, status, code, says) in [
        (set(json!({ "days": -1 })), 400, "API-0001", "days"),
        (
            set(json!({ "day": 1 })),
            400,
            "API-0001",
            "unknown field `day`",
        ),
        (set(json!("soon")), 400, "API-0001", EXPIRATION),
        (
            set(json!({ "days": 5000 })),
            400,
            "API-0001",
            "3650 at most",
        ),
        (
            json!({ "name": EXPIRATION }),
            400,
            "API-0001",
            "missing field `value`",
        ),
        (
            json!({ "name": "ha.config", "value": {} }),
            404,
            "MDB-0006",
            "ha.config",
        ),
        (
            json!({ "name": "oms.sequence.component", "value": 1 }),
            404,
            "MDB-0006",
            "there is none",
        ),
    ] {
        let reply = server.call("UpdateSystemParameter", body).await;
        reply.refused(status, code, says);
    }
    assert_eq!(
        shown(&server, EXPIRATION).await["value"]["days"],
        20,
        "nothing was changed"
    );

    // a person breaks it: the last good value counts, and the list says so
    let broken = format!(
        "UPDATE oms_normal_config SET cfg_value = '{{days' WHERE cfg_name = '{EXPIRATION}'"
    );
    sql(folder.path(), &broken).await;
    assert_eq!(days(&server).await.as_deref(), Some("20"));
    let one = shown(&server, EXPIRATION).await;
    assert_eq!(one["value"], "{days");
    assert!(
        one["problem"]
            .as_str()
            .is_some_and(|p| p.contains("no JSON")),
        "{one:#}"
    );
    assert!(
        server
            .log()
            .contains("a system parameter cannot be understood")
    );

    let reset = server
        .call("ResetSystemParameter", json!({ "name": EXPIRATION }))
        .await;
    reset.data();
    assert_eq!(days(&server).await, None);
    assert_eq!(shown(&server, EXPIRATION).await["isDefault"], true);
    let reply = server
        .call("ResetSystemParameter", json!({ "name": "x" }))
        .await;
    reply.refused(404, "MDB-0006", "system parameter x");

    let logs = server
        .call(
            "ListAuditLogs",
            json!({ "action": "UpdateSystemParameter" }),
        )
        .await;
    let lines = logs.data().as_array().expect("lines");
    let done: Vec<_> = lines
        .iter()
        .filter(|line| line["resultCode"] == "OK")
        .collect();
    assert_eq!(done.len(), 1, "{lines:#?}");
    assert_eq!(done[0]["before"]["value"]["days"], 90, "{lines:#?}");
    assert_eq!(done[0]["after"]["value"]["days"], 20, "{lines:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_read_and_few_change() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = OmsServer::ready(folder.path()).await;
    let department = server
        .call("CreateDepartment", json!({ "name": "dep" }))
        .await;
    let department = department.data().as_str().expect("an id").to_owned();
    for (name, role) in [("adm", "ADMIN"), ("usr", "USER"), ("viewer", "ROOT-VIEWER")] {
        let department = match role {
            "ROOT-VIEWER" => "",
            _ => department.as_str(),
        };
        let account = server.user(name, role, department).await;
        for action in ["ListSystemParameters", "ListServers"] {
            server.call_as(&account, action, json!({})).await.data();
        }
        for (action, body) in [
            (
                "UpdateSystemParameter",
                json!({ "name": EXPIRATION, "value": { "days": 1 } }),
            ),
            ("ResetSystemParameter", json!({ "name": EXPIRATION })),
            (
                "UpdateServerQuota",
                json!({ "name": "127.0.0.1", "storeQuota": 1 }),
            ),
        ] {
            let reply = server.call_as(&account, action, body).await;
            reply.refused(403, "API-0004", "may not do this");
        }
    }
    // a bad value that no good one went before: the default counts
    let one = "oms.step.metric.config";
    let add = format!(
        "INSERT INTO oms_normal_config VALUES ('{one}', '{{\"keepDays\": 0}}', '2020-01-01 00:00:00.000', '2020-01-01 00:00:00.000')"
    );
    sql(folder.path(), &add).await;
    wait_until(
        "the bad value to be seen",
        Duration::from_secs(30),
        || async {
            match server.log().contains("keepDays is 0") {
                true => Ok(Some(())),
                false => Err(server.log()),
            }
        },
    )
    .await;
    let item = shown(&server, one).await;
    assert!(
        item["problem"]
            .as_str()
            .is_some_and(|p| p.contains("1 to 365")),
        "{item:#}"
    );
}
