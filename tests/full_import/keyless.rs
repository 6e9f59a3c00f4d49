//! Tables without a key: one read at a known position of the log.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mysql_async::Row;
use mysql_async::prelude::Queryable;
use oms::component::contract::Finish;
use oms::error::Kind as ErrorKind;
use oms::model::position::Position;
use oms::model::table::ColumnType;

use crate::fixture::{Copy, NUMBERS, int, table};
use crate::harness::server::start_all;
use crate::harness::{Kind, Options, Server};

/// Counts the transactions on `d.n` that are wholly before a position, by the server's own reading of
/// its log.
async fn logged_before(server: &Server, position: &Position) -> u64 {
    let mut conn = server.conn().await;
    let logs: Vec<Row> = conn.query("SHOW BINARY LOGS").await.expect("logs");
    let mut count = 0;
    for log in logs {
        let file: String = log.get(0).expect("a name");
        let events: Vec<Row> = conn
            .query(format!("SHOW BINLOG EVENTS IN '{file}'"))
            .await
            .expect("events");
        for event in events {
            let kind: String = event.get(2).expect("a type");
            let end: u64 = event.get(4).expect("an end");
            let before = file < position.file || (file == position.file && end <= position.offset);
            count += u64::from(before && kind.starts_with("Write_rows"));
        }
    }
    count
}

async fn exact_at_its_position(source: &Server, target: &Server) {
    for server in [source, target] {
        server
            .exec(
                "DROP DATABASE IF EXISTS d; CREATE DATABASE d; CREATE TABLE d.n (n BIGINT, v TEXT)",
            )
            .await;
    }
    source.exec(&format!("CREATE TABLE d.fill (n BIGINT, v TEXT); INSERT INTO d.fill SELECT x, REPEAT('f', 500) FROM {NUMBERS}")).await;
    let fill = logged_before(source, &end_of_time()).await;
    let stop = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..3)
        .map(|_| {
            let (pool, stop) = (source.pool(), stop.clone());
            tokio::spawn(async move {
                let mut conn = pool.get_conn().await.expect("connection");
                while !stop.load(Ordering::Relaxed) {
                    conn.query_drop("INSERT INTO d.n VALUES (1, 'row')")
                        .await
                        .expect("insert");
                }
            })
        })
        .collect();
    let keyless = table("n", &[("n", int()), ("v", ColumnType::Text(2))], &[], &[]);
    for _ in 0..5 {
        target.exec("TRUNCATE TABLE d.n").await;
        let mut copy = Copy::new(source, target, vec![keyless.clone()]);
        copy.epoch = chrono::Utc::now().timestamp_micros();
        assert_eq!(copy.start().await.expect("copied"), Finish::Done);
        let slices = copy.slices.of(&keyless.name);
        let position = slices[0].info.position.clone().expect("a position");
        assert!(position.gtid.is_some(), "{position}");
        let copied: u64 = target
            .conn()
            .await
            .query_first("SELECT COUNT(*) FROM d.n")
            .await
            .expect("count")
            .expect("one");
        assert_eq!(copied, slices[0].rows);
        assert_eq!(copied, logged_before(source, &position).await - fill);
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.expect("no panic");
    }
}

fn end_of_time() -> Position {
    Position {
        file: "~".to_owned(),
        offset: 0,
        gtid: None,
        time_ms: 0,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_copy_is_exact_at_its_position() {
    let [mariadb, mysql, target] = start_all([
        (Kind::MariaDb, Options::default()),
        (Kind::MySql, Options::default()),
        (Kind::MariaDb, Options::default().no_binlog()),
    ])
    .await;
    exact_at_its_position(&mariadb, &target).await;
    mysql.exec("DROP DATABASE IF EXISTS d").await;
    exact_at_its_position(&mysql, &target).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_consistently_is_refused() {
    let [source, target] = start_all([
        (Kind::MySql, Options::default()),
        (Kind::MariaDb, Options::default().no_binlog()),
    ])
    .await;
    for server in [&source, &target] {
        server
            .exec("CREATE DATABASE d; CREATE TABLE d.n (n BIGINT); CREATE TABLE d.m (n BIGINT)")
            .await;
    }
    source
        .exec("ALTER TABLE d.m ENGINE = MyISAM; INSERT INTO d.n VALUES (1); INSERT INTO d.m VALUES (1); \
               CREATE USER few IDENTIFIED BY 'few'; GRANT SELECT, REPLICATION CLIENT ON *.* TO few")
        .await;
    let keyless = |name: &str| table(name, &[("n", int())], &[], &[]);
    let mut copy = Copy::new(&source, &target, vec![keyless("m")]);
    let error = copy.start().await.expect_err("no snapshot");
    assert_eq!(error.kind(), ErrorKind::KeylessRead);
    let mut copy = Copy::new(&source, &target, vec![keyless("n")]);
    copy.epoch = 10;
    copy.source.user = "few".to_owned();
    copy.source.password = oms::datasource::mysql::Secret::new("few");
    let error = copy.start().await.expect_err("no lock");
    assert_eq!(error.kind(), ErrorKind::KeylessRead, "{error}");
    source.exec("GRANT LOCK TABLES ON d.* TO few").await;
    assert_eq!(copy.start().await.expect("granted"), Finish::Done);
}
