//! From the bytes of a row event to the cells of [`crate::model::row`]: the text that `SELECT`
//! gives for the same value. One file per family of types; all are pure functions that append to
//! a buffer, so that a row costs no allocation.

pub mod double;
pub mod json;
pub mod number;
pub mod text;
pub mod time;

use super::input::{Bad, Input};
use crate::model::row::push_len;
use std::sync::Arc;
use text::Charset;

/// How one column's values are written in a row event, and what is made of them.
#[derive(Debug, Clone, PartialEq)]
pub enum Decoder {
    /// Little-endian integer; padded with zeros to `width` digits.
    Int {
        /// Size in bytes.
        bytes: u8,
        /// UNSIGNED.
        unsigned: bool,
        /// Digits of a ZEROFILL column, else 0.
        width: u8,
    },
    /// DECIMAL.
    Decimal {
        /// All digits.
        precision: u8,
        /// Digits behind the point.
        scale: u8,
        /// ZEROFILL.
        zerofill: bool,
    },
    /// FLOAT, given as the text of a DOUBLE.
    Float,
    /// DOUBLE with so many digits behind the point, or as many as it takes.
    Double(Option<u8>),
    /// YEAR.
    Year,
    /// BIT of so many bytes, big-endian.
    Bit(usize),
    /// ENUM with an index of so many bytes.
    Enum(usize, Arc<[Box<str>]>),
    /// SET with a mask of so many bytes.
    Set(usize, Arc<[Box<str>]>),
    /// Characters behind a length of so many bytes.
    Text(usize, Charset),
    /// Bytes behind a length of so many bytes.
    Bytes(usize),
    /// BINARY(n): bytes behind a length of so many bytes, to be padded with zeros to n.
    Binary(usize, usize),
    /// JSON behind a length of so many bytes.
    Json(usize),
    /// DATE.
    Date,
    /// TIME of MySQL before 5.6 without a fraction.
    OldTime,
    /// DATETIME of MySQL before 5.6 without a fraction.
    OldDatetime,
    /// TIMESTAMP of MySQL before 5.6 without a fraction.
    OldTimestamp,
    /// TIME(n) of MariaDB in its own, older format.
    HiresTime(u8),
    /// DATETIME(n) of MariaDB in its own, older format.
    HiresDatetime(u8),
    /// TIMESTAMP(n) of MariaDB in its own, older format.
    HiresTimestamp(u8),
    /// TIME(n).
    Time(u8),
    /// DATETIME(n).
    Datetime(u8),
    /// TIMESTAMP(n).
    Timestamp(u8),
}

impl Decoder {
    /// Reads one value that is not NULL, and appends it as a cell.
    pub fn decode(&self, input: &mut Input<'_>, out: &mut Vec<u8>) -> Result<(), Bad> {
        match self {
            Self::Bytes(width) => {
                let len = input.le(*width)? as usize;
                push_bytes(out, input.take(len)?);
                Ok(())
            }
            Self::Text(width, Charset::Utf8) => {
                let len = input.le(*width)? as usize;
                push_bytes(out, input.take(len)?);
                Ok(())
            }
            Self::Binary(width, size) => {
                let len = input.le(*width)? as usize;
                let value = input.take(len)?;
                push_len(out, (*size).max(len));
                out.extend_from_slice(value);
                out.resize(out.len() + size.saturating_sub(len), 0);
                Ok(())
            }
            Self::Bit(bytes) => {
                push_bytes(out, input.take(*bytes)?);
                Ok(())
            }
            _ => cell(out, |out| self.decode_text(input, out)),
        }
    }

    fn decode_text(&self, input: &mut Input<'_>, out: &mut Vec<u8>) -> Result<(), Bad> {
        match self {
            Self::Int {
                bytes,
                unsigned,
                width,
            } => number::int(input, out, *bytes, *unsigned, *width),
            Self::Decimal {
                precision,
                scale,
                zerofill,
            } => number::decimal(input, out, *precision, *scale, *zerofill),
            Self::Float => {
                let value = f32::from_le_bytes(input.array()?);
                // `SELECT col + 0e0` makes 0 of -0, and so does this
                double::shortest(out, f64::from(value) + 0.0);
                Ok(())
            }
            Self::Double(digits) => {
                let value = f64::from_le_bytes(input.array()?);
                match digits {
                    None => double::shortest(out, value),
                    Some(digits) => double::fixed(out, value, *digits),
                }
                Ok(())
            }
            Self::Year => time::year(input, out),
            Self::Enum(bytes, labels) => text::enumeration(input, out, *bytes, labels),
            Self::Set(bytes, labels) => text::set(input, out, *bytes, labels),
            Self::Text(width, charset) => {
                let len = input.le(*width)? as usize;
                charset.to_utf8(input.take(len)?, out)
            }
            Self::Json(width) => {
                let len = input.le(*width)? as usize;
                json::to_text(input.take(len)?, out)
            }
            Self::Date => time::date(input, out),
            Self::OldTime => time::old_time(input, out),
            Self::OldDatetime => time::old_datetime(input, out),
            Self::OldTimestamp => time::old_timestamp(input, out),
            Self::HiresTime(fsp) => time::hires_time(input, out, *fsp),
            Self::HiresDatetime(fsp) => time::hires_datetime(input, out, *fsp),
            Self::HiresTimestamp(fsp) => time::hires_timestamp(input, out, *fsp),
            Self::Time(fsp) => time::time(input, out, *fsp),
            Self::Datetime(fsp) => time::datetime(input, out, *fsp),
            Self::Timestamp(fsp) => time::timestamp(input, out, *fsp),
            Self::Bytes(_) | Self::Binary(..) | Self::Bit(_) => {
                Err(Bad::Invalid("bytes are not text"))
            }
        }
    }
}

/// Appends bytes as a cell.
fn push_bytes(out: &mut Vec<u8>, value: &[u8]) {
    push_len(out, value.len());
    out.extend_from_slice(value);
}

/// Appends a cell whose length is known only after it was written.
fn cell(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>) -> Result<(), Bad>) -> Result<(), Bad> {
    let start = out.len();
    out.push(0);
    write(out)?;
    let end = out.len();
    let len = end - start - 1;
    if len <= 0xFA {
        out[start] = len as u8;
        return Ok(());
    }
    // a long value moves to make room for its longer length
    let mut prefix = Vec::with_capacity(9);
    push_len(&mut prefix, len);
    let shift = prefix.len() - 1;
    out.resize(end + shift, 0);
    out.copy_within(start + 1..end, start + 1 + shift);
    out[start..start + prefix.len()].copy_from_slice(&prefix);
    Ok(())
}

#[cfg(test)]
mod tests;
