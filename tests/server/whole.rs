//! An action is done as a whole or not at all: where rm refuses its last write, nothing of it is there.
//! And nothing hangs on what is deleted at the same time.

use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::{Value, json};

use crate::client::OmsServer;
use crate::following::MINUTES;
use crate::harness::server::start_all;
use crate::harness::{Kind, Options, Rm, Server, wait_until};
use crate::life::datasource;
use crate::objects_scene::{databases, project};

/// A server, two data sources, and its rm.
struct Scene {
    _folder: tempfile::TempDir,
    server: OmsServer,
    rm: Rm,
}

impl Scene {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let server = OmsServer::ready(folder.path()).await;
        let rm = Rm::open(&folder.path().join("rm.db")).await.expect("rm");
        Self {
            _folder: folder,
            server,
            rm,
        }
    }

    async fn sql(&self, sql: &str) {
        let done = self.rm.connection().execute_unprepared(sql).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    async fn count(&self, sql: &str) -> i64 {
        let statement = Statement::from_string(DbBackend::Sqlite, sql.to_owned());
        let row = self.rm.connection().query_one_raw(statement).await;
        let row = row.expect("counted").expect("a row");
        row.try_get_by_index(0).expect("a number")
    }

    /// Makes an action while rm refuses a kind of write, like `INSERT ON oms_step`.
    async fn refused(&self, write: &str, action: &str, body: Value) {
        self.while_refused(write, async || {
            let reply = self.server.call(action, body.clone()).await;
            reply.refused(503, "MDB-0004", "no such write");
        })
        .await;
    }

    async fn while_refused(&self, write: &str, what: impl AsyncFn()) {
        let refuse = format!(
            "CREATE TRIGGER refusal BEFORE {write} BEGIN SELECT RAISE(ABORT, 'no such write'); END"
        );
        self.sql(&refuse).await;
        what().await;
        self.sql("DROP TRIGGER refusal").await;
    }

    async fn made(&self, action: &str, body: Value) -> String {
        let made = self.server.call(action, body).await;
        made.data().as_str().expect("an id").to_owned()
    }

    async fn labels_of(&self, project: &str) -> Vec<String> {
        let by_id = json!({ "id": project });
        let found = self.server.call("DescribeProject", by_id).await;
        let labels = found.data()["labels"].as_array().cloned();
        let labels = labels.unwrap_or_default();
        let name = |l: &Value| l["name"].as_str().map(str::to_owned);
        labels.iter().filter_map(name).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_change_as_a_whole() {
    let s = Scene::new().await;
    let bob = s.server.user("bob", "USER", "d_default").await;
    let users = s
        .server
        .call("ListUsers", json!({ "searchKey": "bob" }))
        .await;
    let id = users.data()[0]["id"].clone();
    let body = json!({ "name": "ci", "expireDays": 3 });
    let token = s.server.call_as(&bob, "CreateApiToken", body).await;
    let token = token.data()["token"].as_str().expect("a token").to_owned();
    let session = s.server.call_as(&bob, "CreateSession", json!({})).await;
    let session = session.data()["token"]
        .as_str()
        .expect("a token")
        .to_owned();
    let as_before = async || {
        for secret in [&token, &session] {
            let reply = s.server.call_with(secret, "ListUsers", json!({})).await;
            assert_eq!(reply.data()[0]["description"], "", "{:#}", reply.body);
        }
        s.server.call_as(&bob, "ListUsers", json!({})).await.data();
    };
    let other = json!({ "id": id, "description": "other", "password": "Other-Pass_33" });
    for write in [
        "DELETE ON oms_session",
        "DELETE ON oms_api_token",
        "UPDATE OF password_hash ON oms_user",
    ] {
        s.refused(write, "UpdateUser", other.clone()).await;
        as_before().await;
    }
    for write in [
        "DELETE ON oms_user",
        "DELETE ON oms_session",
        "DELETE ON oms_api_token",
    ] {
        s.refused(write, "DeleteUser", json!({ "id": id })).await;
        as_before().await;
    }
    s.while_refused("DELETE ON oms_session", async || {
        let body = json!({ "oldPassword": bob.1, "newPassword": "Newer-Pass_43" });
        let reply = s.server.call_as(&bob, "ChangePassword", body).await;
        reply.refused(503, "MDB-0004", "no such write");
    })
    .await;
    as_before().await;
}

/// Two data sources: each is there with all that belongs to it by one write.
async fn sides(s: &Scene, source: &Server, target: &Server) -> [String; 2] {
    let password = url::Url::parse(&source.url_with_password()).expect("a URL");
    let password = password.password().unwrap_or_default().to_owned();
    s.while_refused("UPDATE ON oms_datasource", async || {
        datasource(
            &s.server,
            "CreateMysqlDataSource",
            "from",
            source,
            &password,
        )
        .await;
        datasource(&s.server, "CreateMysqlDataSource", "to", target, &password).await;
    })
    .await;
    let listed = s.server.call("ListDataSource", json!({})).await;
    let of = |at: usize, key: &str| {
        let text = listed.data()[at][key].as_str().expect("a text");
        assert!(!text.is_empty(), "{:#}", listed.body);
        text.to_owned()
    };
    assert!(of(1, "version").starts_with('9') && of(0, "version").starts_with("10"));
    [of(1, "id"), of(0, "id")]
}

#[tokio::test(flavor = "multi_thread")]
async fn projects_and_labels_change_as_a_whole() {
    let [source, target] = start_all([
        (Kind::MySql, Options::default()),
        (Kind::MariaDb, Options::default()),
    ])
    .await;
    source
        .exec("CREATE DATABASE shop; CREATE TABLE shop.a (id INT PRIMARY KEY); CREATE TABLE shop.b (id INT PRIMARY KEY)")
        .await;
    let s = Scene::new().await;
    let sides = sides(&s, &source, &target).await;
    let red = s.made("CreateLabel", json!({ "name": "red" })).await;
    let blue = s.made("CreateLabel", json!({ "name": "blue" })).await;
    let with_red = |name: &str| {
        let mut body = project(name, &sides, &["shop.a"]);
        body["labelIds"] = json!([red]);
        body
    };
    for write in ["INSERT ON oms_step", "INSERT ON oms_project_label"] {
        s.refused(write, "CreateProject", with_red("one")).await;
        assert_eq!(s.count("SELECT COUNT(*) FROM oms_project").await, 0);
    }
    let one = s.made("CreateProject", with_red("one")).await;
    let two = json!({ "id": one, "name": "two" });
    for write in ["INSERT ON oms_step", "INSERT ON oms_project_label"] {
        s.refused(write, "CloneProject", two.clone()).await;
        assert_eq!(s.count("SELECT COUNT(*) FROM oms_project").await, 1);
    }
    let to_blue = json!({ "id": one, "labelIds": [blue] });
    for write in ["DELETE ON oms_project_label", "INSERT ON oms_project_label"] {
        s.refused(write, "UpdateProjectLabels", to_blue.clone())
            .await;
        assert_eq!(s.labels_of(&one).await, ["red"]);
    }
    let delete = json!({ "id": red, "force": true });
    s.refused("DELETE ON oms_label", "DeleteLabel", delete)
        .await;
    assert_eq!(s.labels_of(&one).await, ["red"]);

    let more = json!({ "id": one, "type": "INCREASE_OBJECT", "databases": databases(&["shop.b"]) });
    let write = "INSERT ON oms_project_modify_record";
    s.refused(write, "CreateProjectModifyRecords", more.clone())
        .await;
    // nothing of it is there, so it can be asked for again
    s.made("CreateProjectModifyRecords", more).await;

    for write in [
        "DELETE ON oms_step",
        "UPDATE OF project_status ON oms_project",
    ] {
        s.refused(write, "DeleteProject", json!({ "id": one }))
            .await;
        assert_eq!(s.labels_of(&one).await, ["red"]);
        let records = s
            .server
            .call("ListProjectModifyRecords", json!({ "id": one }));
        assert_eq!(records.await.data().as_array().map(Vec::len), Some(1));
    }
    s.server
        .call("DeleteProject", json!({ "id": one }))
        .await
        .data();
    let late = s.server.call("UpdateProjectLabels", to_blue).await;
    late.refused(409, "CMP-0003", "is deleted");
    assert_eq!(s.count("SELECT COUNT(*) FROM oms_project_label").await, 0);

    skipped_parts(&s, &sides).await;
}

/// An O&M task whose failed part was to be skipped can be skipped again.
async fn skipped_parts(s: &Scene, sides: &[String; 2]) {
    let id = s
        .made("CreateProject", project("runs", sides, &["shop.a"]))
        .await;
    s.server
        .call("StartProject", json!({ "id": id }))
        .await
        .data();
    let import = wait_until("a copy", MINUTES, || async {
        let all = s
            .server
            .call("DescribeProjectComponents", json!({ "id": id }));
        let all = all.await;
        match all.data()["fullImportComponents"][0]["name"].as_str() {
            Some(name) => Ok(Some(name.to_owned())),
            None => Err(format!("{:#}", all.body)),
        }
    })
    .await;
    let config = json!({ "coordinator": { "throttleRps": 1000 } });
    let body = json!({ "dimension": "NAME", "key": import, "cmRegion": "", "config": config });
    let made = s.server.call("UpdateFullImport", body).await;
    let number = made.data().as_i64().expect("a number");
    let is = async |status: &str, part: &str| {
        wait_until(&format!("{status} with {part}"), MINUTES, || async {
            let task = s
                .server
                .call("DescribeOmTask", json!({ "id": number }))
                .await;
            let data = task.data();
            match data["status"] == status && data["subTasks"][0]["status"] == part {
                true => Ok(Some(())),
                false => Err(format!("{:#}", task.body)),
            }
        })
        .await;
    };
    is("SUCCESSFUL", "FINISHED").await;
    s.sql("UPDATE oms_task SET task_status = 'FAILED' WHERE task_type = 'UPDATE_CONFIG'")
        .await;
    s.sql("UPDATE oms_om_task SET task_status = 'FAILED'").await;
    for action in ["SkipOmTask", "RetryOmTask"] {
        s.refused("UPDATE ON oms_om_task", action, json!({ "id": number }))
            .await;
        is("FAILED", "FAILED").await;
        let write = "UPDATE ON oms_task WHEN OLD.task_type = 'UPDATE_CONFIG'";
        s.refused(write, action, json!({ "id": number })).await;
        is("FAILED", "FAILED").await;
    }
    s.server
        .call("SkipOmTask", json!({ "id": number }))
        .await
        .data();
    is("SUCCESSFUL", "SKIPPED").await;
}

/// A pre-check, once it is in a state.
async fn checked(s: &Scene, project: &str, status: &str) -> Value {
    let by_id = json!({ "id": project });
    wait_until(&format!("a pre-check {status}"), MINUTES, || async {
        let found = s.server.call("GetPreCheckResult", by_id.clone()).await;
        match found.data()["preCheckStatus"] == status {
            true => Ok(Some(found.data().clone())),
            false => Err(format!("{:#}", found.body)),
        }
    })
    .await
}

/// Where rm refuses any write of it, the last check stands as it was.
async fn checks_as_a_whole(s: &Scene, action: &str, body: &Value, more: &[&str]) {
    let look = async || {
        let by_id = json!({ "id": body["id"] });
        let check = s.server.call("GetPreCheckResult", by_id.clone()).await;
        let shown = s.server.call("DescribeProject", by_id).await;
        let keys = ["status", "steps", "transferMapping"];
        let shown: Vec<Value> = keys.iter().map(|key| shown.data()[key].clone()).collect();
        let parts = "SELECT COUNT(*) FROM oms_component WHERE desired_status = 'RUNNING'";
        (check.data().clone(), shown, s.count(parts).await)
    };
    let before = look().await;
    for write in [
        "UPDATE OF step_status ON oms_step",
        "UPDATE OF task_status ON oms_task",
        "INSERT ON oms_component",
        "INSERT ON oms_event",
    ]
    .iter()
    .chain(more)
    {
        s.refused(write, action, body.clone()).await;
        assert_eq!(look().await, before, "{action} without {write}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_begins_as_a_whole() {
    let [source, target] = start_all([
        (Kind::MySql, Options::default()),
        (Kind::MariaDb, Options::default()),
    ])
    .await;
    let tables = "CREATE DATABASE shop; CREATE TABLE shop.a (id INT PRIMARY KEY); \
        CREATE TABLE shop.b (id INT PRIMARY KEY)";
    source.exec(tables).await;
    target.exec(tables).await;
    target
        .exec(
            "CREATE TRIGGER shop.tr AFTER INSERT ON shop.a FOR EACH ROW SET @x = 1; \
             INSERT INTO shop.b VALUES (1)",
        )
        .await;
    let s = Scene::new().await;
    let sides = sides(&s, &source, &target).await;
    let body = project("checked", &sides, &["shop.a", "shop.b"]);
    let id = s.made("CreateProject", body).await;
    let by_id = json!({ "id": id });
    s.server.call("SubmitPreCheck", by_id.clone()).await.data();
    checked(&s, &id, "FAILED").await;
    let skip = json!({
        "id": id, "skipItems": ["DEST-DB_TRIGGER"], "removeItems": ["DEST-RDB_TABLE_EMPTY"],
    });
    let config = "UPDATE OF config ON oms_project";
    checks_as_a_whole(&s, "RetryPreCheck", &skip, &[config]).await;
    s.server.call("RetryPreCheck", skip).await.data();
    checked(&s, &id, "FINISHED").await;
    // what was skipped is not skipped any more, and is checked: both, or neither
    checks_as_a_whole(&s, "SubmitPreCheck", &by_id, &[]).await;
    s.server.call("SubmitPreCheck", by_id.clone()).await.data();
    checked(&s, &id, "FAILED").await;
    s.server.call("StartProject", by_id.clone()).await.data();
    s.server.project_is(&id, "FAILED", MINUTES).await;
    let skip = json!({ "id": id, "skipItems": ["DEST-DB_TRIGGER"] });
    let state = "UPDATE OF project_status ON oms_project";
    checks_as_a_whole(&s, "RetryPreCheck", &skip, &[state]).await;
    s.server.call("RetryPreCheck", skip).await.data();
    let step = "TRANSFER_PRECHECK";
    s.server.step_is(&id, step, "FINISHED", MINUTES).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_hangs_on_what_is_deleted_at_the_same_time() {
    let s = Scene::new().await;
    for _ in 0..6 {
        let department = s.made("CreateDepartment", json!({ "name": "east" })).await;
        let bob = s.server.user("bob", "USER", "d_default").await;
        let users = s
            .server
            .call("ListUsers", json!({ "searchKey": "bob" }))
            .await;
        let id = users.data()[0]["id"].clone();
        let eve = json!({ "account": "eve", "password": "First-Pass_11", "role": "USER", "departmentId": department });
        let token = json!({ "name": "ci", "expireDays": 3 });
        let (made, gone, _, _, deleted) = tokio::join!(
            s.server.call("CreateUser", eve),
            s.server
                .call("DeleteDepartment", json!({ "id": department })),
            s.server.call_as(&bob, "CreateSession", json!({})),
            s.server.call_as(&bob, "CreateApiToken", token),
            s.server.call("DeleteUser", json!({ "id": id })),
        );
        deleted.data();
        assert_ne!(made.status, gone.status, "{:#} {:#}", made.body, gone.body);
        for (what, left) in [
            (
                "a department that is gone",
                "oms_user WHERE department_id NOT IN (SELECT id FROM oms_department) AND department_id <> ''",
            ),
            ("sessions", "oms_session"),
            ("tokens", "oms_api_token"),
        ] {
            let left = s.count(&format!("SELECT COUNT(*) FROM {left}")).await;
            assert_eq!(left, 0, "{what}");
        }
        if made.status == 200 {
            let id = made.data().clone();
            s.server
                .call("DeleteUser", json!({ "id": id }))
                .await
                .data();
            s.server
                .call("DeleteDepartment", json!({ "id": department }))
                .await
                .data();
        }
    }
}
