//! Values that are the same though two servers write them differently, and values that are not.

use super::*;
use proptest::prelude::*;

const INT: ColumnType = ColumnType::Int {
    bytes: 4,
    unsigned: false,
    width: None,
    zerofill: false,
};
const DECIMAL: ColumnType = ColumnType::Decimal {
    precision: 20,
    scale: 4,
    unsigned: false,
    zerofill: false,
};
const FLOAT: ColumnType = ColumnType::Float {
    unsigned: false,
    digits: None,
};
const DOUBLE: ColumnType = ColumnType::Double {
    unsigned: false,
    digits: None,
};

fn same(source: &ColumnType, a: &str, target: &ColumnType, b: &str) -> bool {
    let (s, t) = classes(source, target, true);
    equal(
        (s, Cell::Value(a.as_bytes())),
        (t, Cell::Value(b.as_bytes())),
    )
}

#[test]
fn texts_of_one_value_are_equal() {
    let t = ColumnType::Varchar(20);
    for (source, a, target, b) in [
        (&INT, "0042", &INT, "42"),
        (&DECIMAL, "1.5000", &DECIMAL, "1.5"),
        (&DOUBLE, "1e20", &DOUBLE, "100000000000000000000"),
        (
            &FLOAT,
            "0.10000000149011612",
            &DOUBLE,
            "0.10000000149011612",
        ),
        (
            &ColumnType::Datetime(0),
            "2024-01-01 00:00:00",
            &ColumnType::Datetime(6),
            "2024-01-01 00:00:00.000000",
        ),
        (&ColumnType::Char(4), "a  ", &ColumnType::Char(4), "a"),
        (&ColumnType::Char(4), "a  ", &t, "a"),
        (
            &ColumnType::Json,
            "{\"a\": 1}",
            &ColumnType::Text(4),
            "{\"a\":1}",
        ),
        (&ColumnType::Bit(9), "\0\u{1}", &ColumnType::Bit(9), "\u{1}"),
        (
            &ColumnType::Date,
            "0000-00-00",
            &ColumnType::Date,
            "0000-00-00",
        ),
    ] {
        assert!(same(source, a, target, b), "{source:?} {a:?} {b:?}");
    }
}

#[test]
fn other_values_are_not_equal() {
    let text = ColumnType::Text(4);
    let varchar = ColumnType::Varchar(9);
    for (source, a, target, b) in [
        (&INT, "42", &INT, "-42"),
        (&INT, "42", &INT, "420"),
        (&DECIMAL, "1.5", &DECIMAL, "1.05"),
        (
            &DECIMAL,
            "0.1234567890123456789",
            &DOUBLE,
            "0.12345678901234568",
        ),
        (&DOUBLE, "0", &DOUBLE, "-0"),
        (&DOUBLE, "0.1", &DOUBLE, "0.10000000000000002"),
        (&varchar, "a ", &varchar, "a"),
        (&varchar, "a ", &ColumnType::Char(4), "a"),
        (&varchar, "1", &varchar, "1.0"),
        (&varchar, "a", &varchar, "A"),
        (&text, "{\"a\": 1}", &text, "{\"a\":1}"),
        (
            &ColumnType::Time(0),
            "10:00:00",
            &ColumnType::Time(0),
            "-10:00:00",
        ),
        (
            &ColumnType::Datetime(0),
            "2024-01-01 00:00:10",
            &ColumnType::Datetime(0),
            "2024-01-01 00:00:1",
        ),
        (&ColumnType::Blob(2), "\0a", &ColumnType::Blob(2), "a"),
        (&ColumnType::Bit(9), "\u{1}\0", &ColumnType::Bit(9), "\u{1}"),
    ] {
        assert!(!same(source, a, target, b), "{source:?} {a:?} {b:?}");
    }
}

#[test]
fn minus_zero_is_zero_where_a_server_has_none() {
    let (s, t) = classes(&FLOAT, &DOUBLE, false);
    assert!(equal((s, Cell::Value(b"-0")), (t, Cell::Value(b"0"))));
    assert!(!equal((s, Cell::Value(b"-1")), (t, Cell::Value(b"1"))));
    assert!(!equal((s, Cell::Value(b"0")), (t, Cell::Null)));
}

#[test]
fn null_is_neither_empty_nor_zero() {
    for class in [
        Class::Exact,
        Class::Number,
        Class::Float,
        Class::Padded,
        Class::Json,
    ] {
        for value in [&b""[..], b"0", b" ", b"null", b"NULL"] {
            assert!(!equal((class, Cell::Null), (class, Cell::Value(value))));
        }
        assert!(equal((class, Cell::Null), (class, Cell::Null)));
    }
}

#[test]
fn the_image_tells_where_a_cell_ends() {
    let row = |cells: &[Option<&str>]| {
        Row::from_cells(cells.iter().map(|c| match c {
            None => Cell::Null,
            Some(v) => Cell::Value(v.as_bytes()),
        }))
    };
    let of = |cells: &[Option<&str>]| image(vec![Class::Exact; cells.len()], &row(cells));
    assert_ne!(of(&[Some("ab"), Some("c")]), of(&[Some("a"), Some("bc")]));
    assert_ne!(of(&[None, Some("")]), of(&[Some(""), None]));
    assert_ne!(of(&[None]), of(&[Some("")]));
    // a float 0 beside other columns must not swallow them (tiflow 12533)
    let float = |text: &str, other: &str| {
        image(
            [Class::Float, Class::Exact],
            &row(&[Some(text), Some(other)]),
        )
    };
    assert_ne!(float("0", "a"), float("0", "b"));
    assert_eq!(float("0.0", "a"), float("0", "a"));
}

#[test]
fn keys_take_minus_zero_for_zero() {
    assert_eq!(
        canonical_key(Class::Float, b"-0"),
        canonical_key(Class::Float, b"0")
    );
    assert_ne!(
        canonical(Class::Float, b"-0"),
        canonical(Class::Float, b"0")
    );
}

proptest! {
    /// Equal canonical forms mean equal doubles, whatever the text.
    #[test]
    fn floats(a in any::<f64>().prop_filter("finite", |f| f.is_finite()), b in any::<f64>().prop_filter("finite", |f| f.is_finite())) {
        let text = |f: f64| f.to_string().into_bytes();
        prop_assert_eq!(
            canonical(Class::Float, &text(a)) == canonical(Class::Float, &text(b)),
            a.to_bits() == b.to_bits()
        );
        let (long, short) = (text(a), format!("{a:e}").into_bytes());
        prop_assert_eq!(canonical(Class::Float, &short), canonical(Class::Float, &long));
    }

    /// Equal images exactly for equal cells.
    #[test]
    fn images(a in proptest::collection::vec(proptest::option::of("[ab]{0,2}"), 3),
              b in proptest::collection::vec(proptest::option::of("[ab]{0,2}"), 3)) {
        let row = |cells: &Vec<Option<String>>| Row::from_cells(cells.iter().map(|c| match c {
            None => Cell::Null,
            Some(v) => Cell::Value(v.as_bytes()),
        }));
        let of = |cells| image([Class::Exact; 3], &row(cells));
        prop_assert_eq!(of(&a) == of(&b), a == b);
    }
}
