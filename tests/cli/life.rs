//! A project from its data sources to its proof by commands alone, between real servers.

use std::sync::Arc;

use serde_json::json;

use crate::client::OmsServer;
use crate::harness::server::{PASSWORD, start_all};
use crate::harness::{Kind, Options, Server, same_rows};
use crate::run::Cli;

fn project(name: &str, rule: &str) -> String {
    format!(
        "name: {name}\ntype: MIGRATION\nsourceEndpointId: from\nsinkEndpointId: to\n\
         transferMapping:\n  mode: WILDCARD\n  tableAndViewWhiteList: ['{rule}']\n\
         enableStructTransfer: true\nenableFullTransfer: true\nenableFullVerify: true\n\
         enableIncrTransfer: true\n"
    )
}

async fn servers() -> [Arc<Server>; 2] {
    let servers = start_all([
        (Kind::MySql, Options::default()),
        (Kind::MariaDb, Options::default()),
    ]);
    let [source, target] = servers.await;
    source
        .exec(
            "CREATE DATABASE small; CREATE TABLE small.a (id INT PRIMARY KEY, v INT); \
             INSERT INTO small.a VALUES (1, 1), (2, 2); \
             CREATE DATABASE taken; CREATE TABLE taken.t (id INT PRIMARY KEY); \
             INSERT INTO taken.t VALUES (1)",
        )
        .await;
    // a table that is there already, with a row of its own
    target
        .exec("CREATE DATABASE taken; CREATE TABLE taken.t (id INT PRIMARY KEY); INSERT INTO taken.t VALUES (7)")
        .await;
    [source, target]
}

/// Makes the two data sources; with a name twice, a wrong password, and no secret in what is listed.
async fn datasources(cli: &Cli, source: &Server, target: &Server) {
    let secret = cli.file("db-password", &format!("{PASSWORD}\n"));
    let wrong = cli.file("wrong-password", "wrong\n");
    let url = |server: &Server| server.url().replace("root", "oms");
    let (from, to) = (url(source), url(target));
    let create = ["datasource", "create"];
    let with = |name, url, file| [&create[..], &[name, url, "--password-file", file]].concat();
    let denied = cli.run(&with("from", &from, &wrong)).await.expect(2);
    assert!(denied.stderr.contains("error SRC-0003"), "{denied}");
    let made = cli.run(&with("from", &from, &secret)).await.expect(0);
    assert!(made.stdout.starts_with("e_"), "{made}");
    cli.run(&with("to", &to, &secret)).await.expect(0);
    let listed = cli.run(&["datasource", "list"]).await.expect(0);
    for part in ["from", "MYSQL", "to", "MARIADB", "oms", made.stdout.trim()] {
        assert!(listed.stdout.contains(part), "{part}\n{listed}");
    }
    let listed = cli
        .run(&["datasource", "list", "to", "--output", "json"])
        .await
        .expect(0);
    assert_eq!(listed.json()[0]["type"], "MARIADB");
    assert!(!listed.stdout.contains(PASSWORD), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_lives_by_commands() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = tempfile::tempdir().expect("a folder");
    let [source, target] = servers().await;
    let server = OmsServer::ready(folder.path()).await;
    let cli = Cli::new(home.path());
    cli.file("password", &format!("{}\n", server.account.1));
    let url = format!("http://{}", server.address);
    let add = ["context", "add", "here", "--api", &url, "--user", "admin"];
    cli.run(&[&add[..], &["--password-file", "password"]].concat())
        .await
        .expect(0);
    datasources(&cli, &source, &target).await;

    let file = cli.file("small.yaml", &project("small", "small.*"));
    let made = cli
        .run(&["project", "create", "-f", &file, "--output", "json"])
        .await
        .expect(0);
    let id = made.json().as_str().expect("an id").to_owned();
    let started = cli
        .run(&["project", "start", "small", "--wait", "--timeout", "240"])
        .await
        .expect(0);
    assert!(
        started.stdout.contains(&format!("project {id} is RUNNING")),
        "{started}"
    );
    assert!(started.stderr.contains("Full verification"), "{started}");
    same_rows(&source, &target, "small").await;
    looks(
        &cli,
        &id,
        &folder.path().join("rm.db").display().to_string(),
    )
    .await;

    let again = cli.run(&["project", "start", "small"]).await.expect(2);
    assert!(
        again.stderr.contains("error CMP-0003") && again.stderr.contains("while it is RUNNING"),
        "{again}"
    );
    assert!(
        again.stderr.contains("what to do: It must be INIT."),
        "{again}"
    );
    let wait = |action| {
        [
            "project",
            action,
            "small",
            "--wait",
            "--timeout",
            "120",
            "--output",
            "json",
        ]
    };
    let paused = cli.run(&wait("pause")).await.expect(0).json();
    assert_eq!(
        (&paused["id"], &paused["status"]),
        (&json!(id), &json!("SUSPEND"))
    );
    let resumed = cli.run(&wait("resume")).await.expect(0).json();
    assert_eq!(resumed["status"], "RUNNING");

    // one that cannot run ends the wait with its step's error; one that was never started goes
    let bad = project("taken", "taken.*");
    cli.fed(&["project", "create", "-f", "-"], &bad)
        .await
        .expect(0);
    let failed = cli
        .run(&["project", "start", "taken", "--wait", "--timeout", "120"])
        .await
        .expect(3);
    assert!(failed.stderr.contains("failed: "), "{failed}");
    assert!(failed.stderr.contains("what to do: "), "{failed}");
    let steps = ["project", "steps", "taken", "--output", "json"];
    let steps = cli.run(&steps).await.expect(0).json();
    let remedy = &steps[0]["extraInfo"]["errorDetails"][0]["proposal"];
    let remedy = remedy.as_str().expect("a remedy");
    assert!(
        failed.stderr.contains(&format!("what to do: {remedy}")),
        "{failed}\n{steps:#}"
    );
    cli.fed(&["project", "create", "-f", "-"], &project("unused", "x.*"))
        .await
        .expect(0);
    cli.run(&["project", "delete", "unused"]).await.expect(0);
    let listed = cli.run(&["project", "list"]).await.expect(0);
    for part in ["small", "RUNNING", "taken", "FAILED"] {
        assert!(listed.stdout.contains(part), "{part}\n{listed}");
    }
    goes(&cli).await;
}

/// Labels on a project, then its end and that of its data sources.
async fn goes(cli: &Cli) {
    let tested = cli.run(&["datasource", "test", "to"]).await.expect(0);
    assert!(tested.stdout.contains("can be used: MARIADB"), "{tested}");
    let label = cli.run(&["label", "create", "nightly"]).await.expect(0);
    assert!(label.stdout.starts_with("l_"), "{label}");
    let labelled = format!("{}labelIds: [nightly]\n", project("labelled", "x.*"));
    let create = ["project", "create", "-f", "-"];
    cli.fed(&create, &labelled).await.expect(0);
    let shown = cli.run(&["project", "show", "labelled"]).await.expect(0);
    assert!(shown.stdout.contains("nightly"), "{shown}");
    let used = cli.run(&["label", "delete", "nightly"]).await.expect(2);
    assert!(used.stderr.contains("what to do: "), "{used}");
    let stopped = cli.run(&["label", "stop", "nightly"]).await.expect(0);
    assert!(stopped.stdout.contains("0 projects"), "{stopped}");
    cli.run(&["label", "delete", "nightly", "--force"])
        .await
        .expect(0);
    cli.run(&["project", "delete", "labelled"]).await.expect(0);

    let used = cli.run(&["datasource", "delete", "to"]).await.expect(2);
    assert!(used.stderr.contains("what to do: "), "{used}");
    let wait = ["--wait", "--timeout", "120"];
    let pause = [&["project", "pause", "small"][..], &wait].concat();
    cli.run(&pause).await.expect(0);
    for name in ["small", "taken"] {
        let release = [&["project", "release", name][..], &wait].concat();
        let released = cli.run(&release).await.expect(0);
        assert!(released.stdout.contains("is RELEASED"), "{released}");
        cli.run(&["project", "delete", name]).await.expect(0);
    }
    cli.run(&["datasource", "delete", "to"]).await.expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_come_and_go_by_commands() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = tempfile::tempdir().expect("a folder");
    let [source, target] = servers().await;
    let server = OmsServer::ready(folder.path()).await;
    let url = format!("http://{}", server.address);
    let cli = Cli::at(home.path(), &url, "admin", &server.account.1);
    datasources(&cli, &source, &target).await;
    let named = project("named", "small.*").replace(
        "mode: WILDCARD\n  tableAndViewWhiteList: ['small.*']",
        "mode: SPECIFIC\n  databases: [{name: small, tables: [{name: a}]}]",
    );
    cli.fed(&["project", "create", "-f", "-"], &named)
        .await
        .expect(0);
    let wait = ["--wait", "--timeout", "240"];
    let start = [&["project", "start", "named"][..], &wait].concat();
    cli.run(&start).await.expect(0);
    source
        .exec("CREATE TABLE small.b (id INT PRIMARY KEY); INSERT INTO small.b VALUES (7), (8)")
        .await;
    let change = |what| [&["project", "objects", what, "named", "small.b"][..], &wait].concat();
    let added = cli.run(&change("add")).await.expect(0);
    assert!(added.stdout.contains("is SUCCESS"), "{added}");
    // the steps of what brings the table
    assert!(added.stderr.contains("Full migration"), "{added}");
    same_rows(&source, &target, "small").await;
    let again = cli.run(&change("add")).await.expect(2);
    assert!(again.stderr.contains("error CMP-0003"), "{again}");
    let json = [&change("remove")[..], &["--output", "json"]].concat();
    let removed = cli.run(&json).await.expect(0);
    let record = removed.json();
    assert_eq!(
        (&record["status"], &record["type"], &record["tables"]),
        (
            &json!("SUCCESS"),
            &json!("DECREASE_OBJECT"),
            &json!(["small.b"])
        )
    );
    assert_eq!(removed.stderr, "", "{removed}");
}

/// What the commands that only look show of the project.
async fn looks(cli: &Cli, id: &str, rm: &str) {
    let listed = cli
        .run(&["project", "list", "--output", "json"])
        .await
        .expect(0)
        .json();
    assert_eq!(
        (&listed[0]["id"], &listed[0]["name"]),
        (&json!(id), &json!("small"))
    );
    let shown = cli
        .run(&["project", "show", "small", "--output", "yaml"])
        .await
        .expect(0);
    let shown: serde_json::Value = serde_yaml_ng::from_str(&shown.stdout).expect("YAML");
    assert_eq!(
        (&shown["status"], &shown["sinkEndpointType"]),
        (&json!("RUNNING"), &json!("MARIADB"))
    );
    for (arguments, parts) in [
        (
            &["project", "show", "small", "--steps"][..],
            &[
                "small.*",
                "MYSQL oms@127.0.0.1",
                "FULL_VERIFIER",
                "incrSync",
            ][..],
        ),
        (
            &["project", "steps", "small"],
            &["INCR_TRANSFER", "MONITORING", "100 %"],
        ),
        (
            &["project", "progress", id],
            &["RUNNING", "100 %", "until (UTC)"],
        ),
        (
            &["project", "components", "small"],
            &["store", "fullImport", "RUNNING"],
        ),
        (&["component", "list", "small"], &["fullVerify"]),
        (
            &["project", "verify-result", "small"],
            &["small.a", "0 differences"],
        ),
        // the same project, read from the rm database
        (&["project", "list", "--rm", rm], &["small", "RUNNING"]),
    ] {
        let ended = cli.run(arguments).await.expect(0);
        for part in parts {
            assert!(
                ended.stdout.contains(part),
                "{arguments:?}: no {part}\n{ended}"
            );
        }
    }
    let result = ["project", "verify-result", id, "--output", "json"];
    let result = cli.run(&result).await.expect(0).json();
    assert_eq!(result["differentNumber"], 0);
    assert_eq!(
        result["fullVerifyTableStatistics"][0]["sourceTableName"],
        "a"
    );
    assert_eq!(result["inconsistencies"], json!([]));
}
