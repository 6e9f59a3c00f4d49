//! Keyless tables with every column type, on every flavour: a row read from the server itself is
//! found again byte for byte, also beside rows that differ only in letter case, trailing spaces,
//! or the sign of zero.

use super::component::contract::{Finish, ProgressCell, Work};
use super::harness::{Kind, Options, Server};
use super::model::change::{Change, LogItem, Op, TableVersion, TxnPiece};
use super::model::ids::TxnId;
use super::model::row::Row;
use super::model::table::{Column, ColumnType, Table};
use super::world::{column, position, table};
use super::{Follow, Target, context, open, rows};
use mysql_async::prelude::Queryable;
use oms::datasource::mysql::{Flavour, Session, select};
use std::collections::HashMap;
use std::sync::Arc;

/// Name, SQL type, our type, values as SQL.
type Case = (
    &'static str,
    &'static str,
    ColumnType,
    &'static [&'static str],
);

fn cases(flavour: Flavour) -> Vec<Case> {
    let int = |bytes| ColumnType::Int {
        bytes,
        unsigned: false,
        width: None,
        zerofill: false,
    };
    let decimal = ColumnType::Decimal {
        precision: 30,
        scale: 10,
        unsigned: false,
        zerofill: false,
    };
    let float = ColumnType::Float {
        unsigned: false,
        digits: None,
    };
    let double = ColumnType::Double {
        unsigned: false,
        digits: None,
    };
    let mut cases: Vec<Case> = vec![
        (
            "i",
            "bigint",
            int(8),
            &["-9223372036854775808", "0", "9223372036854775807"],
        ),
        (
            "dc",
            "decimal(30,10)",
            decimal,
            &["0", "-1.5", "12345678901234567890.0123456789"],
        ),
        (
            "f",
            "float",
            float,
            &["0.1", "-3.4e38", "1.17549e-38", "16777216", "0", "'-0'"],
        ),
        (
            "db",
            "double",
            double,
            &[
                "0",
                "'-0'",
                "0.1",
                "1e308",
                "2.2250738585072014e-308",
                "-0.3333333333333333",
            ],
        ),
        (
            "bt",
            "bit(12)",
            ColumnType::Bit(12),
            &["b'0'", "b'101'", "b'111111111111'"],
        ),
        (
            "c",
            "char(8)",
            ColumnType::Char(8),
            &["'a'", "'A'", "''", "'ä'", "'\\\\'"],
        ),
        (
            "vc",
            "varchar(20)",
            ColumnType::Varchar(20),
            &["'a'", "'A'", "'a '", "'ä'", "'a\\'b'", "'😀'"],
        ),
        (
            "bn",
            "binary(4)",
            ColumnType::Binary(4),
            &["'a'", "'A'", "0x00ff", "''"],
        ),
        (
            "vb",
            "varbinary(9)",
            ColumnType::Varbinary(9),
            &["'a'", "'a '", "0x00ff27", "''"],
        ),
        (
            "tx",
            "text",
            ColumnType::Text(2),
            &["'a'", "'A'", "'a '", "repeat('x',3000)"],
        ),
        (
            "bl",
            "blob",
            ColumnType::Blob(2),
            &["'a'", "'A'", "0x005c27ff"],
        ),
        (
            "en",
            "enum('a','b')",
            ColumnType::Enum(vec!["a".to_owned(), "b".to_owned()]),
            &["'a'", "'b'"],
        ),
        (
            "st",
            "set('x','y')",
            ColumnType::Set(vec!["x".to_owned(), "y".to_owned()]),
            &["''", "'x'", "'x,y'"],
        ),
        (
            "dt",
            "date",
            ColumnType::Date,
            &["'2024-02-29'", "'1000-01-01'", "'0000-00-00'"],
        ),
        (
            "tm",
            "time(6)",
            ColumnType::Time(6),
            &["'-838:59:59'", "'00:00:00.000001'", "'12:00:00'"],
        ),
        (
            "dtt",
            "datetime(6)",
            ColumnType::Datetime(6),
            &["'2024-02-29 23:59:59.999999'", "'1000-01-01 00:00:00'"],
        ),
        (
            "ts",
            "timestamp(3)",
            ColumnType::Timestamp(3),
            &["'2038-01-19 03:14:07.999'", "'1970-01-02 00:00:00'"],
        ),
        ("y", "year", ColumnType::Year, &["1901", "2155", "0"]),
    ];
    if flavour != Flavour::MariaDb {
        cases.push((
            "j",
            "json",
            ColumnType::Json,
            &[
                "'{\"a\": [1, 2.5, null, \"ä\"], \"b\": {}}'",
                "'[]'",
                "'\"x\"'",
                "'1'",
            ],
        ));
    }
    cases
}

/// Makes the table and all rows: for each type a row for each value, all else NULL; in twos, so
/// that one of two equal rows must be picked.
async fn prepare(target: &Target) -> Table {
    let cases = cases(target.flavour);
    let columns: Vec<Column> = cases
        .iter()
        .map(|(name, _, ty, _)| column(name, ty.clone(), true))
        .collect();
    let mut conn = target.session(Session::Write).await.expect("session");
    let list: Vec<String> = cases
        .iter()
        .map(|(n, sql, ..)| format!("`{n}` {sql} NULL"))
        .collect();
    for sql in [
        "CREATE DATABASE d DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci".to_owned(),
        format!("CREATE TABLE d.every ({}, KEY (vc))", list.join(",")),
    ] {
        conn.query_drop(sql).await.expect("prepare");
    }
    for (name, _, _, values) in &cases {
        for value in *values {
            let sql = format!("INSERT INTO d.every (`{name}`) VALUES ({value}),({value})");
            conn.query_drop(&sql)
                .await
                .unwrap_or_else(|e| panic!("{sql}: {e}"));
        }
    }
    table("every", columns, vec![])
}

async fn read(target: &Target, table: &Table) -> Vec<Row> {
    let columns: Vec<usize> = (0..table.columns.len()).collect();
    let list = select::select_list(table, &columns);
    let mut conn = target.session(Session::Read).await.expect("session");
    let rows: Vec<mysql_async::Row> = conn
        .query(format!("SELECT {list} FROM d.every"))
        .await
        .expect("rows");
    rows.into_iter().map(select::encode).collect()
}

async fn apply(target: &Target, table: &Table, from: u64, ops: Vec<Op>) {
    let version = Arc::new(TableVersion {
        id: 1,
        table: table.clone(),
    });
    let items: Vec<LogItem> = ops
        .into_iter()
        .zip(from..)
        .map(|(op, at)| {
            LogItem::Txn(TxnPiece {
                id: TxnId::from_file(1, at * 10),
                piece: 0,
                end: Some(position(at * 10 + 10)),
                changes: vec![Change {
                    table: Arc::clone(&version),
                    op,
                }],
            })
        })
        .collect();
    let stop_at = items.last().and_then(LogItem::end).expect("items").clone();
    let follow = Follow {
        target: target.clone(),
        items: Arc::new(items),
        start: position(from * 10),
        starts: HashMap::new(),
        stop_at,
        lanes: 2,
    };
    let (work, progress) = follow.work(1);
    let progress: Arc<ProgressCell> = progress;
    let finish = work.run(context(1, progress)).await;
    assert_eq!(
        finish.unwrap_or_else(|e| panic!("{}: {e}", target.flavour)),
        Finish::Done
    );
}

/// Inserts each row again, moves each to the next one's image, then deletes them one by one; the
/// rows are compared in between.
async fn round(kind: Kind) {
    let server = Server::start(kind, Options::default()).await;
    let target = open(&server).await;
    let table = prepare(&target).await;
    let before = read(&target, &table).await;
    let count = before.len() as u64;
    let inserts = before.iter().cloned().map(Op::Insert).collect();
    apply(&target, &table, 100, inserts).await;
    let mut doubled: Vec<_> = before
        .iter()
        .chain(&before)
        .map(super::sim::texts)
        .collect();
    doubled.sort();
    assert_eq!(rows(&target, &table).await, doubled);
    // once around: each row becomes the next one, so all rows are there again, but one by one
    let updates = (0..before.len())
        .map(|i| Op::Update {
            old: before[i].clone(),
            new: before[(i + 1) % before.len()].clone(),
        })
        .collect();
    apply(&target, &table, 100 + count, updates).await;
    assert_eq!(rows(&target, &table).await, doubled);
    let deletes = before.iter().cloned().map(Op::Delete).collect();
    apply(&target, &table, 100 + 2 * count, deletes).await;
    let mut once: Vec<_> = before.iter().map(super::sim::texts).collect();
    once.sort();
    assert_eq!(rows(&target, &table).await, once);
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_finds_every_type() {
    round(Kind::MariaDb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_finds_every_type() {
    round(Kind::MySql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oceanbase_finds_every_type() {
    round(Kind::OceanBase).await;
}
