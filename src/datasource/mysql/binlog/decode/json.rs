//! MySQL's binary JSON as the text that MySQL prints for it.
//!
//! A value is a type byte and its payload. Objects and arrays hold a count, their size, and
//! entries with offsets from their own start; short values stand in the entry itself. "Small"
//! ones use two bytes for counts and offsets, "large" ones four. Keys are stored in the order in
//! which MySQL prints them.

use super::super::input::{Bad, Input};
use super::{double, number, time};
use base64::Engine;

const SMALL_OBJECT: u8 = 0;
const LARGE_OBJECT: u8 = 1;
const SMALL_ARRAY: u8 = 2;
const LARGE_ARRAY: u8 = 3;
const LITERAL: u8 = 4;
const INT16: u8 = 5;
const UINT16: u8 = 6;
const INT32: u8 = 7;
const UINT32: u8 = 8;
const INT64: u8 = 9;
const UINT64: u8 = 10;
const DOUBLE: u8 = 11;
const STRING: u8 = 12;
const OPAQUE: u8 = 15;

/// MySQL takes no document that is nested more deeply.
const MAX_DEPTH: usize = 100;

/// Appends the document as text.
pub fn to_text(document: &[u8], out: &mut Vec<u8>) -> Result<(), Bad> {
    let Some((&kind, payload)) = document.split_first() else {
        out.extend_from_slice(b"null");
        return Ok(());
    };
    let mut printer = Printer {
        // each value takes at least a byte of its own; more of them are a forgery
        budget: document.len(),
        out,
    };
    printer.value(kind, payload, 0)
}

struct Printer<'o> {
    out: &'o mut Vec<u8>,
    budget: usize,
}

impl Printer<'_> {
    fn value(&mut self, kind: u8, payload: &[u8], depth: usize) -> Result<(), Bad> {
        self.budget = self
            .budget
            .checked_sub(1)
            .ok_or(Bad::Invalid("a JSON document refers to itself"))?;
        let mut input = Input(payload);
        match kind {
            SMALL_OBJECT => self.container(payload, false, true, depth),
            LARGE_OBJECT => self.container(payload, true, true, depth),
            SMALL_ARRAY => self.container(payload, false, false, depth),
            LARGE_ARRAY => self.container(payload, true, false, depth),
            LITERAL => self.literal(input.u8()?),
            INT16 => self.int(i64::from(input.u16()? as i16)),
            UINT16 => self.int(i64::from(input.u16()?)),
            INT32 => self.int(i64::from(input.u32()? as i32)),
            UINT32 => self.int(i64::from(input.u32()?)),
            INT64 => self.int(input.u64()? as i64),
            UINT64 => {
                number::push_u64(self.out, input.u64()?);
                Ok(())
            }
            DOUBLE => {
                self.double(f64::from_le_bytes(input.array()?));
                Ok(())
            }
            STRING => {
                let len = variable_length(&mut input)?;
                self.string(input.take(len)?);
                Ok(())
            }
            OPAQUE => self.opaque(&mut input),
            _ => Err(Bad::Invalid("a JSON value has an unknown type")),
        }
    }

    fn int(&mut self, value: i64) -> Result<(), Bad> {
        number::push_i64(self.out, value);
        Ok(())
    }

    fn literal(&mut self, which: u8) -> Result<(), Bad> {
        self.out.extend_from_slice(match which {
            0 => b"null",
            1 => b"true",
            2 => b"false",
            _ => return Err(Bad::Invalid("a JSON literal is unknown")),
        });
        Ok(())
    }

    fn double(&mut self, value: f64) {
        let start = self.out.len();
        double::shortest(self.out, value);
        // a number with a fraction never looks like a whole one
        if self.out[start..]
            .iter()
            .all(|b| b.is_ascii_digit() || *b == b'-')
        {
            self.out.extend_from_slice(b".0");
        }
    }

    fn string(&mut self, text: &[u8]) {
        self.out.push(b'"');
        let mut rest = text;
        while let Some(at) = rest
            .iter()
            .position(|&b| b < 0x20 || b == b'"' || b == b'\\')
        {
            self.out.extend_from_slice(&rest[..at]);
            match rest[at] {
                b'"' => self.out.extend_from_slice(b"\\\""),
                b'\\' => self.out.extend_from_slice(b"\\\\"),
                0x08 => self.out.extend_from_slice(b"\\b"),
                0x0C => self.out.extend_from_slice(b"\\f"),
                b'\n' => self.out.extend_from_slice(b"\\n"),
                b'\r' => self.out.extend_from_slice(b"\\r"),
                b'\t' => self.out.extend_from_slice(b"\\t"),
                other => {
                    const HEX: &[u8; 16] = b"0123456789abcdef";
                    self.out.extend_from_slice(b"\\u00");
                    self.out.push(HEX[usize::from(other >> 4)]);
                    self.out.push(HEX[usize::from(other & 15)]);
                }
            }
            rest = &rest[at + 1..];
        }
        self.out.extend_from_slice(rest);
        self.out.push(b'"');
    }

    fn container(
        &mut self,
        payload: &[u8],
        large: bool,
        object: bool,
        depth: usize,
    ) -> Result<(), Bad> {
        if depth >= MAX_DEPTH {
            return Err(Bad::Invalid("a JSON document is nested too deeply"));
        }
        let width = if large { 4 } else { 2 };
        let mut head = Input(payload);
        let count = head.le(width)? as usize;
        let size = head.le(width)? as usize;
        let body = payload.get(..size).ok_or(Bad::Short)?;
        let mut keys = Input(
            head.take(
                count
                    .checked_mul(if object { width + 2 } else { 0 })
                    .ok_or(Bad::Short)?,
            )?,
        );
        let mut entries = Input(head.take(count.checked_mul(1 + width).ok_or(Bad::Short)?)?);
        self.out.push(if object { b'{' } else { b'[' });
        for at in 0..count {
            if at > 0 {
                self.out.extend_from_slice(b", ");
            }
            if object {
                let offset = keys.le(width)? as usize;
                let len = usize::from(keys.u16()?);
                let key = body.get(offset..).and_then(|rest| rest.get(..len));
                self.string(key.ok_or(Bad::Short)?);
                self.out.extend_from_slice(b": ");
            }
            let kind = entries.u8()?;
            let slot = entries.take(width)?;
            if stands_in_entry(kind, large) {
                self.value(kind, slot, depth + 1)?;
            } else {
                let offset = Input(slot).le(width)? as usize;
                let value = body.get(offset..).ok_or(Bad::Short)?;
                self.value(kind, value, depth + 1)?;
            }
        }
        self.out.push(if object { b'}' } else { b']' });
        Ok(())
    }

    /// A value of an SQL type that JSON does not have: its type, its length, its bytes.
    fn opaque(&mut self, input: &mut Input<'_>) -> Result<(), Bad> {
        let kind = input.u8()?;
        let len = variable_length(input)?;
        let value = input.take(len)?;
        let mut input = Input(value);
        match kind {
            // DECIMAL
            246 => {
                let (precision, scale) = (input.u8()?, input.u8()?);
                number::decimal(&mut input, self.out, precision, scale, false)
            }
            // TIMESTAMP, DATE, TIME, DATETIME
            7 | 10 | 11 | 12 => {
                let packed = input.u64()? as i64;
                self.out.push(b'"');
                match kind {
                    10 => time::push_packed_date(self.out, packed.unsigned_abs() >> 24),
                    11 => time::push_packed_time(self.out, packed),
                    _ => {
                        let value = packed.unsigned_abs();
                        time::push_packed_datetime(self.out, value >> 24);
                        time::push_micros(self.out, value & 0xFF_FFFF);
                    }
                }
                self.out.push(b'"');
                Ok(())
            }
            _ => {
                let mut text = format!("base64:type{kind}:").into_bytes();
                let encoded = base64::engine::general_purpose::STANDARD.encode(value);
                for (at, line) in encoded.as_bytes().chunks(76).enumerate() {
                    if at > 0 {
                        text.push(b'\n');
                    }
                    text.extend_from_slice(line);
                }
                self.string(&text);
                Ok(())
            }
        }
    }
}

fn stands_in_entry(kind: u8, large: bool) -> bool {
    match kind {
        LITERAL | INT16 | UINT16 => true,
        INT32 | UINT32 => large,
        _ => false,
    }
}

/// Seven bits in each byte, the lowest first; the highest bit says that more follow.
fn variable_length(input: &mut Input<'_>) -> Result<usize, Bad> {
    let mut len = 0_usize;
    for shift in (0..35).step_by(7) {
        let byte = input.u8()?;
        len |= usize::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Ok(len);
        }
    }
    Err(Bad::Invalid("a length inside JSON is malformed"))
}
