//! TABLE_MAP: which table the rows that follow belong to, and how its columns are written.

use super::input::{Bad, Input};

/// Column types as the log numbers them.
pub mod code {
    /// TINYINT.
    pub const TINY: u8 = 1;
    /// SMALLINT.
    pub const SHORT: u8 = 2;
    /// INT.
    pub const LONG: u8 = 3;
    /// FLOAT.
    pub const FLOAT: u8 = 4;
    /// DOUBLE.
    pub const DOUBLE: u8 = 5;
    /// TIMESTAMP, old or MariaDB's own.
    pub const TIMESTAMP: u8 = 7;
    /// BIGINT.
    pub const LONGLONG: u8 = 8;
    /// MEDIUMINT.
    pub const INT24: u8 = 9;
    /// DATE.
    pub const DATE: u8 = 10;
    /// TIME, old or MariaDB's own.
    pub const TIME: u8 = 11;
    /// DATETIME, old or MariaDB's own.
    pub const DATETIME: u8 = 12;
    /// YEAR.
    pub const YEAR: u8 = 13;
    /// DATE.
    pub const NEWDATE: u8 = 14;
    /// VARCHAR, VARBINARY.
    pub const VARCHAR: u8 = 15;
    /// BIT.
    pub const BIT: u8 = 16;
    /// TIMESTAMP(n).
    pub const TIMESTAMP2: u8 = 17;
    /// DATETIME(n).
    pub const DATETIME2: u8 = 18;
    /// TIME(n).
    pub const TIME2: u8 = 19;
    /// MariaDB: compressed BLOB.
    pub const BLOB_COMPRESSED: u8 = 140;
    /// MariaDB: compressed VARCHAR.
    pub const VARCHAR_COMPRESSED: u8 = 141;
    /// VECTOR.
    pub const VECTOR: u8 = 242;
    /// JSON.
    pub const JSON: u8 = 245;
    /// DECIMAL.
    pub const NEWDECIMAL: u8 = 246;
    /// ENUM.
    pub const ENUM: u8 = 247;
    /// SET.
    pub const SET: u8 = 248;
    /// All BLOB and TEXT.
    pub const BLOB: u8 = 252;
    /// VARCHAR of old tables.
    pub const VAR_STRING: u8 = 253;
    /// CHAR, BINARY; holds ENUM and SET.
    pub const STRING: u8 = 254;
    /// Geometry.
    pub const GEOMETRY: u8 = 255;
}

/// A column as the log writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogColumn {
    /// Type: one of [`code`]; ENUM and SET are already unwrapped from STRING.
    pub code: u8,
    /// What belongs to the type: length, precision and scale, digits of the fraction.
    pub meta: u16,
}

/// The event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableMap<'a> {
    /// The number by which row events name the table.
    pub id: u64,
    /// Database.
    pub schema: &'a str,
    /// Table.
    pub table: &'a str,
    types: &'a [u8],
    metadata: &'a [u8],
    optional: &'a [u8],
}

impl<'a> TableMap<'a> {
    /// Reads the event.
    pub fn parse(body: &'a [u8]) -> Result<Self, Bad> {
        let mut input = Input(body);
        let id = input.le(6)?;
        input.u16()?;
        let mut name = || -> Result<&'a str, Bad> {
            let len = usize::from(input.u8()?);
            let bytes = input.take(len)?;
            input.u8()?;
            std::str::from_utf8(bytes).map_err(|_| Bad::Invalid("a name is not UTF-8"))
        };
        let (schema, table) = (name()?, name()?);
        let count = input.lenenc_len()?;
        let types = input.take(count)?;
        let metadata_len = input.lenenc_len()?;
        let metadata = input.take(metadata_len)?;
        input.take(count.div_ceil(8))?;
        Ok(Self {
            id,
            schema,
            table,
            types,
            metadata,
            optional: input.0,
        })
    }

    /// Number of columns.
    pub fn len(&self) -> usize {
        self.types.len()
    }

    /// Whether it has no column.
    pub fn is_empty(&self) -> bool {
        self.types.is_empty()
    }

    /// The columns in order.
    pub fn columns(&self) -> Result<Vec<LogColumn>, Bad> {
        let mut metadata = Input(self.metadata);
        self.types
            .iter()
            .map(|&code| column(code, &mut metadata))
            .collect()
    }

    /// For each numeric column in order whether it is unsigned, where the source tells.
    pub fn unsigned(&self) -> Option<&'a [u8]> {
        self.optional_field(1)
    }

    /// The columns' names in order, where the source tells (`binlog_row_metadata=FULL`).
    pub fn names(&self) -> Option<Vec<&'a str>> {
        let mut input = Input(self.optional_field(4)?);
        let mut names = Vec::with_capacity(self.len());
        while !input.is_empty() {
            let len = input.lenenc_len().ok()?;
            names.push(std::str::from_utf8(input.take(len).ok()?).ok()?);
        }
        Some(names)
    }

    fn optional_field(&self, wanted: u8) -> Option<&'a [u8]> {
        let mut input = Input(self.optional);
        while !input.is_empty() {
            let kind = input.u8().ok()?;
            let len = input.lenenc_len().ok()?;
            let value = input.take(len).ok()?;
            if kind == wanted {
                return Some(value);
            }
        }
        None
    }
}

fn column(code: u8, metadata: &mut Input<'_>) -> Result<LogColumn, Bad> {
    use code::*;
    let (code, meta) = match code {
        FLOAT | DOUBLE | BLOB | JSON | GEOMETRY | VECTOR | TIMESTAMP2 | DATETIME2 | TIME2
        | BLOB_COMPRESSED => (code, u16::from(metadata.u8()?)),
        VARCHAR | VAR_STRING | VARCHAR_COMPRESSED | BIT => (code, metadata.u16()?),
        NEWDECIMAL => (code, u16::from_be_bytes(metadata.array()?)),
        STRING | ENUM | SET => {
            let [real, len] = metadata.array()?;
            if real & 0x30 == 0x30 {
                (real, u16::from(len))
            } else {
                // lengths above 255 hide two bits in the type, inverted
                let high = u16::from((real & 0x30) ^ 0x30) << 4;
                (real | 0x30, high | u16::from(len))
            }
        }
        TINY | SHORT | LONG | LONGLONG | INT24 | TIMESTAMP | DATE | TIME | DATETIME | YEAR
        | NEWDATE => (code, 0),
        _ => return Err(Bad::Invalid("a column has an unknown type")),
    };
    Ok(LogColumn { code, meta })
}
