//! How the rows of one table are decoded: the log's columns against the table's definition.
//!
//! The log says how values are written, the definition says what they mean (sign, character set,
//! labels). Where the two do not fit, the table was changed in a way that was not seen, and
//! decoding would give wrong values: that is [`Kind::SchemaDrift`].

use super::decode::Decoder;
use super::decode::text::Charset;
use super::input::{Bad, Input};
use super::table_map::{LogColumn, TableMap, code};
use crate::error::{Error, Kind, Result};
use crate::model::change::TableVersion;
use crate::model::row::{Cell, push_cell};
use crate::model::table::{Column, ColumnType};
use std::sync::Arc;

/// Decodes the rows of one table.
#[derive(Debug)]
pub struct RowPlan {
    /// The table.
    pub table: Arc<TableVersion>,
    columns: Vec<Decoder>,
    /// Columns that the source may leave out of a full image: virtual ones.
    virtual_columns: Vec<bool>,
}

/// Which columns an image holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Image<'a> {
    /// All.
    All,
    /// Those whose bit is set; the others are virtual.
    Without(&'a [u8]),
}

impl RowPlan {
    /// A plan; an error where the definition does not fit or a type cannot be carried.
    pub fn new(map: &TableMap<'_>, table: Arc<TableVersion>) -> Result<Self> {
        let what = || format!("decoding rows of {}", table.table.name);
        let columns = &table.table.columns;
        let drift = |why: String| Error::new(Kind::SchemaDrift, what()).detail(why);
        if map.len() != columns.len() {
            return Err(drift(format!(
                "the log has {} columns, the definition {}",
                map.len(),
                columns.len()
            )));
        }
        if let Some(names) = map.names() {
            for (name, column) in names.iter().zip(columns) {
                if *name != column.name {
                    return Err(drift(format!(
                        "the log has column '{name}' where the definition has '{}'",
                        column.name
                    )));
                }
            }
        }
        let log = map.columns().map_err(|bad| bad.error(what()))?;
        check_signs(map, &log, columns).map_err(|name| {
            drift(format!(
                "column '{name}' is signed on one side and unsigned on the other"
            ))
        })?;
        let decoders = log
            .iter()
            .zip(columns)
            .map(|(log, column)| {
                decoder(*log, column).map_err(|why| match why {
                    Mismatch::Type => drift(format!(
                        "column '{}' has type {} ({}) in the log, which is not its definition",
                        column.name, log.code, log.meta
                    )),
                    Mismatch::Unsupported(why) => Error::new(Kind::TypeUnsupported, what())
                        .detail(format!("column '{}': {why}", column.name)),
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let virtual_columns = columns
            .iter()
            .map(|c| c.generated.as_ref().is_some_and(|g| !g.stored))
            .collect();
        Ok(Self {
            columns: decoders,
            virtual_columns,
            table,
        })
    }

    /// Number of columns.
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether the table has no column.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// Whether an image with these columns is a full one; None where it is not.
    pub fn image<'a>(&self, present: &'a [u8]) -> Option<Image<'a>> {
        let is_present = |at: usize| {
            present
                .get(at / 8)
                .is_some_and(|byte| byte >> (at % 8) & 1 == 1)
        };
        let mut image = Image::All;
        for at in 0..self.columns.len() {
            if !is_present(at) {
                if !self.virtual_columns[at] {
                    return None;
                }
                image = Image::Without(present);
            }
        }
        Some(image)
    }

    /// Reads one image and appends its cells.
    pub fn decode(
        &self,
        image: Image<'_>,
        input: &mut Input<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Bad> {
        let bit = |bits: &[u8], at: usize| bits[at / 8] >> (at % 8) & 1 == 1;
        match image {
            Image::All => {
                let nulls = input.take(self.columns.len().div_ceil(8))?;
                for (at, column) in self.columns.iter().enumerate() {
                    if bit(nulls, at) {
                        push_cell(out, Cell::Null);
                    } else {
                        column.decode(input, out)?;
                    }
                }
            }
            Image::Without(present) => {
                let held = (0..self.columns.len())
                    .filter(|&at| bit(present, at))
                    .count();
                let nulls = input.take(held.div_ceil(8))?;
                let mut seen = 0;
                for (at, column) in self.columns.iter().enumerate() {
                    if !bit(present, at) {
                        push_cell(out, Cell::Null);
                        continue;
                    }
                    if bit(nulls, seen) {
                        push_cell(out, Cell::Null);
                    } else {
                        column.decode(input, out)?;
                    }
                    seen += 1;
                }
            }
        }
        Ok(())
    }
}

enum Mismatch {
    Type,
    Unsupported(String),
}

/// Compares the signs where the log tells them; the name of a column that differs.
fn check_signs<'c>(
    map: &TableMap<'_>,
    log: &[LogColumn],
    columns: &'c [Column],
) -> Result<(), &'c str> {
    // whether YEAR counts as numeric differs between servers
    if columns.iter().any(|c| c.ty == ColumnType::Year) {
        return Ok(());
    }
    let Some(bits) = map.unsigned() else {
        return Ok(());
    };
    let numeric = log.iter().zip(columns).filter(|(log, _)| {
        use code::*;
        matches!(
            log.code,
            TINY | SHORT | INT24 | LONG | LONGLONG | NEWDECIMAL | FLOAT | DOUBLE
        )
    });
    for (at, (_, column)) in numeric.enumerate() {
        let Some(byte) = bits.get(at / 8) else {
            return Ok(());
        };
        let in_log = byte << (at % 8) & 0x80 != 0;
        let declared = match column.ty {
            ColumnType::Int {
                unsigned, zerofill, ..
            }
            | ColumnType::Decimal {
                unsigned, zerofill, ..
            } => unsigned || zerofill,
            // the sign of a floating-point number is in its value
            _ => continue,
        };
        if in_log != declared {
            return Err(&column.name);
        }
    }
    Ok(())
}

fn decoder(log: LogColumn, column: &Column) -> Result<Decoder, Mismatch> {
    use ColumnType as T;
    let LogColumn { code, meta } = log;
    let width = |max_bytes: u16| if max_bytes > 255 { 2 } else { 1 };
    Ok(match (&column.ty, code) {
        (
            T::Int {
                bytes,
                unsigned,
                width,
                zerofill,
            },
            _,
        ) if int_code(*bytes) == Some(code) => Decoder::Int {
            bytes: *bytes,
            unsigned: *unsigned || *zerofill,
            width: if *zerofill {
                width.unwrap_or(default_width(*bytes))
            } else {
                0
            },
        },
        (
            T::Decimal {
                precision,
                scale,
                zerofill,
                ..
            },
            code::NEWDECIMAL,
        ) if meta == u16::from_be_bytes([*precision, *scale]) => Decoder::Decimal {
            precision: *precision,
            scale: *scale,
            zerofill: *zerofill,
        },
        (T::Float { .. }, code::FLOAT) if meta == 4 => Decoder::Float,
        (T::Double { digits, .. }, code::DOUBLE) if meta == 8 => {
            Decoder::Double(digits.map(|(_, d)| d))
        }
        (T::Bit(bits), code::BIT) => {
            let [rest, bytes] = meta.to_le_bytes();
            if u16::from(bytes) * 8 + u16::from(rest) != u16::from(*bits) {
                return Err(Mismatch::Type);
            }
            Decoder::Bit(usize::from(bytes) + usize::from(rest > 0))
        }
        (T::Char(_), code::STRING) | (T::Varchar(_), code::VARCHAR | code::VAR_STRING) => {
            Decoder::Text(width(meta), charset(column)?)
        }
        (T::Binary(size), code::STRING) if u32::from(meta) == *size => {
            Decoder::Binary(width(meta), *size as usize)
        }
        (T::Varbinary(size), code::VARCHAR | code::VAR_STRING) if u32::from(meta) == *size => {
            Decoder::Bytes(width(meta))
        }
        (T::Text(bytes), code::BLOB) if meta == u16::from(*bytes) => {
            Decoder::Text(usize::from(*bytes), charset(column)?)
        }
        (T::Blob(bytes), code::BLOB) if meta == u16::from(*bytes) => {
            Decoder::Bytes(usize::from(*bytes))
        }
        (T::Enum(labels), code::ENUM) if matches!(meta, 1 | 2) => {
            Decoder::Enum(usize::from(meta), shared(labels))
        }
        (T::Set(labels), code::SET) if (1..=8).contains(&meta) => {
            Decoder::Set(usize::from(meta), shared(labels))
        }
        (T::Json, code::JSON) if (1..=4).contains(&meta) => Decoder::Json(usize::from(meta)),
        (T::Json, code::BLOB) if meta == 4 => Decoder::Text(4, Charset::Utf8),
        (T::Date, code::DATE | code::NEWDATE) => Decoder::Date,
        (T::Year, code::YEAR) => Decoder::Year,
        (T::Time(fsp), code::TIME2) if meta == u16::from(*fsp) => Decoder::Time(*fsp),
        (T::Time(0), code::TIME) => Decoder::OldTime,
        (T::Time(fsp @ 1..=6), code::TIME) => Decoder::HiresTime(*fsp),
        (T::Datetime(fsp), code::DATETIME2) if meta == u16::from(*fsp) => Decoder::Datetime(*fsp),
        (T::Datetime(0), code::DATETIME) => Decoder::OldDatetime,
        (T::Datetime(fsp @ 1..=6), code::DATETIME) => Decoder::HiresDatetime(*fsp),
        (T::Timestamp(fsp), code::TIMESTAMP2) if meta == u16::from(*fsp) => {
            Decoder::Timestamp(*fsp)
        }
        (T::Timestamp(0), code::TIMESTAMP) => Decoder::OldTimestamp,
        (T::Timestamp(fsp @ 1..=6), code::TIMESTAMP) => Decoder::HiresTimestamp(*fsp),
        (T::Other(_), code::GEOMETRY | code::VECTOR) if (1..=4).contains(&meta) => {
            Decoder::Bytes(usize::from(meta))
        }
        (T::Other(name), _) => {
            return Err(Mismatch::Unsupported(format!(
                "type {name} cannot be read from the log"
            )));
        }
        (_, code::BLOB_COMPRESSED | code::VARCHAR_COMPRESSED) => {
            return Err(Mismatch::Unsupported(
                "the values of a COMPRESSED column cannot be read from the log".to_owned(),
            ));
        }
        _ => return Err(Mismatch::Type),
    })
}

fn int_code(bytes: u8) -> Option<u8> {
    Some(match bytes {
        1 => code::TINY,
        2 => code::SHORT,
        3 => code::INT24,
        4 => code::LONG,
        8 => code::LONGLONG,
        _ => return None,
    })
}

/// Digits of a ZEROFILL column that declares none.
fn default_width(bytes: u8) -> u8 {
    match bytes {
        1 => 3,
        2 => 5,
        3 => 8,
        4 => 10,
        _ => 20,
    }
}

fn charset(column: &Column) -> Result<Charset, Mismatch> {
    let name = column.charset.as_deref().unwrap_or("utf8mb4");
    Charset::by_name(name).ok_or_else(|| {
        Mismatch::Unsupported(format!("character set {name} cannot be read from the log"))
    })
}

fn shared(labels: &[String]) -> Arc<[Box<str>]> {
    labels.iter().map(|l| l.as_str().into()).collect()
}
