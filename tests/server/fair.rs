//! Many busy projects on one node share it fairly: by rows that were counted at one moment, not by time.

use std::sync::Arc;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::OmsServer;
use crate::harness::oms::announce;
use crate::harness::server::start_all;
use crate::harness::{Kind, Options, Server, wait_until};
use crate::life::datasource;

const MINUTES: Duration = Duration::from_secs(300);

/// A node between two servers.
struct Scene {
    server: OmsServer,
    source: Arc<Server>,
    target: Arc<Server>,
    from: String,
    to: String,
    label: String,
    _folder: TempDir,
}

/// A project's data: a database of its own.
#[derive(Clone, Copy)]
struct Data {
    database: &'static str,
    tables: u32,
    rows: u32,
}

impl Data {
    fn total(&self) -> u64 {
        u64::from(self.tables) * u64::from(self.rows)
    }
}

impl Scene {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let [source, target] = start_all([
            (Kind::MariaDb, Options::default()),
            (Kind::MariaDb, Options::default()),
        ])
        .await;
        let server = OmsServer::ready(folder.path()).await;
        let password = url::Url::parse(&source.url_with_password()).expect("a URL");
        let password = password.password().unwrap_or_default().to_owned();
        let action = "CreateMysqlDataSource";
        let from = datasource(&server, action, "from", &source, &password).await;
        let to = datasource(&server, action, "to", &target, &password).await;
        let label = server.call("CreateLabel", json!({ "name": "all" })).await;
        Self {
            label: label.data().as_str().expect("an id").to_owned(),
            server,
            source,
            target,
            from,
            to,
            _folder: folder,
        }
    }

    /// Makes the tables, and a project that moves them.
    async fn project(&self, data: Data, more: Value) -> String {
        let Data {
            database,
            tables,
            rows,
        } = data;
        let mut sql = format!("CREATE DATABASE {database}; USE {database}");
        for table in 0..tables {
            sql.push_str(&format!(
                "; CREATE TABLE {database}.t{table} (id INT PRIMARY KEY, v INT NOT NULL, pad CHAR(150) NOT NULL); \
                 INSERT INTO {database}.t{table} SELECT seq, 0, REPEAT(MD5(seq), 4) FROM seq_1_to_{rows}"
            ));
        }
        self.source.exec(&sql).await;
        let mut body = json!({
            "name": database, "type": "MIGRATION", "sourceEndpointId": self.from, "sinkEndpointId": self.to,
            "transferMapping": { "mode": "WILDCARD", "tableAndViewWhiteList": [format!("{database}.*")] },
            "enableStructTransfer": true, "enableFullTransfer": true, "enableFullVerify": false,
            "enableIncrTransfer": false, "labelIds": [self.label],
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            body[key] = value.clone();
        }
        let reply = self.server.call("CreateProject", body).await;
        reply.data().as_str().expect("an id").to_owned()
    }

    async fn start(&self, id: &str) {
        let by_id = json!({ "id": id });
        self.server.call("StartProject", by_id).await.data();
    }

    /// An action on all projects.
    async fn all(&self, action: &str) {
        let reply = self.server.call(action, json!({ "id": self.label })).await;
        let failed = &reply.data()["failedProjectIds"];
        assert!(
            failed.as_array().is_none_or(Vec::is_empty),
            "{:#}",
            reply.body
        );
    }

    /// What a query counts in the tables of each project at the target, all at one moment. A table that
    /// is not there counts as empty.
    async fn counted(&self, projects: &[Data], what: &str) -> Vec<u64> {
        let mut conn = self.target.conn().await;
        let snapshot = "START TRANSACTION WITH CONSISTENT SNAPSHOT";
        conn.query_drop(snapshot).await.expect("a snapshot");
        let mut counts = Vec::new();
        for Data {
            database, tables, ..
        } in projects
        {
            let mut count = 0;
            for table in 0..*tables {
                let sql = format!("SELECT CAST({what} AS UNSIGNED) FROM {database}.t{table}");
                let row: Result<Option<Option<u64>>, _> = conn.query_first(sql).await;
                count += row.ok().flatten().flatten().unwrap_or(0);
            }
            counts.push(count);
        }
        counts
    }

    /// Looks at some until one of them has so much; what those then have who are asked for.
    async fn until(&self, (some, much): (&[Data], u64), what: &str, all: &[Data]) -> Vec<u64> {
        let says = format!("{much} of {what} in one of {} projects", some.len());
        wait_until(&says, MINUTES, || async {
            let counts = self.counted(some, what).await;
            match counts.iter().any(|&count| count >= much) {
                true => Ok(Some(())),
                false => Err(format!("{counts:?}")),
            }
        })
        .await;
        self.counted(all, what).await
    }
}

/// Jain's fairness index: 1 where all have the same, 1/n where one has all.
fn jain(shares: &[u64]) -> f64 {
    let sum: f64 = shares.iter().map(|&n| n as f64).sum();
    let squares: f64 = shares.iter().map(|&n| (n as f64).powi(2)).sum();
    sum * sum / (shares.len() as f64 * squares)
}

/// That no share is far below another.
fn even(what: &str, shares: &[u64]) {
    let index = jain(shares);
    let (least, most) = (
        shares.iter().min().unwrap_or(&0),
        shares.iter().max().unwrap_or(&0),
    );
    announce(&format!(
        "{what}: {shares:?}, Jain's index {index:.3}, least of most {:.2}",
        *least as f64 / *most as f64
    ));
    assert!(
        index >= 0.9,
        "{what}: Jain's index of {shares:?} is {index:.3}"
    );
    assert!(
        least * 2 >= *most,
        "{what}: {least} is less than half of {most}"
    );
}

const SIX: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

#[tokio::test(flavor = "multi_thread")]
async fn six_equal_copies_go_on_alike() {
    let scene = Scene::new().await;
    let projects = SIX.map(|database| Data {
        database,
        tables: 2,
        rows: 60_000,
    });
    let mut ids = Vec::new();
    for data in projects {
        ids.push(scene.project(data, steady()).await);
    }
    scene.all("StartProjectsByLabel").await;
    wait_until("the first project's end", MINUTES, || async {
        let all = scene.server.call("ListProjects", json!({})).await;
        let all = all.data().as_array().cloned().unwrap_or_default();
        match all.iter().any(|project| project["status"] == "FINISHED") {
            true => Ok(Some(())),
            false => Err(format!("{all:?}")),
        }
    })
    .await;
    let counts = scene.counted(&projects, "COUNT(*)").await;
    even("copied when the first was done", &counts);
}

#[tokio::test(flavor = "multi_thread")]
async fn six_equal_backlogs_go_down_alike() {
    let scene = Scene::new().await;
    let projects = SIX.map(|database| Data {
        database,
        tables: 1,
        rows: 2000,
    });
    let mut ids = Vec::new();
    for data in projects {
        let incr = json!({ "enableIncrTransfer": true });
        ids.push(scene.project(data, incr).await);
    }
    scene.all("StartProjectsByLabel").await;
    for id in &ids {
        let follows = scene
            .server
            .step_is(id, "INCR_TRANSFER", "MONITORING", MINUTES);
        follows.await;
    }
    scene.all("StopProjectsByLabel").await;
    for id in &ids {
        scene.server.project_is(id, "SUSPEND", MINUTES).await;
    }
    // each row so often, all projects in turn: a backlog of many small transactions
    let rounds = 20;
    let mut conn = scene.source.conn().await;
    for part in 0..rounds * 40 {
        for Data { database, .. } in projects {
            let part = part % 40;
            let sql = format!("UPDATE {database}.t0 SET v = v + 1 WHERE id % 40 = {part}");
            conn.query_drop(sql).await.expect("updated");
        }
    }
    for id in &ids {
        let resumed = scene.server.call("ResumeProject", json!({ "id": id }));
        resumed.await.data();
    }
    let all = projects[0].total() * rounds;
    let counts = scene.until((&projects, all), "SUM(v)", &projects).await;
    even("applied when the first was done", &counts);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_project_has_its_share_beside_a_huge_one() {
    let scene = Scene::new().await;
    let data = |database, tables, rows| Data {
        database,
        tables,
        rows,
    };
    let huge = data("huge", 8, 150_000);
    let late = data("late", 4, 30_000);
    let fast = json!({ "fullTransferConfig": { "fullTransferSpeedMode": "FAST" } });
    let first = scene.project(huge, fast).await;
    // its own figures are the default ones: a steady one has smaller batches, and so less of each turn
    let second = scene.project(late, json!({})).await;
    let mut small = Vec::new();
    for database in ["x", "y", "z"] {
        small.push(scene.project(data(database, 1, 100), steady()).await);
    }
    scene.start(&first).await;
    let all = [huge, late];
    scene.until((&[huge], 1), "COUNT(*)", &[]).await;
    for id in small.iter().chain([&second]) {
        scene.start(id).await;
    }
    let begun = scene.until((&[late], 1), "COUNT(*)", &all).await;
    let ended = scene.until((&[late], late.total()), "COUNT(*)", &all).await;
    let shares = [ended[0] - begun[0], ended[1] - begun[1]];
    announce(&format!(
        "rows of the huge and the late one: {begun:?}, then {ended:?}: shares {shares:?}"
    ));
    for id in &small {
        scene.server.project_is(id, "FINISHED", MINUTES).await;
    }
    let rest = scene.counted(&[huge], "COUNT(*)").await[0];
    announce(&format!(
        "the huge one when the small ones are finished: {rest} of {}",
        huge.total()
    ));
    assert!(
        rest < huge.total(),
        "the small ones waited for the huge one"
    );
    assert!(
        shares[1] * 2 >= shares[0],
        "{shares:?}: the late one has less than half of what the huge one has"
    );
}

fn steady() -> Value {
    json!({ "fullTransferConfig": { "fullTransferSpeedMode": "STEADY" } })
}
