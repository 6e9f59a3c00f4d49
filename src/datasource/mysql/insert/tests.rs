//! Statements as text, and that they hold all rows.

use super::*;
use crate::model::row::{Cell, Row};
use crate::model::table::{Column, ColumnType};
use proptest::prelude::*;

fn table() -> Table {
    let column = |name: &str, ty| Column {
        name: name.to_owned(),
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
    };
    Table {
        name: TableName::new("d", "t`1"),
        columns: vec![
            column("id", ColumnType::Year),
            column("name", ColumnType::Varchar(9)),
            column("raw", ColumnType::Blob(2)),
        ],
        keys: Vec::new(),
        foreign_keys: Vec::new(),
        checks: Vec::new(),
        charset: "utf8mb4".to_owned(),
        collation: "utf8mb4_general_ci".to_owned(),
        comment: String::new(),
        auto_increment: None,
        partition: None,
    }
}

fn batch(rows: &[[Option<&[u8]>; 3]]) -> RowBatch {
    let rows: Vec<Row> = rows
        .iter()
        .map(|row| Row::from_cells(row.map(|c| c.map_or(Cell::Null, Cell::Value))))
        .collect();
    RowBatch::of_rows(&rows)
}

fn text(sql: &[u8]) -> String {
    String::from_utf8_lossy(sql).into_owned()
}

#[test]
fn rows_become_one_statement() {
    let builder = InsertBuilder::new(&table(), &[0, 1, 2], 1 << 20);
    let rows = batch(&[
        [Some(b"1"), Some(b"a'b"), Some(b"\\\0")],
        [Some(b"2"), None, None],
    ]);
    let mut sql = Vec::new();
    assert_eq!(
        builder
            .build(Verb::Insert, &rows, 0, &mut sql)
            .expect("built"),
        2
    );
    assert_eq!(
        text(&sql),
        "INSERT INTO `d`.`t``1` (`id`,`name`,`raw`) VALUES (1,'a\\'b',_binary'\\\\\\0'),(2,NULL,NULL)"
    );
    assert_eq!(
        builder
            .build(Verb::Replace, &rows, 1, &mut sql)
            .expect("built"),
        2
    );
    assert_eq!(
        text(&sql),
        "REPLACE INTO `d`.`t``1` (`id`,`name`,`raw`) VALUES (2,NULL,NULL)"
    );
}

#[test]
fn a_row_that_the_target_cannot_take_is_refused() {
    let builder = InsertBuilder::new(&table(), &[0, 1, 2], 400);
    let long = [b'x'; 500];
    let rows = batch(&[[Some(b"1"), None, None], [Some(b"2"), Some(&long), None]]);
    let mut sql = Vec::new();
    assert_eq!(
        builder
            .build(Verb::Insert, &rows, 0, &mut sql)
            .expect("one fits"),
        1
    );
    let error = builder
        .build(Verb::Insert, &rows, 1, &mut sql)
        .expect_err("too large");
    assert_eq!(error.kind(), Kind::RowRefused);
    assert!(error.to_string().contains("max_allowed_packet"), "{error}");
}

#[test]
fn rows_of_another_width_are_refused() {
    let builder = InsertBuilder::new(&table(), &[0, 1], 1 << 20);
    let mut sql = Vec::new();
    let rows = batch(&[[Some(b"1"), None, None]]);
    assert!(builder.build(Verb::Insert, &rows, 0, &mut sql).is_err());
    let builder = InsertBuilder::new(&table(), &[0, 1, 2, 0], 1 << 20);
    assert!(builder.build(Verb::Insert, &rows, 0, &mut sql).is_err());
}

proptest! {
    /// However large the rows, each is in exactly one statement, and no statement is too large.
    #[test]
    fn statements_hold_all_rows(
        sizes in proptest::collection::vec(0_usize..120, 1..40),
        max in 300_usize..2000,
    ) {
        let builder = InsertBuilder::new(&table(), &[0, 1, 2], max);
        let rows: Vec<Row> = sizes.iter().enumerate().map(|(at, size)| {
            let (id, name) = (at.to_string(), vec![b'\''; *size / 2]);
            Row::from_cells([Cell::Value(id.as_bytes()), Cell::Value(&name), Cell::Null])
        }).collect();
        let rows = RowBatch::of_rows(&rows);
        let mut sql = Vec::new();
        let (mut from, mut seen) = (0, 0);
        while from < rows.rows() {
            let next = builder.build(Verb::Insert, &rows, from, &mut sql).expect("fits");
            prop_assert!(next > from && sql.len() + PACKET_SLACK <= max);
            seen += text(&sql).matches(",NULL)").count();
            from = next;
        }
        prop_assert_eq!(seen, sizes.len());
    }
}
