//! Transactions, rows and definitions from bytes made by hand, and garbage.

use super::assembler::{Assembler, Step};
use super::event::{self, Header, kind};
use super::input::Input;
use super::plan::RowPlan;
use super::rows::RowsEvent;
use super::table_map::TableMap;
use crate::model::change::TableVersion;
use crate::model::ids::TxnId;
use crate::model::position::Position;
use crate::model::table::{Column, ColumnType, Table, TableName};
use proptest::prelude::*;
use std::sync::Arc;

const UUID: &str = "3e11fa47-71ca-11e1-9e33-c80aa9429562";

fn position(file: &str, offset: u64, gtid: Option<&str>) -> Position {
    Position {
        file: file.to_owned(),
        offset,
        gtid: gtid.map(|set| format!("{UUID}:{set}")),
        time_ms: 1,
    }
}

/// An event of 100 bytes that ends at the offset.
fn header(kind: u8, end: u64) -> Header {
    Header {
        timestamp: 1000,
        kind,
        server_id: 1,
        size: 100,
        log_pos: end as u32,
        flags: 0,
    }
}

fn gtid(number: u64) -> Vec<u8> {
    let mut body = vec![0];
    let source = UUID.replace('-', "");
    for at in (0..32).step_by(2) {
        body.push(u8::from_str_radix(&source[at..at + 2], 16).expect("hex"));
    }
    body.extend(number.to_le_bytes());
    body
}

/// A QUERY's body; it is kept for as long as the test runs.
fn query(sql: &str) -> &'static [u8] {
    let mut body = vec![0; 8];
    body.push(1);
    body.extend([0, 0, 0, 0]);
    body.extend(b"d\0");
    body.extend(sql.as_bytes());
    body.leak()
}

fn rotate(file: &str, offset: u64) -> (Header, Vec<u8>) {
    let mut body = offset.to_le_bytes().to_vec();
    body.extend(file.as_bytes());
    let artificial = Header {
        kind: kind::ROTATE,
        size: 40,
        flags: 0x20,
        ..Header::default()
    };
    (artificial, body)
}

#[test]
fn a_transaction_is_named_by_its_first_event() {
    let mut log = Assembler::new(&position("b.000002", 400, Some("1-5")), false);
    let (header_rotate, body) = rotate("b.000002", 4);
    log.push(&header_rotate, &body).expect("rotate");
    log.push(&header(kind::FORMAT_DESCRIPTION, 126), &[])
        .expect("format");
    // the source begins at the file's start; the position does not go back
    assert_eq!(log.position(), position("b.000002", 400, Some("1-5")));
    log.push(&header(kind::GTID, 500), &gtid(6)).expect("gtid");
    assert_eq!(log.txn_id(), Some(TxnId::from_file(2, 400)));
    log.push(&header(kind::QUERY, 600), query("BEGIN"))
        .expect("begin");
    let step = log.push(&header(kind::XID, 700), &[0; 8]).expect("commit");
    assert_eq!(step, Step::Commit { prepared: false });
    let mut end = position("b.000002", 700, Some("1-6"));
    end.time_ms = 1_000_000;
    assert_eq!(log.position(), end);
    assert_eq!(log.last_id(), TxnId::from_file(2, 400));
}

#[test]
fn what_was_read_before_is_passed_over() {
    let mut log = Assembler::new(&position("b.000002", 400, Some("1-5")), false);
    // a commit that was on its way when the position was asked for
    log.push(&header(kind::GTID, 300), &gtid(7)).expect("gtid");
    let ddl = log.push(&header(kind::QUERY, 400), query("CREATE TABLE t (a INT)"));
    assert_eq!(ddl.expect("ddl"), Step::Nothing);
    assert_eq!(log.position().gtid, Some(format!("{UUID}:1-5:7")));
    log.push(&header(kind::GTID, 500), &gtid(6)).expect("gtid");
    let ddl = log.push(&header(kind::QUERY, 600), query("CREATE TABLE t (a INT)"));
    let Step::Statement(sql) = ddl.expect("ddl") else {
        panic!("a statement");
    };
    assert!(sql.ends);
    assert_eq!((sql.id, &*sql.schema), (TxnId::from_file(2, 400), "d"));
    assert_eq!(log.position().gtid, Some(format!("{UUID}:1-7")));
}

#[test]
fn offsets_grow_beyond_32_bits() {
    const G: u64 = 1 << 32;
    let mut log = Assembler::new(&position("b.000001", G - 150, None), false);
    log.push(&header(kind::ANONYMOUS_GTID, G - 50), &gtid(0))
        .expect("gtid");
    log.push(&header(kind::QUERY, G + 50), query("BEGIN"))
        .expect("begin");
    log.push(&header(kind::XID, G + 150), &[0; 8])
        .expect("commit");
    assert_eq!(log.position().offset, G + 150);
    // after a reconnect the source begins at the start of the file
    let resume = position("b.000001", 3 * G + 500, None);
    let mut log = Assembler::new(&resume, false);
    let (header_rotate, body) = rotate("b.000001", 4);
    log.push(&header_rotate, &body).expect("rotate");
    log.push(&header(kind::FORMAT_DESCRIPTION, 126), &[])
        .expect("format");
    log.push(&header(kind::ANONYMOUS_GTID, 3 * G + 600), &gtid(0))
        .expect("gtid");
    assert_eq!(log.txn_id(), Some(TxnId::from_file(1, 3 * G + 500)));
}

#[test]
fn a_crash_of_the_source_ends_its_transaction() {
    let mut log = Assembler::new(&position("b.000001", 400, None), false);
    log.push(&header(kind::ANONYMOUS_GTID, 500), &gtid(0))
        .expect("gtid");
    log.push(&header(kind::QUERY, 600), query("BEGIN"))
        .expect("begin");
    let (header_rotate, body) = rotate("b.000002", 4);
    let step = log.push(&header_rotate, &body).expect("rotate");
    assert_eq!(step, Step::Aborted);
    assert_eq!(log.position().file, "b.000002");
}

#[test]
fn savepoints_and_statements_inside_a_transaction() {
    let mut log = Assembler::new(&position("b.000001", 400, None), false);
    log.push(&header(kind::ANONYMOUS_GTID, 500), &gtid(0))
        .expect("gtid");
    log.push(&header(kind::QUERY, 600), query("BEGIN"))
        .expect("begin");
    let step = log.push(&header(kind::QUERY, 700), query("SAVEPOINT `A`"));
    assert_eq!(step.expect("savepoint"), Step::Savepoint("a".to_owned()));
    let step = log.push(
        &header(kind::QUERY, 800),
        query("CREATE TABLE t (a INT) START TRANSACTION"),
    );
    let Step::Statement(sql) = step.expect("statement") else {
        panic!("a statement");
    };
    assert!(!sql.ends && !sql.is_data);
    let step = log.push(&header(kind::QUERY, 900), query("ROLLBACK"));
    assert_eq!(step.expect("rollback"), Step::Rollback);
}

fn column(ty: ColumnType) -> Column {
    Column {
        name: "c".to_owned(),
        ty,
        nullable: true,
        default: None,
        on_update_now: None,
        auto_increment: false,
        generated: None,
        comment: String::new(),
        charset: None,
        collation: None,
        invisible: false,
    }
}

fn version(types: Vec<ColumnType>) -> Arc<TableVersion> {
    Arc::new(TableVersion {
        id: 1,
        table: Table {
            name: TableName::new("d", "t"),
            columns: types.into_iter().map(column).collect(),
            keys: Vec::new(),
            foreign_keys: Vec::new(),
            checks: Vec::new(),
            charset: "utf8mb4".to_owned(),
            collation: "utf8mb4_bin".to_owned(),
            comment: String::new(),
            auto_increment: None,
            partition: None,
        },
    })
}

const INT: ColumnType = ColumnType::Int {
    bytes: 4,
    unsigned: false,
    width: None,
    zerofill: false,
};

/// TABLE_MAP of `d.t` with an INT and a VARCHAR(10).
fn table_map() -> Vec<u8> {
    let mut body = vec![7, 0, 0, 0, 0, 0, 1, 0, 1, b'd', 0, 1, b't', 0];
    body.extend([2, 3, 15, 2, 40, 0, 3]);
    body
}

#[test]
fn rows_are_read_and_a_partial_image_is_refused() {
    let map_bytes = table_map();
    let map = TableMap::parse(&map_bytes).expect("table map");
    let plan = RowPlan::new(&map, version(vec![INT, ColumnType::Varchar(10)])).expect("plan");
    let head = [7, 0, 0, 0, 0, 0, 1, 0, 2, 0, 2];
    let row = [0, 5, 0, 0, 0, 2, b'h', b'i', 2, 6, 0, 0, 0];
    let event = |present: u8| {
        let mut body = head.to_vec();
        body.push(present);
        body.extend(row);
        body
    };
    let full = event(3);
    let full = RowsEvent::parse(kind::WRITE_ROWS, &full).expect("rows");
    let mut rows = full.rows(&plan).expect("full");
    let mut out = Vec::new();
    rows.first_image(&mut out).expect("row");
    rows.first_image(&mut out).expect("row");
    assert!(rows.is_empty());
    assert_eq!(out, b"\x015\x02hi\x016\xFB");
    let partial = event(1);
    let partial = RowsEvent::parse(kind::WRITE_ROWS, &partial).expect("rows");
    assert!(partial.rows(&plan).is_none());
}

#[test]
fn definitions_that_do_not_fit_are_drift() {
    use crate::error::Kind;
    let map_bytes = table_map();
    let map = TableMap::parse(&map_bytes).expect("table map");
    for (types, kind) in [
        (vec![INT], Kind::SchemaDrift),
        (vec![ColumnType::Varchar(10), INT], Kind::SchemaDrift),
        (vec![INT, ColumnType::Varbinary(10)], Kind::SchemaDrift),
        (
            vec![INT, ColumnType::Other("uuid".to_owned())],
            Kind::TypeUnsupported,
        ),
    ] {
        let error = RowPlan::new(&map, version(types)).expect_err("mismatch");
        assert_eq!(error.kind(), kind, "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..80), kind in any::<u8>()) {
        let _ = event::rotate(&bytes);
        let _ = event::gtid(&bytes);
        let _ = event::maria_gtid(&bytes);
        let _ = event::query(&bytes);
        let _ = event::decompress(&bytes);
        if let Ok(map) = TableMap::parse(&bytes) {
            let _ = (map.columns(), map.names(), map.unsigned());
        }
        let mut log = Assembler::new(&position("b.000001", 4, Some("1-5")), false);
        let _ = log.push(&header(kind, 300), &bytes);
        let _ = log.push(&header(kind, 3), &bytes);
    }

    #[test]
    fn garbage_in_rows_never_panics(
        bytes in proptest::collection::vec(any::<u8>(), 0..80),
        kind in prop_oneof![Just(23_u8), Just(24), Just(31), Just(169), Just(170)],
    ) {
        let map_bytes = table_map();
        let map = TableMap::parse(&map_bytes).expect("table map");
        let plan = RowPlan::new(&map, version(vec![INT, ColumnType::Varchar(10)])).expect("plan");
        let mut body = vec![7, 0, 0, 0, 0, 0, 1, 0];
        if kind == 31 {
            body.extend([2, 0]);
        }
        body.extend([2, 3]);
        if matches!(kind, 24 | 31) {
            body.push(3);
        }
        body.extend(&bytes);
        if let Ok(event) = RowsEvent::parse(kind, &body)
            && let Some(mut rows) = event.rows(&plan)
        {
            let mut out = Vec::new();
            while !rows.is_empty() {
                if rows.first_image(&mut out).is_err() || rows.second_image(&mut out).is_err() {
                    break;
                }
            }
        }
        let _ = Input(&bytes).lenenc();
    }
}
