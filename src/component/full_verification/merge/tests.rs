//! Merging two sorted streams: every difference is found, and slices leave no gap.

use super::super::plan::Plan;
use super::super::ports::TablePair;
use super::*;
use crate::datasource::mysql::compare::LiveColumn;
use crate::model::row::Cell;
use crate::model::table::{Column, ColumnType, Key, KeyKind, KeyPart, KeyWhat, Table, TableName};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

const INT: ColumnType = ColumnType::Int {
    bytes: 8,
    unsigned: false,
    width: None,
    zerofill: false,
};

fn plan(columns: &[(&str, ColumnType)], key: &[&str]) -> Plan {
    let name = TableName::new("s", "t");
    let column = |(name, ty): &(&str, ColumnType)| Column {
        name: (*name).to_owned(),
        ty: ty.clone(),
        nullable: false,
        default: None,
        on_update_now: None,
        auto_increment: false,
        generated: None,
        comment: String::new(),
        charset: None,
        collation: None,
        invisible: false,
    };
    let part = |name: &&str| KeyPart {
        what: KeyWhat::Column((*name).to_owned()),
        prefix: None,
        descending: false,
    };
    let source = Table {
        name: name.clone(),
        columns: columns.iter().map(column).collect(),
        keys: vec![Key {
            name: "PRIMARY".into(),
            kind: KeyKind::Primary,
            parts: key.iter().map(part).collect(),
            comment: String::new(),
        }],
        foreign_keys: Vec::new(),
        checks: Vec::new(),
        charset: "utf8mb4".into(),
        collation: "utf8mb4_general_ci".into(),
        comment: String::new(),
        auto_increment: None,
        partition: None,
    };
    let live: Vec<LiveColumn> = source
        .columns
        .iter()
        .map(|c| LiveColumn {
            name: c.name.clone(),
            ty: c.ty.clone(),
            charset: None,
            generated: false,
            nullable: c.nullable,
        })
        .collect();
    let pair = TablePair {
        source: Arc::new(source),
        target: name,
    };
    Plan::make(&pair, &live, true).expect("same columns")
}

fn row(a: i64, b: i64, v: Option<&str>) -> Row {
    let (a, b) = (a.to_string(), b.to_string());
    Row::from_cells([
        Cell::Value(a.as_bytes()),
        Cell::Value(b.as_bytes()),
        v.map_or(Cell::Null, |v| Cell::Value(v.as_bytes())),
    ])
}

type Side2 = BTreeMap<(i64, i64), Option<String>>;

fn rows(side: &Side2) -> Vec<Row> {
    side.iter()
        .map(|(&(a, b), v)| row(a, b, v.as_deref()))
        .collect()
}

/// Drives the judge over two sorted streams.
fn merged(plan: &Plan, source: &[Row], target: &[Row]) -> Vec<(Verdict, Row)> {
    let (mut s, mut t) = (source.iter().peekable(), target.iter().peekable());
    let mut out = Vec::new();
    loop {
        let verdict = judge(plan, s.peek().copied(), t.peek().copied());
        let (take_s, take_t) = match verdict {
            Verdict::End => return out,
            Verdict::SourceOnly => (true, false),
            Verdict::TargetOnly => (false, true),
            Verdict::Equal | Verdict::Mismatched => (true, true),
        };
        let source = if take_s { s.next() } else { None };
        let target = if take_t { t.next() } else { None };
        let row = source.or(target).expect("a row was judged").clone();
        out.push((verdict, plan.key_of(&row)));
    }
}

fn side() -> impl Strategy<Value = Side2> {
    proptest::collection::btree_map(
        (-3_i64..12, -2_i64..3),
        proptest::option::of("[ab]{0,1}"),
        0..25,
    )
}

proptest! {
    #[test]
    fn merging_finds_what_a_naive_comparison_finds(source in side(), target in side()) {
        let plan = plan(&[("a", INT), ("b", INT), ("v", ColumnType::Varchar(9))], &["a", "b"]);
        let mut expected = Vec::new();
        let keys: std::collections::BTreeSet<_> = source.keys().chain(target.keys()).collect();
        for key in keys {
            expected.push(match (source.get(key), target.get(key)) {
                (Some(s), Some(t)) if s == t => Verdict::Equal,
                (Some(_), Some(_)) => Verdict::Mismatched,
                (Some(_), None) => Verdict::SourceOnly,
                _ => Verdict::TargetOnly,
            });
        }
        let found: Vec<Verdict> = merged(&plan, &rows(&source), &rows(&target))
            .into_iter()
            .map(|(verdict, _)| verdict)
            .collect();
        prop_assert_eq!(found, expected);
    }

    /// Wherever a slice is left, the rest begins exactly behind the last row that was judged.
    #[test]
    fn a_merge_can_go_on_behind_any_key(source in side(), target in side(), cut in 0_usize..50) {
        let plan = plan(&[("a", INT), ("b", INT), ("v", ColumnType::Varchar(9))], &["a", "b"]);
        let (source, target) = (rows(&source), rows(&target));
        let whole = merged(&plan, &source, &target);
        if let Some((_, key)) = whole.get(cut) {
            let behind = |rows: &[Row]| -> Vec<Row> {
                rows.iter()
                    .filter(|row| plan.compare_keys(&plan.key_of(row), key).is_gt())
                    .cloned()
                    .collect()
            };
            let rest = merged(&plan, &behind(&source), &behind(&target));
            prop_assert_eq!(&whole[cut + 1..], &rest[..]);
        }
    }
}

#[test]
fn key_columns_need_not_come_first() {
    let plan = plan(&[("v", ColumnType::Varchar(9)), ("a", INT)], &["a"]);
    let make =
        |v: &str, a: &str| Row::from_cells([Cell::Value(v.as_bytes()), Cell::Value(a.as_bytes())]);
    assert_eq!(
        judge(&plan, Some(&make("z", "9")), Some(&make("a", "10"))),
        Verdict::SourceOnly
    );
    assert_eq!(
        judge(&plan, Some(&make("z", "10")), Some(&make("a", "10"))),
        Verdict::Mismatched
    );
}

#[test]
fn ranges_are_open_below_and_closed_above() {
    let plan = plan(
        &[
            ("a", INT),
            ("b", ColumnType::Varbinary(9)),
            ("v", ColumnType::Text(2)),
        ],
        &["a", "b"],
    );
    let key = |a: &str, b: &[u8]| Row::from_cells([Cell::Value(a.as_bytes()), Cell::Value(b)]);
    let slice = Slice {
        after: Some(key("1", b"x")),
        upto: Some(key("7", b"\0")),
    };
    assert_eq!(
        read_slice(&plan, Side::Source, &slice, true),
        "SELECT `a`,`b` FROM `s`.`t` WHERE `a`>=1 AND (`a`>1 OR (`a`=1 AND (`b`>X'78'))) AND \
         `a`<=7 AND (`a`<7 OR (`a`=7 AND (`b`<=X'00'))) ORDER BY `a`,`b`"
    );
}
