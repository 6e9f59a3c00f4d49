//! After each start every list can be read; at the end everything is brought to its end and deleted.

use futures::stream::{self, StreamExt};
use serde_json::{Value, json};

use super::player::{list, text};
use crate::client::OmsServer;
use crate::following::MINUTES;
use crate::harness::wait_until;

/// Actions that list, and need no parameter.
const LISTS: &[&str] = &[
    "ListProjects",
    "ListOmTasks",
    "ListDataSource",
    "ListUsers",
    "ListDepartments",
    "ListApiTokens",
    "ListSessions",
    "ListAllLabels",
    "ListSystemParameters",
    "ListServers",
    "ListAuditLogs",
];
/// Actions that show a project.
const SHOWS: &[&str] = &[
    "DescribeProject",
    "DescribeProjectSteps",
    "DescribeProjectComponents",
    "DescribeProjectProgress",
    "GetPreCheckResult",
    "ListProjectModifyRecords",
];
/// Projects that are brought to their end at the same time.
const AT_ONCE: usize = 4;

/// Every list can be read, and understood as a whole.
pub async fn all_can_be_read(server: &OmsServer) {
    for action in LISTS {
        list(server, action, json!({})).await;
    }
    for project in list(server, "ListProjects", json!({ "visibleSubProject": true })).await {
        assert!(project["problem"].is_null(), "{project:#}");
        for action in SHOWS {
            let reply = server.call(action, json!({ "id": project["id"] })).await;
            reply.data();
        }
    }
}

/// Brings a project to its end, from wherever it is.
async fn end(server: &OmsServer, id: &str) {
    let by_id = json!({ "id": id });
    wait_until(&format!("the end of {id}"), MINUTES, || async {
        let reply = server.call("DescribeProject", by_id.clone()).await;
        let status = text(reply.data(), "status");
        let next = match status.as_str() {
            "RUNNING" | "RUNNING_MODIFYING" | "RUNNING_MERGING" => "StopProject",
            "SUSPEND" | "FAILED" | "FINISHED" => "ReleaseProject",
            "INIT" | "RELEASED" => "DeleteProject",
            "RELEASING" => return Err(format!("{:#}", reply.body)),
            "DELETED" => return Ok(Some(())),
            other => panic!("{other}: {:#}", reply.body),
        };
        // somebody else may have been faster: the next look says
        let done = server.call(next, by_id.clone()).await;
        assert!(done.status < 500, "{next}: {:#}", done.body);
        Err(format!("{next}: {:#}", done.body))
    })
    .await;
}

/// Brings everything to its end, and deletes it; gives how many projects there were.
pub async fn delete_all(server: &OmsServer) -> usize {
    let mut ended = 0;
    loop {
        let projects = list(server, "ListProjects", json!({})).await;
        if projects.is_empty() {
            break;
        }
        ended += projects.len();
        stream::iter(projects)
            .for_each_concurrent(AT_ONCE, |project| async move {
                end(server, &text(&project, "id")).await;
            })
            .await;
    }
    let everything = [
        ("ListAllLabels", "DeleteLabel"),
        ("ListApiTokens", "DeleteApiToken"),
        ("ListSessions", "DeleteSession"),
        ("ListUsers", "DeleteUser"),
        ("ListDepartments", "DeleteDepartment"),
        ("ListDataSource", "DeleteDataSource"),
    ];
    for (lists, deletes) in everything {
        for row in list(server, lists, json!({})).await {
            if row["account"] != "admin" && row["isDefault"] != true {
                let by_id = json!({ "id": row["id"] });
                server.call(deletes, by_id).await.data();
            }
        }
    }
    for row in list(server, "ListSystemParameters", json!({})).await {
        let by_name = json!({ "name": row["name"] });
        server.call("ResetSystemParameter", by_name).await.data();
    }
    for row in list(server, "ListServers", json!({})).await {
        let body = json!({
            "name": row["name"], "storeQuota": Value::Null, "connectorQuota": Value::Null,
        });
        server.call("UpdateServerQuota", body).await.data();
    }
    ended
}
