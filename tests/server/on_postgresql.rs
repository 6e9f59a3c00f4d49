//! A whole project with rm on PostgreSQL: the database is made, crashes and is away for a while, the
//! server is killed, and the project gets to its proof all the same.

use std::time::Duration;

use serde_json::json;

use crate::client::{OmsServer, PASSWORD};
use crate::harness::server::{start_all, wait_for_value};
use crate::harness::{Kind, Options, Postgres, Workload, WorkloadOptions, same_rows};
use crate::life::{create, datasource};

const MINUTES: Duration = Duration::from_secs(240);

#[tokio::test(flavor = "multi_thread")]
async fn a_project_lives_with_rm_on_postgresql() {
    let folder = tempfile::tempdir().expect("a folder");
    let rm = Postgres::start(&[]).await;
    let [source, target] = start_all([
        (Kind::MySql, Options::default()),
        (Kind::MariaDb, Options::default()),
    ])
    .await;
    source.load_shop().await;
    let url = format!("{}/moves", rm.url_with_password());
    let said = up(&url.replace(":oms-secret", ""), "oms-secret");
    assert!(said.ends_with("/moves is up to date\n"), "{said}");
    assert!(!said.contains("oms-secret"), "{said}");
    let mut server = OmsServer::start_on(folder.path(), None, &url).await;
    server.change_password(PASSWORD).await;
    let secret = url::Url::parse(&source.url_with_password()).expect("a URL");
    let secret = secret.password().unwrap_or_default().to_owned();
    let from = datasource(&server, "CreateMysqlDataSource", "from", &source, &secret).await;
    let to = datasource(&server, "CreateMysqlDataSource", "to", &target, &secret).await;
    let mapping = json!({ "mode": "WILDCARD", "tableAndViewWhiteList": ["shop.*"] });
    let shop = create(&server, "shop", &from, &to, mapping).await;
    let load = Workload::start(
        source.url(),
        WorkloadOptions {
            rate: Some(40.0),
            ..WorkloadOptions::default()
        },
    );
    let by_id = json!({ "id": shop });
    server.call("StartProject", by_id.clone()).await.data();
    server
        .step_is(&shop, "STRUCT_TRANSFER", "FINISHED", MINUTES)
        .await;

    // rm crashes, and comes back
    rm.restart().await;
    server.project_is(&shop, "RUNNING", MINUTES).await;
    // the server is killed
    server.kill9();
    let server = OmsServer::start_on(folder.path(), Some(PASSWORD), &url).await;
    server
        .step_is(&shop, "INCR_TRANSFER", "MONITORING", MINUTES)
        .await;
    server.call("StopProject", by_id.clone()).await.data();
    server.project_is(&shop, "SUSPEND", MINUTES).await;
    server.call("ResumeProject", by_id.clone()).await.data();
    server
        .step_is(&shop, "FULL_VERIFIER", "FINISHED", MINUTES)
        .await;
    let body = json!({ "projectId": shop, "pageSize": 100 });
    let results = server.call("ListProjectFullVerifyResult", body).await;
    assert_eq!(results.data()["differentNumber"], 0, "{:#}", results.body);
    assert_eq!(results.body["totalCount"], 17, "{:#}", results.body);
    load.stop().await;
    source
        .exec("UPDATE shop.warehouses SET capacity = 424242")
        .await;
    let followed = "SELECT COUNT(*) FROM shop.warehouses WHERE capacity <> 424242";
    wait_for_value(&target, followed, "0", MINUTES).await;
    same_rows(&source, &target, "shop").await;

    // what an operator sees, and what nobody sees
    let mut conn = rm.conn("moves").await;
    let seen = crate::harness::postgres::texts(
        &mut conn,
        "SELECT project_status || ', ' || step_name FROM oms_v_projects \
         UNION ALL SELECT row_to_json(d)::text FROM oms_datasource d \
         UNION ALL SELECT row_to_json(a)::text FROM oms_audit_log a",
    )
    .await;
    let projects: Vec<_> = seen
        .iter()
        .filter(|s| s.starts_with("RUNNING, INCR_"))
        .collect();
    assert_eq!(projects.len(), 1, "{seen:?}");
    assert!(seen.len() > 5 && !seen.concat().contains(&secret));
    assert!(!server.log().contains(&secret));

    server.call("StopProject", by_id.clone()).await.data();
    server.project_is(&shop, "SUSPEND", MINUTES).await;
    server.call("ReleaseProject", by_id.clone()).await.data();
    server.project_is(&shop, "RELEASED", MINUTES).await;
    server.call("DeleteProject", by_id).await.data();
    assert_eq!(server.terminate().await, Some(0));
}

/// `oms rm up` on a database that is not there yet.
fn up(url: &str, password: &str) -> String {
    let done = std::process::Command::new(env!("CARGO_BIN_EXE_oms"))
        .args(["rm", "up", "--rm", url])
        .env("OMS_RM_PASSWORD", password)
        .output()
        .expect("oms starts");
    assert!(done.status.success(), "{done:?}");
    String::from_utf8_lossy(&done.stdout).into_owned() + &String::from_utf8_lossy(&done.stderr)
}
