//! One decoder for both paths: a row read by `SELECT` and the same row read from the log are the
//! same bytes.

use crate::follow;
use crate::harness::{Kind, Options, Server as TestServer};
use mysql_async::prelude::Queryable;
use oms::datasource::mysql::{Server, Session, select};
use oms::model::change::Op;
use oms::model::row::{Cell, Row};
use oms::model::table::{Table, TableName};
use std::collections::BTreeMap;

/// Column types, each with literals that are inserted into it.
type Case = (&'static str, &'static [&'static str]);

const COMMON: &[Case] = &[
    ("TINYINT", &["0", "-128", "127"]),
    ("TINYINT UNSIGNED", &["0", "255"]),
    ("TINYINT(3) UNSIGNED ZEROFILL", &["0", "7", "255"]),
    ("SMALLINT", &["-32768", "32767"]),
    ("SMALLINT UNSIGNED", &["65535"]),
    ("MEDIUMINT", &["-8388608", "8388607", "-1"]),
    ("MEDIUMINT UNSIGNED", &["16777215"]),
    ("INT", &["-2147483648", "2147483647"]),
    ("INT UNSIGNED", &["4294967295"]),
    ("INT(8) ZEROFILL", &["42", "1234567890"]),
    ("INT ZEROFILL", &["42"]),
    ("BIGINT", &["-9223372036854775808", "9223372036854775807"]),
    ("BIGINT UNSIGNED", &["18446744073709551615"]),
    ("BIGINT ZEROFILL", &["1"]),
    (
        "DECIMAL(65,30)",
        &[
            "0",
            "-12345678901234567890123456789012345.123456789012345678901234567890",
            "0.000000000000000000000000000001",
        ],
    ),
    ("DECIMAL(10,0)", &["-9999999999", "0"]),
    ("DECIMAL(5,5)", &["0.12345", "-0.00001", "0"]),
    ("DECIMAL(9,2) ZEROFILL", &["1.5", "0"]),
    ("DECIMAL(3,3) ZEROFILL", &["0.5", "0"]),
    ("DECIMAL(18,9)", &["123456789.123456789", "-0.5"]),
    ("DECIMAL(20,1)", &["-1234567890123456789.9"]),
    (
        "FLOAT",
        &[
            "0",
            "0.1",
            "-1.5",
            "3.4e38",
            "1.17549e-38",
            "16777217",
            "1e-45",
            "123456.789",
        ],
    ),
    ("FLOAT(7,3)", &["1.5", "1234.567"]),
    (
        "DOUBLE",
        &[
            "0",
            "0.1",
            "1e15",
            "1e14",
            "123456789012345678",
            "1234567890123456",
            "1e-15",
            "1e-14",
            "1.5e-15",
            "1e20",
            "-1.7976931348623157e308",
            "2.2250738585072014e-308",
            "5e-324",
            "3.141592653589793",
            "100",
            "-0e0",
        ],
    ),
    ("DOUBLE(10,4)", &["1.5", "-123456.78905", "0"]),
    ("BIT(1)", &["b'0'", "b'1'"]),
    ("BIT(10)", &["b'1010101010'", "0"]),
    ("BIT(64)", &["b'1111'", "18446744073709551615"]),
    ("CHAR(10)", &["''", "'a'", "'a  '", "'äöü€😀'"]),
    ("CHAR(255)", &["repeat('😀', 255)"]),
    ("CHAR(5) CHARACTER SET latin1", &["'äÿ€'", "x'80818D8F90'"]),
    ("VARCHAR(20)", &["''", "'a  '", "'😀'", "'''\\\\\\0'"]),
    (
        "VARCHAR(255) CHARACTER SET latin1",
        &["'é'", "repeat('ß', 255)"],
    ),
    ("VARCHAR(300)", &["repeat('x', 251)", "repeat('y', 300)"]),
    ("VARCHAR(20) CHARACTER SET utf8mb3", &["'ä€'"]),
    ("VARCHAR(20) CHARACTER SET ascii", &["'abc'"]),
    ("VARCHAR(20) CHARACTER SET ucs2", &["'ä€z'"]),
    ("VARCHAR(20) CHARACTER SET utf16", &["'ä€😀'"]),
    ("VARCHAR(20) CHARACTER SET utf16le", &["'ä€😀'"]),
    ("VARCHAR(20) CHARACTER SET utf32", &["'ä€😀'"]),
    ("CHAR(20) CHARACTER SET utf16", &["'ä😀 '"]),
    ("VARCHAR(20) CHARACTER SET gbk", &["'中文abc'"]),
    ("VARCHAR(20) CHARACTER SET cp1251", &["'привет'"]),
    ("TINYTEXT", &["''", "'abc'"]),
    ("TEXT", &["repeat('z', 65535)"]),
    ("MEDIUMTEXT", &["repeat('m', 70000)"]),
    ("LONGTEXT", &["repeat('l', 300)"]),
    ("TEXT CHARACTER SET latin1", &["repeat('ü', 300)"]),
    (
        "BINARY(4)",
        &["x''", "x'61'", "x'00000000'", "x'20202020'", "x'61620000'"],
    ),
    ("BINARY(255)", &["x'FF'"]),
    ("VARBINARY(10)", &["x''", "x'6100'", "x'20'"]),
    ("VARBINARY(1000)", &["repeat('\\0', 1000)"]),
    ("TINYBLOB", &["x'00FF'"]),
    ("BLOB", &["repeat('\\'', 1000)"]),
    ("MEDIUMBLOB", &["x'FB'"]),
    ("LONGBLOB", &["x''"]),
    (
        "ENUM('a','ä','','x,y')",
        &["'a'", "'ä'", "''", "'x,y'", "3"],
    ),
    ("SET('a','b','ä')", &["''", "'a'", "'a,b,ä'", "'ä'"]),
    (
        "DATE",
        &[
            "'0000-00-00'",
            "'1000-01-01'",
            "'9999-12-31'",
            "'2024-00-00'",
            "'2024-02-30'",
        ],
    ),
    (
        "TIME",
        &[
            "'00:00:00'",
            "'-838:59:59'",
            "'838:59:59'",
            "'-00:00:01'",
            "'7:08:09'",
        ],
    ),
    (
        "TIME(2)",
        &[
            "'-00:00:00.01'",
            "'-00:00:01.99'",
            "'-00:00:01'",
            "'12:34:56.78'",
        ],
    ),
    ("TIME(3)", &["'-00:00:00.001'", "'12:34:56.789'"]),
    (
        "TIME(6)",
        &[
            "'-838:59:59.000000'",
            "'-00:00:00.000001'",
            "'1:2:3.456789'",
        ],
    ),
    (
        "DATETIME",
        &[
            "'0000-00-00 00:00:00'",
            "'1000-01-01 00:00:00'",
            "'9999-12-31 23:59:59'",
        ],
    ),
    ("DATETIME(1)", &["'2024-02-29 12:34:56.7'"]),
    (
        "DATETIME(3)",
        &["'2024-02-29 12:34:56.789'", "'0000-00-00 00:00:00.000'"],
    ),
    (
        "DATETIME(6)",
        &[
            "'2024-02-29 12:34:56.000001'",
            "'9999-12-31 23:59:59.999999'",
        ],
    ),
    (
        "TIMESTAMP NULL",
        &[
            "'1970-01-01 00:00:01'",
            "'2038-01-19 03:14:07'",
            "'2024-02-29 23:59:59'",
            "'0000-00-00 00:00:00'",
        ],
    ),
    (
        "TIMESTAMP(4) NULL",
        &["'2024-02-29 12:34:56.0001'", "'0000-00-00 00:00:00'"],
    ),
    ("TIMESTAMP(6) NULL", &["'2000-01-01 00:00:00.999999'"]),
    ("YEAR", &["0", "1901", "2155", "2024"]),
    (
        "GEOMETRY",
        &[
            "ST_GeomFromText('POINT(1 2)')",
            "ST_GeomFromText('LINESTRING(0 0,1 1)')",
        ],
    ),
    ("POINT", &["ST_GeomFromText('POINT(-1.5 2.25)')"]),
];

const MYSQL: &[Case] = &[
    (
        "JSON",
        &[
            "'null'",
            "'true'",
            "'{\"b\": 1, \"a\": [1, 2.0, -3e100, \"x\\\\u0001\\\\n\\\\\"/\"], \"aa\": {}, \"\": []}'",
            "'[0, -1, 32767, 32768, -32769, 2147483648, -9223372036854775808, 18446744073709551615]'",
            "'[0.1, 1e15, 1e16, 1.0, -0.0, 123456789012345678901, 1e-14, 1e-16]'",
            "'[2.2250738585072014e-308, -1.7976931348623157e308, 0.00001234567890123456, -0.0001234567890123456]'",
            "'[1.2345678901234567e-14, -1.2345678901234567e-13, 1.2345678901234567e15, 1.2345678901234567e16, 12345678901234567e200]'",
            "'\"äöü€😀\"'",
            "JSON_OBJECT('d', CAST(12.50 AS DECIMAL(10,4)), 'n', CAST(-0.5 AS DECIMAL(65,30)))",
            "JSON_ARRAY(CAST('2024-02-29' AS DATE), CAST('2024-02-29 12:34:56.789' AS DATETIME(3)), CAST('-838:59:59' AS TIME), CAST('-00:00:00.5' AS TIME(6)))",
            "JSON_ARRAY(CAST(x'00FF10' AS BINARY), b'101')",
            "JSON_ARRAY(CAST(repeat('abc', 100) AS BINARY))",
            "CONCAT('[', REPEAT('\"0123456789\", ', 10000), '1]')",
            "CONCAT('{\"', REPEAT('k', 300), '\": \"', REPEAT('v', 70000), '\"}')",
            "CONCAT(REPEAT('[', 99), '7', REPEAT(']', 99))",
            "CONCAT('[', REPEAT('70000, 3000000000, null, ', 8000), 'true]')",
        ],
    ),
    ("VECTOR(3)", &["STRING_TO_VECTOR('[1,2,3]')"]),
    ("POINT SRID 4326", &["ST_GeomFromText('POINT(1 2)', 4326)"]),
    ("INT GENERATED ALWAYS AS (id + 1) VIRTUAL", &[]),
    ("INT GENERATED ALWAYS AS (id + 2) STORED", &[]),
    ("INT INVISIBLE", &["5"]),
];

const MARIADB: &[Case] = &[
    ("JSON", &["'{\"b\":1,  \"a\":[1,2]}'"]),
    ("INT GENERATED ALWAYS AS (id + 1) VIRTUAL", &[]),
    ("INT GENERATED ALWAYS AS (id + 2) STORED", &[]),
    ("INT INVISIBLE DEFAULT 3", &["5"]),
];

/// Old formats of MariaDB's temporal types.
const OLD_TEMPORAL: &[Case] = &[
    ("TIME", &["'00:00:00'", "'-838:59:59'", "'7:08:09'"]),
    ("TIME(1)", &["'-00:00:00.1'", "'838:59:59.9'"]),
    ("TIME(3)", &["'-00:00:00.001'", "'12:34:56.789'"]),
    ("TIME(6)", &["'-838:59:59.999999'", "'1:2:3.456789'"]),
    (
        "DATETIME",
        &["'0000-00-00 00:00:00'", "'9999-12-31 23:59:59'"],
    ),
    ("DATETIME(2)", &["'2024-02-29 12:34:56.78'", "'0000-00-00'"]),
    ("DATETIME(5)", &["'2024-02-29 12:34:56.78912'"]),
    ("DATETIME(6)", &["'9999-12-31 23:59:59.999999'"]),
    ("TIMESTAMP NULL", &["'1970-01-01 00:00:01'", "'0000-00-00'"]),
    ("TIMESTAMP(1) NULL", &["'2024-02-29 12:34:56.7'"]),
    (
        "TIMESTAMP(6) NULL",
        &["'2038-01-19 03:14:07.999999'", "'0000-00-00'"],
    ),
];

async fn run(url: &str, statements: &[String]) {
    let server = follow::open(url).await;
    let mut conn = server.session(Session::Plain).await.expect("session");
    conn.query_drop("SET sql_mode = 'ALLOW_INVALID_DATES'")
        .await
        .expect("mode");
    for sql in statements {
        if let Err(error) = conn.query_drop(sql).await {
            panic!("{sql}: {error}");
        }
    }
}

/// The rows of a table by their first column, read with SELECT.
async fn selected(server: &Server, table: &Table) -> BTreeMap<Vec<u8>, Row> {
    let mut conn = server.session(Session::Read).await.expect("session");
    let columns: Vec<usize> = (0..table.columns.len()).collect();
    let sql = format!(
        "SELECT {} FROM {}",
        select::select_list(table, &columns),
        table.name.quoted()
    );
    let rows: Vec<mysql_async::Row> = conn.query(sql).await.expect("rows");
    rows.into_iter()
        .map(|row| {
            let row = select::encode(row);
            (key(&row), row)
        })
        .collect()
}

fn key(row: &Row) -> Vec<u8> {
    match row.cell(0) {
        Some(Cell::Value(value)) => value.to_vec(),
        _ => panic!("no key"),
    }
}

fn shown(row: &Row) -> String {
    row.cells()
        .map(|cell| match cell {
            Cell::Null => "NULL".to_owned(),
            Cell::Value(value) => {
                String::from_utf8_lossy(&value[..value.len().min(200)]).into_owned()
            }
        })
        .collect::<Vec<_>>()
        .join(" | ")
}

/// A table for each case: `id`, the column; a row for each literal, and one with NULL.
fn statements(cases: &[Case]) -> (Vec<String>, Vec<String>) {
    let mut ddl = vec![
        "DROP DATABASE IF EXISTS types".to_owned(),
        "CREATE DATABASE types CHARACTER SET utf8mb4".to_owned(),
    ];
    let mut dml = Vec::new();
    for (at, (ty, literals)) in cases.iter().enumerate() {
        ddl.push(format!(
            "CREATE TABLE types.t{at} (id INT PRIMARY KEY, v {ty})"
        ));
        for (id, literal) in literals.iter().enumerate() {
            dml.push(format!(
                "INSERT INTO types.t{at} (id, v) VALUES ({id}, {literal})"
            ));
        }
        dml.push(format!("INSERT INTO types.t{at} (id) VALUES (1000)"));
        dml.push(format!("UPDATE types.t{at} SET id = 1001 WHERE id = 1000"));
    }
    (ddl, dml)
}

/// Inserts everything, then compares both ways of reading.
async fn compare(url: &str, cases: &[Case], before: &[String]) {
    let server = follow::open(url).await;
    let (ddl, dml) = statements(cases);
    let mut first = before.to_vec();
    first.extend(ddl);
    run(url, &first).await;
    let from = follow::position(&server).await;
    run(url, &dml).await;
    let to = follow::position(&server).await;
    let mut tables = Vec::new();
    for at in 0..cases.len() {
        tables.push(follow::table(&server, "types", &format!("t{at}")).await);
    }
    let changes = follow::changes(&server, &from, &to, &tables)
        .await
        .expect("log");
    let mut logged: BTreeMap<TableName, BTreeMap<Vec<u8>, Row>> = BTreeMap::new();
    for (name, op) in changes {
        let rows = logged.entry(name).or_default();
        if let Some(old) = op.old() {
            assert!(rows.remove(&key(old)).is_some_and(|r| r == *old), "{op:?}");
        }
        if let Op::Insert(new) | Op::Update { new, .. } = op {
            rows.insert(key(&new), new);
        }
    }
    let mut wrong = Vec::new();
    for (table, (ty, _)) in tables.iter().zip(cases) {
        let there = selected(&server, table).await;
        let here = logged.remove(&table.name).unwrap_or_default();
        assert_eq!(there.len(), here.len(), "{ty}");
        for (id, row) in &there {
            if here.get(id) != Some(row) {
                let log = here.get(id).map_or_else(|| "nothing".to_owned(), shown);
                wrong.push(format!("{ty}\n  SELECT {}\n  log    {log}", shown(row)));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_rows_are_equal_by_both_paths() {
    let server = TestServer::start(Kind::MariaDb, Options::default()).await;
    let cases = [COMMON, MARIADB].concat();
    compare(&server.url(), &cases, &[]).await;
    compare(
        &server.url(),
        &cases,
        &["SET GLOBAL log_bin_compress = 1, GLOBAL log_bin_compress_min_len = 10".to_owned()],
    )
    .await;
    compare(
        &server.url(),
        OLD_TEMPORAL,
        &["SET GLOBAL mysql56_temporal_format = 0".to_owned()],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_rows_are_equal_by_both_paths() {
    let server = TestServer::start(Kind::MySql, Options::default()).await;
    let cases = [COMMON, MYSQL].concat();
    compare(&server.url(), &cases, &[]).await;
    compare(
        &server.url(),
        &cases,
        &["SET GLOBAL binlog_transaction_compression = 1".to_owned()],
    )
    .await;
    compare(
        &server.url(),
        &cases,
        &["SET GLOBAL binlog_row_metadata = 'FULL'".to_owned()],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_without_gtid_is_read_by_offset() {
    let server = TestServer::start(Kind::MySql, Options::default().no_gtid()).await;
    compare(&server.url(), &COMMON[..20], &[]).await;
}
