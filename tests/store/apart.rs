//! A log that is served elsewhere than where the tables are: a replica that logs what it replicates
//! stands for its primary's log, as OceanBase's Binlog Service does for OceanBase's.

use crate::follow;
use crate::harness::{Kind, Options, Server as TestServer, Workload, WorkloadOptions, wait_until};
use crate::run::{self, Setup, consume};
use mysql_async::prelude::Queryable;
use oms::component::contract::Finish;
use oms::component::store::end_of_log;
use oms::datasource::mysql::{Endpoint, log_way};
use oms::error::Kind as ErrorKind;
use std::time::Duration;

const SOON: Duration = Duration::from_secs(60);

/// A primary and a replica of it that logs what it replicates.
async fn pair(kind: Kind) -> (TestServer, TestServer) {
    let primary = TestServer::start(kind, Options::default()).await;
    let logs = match kind {
        Kind::MariaDb => "--log-slave-updates=1",
        _ => "--log-replica-updates=1",
    };
    let options = Options::default().arg(logs);
    let replica = TestServer::start(kind, options).await;
    let port = primary.port();
    let follow = match kind {
        Kind::MariaDb => format!(
            "SET GLOBAL gtid_slave_pos = ''; CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={port}, \
             MASTER_USER='oms', MASTER_PASSWORD='oms-secret', MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1; START SLAVE"
        ),
        _ => format!(
            "CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT={port}, SOURCE_USER='oms', \
             SOURCE_PASSWORD='oms-secret', GET_SOURCE_PUBLIC_KEY=1, SOURCE_AUTO_POSITION=1, SOURCE_CONNECT_RETRY=1; START REPLICA"
        ),
    };
    replica.exec(&follow).await;
    (primary, replica)
}

/// Waits until the replica has a table that the primary has now.
async fn caught_up(primary: &TestServer, replica: &TestServer, mark: &str) {
    primary
        .exec(&format!(
            "CREATE DATABASE IF NOT EXISTS marks; CREATE TABLE marks.{mark} (id INT PRIMARY KEY)"
        ))
        .await;
    wait_until("the replica to follow", SOON, || async {
        replica
            .try_exec(&format!("SELECT id FROM marks.{mark}"))
            .await
            .map(Some)
    })
    .await;
}

fn url(primary: &TestServer, log: &TestServer) -> String {
    format!("{}?binlog-address=127.0.0.1:{}", primary.url(), log.port())
}

async fn the_log_of_a_replica(kind: Kind) {
    let (primary, replica) = pair(kind).await;
    primary.load_shop().await;
    caught_up(&primary, &replica, "loaded").await;
    let folder = tempfile::tempdir().expect("folder");
    let mut setup = Setup::new(url(&primary, &replica), folder.path(), "shop.*");
    let mut running = setup.start();
    running.ready().await;
    let from = run::beginning(&setup.hub).await;
    let load = Workload::start(primary.url(), WorkloadOptions::default());
    for _ in 0..4 {
        tokio::time::sleep(Duration::from_millis(700)).await;
        running.kill().await;
        running = setup.start();
    }
    load.stop().await;
    caught_up(&primary, &replica, "stopped").await;
    let server = follow::open(&replica.url()).await;
    let to = follow::position(&server).await;
    let got = consume(&setup.hub, &from, &to).await;
    assert!(got.changes.len() > 50, "{} changes", got.changes.len());
    let tables = follow::tables(&server, "shop").await;
    let reference = follow::changes(&server, &from, &to, &tables)
        .await
        .expect("reference");
    assert!(reference == got.changes, "what the replica's log says");
    // its own log does not know the position of the other
    assert_eq!(running.stop().await, Finish::Cancelled);
    setup.url = primary.url();
    let error = setup.start().error().await;
    assert_eq!(error.kind(), ErrorKind::SourceChanged, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mysql_replica_serves_the_log_of_its_primary() {
    the_log_of_a_replica(Kind::MySql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mariadb_replica_serves_the_log_of_its_primary() {
    the_log_of_a_replica(Kind::MariaDb).await;
}

/// The log is behind the database when the Store begins: a definition that is read from the
/// database must not be taken for that of the log's end.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_behind_is_waited_for() {
    let (primary, replica) = pair(Kind::MySql).await;
    primary
        .exec("CREATE DATABASE a; CREATE TABLE a.t (id INT PRIMARY KEY, v INT); CREATE DATABASE drc; \
               CREATE TABLE drc.heartbeat (id SMALLINT NOT NULL DEFAULT 1 PRIMARY KEY, ts INT, ts_ms BIGINT)")
        .await;
    caught_up(&primary, &replica, "made").await;
    replica.exec("STOP REPLICA SQL_THREAD").await;
    primary
        .exec("INSERT INTO a.t VALUES (1, 1); ALTER TABLE a.t ADD COLUMN w INT AFTER id; INSERT INTO a.t VALUES (2, 2, 2)")
        .await;
    let folder = tempfile::tempdir().expect("folder");
    let setup = Setup::new(url(&primary, &replica), folder.path(), "a.*");
    let running = setup.start();
    wait_until("the Store's beat at the primary", SOON, || async {
        let mut conn = primary.try_conn().await?;
        let beats: Option<u64> = conn
            .query_first("SELECT COUNT(*) FROM drc.heartbeat")
            .await
            .map_err(|e| e.to_string())?;
        Ok::<_, String>((beats > Some(0)).then_some(()))
    })
    .await;
    assert!(
        setup.hub.range(run::SUBTOPIC).is_none(),
        "it waits for the log"
    );
    replica.exec("START REPLICA SQL_THREAD").await;
    running.ready().await;
    let from = run::beginning(&setup.hub).await;
    primary.exec("INSERT INTO a.t VALUES (3, 3, 3)").await;
    caught_up(&primary, &replica, "written").await;
    let to = follow::position(&follow::open(&replica.url()).await).await;
    let got = consume(&setup.hub, &from, &to).await;
    let rows: Vec<_> = got
        .changes
        .iter()
        .filter_map(|(_, op)| op.new_row())
        .collect();
    let cells = |row: &oms::model::row::Row| row.cells().count();
    assert!(
        !rows.is_empty() && rows.iter().all(|row| cells(row) == 3),
        "{rows:?}"
    );
    running.stop().await;
}

/// Where the log ends is asked to know that the other side has everything: what the database has, and
/// the log has not yet, must stand in front of the answer.
#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_log_that_is_behind_is_waited_for() {
    for kind in [Kind::MySql, Kind::MariaDb] {
        let (primary, replica) = pair(kind).await;
        primary
            .exec("CREATE DATABASE a; CREATE TABLE a.t (id INT PRIMARY KEY)")
            .await;
        caught_up(&primary, &replica, "made").await;
        let stopped = ["STOP REPLICA SQL_THREAD", "START REPLICA SQL_THREAD"];
        replica.exec(stopped[0]).await;
        primary.exec("INSERT INTO a.t VALUES (1)").await;
        let endpoint = Endpoint::parse(&url(&primary, &replica)).expect("URL");
        let shown = log_way::end(&endpoint).await.expect("what it shows");
        let asked = tokio::spawn(async move { end_of_log(&endpoint, "test").await });
        wait_until("the beat at the primary", SOON, || async {
            let mut conn = primary.try_conn().await?;
            let beats: Result<Option<u64>, _> =
                conn.query_first("SELECT COUNT(*) FROM drc.heartbeat").await;
            Ok::<_, String>((beats.is_ok_and(|n| n > Some(0))).then_some(()))
        })
        .await;
        assert!(!asked.is_finished(), "{kind:?}: it waits for the log");
        replica.exec(stopped[1]).await;
        let end = asked.await.expect("no panic").expect("the end");
        let server = follow::open(&replica.url()).await;
        let tables = follow::tables(&server, "a").await;
        let before = follow::changes(&server, &shown, &end, &tables).await;
        let before = before.expect("the log");
        assert_eq!(before.len(), 1, "{kind:?}: {shown} to {end}: {before:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_serves_no_such_log_is_refused() {
    let mysql = TestServer::start(Kind::MySql, Options::default()).await;
    let mariadb = TestServer::start(Kind::MariaDb, Options::default()).await;
    let silent = TestServer::start(Kind::MariaDb, Options::default().no_binlog()).await;
    let tried = async |database: &TestServer, log: &TestServer| {
        let endpoint = Endpoint::parse(&url(database, log)).expect("URL");
        log_way::try_address(&endpoint)
            .await
            .map_err(|e| (e.kind(), e.to_string()))
    };
    let (kind, why) = tried(&mysql, &mariadb).await.expect_err("another family");
    assert_eq!(kind, ErrorKind::LogFormat, "{why}");
    let (kind, why) = tried(&mariadb, &silent).await.expect_err("no log");
    assert_eq!(kind, ErrorKind::LogFormat, "{why}");
    silent.kill9();
    let (kind, why) = tried(&mariadb, &silent).await.expect_err("nobody there");
    assert_eq!(kind, ErrorKind::Unreachable, "{why}");
    tried(&mysql, &mysql).await.expect("its own log");
}
