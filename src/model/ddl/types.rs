//! Column types.

use super::cursor::{Cursor, Parsed};
use super::resolve::text_bytes;
use crate::model::table::ColumnType;

/// What a type's text says beyond the type itself.
#[derive(Debug, Default)]
pub(super) struct Type {
    pub charset: Option<String>,
    pub collation: Option<String>,
    /// Length of a TEXT(n).
    pub text_length: Option<u64>,
    /// SERIAL: NOT NULL AUTO_INCREMENT UNIQUE.
    pub serial: bool,
    /// JSON of MariaDB: CHECK (json_valid(column)).
    pub json_check: bool,
    /// BINARY behind a character type: the binary collation.
    pub binary_attribute: bool,
}

fn plain(ty: ColumnType) -> Parsed<(ColumnType, Type)> {
    Ok((ty, Type::default()))
}

/// A type with its own attributes (UNSIGNED, ASCII, …).
pub(super) fn column_type(cursor: &mut Cursor<'_>) -> Parsed<(ColumnType, Type)> {
    let start = cursor.at();
    let word = cursor.ident()?.to_ascii_lowercase();
    if let Some(bytes) = int_bytes(&word) {
        return int(cursor, bytes);
    }
    match word.as_str() {
        "bool" | "boolean" => plain(ColumnType::Int {
            bytes: 1,
            unsigned: false,
            width: Some(1),
            zerofill: false,
        }),
        "serial" => Ok((
            ColumnType::Int {
                bytes: 8,
                unsigned: true,
                width: None,
                zerofill: false,
            },
            Type {
                serial: true,
                ..Type::default()
            },
        )),
        "decimal" | "dec" | "numeric" | "fixed" => decimal(cursor),
        "float" | "float4" | "float8" | "double" | "real" => floating(cursor, &word),
        "bit" => plain(ColumnType::Bit(cursor.length()?.unwrap_or(1))),
        "date" => plain(ColumnType::Date),
        "time" => plain(ColumnType::Time(cursor.length()?.unwrap_or(0))),
        "datetime" => plain(ColumnType::Datetime(cursor.length()?.unwrap_or(0))),
        "timestamp" => plain(ColumnType::Timestamp(cursor.length()?.unwrap_or(0))),
        "year" => {
            let _: Option<u8> = cursor.length()?;
            plain(ColumnType::Year)
        }
        "json" if cursor.dialect.is_mariadb() => Ok((
            ColumnType::Text(4),
            Type {
                charset: Some("utf8mb4".to_owned()),
                collation: Some("utf8mb4_bin".to_owned()),
                json_check: true,
                ..Type::default()
            },
        )),
        "json" => plain(ColumnType::Json),
        _ => {
            cursor.back_to(start);
            string_or_other(cursor)
        }
    }
}

fn int_bytes(word: &str) -> Option<u8> {
    Some(match word {
        "tinyint" | "int1" => 1,
        "smallint" | "int2" => 2,
        "mediumint" | "int3" | "middleint" => 3,
        "int" | "integer" | "int4" => 4,
        "bigint" | "int8" => 8,
        _ => return None,
    })
}

/// SIGNED, UNSIGNED, ZEROFILL in any order: (unsigned, zerofill).
fn signs(cursor: &mut Cursor<'_>) -> (bool, bool) {
    let (mut unsigned, mut zerofill) = (false, false);
    while let Some(word) = cursor.take_any(&["SIGNED", "UNSIGNED", "ZEROFILL"]) {
        unsigned |= word != "SIGNED";
        zerofill |= word == "ZEROFILL";
    }
    (unsigned, zerofill)
}

fn int(cursor: &mut Cursor<'_>, bytes: u8) -> Parsed<(ColumnType, Type)> {
    let width: Option<u8> = cursor.length()?;
    let (unsigned, zerofill) = signs(cursor);
    let width = match (width, zerofill) {
        (None, true) => Some(match bytes {
            1 => 3,
            2 => 5,
            3 => 8,
            4 => 10,
            _ => 20,
        }),
        (width, _) => width,
    };
    plain(ColumnType::Int {
        bytes,
        unsigned,
        width,
        zerofill,
    })
}

/// `(a)` or `(a,b)`.
fn digits(cursor: &mut Cursor<'_>) -> Parsed<Option<(u8, Option<u8>)>> {
    if !cursor.take_sym('(') {
        return Ok(None);
    }
    let first = cursor.number()?;
    let second = if cursor.take_sym(',') {
        Some(cursor.number()?)
    } else {
        None
    };
    cursor.expect_sym(')')?;
    Ok(Some((first, second)))
}

fn decimal(cursor: &mut Cursor<'_>) -> Parsed<(ColumnType, Type)> {
    let (precision, scale) = digits(cursor)?.map_or((10, 0), |(p, s)| (p, s.unwrap_or(0)));
    let (unsigned, zerofill) = signs(cursor);
    plain(ColumnType::Decimal {
        // DECIMAL(0) means the default
        precision: if precision == 0 { 10 } else { precision },
        scale,
        unsigned,
        zerofill,
    })
}

fn floating(cursor: &mut Cursor<'_>, word: &str) -> Parsed<(ColumnType, Type)> {
    if word == "double" {
        let _ = cursor.take("PRECISION");
    }
    let digits = digits(cursor)?;
    let (unsigned, zerofill) = signs(cursor);
    if zerofill {
        return Err("FLOAT and DOUBLE with ZEROFILL are not supported".to_owned());
    }
    let single = match (word, digits) {
        // FLOAT(p) chooses the size by its precision
        ("float", Some((precision, None))) => precision <= 24,
        ("float" | "float4", _) => true,
        _ => false,
    };
    let digits = digits.and_then(|(m, d)| d.map(|d| (m, d)));
    plain(if single {
        ColumnType::Float { unsigned, digits }
    } else {
        ColumnType::Double { unsigned, digits }
    })
}

/// Strings by their many names, and types that are known by name only.
fn string_or_other(cursor: &mut Cursor<'_>) -> Parsed<(ColumnType, Type)> {
    const NATIONAL: &[&str] = &[
        "NATIONAL CHARACTER VARYING",
        "NATIONAL CHAR VARYING",
        "NATIONAL VARCHARACTER",
        "NATIONAL VARCHAR",
        "NCHAR VARCHARACTER",
        "NCHAR VARYING",
        "NCHAR VARCHAR",
        "NVARCHAR",
    ];
    if cursor.take_any(NATIONAL).is_some() {
        let length = cursor.length()?;
        return national(cursor, varchar(length)?);
    }
    if cursor
        .take_any(&["NATIONAL CHARACTER", "NATIONAL CHAR", "NCHAR"])
        .is_some()
    {
        let length = cursor.length()?.unwrap_or(1);
        return national(cursor, ColumnType::Char(length));
    }
    if cursor
        .take_any(&[
            "CHARACTER VARYING",
            "CHAR VARYING",
            "VARCHARACTER",
            "VARCHAR",
        ])
        .is_some()
    {
        let length = cursor.length()?;
        return character(cursor, varchar(length)?);
    }
    if cursor.take_any(&["CHARACTER", "CHAR"]).is_some() {
        let length = cursor.length()?.unwrap_or(1);
        return character(cursor, ColumnType::Char(length));
    }
    if cursor.take_any(&["LONG VARBINARY"]).is_some() {
        return plain(ColumnType::Blob(3));
    }
    if cursor
        .take_any(&[
            "LONG CHARACTER VARYING",
            "LONG CHAR VARYING",
            "LONG VARCHARACTER",
            "LONG VARCHAR",
            "LONG",
        ])
        .is_some()
    {
        return character(cursor, ColumnType::Text(3));
    }
    by_name(cursor)
}

fn varchar(length: Option<u32>) -> Parsed<ColumnType> {
    length
        .map(ColumnType::Varchar)
        .ok_or_else(|| "VARCHAR without a length".to_owned())
}

fn by_name(cursor: &mut Cursor<'_>) -> Parsed<(ColumnType, Type)> {
    let word = cursor.ident()?.to_ascii_lowercase();
    match word.as_str() {
        "binary" => plain(ColumnType::Binary(cursor.length()?.unwrap_or(1))),
        "varbinary" => match cursor.length()? {
            Some(length) => plain(ColumnType::Varbinary(length)),
            None => Err("VARBINARY without a length".to_owned()),
        },
        "tinytext" => character(cursor, ColumnType::Text(1)),
        "text" => {
            let length: Option<u64> = cursor.length()?;
            let (ty, mut implied) = character(cursor, ColumnType::Text(2))?;
            implied.text_length = length;
            Ok((ty, implied))
        }
        "mediumtext" => character(cursor, ColumnType::Text(3)),
        "longtext" => character(cursor, ColumnType::Text(4)),
        "tinyblob" => plain(ColumnType::Blob(1)),
        "blob" => {
            let length: Option<u64> = cursor.length()?;
            plain(ColumnType::Blob(
                length
                    .map_or(Some(2), |l| text_bytes(l, Some("binary")))
                    .unwrap_or(4),
            ))
        }
        "mediumblob" => plain(ColumnType::Blob(3)),
        "longblob" => plain(ColumnType::Blob(4)),
        "enum" | "set" => {
            let values = values(cursor)?;
            let ty = if word == "enum" {
                ColumnType::Enum(values)
            } else {
                ColumnType::Set(values)
            };
            character(cursor, ty)
        }
        "geometrycollection" => plain(ColumnType::Other("geomcollection".to_owned())),
        "geometry" | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring"
        | "multipolygon" | "geomcollection" | "uuid" | "inet4" | "inet6" | "roaringbitmap" => {
            plain(ColumnType::Other(word))
        }
        "vector" => {
            let dimensions: Option<u32> = cursor.length()?;
            plain(ColumnType::Other(format!(
                "vector({})",
                dimensions.unwrap_or(2048)
            )))
        }
        _ => Err(format!("the type '{word}' is not known")),
    }
}

fn values(cursor: &mut Cursor<'_>) -> Parsed<Vec<String>> {
    cursor.expect_sym('(')?;
    let mut out = vec![cursor.text()?];
    while cursor.take_sym(',') {
        out.push(cursor.text()?);
    }
    cursor.expect_sym(')')?;
    // trailing spaces of members are never kept
    for value in &mut out {
        value.truncate(value.trim_end_matches(' ').len());
    }
    Ok(out)
}

fn national(cursor: &mut Cursor<'_>, ty: ColumnType) -> Parsed<(ColumnType, Type)> {
    let binary_attribute = cursor.take("BINARY");
    Ok((
        ty,
        Type {
            charset: Some("utf8mb3".to_owned()),
            binary_attribute,
            ..Type::default()
        },
    ))
}

/// The short attributes of a character type: ASCII, UNICODE, BYTE, BINARY.
fn character(cursor: &mut Cursor<'_>, ty: ColumnType) -> Parsed<(ColumnType, Type)> {
    let mut out = Type::default();
    while let Some(word) = cursor.take_any(&["ASCII", "UNICODE", "BYTE", "BINARY"]) {
        match word {
            "ASCII" => out.charset = Some("latin1".to_owned()),
            "UNICODE" => out.charset = Some("ucs2".to_owned()),
            "BYTE" => out.charset = Some("binary".to_owned()),
            _ => out.binary_attribute = true,
        }
    }
    // CHARACTER SET x BINARY
    if (cursor.sees("CHARACTER SET") && is_binary_at(cursor, 3))
        || (cursor.sees("CHARSET") && is_binary_at(cursor, 2))
    {
        let _ = cursor.take("CHARACTER");
        cursor.next();
        out.charset = Some(super::charset::canonical_charset(&cursor.name_or_text()?));
        cursor.expect("BINARY")?;
        out.binary_attribute = true;
    }
    Ok((ty, out))
}

fn is_binary_at(cursor: &Cursor<'_>, ahead: usize) -> bool {
    matches!(cursor.peek_at(ahead), Some(super::lexer::Tok::Word(w)) if w.eq_ignore_ascii_case("BINARY"))
}
