//! The end of a project: released, nothing of it is left on any server; deleted, nothing in rm.

use std::path::Path;
use std::time::Duration;

use entity::{oms_component, oms_event, oms_project_label, oms_step};
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use serde_json::json;

use crate::client::OmsServer;
use crate::harness::server::{start_all, wait_for_value};
use crate::harness::{Kind, Options, Rm, Server};
use crate::life::{create, datasource};

const MINUTES: Duration = Duration::from_secs(240);

/// Servers with the databases `a` and `b`, a data source of each, and a project for each database that
/// has followed and verified.
struct Scene {
    server: OmsServer,
    sources: [String; 2],
    projects: [String; 2],
}

async fn scene(folder: &Path, source: &Server, target: &Server, sink: &str) -> Scene {
    for name in ["a", "b"] {
        source
            .exec(&format!(
                "CREATE DATABASE {name}; CREATE TABLE {name}.t (id INT PRIMARY KEY, v INT); \
                 CREATE TABLE {name}.loose (v INT); INSERT INTO {name}.t VALUES (1, 1), (2, 2); \
                 INSERT INTO {name}.loose VALUES (1), (1)"
            ))
            .await;
    }
    let server = OmsServer::ready(folder).await;
    let password = url::Url::parse(&source.url_with_password()).expect("a URL");
    let password = password.password().unwrap_or_default().to_owned();
    let sources = [
        datasource(&server, "CreateMysqlDataSource", "from", source, &password).await,
        datasource(&server, sink, "to", target, &password).await,
    ];
    let mut projects = Vec::new();
    for name in ["a", "b"] {
        let mapping = json!({ "mode": "WILDCARD", "tableAndViewWhiteList": [format!("{name}.*")] });
        let id = create(&server, name, &sources[0], &sources[1], mapping).await;
        server
            .call("StartProject", json!({ "id": id }))
            .await
            .data();
        projects.push(id);
    }
    for id in &projects {
        server
            .step_is(id, "FULL_VERIFIER", "FINISHED", MINUTES)
            .await;
    }
    Scene {
        server,
        sources,
        projects: projects.try_into().expect("two"),
    }
}

impl Scene {
    async fn release(&self, id: &str) {
        let by_id = json!({ "id": id });
        self.server.call("StopProject", by_id.clone()).await.data();
        self.server
            .call("DeleteProject", by_id.clone())
            .await
            .refused(409, "CMP-0003", "SUSPEND");
        self.server.call("ReleaseProject", by_id).await.data();
        self.server.project_is(id, "RELEASED", MINUTES).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_a_released_project() {
    let folder = tempfile::tempdir().expect("a folder");
    let kinds = [
        (Kind::MySql, Options::default()),
        (Kind::MariaDb, Options::default()),
    ];
    let [source, target] = start_all(kinds).await;
    let scene = scene(folder.path(), &source, &target, "CreateMysqlDataSource").await;
    let server = &scene.server;
    let [a, b] = &scene.projects;
    server
        .call("ReleaseProject", json!({ "id": a }))
        .await
        .refused(409, "CMP-0003", "RUNNING");
    let stores = folder.path().join("data").join("store");
    let stores = || std::fs::read_dir(&stores).expect("a folder").count();
    assert_eq!(stores(), 2);
    scene.release(a).await;
    assert_eq!(stores(), 1);
    server
        .call("ResumeProject", json!({ "id": a }))
        .await
        .refused(409, "CMP-0003", "RELEASED");
    // the other one goes on
    source.exec("INSERT INTO a.t VALUES (3, 3); INSERT INTO b.t VALUES (3, 3); INSERT INTO b.loose VALUES (2)").await;
    wait_for_value(&target, "SELECT COUNT(*) FROM b.t", "3", MINUTES).await;
    wait_for_value(&target, "SELECT COUNT(*) FROM b.loose", "3", MINUTES).await;
    wait_for_value(&target, "SELECT COUNT(*) FROM a.t", "2", MINUTES).await;
    let of = |id: &str| {
        format!(
            "SELECT COUNT(*) > 0 FROM omstxndb.oms_txn_progress WHERE component LIKE '{}/%'",
            id.replace('_', "\\_")
        )
    };
    wait_for_value(&target, &of(a), "0", MINUTES).await;
    wait_for_value(&target, &of(b), "1", MINUTES).await;
    let used = server
        .call("DeleteDataSource", json!({ "id": scene.sources[0] }))
        .await;
    used.refused(409, "CMP-0003", "2 projects use it");

    scene.release(b).await;
    assert_eq!(stores(), 0);
    let schemas =
        "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name IN ('omstxndb', 'drc')";
    wait_for_value(&target, schemas, "0", MINUTES).await;
    wait_for_value(&source, schemas, "0", MINUTES).await;
    let replicas =
        "SELECT COUNT(*) FROM information_schema.processlist WHERE command LIKE 'Binlog%'";
    wait_for_value(&source, replicas, "0", MINUTES).await;

    let rm = Rm::open(&folder.path().join("rm.db")).await.expect("rm");
    for id in [a, b] {
        let db = rm.connection();
        let steps = oms_step::Entity::find().filter(oms_step::Column::ProjectId.eq(id));
        assert!(steps.clone().count(db).await.expect("counted") > 0);
        server
            .call("DeleteProject", json!({ "id": id }))
            .await
            .data();
        let components = oms_component::Column::ProjectId.eq(id);
        let components = oms_component::Entity::find().filter(components);
        let events = oms_event::Entity::find().filter(oms_event::Column::ProjectId.eq(id));
        let labels = oms_project_label::Column::ProjectId.eq(id);
        let labels = oms_project_label::Entity::find().filter(labels);
        let left = [
            steps.count(db).await,
            components.count(db).await,
            events.count(db).await,
            labels.count(db).await,
        ];
        assert_eq!(left.map(|n| n.expect("counted")), [0; 4], "{id}");
    }
    rm.close().await;
    assert_eq!(
        server.call("ListProjects", json!({})).await.data(),
        &json!([])
    );
    for id in &scene.sources {
        server
            .call("DeleteDataSource", json!({ "id": id }))
            .await
            .data();
    }
}

/// A target that is gone does not hold its project for ever, and says so.
#[tokio::test(flavor = "multi_thread")]
async fn a_release_whose_target_is_gone_is_forced() {
    let folder = tempfile::tempdir().expect("a folder");
    let kinds = [
        (Kind::MariaDb, Options::default()),
        (Kind::OceanBase, Options::default()),
    ];
    let [source, target] = start_all(kinds).await;
    let scene = scene(folder.path(), &source, &target, "CreateOceanBaseDataSource").await;
    let server = &scene.server;
    let [a, b] = &scene.projects;
    scene.release(a).await;
    let left = format!(
        "SELECT COUNT(*) FROM omstxndb.oms_txn_progress WHERE LEFT(component, {}) = '{a}'",
        a.len()
    );
    wait_for_value(&target, &left, "0", MINUTES).await;
    target.kill9();
    server.call("StopProject", json!({ "id": b })).await.data();
    server
        .call("ReleaseProject", json!({ "id": b }))
        .await
        .data();
    let failed = crate::harness::wait_until("the release to fail", MINUTES, || async {
        let project = server.call("DescribeProject", json!({ "id": b })).await;
        let project = project.data().clone();
        match project["extraInfo"]["errorCode"].is_string() {
            true => Ok(Some(project)),
            false => Err(format!("{project:#}")),
        }
    })
    .await;
    assert_eq!(failed["status"], "RELEASING", "{failed:#}");
    assert_eq!(failed["extraInfo"]["errorCode"], "SRC-0001", "{failed:#}");
    let forced = json!({ "id": b, "force": true });
    server.call("ReleaseProject", forced).await.data();
    server.project_is(b, "RELEASED", MINUTES).await;
    let schemas = "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = 'drc'";
    wait_for_value(&source, schemas, "0", MINUTES).await;
}
