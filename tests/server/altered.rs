//! A column that is added at the source while the copy is paused: the target's table has no place for it
//! until the log is replayed.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::OmsServer;
use crate::harness::compare::same_rows;
use crate::harness::server::start_all;
use crate::harness::{Kind, Options, Server};
use crate::life::datasource;

const MINUTES: Duration = Duration::from_secs(180);

struct Scene {
    server: OmsServer,
    source: Arc<Server>,
    target: Arc<Server>,
    id: String,
    _folder: TempDir,
}

impl Scene {
    /// A project whose copy was paused after its first rows.
    async fn paused(kinds: [Kind; 2], incr: bool) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let [source, target] = start_all(kinds.map(|kind| (kind, Options::default()))).await;
        source
            .exec(
                "CREATE DATABASE a; CREATE TABLE a.t (id INT PRIMARY KEY, v VARCHAR(20)); \
                 CREATE TABLE a.u (id INT PRIMARY KEY, v VARCHAR(20)); \
                 INSERT INTO a.t VALUES (1, 'one'), (2, 'two'), (3, 'three'), (4, 'four'); \
                 INSERT INTO a.u SELECT id + 4, v FROM a.t",
            )
            .await;
        let server = OmsServer::ready(folder.path()).await;
        let password = url::Url::parse(&source.url_with_password()).expect("a URL");
        let password = password.password().unwrap_or_default().to_owned();
        let action = "CreateMysqlDataSource";
        let from = datasource(&server, action, "from", &source, &password).await;
        let action = match kinds[1] {
            Kind::OceanBase => "CreateOceanBaseDataSource",
            _ => action,
        };
        let to = datasource(&server, action, "to", &target, &password).await;
        let body = json!({
            "name": "p", "type": "MIGRATION", "sourceEndpointId": from, "sinkEndpointId": to,
            "transferMapping": { "mode": "WILDCARD", "tableAndViewWhiteList": ["a.*"] },
            "enableStructTransfer": true, "enableFullTransfer": true, "enableFullVerify": true,
            "enableIncrTransfer": incr, "fullTransferConfig": { "throttleRps": 1 },
        });
        let made = server.call("CreateProject", body).await;
        let id = made.data().as_str().expect("an id").to_owned();
        let by_id = json!({ "id": id });
        server.call("StartProject", by_id.clone()).await.data();
        server
            .step_is(&id, "FULL_TRANSFER", "RUNNING", MINUTES)
            .await;
        server.call("StopProject", by_id).await.data();
        server.project_is(&id, "SUSPEND", MINUTES).await;
        Self {
            server,
            source,
            target,
            id,
            _folder: folder,
        }
    }

    async fn goes_on(&self) {
        let free = json!({ "id": self.id, "fullTransferConfig": { "throttleRps": 0 } });
        self.server.call("UpdateProjectConfig", free).await.data();
        let by_id = json!({ "id": self.id });
        self.server.call("ResumeProject", by_id).await.data();
    }

    async fn step_is(&self, step: &str, status: &str) -> Value {
        self.server.step_is(&self.id, step, status, MINUTES).await
    }
}

async fn the_log_brings_it(kinds: [Kind; 2]) {
    let scene = Scene::paused(kinds, true).await;
    scene
        .source
        .exec(
            "UPDATE a.t SET v = 'before' WHERE id = 1; \
             ALTER TABLE a.t ADD COLUMN c INT NOT NULL DEFAULT 7; \
             UPDATE a.t SET c = 9 WHERE id = 2; INSERT INTO a.t VALUES (9, 'nine', 99), (10, 'ten', 100); \
             ALTER TABLE a.t ADD COLUMN x INT; UPDATE a.t SET x = id WHERE id > 2; \
             ALTER TABLE a.t CHANGE x y BIGINT; DELETE FROM a.t WHERE id = 10",
        )
        .await;
    scene.goes_on().await;
    scene.step_is("FULL_VERIFIER", "FINISHED").await;
    same_rows(&scene.source, &scene.target, "a").await;
    let verified = scene
        .server
        .call("ListProjectFullVerifyResult", json!({ "id": scene.id }));
    let verified = verified.await;
    assert!(
        !verified.body.to_string().contains("INCONSISTENT"),
        "{:#}",
        verified.body
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_brings_an_added_column_to_mariadb() {
    the_log_brings_it([Kind::MariaDb, Kind::MariaDb]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_brings_an_added_column_to_oceanbase() {
    the_log_brings_it([Kind::MySql, Kind::OceanBase]).await;
}

/// Nobody would ever bring its values: that is said, and mended by hand.
#[tokio::test(flavor = "multi_thread")]
async fn without_a_log_an_added_column_is_an_error_until_the_target_has_it() {
    let scene = Scene::paused([Kind::MariaDb, Kind::MariaDb], false).await;
    let alter = "ALTER TABLE a.t ADD COLUMN c INT NOT NULL DEFAULT 7";
    scene.source.exec(alter).await;
    scene.source.exec("UPDATE a.t SET c = id").await;
    scene.goes_on().await;
    let failed = scene.step_is("FULL_TRANSFER", "FAILED").await.to_string();
    for says in ["SRC-0009", "a.t", "has no c", "does not follow the log"] {
        assert!(failed.contains(says), "{says}: {failed}");
    }
    scene.target.exec(alter).await;
    let by_id = json!({ "id": scene.id });
    scene.server.call("ResumeProject", by_id).await.data();
    scene
        .server
        .project_is(&scene.id, "FINISHED", MINUTES)
        .await;
    same_rows(&scene.source, &scene.target, "a").await;
}
