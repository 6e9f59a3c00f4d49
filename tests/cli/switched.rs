//! The whole circle by commands alone, between real servers: switched over, and rolled back.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::client::OmsServer;
use crate::harness::server::{PASSWORD, start_all};
use crate::harness::{Kind, Options, Server, compare_tables, wait_until};
use crate::run::Cli;

const PROJECT: &str = "name: shop\ntype: MIGRATION\nsourceEndpointId: from\nsinkEndpointId: to\n\
     transferMapping: {mode: WILDCARD, tableAndViewWhiteList: ['shop.*']}\n\
     enableStructTransfer: true\nenableFullTransfer: true\nenableFullVerify: true\n\
     enableIncrTransfer: true\nenableReverseIncrTransfer: true\n\
     reverseIncrTransferConfig: {incrSyncConcurrency: 4}\n";

async fn servers() -> [Arc<Server>; 2] {
    let servers = start_all([
        (Kind::MySql, Options::default()),
        (Kind::MariaDb, Options::default()),
    ]);
    let [source, target] = servers.await;
    source
        .exec(
            "CREATE DATABASE shop; CREATE TABLE shop.a (id INT PRIMARY KEY, v INT); \
             INSERT INTO shop.a VALUES (1, 1), (2, 2); \
             CREATE PROCEDURE shop.p() SELECT 1",
        )
        .await;
    [source, target]
}

/// Waits until both sides hold the same rows, with this one among them.
async fn carried(from: &Server, to: &Server, id: i32) {
    from.exec(&format!("INSERT INTO shop.a VALUES ({id}, {id})"))
        .await;
    let what = format!("row {id} on both sides");
    wait_until(&what, Duration::from_secs(60), || async {
        let (mut here, mut there) = (from.try_conn().await?, to.try_conn().await?);
        let found = compare_tables(&mut here, &mut there, &["shop.a"], 5).await?;
        match found.is_empty() {
            true => Ok(Some(())),
            false => Err(format!("{found:?}")),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_is_switched_over_and_back_by_commands() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = tempfile::tempdir().expect("a folder");
    let [source, target] = servers().await;
    let server = OmsServer::ready(folder.path()).await;
    let url = format!("http://{}", server.address);
    let cli = Cli::at(home.path(), &url, "admin", &server.account.1);
    let secret = cli.file("db-password", &format!("{PASSWORD}\n"));
    for (name, side) in [("from", &source), ("to", &target)] {
        let url = side.url().replace("root", "oms");
        let create = [
            "datasource",
            "create",
            name,
            &url,
            "--password-file",
            &secret,
        ];
        cli.run(&create).await.expect(0);
    }
    cli.fed(&["project", "create", "-f", "-"], PROJECT)
        .await
        .expect(0);
    // what begins by a person's word only is not waited for
    let started = ["project", "start", "shop", "--wait", "--timeout", "240"];
    cli.run(&started).await.expect(0);
    let switch = async |flags: &[&str], code: i32| {
        let arguments = [&["project", "switch", "shop"][..], flags].concat();
        cli.run(&arguments).await.expect(code)
    };
    let rehearsed = switch(&["--rehearse", "--stop-writes", "read-only"], 0).await;
    for part in [
        "SET GLOBAL read_only",
        "PROCEDURE shop.p",
        "ready: the switchover can begin",
    ] {
        assert!(rehearsed.stdout.contains(part), "{part}\n{rehearsed}");
    }
    let state = switch(&["--status", "--output", "json"], 0).await.json();
    assert_eq!(
        (&state["status"], &state["subSteps"]),
        (&json!("INIT"), &json!([]))
    );

    let waits = switch(&["--timeout", "120"], 4).await;
    assert!(
        waits.stdout.contains("--confirm STOP_SOURCE_WRITES`"),
        "{waits}"
    );
    let again = ["--timeout", "120", "--output", "json"];
    assert_eq!(
        switch(&again, 4).await.json()["waitsFor"],
        "STOP_SOURCE_WRITES"
    );
    // the application stopped; an object is not moved yet
    let waits = switch(&["--timeout", "120", "--confirm", "STOP_SOURCE_WRITES"], 4).await;
    assert!(waits.stdout.contains("PROCEDURE shop.p"), "{waits}");
    let no = switch(&["--retry", "PROCESS_DB_OBJECTS"], 2).await;
    assert!(
        no.stderr.contains("Only what failed can be retried"),
        "{no}"
    );
    let done = switch(&["--timeout", "120", "--skip", "PROCEDURE shop.p"], 0).await;
    assert!(
        done.stdout.contains("the application works at the target"),
        "{done}"
    );
    assert!(
        done.stderr.contains("REVERSE_INCR_TRANSFER MONITORING"),
        "{done}"
    );
    carried(&target, &source, 3).await;
    // once more: it is done already
    switch(&["--timeout", "120"], 0).await;

    let back = switch(&["--rollback", "--timeout", "120"], 4).await;
    assert!(
        back.stdout
            .contains("--rollback --confirm STOP_TARGET_WRITES`"),
        "{back}"
    );
    let back = switch(&["--rollback", "--timeout", "120", "--confirm", "all"], 0).await;
    assert!(back.stdout.contains("rolled back"), "{back}");
    carried(&source, &target, 4).await;
    // unattended, with nobody to say that writes have stopped
    let all = [
        "--timeout",
        "120",
        "--stop-writes",
        "read-only",
        "--confirm",
        "all",
    ];
    let done = switch(&[&all[..], &["--output", "json"]].concat(), 0)
        .await
        .json();
    assert_eq!(
        (&done["status"], &done["reverseStatus"]),
        (&json!("FINISHED"), &json!("MONITORING"))
    );
    carried(&target, &source, 5).await;
}
