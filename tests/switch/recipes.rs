//! The recipes of the FAQ (reference 1.3), word for word, against a running server: the two tasks of the
//! switchover, and the limit of their retries.

use std::path::PathBuf;

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement,
};
use serde_json::json;

use crate::harness::{Kind, wait_until};
use crate::scene::{MINUTES, Scene};

/// An operator's connection.
pub struct Rm(DatabaseConnection);

impl Rm {
    pub async fn open(path: PathBuf) -> Self {
        let mut options = ConnectOptions::new(format!("sqlite://{}?mode=rw", path.display()));
        options
            .max_connections(1)
            .sqlx_logging(false)
            .idle_timeout(None)
            .max_lifetime(None);
        Self(Database::connect(options).await.expect("rm"))
    }

    pub async fn one(&self, sql: &str) -> String {
        let statement = Statement::from_string(DbBackend::Sqlite, sql.to_owned());
        let row = self.0.query_one_raw(statement).await.expect("a query");
        row.expect("a row").try_get_by_index(0).expect("text")
    }

    pub async fn run(&self, sql: &str) {
        let statement = Statement::from_string(DbBackend::Sqlite, sql.to_owned());
        let done = self.0.execute_raw(statement).await.expect("an update");
        assert_eq!(done.rows_affected(), 1, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stuck_switchover_is_mended_by_sql() {
    let folder = tempfile::tempdir().expect("a folder");
    let scene = Scene::new(folder.path(), [Kind::MySql, Kind::MySql], 0).await;
    scene.verified().await;
    scene.begin(json!({})).await;
    scene.waits_for("STOP_SOURCE_WRITES").await;
    scene.confirm("STOP_SOURCE_WRITES").await;
    scene.switched().await;
    let rm = Rm::open(folder.path().join("rm.db")).await;
    // SELECT * FROM oms_step WHERE project_id = …, the id of TRANSFER_APP_SWITCH
    let step = rm
        .one(&format!(
            "SELECT id FROM oms_step WHERE project_id = '{}' AND step_name = 'TRANSFER_APP_SWITCH'",
            scene.project
        ))
        .await;
    // SELECT * FROM oms_task WHERE task_group = …
    for task in ["CREATE_DEST_STORE", "CREATE_REVERSE_SYNC"] {
        let of = format!("task_group = '{step}' AND task_type = '{task}'");
        let status = format!("SELECT task_status FROM oms_task WHERE {of}");
        assert_eq!(rm.one(&status).await, "FINISHED");
        let count = format!("SELECT CAST(retry_count AS TEXT) FROM oms_task WHERE {of}");
        rm.run(&format!(
            "UPDATE oms_task SET task_status = 'PENDING', retry_count = 4 WHERE {of}"
        ))
        .await;
        // left alone: the Coordinator has looked at it, and at another project's task behind it
        scene.looked_at_twice().await;
        assert_eq!(rm.one(&status).await, "PENDING", "{task}");
        assert_eq!(rm.one(&count).await, "4", "{task}");
        rm.run(&format!("UPDATE oms_task SET retry_count = 0 WHERE {of}"))
            .await;
        wait_until(&format!("{task} to be FINISHED"), MINUTES, || async {
            match rm.one(&status).await.as_str() {
                "FINISHED" => Ok(Some(())),
                other => Err(other.to_owned()),
            }
        })
        .await;
    }
    scene.switched().await;
    scene
        .target
        .exec("UPDATE bank.accounts SET note = 'behind the repair' WHERE id = 7")
        .await;
    scene.same().await;

    // neither Store nor Incr-Sync of the way back is there any more
    scene.call("StopProject", json!({})).await;
    let back = format!(
        "project_id = '{}' AND step_id = (SELECT id FROM oms_step WHERE project_id = '{0}' AND step_name = 'REVERSE_INCR_TRANSFER')",
        scene.project
    );
    scene
        .at_rest(&["reverseStoreList", "reverseIncrSyncComponents"])
        .await;
    let statement = format!("DELETE FROM oms_component WHERE {back}");
    let statement = Statement::from_string(DbBackend::Sqlite, statement);
    let gone = rm.0.execute_raw(statement).await.expect("a deletion");
    assert_eq!(gone.rows_affected(), 2);
    for task in ["CREATE_DEST_STORE", "CREATE_REVERSE_SYNC"] {
        rm.run(&format!(
            "UPDATE oms_task SET task_status = 'PENDING', retry_count = 0 WHERE task_group = '{step}' AND task_type = '{task}'"
        ))
        .await;
    }
    scene.call("ResumeProject", json!({})).await;
    scene.switched().await;
    scene
        .target
        .exec("UPDATE bank.accounts SET note = 'made anew' WHERE id = 8")
        .await;
    scene.same().await;
}
