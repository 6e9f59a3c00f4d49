//! A project that follows its source, and what people do to it.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::OmsServer;
use crate::harness::server::{start_all, wait_for_value};
use crate::harness::{Kind, Options, Rm, Server, wait_until};
use crate::life::{create, datasource};

pub const MINUTES: Duration = Duration::from_secs(120);

/// A project that follows its source.
pub struct Following {
    folder: tempfile::TempDir,
    pub server: OmsServer,
    pub source: Arc<Server>,
    pub target: Arc<Server>,
    pub id: String,
}

impl Following {
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let kinds = [
            (Kind::MySql, Options::default()),
            (Kind::MariaDb, Options::default()),
        ];
        let [source, target] = start_all(kinds).await;
        source
            .exec("CREATE DATABASE a; CREATE TABLE a.t (id INT PRIMARY KEY, v INT); INSERT INTO a.t VALUES (1, 1)")
            .await;
        let server = OmsServer::ready(folder.path()).await;
        let password = url::Url::parse(&source.url_with_password()).expect("a URL");
        let password = password.password().unwrap_or_default().to_owned();
        let from = datasource(&server, "CreateMysqlDataSource", "from", &source, &password).await;
        let to = datasource(&server, "CreateMysqlDataSource", "to", &target, &password).await;
        let mapping = json!({ "mode": "WILDCARD", "tableAndViewWhiteList": ["a.*"] });
        let id = create(&server, "p", &from, &to, mapping).await;
        server
            .call("StartProject", json!({ "id": id }))
            .await
            .data();
        let one = Self {
            folder,
            server,
            source,
            target,
            id,
        };
        one.verified(1).await;
        one
    }

    /// All that the project does by itself is done, and it was verified so often.
    pub async fn verified(&self, times: usize) {
        wait_until("the project to be verified", MINUTES, || async {
            let project = self
                .server
                .call("DescribeProject", json!({ "id": self.id }))
                .await;
            let steps = &project.data()["steps"];
            let status = |name: &str| {
                let all = steps.as_array().into_iter().flatten();
                let step = all.into_iter().find(|s| s["name"] == name);
                step.and_then(|s| s["status"].as_str())
                    .unwrap_or_default()
                    .to_owned()
            };
            let done =
                status("FULL_VERIFIER") == "FINISHED" && status("INCR_TRANSFER") == "MONITORING";
            let runs = self.components("fullVerifyComponents").await.len();
            match done && runs >= times {
                true => Ok(Some(())),
                false => Err(format!("{runs} verifications; {steps:#}")),
            }
        })
        .await;
    }

    pub async fn components(&self, list: &str) -> Vec<Value> {
        let all = self
            .server
            .call("DescribeProjectComponents", json!({ "id": self.id }))
            .await;
        all.data()[list].as_array().cloned().unwrap_or_default()
    }

    /// The newest component of a list.
    pub async fn newest(&self, list: &str) -> Value {
        let mut all = self.components(list).await;
        all.sort_by_key(|c| {
            c["name"]
                .as_str()
                .and_then(|n| n.rsplit(':').next())
                .map(str::to_owned)
        });
        all.pop().expect("a component")
    }

    pub async fn name(&self, list: &str) -> String {
        let newest = self.newest(list).await;
        newest["name"].as_str().expect("a name").to_owned()
    }

    /// Asks for an operation; gives the O&M task's number.
    pub async fn ask(&self, action: &str, body: Value) -> i64 {
        let reply = self.server.call(action, body).await;
        reply.data().as_i64().expect("a number")
    }

    /// The task, when it is in this state.
    pub async fn task(&self, number: i64, status: &str) -> Value {
        wait_until(
            &format!("task {number} to be {status}"),
            MINUTES,
            || async {
                let reply = self
                    .server
                    .call("DescribeOmTask", json!({ "id": number }))
                    .await;
                let task = reply.data().clone();
                match task["status"] == status {
                    true => Ok(Some(task)),
                    false => Err(format!("{task:#}")),
                }
            },
        )
        .await
    }

    /// The task, when it says so of an edit.
    pub async fn task_says(&self, number: i64, key: &str) -> Value {
        wait_until(&format!("task {number} to say {key}"), MINUTES, || async {
            let reply = self
                .server
                .call("DescribeOmTask", json!({ "id": number }))
                .await;
            match reply.body["data"]["extraInfo"][key].is_object() {
                true => Ok(Some(reply.body["data"].clone())),
                false => Err(format!("{:#}", reply.body)),
            }
        })
        .await
    }

    pub async fn rm(&self) -> Rm {
        Rm::open(&self.folder.path().join("rm.db"))
            .await
            .expect("rm")
    }

    /// What the target has of the row that the source has just been given.
    pub async fn follows(&self, value: i32) {
        self.source
            .exec(&format!("UPDATE a.t SET v = {value} WHERE id = 1"))
            .await;
        let wanted = value.to_string();
        wait_for_value(
            &self.target,
            "SELECT v FROM a.t WHERE id = 1",
            &wanted,
            MINUTES,
        )
        .await;
    }
}

/// What an operator does in rm.
pub async fn sql(rm: &Rm, statement: &str) {
    use sea_orm::ConnectionTrait;
    let done = rm.connection().execute_unprepared(statement).await;
    assert!(done.expect(statement).rows_affected() > 0, "{statement}");
}

pub fn subs(task: &Value) -> Vec<String> {
    let subs = task["subTasks"].as_array().into_iter().flatten();
    subs.map(|s| {
        let text = |key: &str| s[key].as_str().unwrap_or_default().to_owned();
        format!("{} {}", text("taskType"), text("status"))
    })
    .collect()
}
