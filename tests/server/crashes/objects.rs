//! Tables added to projects and removed from them: one project follows its source, another one is parked
//! in front of its pre-check, where additions wait and can be cancelled.

use std::sync::Arc;

use futures::future::BoxFuture;
use serde_json::{Value, json};

use super::databases::Databases;
use super::player::{Doubt, Hand, Player, Sent, list, text};
use crate::client::OmsServer;
use crate::following::MINUTES;
use crate::harness::{Server, compare_tables, wait_until};
use crate::objects_scene::{databases, project};

const ACTIONS: &[&str] = &[
    "CreateProjectModifyRecords",
    "CancelProjectModifyRecord",
    "StopProjectModifyRecords",
    "RetryProjectModifyRecords",
];
/// What the source has for it; tables that are added are made when they are needed.
pub const SCHEMA: &str = "CREATE DATABASE obj; CREATE TABLE obj.first (id INT PRIMARY KEY, v INT);
    INSERT INTO obj.first VALUES (1, 1);
    CREATE TABLE obj.parked (id INT PRIMARY KEY); CREATE TABLE obj.waiting (id INT PRIMARY KEY)";
/// The end of a change.
const ENDS: [&str; 3] = ["SUCCESS", "TERMINATED", "CANCEL"];

/// One who changes objects.
pub struct Objects {
    hand: Hand,
    source: Arc<Server>,
    follows: String,
    parked: String,
    /// The states of the parked project's changes, the newest last.
    doubt: Doubt<Vec<String>>,
    /// Changes of the one that follows that were answered, with the state that was asked for.
    told: Vec<(String, &'static str)>,
    /// The change, or the table, that the next action is about.
    aim: Option<String>,
}

impl Objects {
    pub async fn start(
        hand: Hand,
        server: &OmsServer,
        sides: &[String; 2],
        databases: &Databases,
    ) -> Self {
        let mut ids = Vec::new();
        for (name, table) in [("follows", "obj.first"), ("parked", "obj.parked")] {
            let made = server
                .call("CreateProject", project(name, sides, &[table]))
                .await;
            ids.push(made.data().as_str().expect("an id").to_owned());
        }
        for id in &ids {
            let by_id = json!({ "id": id });
            server.call("StartProject", by_id.clone()).await.data();
            if *id == ids[1] {
                server.call("StopProject", by_id).await.data();
            }
        }
        let [follows, parked] = ids.try_into().expect("two");
        Self {
            hand,
            source: databases.source.clone(),
            follows,
            parked,
            doubt: Doubt::new(Vec::new()),
            told: Vec::new(),
            aim: None,
        }
    }

    /// The changes of a project, the newest last; None where the server is gone.
    async fn records(&self, server: &OmsServer, project: &str) -> Option<Vec<Value>> {
        let body = json!({ "id": project, "pageSize": 150 });
        let reply = server.try_call("ListProjectModifyRecords", body).await?;
        let mut records = reply.data().as_array().cloned().unwrap_or_default();
        records.reverse();
        Some(records)
    }

    /// The one change that is not at its end.
    async fn open(&self, server: &OmsServer) -> Option<Option<Value>> {
        let records = self.records(server, &self.follows).await?;
        let open = |record: &Value| !ENDS.contains(&text(record, "status").as_str());
        Some(records.into_iter().find(open))
    }

    /// A new table at the source, by its name.
    async fn table(&mut self) -> String {
        let name = format!("obj.t{}", self.hand.next());
        let sql =
            format!("CREATE TABLE {name} (id INT PRIMARY KEY); INSERT INTO {name} VALUES (1)");
        self.source.exec(&sql).await;
        name
    }

    async fn add(&mut self, server: &OmsServer, table: &str) -> Option<()> {
        let body = json!({
            "id": self.follows, "type": "INCREASE_OBJECT", "databases": databases(&[table]),
        });
        let sent = self
            .hand
            .send(server, "CreateProjectModifyRecords", body)
            .await;
        self.learn(sent, "").map(drop)
    }

    /// What became of a request about the project that follows.
    fn learn(&mut self, sent: Sent, state: &'static str) -> Option<()> {
        match sent {
            Sent::Cut => return None,
            Sent::Done(Value::String(id)) => self.told.push((id, state)),
            Sent::Done(_) => {}
            Sent::Refused(reply) => {
                let expected = reply.status == 409;
                assert!(expected, "{}: {:#}", self.hand.last, reply.body);
            }
        }
        Some(())
    }

    async fn about(&mut self, server: &OmsServer, action: &'static str) -> Option<()> {
        let id = match self.aim.take() {
            Some(id) => id,
            None => match self.open(server).await? {
                Some(record) => text(&record, "id"),
                None => return Some(()),
            },
        };
        let sent = self.hand.send(server, action, json!({ "id": id })).await;
        if let Sent::Done(_) = &sent
            && action == "StopProjectModifyRecords"
        {
            self.told.push((id, "TERMINATED"));
        }
        self.learn(sent, "")
    }

    /// The parked project's: added, and cancelled.
    async fn wait(&mut self, server: &OmsServer) -> Option<()> {
        let mut next = self.doubt.sure.clone();
        let waits = next.last().is_some_and(|state| state == "PENDING");
        let (action, body) = match waits {
            true => {
                let records = self.records(server, &self.parked).await?;
                let id = records.last().map(|record| record["id"].clone());
                next.pop();
                next.push("CANCEL".to_owned());
                ("CancelProjectModifyRecord", json!({ "id": id }))
            }
            false => {
                next.push("PENDING".to_owned());
                let tables = databases(&["obj.waiting"]);
                let body =
                    json!({ "id": self.parked, "type": "INCREASE_OBJECT", "databases": tables });
                ("CreateProjectModifyRecords", body)
            }
        };
        self.doubt.ask(next);
        let sent = self.hand.send(server, action, body).await;
        self.doubt.learn(&self.hand, sent).map(drop)
    }

    async fn make(&mut self, server: &OmsServer, action: &'static str) -> Option<()> {
        match action {
            "CancelProjectModifyRecord" => self.wait(server).await,
            "CreateProjectModifyRecords" if self.aim.is_some() => {
                let table = self.aim.take().unwrap_or_default();
                self.add(server, &table).await
            }
            "CreateProjectModifyRecords" if self.open(server).await?.is_some() => {
                self.wait(server).await
            }
            "CreateProjectModifyRecords" => {
                let table = self.table().await;
                self.add(server, &table).await
            }
            _ => self.about(server, action).await,
        }
    }

    /// Waits until the open change is in one of these states, or there is none.
    async fn reaches(&self, server: &OmsServer, states: &[&str]) -> Option<Value> {
        let what = format!("the change to be {states:?}, or at its end");
        wait_until(&what, MINUTES, || async {
            match self.open(server).await.expect("the server") {
                None => Ok(Some(None)),
                Some(record) if states.contains(&text(&record, "status").as_str()) => {
                    Ok(Some(Some(record)))
                }
                Some(record) => Err(format!("{record:#}")),
            }
        })
        .await
    }

    /// No change is open.
    async fn over(&mut self, server: &OmsServer) {
        if let Some(record) = self.reaches(server, &["RUNNING", "FAILED"]).await {
            let by_id = json!({ "id": record["id"] });
            // it may have come to its end meanwhile
            server.call("StopProjectModifyRecords", by_id).await;
            assert_eq!(self.reaches(server, &[]).await, None);
        }
    }

    async fn ready(&mut self, server: &OmsServer, action: &'static str) {
        let by_id = json!({ "id": self.follows });
        wait_until("the project to follow", MINUTES, || async {
            let project = server.call("DescribeProject", by_id.clone()).await;
            let project = project.data();
            let status = text(project, "status");
            let follows = project["extraInfo"]["monitoringIncr"] == true;
            match status.starts_with("RUNNING") && follows {
                true => Ok(Some(())),
                false => Err(format!("{project:#}")),
            }
        })
        .await;
        let there = Some(());
        match action {
            "CancelProjectModifyRecord" => {
                while self
                    .doubt
                    .sure
                    .last()
                    .is_none_or(|state| state != "PENDING")
                {
                    assert_eq!(self.wait(server).await, there);
                }
            }
            "CreateProjectModifyRecords" => {
                self.over(server).await;
                self.aim = Some(self.table().await);
            }
            "StopProjectModifyRecords" | "RetryProjectModifyRecords" => {
                self.over(server).await;
                let table = self.table().await;
                assert_eq!(self.add(server, &table).await, there);
                if action == "RetryProjectModifyRecords" {
                    // it fails of a table that is gone
                    self.source.exec(&format!("DROP TABLE {table}")).await;
                    self.reaches(server, &["FAILED"]).await;
                    let sql = format!("CREATE TABLE {table} (id INT PRIMARY KEY)");
                    self.source.exec(&sql).await;
                } else {
                    self.reaches(server, &["RUNNING", "FAILED"]).await;
                }
                let open = self.open(server).await.expect("the server");
                self.aim = open.map(|record| text(&record, "id"));
            }
            other => panic!("{other}"),
        }
    }

    async fn look_again(&mut self, server: &OmsServer) {
        let found = self
            .records(server, &self.parked)
            .await
            .expect("the server");
        let found = found.iter().map(|record| text(record, "status")).collect();
        self.doubt.settle(&self.hand, found);
        let records = self
            .records(server, &self.follows)
            .await
            .expect("the server");
        for (id, state) in &self.told {
            let found = records.iter().find(|record| record["id"] == **id);
            let found = found.unwrap_or_else(|| panic!("no change {id} in {records:#?}"));
            assert!(state.is_empty() || found["status"] == *state, "{found:#}");
        }
    }

    /// At the end: every change is at its end, and the project has what was added.
    async fn at_the_end(&mut self, server: &OmsServer, databases: &Databases) {
        if let Some(record) = self.reaches(server, &["FAILED"]).await {
            let by_id = json!({ "id": record["id"] });
            server.call("StopProjectModifyRecords", by_id).await.data();
        }
        let mut tables: Vec<String> = vec!["obj.first".to_owned()];
        for record in self
            .records(server, &self.follows)
            .await
            .expect("the server")
        {
            if record["status"] == "SUCCESS" {
                let added = record["tables"].as_array().cloned().unwrap_or_default();
                tables.extend(added.iter().filter_map(|t| t.as_str().map(str::to_owned)));
            }
        }
        let listed = list(server, "ListProjects", json!({ "searchKey": self.follows })).await;
        let mut has: Vec<String> =
            serde_json::from_value(listed[0]["transferMapping"]["tableAndViewWhiteList"].clone())
                .expect("a list");
        has.sort();
        tables.sort();
        assert_eq!(has, tables);
        let names: Vec<&str> = tables.iter().map(String::as_str).collect();
        wait_until("the same rows on both sides", MINUTES, || async {
            let (mut here, mut there) =
                (databases.source.conn().await, databases.target.conn().await);
            let found = compare_tables(&mut here, &mut there, &names, 5).await?;
            match found.is_empty() {
                true => Ok(Some(())),
                false => Err(found.iter().map(ToString::to_string).collect::<String>()),
            }
        })
        .await;
    }
}

impl Player for Objects {
    fn name(&self) -> &'static str {
        "objects"
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
