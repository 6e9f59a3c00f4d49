//! A Store under a live workload: killed and restarted at random moments, its files torn, the
//! source restarted. What its consumers get is what a plain reading of the log gives.

use crate::follow;
use crate::harness::{Kind, Options, Server as TestServer, Workload, WorkloadOptions};
use crate::run::{self, Setup, consume};
use mysql_async::prelude::Queryable;
use oms::component::contract::Finish;
use oms::datasource::mysql::Server;
use oms::error::Kind as ErrorKind;
use oms::model::position::Position;
use rand::RngExt;
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

/// The end of the log, once a heartbeat stands behind it or the Store would not show it.
async fn same_as_reference(server: &Server, setup: &Setup, from: &Position, got: run::Consumed) {
    let to = got.position.clone().expect("position");
    let tables = follow::tables(server, "shop").await;
    let reference = follow::changes(server, from, &to, &tables)
        .await
        .expect("reference");
    for (at, (a, b)) in reference.iter().zip(&got.changes).enumerate() {
        assert_eq!(a, b, "change {at}");
    }
    assert_eq!(reference.len(), got.changes.len());
    // and everything once more from the disk
    let again = consume(&setup.hub, from, &to).await;
    assert_eq!(again.changes.len(), reference.len());
    assert!(again.changes == reference);
}

/// Damages the end of the newest segment as a crash of the machine could.
fn tear(dir: &Path) {
    let mut segments: Vec<_> = std::fs::read_dir(dir)
        .expect("folder")
        .map(|e| e.expect("entry").path())
        .filter(|p| p.extension().is_some_and(|e| e == "seg"))
        .collect();
    segments.sort();
    let newest = segments.pop().expect("a segment");
    let mut file = OpenOptions::new().append(true).open(&newest).expect("open");
    let len = file.metadata().expect("length").len();
    let mut random = rand::rng();
    match random.random_range(0..3) {
        0 => file
            .set_len(len - random.random_range(0..=len.min(5000)))
            .expect("cut"),
        1 => {
            let garbage: Vec<u8> = (0..random.random_range(1..2000))
                .map(|_| random.random())
                .collect();
            file.write_all(&garbage).expect("garbage");
        }
        _ => file.write_all(&[0; 4096]).expect("zeros"),
    }
}

async fn workload_and_kills(kind: Kind, options: Options, tearing: bool) {
    let _ = tracing_subscriber::fmt().with_test_writer().try_init();
    let source = TestServer::start(kind, options).await;
    source.load_shop().await;
    let folder = tempfile::tempdir().expect("folder");
    let mut setup = Setup::new(source.url(), folder.path(), "shop.*");
    // small, so that segments rotate
    setup.options.segment_bytes = 200_000;
    setup.options.piece_bytes = 2000;
    let mut running = setup.start();
    running.ready().await;
    let from = run::beginning(&setup.hub).await;
    let load = Workload::start(source.url(), WorkloadOptions::default());
    let consumer = {
        let (hub, from) = (setup.hub.clone(), from.clone());
        let (stop, mut wait) = tokio::sync::watch::channel(None::<Position>);
        let task = tokio::spawn(async move {
            wait.wait_for(Option::is_some).await.expect("end");
            let to = wait.borrow().clone().expect("end");
            consume(&hub, &from, &to).await
        });
        (stop, task)
    };
    for _ in 0..12 {
        let pause = rand::rng().random_range(50..900);
        tokio::time::sleep(Duration::from_millis(pause)).await;
        running.kill().await;
        if tearing {
            // the writer's thread may still be at its last batch
            let dir = setup.dir.clone();
            let locked = std::fs::File::open(dir.join("lock")).expect("lock");
            locked.lock().expect("locked");
            tear(&dir);
            drop(locked);
        }
        running = setup.start();
    }
    load.stop().await;
    let server = follow::open(&source.url()).await;
    let end = follow::position(&server).await;
    consumer.0.send_replace(Some(end));
    let got = consumer.1.await.expect("consumer");
    assert!(got.changes.len() > 100, "{} changes", got.changes.len());
    same_as_reference(&server, &setup, &from, got).await;
    assert_eq!(running.stop().await, Finish::Cancelled);
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_store_survives_kills() {
    workload_and_kills(Kind::MariaDb, Options::default(), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_store_survives_kills_and_torn_files() {
    workload_and_kills(Kind::MySql, Options::default(), true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_store_without_gtid_survives_torn_files() {
    workload_and_kills(Kind::MySql, Options::default().no_gtid(), true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_source_may_restart_and_crash() {
    for kind in [Kind::MariaDb, Kind::MySql] {
        let source = TestServer::start(kind, Options::default()).await;
        source.load_shop().await;
        let folder = tempfile::tempdir().expect("folder");
        let setup = Setup::new(source.url(), folder.path(), "shop.*");
        let running = setup.start();
        running.ready().await;
        let from = run::beginning(&setup.hub).await;
        for crash in [false, true, true] {
            let load = Workload::start(source.url(), WorkloadOptions::default());
            tokio::time::sleep(Duration::from_millis(1500)).await;
            if crash {
                source.kill9();
            }
            source.restart().await;
            load.stop().await;
        }
        let server = follow::open(&source.url()).await;
        let end = follow::position(&server).await;
        let got = consume(&setup.hub, &from, &end).await;
        assert!(got.changes.len() > 30, "{} changes", got.changes.len());
        same_as_reference(&server, &setup, &from, got).await;
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_server_and_a_purged_log_are_refused() {
    for kind in [Kind::MariaDb, Kind::MySql] {
        let source = TestServer::start(kind, Options::default()).await;
        let other = TestServer::start(kind, Options::default()).await;
        source.exec("CREATE DATABASE a").await;
        source.exec("CREATE TABLE a.t (id INT PRIMARY KEY)").await;
        let folder = tempfile::tempdir().expect("folder");
        let mut setup = Setup::new(source.url(), folder.path(), "a.*");
        let running = setup.start();
        running.ready().await;
        running.stop().await;
        setup.url = other.url();
        let error = setup.start().error().await;
        assert_eq!(error.kind(), ErrorKind::SourceChanged, "{error}");
        setup.url = source.url();
        for id in 0..3 {
            source
                .exec(&format!("INSERT INTO a.t VALUES ({id}); FLUSH BINARY LOGS"))
                .await;
        }
        let server = follow::open(&source.url()).await;
        let end = follow::position(&server).await;
        // a log that a connection still reads is not purged
        let mut conn = source.conn().await;
        let dumps: Vec<u64> = conn
            .query(
                "SELECT id FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'",
            )
            .await
            .expect("connections");
        for dump in dumps {
            let _ = conn.query_drop(format!("KILL {dump}")).await;
        }
        crate::harness::wait_until(
            "the old logs to be purged",
            Duration::from_secs(20),
            || async {
                source
                    .try_exec(&format!("PURGE BINARY LOGS TO '{}'", end.file))
                    .await?;
                let mut conn = source.try_conn().await?;
                let logs: Vec<mysql_async::Row> = conn
                    .query("SHOW BINARY LOGS")
                    .await
                    .map_err(|e| e.to_string())?;
                Ok::<_, String>((logs.len() == 1).then_some(()))
            },
        )
        .await;
        let error = setup.start().error().await;
        assert_eq!(error.kind(), ErrorKind::LogPurged, "{error}");
    }
}
