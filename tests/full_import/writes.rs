//! Writing at the target: the fence, rows that are there already, targets that are not empty.

use mysql_async::prelude::Queryable;
use oms::component::contract::Finish;
use oms::component::full_import::SliceState;
use oms::datasource::mysql::batch::RowBatch;
use oms::datasource::mysql::fence::Fence;
use oms::datasource::mysql::sink::{RowSink, SqlSink, WriteMode};
use oms::datasource::mysql::{Connection, Endpoint, Server as OurServer, Session};
use oms::error::Kind as ErrorKind;
use oms::model::row::{Cell, Row};
use oms::model::table::ColumnType;

use crate::fixture::{Copy, assert_equal, int, make_zoo, table};
use crate::harness::server::start_all;
use crate::harness::{Kind, Options, Server};

async fn ours(server: &Server) -> OurServer {
    OurServer::open(&Endpoint::parse(&server.url()).expect("a valid URL"))
        .await
        .expect("reachable")
}

fn batch(rows: &[[&str; 2]]) -> RowBatch {
    let row = |row: &[&str; 2]| Row::from_cells(row.map(|c| Cell::Value(c.as_bytes())));
    RowBatch::of_rows(&rows.iter().map(row).collect::<Vec<_>>())
}

async fn fence_and_duplicates(server: &Server) {
    server.exec("DROP DATABASE IF EXISTS d; CREATE DATABASE d; CREATE TABLE d.t (id BIGINT PRIMARY KEY, u BIGINT, UNIQUE KEY (u))").await;
    let ours = ours(server).await;
    let mut conn = ours.session(Session::Plain).await.expect("session");
    let old = Fence::acquire(&mut conn, &ours, "np_1/x", 5, 2)
        .await
        .expect("first");
    let table = table("t", &[("id", int()), ("u", int())], &["id"], &["u"]);
    let mut sink = SqlSink::new(ours.clone(), old.clone(), 1);
    sink.turn_to(&table, &[0, 1]);
    sink.write(&batch(&[["1", "10"], ["2", "20"]]), WriteMode::Insert)
        .await
        .expect("new rows");

    // a duplicate is an error, or replaces, as was asked for; nothing of a failed batch stays
    let moved = batch(&[["3", "30"], ["4", "20"]]);
    let error = sink
        .write(&moved, WriteMode::Insert)
        .await
        .expect_err("duplicate");
    assert_eq!(error.kind(), ErrorKind::RowRefused);
    assert!(!error.to_string().contains("20"), "{error}");
    assert_eq!(rows_of(&mut conn).await, [(1, 10), (2, 20)]);
    sink.write(&moved, WriteMode::InsertOrReplace)
        .await
        .expect("replaced");
    assert_eq!(rows_of(&mut conn).await, [(1, 10), (3, 30), (4, 20)]);
    sink.write(&moved, WriteMode::Replace)
        .await
        .expect("replaced again");

    // taking over again with the same epoch is fine; with a newer one ends the older
    Fence::acquire(&mut conn, &ours, "np_1/x", 5, 2)
        .await
        .expect("the same");
    Fence::acquire(&mut conn, &ours, "np_1/other", 9, 2)
        .await
        .expect("another role");
    let new = Fence::acquire(&mut conn, &ours, "np_1/x", 6, 4)
        .await
        .expect("newer");
    let fenced = sink
        .write(&batch(&[["9", "90"]]), WriteMode::Insert)
        .await
        .expect_err("old");
    assert_eq!(fenced.kind(), ErrorKind::Fenced);
    let late = Fence::acquire(&mut conn, &ours, "np_1/x", 5, 8)
        .await
        .expect_err("old");
    assert_eq!(late.kind(), ErrorKind::Fenced);
    let mut sink = SqlSink::new(ours.clone(), new, 3);
    sink.turn_to(&table, &[0, 1]);
    sink.write(&batch(&[["9", "90"]]), WriteMode::Insert)
        .await
        .expect("new");
    sink.clear(&table).await.expect("cleared");
    assert_eq!(rows_of(&mut conn).await, []);
}

async fn rows_of(conn: &mut Connection) -> Vec<(i64, i64)> {
    conn.query("SELECT id, u FROM d.t ORDER BY id")
        .await
        .expect("rows")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_fence_and_rows_that_are_there() {
    let servers = start_all([
        (Kind::MySql, Options::default()),
        (Kind::MariaDb, Options::default()),
        (Kind::OceanBase, Options::default()),
    ])
    .await;
    for server in &servers {
        fence_and_duplicates(server).await;
    }
    // each in its fast way
    let [mysql, mariadb, _] = &servers;
    assert!(times(mysql, "Com_load").await > 0);
    assert!(times(mariadb, "Com_stmt_prepare").await > 0);
    assert_eq!(times(mariadb, "Com_load").await, 0);
}

/// How often a server did something.
async fn times(server: &Server, what: &str) -> u64 {
    let sql = format!("SHOW GLOBAL STATUS LIKE '{what}'");
    let row: Option<(String, u64)> = server.conn().await.query_first(sql).await.expect("status");
    row.expect("a counter").1
}

/// What a table of many types holds after a batch with odd values, by the fast way of MariaDB and by
/// INSERT statements (a value that is refused makes the writer turn to them).
#[tokio::test(flavor = "multi_thread")]
async fn parameters_are_taken_as_literals_are() {
    let [server] = start_all([(Kind::MariaDb, Options::default())]).await;
    server
        .exec(
            "CREATE DATABASE d; CREATE TABLE d.t (id BIGINT UNSIGNED PRIMARY KEY, i TINYINT, n DECIMAL(30,10), \
             f FLOAT, g DOUBLE, b BIT(13), c CHAR(5), v VARCHAR(300), x VARBINARY(300), l LONGBLOB, t TEXT, \
             e ENUM('a','','ü'), s SET('x','y'), d DATE, dt DATETIME(6), ts TIMESTAMP(3) NULL, tm TIME(6), y YEAR)",
        )
        .await;
    let types = [
        (
            "id",
            ColumnType::Int {
                bytes: 8,
                unsigned: true,
                width: None,
                zerofill: false,
            },
        ),
        (
            "i",
            ColumnType::Int {
                bytes: 1,
                unsigned: false,
                width: None,
                zerofill: false,
            },
        ),
        (
            "n",
            ColumnType::Decimal {
                precision: 30,
                scale: 10,
                unsigned: false,
                zerofill: false,
            },
        ),
        (
            "f",
            ColumnType::Float {
                unsigned: false,
                digits: None,
            },
        ),
        (
            "g",
            ColumnType::Double {
                unsigned: false,
                digits: None,
            },
        ),
        ("b", ColumnType::Bit(13)),
        ("c", ColumnType::Char(5)),
        ("v", ColumnType::Varchar(300)),
        ("x", ColumnType::Varbinary(300)),
        ("l", ColumnType::Blob(4)),
        ("t", ColumnType::Text(2)),
        (
            "e",
            ColumnType::Enum(vec!["a".into(), String::new(), "ü".into()]),
        ),
        ("s", ColumnType::Set(vec!["x".into(), "y".into()])),
        ("d", ColumnType::Date),
        ("dt", ColumnType::Datetime(6)),
        ("ts", ColumnType::Timestamp(3)),
        ("tm", ColumnType::Time(6)),
        ("y", ColumnType::Year),
    ];
    let table = table("t", &types, &["id"], &[]);
    let columns: Vec<usize> = (0..types.len()).collect();
    let all_bytes: Vec<u8> = (0..=255).collect();
    let long = "é\\'\"\t\n\0".repeat(30);
    let huge = vec![0x5C; 400_000];
    let v = Cell::Value;
    let rows = [
        Row::from_cells([
            v(b"18446744073709551615"),
            v(b"-128"),
            v(b"-12345678901234567890.0123456789"),
            v(b"1.17549e-38"),
            v(b"-1.7976931348623157e308"),
            v(b"\x1F\xFF"),
            v("ü".as_bytes()),
            v(long.as_bytes()),
            v(&all_bytes),
            v(&huge),
            v(b""),
            v("ü".as_bytes()),
            v(b"x,y"),
            v(b"9999-12-31"),
            v(b"1000-01-01 00:00:00.000001"),
            v(b"2038-01-19 03:14:07.999"),
            v(b"-838:59:58.999999"),
            v(b"2155"),
        ]),
        Row::from_cells(std::iter::once(v(b"0")).chain(std::iter::repeat_n(Cell::Null, 17))),
        Row::from_cells([
            v(b"7"),
            v(b"0"),
            v(b"0.0000000001"),
            v(b"0"),
            v(b"-0.1"),
            v(b"\0\0"),
            v(b""),
            v(b""),
            v(b""),
            v(b""),
            v(b"NULL"),
            v(b""),
            v(b""),
            v(b"1000-01-01"),
            v(b"9999-12-31 23:59:59.999999"),
            v(b"1970-01-01 00:00:01.000"),
            v(b"00:00:00.000000"),
            v(b"1901"),
        ]),
    ];
    let mut held = Vec::new();
    for (role, mode) in [
        ("np_1/a", WriteMode::Replace),
        ("np_1/b", WriteMode::Insert),
    ] {
        for fast in [true, false] {
            server.exec("DELETE FROM d.t").await;
            let ours = ours(&server).await;
            let mut conn = ours.session(Session::Plain).await.expect("session");
            let fence = Fence::acquire(&mut conn, &ours, role, 1, 1)
                .await
                .expect("a fence");
            let mut sink = SqlSink::new(ours, fence, 0);
            sink.turn_to(&table, &columns);
            if !fast {
                let refused = Row::from_cells(
                    [v(b"1"), v(b"1000")]
                        .into_iter()
                        .chain(std::iter::repeat_n(Cell::Null, 16)),
                );
                let error = sink
                    .write(&RowBatch::of_rows([&refused]), mode)
                    .await
                    .expect_err("out of range");
                assert_eq!(error.kind(), ErrorKind::RowRefused);
                assert!(!error.to_string().contains("1000"), "{error}");
            }
            let before = times(&server, "Com_stmt_prepare").await;
            sink.write(&RowBatch::of_rows(&rows), mode)
                .await
                .expect("written");
            assert_eq!(times(&server, "Com_stmt_prepare").await > before, fast);
            let sums: Vec<(u64, String)> = server
                .conn()
                .await
                .query("SELECT id, SHA2(CONCAT_WS('#',id,i,n,f,g,HEX(b),HEX(c),HEX(v),HEX(x),HEX(l),HEX(t),HEX(e),s,d,dt,ts,tm,y), 256) FROM d.t ORDER BY id")
                .await
                .expect("sums");
            assert_eq!(sums.len(), 3);
            held.push(sums);
        }
    }
    assert!(held.windows(2).all(|pair| pair[0] == pair[1]), "{held:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_table_fails_and_the_others_go_on() {
    let [source, target] = start_all([
        (Kind::MariaDb, Options::default()),
        (Kind::MariaDb, Options::default()),
    ])
    .await;
    let tables = make_zoo(&source, &target).await;
    target
        .exec("INSERT INTO d.days VALUES ('2000-01-01', 1); SET sql_mode=''; ALTER TABLE d.pairs MODIFY v VARCHAR(20)")
        .await;
    let mut copy = Copy::new(&source, &target, tables);
    let error = copy.start().await.expect_err("two tables fail");
    assert!(
        matches!(
            error.kind(),
            ErrorKind::TargetNotEmpty | ErrorKind::RowRefused
        ),
        "{error}"
    );
    let done: Vec<_> = copy
        .tables
        .iter()
        .filter(|t| !["days", "pairs"].contains(&t.name.name.as_str()))
        .cloned()
        .collect();
    assert_equal(&source, &target, &done).await;
    let named = |name: &str| {
        copy.tables
            .iter()
            .find(|t| t.name.name == name)
            .expect("there")
            .name
            .clone()
    };
    let failed = copy.slices.of(&named("pairs"));
    let failed = failed
        .iter()
        .find(|s| s.state == SliceState::Failed)
        .expect("a failed slice");
    let report = failed.info.error.as_ref().expect("its error");
    assert_eq!(report.code, ErrorKind::RowRefused.code());
    assert!(!report.message.contains("vvvv"), "{}", report.message);
    assert!(copy.slices.of(&named("days")).is_empty());

    target
        .exec("DELETE FROM d.days; ALTER TABLE d.pairs MODIFY v VARCHAR(60)")
        .await;
    assert_eq!(copy.start().await.expect("mended"), Finish::Done);
    assert_equal(&source, &target, &copy.tables).await;
    // nothing is left to do, and nothing is checked again
    assert_eq!(copy.start().await.expect("again"), Finish::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_larger_than_the_target_takes_are_refused() {
    let [source, target] = start_all([
        (Kind::MySql, Options::default()),
        (
            Kind::MariaDb,
            Options::default().arg("--max-allowed-packet=1M"),
        ),
    ])
    .await;
    for server in [&source, &target] {
        server
            .exec("CREATE DATABASE d; CREATE TABLE d.big (id BIGINT PRIMARY KEY, v LONGTEXT)")
            .await;
    }
    source.exec("INSERT INTO d.big VALUES (1, REPEAT('a', 900000)), (2, REPEAT('b', 900000)), (3, REPEAT('''', 40000000))").await;
    let big = table(
        "big",
        &[("id", int()), ("v", ColumnType::Text(4))],
        &["id"],
        &[],
    );
    let mut copy = Copy::new(&source, &target, vec![big]);
    let error = copy.start().await.expect_err("too large");
    assert_eq!(error.kind(), ErrorKind::RowRefused);
    assert!(error.to_string().contains("max_allowed_packet"), "{error}");
    target
        .exec("SET GLOBAL max_allowed_packet = 128*1024*1024")
        .await;
    assert_eq!(copy.start().await.expect("mended"), Finish::Done);
    assert_equal(&source, &target, &copy.tables).await;
}
