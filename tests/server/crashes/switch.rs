//! The switchover of a project that follows its source: begun, confirmed, retried, skipped and rolled back
//! while the server is killed. What was answered holds after the start, and at the end the project follows
//! as before. (Rows that are written meanwhile, on both sides, are the matter of `tests/switch`.)

use std::path::{Path, PathBuf};

use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::databases::Databases;
use super::player::{Hand, Player, Sent, text};
use super::rm;
use crate::client::OmsServer;
use crate::following::MINUTES;
use crate::harness::server::wait_for_value;
use crate::harness::{same_rows, wait_until};

pub const ACTIONS: &[&str] = &[
    "RehearseAppSwitch",
    "StartAppSwitch",
    "ConfirmAppSwitch",
    "RetryAppSwitch",
    "SkipAppSwitch",
    "RollBackAppSwitch",
];
/// What the source has for it.
pub const SCHEMA: &str = "CREATE DATABASE sw; CREATE TABLE sw.t (id INT PRIMARY KEY, v INT);
    INSERT INTO sw.t VALUES (1, 1), (2, 2)";
/// Sub-steps that actions are about.
const STOP_SOURCE: &str = "STOP_SOURCE_WRITES";
const STOP_TARGET: &str = "STOP_TARGET_WRITES";
const CHECK: &str = "SWITCH_PRECHECK";
const OBJECTS: &str = "PROCESS_DB_OBJECTS";
/// The sub-steps of a switchover, in their order.
const PARTS: [&str; 8] = [
    "START_SWITCH",
    CHECK,
    "CREATE_DEST_STORE",
    STOP_SOURCE,
    "REACH_STOP_POSITION",
    "STOP_FORWARD_SYNC",
    OBJECTS,
    "CREATE_REVERSE_SYNC",
];

/// What the last answers say of the switchover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// It may be anywhere.
    Nothing,
    /// It has begun, and was not taken back.
    Begun,
    /// It is taken back, or was.
    Back,
}

/// One who switches.
pub struct Switch {
    hand: Hand,
    rm: PathBuf,
    project: String,
    told: Told,
    /// Sub-steps of the way forth, and the state that was answered.
    ended: Vec<(String, &'static str)>,
    /// One that was done was said to have failed, with SQL.
    edited: bool,
    /// What the next action is about.
    aim: Option<&'static str>,
}

impl Switch {
    /// With a project that is started.
    pub async fn start(hand: Hand, server: &OmsServer, folder: &Path, sides: &[String; 2]) -> Self {
        let body = json!({
            "name": "switched", "type": "MIGRATION",
            "sourceEndpointId": sides[0], "sinkEndpointId": sides[1],
            "transferMapping": { "mode": "WILDCARD", "tableAndViewWhiteList": ["sw.*"] },
            "enableStructTransfer": true, "enableFullTransfer": true, "enableFullVerify": true,
            "enableIncrTransfer": true, "enableReverseIncrTransfer": true,
        });
        let made = server.call("CreateProject", body).await;
        let project = made.data().as_str().expect("an id").to_owned();
        let by_id = json!({ "id": project });
        server.call("StartProject", by_id).await.data();
        Self {
            hand,
            rm: folder.join("rm.db"),
            project,
            told: Told::Nothing,
            ended: Vec::new(),
            edited: false,
            aim: None,
        }
    }

    fn body(&mut self, action: &str) -> Value {
        let aim = self.aim.take();
        let mut of = |parts: &[&'static str]| match aim {
            Some(part) => part,
            None => self.hand.pick(parts).expect("one"),
        };
        let part = match action {
            "ConfirmAppSwitch" => of(&[STOP_SOURCE, STOP_TARGET]),
            "RetryAppSwitch" => of(&PARTS),
            "SkipAppSwitch" => of(&[OBJECTS, CHECK]),
            _ => return json!({ "id": self.project }),
        };
        json!({ "id": self.project, "subStep": part })
    }

    async fn make(&mut self, server: &OmsServer, action: &'static str) -> Option<()> {
        let body = self.body(action);
        let part = text(&body, "subStep");
        let before = self.told;
        if ["StartAppSwitch", "RollBackAppSwitch"].contains(&action) {
            self.told = Told::Nothing;
        }
        match self.hand.send(server, action, body).await {
            Sent::Cut => return None,
            Sent::Done(_) => match action {
                "StartAppSwitch" => {
                    self.told = Told::Begun;
                    self.ended.clear();
                    self.edited = false;
                }
                "RollBackAppSwitch" => {
                    self.told = Told::Back;
                    self.ended.clear();
                }
                "ConfirmAppSwitch" if part == STOP_SOURCE => self.ended.push((part, "FINISHED")),
                "SkipAppSwitch" => self.ended.push((part, "SKIPPED")),
                _ => {}
            },
            // it is not in that state
            Sent::Refused(reply) => {
                let code = text(&reply.body, "code");
                let said = reply.status == 409 && ["CMP-0003", "MDB-0007"].contains(&code.as_str());
                assert!(said, "{}: {:#}", self.hand.last, reply.body);
                self.told = before;
            }
        }
        Some(())
    }

    async fn state(&self, server: &OmsServer) -> Value {
        let by_id = json!({ "id": self.project });
        let state = server.call("DescribeAppSwitch", by_id).await;
        state.data().clone()
    }

    async fn seen(&self, server: &OmsServer, what: &str, is: impl Fn(&Value) -> bool) {
        wait_until(&format!("the switchover: {what}"), MINUTES, || async {
            let state = self.state(server).await;
            match is(&state) {
                true => Ok(Some(())),
                false => Err(format!("{state:#}")),
            }
        })
        .await;
    }

    /// It was never begun, or is rolled back, and the project follows.
    async fn calm(&mut self, server: &OmsServer) {
        let by_id = json!({ "id": self.project });
        wait_until("no switchover", MINUTES, || async {
            let state = self.state(server).await;
            if state["status"] == "INIT" {
                let project = server.call("DescribeProject", by_id.clone()).await;
                if project.data()["status"] != "RUNNING" {
                    server.call("ResumeProject", by_id.clone()).await;
                    return Err(format!("{:#}", project.body));
                }
                let steps = server.call("DescribeProjectSteps", by_id.clone()).await;
                let step = |name: &str, status: &str| {
                    let all = steps.data().as_array().into_iter().flatten();
                    all.into_iter()
                        .any(|s| s["name"] == name && s["status"] == status)
                };
                let follows = step("INCR_TRANSFER", "MONITORING");
                return match follows && step("FULL_VERIFIER", "FINISHED") {
                    true => Ok(Some(())),
                    false => Err(format!("{:#}", steps.body)),
                };
            }
            if state["way"] == "FORWARD" {
                let back = server.call("RollBackAppSwitch", by_id.clone()).await;
                if back.status != 200 {
                    server.call("ResumeProject", by_id.clone()).await;
                }
            } else if state["waitsFor"] == STOP_TARGET {
                let body = json!({ "id": self.project, "subStep": STOP_TARGET });
                server.call("ConfirmAppSwitch", body).await;
            } else if let Some(failed) = failed(&state) {
                let body = json!({ "id": self.project, "subStep": failed });
                server.call("RetryAppSwitch", body).await;
            }
            Err(format!("{state:#}"))
        })
        .await;
        self.told = Told::Nothing;
        self.ended.clear();
        self.edited = false;
    }

    async fn ready(&mut self, server: &OmsServer, action: &'static str) {
        self.calm(server).await;
        if ["RehearseAppSwitch", "StartAppSwitch"].contains(&action) {
            return;
        }
        let by_id = json!({ "id": self.project });
        server.call("StartAppSwitch", by_id).await.data();
        self.seen(server, "it waits for a person", |state| {
            state["waitsFor"] == STOP_SOURCE
        })
        .await;
        self.told = Told::Begun;
        self.aim = match action {
            "ConfirmAppSwitch" => Some(STOP_SOURCE),
            "SkipAppSwitch" => Some(OBJECTS),
            "RetryAppSwitch" => {
                // as one that failed stands in rm
                let failed = format!(
                    "UPDATE oms_task SET task_status = 'FAILED' WHERE task_type = '{CHECK}' AND
                        task_group IN (SELECT id FROM oms_step WHERE project_id = '{}')",
                    self.project
                );
                rm::sql(&self.rm, &[failed]).await;
                self.edited = true;
                Some(CHECK)
            }
            _ => None,
        };
    }

    /// What was answered is there, and the sub-steps were done one after the other.
    async fn look_again(&mut self, server: &OmsServer) {
        let state = self.state(server).await;
        let (status, way) = (text(&state, "status"), text(&state, "way"));
        match self.told {
            Told::Nothing => {}
            Told::Begun => assert!(status != "INIT" && way == "FORWARD", "{state:#}"),
            Told::Back => assert!(status == "INIT" || way == "BACK", "{state:#}"),
        }
        let parts = state["subSteps"].as_array().cloned().unwrap_or_default();
        if status == "INIT" || way != "FORWARD" {
            return;
        }
        let names: Vec<String> = parts.iter().map(|part| text(part, "name")).collect();
        assert_eq!(names, PARTS, "{state:#}");
        let is_done = |part: &Value| part["status"] == "FINISHED" || part["status"] == "SKIPPED";
        let after = parts.iter().skip_while(|part| is_done(part)).skip(1);
        let mut early = after.filter(|part| !["PENDING", "SKIPPED"].contains(&status_of(part)));
        assert!(self.edited || early.next().is_none(), "{state:#}");
        if self.told == Told::Begun {
            for (name, ended) in &self.ended {
                let part = parts.iter().find(|part| part["name"] == **name);
                let found = part.map(status_of);
                assert_eq!(found, Some(*ended), "{name}: {state:#}");
            }
        }
    }

    async fn at_the_end(&mut self, server: &OmsServer, databases: &Databases) {
        self.calm(server).await;
        databases
            .source
            .exec("INSERT INTO sw.t VALUES (3, 3)")
            .await;
        let sql = "SELECT COUNT(*) FROM sw.t";
        wait_for_value(&databases.target, sql, "3", MINUTES).await;
        same_rows(&databases.source, &databases.target, "sw").await;
    }
}

fn status_of(part: &Value) -> &str {
    part["status"].as_str().unwrap_or_default()
}

/// The sub-step that failed, if one did.
fn failed(state: &Value) -> Option<String> {
    let mut parts = state["subSteps"].as_array()?.iter();
    let failed = parts.find(|part| part["status"] == "FAILED")?;
    Some(text(failed, "name"))
}

impl Player for Switch {
    fn name(&self) -> &'static str {
        "switch"
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
