//! Character data: from the column's character set to UTF-8, labels of ENUM and SET.

use super::super::input::{Bad, Input};
use encoding_rs::Encoding;

/// How a column's characters become UTF-8.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Charset {
    /// They are (utf8mb4, utf8mb3, ascii).
    Utf8,
    /// MySQL's latin1: Windows-1252, with C1 controls for the five unused bytes.
    Latin1,
    /// Two bytes each, big-endian (ucs2), and surrogate pairs (utf16).
    Utf16Be,
    /// utf16le.
    Utf16Le,
    /// Four bytes each, big-endian.
    Utf32,
    /// A table whose characters are those of the server (the test `charsets_agree` says so).
    Other(&'static Encoding),
}

/// The 32 characters of Windows-1252 that are not those of ISO 8859-1.
const CP1252: [u16; 32] = [
    0x20AC, 0x81, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039,
    0x0152, 0x8D, 0x017D, 0x8F, 0x90, 0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014,
    0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D, 0x017E, 0x0178,
];

impl Charset {
    /// The character set with MySQL's name; None: it is not supported.
    pub fn by_name(name: &str) -> Option<Self> {
        Some(match name {
            "utf8mb4" | "utf8mb3" | "utf8" | "ascii" => Self::Utf8,
            "latin1" => Self::Latin1,
            "ucs2" | "utf16" => Self::Utf16Be,
            "utf16le" => Self::Utf16Le,
            "utf32" => Self::Utf32,
            "latin2" => Self::Other(encoding_rs::ISO_8859_2),
            "cp1250" => Self::Other(encoding_rs::WINDOWS_1250),
            "cp1251" => Self::Other(encoding_rs::WINDOWS_1251),
            "cp1256" => Self::Other(encoding_rs::WINDOWS_1256),
            "cp1257" => Self::Other(encoding_rs::WINDOWS_1257),
            "koi8r" => Self::Other(encoding_rs::KOI8_R),
            "gbk" => Self::Other(encoding_rs::GBK),
            "euckr" => Self::Other(encoding_rs::EUC_KR),
            "cp932" => Self::Other(encoding_rs::SHIFT_JIS),
            "latin7" => Self::Other(encoding_rs::ISO_8859_13),
            _ => return None,
        })
    }

    /// Appends the text as UTF-8.
    pub fn to_utf8(self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), Bad> {
        match self {
            Self::Utf8 => out.extend_from_slice(bytes),
            Self::Latin1 => {
                for &byte in bytes {
                    match byte {
                        0..=0x7F => out.push(byte),
                        0x80..=0x9F => push_char(out, u32::from(CP1252[usize::from(byte - 0x80)]))?,
                        _ => push_char(out, u32::from(byte))?,
                    }
                }
            }
            Self::Utf16Be => utf16(bytes, out, u16::from_be_bytes)?,
            Self::Utf16Le => utf16(bytes, out, u16::from_le_bytes)?,
            Self::Utf32 => {
                let (chars, rest) = bytes.as_chunks::<4>();
                for &unit in chars {
                    push_char(out, u32::from_be_bytes(unit))?;
                }
                if !rest.is_empty() {
                    return Err(Bad::Charset);
                }
            }
            Self::Other(encoding) => {
                let text = encoding
                    .decode_without_bom_handling_and_without_replacement(bytes)
                    .ok_or(Bad::Charset)?;
                out.extend_from_slice(text.as_bytes());
            }
        }
        Ok(())
    }
}

fn push_char(out: &mut Vec<u8>, code: u32) -> Result<(), Bad> {
    let char = char::from_u32(code).ok_or(Bad::Charset)?;
    out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
    Ok(())
}

fn utf16(bytes: &[u8], out: &mut Vec<u8>, unit: fn([u8; 2]) -> u16) -> Result<(), Bad> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(Bad::Charset);
    }
    for char in char::decode_utf16(pairs.iter().map(|&pair| unit(pair))) {
        let char = char.map_err(|_| Bad::Charset)?;
        out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
    }
    Ok(())
}

/// The character set of a client, by its default collation's number in a QUERY event: the number
/// is that of `character_set_client`.
pub fn client_charset(collation: u16) -> Option<Charset> {
    Some(match collation {
        11
        | 65
        | 33
        | 83
        | 192..=215
        | 223
        | 45
        | 46
        | 224..=250
        | 255..=323
        | 576..=640
        | 1057
        | 1069
        | 1070
        | 2048..=4096 => Charset::Utf8,
        5 | 8 | 15 | 31 | 47..=49 | 94 => Charset::Latin1,
        28 | 87 => Charset::by_name("gbk")?,
        51 => Charset::by_name("cp1251")?,
        7 => Charset::by_name("koi8r")?,
        // binary: taken as it is
        63 => Charset::Utf8,
        _ => return None,
    })
}

/// ENUM: the label with this number; 0 is the empty string of an invalid value.
pub fn enumeration(
    input: &mut Input<'_>,
    out: &mut Vec<u8>,
    bytes: usize,
    labels: &[Box<str>],
) -> Result<(), Bad> {
    match input.le(bytes)? as usize {
        0 => Ok(()),
        index => {
            let label = labels
                .get(index - 1)
                .ok_or(Bad::Invalid("an ENUM's number has no label"))?;
            out.extend_from_slice(label.as_bytes());
            Ok(())
        }
    }
}

/// SET: the labels whose bits are set, with commas.
pub fn set(
    input: &mut Input<'_>,
    out: &mut Vec<u8>,
    bytes: usize,
    labels: &[Box<str>],
) -> Result<(), Bad> {
    let mut mask = input.le(bytes)?;
    let start = out.len();
    while mask != 0 {
        let bit = mask.trailing_zeros() as usize;
        mask &= mask - 1;
        let label = labels
            .get(bit)
            .ok_or(Bad::Invalid("a SET's bit has no label"))?;
        if out.len() > start {
            out.push(b',');
        }
        out.extend_from_slice(label.as_bytes());
    }
    Ok(())
}
