//! Conditions as text, and what they say of rows.

use super::*;
use crate::model::table::{Column, KeyKind, KeyPart, TableName};
use proptest::prelude::*;

fn column(name: &str, ty: ColumnType) -> Column {
    Column {
        name: name.to_owned(),
        charset: ty.is_character().then(|| "latin1".to_owned()),
        collation: None,
        ty,
        nullable: false,
        default: None,
        on_update_now: None,
        auto_increment: false,
        generated: None,
        comment: String::new(),
        invisible: false,
    }
}

fn int() -> ColumnType {
    ColumnType::Int {
        bytes: 4,
        unsigned: false,
        width: None,
        zerofill: false,
    }
}

/// A table whose key is these columns; the bool says whether the part is descending.
fn table(kind: KeyKind, columns: &[(&str, ColumnType, bool)]) -> Table {
    Table {
        name: TableName::new("d", "t"),
        columns: columns
            .iter()
            .map(|(n, t, _)| column(n, t.clone()))
            .collect(),
        keys: vec![Key {
            name: "uk".to_owned(),
            kind,
            parts: columns
                .iter()
                .map(|&(name, _, descending)| KeyPart {
                    what: KeyWhat::Column(name.to_owned()),
                    prefix: None,
                    descending,
                })
                .collect(),
            comment: String::new(),
        }],
        foreign_keys: Vec::new(),
        checks: Vec::new(),
        charset: "utf8mb4".to_owned(),
        collation: "utf8mb4_general_ci".to_owned(),
        comment: String::new(),
        auto_increment: None,
        partition: None,
    }
}

fn key(columns: &[(&str, ColumnType)]) -> SliceKey {
    let columns: Vec<_> = columns
        .iter()
        .map(|(n, t)| (*n, t.clone(), false))
        .collect();
    SliceKey::of(&table(KeyKind::Primary, &columns)).expect("sliceable")
}

fn bound(key: &SliceKey, values: &[&str]) -> Bound {
    key.bound(values.iter().map(|&v| v.to_owned()))
}

#[test]
fn one_column() {
    let key = key(&[("id", int())]);
    let (low, high) = (bound(&key, &["-5"]), bound(&key, &["10"]));
    let sql =
        |l: Option<&Bound>, u: Option<&Bound>| key.condition(l, u, Form::Expanded).expect("valid");
    assert_eq!(sql(None, None), None);
    assert_eq!(
        sql(Some(&low), Some(&high)).as_deref(),
        Some("`id` > -5 AND `id` <= 10")
    );
    assert_eq!(sql(None, Some(&high)).as_deref(), Some("`id` <= 10"));
    assert_eq!(key.index_hint(), "FORCE INDEX (`PRIMARY`)");
}

#[test]
fn several_columns() {
    let key = key(&[("a", int()), ("b", ColumnType::Varchar(9))]);
    let low = bound(&key, &["1", "61"]);
    assert_eq!(
        key.condition(Some(&low), None, Form::Expanded)
            .expect("valid")
            .as_deref(),
        Some("`a` >= 1 AND ((`a` > 1) OR (`a` = 1 AND `b` > _latin1 X'61'))")
    );
    assert_eq!(
        key.condition(None, Some(&low), Form::RowConstructor)
            .expect("valid")
            .as_deref(),
        Some("(`a`,`b`) <= (1,_latin1 X'61')")
    );
    assert_eq!(key.bound_list(), "`a`,HEX(`b`)");
    assert_eq!(key.order_list("DESC"), "`a` DESC,`b` DESC");
}

#[test]
fn only_exact_types_take_part() {
    let parts = |columns: &[(&str, ColumnType, bool)]| {
        SliceKey::of(&table(KeyKind::Unique, columns)).map(|k| k.parts.len())
    };
    let choice = ColumnType::Enum(vec!["x".to_owned()]);
    let float = ColumnType::Float {
        unsigned: false,
        digits: None,
    };
    assert_eq!(parts(&[("a", choice.clone(), false)]), None);
    assert_eq!(parts(&[("a", float, false)]), None);
    assert_eq!(
        parts(&[
            ("a", int(), false),
            ("b", choice, false),
            ("c", int(), false)
        ]),
        Some(1)
    );
    // an index of mixed directions is not read in one go beyond the first
    assert_eq!(parts(&[("a", int(), false), ("b", int(), true)]), Some(1));
    assert_eq!(parts(&[("a", int(), true), ("b", int(), true)]), Some(2));
    assert_eq!(
        SliceKey::of(&table(KeyKind::Unique, &[("a", int(), false)])).map(|k| k.index_hint()),
        Some("FORCE INDEX (`uk`)".to_owned())
    );
    assert_eq!(
        SliceKey::of(&table(KeyKind::Index, &[("a", int(), false)])),
        None
    );
}

#[test]
fn bounds_that_a_person_spoiled_are_refused() {
    for (ty, value) in [
        (int(), "1 OR 1=1"),
        (int(), ""),
        (int(), "1.5.2"),
        (ColumnType::Varchar(5), "6"),
        (ColumnType::Varchar(5), "zz"),
        (ColumnType::Varbinary(5), "61'"),
        (ColumnType::Datetime(0), "2020-01-01' OR '1"),
        (ColumnType::Bit(5), "-1"),
    ] {
        let key = key(&[("k", ty)]);
        let bad = bound(&key, &[value]);
        let error = key
            .condition(Some(&bad), None, Form::Expanded)
            .expect_err(value);
        assert_eq!(error.kind(), Kind::RmCorrupt);
        assert!(
            value.len() < 3 || !error.to_string().contains(value),
            "{error}"
        );
    }
    let key = key(&[("k", int())]);
    assert!(
        key.condition(Some(&Bound::new()), None, Form::Expanded)
            .is_err()
    );
}

/// What the conditions say of a row, by a small reader of exactly what we write.
struct Reader<'a> {
    tokens: Vec<&'a str>,
    at: usize,
    row: [i64; 3],
}

impl Reader<'_> {
    fn holds(sql: &str, row: [i64; 3]) -> bool {
        let spaced = sql.replace('(', " ( ").replace(')', " ) ");
        let mut reader = Reader {
            tokens: spaced.split_whitespace().collect(),
            at: 0,
            row,
        };
        let value = reader.any();
        assert_eq!(reader.at, reader.tokens.len(), "{sql}");
        value
    }

    fn eat(&mut self, token: &str) -> bool {
        let hit = self.tokens.get(self.at) == Some(&token);
        self.at += usize::from(hit);
        hit
    }

    fn any(&mut self) -> bool {
        let mut value = self.all();
        while self.eat("OR") {
            value |= self.all();
        }
        value
    }

    fn all(&mut self) -> bool {
        let mut value = self.one();
        while self.eat("AND") {
            value &= self.one();
        }
        value
    }

    fn one(&mut self) -> bool {
        if self.eat("(") {
            let value = self.any();
            assert!(self.eat(")"));
            return value;
        }
        let [name, op, value] = self.tokens[self.at..self.at + 3] else {
            panic!("short");
        };
        self.at += 3;
        let column = ["`a`", "`b`", "`c`"]
            .iter()
            .position(|c| *c == name)
            .expect("column");
        let (left, right) = (self.row[column], value.parse::<i64>().expect("number"));
        match op {
            ">" => left > right,
            ">=" => left >= right,
            "<" => left < right,
            "<=" => left <= right,
            "=" => left == right,
            other => panic!("{other}"),
        }
    }
}

proptest! {
    /// Whatever the bounds: each row up to the last bound is in exactly one slice.
    #[test]
    fn every_row_is_in_exactly_one_slice(
        rows in proptest::collection::vec([-3_i64..3, -3_i64..3, -3_i64..3], 1..60),
        width in 1_usize..4,
        step in 1_usize..9,
    ) {
        let columns = [("a", int()), ("b", int()), ("c", int())];
        let key = key(&columns[..width]);
        let mut keys: Vec<_> = rows.iter().map(|row| row[..width].to_vec()).collect();
        keys.sort_unstable();
        keys.dedup();
        let mut bounds: Vec<_> = keys.chunks(step).filter_map(|c| c.last().cloned()).collect();
        bounds.dedup();
        let bounds: Vec<_> = bounds
            .iter()
            .map(|b| key.bound(b.iter().map(i64::to_string)))
            .collect();
        let mut lower = None;
        let mut conditions = Vec::new();
        for upper in &bounds {
            conditions.extend(key.condition(lower, Some(upper), Form::Expanded).expect("valid"));
            lower = Some(upper);
        }
        for row in rows {
            let hits = conditions.iter().filter(|sql| Reader::holds(sql, row)).count();
            prop_assert_eq!(hits, 1);
        }
    }
}
