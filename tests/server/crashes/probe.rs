//! Projects that are never started, and their labels: one player has them, so what they are is known
//! exactly: name, settings, labels, objects, changes of the objects, steps.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::BoxFuture;
use rand::RngExt;
use serde_json::{Value, json};

use super::player::{Doubt, Hand, Player, list, text};
use crate::client::OmsServer;
use crate::objects_scene::{databases, project};

const ACTIONS: &[&str] = &[
    "CreateLabel",
    "DeleteLabel",
    "CreateProject",
    "CloneProject",
    "RenameProject",
    "UpdateProjectAlarmLevel",
    "UpdateProjectConfig",
    "UpdateProjectLabels",
    "CreateProjectModifyRecords",
    "DeleteProject",
];
/// What names of its things begin with.
const MARK: &str = "probe";
const LABELS: usize = 6;
const PROJECTS: usize = 4;
const STEPS: [&str; 8] = [
    "TRANSFER_PRECHECK",
    "STRUCT_TRANSFER",
    "TRANSFER_INCR_LOG_PULL",
    "FULL_TRANSFER",
    "INDEX_TRANSFER",
    "INCR_TRANSFER",
    "INCR_VERIFIER",
    "FULL_VERIFIER",
];
/// What the source has for it.
pub const SCHEMA: &str = "CREATE DATABASE probe;
    CREATE TABLE probe.a (id INT PRIMARY KEY); CREATE TABLE probe.b (id INT PRIMARY KEY);
    CREATE TABLE probe.c (id INT PRIMARY KEY); CREATE TABLE probe.d (id INT PRIMARY KEY);";
const TABLES: [&str; 4] = ["probe.a", "probe.b", "probe.c", "probe.d"];

/// All of it, by names.
#[derive(Clone, Debug, Default, PartialEq)]
struct World {
    labels: BTreeSet<String>,
    projects: BTreeMap<String, Project>,
}

#[derive(Clone, Debug, PartialEq)]
struct Project {
    alarm: String,
    /// Of the copy, and of incremental synchronization.
    throttles: [u64; 2],
    labels: BTreeSet<String>,
    tables: BTreeSet<String>,
    /// Changes of its objects.
    records: usize,
    steps: Vec<String>,
}

/// One with projects that wait.
pub struct Probe {
    hand: Hand,
    sides: [String; 2],
    doubt: Doubt<World>,
    ids: BTreeMap<String, String>,
}

impl Probe {
    pub fn new(hand: Hand, sides: [String; 2]) -> Self {
        Self {
            hand,
            sides,
            doubt: Doubt::new(World::default()),
            ids: BTreeMap::new(),
        }
    }

    fn fresh(&mut self) -> String {
        format!("{MARK}{}", self.hand.next())
    }

    /// Some of the labels, and what the API calls them.
    fn labels(&mut self) -> (BTreeSet<String>, Vec<String>) {
        let all = self.doubt.sure.labels.clone();
        let some: BTreeSet<String> = all
            .into_iter()
            .filter(|_| self.hand.rng.random_bool(0.5))
            .take(5)
            .collect();
        let ids = some.iter().map(|name| self.ids[name].clone()).collect();
        (some, ids)
    }

    fn project(&mut self) -> Option<String> {
        let all: Vec<String> = self.doubt.sure.projects.keys().cloned().collect();
        self.hand.pick(&all)
    }

    async fn ask(
        &mut self,
        server: &OmsServer,
        action: &'static str,
        body: Value,
        next: World,
    ) -> Option<Value> {
        self.doubt.ask(next);
        let sent = self.hand.send(server, action, body).await;
        self.doubt.learn(&self.hand, sent)
    }

    /// The same, where something is made that gets an id.
    async fn create(
        &mut self,
        server: &OmsServer,
        action: &'static str,
        body: Value,
        next: World,
    ) -> Option<()> {
        let name = text(&body, "name");
        let id = self.ask(server, action, body, next).await?;
        self.ids
            .insert(name, id.as_str().expect("an id").to_owned());
        Some(())
    }

    async fn create_label(&mut self, server: &OmsServer) -> Option<()> {
        let name = self.fresh();
        let mut next = self.doubt.sure.clone();
        next.labels.insert(name.clone());
        let body = json!({ "name": name });
        self.create(server, "CreateLabel", body, next).await
    }

    /// It is taken from the projects that have it.
    async fn delete_label(&mut self, server: &OmsServer) -> Option<()> {
        let all: Vec<String> = self.doubt.sure.labels.iter().cloned().collect();
        let Some(name) = self.hand.pick(&all) else {
            return Some(());
        };
        let mut next = self.doubt.sure.clone();
        next.labels.remove(&name);
        for project in next.projects.values_mut() {
            project.labels.remove(&name);
        }
        let body = json!({ "id": self.ids[&name], "force": true });
        self.ask(server, "DeleteLabel", body, next).await.map(drop)
    }

    async fn create_project(&mut self, server: &OmsServer) -> Option<()> {
        let (name, (labels, ids)) = (self.fresh(), self.labels());
        let mut body = project(&name, &self.sides, &TABLES[..1]);
        body["labelIds"] = ids.into();
        let mut next = self.doubt.sure.clone();
        let made = Project {
            alarm: "LOW".to_owned(),
            throttles: [0, 0],
            labels,
            tables: TABLES[..1].iter().map(|t| (*t).to_owned()).collect(),
            records: 0,
            steps: STEPS.map(str::to_owned).to_vec(),
        };
        next.projects.insert(name, made);
        self.create(server, "CreateProject", body, next).await
    }

    /// The action on one of the projects.
    async fn change(&mut self, server: &OmsServer, action: &'static str) -> Option<()> {
        let Some(name) = self.project() else {
            return Some(());
        };
        let fresh = self.fresh();
        let (labels, label_ids) = self.labels();
        let (number, levels) = (self.hand.next(), ["HIGH", "MEDIUM", "LOW", "IGNORE"]);
        let mut next = self.doubt.sure.clone();
        let project = next.projects.get_mut(&name).expect("it is there");
        let mut body = json!({ "id": self.ids[&name] });
        match action {
            "CloneProject" => {
                let mut clone = project.clone();
                clone.records = 0;
                next.projects.insert(fresh.clone(), clone);
                body["name"] = fresh.into();
                return self.create(server, action, body, next).await;
            }
            "RenameProject" => {
                let project = next.projects.remove(&name).expect("it is there");
                next.projects.insert(fresh.clone(), project);
                body["name"] = fresh.clone().into();
                self.ask(server, action, body, next).await?;
                let id = self.ids.remove(&name).expect("an id");
                self.ids.insert(fresh, id);
                return Some(());
            }
            "UpdateProjectAlarmLevel" => {
                let level = levels[number as usize % 4];
                level.clone_into(&mut project.alarm);
                body["alarmLevel"] = level.into();
            }
            "UpdateProjectConfig" => {
                project.throttles = [number.into(), u64::from(number) + 1];
                body["fullTransferConfig"] = json!({ "throttleRps": project.throttles[0] });
                body["incrTransferConfig"] = json!({ "throttleRps": project.throttles[1] });
            }
            "UpdateProjectLabels" => {
                project.labels = labels;
                body["labelIds"] = label_ids.into();
            }
            "CreateProjectModifyRecords" => {
                let table = TABLES[1 + number as usize % 3];
                let adds = project.tables.insert(table.to_owned());
                if !adds {
                    project.tables.remove(table);
                }
                project.records += 1;
                body["type"] = if adds {
                    "INCREASE_OBJECT"
                } else {
                    "DECREASE_OBJECT"
                }
                .into();
                body["databases"] = databases(&[table]);
            }
            "DeleteProject" => {
                next.projects.remove(&name);
            }
            other => panic!("{other}"),
        }
        self.ask(server, action, body, next).await.map(drop)
    }

    async fn make(&mut self, server: &OmsServer, action: &'static str) -> Option<()> {
        let full = self.doubt.sure.projects.len() >= PROJECTS;
        match action {
            "CreateLabel" if self.doubt.sure.labels.len() >= LABELS => Some(()),
            "CreateLabel" => self.create_label(server).await,
            "DeleteLabel" => self.delete_label(server).await,
            "CreateProject" | "CloneProject" if full => Some(()),
            "CreateProject" => self.create_project(server).await,
            _ => self.change(server, action).await,
        }
    }

    async fn ready(&mut self, server: &OmsServer, action: &'static str) -> Option<()> {
        while self.doubt.sure.labels.len() >= LABELS {
            self.delete_label(server).await?;
        }
        while self.doubt.sure.projects.len() >= PROJECTS {
            self.change(server, "DeleteProject").await?;
        }
        while self.doubt.sure.labels.len() < 3 {
            self.create_label(server).await?;
        }
        if self.doubt.sure.projects.is_empty() {
            self.create_project(server).await?;
        }
        if matches!(action, "CloneProject" | "DeleteProject" | "DeleteLabel") {
            // something is lost where only a part of it is done
            self.change(server, "CreateProjectModifyRecords").await?;
            self.change(server, "UpdateProjectLabels").await?;
        }
        Some(())
    }

    async fn look_again(&mut self, server: &OmsServer) {
        self.hand.again(server).await;
        let mut found = World::default();
        self.ids.clear();
        for row in list(server, "ListAllLabels", json!({})).await {
            let name = text(&row, "name");
            if name.starts_with(MARK) {
                found.labels.insert(name.clone());
                self.ids.insert(name, text(&row, "id"));
            }
        }
        for row in list(server, "ListProjects", json!({ "searchKey": MARK })).await {
            let (name, id) = (text(&row, "name"), text(&row, "id"));
            found
                .projects
                .insert(name.clone(), look(server, &row).await);
            self.ids.insert(name, id);
        }
        self.doubt.settle(&self.hand, found);
    }
}

/// What the API shows of a project.
async fn look(server: &OmsServer, row: &Value) -> Project {
    let by_id = json!({ "id": row["id"] });
    let names = |rows: &[Value], key: &str| rows.iter().map(|row| text(row, key)).collect();
    let labels = row["labels"].as_array().cloned().unwrap_or_default();
    let tables = row["transferMapping"]["tableAndViewWhiteList"].as_array();
    let rps = |key: &str| row[key]["throttleRps"].as_u64().unwrap_or_default();
    let records = list(server, "ListProjectModifyRecords", by_id.clone()).await;
    assert!(
        records.iter().all(|record| record["status"] == "SUCCESS"),
        "{records:#?}"
    );
    let steps = server.call("DescribeProjectSteps", by_id).await;
    let steps: Vec<Value> = steps.data().as_array().cloned().unwrap_or_default();
    assert_eq!(row["status"], "INIT", "{row:#}");
    Project {
        alarm: text(row, "importance"),
        throttles: ["fullTransferConfig", "incrTransferConfig"].map(rps),
        labels: labels.iter().map(|row| text(row, "name")).collect(),
        tables: tables
            .into_iter()
            .flatten()
            .filter_map(|table| table.as_str().map(str::to_owned))
            .collect(),
        records: records.len(),
        steps: names(&steps, "name"),
    }
}

impl Player for Probe {
    fn name(&self) -> &'static str {
        "probe"
    }

    fn actions(&self) -> &'static [&'static str] {
        ACTIONS
    }

    fn prepare<'a>(&'a mut self, server: &'a OmsServer, action: &'static str) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let ready = self.ready(server, action).await;
            ready.expect("the server is there");
        })
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
