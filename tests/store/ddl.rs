//! The schema history: DDL between rows, tables that come and go, statements that are not
//! understood, and the refusals.

use crate::follow;
use crate::harness::{Kind, Options, Server as TestServer};
use crate::run::{self, Setup, consume};
use oms::error::Kind as ErrorKind;
use oms::model::change::Op;
use oms::model::ddl::Ddl;
use oms::model::row::Cell;

/// A row as text; NULL is `~`.
fn text(op: &Op) -> String {
    let row = |row: &oms::model::row::Row| {
        row.cells()
            .map(|cell| match cell {
                Cell::Null => "~".to_owned(),
                Cell::Value(value) => String::from_utf8_lossy(value).into_owned(),
            })
            .collect::<Vec<_>>()
            .join(",")
    };
    match op {
        Op::Insert(new) => format!("+{}", row(new)),
        Op::Update { old, new } => format!("{}>{}", row(old), row(new)),
        Op::Delete(old) => format!("-{}", row(old)),
    }
}

async fn history(kind: Kind) {
    let source = TestServer::start(kind, Options::default()).await;
    source
        .exec(
            "CREATE DATABASE a CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci; USE a; \
             CREATE TABLE t (id INT PRIMARY KEY, v VARCHAR(10)); \
             CREATE TABLE _new (id INT PRIMARY KEY); CREATE DATABASE b; \
             CREATE TABLE b.skip (id INT PRIMARY KEY)",
        )
        .await;
    let folder = tempfile::tempdir().expect("folder");
    let mut setup = Setup::new(source.url(), folder.path(), "a.t*");
    setup.options.segment_bytes = 2000;
    let running = setup.start();
    running.ready().await;
    let from = run::beginning(&setup.hub).await;
    source
        .exec(
            "USE a; SET sql_mode = ''; \
             INSERT INTO t VALUES (1, 'x'); \
             ALTER TABLE t ADD COLUMN first BIGINT UNSIGNED NOT NULL DEFAULT 7 FIRST, ADD UNIQUE KEY u (v); \
             INSERT INTO t (id, v) VALUES (2, 'y'); \
             CREATE TABLE t2 LIKE t; \
             INSERT INTO t2 VALUES (1, 3, 'z'); \
             RENAME TABLE t2 TO t3, _new TO t4; \
             UPDATE t3 SET first = 2; INSERT INTO t4 VALUES (9); \
             BEGIN; INSERT INTO t4 VALUES (10); SAVEPOINT s; INSERT INTO t4 VALUES (11); ROLLBACK TO s; COMMIT; \
             BEGIN; INSERT INTO t4 VALUES (12); ROLLBACK; \
             INSERT INTO b.skip VALUES (1); ALTER TABLE b.skip ADD x INT; \
             CREATE TABLE t5 (k INT PRIMARY KEY) AS SELECT id AS k, v AS w FROM t; \
             INSERT INTO t5 VALUES (5, 'five'); \
             TRUNCATE TABLE t5; DROP TABLE t4; \
             CREATE TEMPORARY TABLE t6 (id INT); INSERT INTO t6 VALUES (1); DROP TEMPORARY TABLE t6; \
             CREATE VIEW t7 AS SELECT 1; CREATE TABLE t8 (e ENUM('p','q'), id INT AUTO_INCREMENT PRIMARY KEY) CHARSET latin1; \
             INSERT INTO t8 (e) VALUES ('q'), ('nonsense'); \
             CREATE TABLE t9 (id INT PRIMARY KEY, x CHAR(3) CHARSET latin1) ENGINE=MyISAM; \
             BEGIN; INSERT INTO t9 VALUES (1, 'ä'); INSERT INTO t VALUES (0, 3, NULL); ROLLBACK",
        )
        .await;
    let server = follow::open(&source.url()).await;
    let end = follow::position(&server).await;
    let got = consume(&setup.hub, &from, &end).await;
    let changes: Vec<String> = got
        .changes
        .iter()
        .map(|(table, op)| format!("{} {}", table.name, text(op)))
        .collect();
    assert_eq!(
        changes,
        [
            "t +1,x",
            "t +7,2,y",
            "t2 +1,3,z",
            "t3 1,3,z>2,3,z",
            "t4 +9",
            "t4 +10",
            "t5 +1,x",
            "t5 +2,y",
            "t5 +5,five",
            "t8 +q,1",
            "t8 +,2",
            "t9 +1,ä",
        ]
    );
    let ddl: Vec<String> = got
        .ddl
        .iter()
        .map(|ddl| {
            let name = format!("{:?}", ddl.ddl);
            let name = name.split([' ', '(', '{']).next().unwrap_or_default();
            let after: Vec<_> = ddl
                .after
                .iter()
                .map(|v| format!("{}/{}", v.table.name.name, v.table.columns.len()))
                .collect();
            format!("{name} {}", after.join(" ")).trim_end().to_owned()
        })
        .collect();
    assert_eq!(
        ddl,
        [
            "AlterTable t/3",
            "CreateTableLike t2/3",
            "RenameTable t3/3 t4/1",
            "CreateTable t5/2",
            "TruncateTable",
            "DropTable",
            "CreateTable t8/2",
            "CreateTable t9/2",
        ]
    );
    // the same from disk, by a Store that was started anew
    running.kill().await;
    let running = setup.start();
    running.ready().await;
    let again = consume(&setup.hub, &from, &end).await;
    assert!(again.changes == got.changes);
    assert_eq!(again.ddl, got.ddl);
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_rows_are_decoded_with_the_columns_of_their_time() {
    history(Kind::MariaDb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_rows_are_decoded_with_the_columns_of_their_time() {
    history(Kind::MySql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_statement_that_is_not_understood_costs_no_definition() {
    let source = TestServer::start(Kind::MariaDb, Options::default()).await;
    source
        .exec("CREATE DATABASE a; CREATE TABLE a.t (id INT PRIMARY KEY)")
        .await;
    let folder = tempfile::tempdir().expect("folder");
    let setup = Setup::new(source.url(), folder.path(), "a.*");
    let running = setup.start();
    running.ready().await;
    let from = run::beginning(&setup.hub).await;
    source
        .exec("CREATE OR REPLACE TABLE a.t (id INT PRIMARY KEY, v INT); INSERT INTO a.t VALUES (1, 2)")
        .await;
    let server = follow::open(&source.url()).await;
    let end = follow::position(&server).await;
    let got = consume(&setup.hub, &from, &end).await;
    assert!(
        matches!(
            &got.ddl[0].ddl,
            Ddl::Unsupported { .. } | Ddl::CreateTable { .. }
        ),
        "{:?}",
        got.ddl
    );
    assert_eq!(got.ddl[0].after[0].table.columns.len(), 2);
    assert_eq!(text(&got.changes[0].1), "+1,2");
    running.stop().await;
}

/// What must end in an error with this code.
async fn refused(kind: Kind, sql: &str) -> oms::error::Error {
    let source = TestServer::start(kind, Options::default()).await;
    source
        .exec("CREATE DATABASE a; CREATE TABLE a.t (id INT PRIMARY KEY, v TEXT); INSERT INTO a.t VALUES (1, 'a')")
        .await;
    let folder = tempfile::tempdir().expect("folder");
    let setup = Setup::new(source.url(), folder.path(), "a.*");
    let running = setup.start();
    running.ready().await;
    source.exec(sql).await;
    running.error().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_refused() {
    for (kind, sql, code) in [
        (
            Kind::MariaDb,
            "SET binlog_format = STATEMENT; UPDATE a.t SET v = 'b'",
            ErrorKind::LogFormat,
        ),
        (
            Kind::MySql,
            "SET binlog_row_image = MINIMAL; UPDATE a.t SET v = 'b'",
            ErrorKind::LogFormat,
        ),
        (
            Kind::MariaDb,
            "XA START 'x'; UPDATE a.t SET v = 'b'; XA END 'x'; XA PREPARE 'x'; XA COMMIT 'x'",
            ErrorKind::LogFormat,
        ),
        (
            Kind::MySql,
            "XA START 'x'; UPDATE a.t SET v = 'b'; XA END 'x'; XA PREPARE 'x'; XA COMMIT 'x'",
            ErrorKind::LogFormat,
        ),
        (
            Kind::MySql,
            "SET sql_log_bin = 0; ALTER TABLE a.t ADD w INT; SET sql_log_bin = 1; INSERT INTO a.t VALUES (2, 'b', 3)",
            ErrorKind::SchemaDrift,
        ),
    ] {
        let error = refused(kind, sql).await;
        assert_eq!(error.kind(), code, "{sql}: {error}");
    }
}
