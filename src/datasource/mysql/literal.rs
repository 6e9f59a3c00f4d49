//! A row's cells as SQL literals, straight from the row's bytes.

use crate::model::row::Cell;
use crate::model::table::{Column, ColumnType};

/// How a column's cells are written in SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LiteralStyle {
    /// As it stands: the text is a number.
    Bare,
    /// A number that may be `-0`, which only survives as a string.
    Float,
    /// A quoted string in the connection's character set.
    Text,
    /// A quoted string of bytes.
    Binary,
    /// JSON as a quoted string.
    Json,
}

/// The style of a column.
pub fn style_of(column: &Column) -> LiteralStyle {
    match &column.ty {
        ColumnType::Float { .. } | ColumnType::Double { .. } => LiteralStyle::Float,
        ty if ty.is_numeric() => LiteralStyle::Bare,
        ColumnType::Json => LiteralStyle::Json,
        ty if ty.is_binary() => LiteralStyle::Binary,
        _ => LiteralStyle::Text,
    }
}

/// Appends a cell as a literal.
pub fn push_literal(out: &mut Vec<u8>, style: LiteralStyle, cell: Cell<'_>) {
    let Cell::Value(value) = cell else {
        out.extend_from_slice(b"NULL");
        return;
    };
    match style {
        LiteralStyle::Bare => out.extend_from_slice(value),
        LiteralStyle::Float if value == b"-0" => out.extend_from_slice(b"'-0'"),
        LiteralStyle::Float => {
            out.extend_from_slice(value);
            // 0.1 would be a DECIMAL; an exponent makes it a DOUBLE
            if !value.contains(&b'e') {
                out.extend_from_slice(b"e0");
            }
        }
        LiteralStyle::Text | LiteralStyle::Json => push_quoted(out, value),
        LiteralStyle::Binary => {
            out.extend_from_slice(b"_binary");
            push_quoted(out, value);
        }
    }
}

/// Appends a string in quotes. Sessions never have NO_BACKSLASH_ESCAPES set.
pub fn push_quoted(out: &mut Vec<u8>, value: &[u8]) {
    out.push(b'\'');
    let mut rest = value;
    while let Some(at) = rest.iter().position(|b| matches!(b, b'\'' | b'\\' | 0)) {
        out.extend_from_slice(&rest[..at]);
        out.push(b'\\');
        out.push(if rest[at] == 0 { b'0' } else { rest[at] });
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
    out.push(b'\'');
}

/// A text in quotes, as [`push_quoted`] writes it.
pub fn quoted(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    push_quoted(&mut out, text.as_bytes());
    // only ASCII was put between the characters of a text
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoting() {
        let mut out = Vec::new();
        push_quoted(&mut out, b"a'b\\c\0d\n");
        assert_eq!(out, b"'a\\'b\\\\c\\0d\n'");
    }

    #[test]
    fn floats_stay_doubles() {
        for (text, sql) in [
            ("0.1", "0.1e0"),
            ("-0", "'-0'"),
            ("1e20", "1e20"),
            ("-3", "-3e0"),
        ] {
            let mut out = Vec::new();
            push_literal(&mut out, LiteralStyle::Float, Cell::Value(text.as_bytes()));
            assert_eq!(String::from_utf8_lossy(&out), sql);
        }
    }
}
