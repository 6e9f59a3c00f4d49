//! Two servers, `oms server`, a project with a way back, and what tests ask of its switchover.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::bank;
use crate::client::OmsServer;
use crate::harness::oms::announce;
use crate::harness::server::start_all;
use crate::harness::{Kind, Options, Server, compare_tables, wait_until};

/// How long anything may take.
pub const MINUTES: Duration = Duration::from_secs(150);

/// The scene.
pub struct Scene {
    pub server: OmsServer,
    pub source: Arc<Server>,
    pub target: Arc<Server>,
    pub project: String,
}

/// A data source of a server.
async fn datasource(server: &OmsServer, name: &str, database: &Server) -> String {
    let url = url::Url::parse(&database.url_with_password()).expect("a URL");
    let action = match database.kind() {
        Kind::OceanBase => "CreateOceanBaseDataSource",
        _ => "CreateMysqlDataSource",
    };
    let body = json!({
        "name": name, "ip": "127.0.0.1", "port": database.port(), "username": url.username(),
        "password": url.password().unwrap_or_default(),
    });
    let reply = server.call(action, body).await;
    reply.data().as_str().expect("an id").to_owned()
}

impl Scene {
    /// A bank at the source, and a project of it that was not started.
    pub async fn new(folder: &Path, kinds: [Kind; 2], seed: u64) -> Self {
        announce(&format!("OMS_SEED={seed} ({kinds:?})"));
        let [source, target] = start_all(kinds.map(|kind| (kind, Options::default()))).await;
        bank::fill(&source).await;
        for side in [&source, &target] {
            bank::account(side).await;
        }
        let server = OmsServer::ready(folder).await;
        let sides = [
            datasource(&server, "from", &source).await,
            datasource(&server, "to", &target).await,
        ];
        let body = json!({
            "name": "bank", "type": "MIGRATION", "sourceEndpointId": sides[0], "sinkEndpointId": sides[1],
            "transferMapping": { "mode": "WILDCARD", "tableAndViewWhiteList": ["bank.*"] },
            "enableStructTransfer": true, "enableFullTransfer": true, "enableFullVerify": true,
            "enableIncrTransfer": true, "enableIncrVerify": true, "enableReverseIncrTransfer": true,
        });
        let made = server.call("CreateProject", body).await;
        let project = made.data().as_str().expect("an id").to_owned();
        Self {
            server,
            source,
            target,
            project,
        }
    }

    /// Starts the project, and waits until everything in front of the switchover is done.
    pub async fn verified(&self) {
        self.call("StartProject", json!({})).await;
        self.step_is("FULL_VERIFIER", "FINISHED").await;
        self.step_is("INCR_TRANSFER", "MONITORING").await;
    }

    /// Asks for an action on the project, which is done.
    pub async fn call(&self, action: &str, more: Value) -> Value {
        self.server
            .call(action, self.body(more))
            .await
            .data()
            .clone()
    }

    /// Parameters, with the project.
    pub fn body(&self, more: Value) -> Value {
        let mut body = more;
        body["id"] = json!(self.project);
        body
    }

    pub async fn step_is(&self, step: &str, status: &str) -> Value {
        self.server
            .step_is(&self.project, step, status, MINUTES)
            .await
    }

    /// Begins the switchover.
    pub async fn begin(&self, more: Value) {
        self.call("StartAppSwitch", more).await;
    }

    /// Waits until the switchover waits for a person's word about this.
    pub async fn waits_for(&self, sub: &str) -> Value {
        self.seen(&format!("the switchover to wait for {sub}"), |state| {
            state["waitsFor"] == sub
        })
        .await
    }

    /// Waits until a sub-step is in a state.
    pub async fn sub_is(&self, sub: &str, status: &str) -> Value {
        self.seen(&format!("{sub} to be {status}"), |state| {
            sub_step(state, sub).is_some_and(|s| s["status"] == status)
        })
        .await
    }

    /// Waits until the switchover looks so.
    pub async fn seen(&self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        wait_until(what, MINUTES, || async {
            let body = self.body(json!({}));
            let Some(reply) = self.server.try_call("DescribeAppSwitch", body).await else {
                return Err("no answer".to_owned());
            };
            let state = reply.body["data"].clone();
            match is(&state) {
                true => Ok(Some(state)),
                false => Err(format!("{state:#}\n{}", self.server.log())),
            }
        })
        .await
    }

    /// Rolls back, wherever it is, and says what is asked for on the way.
    pub async fn roll_back(&self) {
        self.call("RollBackAppSwitch", json!({})).await;
        let state = self
            .seen("the roll-back to be done, or to wait", |state| {
                state["status"] == "INIT" || state["waitsFor"] == "STOP_TARGET_WRITES"
            })
            .await;
        if state["waitsFor"] == "STOP_TARGET_WRITES" {
            self.confirm("STOP_TARGET_WRITES").await;
        }
        self.rolled_back().await;
    }

    /// Waits until the Coordinator has looked at the project twice more: its state is put back from
    /// nonsense, which takes a look each time.
    pub async fn looked_at_twice(&self) {
        let path = self.server.folder().join("rm.db");
        let rm = crate::recipes::Rm::open(path).await;
        for _ in 0..2 {
            rm.run(&format!(
                "UPDATE oms_project SET alarm_level = 'NONSENSE' WHERE id = '{}'",
                self.project
            ))
            .await;
            let level = format!(
                "SELECT alarm_level FROM oms_project WHERE id = '{}'",
                self.project
            );
            wait_until("nonsense to be put back", MINUTES, || async {
                match rm.one(&level).await.as_str() {
                    "NONSENSE" => Err("it is still there"),
                    _ => Ok(Some(())),
                }
            })
            .await;
        }
    }

    /// Waits until the components in these lists are at rest.
    pub async fn at_rest(&self, lists: &[&str]) {
        wait_until("components to be at rest", MINUTES, || async {
            let found = self.call("DescribeProjectComponents", json!({})).await;
            let all = lists.iter().flat_map(|list| found[list].as_array());
            match all.flatten().all(|c| {
                c["status"] == "STOPPED" || c["status"] == "PAUSED" || c["status"] == "STOP"
            }) {
                true => Ok(Some(())),
                false => Err(format!("{found:#}")),
            }
        })
        .await;
    }

    pub async fn confirm(&self, sub: &str) {
        self.call("ConfirmAppSwitch", json!({ "subStep": sub }))
            .await;
    }

    /// Waits until the application can move: the way back follows.
    pub async fn switched(&self) {
        self.seen("the switchover to be done", |state| {
            state["status"] == "FINISHED" && state["reverseStatus"] == "MONITORING"
        })
        .await;
    }

    /// Waits until the switchover is rolled back.
    pub async fn rolled_back(&self) {
        self.seen("the roll-back to be done", |state| {
            state["status"] == "INIT"
        })
        .await;
        self.step_is("INCR_TRANSFER", "MONITORING").await;
    }

    /// Waits until both sides hold the same rows.
    pub async fn same(&self) {
        wait_until("both sides to be equal", MINUTES, || async {
            let mut here = self.source.try_conn().await?;
            let mut there = self.target.try_conn().await?;
            let tables = ["bank.accounts", "bank.ledger"];
            let found = compare_tables(&mut here, &mut there, &tables, 5).await?;
            match found.is_empty() {
                true => Ok(Some(())),
                false => Err(format!("{found:?}")),
            }
        })
        .await;
        bank::require_sum(&self.source).await;
        bank::require_sum(&self.target).await;
    }
}

/// A sub-step of a switchover.
pub fn sub_step<'v>(state: &'v Value, name: &str) -> Option<&'v Value> {
    let mut all = state["subSteps"].as_array()?.iter();
    all.find(|s| s["name"] == name)
}

/// The seed of a test: `OMS_SEED`, or a new one.
pub fn seed() -> u64 {
    let told = std::env::var("OMS_SEED").ok();
    told.and_then(|seed| seed.parse().ok())
        .unwrap_or_else(rand::random)
}
