//! Projects that anybody may start, pause, release and delete at any moment, with their labels,
//! components and O&M tasks. Little is known of them, but what was answered once stays: a project that was
//! started is never new again, one that was deleted is gone.

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use rand::RngExt;
use serde_json::{Value, json};

use super::player::{Hand, Player, Sent, list, text};
use super::switch;
use crate::client::OmsServer;
use crate::following::MINUTES;
use crate::harness::wait_until;

const ACTIONS: &[&str] = &[
    "StartProject",
    "StopProject",
    "ResumeProject",
    "ReleaseProject",
    "DeleteProject",
    "SubmitPreCheck",
    "RetryPreCheck",
    "StartProjectsByLabel",
    "StopProjectsByLabel",
    "CreateProject",
    "CloneProject",
    "RenameProject",
    "UpdateProjectConfig",
    "UpdateProjectAlarmLevel",
    "UpdateProjectLabels",
    "CreateLabel",
    "DeleteLabel",
    "operate",
    "operate",
    "switch",
];
/// What the source has for it.
pub const SCHEMA: &str = "CREATE DATABASE shop; CREATE TABLE shop.t (id INT PRIMARY KEY, v INT);
    INSERT INTO shop.t VALUES (1, 1)";
/// What names of projects begin with that all of them use, and of those that one has for itself.
const SHARED: &str = "any";
const OWN: &str = "own";
/// Projects that all of them use, at most.
const MOST: usize = 8;

/// How far a project is in its life; it never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Age {
    New,
    Started,
    Ended,
    Deleted,
}

impl Age {
    /// Of a state.
    fn of(status: &str) -> Self {
        match status {
            "INIT" => Self::New,
            "RELEASING" | "RELEASED" => Self::Ended,
            "DELETED" => Self::Deleted,
            _ => Self::Started,
        }
    }
}

/// What may be there.
#[derive(Default)]
struct Seen {
    projects: Vec<String>,
    labels: Vec<String>,
    components: Vec<String>,
    om_tasks: Vec<i64>,
}

/// One of those who do anything.
pub struct Chaos {
    hand: Hand,
    sides: [String; 2],
    seen: Seen,
    /// The project, and the label, that the next action is about.
    aim: Option<(String, String)>,
    /// What was answered of projects.
    told: BTreeMap<String, Age>,
    /// A label that was made for an action.
    label: Option<String>,
}

impl Chaos {
    pub fn new(hand: Hand, sides: [String; 2]) -> Self {
        Self {
            hand,
            sides,
            seen: Seen::default(),
            aim: None,
            told: BTreeMap::new(),
            label: None,
        }
    }

    async fn look(&mut self, server: &OmsServer) {
        let mut seen = Seen::default();
        for project in list(server, "ListProjects", json!({})).await {
            let (id, name) = (text(&project, "id"), text(&project, "name"));
            if !name.starts_with(SHARED) {
                continue;
            }
            let by_id = json!({ "id": id });
            let all = server.call("DescribeProjectComponents", by_id).await;
            let lists = all.data().as_object().into_iter().flat_map(|l| l.values());
            let components = lists.filter_map(Value::as_array).flatten();
            seen.components.extend(components.map(|c| text(c, "name")));
            seen.projects.push(id);
        }
        for label in list(server, "ListAllLabels", json!({})).await {
            if text(&label, "name").starts_with('l') {
                seen.labels.push(text(&label, "id"));
            }
        }
        for task in list(server, "ListOmTasks", json!({})).await {
            let of = text(&task, "projectId");
            if seen.projects.contains(&of) {
                seen.om_tasks.extend(task["id"].as_i64());
            }
        }
        self.seen = seen;
    }

    fn create(&mut self, name: &str, labels: &[String]) -> Value {
        let mut chance = |p: f64| self.hand.rng.random_bool(p);
        let follows = chance(0.7);
        json!({
            "name": name, "type": "MIGRATION",
            "sourceEndpointId": self.sides[0], "sinkEndpointId": self.sides[1],
            "transferMapping": { "mode": "WILDCARD", "tableAndViewWhiteList": ["shop.*"] },
            "enableStructTransfer": chance(0.5), "enableFullTransfer": true,
            "enableFullVerify": chance(0.5), "enableIncrTransfer": follows,
            "enableReverseIncrTransfer": follows && chance(0.5),
            "labelIds": labels,
        })
    }

    fn some_name(&mut self, mark: &str) -> String {
        format!("{mark}{}", self.hand.rng.random_range(0..1_000_000_u32))
    }

    /// A random action on a component, or on an O&M task.
    fn operation(&mut self) -> (&'static str, Value) {
        let component = self.hand.pick(&self.seen.components);
        let component = component.unwrap_or_else(|| "none".to_owned());
        let task = self.hand.pick(&self.seen.om_tasks).unwrap_or_default();
        let by_name = json!({ "name": component });
        match self.hand.rng.random_range(0..10) {
            0 => ("PauseComponent", by_name),
            1 | 2 => ("StartComponent", by_name),
            3 => ("RerunComponent", by_name),
            4 => ("DeleteComponent", by_name),
            5 => ("ResumeComponent", by_name),
            6 => ("RetryOmTask", json!({ "id": task })),
            7 => ("SkipOmTask", json!({ "id": task })),
            8 => {
                let project = self.hand.pick(&self.seen.projects);
                (
                    "RepairProjectStep",
                    json!({ "id": project.unwrap_or_default(), "stepName": "FULL_TRANSFER" }),
                )
            }
            _ => {
                let config =
                    json!({ "sink": { "workerNum": self.hand.rng.random_range(1..5_u32) } });
                let body = json!({
                    "dimension": "NAME", "key": component, "cmRegion": "", "config": config,
                });
                ("UpdateIncrSync", body)
            }
        }
    }

    /// A random action on a project's switchover.
    fn switch(&mut self) -> (&'static str, Value) {
        let action = self.hand.pick(switch::ACTIONS).expect("an action");
        let project = self.hand.pick(&self.seen.projects).unwrap_or_default();
        let mut body = json!({ "id": project });
        if ["ConfirmAppSwitch", "RetryAppSwitch", "SkipAppSwitch"].contains(&action) {
            let parts = [
                "STOP_SOURCE_WRITES",
                "PROCESS_DB_OBJECTS",
                "STOP_TARGET_WRITES",
            ];
            body["subStep"] = self.hand.pick(&parts).into();
        }
        (action, body)
    }

    fn body(&mut self, action: &'static str) -> (&'static str, Value) {
        let (project, label) = match self.aim.take() {
            Some(aim) => aim,
            None => (
                self.hand.pick(&self.seen.projects).unwrap_or_default(),
                self.hand.pick(&self.seen.labels).unwrap_or_default(),
            ),
        };
        let number: u32 = self.hand.rng.random_range(1..100);
        let labels: Vec<String> = match label.is_empty() {
            true => Vec::new(),
            false => vec![label.clone()],
        };
        let body = match action {
            "CreateProject" => {
                let name = self.some_name(SHARED);
                self.create(&name, &labels)
            }
            "CloneProject" | "RenameProject" => {
                json!({ "id": project, "name": self.some_name(SHARED) })
            }
            "UpdateProjectConfig" => {
                json!({ "id": project, "incrTransferConfig": { "throttleRps": number } })
            }
            "UpdateProjectAlarmLevel" => json!({ "id": project, "alarmLevel": "HIGH" }),
            "UpdateProjectLabels" => json!({ "id": project, "labelIds": labels }),
            "CreateLabel" => json!({ "name": self.some_name("l") }),
            "DeleteLabel" => json!({ "id": label, "force": true }),
            "StartProjectsByLabel" | "StopProjectsByLabel" => json!({ "id": label }),
            "operate" => return self.operation(),
            "switch" => return self.switch(),
            _ => json!({ "id": project }),
        };
        (action, body)
    }

    /// What an answer says of projects.
    fn note(&mut self, action: &str, body: &Value, data: &Value) {
        let mut note = |id: &Value, age: Age| {
            let id = id.as_str().expect("an id").to_owned();
            let known = self.told.entry(id).or_insert(age);
            *known = age.max(*known);
        };
        match action {
            "CreateProject" | "CloneProject" => {
                note(data, Age::New);
                self.seen.projects.extend(data.as_str().map(str::to_owned));
            }
            "CreateLabel" => self.seen.labels.extend(data.as_str().map(str::to_owned)),
            "StartProject" | "StopProject" | "ResumeProject" => note(&body["id"], Age::Started),
            "ReleaseProject" => note(&body["id"], Age::Ended),
            "DeleteProject" => note(&body["id"], Age::Deleted),
            "StartProjectsByLabel" | "StopProjectsByLabel" => {
                for id in data["succeedProjectIds"].as_array().into_iter().flatten() {
                    note(id, Age::Started);
                }
            }
            _ => {}
        }
    }

    async fn make(&mut self, server: &OmsServer, action: &'static str) -> Option<()> {
        let makes = ["CreateProject", "CloneProject"].contains(&action);
        if makes && self.seen.projects.len() >= MOST {
            return Some(());
        }
        let (action, body) = self.body(action);
        match self.hand.send(server, action, body.clone()).await {
            Sent::Cut => return None,
            Sent::Done(data) => self.note(action, &body, &data),
            Sent::Refused(reply) => {
                let expected = [400, 404, 409].contains(&reply.status);
                assert!(expected, "{}: {:#}", self.hand.last, reply.body);
            }
        }
        Some(())
    }

    /// A project that nobody else knows, in front of an action.
    async fn ready(&mut self, server: &OmsServer, action: &'static str) {
        if ["operate", "switch"].contains(&action) {
            return;
        }
        if let Some(old) = self.label.take() {
            let body = json!({ "id": old, "force": true });
            server.call("DeleteLabel", body).await;
        }
        let label = json!({ "name": self.some_name(OWN) });
        let label = server.call("CreateLabel", label).await;
        let label = label.data().as_str().expect("an id").to_owned();
        self.label = Some(label.clone());
        let name = self.some_name(OWN);
        let made = self.create(&name, std::slice::from_ref(&label));
        let made = server.call("CreateProject", made).await;
        let id = made.data().as_str().expect("an id").to_owned();
        let by_id = json!({ "id": id });
        let before: &[&str] = match action {
            "StopProject" | "StopProjectsByLabel" => &["StartProject"],
            "ResumeProject" | "ReleaseProject" => &["StartProject", "StopProject"],
            "RetryPreCheck" => &["SubmitPreCheck"],
            _ => &[],
        };
        for action in before {
            let reply = server.call(action, by_id.clone()).await;
            self.note(action, &by_id, reply.data());
        }
        if action == "RetryPreCheck" {
            wait_until("the pre-check's end", MINUTES, || async {
                let found = server.call("GetPreCheckResult", by_id.clone()).await;
                let status = text(found.data(), "preCheckStatus");
                match ["FINISHED", "FAILED"].contains(&status.as_str()) {
                    true => Ok(Some(())),
                    false => Err(format!("{:#}", found.body)),
                }
            })
            .await;
        }
        self.aim = Some((id, label));
    }

    async fn look_again(&mut self, server: &OmsServer) {
        self.aim = None;
        for (id, age) in &self.told {
            let found = server.call("DescribeProject", json!({ "id": id })).await;
            let status = text(found.data(), "status");
            assert!(Age::of(&status) >= *age, "{id} is {status}, was {age:?}");
        }
        self.told.retain(|_, age| *age < Age::Deleted);
        self.look(server).await;
    }
}

impl Player for Chaos {
    fn name(&self) -> &'static str {
        "chaos"
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

    fn hand(&mut self) -> &mut Hand {
        &mut self.hand
    }
}
