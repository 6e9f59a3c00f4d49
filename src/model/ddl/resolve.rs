//! What a column's definition means once the table's character set is known.

use super::charset::{binary_collation, max_bytes, of_collation};
use super::dialect::{CharsetDefault, Dialect, Family};
use crate::model::table::{Column, ColumnType};

/// Stands as the collation of a column that was declared with BINARY (the binary collation of its
/// character set) until the character set is known.
pub(super) const BINARY_ATTRIBUTE: &str = "_bin";

/// Bytes of the length prefix of a TEXT or BLOB that holds `length` characters; None where that
/// depends on a character set that is not known.
pub(super) fn text_bytes(length: u64, charset: Option<&str>) -> Option<u8> {
    let prefix = |bytes: u64| match bytes {
        // TEXT(0) is TEXT
        0 => 2,
        1..=0xFF => 1,
        0x100..=0xFFFF => 2,
        0x1_0000..=0xFF_FFFF => 3,
        _ => 4,
    };
    match charset {
        Some(charset) => Some(prefix(length.saturating_mul(max_bytes(charset).into()))),
        None => {
            let (low, high) = (prefix(length), prefix(length.saturating_mul(4)));
            (low == high).then_some(low)
        }
    }
}

/// Whether the column's own clauses decide its character set.
pub(super) fn names_charset(column: &Column) -> bool {
    column.charset.is_some()
        || column
            .collation
            .as_deref()
            .is_some_and(|c| c != BINARY_ATTRIBUTE && of_collation(c) != "uca1400")
}

/// Gives a character column its character set and collation, and turns it into what it is where
/// the character set is `binary` or where it is too long for its type.
pub(super) fn fill_charset(
    column: &mut Column,
    default: Option<&CharsetDefault>,
    dialect: &Dialect,
) {
    if !column.ty.is_character() {
        column.charset = None;
        column.collation = None;
        return;
    }
    let named = column.collation.take();
    let (binary, named) = match named {
        Some(name) if name == BINARY_ATTRIBUTE => (true, None),
        other => (false, other),
    };
    // a short name without its character set (MariaDB's uca1400_ai_ci)
    let named = named.map(|name| match of_collation(&name) {
        "uca1400" => {
            let charset = column
                .charset
                .clone()
                .or_else(|| default.map(|d| d.charset.clone()))
                .unwrap_or_else(|| "utf8mb4".to_owned());
            format!("{charset}_{name}")
        }
        _ => name,
    });
    let own = dialect.resolve(column.charset.as_deref(), named.as_deref());
    let Some(mut chosen) = own.or_else(|| default.cloned()) else {
        column.collation = binary.then(|| BINARY_ATTRIBUTE.to_owned());
        return;
    };
    if binary {
        chosen.collation = binary_collation(&chosen.charset);
    }
    column.charset = Some(chosen.charset);
    column.collation = Some(chosen.collation);
    settle_type(column, dialect);
}

/// `CHARACTER SET binary` makes bytes of characters; a VARCHAR beyond 65,535 bytes becomes a TEXT
/// where the server is not strict.
fn settle_type(column: &mut Column, dialect: &Dialect) {
    let charset = column.charset.clone().unwrap_or_default();
    if charset == "binary" {
        let ty = match column.ty {
            ColumnType::Char(n) => ColumnType::Binary(n),
            ColumnType::Varchar(n) => ColumnType::Varbinary(n),
            ColumnType::Text(n) => ColumnType::Blob(n),
            _ => return,
        };
        column.ty = ty;
        column.charset = None;
        column.collation = None;
    }
    let too_long = |n: u32, max: u32| {
        dialect.family != Family::OceanBase && u64::from(n) * u64::from(max) > 65_535
    };
    match column.ty {
        ColumnType::Varchar(n) if too_long(n, max_bytes(&charset)) => {
            if let Some(bytes) = text_bytes(n.into(), Some(&charset)) {
                column.ty = ColumnType::Text(bytes);
            }
        }
        ColumnType::Varbinary(n) if too_long(n, 1) => {
            if let Some(bytes) = text_bytes(n.into(), Some("binary")) {
                column.ty = ColumnType::Blob(bytes);
            }
        }
        _ => {}
    }
}
