//! Cutting tables of real servers: every row is in exactly one slice, whatever the key.

use std::collections::HashSet;

use mysql_async::prelude::Queryable;
use oms::datasource::mysql::bounds::Cutter;
use oms::datasource::mysql::slicing::{Form, SliceKey};
use oms::datasource::mysql::{Endpoint, Server as OurServer, Session};
use oms::model::table::{ColumnType, Table};

use crate::fixture::{NUMBERS, int, table};
use crate::harness::server::start_all;
use crate::harness::{Kind, Options, Server};

/// Keys of many types: the table, its DDL, its rows.
fn keys(flavour: Kind) -> Vec<(Table, &'static str, String)> {
    let from = format!("FROM {NUMBERS} WHERE x < 700");
    let text = |charset: &str| {
        let mut t = table("k", &[("k", ColumnType::Varchar(30))], &["k"], &[]);
        t.columns[0].charset = Some(charset.to_owned());
        t
    };
    let mixed = "CONCAT(CHAR(65+x%26 USING utf8mb4), CHAR(97+x%25 USING utf8mb4), IF(x%3, '\u{e9}', '\\\\'), x)";
    let mut all = vec![
        (
            table("k", &[("k", int())], &["k"], &[]),
            "k BIGINT PRIMARY KEY",
            format!("SELECT (x-350)*13176794811 {from}"),
        ),
        (
            table(
                "k",
                &[(
                    "k",
                    ColumnType::Decimal {
                        precision: 20,
                        scale: 4,
                        unsigned: false,
                        zerofill: false,
                    },
                )],
                &["k"],
                &[],
            ),
            "k DECIMAL(20,4) PRIMARY KEY",
            format!("SELECT (x-350)/8 {from}"),
        ),
        (
            table("k", &[("k", ColumnType::Bit(40))], &["k"], &[]),
            "k BIT(40) PRIMARY KEY",
            format!("SELECT x*111111111 {from}"),
        ),
        (
            table("k", &[("k", ColumnType::Date)], &["k"], &[]),
            "k DATE PRIMARY KEY",
            format!(
                "SELECT DATE_ADD('1995-02-03', INTERVAL x DAY) {from} UNION ALL SELECT '0000-00-00' UNION ALL SELECT '2020-02-31'"
            ),
        ),
        (
            table("k", &[("k", ColumnType::Time(3))], &["k"], &[]),
            "k TIME(3) PRIMARY KEY",
            format!("SELECT SEC_TO_TIME((x-350)*2111.013) {from}"),
        ),
        (
            table("k", &[("k", ColumnType::Timestamp(6))], &["k"], &[]),
            "k TIMESTAMP(6) PRIMARY KEY",
            format!("SELECT FROM_UNIXTIME(1+x*1700000.000001) {from}"),
        ),
        (
            table("k", &[("k", ColumnType::Binary(9))], &["k"], &[]),
            "k BINARY(9) PRIMARY KEY",
            format!("SELECT UNHEX(LPAD(HEX(x*77777), 10, '0')) {from}"),
        ),
        (
            text("utf8mb4"),
            "k VARCHAR(30) PRIMARY KEY",
            format!("SELECT {mixed} {from} UNION ALL SELECT ''"),
        ),
        (
            table(
                "k",
                &[
                    ("a", ColumnType::Varchar(9)),
                    ("b", ColumnType::Date),
                    ("c", int()),
                ],
                &["a", "b", "c"],
                &[],
            ),
            "a VARCHAR(9), b DATE, c BIGINT, PRIMARY KEY (a, b, c)",
            format!(
                "SELECT CHAR(65+x%3 USING utf8mb4), DATE_ADD('2000-01-01', INTERVAL x%11 DAY), -x {from}"
            ),
        ),
        (
            table(
                "k",
                &[
                    ("a", int()),
                    ("e", ColumnType::Enum(vec!["z".to_owned(), "y".to_owned()])),
                    ("c", int()),
                ],
                &["a", "e", "c"],
                &[],
            ),
            "a BIGINT, e ENUM('z','y'), c BIGINT, PRIMARY KEY (a, e, c)",
            format!("SELECT x%90, IF(x%2,'z','y'), x {from}"),
        ),
        (
            {
                let mut t = table(
                    "k",
                    &[("id", int()), ("u", ColumnType::Char(20))],
                    &[],
                    &["u"],
                );
                t.columns[1].nullable = false;
                t
            },
            "id BIGINT, u CHAR(20) NOT NULL, UNIQUE KEY u (u)",
            format!("SELECT x, {mixed} {from}"),
        ),
        (
            table("k", &[("k", int())], &["k"], &[]),
            "k BIGINT PRIMARY KEY",
            String::new(),
        ),
    ];
    if flavour != Kind::OceanBase {
        all.push((
            text("latin1"),
            "k VARCHAR(30) CHARACTER SET latin1 COLLATE latin1_german2_ci PRIMARY KEY",
            format!("SELECT {mixed} {from}"),
        ));
        all.push((
            text("utf16"),
            "k VARCHAR(30) CHARACTER SET utf16 PRIMARY KEY",
            format!("SELECT {mixed} {from}"),
        ));
        all.push((
            text("gbk"),
            "k VARCHAR(30) CHARACTER SET gbk PRIMARY KEY",
            format!("SELECT {mixed} {from}"),
        ));
        all.push((
            text("utf8mb4"),
            "k VARCHAR(30) COLLATE utf8mb4_bin PRIMARY KEY",
            format!("SELECT {mixed} {from} UNION ALL SELECT 'aA1' UNION ALL SELECT 'Aa1'"),
        ));
    }
    all
}

async fn cut_and_count(server: &Server) {
    let ours = OurServer::open(&Endpoint::parse(&server.url()).expect("a valid URL"))
        .await
        .expect("reachable");
    server.exec("DROP DATABASE IF EXISTS d; CREATE DATABASE d DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci").await;
    for (table, ddl, rows) in keys(server.kind()) {
        server
            .exec(&format!(
                "DROP TABLE IF EXISTS d.k; CREATE TABLE d.k ({ddl})"
            ))
            .await;
        if !rows.is_empty() {
            server
                .exec(&format!(
                    "SET sql_mode = 'ALLOW_INVALID_DATES'; INSERT INTO d.k {rows}"
                ))
                .await;
        }
        check(&ours, &table, ddl).await;
    }
}

async fn check(server: &OurServer, table: &Table, ddl: &str) {
    let mut conn = server.session(Session::Read).await.expect("session");
    let total: u64 = conn
        .query_first("SELECT COUNT(*) FROM d.k")
        .await
        .expect("count")
        .expect("a count");
    let key = SliceKey::of(table).expect("sliceable");
    let form = Form::of(server.flavour);
    let mut cutter = Cutter::new(&mut conn, table, &key, form, 60)
        .await
        .expect(ddl);
    let (mut seen, mut slices, mut estimated) = (HashSet::new(), 0, 0);
    while let Some(range) = cutter.next(&mut conn).await.expect(ddl) {
        let condition = key
            .condition(range.lower.as_ref(), range.upper.as_ref(), form)
            .expect(ddl)
            .expect("bounded above");
        let list: Vec<_> = table
            .columns
            .iter()
            .map(|c| format!("HEX(CONCAT(`{}`))", c.name))
            .collect();
        let sql = format!(
            "SELECT CONCAT_WS(',', {}) FROM d.k WHERE {condition}",
            list.join(",")
        );
        let rows: Vec<String> = conn.query(sql).await.expect(ddl);
        for row in rows {
            assert!(seen.insert(row), "{ddl}: a row is in two slices");
        }
        slices += 1;
        estimated += range.rows;
    }
    assert_eq!(seen.len() as u64, total, "{ddl}");
    assert!(total == 0 || slices >= 9, "{ddl}: {slices} slices");
    assert!(
        estimated <= total && estimated + 700 > total,
        "{ddl}: {estimated}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_is_in_exactly_one_slice() {
    let servers = start_all([
        (Kind::MySql, Options::default()),
        (Kind::MariaDb, Options::default()),
        (Kind::OceanBase, Options::default()),
    ])
    .await;
    for server in &servers {
        cut_and_count(server).await;
    }
}
