//! When are two cells equal? Mostly when their bytes are; a few types have several texts for one
//! value, and those are brought to a canonical form first.
//!
//! The rule is that a canonical form never loses anything: two different values never become
//! equal. Where a text is not understood, its bytes are compared.

pub mod json;
pub mod number;

use crate::model::row::{Cell, Row};
use crate::model::table::ColumnType;
use sha2::{Digest, Sha256};
use std::borrow::Cow;

/// What may differ in a cell's text though its value is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Nothing: bytes are compared.
    Exact,
    /// Leading zeros (ZEROFILL), zeros behind the point.
    Number,
    /// The digits of a floating-point number; `-0` is not `0`.
    Float,
    /// The same, where one of the servers has no `-0` (MariaDB stores `0`).
    FloatNoSignedZero,
    /// Leading zero bytes of a BIT.
    Bits,
    /// Zeros at the end of a time's fraction.
    Fraction,
    /// Spaces at the end of a CHAR, which no CHAR can hold.
    Padded,
    /// Spacing, order of members, escapes, form of numbers.
    Json,
}

/// The classes of a column's cells at the source and at the target. `signed_zero` says that both
/// servers tell `-0` from `0`.
pub fn classes(source: &ColumnType, target: &ColumnType, signed_zero: bool) -> (Class, Class) {
    let both = |class| (class, class);
    let is_float =
        |ty: &ColumnType| matches!(ty, ColumnType::Float { .. } | ColumnType::Double { .. });
    let is_time = |ty: &ColumnType| {
        matches!(
            ty,
            ColumnType::Time(_) | ColumnType::Datetime(_) | ColumnType::Timestamp(_)
        )
    };
    let pad = |ty: &ColumnType| match ty {
        ColumnType::Char(_) => Class::Padded,
        _ => Class::Exact,
    };
    if matches!(source, ColumnType::Json) || matches!(target, ColumnType::Json) {
        both(Class::Json)
    } else if is_float(source) && is_float(target) {
        both(match signed_zero {
            true => Class::Float,
            false => Class::FloatNoSignedZero,
        })
    } else if source.is_numeric() && target.is_numeric() {
        both(Class::Number)
    } else if matches!(source, ColumnType::Bit(_)) && matches!(target, ColumnType::Bit(_)) {
        both(Class::Bits)
    } else if is_time(source) && is_time(target) {
        both(Class::Fraction)
    } else {
        (pad(source), pad(target))
    }
}

/// Bytes that are the same for the same value of a class.
pub fn canonical(class: Class, value: &[u8]) -> Cow<'_, [u8]> {
    match class {
        Class::Exact => Cow::Borrowed(value),
        Class::Number => owned_or(
            number::Number::parse(value).map(|n| n.canonical(false)),
            value,
        ),
        Class::Float => owned_or(
            float(value).map(|f| f.to_bits().to_be_bytes().to_vec()),
            value,
        ),
        // adding 0 turns -0 into 0 and leaves all else as it is
        Class::FloatNoSignedZero => owned_or(
            float(value).map(|f| (f + 0.0).to_bits().to_be_bytes().to_vec()),
            value,
        ),
        Class::Bits => Cow::Borrowed(without_leading(value, 0)),
        Class::Fraction => Cow::Borrowed(without_empty_fraction(value)),
        Class::Padded => Cow::Borrowed(value.trim_ascii_end_spaces()),
        Class::Json => owned_or(json::canonical(value), value),
    }
}

/// The canonical form of a key's cell: as [`canonical`], but what a unique key takes for the same
/// is the same (`-0` and `0`).
pub fn canonical_key(class: Class, value: &[u8]) -> Cow<'_, [u8]> {
    match class {
        Class::Float => canonical(Class::FloatNoSignedZero, value),
        _ => canonical(class, value),
    }
}

/// Whether two cells hold the same value.
pub fn equal(a: (Class, Cell<'_>), b: (Class, Cell<'_>)) -> bool {
    match (a.1, b.1) {
        (Cell::Null, Cell::Null) => true,
        (Cell::Value(x), Cell::Value(y)) => {
            (x == y && a.0 == b.0) || canonical(a.0, x) == canonical(b.0, y)
        }
        _ => false,
    }
}

/// A row's content in 128 bits, equal for rows whose cells are equal.
pub type Image = u128;

/// The image of a row with these classes.
pub fn image(classes: impl IntoIterator<Item = Class>, row: &Row) -> Image {
    image_of(classes.into_iter().zip(row.cells()))
}

/// The image of some cells.
pub fn image_of<'a>(cells: impl IntoIterator<Item = (Class, Cell<'a>)>) -> Image {
    let mut hash = Sha256::new();
    for (class, cell) in cells {
        match cell {
            Cell::Null => hash.update([0]),
            Cell::Value(value) => {
                let value = canonical(class, value);
                hash.update([1]);
                hash.update((value.len() as u64).to_be_bytes());
                hash.update(&value);
            }
        }
    }
    let mut half = [0; 16];
    half.copy_from_slice(&hash.finalize()[..16]);
    u128::from_be_bytes(half)
}

fn owned_or(canonical: Option<Vec<u8>>, value: &[u8]) -> Cow<'_, [u8]> {
    canonical.map_or(Cow::Borrowed(value), Cow::Owned)
}

/// The number that a floating-point number's text stands for.
pub fn float(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Without leading bytes of this kind.
pub fn without_leading(value: &[u8], byte: u8) -> &[u8] {
    let at = value.iter().take_while(|&&b| b == byte).count();
    &value[at..]
}

/// Without zeros at the end of the fraction, and without a fraction of zeros.
pub fn without_empty_fraction(text: &[u8]) -> &[u8] {
    if !text.contains(&b'.') {
        return text;
    }
    let digits = text.len() - text.iter().rev().take_while(|&&b| b == b'0').count();
    let text = &text[..digits];
    text.strip_suffix(b".").unwrap_or(text)
}

trait TrimSpaces {
    fn trim_ascii_end_spaces(&self) -> &[u8];
}

impl TrimSpaces for [u8] {
    fn trim_ascii_end_spaces(&self) -> &[u8] {
        let spaces = self.iter().rev().take_while(|&&b| b == b' ').count();
        &self[..self.len() - spaces]
    }
}

#[cfg(test)]
mod tests;
