//! kill -9 in the midst of actions: whatever was under way, the next start finds projects and labels that
//! are whole or not there, and can be brought to their end.
//!
//! `OMS_SEED=N` makes the same choices again; `OMS_ROUNDS=N` kills so often (default 12).

use std::sync::Arc;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::{Value, json};

use crate::client::{OmsServer, PASSWORD};
use crate::harness::oms::announce;
use crate::harness::server::start_all;
use crate::harness::{Kind, Options, Rm, wait_until};
use crate::life::datasource;

const MINUTES: Duration = Duration::from_secs(120);

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// What may be there.
#[derive(Default)]
struct Seen {
    projects: Vec<String>,
    components: Vec<String>,
    om_tasks: Vec<i64>,
}

impl Seen {
    async fn look(server: &OmsServer) -> Self {
        let mut seen = Self::default();
        let page = json!({ "pageSize": 150 });
        let listed = server.try_call("ListProjects", page.clone()).await;
        for project in listed.iter().flat_map(|r| r.data().as_array()).flatten() {
            seen.projects
                .extend(project["id"].as_str().map(str::to_owned));
        }
        for id in &seen.projects {
            let reply = server
                .try_call("DescribeProjectComponents", json!({ "id": id }))
                .await;
            let lists = reply.iter().filter_map(|r| r.body["data"].as_object());
            for component in lists
                .flat_map(|l| l.values())
                .flat_map(|l| l.as_array())
                .flatten()
            {
                seen.components
                    .extend(component["name"].as_str().map(str::to_owned));
            }
        }
        let listed = server.try_call("ListOmTasks", page).await;
        for task in listed.iter().flat_map(|r| r.data().as_array()).flatten() {
            seen.om_tasks.extend(task["id"].as_i64());
        }
        seen
    }
}

/// A random action on a component, or on an O&M task.
fn operation(rng: &mut StdRng, seen: &Seen) -> (&'static str, Value) {
    let component = match seen.components.is_empty() {
        true => "none".to_owned(),
        false => seen.components[rng.random_range(0..seen.components.len())].clone(),
    };
    let task = match seen.om_tasks.is_empty() {
        true => 0,
        false => seen.om_tasks[rng.random_range(0..seen.om_tasks.len())],
    };
    let by_name = json!({ "name": component });
    match rng.random_range(0..7) {
        0 => ("PauseComponent", by_name),
        1 | 2 => ("StartComponent", by_name),
        3 => ("RerunComponent", by_name),
        4 => ("DeleteComponent", by_name),
        5 => ("RetryOmTask", json!({ "id": task })),
        _ => {
            let config = json!({ "sink": { "workerNum": rng.random_range(1..5_u32) } });
            let body = json!({
                "dimension": "NAME", "key": component, "cmRegion": "", "config": config,
            });
            ("UpdateIncrSync", body)
        }
    }
}

/// A random action on what may be there.
fn action(rng: &mut StdRng, from: &str, to: &str, seen: &Seen) -> (&'static str, Value) {
    let projects = &seen.projects;
    let some = |rng: &mut StdRng| match projects.is_empty() {
        true => "np_none".to_owned(),
        false => projects[rng.random_range(0..projects.len())].clone(),
    };
    match rng.random_range(0..15) {
        0 | 1 => {
            let name = format!("p{}", rng.random_range(0..1_000_000_u32));
            let body = json!({
                "name": name, "type": "MIGRATION", "sourceEndpointId": from, "sinkEndpointId": to,
                "transferMapping": { "mode": "WILDCARD", "tableAndViewWhiteList": ["shop.*"] },
                "enableStructTransfer": rng.random_bool(0.5), "enableFullTransfer": true,
                "enableFullVerify": rng.random_bool(0.5), "enableIncrTransfer": rng.random_bool(0.7),
            });
            ("CreateProject", body)
        }
        2 => ("StartProject", json!({ "id": some(rng) })),
        3 => ("StopProject", json!({ "id": some(rng) })),
        4 => ("ResumeProject", json!({ "id": some(rng) })),
        5 => ("ReleaseProject", json!({ "id": some(rng) })),
        6 => ("DeleteProject", json!({ "id": some(rng) })),
        7 => ("SubmitPreCheck", json!({ "id": some(rng) })),
        8 => ("RetryPreCheck", json!({ "id": some(rng) })),
        9 => (
            "CreateLabel",
            json!({ "name": format!("l{}", rng.random_range(0..1_000_000_u32)) }),
        ),
        10..=13 => operation(rng, seen),
        _ => (
            "UpdateProjectConfig",
            json!({ "id": some(rng), "incrTransferConfig": { "throttleRps": rng.random_range(1..100_u32) } }),
        ),
    }
}

/// Sends actions until the server is gone.
async fn storm(server: &OmsServer, rng: &mut StdRng, from: &str, to: &str) {
    let mut seen = Seen::look(server).await;
    loop {
        let (name, body) = action(rng, from, to, &seen);
        let Some(reply) = server.try_call(name, body).await else {
            return;
        };
        assert!(reply.status < 500, "{name}: {:#}", reply.body);
        if name == "CreateProject" {
            seen.projects
                .extend(reply.body["data"].as_str().map(str::to_owned));
        }
    }
}

/// Brings a project to its end, from wherever it is.
async fn end(server: &OmsServer, id: &str) {
    let by_id = json!({ "id": id });
    wait_until(&format!("the end of {id}"), MINUTES, || async {
        let reply = server.call("DescribeProject", by_id.clone()).await;
        let status = match reply.status {
            200 => reply.data()["status"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
            _ => panic!("{:#}", reply.body),
        };
        let next = match status.as_str() {
            "RUNNING" => "StopProject",
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

/// No row hangs on a project that is deleted.
async fn nothing_is_left(folder: &std::path::Path) {
    let rm = Rm::open(&folder.join("rm.db")).await.expect("rm");
    let mut checked = 0;
    for table in entity::all_tables() {
        let of_project = table.columns.iter().any(|c| c.name == "project_id");
        let count = match table.name.as_str() {
            // their steps and O&M tasks are gone, so all tasks must be
            "oms_task" => "SELECT COUNT(*) AS n FROM oms_task".to_owned(),
            name if of_project => format!("SELECT COUNT(*) AS n FROM {name}"),
            _ => continue,
        };
        let statement = Statement::from_string(DbBackend::Sqlite, count);
        let row = rm.connection().query_one_raw(statement).await;
        let row = row.expect("counted").expect("a row");
        let rows: i64 = row.try_get("", "n").expect("a number");
        assert_eq!(rows, 0, "{} after every project was deleted", table.name);
        checked += 1;
    }
    assert!(checked > 8, "{checked} tables");
    rm.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_midst_of_actions() {
    let folder = tempfile::tempdir().expect("a folder");
    let kinds = [
        (Kind::MySql, Options::default()),
        (Kind::MariaDb, Options::default()),
    ];
    let [source, target] = start_all(kinds).await;
    source
        .exec("CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, v INT); INSERT INTO shop.t VALUES (1, 1)")
        .await;
    let seed = number("OMS_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    announce(&format!("actions and kills: OMS_SEED={seed}"));
    let mut rng = StdRng::seed_from_u64(seed);
    let server = OmsServer::ready(folder.path()).await;
    let password = url::Url::parse(&source.url_with_password()).expect("a URL");
    let password = password.password().unwrap_or_default().to_owned();
    let from = datasource(&server, "CreateMysqlDataSource", "from", &source, &password).await;
    let to = datasource(&server, "CreateMysqlDataSource", "to", &target, &password).await;
    let mut server = Arc::new(server);
    for _ in 0..number("OMS_ROUNDS").unwrap_or(12) {
        let mut storms = Vec::new();
        for _ in 0..3 {
            let (server, from, to) = (server.clone(), from.clone(), to.clone());
            let mut rng = StdRng::seed_from_u64(rng.random());
            storms.push(tokio::spawn(async move {
                storm(&server, &mut rng, &from, &to).await
            }));
        }
        tokio::time::sleep(Duration::from_millis(rng.random_range(0..400))).await;
        server.kill9_now();
        for storm in storms {
            storm.await.expect("no panic");
        }
        drop(server);
        server = Arc::new(OmsServer::start(folder.path(), Some(PASSWORD)).await);
        assert!(
            server
                .call("ListAllLabels", json!({}))
                .await
                .data()
                .is_array()
        );
    }
    let mut ended = 0;
    loop {
        let listed = server
            .call("ListProjects", json!({ "pageSize": 150 }))
            .await;
        let projects = listed.data().as_array().cloned().unwrap_or_default();
        if projects.is_empty() {
            break;
        }
        for project in projects {
            end(&server, project["id"].as_str().expect("an id")).await;
            ended += 1;
        }
    }
    announce(&format!("{ended} projects brought to their end"));
    nothing_is_left(folder.path()).await;
    for id in [from, to] {
        server
            .call("DeleteDataSource", json!({ "id": id }))
            .await
            .data();
    }
}
