//! Servers, a project, and what tests ask of changes of its objects.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{OmsServer, Reply};
use crate::harness::server::start_all;
use crate::harness::{Kind, Options, Server, compare_tables, wait_until};
use crate::life::datasource;
use crate::objects_load::SCHEMA;

pub const MINUTES: Duration = Duration::from_secs(150);

/// Two servers, a server process, and a project of the old tables.
pub struct Scene {
    pub server: OmsServer,
    pub source: Arc<Server>,
    pub target: Arc<Server>,
    pub sides: [String; 2],
    pub project: String,
}

/// Tables as the API takes them.
pub fn databases(tables: &[&str]) -> Value {
    let mut databases: Vec<Value> = Vec::new();
    for name in tables {
        let (database, table) = name.split_once('.').expect("a name");
        let found = databases.iter_mut().find(|d| d["name"] == database);
        let table = json!({ "name": table });
        match found.and_then(|d| d["tables"].as_array_mut()) {
            Some(tables) => tables.push(table),
            None => databases.push(json!({ "name": database, "tables": [table] })),
        }
    }
    databases.into()
}

/// The parameters of a project of these tables.
pub fn project(name: &str, sides: &[String; 2], tables: &[&str]) -> Value {
    json!({
        "name": name, "type": "MIGRATION", "sourceEndpointId": sides[0], "sinkEndpointId": sides[1],
        "transferMapping": { "mode": "SPECIFIC", "databases": databases(tables) },
        "enableStructTransfer": true, "enableFullTransfer": true, "enableFullVerify": true,
        "enableIncrTransfer": true, "enableIncrVerify": true,
    })
}

impl Scene {
    /// Servers with the tables of [`crate::objects_load`], and a project that was not started.
    pub async fn new(folder: &Path) -> Self {
        let [source, target] = start_all([
            (Kind::MySql, Options::default()),
            (Kind::MariaDb, Options::default()),
        ])
        .await;
        source.exec(SCHEMA).await;
        let server = OmsServer::ready(folder).await;
        let password = url::Url::parse(&source.url_with_password()).expect("a URL");
        let password = password.password().unwrap_or_default().to_owned();
        let sides = [
            datasource(&server, "CreateMysqlDataSource", "from", &source, &password).await,
            datasource(&server, "CreateMysqlDataSource", "to", &target, &password).await,
        ];
        let body = project("shop", &sides, &["shop.old_a", "shop.old_loose"]);
        let made = server.call("CreateProject", body).await;
        let project = made.data().as_str().expect("an id").to_owned();
        Self {
            server,
            source,
            target,
            sides,
            project,
        }
    }

    pub async fn start(&self) {
        let by_id = json!({ "id": self.project });
        self.server.call("StartProject", by_id).await.data();
    }

    pub async fn step_is(&self, step: &str, status: &str) -> Value {
        self.server
            .step_is(&self.project, step, status, MINUTES)
            .await
    }

    /// Asks for a change.
    pub async fn ask(&self, kind: &str, tables: &[&str]) -> Reply {
        let body = json!({ "id": self.project, "type": kind, "databases": databases(tables) });
        self.server.call("CreateProjectModifyRecords", body).await
    }

    /// Asks for a change that is taken; gives its record's id.
    pub async fn change(&self, kind: &str, tables: &[&str]) -> String {
        let reply = self.ask(kind, tables).await;
        reply.data().as_str().expect("an id").to_owned()
    }

    /// Waits until a record is in a state.
    pub async fn record_is(&self, id: &str, status: &str) -> Value {
        let what = format!("change {id} to be {status}");
        wait_until(&what, MINUTES, || async {
            let found = self.record(id).await;
            match found["status"] == status {
                true => Ok(Some(found)),
                false => Err(self.all_of(&found).await),
            }
        })
        .await
    }

    /// A record, and where its projects are.
    async fn all_of(&self, record: &Value) -> String {
        let mut all = format!("{record:#}");
        let child = record["subProjectId"].as_str().unwrap_or_default();
        for id in [self.project.as_str(), child] {
            let found = self
                .server
                .call("DescribeProject", json!({ "id": id }))
                .await;
            let project = &found.body["data"];
            all += &format!("\n{id} {} {:#}", project["status"], project["extraInfo"]);
            for step in project["steps"].as_array().into_iter().flatten() {
                let info = [
                    &step["name"],
                    &step["status"],
                    &step["progress"],
                    &step["extraInfo"],
                ];
                all += &format!("\n{info:?}");
            }
        }
        all
    }

    pub async fn record(&self, id: &str) -> Value {
        let body = json!({ "id": self.project, "pageSize": 100 });
        let listed = self.server.call("ListProjectModifyRecords", body).await;
        let records = listed.data().as_array().cloned().unwrap_or_default();
        let found = records.into_iter().find(|record| record["id"] == id);
        found.unwrap_or_else(|| panic!("no record {id}: {:#}", listed.body))
    }

    pub async fn status(&self, project: &str) -> String {
        let by_id = json!({ "id": project });
        let found = self.server.call("DescribeProject", by_id).await;
        found.data()["status"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }

    /// Waits until tables have the same rows on both sides; nobody writes.
    pub async fn same(&self, tables: &[&str]) {
        wait_until("the same rows on both sides", MINUTES, || async {
            let (mut here, mut there) = (self.source.conn().await, self.target.conn().await);
            let found = compare_tables(&mut here, &mut there, tables, 5).await?;
            match found.is_empty() {
                true => Ok(Some(())),
                false => Err(found.iter().map(ToString::to_string).collect::<String>()),
            }
        })
        .await;
    }

    /// The tables that the last full verification compared, all of them equal.
    pub async fn verified(&self) -> Vec<String> {
        let body = json!({ "projectId": self.project, "pageSize": 100 });
        let results = self.server.call("ListProjectFullVerifyResult", body).await;
        assert_eq!(results.data()["differentNumber"], 0, "{:#}", results.body);
        let tables = results.data()["fullVerifyTableStatistics"]
            .as_array()
            .cloned();
        let name = |t: &Value| {
            let text = |key: &str| t[key].as_str().unwrap_or_default().to_owned();
            format!("{}.{}", text("sourceSchemaName"), text("sourceTableName"))
        };
        let mut names: Vec<String> = tables.iter().flatten().map(name).collect();
        names.sort();
        names
    }
}
