//! One decoder for both paths: a row read by `SELECT` and the same row read from the log are the
//! same bytes.

use crate::cases::{COMMON, Case, MARIADB, MYSQL, OLD_TEMPORAL};
use crate::follow;
use crate::harness::{Kind, Options, Server as TestServer};
use mysql_async::prelude::Queryable;
use oms::datasource::mysql::binlog::decode::double;
use oms::datasource::mysql::binlog::decode::text::Charset;
use oms::datasource::mysql::{Server, Session, select};
use oms::model::change::Op;
use oms::model::row::{Cell, Row};
use oms::model::table::{Table, TableName};
use std::collections::BTreeMap;

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
    // what concerns the session is said in this one too
    let session = before.iter().filter(|sql| sql.contains("gtid_next"));
    let dml: Vec<String> = session.cloned().chain(dml).collect();
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
    // transactions with tags, and a log that holds some already
    for _ in 0..2 {
        compare(
            &server.url(),
            &COMMON[..10],
            &["SET gtid_next = 'AUTOMATIC:tag'".to_owned()],
        )
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_without_gtid_is_read_by_offset() {
    let server = TestServer::start(Kind::MySql, Options::default().no_gtid()).await;
    compare(&server.url(), &COMMON[..20], &[]).await;
}

/// Every character of every supported character set, as the server converts it.
async fn charsets_agree(kind: Kind) {
    let source = TestServer::start(kind, Options::default()).await;
    let mut conn = source.conn().await;
    conn.query_drop("SET NAMES utf8mb4").await.expect("names");
    let one = |from: u32| (from..=0xFF).map(|b| vec![b as u8]);
    let two = (0x81..=0xFE_u8).flat_map(|a| (0x40..=0xFE_u8).map(move |b| vec![a, b]));
    let mut wrong = Vec::new();
    for (name, codes) in [
        ("latin1", one(1).collect::<Vec<_>>()),
        ("latin2", one(1).collect()),
        ("cp1250", one(1).collect()),
        ("cp1251", one(1).collect()),
        ("cp1256", one(1).collect()),
        ("cp1257", one(1).collect()),
        ("koi8r", one(1).collect()),
        ("gbk", two.clone().collect()),
        ("euckr", two.clone().collect()),
        ("cp932", two.clone().chain(one(0xA1)).collect()),
        ("latin7", one(1).collect()),
    ] {
        let charset = Charset::by_name(name).expect("supported");
        for chunk in codes.chunks(500) {
            let list: Vec<String> = chunk
                .iter()
                .map(|code| {
                    let hex: String = code.iter().map(|b| format!("{b:02X}")).collect();
                    format!("SELECT CONVERT(CONVERT(x'{hex}' USING {name}) USING utf8mb4)")
                })
                .collect();
            let answers: Vec<Option<String>> = conn
                .query(list.join(" UNION ALL "))
                .await
                .expect("conversion");
            for (code, answer) in chunk.iter().zip(answers) {
                let mut ours = Vec::new();
                let valid = charset.to_utf8(code, &mut ours).is_ok();
                let ours = String::from_utf8(ours).expect("UTF-8");
                // what the server itself does not know cannot be in a column, or is refused
                let unknown = answer.as_deref().is_none_or(|a| a.contains('?')) && code != b"?";
                if valid && !unknown && answer.as_deref() != Some(ours.as_str()) {
                    wrong.push(format!("{name} {code:02X?}: {answer:?}, not {ours:?}"));
                }
                if !valid && !unknown {
                    wrong.push(format!("{name} {code:02X?}: {answer:?} is refused"));
                }
            }
        }
    }
    wrong.sort();
    assert!(wrong.is_empty(), "{} {}", wrong.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_charsets_agree() {
    charsets_agree(Kind::MariaDb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_charsets_agree() {
    charsets_agree(Kind::MySql).await;
}

/// Thousands of random numbers of every size.
#[tokio::test(flavor = "multi_thread")]
async fn doubles_are_printed_as_the_server_does() {
    for kind in [Kind::MariaDb, Kind::MySql] {
        let source = TestServer::start(kind, Options::default()).await;
        let mut conn = source.conn().await;
        conn.query_drop("CREATE DATABASE d; CREATE TABLE d.t (id INT AUTO_INCREMENT PRIMARY KEY, v DOUBLE, w DOUBLE(30,5))")
            .await
            .expect("table");
        let mut values: Vec<f64> = (0..3000)
            .map(|_| f64::from_bits(rand::random()))
            .filter(|v| v.is_finite())
            .collect();
        values.extend((0..3000).map(|_| {
            let digits: i64 = rand::random_range(-10_i64.pow(17)..10_i64.pow(17));
            let scale: i32 = rand::random_range(-25..10);
            digits as f64 * 10_f64.powi(scale)
        }));
        for chunk in values.chunks(500) {
            let rows: Vec<String> = chunk
                .iter()
                .map(|v| {
                    let small = if v.abs() < 1e20 { *v } else { 0.5 };
                    format!("({v:e}, {small:e})")
                })
                .collect();
            conn.query_drop(format!("INSERT INTO d.t (v, w) VALUES {}", rows.join(",")))
                .await
                .expect("insert");
        }
        let shown: Vec<(String, String)> = conn
            .query("SELECT CAST(v AS CHAR), CAST(w AS CHAR) FROM d.t ORDER BY id")
            .await
            .expect("rows");
        let raw: Vec<mysql_async::Row> = conn
            .exec("SELECT v, w FROM d.t ORDER BY id", ())
            .await
            .expect("numbers");
        for (text, row) in shown.iter().zip(raw) {
            let (v, w): (f64, f64) = mysql_async::from_row(row);
            let mut out = Vec::new();
            double::shortest(&mut out, v);
            assert_eq!(text.0, String::from_utf8_lossy(&out), "{kind:?} {v:e}");
            out.clear();
            double::fixed(&mut out, w, 5);
            assert_eq!(text.1, String::from_utf8_lossy(&out), "{kind:?} {w:e}");
        }
    }
}
