//! DDL in two directions: ours stays where it went, and what a direction does not carry is passed over
//! or waits for an operator.

use crate::harness::server::{start_all, wait_for_value};
use crate::harness::{Kind, Options, Server, same_rows, wait_until};
use crate::link::{LONG, Link, Plan, opened};
use oms::datasource::mysql::binlog::status::position_now;
use oms::error::Kind as ErrorKind;
use oms::model::ddl::Ddl;
use oms::model::options::DdlMode;
use std::sync::Arc;
use std::sync::atomic::Ordering;

const FORWARD: &str = "np_1/incr_sync";
const REVERSE: &str = "np_1/reverse_incr_sync";
const SCHEMA: &str = "CREATE DATABASE d DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci; \
    CREATE TABLE d.t (id int NOT NULL PRIMARY KEY, v varchar(20))";

async fn servers(a: Kind, b: Kind) -> [Arc<Server>; 2] {
    let servers = start_all([(a, Options::default()), (b, Options::default())]).await;
    for server in &servers {
        server.exec(SCHEMA).await;
    }
    servers
}

fn reverse(b: &Server, a: &Server, mode: DdlMode) -> Plan {
    Plan {
        ddl_mode: mode,
        ..Plan::new(REVERSE, b, a).leaving_out(&["np_1/"])
    }
}

/// Every kind of statement at A; at B the log of the way back has none of them, but what the server made
/// a text of its own for, which is passed over. The definitions are followed all the same.
async fn ours_stays(a: Kind, b: Kind) {
    let [a, b] = servers(a, b).await;
    let mut forward = Link::started(Plan::new(FORWARD, &a, &b).leaving_out(&["np_1/"])).await;
    let mut back = Link::started(reverse(&b, &a, DdlMode::Ignore)).await;
    for sql in [
        "CREATE TABLE d.n (id int NOT NULL PRIMARY KEY, v int)",
        "INSERT INTO d.n VALUES (1, 1)",
        "CREATE TABLE d.l LIKE d.n",
        "ALTER TABLE d.t ADD COLUMN more varchar(10) DEFAULT 'm'",
        "CREATE INDEX v ON d.n (v)",
        "DROP INDEX v ON d.n",
        "TRUNCATE TABLE d.n",
        "RENAME TABLE d.n TO d.m",
        "INSERT INTO d.m VALUES (2, 2)",
        "ALTER TABLE d.m RENAME TO d.o",
        "DROP TABLE d.l",
        "CREATE DATABASE e DEFAULT CHARACTER SET utf8mb4",
        "INSERT INTO d.t VALUES (1, 'a', 'b')",
    ] {
        a.exec(sql).await;
    }
    forward.catch_up().await;
    // rows of the new definition come back
    b.exec("INSERT INTO d.t VALUES (2, 'c', 'd')").await;
    b.exec("UPDATE d.o SET v = 9").await;
    let end = back.catch_up().await;
    same_rows(&a, &b, "d").await;
    let (transactions, ddl) = back.log(&end).await;
    assert_eq!(transactions, 2);
    let drops = ddl
        .iter()
        .filter(|event| matches!(event.ddl, Ddl::DropTable { .. }))
        .count();
    let kept = if b.kind() == Kind::MariaDb { 0 } else { 1 };
    assert_eq!((ddl.len(), drops), (kept, kept), "{ddl:?}");
    back.figure_is("ddl_passed_over", kept as u64).await;
    back.figure_is("ddl", kept as u64).await;
    for link in [&mut forward, &mut back] {
        link.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ours_stays_where_it_went_on_mysql() {
    ours_stays(Kind::MariaDb, Kind::MySql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ours_stays_where_it_went_on_mariadb() {
    ours_stays(Kind::MySql, Kind::MariaDb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ddl_counts_from_a_position_on() {
    let [a, b] = servers(Kind::MariaDb, Kind::MariaDb).await;
    let mut link = Link::new(reverse(&b, &a, DdlMode::Apply));
    link.start_store();
    link.pulls().await;
    // the preparation's: the other side has it already, or shall not have it
    for sql in [
        "ALTER TABLE d.t ADD COLUMN n int",
        "CREATE TABLE d.helper (id int PRIMARY KEY)",
        "DROP TABLE d.helper",
        "TRUNCATE TABLE d.t",
    ] {
        b.exec(sql).await;
    }
    a.exec("ALTER TABLE d.t ADD COLUMN n int; INSERT INTO d.t VALUES (1, 'kept', 1)")
        .await;
    let server = opened(&link.plan.source).await.expect("source");
    link.plan.ddl_from = Some(position_now(&server).await.expect("position"));
    b.exec("INSERT INTO d.t VALUES (2, 'b', 2)").await;
    b.exec("ALTER TABLE d.t ADD COLUMN later int DEFAULT 3")
        .await;
    link.start_sync();
    link.catch_up().await;
    wait_for_value(
        &a,
        "SELECT GROUP_CONCAT(CONCAT_WS(',', id, v, n, later) ORDER BY id SEPARATOR ';') FROM d.t",
        "1,kept,1,3;2,b,2,3",
        LONG,
    )
    .await;
    link.figure_is("ddl_passed_over", 4).await;
    link.figure_is("ddl", 5).await;
    link.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_ddl_waits_for_an_operator() {
    let [a, b] = servers(Kind::MySql, Kind::MySql).await;
    let mut link = Link::started(reverse(&b, &a, DdlMode::Refuse)).await;
    b.exec("INSERT INTO d.t VALUES (1, 'a')").await;
    b.exec("ALTER TABLE d.t ADD COLUMN n int").await;
    b.exec("INSERT INTO d.t VALUES (2, 'b', 2)").await;
    let error = link.error().await;
    assert_eq!(error.kind(), ErrorKind::DdlUnsupported, "{error}");
    assert!(error.to_string().contains("ddl_mode is refuse"), "{error}");
    let whys = link.tasks.whys.lock().len();
    assert!(whys >= 1, "a task is recorded");
    // what stood in front of it is there
    wait_for_value(&a, "SELECT COUNT(*) FROM d.t", "1", LONG).await;
    a.exec("ALTER TABLE d.t ADD COLUMN n int").await;
    link.tasks.skipped.store(true, Ordering::SeqCst);
    link.start_sync();
    link.catch_up().await;
    same_rows(&b, &a, "d").await;
    link.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_empties_a_table_is_not_passed_over_in_silence() {
    let [a, b] = servers(Kind::MariaDb, Kind::MariaDb).await;
    let mut link = Link::started(reverse(&b, &a, DdlMode::Ignore)).await;
    b.exec("INSERT INTO d.t VALUES (1, 'a')").await;
    b.exec("TRUNCATE TABLE d.t").await;
    let error = link.error().await;
    assert_eq!(error.kind(), ErrorKind::DdlUnsupported, "{error}");
    assert!(error.to_string().contains("d.t is emptied"), "{error}");
    a.exec("DELETE FROM d.t").await;
    link.tasks.skipped.store(true, Ordering::SeqCst);
    link.start_sync();
    b.exec("INSERT INTO d.t VALUES (2, 'b')").await;
    link.catch_up().await;
    same_rows(&b, &a, "d").await;
    link.stop().await;
}

/// The rows of Incr-Sync's progress are made anew by the next run: the marks are read all the same.
#[tokio::test(flavor = "multi_thread")]
async fn marks_are_read_from_a_table_that_was_made_anew() {
    let [a, b] = servers(Kind::MySql, Kind::MariaDb).await;
    // the Store began before the table was there
    let mut back = Link::started(reverse(&b, &a, DdlMode::Ignore)).await;
    let mut forward = Link::started(Plan::new(FORWARD, &a, &b).leaving_out(&["np_1/"])).await;
    a.exec("INSERT INTO d.t VALUES (1, 'a')").await;
    forward.catch_up().await;
    forward.kill_sync().await;
    b.exec("DROP DATABASE omstxndb").await;
    // from the Store's beginning, over what is there already
    forward.start_sync();
    a.exec("INSERT INTO d.t VALUES (2, 'b')").await;
    forward.catch_up().await;
    let end = back.catch_up().await;
    same_rows(&a, &b, "d").await;
    assert_eq!(back.log(&end).await.0, 0);
    wait_until("two transactions left out", LONG, || async {
        let detail = back.store.as_ref().expect("store").progress.read().detail;
        match detail.get("left_out").and_then(serde_json::Value::as_u64) {
            Some(2..) => Ok(Some(())),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    for link in [&mut forward, &mut back] {
        link.stop().await;
    }
}
