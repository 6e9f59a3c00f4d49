//! The harness itself: real servers start, take load, crash, come back, and compare.

use std::time::Duration;

mod harness;

use harness::server::start_all;
use harness::{
    Kind, Options, Server, Workload, WorkloadOptions, compare_tables, tables_of, wait_until,
};
use mysql_async::prelude::Queryable;

#[tokio::test(flavor = "multi_thread")]
async fn servers_take_load_crash_and_come_back() {
    let [mysql, mariadb, oceanbase] = start_all([
        (Kind::MySql, Options::default()),
        (Kind::MariaDb, Options::default()),
        (Kind::OceanBase, Options::default()),
    ])
    .await;
    tokio::join!(mysql.load_shop(), mariadb.load_shop());
    let sql = "SELECT version() LIKE '%OceanBase%'";
    harness::server::wait_for_value(&oceanbase, sql, "1", Duration::from_secs(5)).await;

    // The same seed data on both, and the comparison sees a change of one row.
    let (mut source, mut target) = (mysql.conn().await, mariadb.conn().await);
    let tables = tables_of(&mut source, "shop")
        .await
        .expect("list the shop's tables");
    assert!(tables.len() >= 12, "{tables:?}");
    let found = compare_tables(&mut source, &mut target, &tables, 5)
        .await
        .expect("compare");
    assert_eq!(found, []);
    mariadb
        .exec("UPDATE shop.clicks SET took_ms = 7 LIMIT 1; DELETE FROM shop.payments WHERE id = 3")
        .await;
    let found = compare_tables(&mut source, &mut target, &tables, 5)
        .await
        .expect("compare");
    assert_eq!(found.len(), 3, "{found:?}");

    let options = WorkloadOptions {
        seed: Some(42),
        ..WorkloadOptions::default()
    };
    let load = Workload::start(mysql.url(), options);
    wait_until(
        "300 transactions of every kind",
        Duration::from_secs(60),
        || async {
            let done = load.counters();
            let all = done.committed >= 300
                && done.swaps > 0
                && done.key_changes > 0
                && done.rolled_back > 0;
            if all && done.big > 0 {
                Ok(Some(()))
            } else {
                Err(done)
            }
        },
    )
    .await;

    // A crash under load: the workload reconnects and goes on.
    mysql.kill9();
    mysql.restart().await;
    let before = load.counters();
    wait_until("the workload to go on", Duration::from_secs(30), || async {
        let done = load.counters();
        (done.committed > before.committed + 50)
            .then_some(())
            .map_or(Err(done), |()| Ok(Some(())))
    })
    .await;
    mysql.pause();
    assert!(mysql.try_conn().await.is_err());
    mysql.resume();
    let done = load.stop().await;
    assert!(done.refused < done.committed / 5, "{done}");
    assert!(done.reconnects > 0, "{done}");
}

#[tokio::test(flavor = "multi_thread")]
async fn oceanbase_survives_a_crash() {
    let server = Server::start(Kind::OceanBase, Options::default()).await;
    server
        .exec("CREATE DATABASE d; CREATE TABLE d.t (id INT PRIMARY KEY, v VARCHAR(20)); INSERT INTO d.t VALUES (1, 'one')")
        .await;
    server.kill9();
    server.restart().await;
    let row: Option<(i32, String)> = server
        .conn()
        .await
        .query_first("SELECT id, v FROM d.t")
        .await
        .expect("read");
    assert_eq!(row, Some((1, "one".to_owned())));
    server.restart().await;
    let user: Option<String> =
        mysql_async::Conn::from_url(format!("{}/d", server.url_with_password()))
            .await
            .expect("connect with a password")
            .query_first("SELECT CURRENT_USER()")
            .await
            .expect("ask");
    assert!(user.is_some_and(|user| user.starts_with("oms@")));
}

#[tokio::test(flavor = "multi_thread")]
async fn options_reach_the_server() {
    let options = Options::default()
        .arg("--binlog-format=STATEMENT")
        .no_gtid();
    let [mysql, mariadb] = start_all([
        (Kind::MySql, options),
        (Kind::MariaDb, Options::default().no_binlog()),
    ])
    .await;
    let sql = "SELECT CONCAT(@@binlog_format, ' ', @@gtid_mode)";
    harness::server::wait_for_value(&mysql, sql, "STATEMENT OFF", Duration::from_secs(5)).await;
    let sql = "SELECT CONCAT('log_bin ', @@log_bin)";
    harness::server::wait_for_value(&mariadb, sql, "log_bin OFF", Duration::from_secs(5)).await;
    let refused = Server::try_start(Kind::MariaDb, Options::default().arg("--no-such-option"));
    let message = refused.await.expect_err("an unknown option");
    assert!(message.contains("no-such-option"), "{message}");
}
