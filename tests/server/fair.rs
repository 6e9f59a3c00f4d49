//! Many busy projects on one node share it fairly: by rows that were counted at one moment, not by time.
//!
//! All are held by a throttle of one row a second until the last one is where its work begins, and are
//! let go together. What counts is what each has got between two moments: when all had begun, and when
//! the first was done.

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

    /// Waits until a step of all of them runs, lets all go together, and says what each got between the
    /// moment when all had begun and the one when the first was done.
    async fn race(&self, ids: &[String], runs: (&str, &str), all: &[Data], goal: Goal) -> Vec<u64> {
        for id in ids {
            self.server.step_is(id, runs.0, runs.1, MINUTES).await;
        }
        let base = self.counted(all, goal.what).await;
        for id in ids {
            let mut free = json!({ "id": id });
            free[goal.setting] = json!({ "throttleRps": 0 });
            self.server.call("UpdateProjectConfig", free).await.data();
        }
        let begun = wait_until("all to have begun", MINUTES, || async {
            let counts = self.counted(all, goal.what).await;
            match counts.iter().zip(&base).all(|(now, base)| now > base) {
                true => Ok(Some(counts)),
                false => Err(format!("{counts:?}")),
            }
        })
        .await;
        let done = |counts: &[u64]| {
            let mut each = counts.iter().zip(all);
            each.any(|(&count, data)| count >= data.total() * goal.each)
        };
        let ended = wait_until("the first to be done", MINUTES, || async {
            let counts = self.counted(all, goal.what).await;
            match done(&counts) {
                true => Ok(Some(counts)),
                false => Err(format!("{counts:?}")),
            }
        })
        .await;
        announce(&format!(
            "{begun:?} when all had begun, {ended:?} at the end"
        ));
        for ((&count, data), base) in begun.iter().zip(all).zip(&base) {
            let total = data.total() * goal.each - base;
            assert!(
                (count - base) * 2 < total,
                "nothing was measured: one had {count} of {total} when the last began: more rows are needed"
            );
        }
        ended
            .iter()
            .zip(&begun)
            .map(|(end, begin)| end - begin)
            .collect()
    }
}

/// What is counted.
#[derive(Clone, Copy)]
struct Goal {
    /// An aggregate over each table.
    what: &'static str,
    /// How much of it each row has in the end.
    each: u64,
    /// The settings that hold the throttle.
    setting: &'static str,
}

const COPIED: Goal = Goal {
    what: "COUNT(*)",
    each: 1,
    setting: "fullTransferConfig",
};

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
        rows: 120_000,
    });
    let mut ids = Vec::new();
    for data in projects {
        ids.push(scene.project(data, held("STEADY")).await);
    }
    scene.all("StartProjectsByLabel").await;
    let shares = scene
        .race(&ids, ("FULL_TRANSFER", "RUNNING"), &projects, COPIED)
        .await;
    even("rows copied while all copied", &shares);
}

#[tokio::test(flavor = "multi_thread")]
async fn six_equal_backlogs_go_down_alike() {
    let scene = Scene::new().await;
    let projects = SIX.map(|database| Data {
        database,
        tables: 1,
        rows: 2000,
    });
    let rounds = 100;
    let mut ids = Vec::new();
    for data in projects {
        let incr =
            json!({ "enableIncrTransfer": true, "incrTransferConfig": { "throttleRps": 1 } });
        ids.push(scene.project(data, incr).await);
    }
    scene.all("StartProjectsByLabel").await;
    for id in &ids {
        let follows = scene
            .server
            .step_is(id, "INCR_TRANSFER", "MONITORING", MINUTES);
        follows.await;
    }
    // each row so often, in many small transactions, all projects at the same time
    let backlogs = projects.map(|Data { database, rows, .. }| {
        let source = Arc::clone(&scene.source);
        tokio::spawn(async move {
            let mut conn = source.conn().await;
            for _ in 0..rounds {
                for first in (1..=rows).step_by(50) {
                    let last = first + 49;
                    let sql = format!(
                        "UPDATE {database}.t0 SET v = v + 1 WHERE id BETWEEN {first} AND {last}"
                    );
                    conn.query_drop(sql).await.expect("updated");
                }
            }
        })
    });
    for backlog in backlogs {
        backlog.await.expect("no panic");
    }
    let goal = Goal {
        what: "SUM(v)",
        each: rounds,
        setting: "incrTransferConfig",
    };
    let shares = scene
        .race(&ids, ("INCR_TRANSFER", "MONITORING"), &projects, goal)
        .await;
    even("changes applied while all applied", &shares);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_project_has_its_share_beside_a_huge_one() {
    let scene = Scene::new().await;
    let data = |database, tables, rows| Data {
        database,
        tables,
        rows,
    };
    let huge = data("huge", 8, 150_000);
    let small = data("small", 4, 60_000);
    // one asks for eight times as much at the same time as the other; as many as the other has are half of
    // the node
    let first = scene.project(huge, held_with(32)).await;
    let second = scene.project(small, held_with(4)).await;
    scene.all("StartProjectsByLabel").await;
    let all = [huge, small];
    let runs = ("FULL_TRANSFER", "RUNNING");
    let shares = scene.race(&[first, second], runs, &all, COPIED).await;
    announce(&format!("rows of the huge and the small one: {shares:?}"));
    assert!(
        shares[1] * 2 >= shares[0],
        "{shares:?}: the small one has less than half of what the huge one has"
    );
}

/// A copy with so many workers, held by its throttle.
fn held_with(workers: u32) -> Value {
    json!({ "fullTransferConfig": {
        "fullTransferSpeedMode": "CUSTOM", "readWorkerNum": workers, "writeWorkerNum": workers, "throttleRps": 1,
    } })
}

/// A copy in a mode, held by its throttle.
fn held(mode: &str) -> Value {
    json!({ "fullTransferConfig": { "fullTransferSpeedMode": mode, "throttleRps": 1 } })
}
