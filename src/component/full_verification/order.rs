//! The order of keys, as every server sorts them: for types whose order does not hang on a
//! collation.

use super::canon::{float, number, without_empty_fraction, without_leading};
use crate::model::table::ColumnType;
use std::cmp::Ordering;

/// How a key column's texts are ordered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyOrder {
    /// As numbers.
    Number,
    /// As floating-point numbers; `-0` is `0`.
    Float,
    /// Dates and times of day with a date: as text.
    Calendar,
    /// TIME: as a signed span.
    Time,
    /// As bytes.
    Bytes,
    /// As a number of big-endian bytes.
    Bits,
    /// By the place in the declaration.
    Members(Vec<String>),
    /// By the bits of the members in the order of the declaration.
    MemberSet(Vec<String>),
}

impl KeyOrder {
    /// The order of a type; None where it hangs on a collation or is not known.
    pub fn of(ty: &ColumnType) -> Option<Self> {
        Some(match ty {
            ColumnType::Int { .. } | ColumnType::Decimal { .. } | ColumnType::Year => Self::Number,
            ColumnType::Float { .. } | ColumnType::Double { .. } => Self::Float,
            ColumnType::Date | ColumnType::Datetime(_) | ColumnType::Timestamp(_) => Self::Calendar,
            ColumnType::Time(_) => Self::Time,
            ColumnType::Binary(_) | ColumnType::Varbinary(_) => Self::Bytes,
            ColumnType::Bit(_) => Self::Bits,
            ColumnType::Enum(members) => Self::Members(members.clone()),
            ColumnType::Set(members) => Self::MemberSet(members.clone()),
            _ => return None,
        })
    }

    /// Whether `column > literal` follows the same order: an ENUM is compared as a string but
    /// sorted by its place.
    pub fn can_be_cut(&self) -> bool {
        !matches!(self, Self::Members(_) | Self::MemberSet(_))
    }

    /// The order of two values.
    pub fn compare(&self, a: &[u8], b: &[u8]) -> Ordering {
        match self {
            Self::Number => number::compare(a, b),
            Self::Float => compare_floats(a, b),
            Self::Calendar => without_empty_fraction(a).cmp(without_empty_fraction(b)),
            Self::Time => match (micros(a), micros(b)) {
                (Some(a), Some(b)) => a.cmp(&b),
                _ => a.cmp(b),
            },
            Self::Bytes => a.cmp(b),
            Self::Bits => {
                let (a, b) = (without_leading(a, 0), without_leading(b, 0));
                a.len().cmp(&b.len()).then_with(|| a.cmp(b))
            }
            Self::Members(members) => place(members, a).cmp(&place(members, b)),
            Self::MemberSet(members) => bits(members, a).cmp(&bits(members, b)),
        }
    }
}

fn compare_floats(a: &[u8], b: &[u8]) -> Ordering {
    let number = |text| float(text).map(|f| f + 0.0);
    match (number(a), number(b)) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        _ => a.cmp(b),
    }
}

/// `[-]H…:MM:SS[.ffffff]` in microseconds.
fn micros(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (clock, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut seconds = 0_i64;
    for part in clock.split(':') {
        seconds = seconds.checked_mul(60)?.checked_add(part.parse().ok()?)?;
    }
    let fraction: i64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    let micros = seconds.checked_mul(1_000_000)?.checked_add(fraction)?;
    Some(if negative { -micros } else { micros })
}

/// 1 for the first member; 0 for the empty value that marks an invalid one.
fn place(members: &[String], value: &[u8]) -> usize {
    members
        .iter()
        .position(|m| m.as_bytes() == value)
        .map_or(0, |at| at + 1)
}

fn bits(members: &[String], value: &[u8]) -> u64 {
    value
        .split(|&b| b == b',')
        .filter_map(|name| members.iter().position(|m| m.as_bytes() == name))
        .fold(0, |bits, at| {
            bits | 1_u64.checked_shl(at as u32).unwrap_or(0)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn orders() {
        let members = vec!["z".to_owned(), "a".to_owned(), "m".to_owned()];
        for (order, sorted) in [
            (
                KeyOrder::Number,
                &["-10", "-9", "0", "9", "10", "18446744073709551615"][..],
            ),
            (
                KeyOrder::Float,
                &["-1e300", "-2", "0", "1e-3", "2", "10", "1e300"],
            ),
            (
                KeyOrder::Calendar,
                &[
                    "0000-00-00 00:00:00",
                    "1969-12-31 23:59:59",
                    "2024-01-01 00:00:00",
                    "2024-01-01 00:00:00.5",
                ],
            ),
            (
                KeyOrder::Time,
                &[
                    "-838:59:59",
                    "-00:00:01.5",
                    "00:00:00",
                    "9:00:00",
                    "100:00:00",
                ],
            ),
            (KeyOrder::Bytes, &["", "A", "a", "a\0", "b"]),
            (KeyOrder::Bits, &["\0\0", "\u{1}", "\0\u{7f}", "\u{1}\0"]),
            (KeyOrder::Members(members.clone()), &["", "z", "a", "m"]),
            (
                KeyOrder::MemberSet(members),
                &["", "z", "a", "z,a", "m", "z,a,m"],
            ),
        ] {
            for (i, a) in sorted.iter().enumerate() {
                for (j, b) in sorted.iter().enumerate() {
                    assert_eq!(
                        order.compare(a.as_bytes(), b.as_bytes()),
                        i.cmp(&j),
                        "{order:?} {a} {b}"
                    );
                }
            }
        }
    }

    #[test]
    fn equal_keys_with_other_texts() {
        for (order, a, b) in [
            (KeyOrder::Number, "007", "7"),
            (KeyOrder::Number, "1.50", "1.5"),
            (KeyOrder::Float, "-0", "0"),
            (
                KeyOrder::Calendar,
                "2024-01-01 00:00:00.000",
                "2024-01-01 00:00:00",
            ),
            (KeyOrder::Time, "08:00:00", "8:00:00.0"),
            (KeyOrder::Bits, "\0\u{1}", "\u{1}"),
        ] {
            assert_eq!(
                order.compare(a.as_bytes(), b.as_bytes()),
                Ordering::Equal,
                "{order:?} {a} {b}"
            );
        }
    }

    proptest! {
        #[test]
        fn times(a in -3_020_399_i64..3_020_399, b in -3_020_399_i64..3_020_399) {
            let text = |s: i64| {
                let sign = if s < 0 { "-" } else { "" };
                let s = s.abs();
                format!("{sign}{:02}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
            };
            prop_assert_eq!(KeyOrder::Time.compare(text(a).as_bytes(), text(b).as_bytes()), a.cmp(&b));
        }
    }
}
