//! Operations on the components of a project that follows its source: each that was answered is an O&M
//! task that is there after the kill and comes to its end, and the project follows as before.

use std::path::{Path, PathBuf};
use std::time::Instant;

use futures::future::BoxFuture;
use rand::RngExt;
use serde_json::{Value, json};

use super::databases::Databases;
use super::player::{Hand, Player, Sent, text};
use super::rm;
use crate::client::OmsServer;
use crate::following::MINUTES;
use crate::harness::server::wait_for_value;
use crate::harness::{same_rows, wait_until};
use crate::life::create;

const ACTIONS: &[&str] = &[
    "StartComponent",
    "PauseComponent",
    "ResumeComponent",
    "RerunComponent",
    "DeleteComponent",
    "UpdateStore",
    "UpdateFullImport",
    "UpdateIncrSync",
    "UpdateFullVerification",
    "RepairProjectStep",
    "RetryOmTask",
    "SkipOmTask",
];
const STORE: &str = "storeList";
const IMPORT: &str = "fullImportComponents";
const SYNC: &str = "incrSyncComponents";
const VERIFIER: &str = "fullVerifyComponents";
/// What the source has for it.
pub const SCHEMA: &str = "CREATE DATABASE op; CREATE TABLE op.t (id INT PRIMARY KEY, v INT);
    INSERT INTO op.t VALUES (1, 1), (2, 2)";

/// One who operates.
pub struct Operator {
    hand: Hand,
    rm: PathBuf,
    project: String,
    /// The numbers that were answered.
    tasks: Vec<i64>,
    /// The next action's parameters.
    aim: Option<Value>,
}

impl Operator {
    /// With a project that is started.
    pub async fn start(hand: Hand, server: &OmsServer, folder: &Path, sides: &[String; 2]) -> Self {
        let mapping = json!({ "mode": "WILDCARD", "tableAndViewWhiteList": ["op.*"] });
        let project = create(server, "operated", &sides[0], &sides[1], mapping).await;
        let by_id = json!({ "id": project });
        server.call("StartProject", by_id).await.data();
        Self {
            hand,
            rm: folder.join("rm.db"),
            project,
            tasks: Vec::new(),
            aim: None,
        }
    }

    /// Components of a kind, the newest last; None where the server is gone.
    async fn components(&self, server: &OmsServer, kind: &str) -> Option<Vec<Value>> {
        let by_id = json!({ "id": self.project });
        let all = server.try_call("DescribeProjectComponents", by_id).await?;
        let mut all = all.data()[kind].as_array().cloned().unwrap_or_default();
        let number = |c: &Value| text(c, "name").rsplit(':').next().map(str::to_owned);
        all.sort_by_key(number);
        Some(all)
    }

    /// The name of the newest one; empty where there is none.
    async fn newest(&self, server: &OmsServer, kind: &str) -> Option<String> {
        let all = self.components(server, kind).await?;
        Some(all.last().map(|c| text(c, "name")).unwrap_or_default())
    }

    /// Tasks in some states, the newest first.
    async fn listed(&self, server: &OmsServer, states: &[&str]) -> Option<Vec<Value>> {
        let body = json!({ "projectId": self.project, "status": states, "pageSize": 150 });
        let reply = server.try_call("ListOmTasks", body).await?;
        Some(reply.data().as_array().cloned().unwrap_or_default())
    }

    /// The action's parameters; None where the server is gone.
    async fn body(&mut self, server: &OmsServer, action: &str) -> Option<Value> {
        let number: u32 = self.hand.rng.random_range(1..5);
        let kinds = [STORE, SYNC, VERIFIER];
        let kind = kinds[self.hand.rng.random_range(0..kinds.len())];
        let update = |key: String, config: Value| json!({ "dimension": "NAME", "key": key, "cmRegion": "", "config": config });
        Some(match action {
            "StartComponent" | "ResumeComponent" | "PauseComponent" => {
                let kind = kinds[self.hand.rng.random_range(0..2)];
                let kind = match self.paused(server).await? {
                    Some(paused) if action != "PauseComponent" => paused,
                    _ => kind,
                };
                json!({ "name": self.newest(server, kind).await? })
            }
            "RerunComponent" => json!({ "name": self.newest(server, kind).await? }),
            "DeleteComponent" => {
                let all = self.components(server, SYNC).await?;
                match all.len() > 1 {
                    true => json!({ "name": all[0]["name"] }),
                    false => json!({ "name": self.newest(server, VERIFIER).await? }),
                }
            }
            "UpdateStore" => {
                let key = self.newest(server, STORE).await?;
                update(key, json!({ "store.clearer.outdated": 3600 + number }))
            }
            "UpdateFullImport" => {
                let key = self.newest(server, IMPORT).await?;
                update(
                    key,
                    json!({ "coordinator": { "throttleRps": 1000 + number } }),
                )
            }
            "UpdateIncrSync" => {
                let key = self.newest(server, SYNC).await?;
                update(key, json!({ "sink": { "workerNum": number } }))
            }
            "UpdateFullVerification" => {
                let key = self.newest(server, VERIFIER).await?;
                update(key, json!({ "limitator.table.diff.max": 100 + number }))
            }
            "RepairProjectStep" => {
                let steps = ["TRANSFER_INCR_LOG_PULL", "INCR_TRANSFER", "FULL_VERIFIER"];
                let step = self.hand.pick(&steps);
                json!({ "id": self.project, "stepName": step })
            }
            "RetryOmTask" | "SkipOmTask" => {
                let failed = self.listed(server, &["FAILED"]).await?;
                json!({ "id": failed.first().map_or(json!(0), |task| task["id"].clone()) })
            }
            other => panic!("{other}"),
        })
    }

    /// The kind of a component that is paused.
    async fn paused(&self, server: &OmsServer) -> Option<Option<&'static str>> {
        for kind in [STORE, SYNC] {
            let all = self.components(server, kind).await?;
            if all.last().is_some_and(|c| c["status"] == "PAUSED") {
                return Some(Some(kind));
            }
        }
        Some(None)
    }

    async fn make(&mut self, server: &OmsServer, action: &'static str) -> Option<()> {
        let body = match self.aim.take() {
            Some(body) => body,
            None => self.body(server, action).await?,
        };
        match self.hand.send(server, action, body).await {
            Sent::Cut => return None,
            Sent::Done(number) => self.tasks.extend(number.as_i64()),
            // another task is at work on it, or it is not in that state
            Sent::Refused(reply) => {
                let expected = [404, 409].contains(&reply.status);
                assert!(expected, "{}: {:#}", self.hand.last, reply.body);
            }
        }
        Some(())
    }

    /// Everything works, and no task is open.
    async fn calm(&mut self, server: &OmsServer) {
        let by_id = json!({ "id": self.project });
        wait_until("the operated project to work", MINUTES, || async {
            let project = server.call("DescribeProject", by_id.clone()).await;
            if project.data()["status"] != "RUNNING" {
                server.call("ResumeProject", by_id.clone()).await;
                return Err(format!("{:#}", project.body));
            }
            for (kind, wanted) in [
                (STORE, "RUNNING"),
                (SYNC, "RUNNING"),
                (VERIFIER, "FINISHED"),
            ] {
                let all = self.components(server, kind).await.expect("the server");
                let newest = all.last().cloned().unwrap_or_default();
                if newest["status"] == "PAUSED" {
                    let by_name = json!({ "name": newest["name"] });
                    server.call("StartComponent", by_name).await;
                }
                // the last one was deleted; one in front of it may be left that was stopped
                let steps = project.data()["steps"].as_array().cloned();
                let mut steps = steps.unwrap_or_default().into_iter();
                let done = steps.any(|s| s["name"] == "FULL_VERIFIER" && s["status"] == "FINISHED");
                if newest.is_null() || kind == VERIFIER && newest["status"] == "STOPPED" && done {
                    let step = json!({ "id": self.project, "stepName": "FULL_VERIFIER" });
                    server.call("RepairProjectStep", step).await;
                }
                if newest["status"] != wanted {
                    return Err(format!("{kind}: {newest:#}"));
                }
            }
            // last: one may have waited for a component that was paused
            let open = ["INITIALIZING", "READY", "IN_PROGRESS"];
            let open = self.listed(server, &open).await.expect("the server");
            if let Some(task) = open.first() {
                let by_id = json!({ "id": task["id"] });
                let task = server.call("DescribeOmTask", by_id.clone()).await;
                let by_id = json!({ "id": self.project });
                let all = server.call("DescribeProjectComponents", by_id).await;
                return Err(format!("{:#}\n{:#}", task.body, all.body));
            }
            Ok(Some(()))
        })
        .await;
    }

    /// Makes a task, and waits for its end.
    async fn done(&mut self, server: &OmsServer, action: &'static str) -> i64 {
        let body = self.body(server, action).await.expect("the server");
        let made = server.call(action, body).await;
        let number = made.data().as_i64().expect("a number");
        self.tasks.push(number);
        self.is(server, number, "SUCCESSFUL").await;
        number
    }

    async fn is(&self, server: &OmsServer, number: i64, status: &str) {
        wait_until(
            &format!("O&M task {number} to be {status}"),
            MINUTES,
            || async {
                let task = server.call("DescribeOmTask", json!({ "id": number })).await;
                match task.data()["status"] == status {
                    true => Ok(Some(())),
                    false => Err(format!("{:#}", task.body)),
                }
            },
        )
        .await;
    }

    async fn ready(&mut self, server: &OmsServer, action: &'static str) {
        self.calm(server).await;
        match action {
            "StartComponent" | "ResumeComponent" => {
                self.done(server, "PauseComponent").await;
            }
            "DeleteComponent" if self.hand.rng.random_bool(0.5) => {
                let name = self.newest(server, SYNC).await;
                let made = server.call("RerunComponent", json!({ "name": name })).await;
                let number = made.data().as_i64().expect("a number");
                self.is(server, number, "SUCCESSFUL").await;
            }
            "RetryOmTask" | "SkipOmTask" => {
                let number = self.done(server, "UpdateFullImport").await;
                // as one that failed stands in rm
                let part = format!(
                    "UPDATE oms_task SET task_status = 'FAILED' WHERE task_group = 'om_{number}'"
                );
                let task = format!(
                    "UPDATE oms_om_task SET task_status = 'FAILED' WHERE id = 'om_{number}'"
                );
                rm::sql(&self.rm, &[part, task]).await;
            }
            _ => {}
        }
        self.aim = self.body(server, action).await;
    }

    async fn look_again(&mut self, server: &OmsServer) {
        for number in &self.tasks {
            let task = server.call("DescribeOmTask", json!({ "id": number })).await;
            task.data();
        }
        // what has failed can be retried, or skipped
        wait_until("failed tasks with what failed", MINUTES, || async {
            for task in self.listed(server, &["FAILED"]).await.expect("the server") {
                let by_id = json!({ "id": task["id"] });
                let task = server.call("DescribeOmTask", by_id).await.data().clone();
                let parts = task["subTasks"].as_array().cloned().unwrap_or_default();
                let failed = parts.iter().any(|part| part["status"] == "FAILED");
                if task["status"] == "FAILED" && !failed {
                    return Err(format!("{task:#}"));
                }
            }
            Ok(Some(()))
        })
        .await;
    }

    /// At the end: no task is open or failed, and the project follows.
    async fn at_the_end(&mut self, server: &OmsServer, databases: &Databases) {
        self.look_again(server).await;
        // what is skipped goes on behind that, and may fail of a component that is another one by now
        let deadline = Instant::now() + MINUTES;
        loop {
            self.calm(server).await;
            let failed = self.listed(server, &["FAILED"]).await.expect("the server");
            if failed.is_empty() {
                break;
            }
            assert!(Instant::now() < deadline, "{failed:#?}");
            for task in failed {
                let by_id = json!({ "id": task["id"] });
                server.call("SkipOmTask", by_id).await.data();
            }
        }
        databases
            .source
            .exec("INSERT INTO op.t VALUES (3, 3)")
            .await;
        let sql = "SELECT COUNT(*) FROM op.t";
        wait_for_value(&databases.target, sql, "3", MINUTES).await;
        same_rows(&databases.source, &databases.target, "op").await;
    }
}

impl Player for Operator {
    fn name(&self) -> &'static str {
        "operator"
    }

    fn actions(&self) -> &'static [&'static str] {
        ACTIONS
    }

    fn prepare<'a>(&'a mut self, server: &'a OmsServer, action: &'static str) -> BoxFuture<'a, ()> {
        Box::pin(self.ready(server, action))
    }

    fn act<'a>(
        &'a mut self,
        server: &'a OmsServer,
        action: &'static str,
    ) -> BoxFuture<'a, Option<()>> {
        Box::pin(self.make(server, action))
    }

    fn settle<'a>(&'a mut self, server: &'a OmsServer) -> BoxFuture<'a, ()> {
        Box::pin(self.look_again(server))
    }

    fn finish<'a>(
        &'a mut self,
        server: &'a OmsServer,
        databases: &'a Databases,
    ) -> BoxFuture<'a, ()> {
        Box::pin(self.at_the_end(server, databases))
    }

    fn hand(&mut self) -> &mut Hand {
        &mut self.hand
    }
}
