//! What is particular to an rm database on PostgreSQL.

use std::time::Duration;

use oms::metadata::{
    ComponentType, DesiredStatus, MetaErrorKind, Metadata, NewComponent, Written, new_id,
};
use sea_orm::sqlx::{self, Connection, Executor, PgConnection, Row};
use serde_json::json;

use super::project;
use crate::harness::{Postgres, process, wait_until};

/// The database that the suite has filled.
const DATABASE: &str = "oms_rm";

/// Runs every test that is for PostgreSQL alone.
pub async fn suite(server: &Postgres) {
    text_is_compared_and_sorted_byte_by_byte(server).await;
    a_session_is_as_the_repositories_need_it(server).await;
    a_newer_claim_and_an_older_write_cannot_pass_each_other(server).await;
    a_lock_is_waited_for_and_tried_again(server).await;
    what_cannot_hold_rm_says_why(server).await;
    many_migrate_an_empty_database_at_once(server).await;
    a_half_made_schema_is_completed(server).await;
    connections_come_back_after_a_crash(server).await;
    tls_is_as_the_url_says().await;
}

async fn opened(server: &Postgres, database: &str) -> Metadata {
    let url = format!("{}/{database}", server.url_with_password());
    Metadata::open(&url).await.expect("opens")
}

async fn one(conn: &mut PgConnection, sql: &str) -> String {
    let row = conn.fetch_one(sqlx::AssertSqlSafe(sql.to_owned())).await;
    let row = row.unwrap_or_else(|error| panic!("{sql}: {error}"));
    row.try_get(0).expect("a text")
}

async fn text_is_compared_and_sorted_byte_by_byte(server: &Postgres) {
    // a database that somebody made, with an order of its own
    server
        .exec(
            "postgres",
            "CREATE DATABASE icu ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'en' LOCALE 'C' \
             TEMPLATE template0",
        )
        .await;
    let meta = opened(server, "icu").await;
    meta.migrate().await.expect("migrated");
    for name in ["b", "B", "a", "A", "ä"] {
        meta.labels().create(name).await.expect("no name is taken");
    }
    let labels = meta.labels().list().await.expect("a list");
    let names: Vec<&str> = labels.iter().map(|label| label.name.as_str()).collect();
    assert_eq!(names, ["A", "B", "a", "b", "ä"]);
    meta.close().await.expect("closes");
}

async fn a_session_is_as_the_repositories_need_it(server: &Postgres) {
    let meta = opened(server, DATABASE).await;
    meta.ping().await.expect("a session");
    let mut conn = server.conn(DATABASE).await;
    // the settings of another session cannot be read; what it does with them can
    server
        .exec(DATABASE, "CREATE TABLE IF NOT EXISTS seen (what text)")
        .await;
    server
        .exec(
            DATABASE,
            "CREATE OR REPLACE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
             INSERT INTO seen VALUES (current_setting('transaction_isolation') || ', ' || \
             current_setting('synchronous_commit')); RETURN NEW; END $$; \
             CREATE TRIGGER see AFTER INSERT ON oms_label FOR EACH ROW EXECUTE FUNCTION see()",
        )
        .await;
    let label = meta.labels().create("seen").await.expect("a label");
    let seen = one(&mut conn, "SELECT what FROM seen").await;
    assert_eq!(seen, "read committed, on");
    meta.labels().delete(&label.id).await.expect("deleted");
    server
        .exec(
            DATABASE,
            "DROP TRIGGER see ON oms_label; DROP FUNCTION see; DROP TABLE seen",
        )
        .await;
    meta.close().await.expect("closes");
}

/// The old Coordinator's write waits for the new one's claim, and finds itself fenced.
async fn a_newer_claim_and_an_older_write_cannot_pass_each_other(server: &Postgres) {
    let meta = opened(server, DATABASE).await;
    let project = project(&meta).await;
    let id = format!("n:{}:0000000001", project.id);
    let new = NewComponent {
        id: id.clone(),
        project_id: project.id.clone(),
        step_id: "s_x".to_owned(),
        kind: ComponentType::Store,
        desired_status: DesiredStatus::Running,
        node: "n".to_owned(),
        config: json!({}),
        checkpoint: json!({}),
    };
    meta.components().create(new).await.expect("made");
    let mut claimer = server.conn(DATABASE).await;
    let mut claim = claimer.begin().await.expect("begun");
    let sql = format!(
        "UPDATE oms_project SET epoch = 9 WHERE id = '{}'",
        project.id
    );
    claim
        .execute(sqlx::AssertSqlSafe(sql))
        .await
        .expect("not committed yet");
    let write = {
        let (meta, id) = (meta.clone(), id.clone());
        tokio::spawn(async move {
            meta.components()
                .set_desired(&id, DesiredStatus::Stopped, 5)
                .await
        })
    };
    let watcher = server.conn(DATABASE).await;
    let waiting = "SELECT CAST(count(*) AS text) FROM pg_stat_activity \
                   WHERE application_name = 'oms' AND wait_event_type = 'Lock'";
    let watcher = tokio::sync::Mutex::new(watcher);
    wait_until("the write to wait", Duration::from_secs(20), || async {
        let mut conn = watcher.lock().await;
        let found = one(&mut conn, waiting).await;
        match found.as_str() {
            "0" => Err(found),
            _ => Ok(Some(())),
        }
    })
    .await;
    claim.commit().await.expect("committed");
    let written = write.await.expect("no panic").expect("an answer");
    assert_eq!(written, Written::Fenced { found: 9 });
    let component = meta.components().get(&id).await.expect("there");
    assert_eq!(component.desired_status, DesiredStatus::Running);
    meta.close().await.expect("closes");
}

/// A deadlock and a serialisation failure come out of a trigger: both are tried again.
async fn a_lock_is_waited_for_and_tried_again(server: &Postgres) {
    let meta = opened(server, DATABASE).await;
    for state in ["40001", "40P01", "55P03"] {
        server
            .exec(
                DATABASE,
                &format!(
                    "CREATE SEQUENCE tries; CREATE OR REPLACE FUNCTION fail() RETURNS trigger \
                     LANGUAGE plpgsql AS $$ BEGIN IF nextval('tries') < 4 THEN \
                     RAISE EXCEPTION 'not now' USING ERRCODE = '{state}'; END IF; \
                     RETURN NEW; END $$; CREATE TRIGGER fail BEFORE INSERT ON oms_user \
                     FOR EACH ROW EXECUTE FUNCTION fail()"
                ),
            )
            .await;
        let account = new_id("u").replace(|c: char| c.is_ascii_digit(), "x");
        let user = oms::metadata::NewUser {
            account: account.clone(),
            password_hash: "none".to_owned(),
            role: oms::metadata::UserRole::User,
            department_id: String::new(),
            mail: String::new(),
            phone: String::new(),
            description: String::new(),
            must_change: false,
        };
        // an insert that must not be done twice: certainly not done, so it is
        let made = meta.users().create(user).await;
        assert_eq!(made.expect("made at the fourth try").account, account);
        server
            .exec(
                DATABASE,
                "DROP TRIGGER fail ON oms_user; DROP FUNCTION fail; DROP SEQUENCE tries",
            )
            .await;
    }
    meta.close().await.expect("closes");
}

async fn what_cannot_hold_rm_says_why(server: &Postgres) {
    server
        .exec(
            "postgres",
            "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0",
        )
        .await;
    server
        .exec(
            "postgres",
            "CREATE ROLE reader LOGIN PASSWORD 'reader-secret'; \
             REVOKE CREATE ON DATABASE oms_rm FROM PUBLIC",
        )
        .await;
    let refused = async |url: String, says: &str| {
        let error = match Metadata::open(&url).await {
            Ok(meta) => meta.migrate().await.expect_err("not allowed"),
            Err(error) => error,
        };
        assert_eq!(error.kind(), MetaErrorKind::Refused, "{error}");
        let text = format!("{error} {error:?}");
        assert!(text.contains(says), "{says}: {text}");
        assert!(!text.contains("-secret"), "{text}");
    };
    refused(format!("{}/latin", server.url_with_password()), "LATIN1").await;
    let reader = server
        .url_with_password()
        .replace("oms:oms-secret", "reader:reader-secret");
    refused(format!("{reader}/icu"), "permission denied").await;
    refused(format!("{reader}/none"), "permission denied").await;
    refused(
        format!("{reader}/%zz").replace("reader-secret", "wrong-secret"),
        "",
    )
    .await;
}

async fn many_migrate_an_empty_database_at_once(server: &Postgres) {
    let mut nodes = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let url = format!("{}/at_once", server.url_with_password());
        nodes.spawn(async move {
            let meta = Metadata::open(&url).await.expect("opens");
            meta.migrate().await.expect("migrates");
            meta.close().await.expect("closes");
        });
    }
    nodes.join_all().await;
    let meta = opened(server, "at_once").await;
    assert!(meta.labels().list().await.expect("a table").is_empty());
    meta.close().await.expect("closes");
}

/// The connection ends in the midst of a migration: nothing of it is there, and the next one makes all.
async fn a_half_made_schema_is_completed(server: &Postgres) {
    let meta = opened(server, "half").await;
    server
        .exec(
            "half",
            "CREATE FUNCTION stop() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN \
             IF EXISTS (SELECT 1 FROM pg_event_trigger_ddl_commands() \
             WHERE object_identity LIKE '%oms_metric') THEN \
             PERFORM pg_terminate_backend(pg_backend_pid()); END IF; END $$; \
             CREATE EVENT TRIGGER stop ON ddl_command_end EXECUTE FUNCTION stop()",
        )
        .await;
    let error = meta.migrate().await.expect_err("the connection ends");
    assert_eq!(error.kind(), MetaErrorKind::Unreachable, "{error}");
    let mut conn = server.conn("half").await;
    let tables = "SELECT CAST(count(*) AS text) FROM pg_tables WHERE tablename LIKE 'oms%'";
    assert_eq!(one(&mut conn, tables).await, "0");
    server
        .exec("half", "DROP EVENT TRIGGER stop; DROP FUNCTION stop")
        .await;
    meta.migrate().await.expect("all of it");
    assert_ne!(one(&mut conn, tables).await, "0");
    meta.close().await.expect("closes");
}

async fn connections_come_back_after_a_crash(server: &Postgres) {
    let meta = opened(server, DATABASE).await;
    let project = project(&meta).await;
    server.restart().await;
    let found = meta.projects().get(&project.id).await;
    assert_eq!(found.expect("the commit is on disk").id, project.id);
    // ended one by one, as an operator does, while they are idle
    let sql =
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'oms'";
    server.exec("postgres", sql).await;
    let value = json!("again");
    let set = meta.configs().set("after a crash", &value).await;
    set.expect("a new connection");
    server.kill9();
    let error = meta.ping().await.expect_err("nobody answers");
    assert_eq!(error.kind(), MetaErrorKind::Unreachable, "{error}");
    server.restart().await;
    meta.ping().await.expect("it is there again");
    meta.close().await.expect("closes");
}

/// `sslmode` and `sslrootcert` of the URL are obeyed.
async fn tls_is_as_the_url_says() {
    let keys = tempfile::tempdir().expect("a folder");
    let given = process::root().join("tests/harness/tls");
    let owned = ["server.pem", "server.key"].map(|name| {
        let path = keys.path().join(name);
        std::fs::copy(given.join(name), &path).expect("copied");
        path.display().to_string()
    });
    readable_by_the_server(keys.path(), &owned);
    let file = |name: &str| given.join(name).display().to_string();
    let server = Postgres::start(&[
        "ssl=on",
        &format!("ssl_cert_file={}", owned[0]),
        &format!("ssl_key_file={}", owned[1]),
    ])
    .await;
    let open = async |query: String| {
        let url = format!("{}/oms_rm?{query}", server.url_with_password());
        let meta = Metadata::open(&url).await?;
        meta.ping().await?;
        let mut conn = server.conn("postgres").await;
        let used = one(
            &mut conn,
            "SELECT CAST(bool_and(s.ssl) AS text) FROM pg_stat_ssl s \
             JOIN pg_stat_activity a ON a.pid = s.pid WHERE a.application_name = 'oms'",
        )
        .await;
        meta.close().await?;
        Ok::<_, oms::metadata::MetaError>(used)
    };
    let (right, wrong) = (file("ca.pem"), file("other-ca.pem"));
    let full = format!("sslmode=verify-full&sslrootcert={right}");
    assert_eq!(open(full).await.expect("the right authority"), "true");
    assert_eq!(
        open("sslmode=disable".to_owned()).await.expect("plain"),
        "false"
    );
    assert_eq!(
        open("sslmode=prefer".to_owned()).await.expect("TLS"),
        "true"
    );
    for mode in ["verify-ca", "verify-full"] {
        let wrong = format!("sslmode={mode}&sslrootcert={wrong}");
        let error = open(wrong).await.expect_err("another authority");
        assert_eq!(error.kind(), MetaErrorKind::Refused, "{error}");
    }
}

/// The server is another user where the tests run as root, and wants its key to be nobody else's.
fn readable_by_the_server(folder: &std::path::Path, files: &[String; 2]) {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    let root = std::fs::metadata(folder).is_ok_and(|folder| folder.uid() == 0);
    for file in files {
        let mode = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(file, mode).expect("its mode");
        if root {
            chown(file, Some(65534), Some(65534)).expect("owned by the server");
        }
    }
}
