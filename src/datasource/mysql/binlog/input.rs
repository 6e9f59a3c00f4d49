//! A checked reader over the bytes of an event: every read can fail, none can panic.

use crate::error::{Error, Kind};
use std::fmt;

/// Why bytes of the log could not be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bad {
    /// They end too early.
    Short,
    /// They contradict the format; what is wrong.
    Invalid(&'static str),
    /// A string is not valid in its character set.
    Charset,
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short => f.write_str("the event ends too early"),
            Self::Invalid(why) => f.write_str(why),
            Self::Charset => f.write_str("a string is not valid in its character set"),
        }
    }
}

impl Bad {
    /// As an error with a code; `what` was being decoded.
    pub fn error(self, what: impl Into<std::borrow::Cow<'static, str>>) -> Error {
        let kind = match self {
            Self::Charset => Kind::TypeUnsupported,
            _ => Kind::BinlogInvalid,
        };
        Error::new(kind, what).detail(self)
    }
}

/// The rest of the bytes that are being read.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a>(pub &'a [u8]);

impl<'a> Input<'a> {
    /// Bytes left.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether all is read.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next `n` bytes.
    pub fn take(&mut self, n: usize) -> Result<&'a [u8], Bad> {
        let (head, rest) = self.0.split_at_checked(n).ok_or(Bad::Short)?;
        self.0 = rest;
        Ok(head)
    }

    /// The next `N` bytes as an array.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Bad> {
        let (head, rest) = self.0.split_first_chunk::<N>().ok_or(Bad::Short)?;
        self.0 = rest;
        Ok(*head)
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, Bad> {
        let (&head, rest) = self.0.split_first().ok_or(Bad::Short)?;
        self.0 = rest;
        Ok(head)
    }

    /// Little-endian, 2 bytes.
    pub fn u16(&mut self) -> Result<u16, Bad> {
        self.array().map(u16::from_le_bytes)
    }

    /// Little-endian, 4 bytes.
    pub fn u32(&mut self) -> Result<u32, Bad> {
        self.array().map(u32::from_le_bytes)
    }

    /// Little-endian, 8 bytes.
    pub fn u64(&mut self) -> Result<u64, Bad> {
        self.array().map(u64::from_le_bytes)
    }

    /// Little-endian, `n` (at most 8) bytes.
    pub fn le(&mut self, n: usize) -> Result<u64, Bad> {
        let mut value = [0_u8; 8];
        let bytes = self.take(n)?;
        value.get_mut(..n).ok_or(Bad::Short)?.copy_from_slice(bytes);
        Ok(u64::from_le_bytes(value))
    }

    /// Big-endian, `n` (at most 8) bytes.
    pub fn be(&mut self, n: usize) -> Result<u64, Bad> {
        if n > 8 {
            return Err(Bad::Short);
        }
        Ok(self
            .take(n)?
            .iter()
            .fold(0_u64, |value, &byte| (value << 8) | u64::from(byte)))
    }

    /// A length-encoded integer.
    pub fn lenenc(&mut self) -> Result<u64, Bad> {
        match self.u8()? {
            0xFC => self.le(2),
            0xFD => self.le(3),
            0xFE => self.le(8),
            0xFB | 0xFF => Err(Bad::Invalid("a length is malformed")),
            small => Ok(u64::from(small)),
        }
    }

    /// A length-encoded integer that counts bytes or things in this input.
    pub fn lenenc_len(&mut self) -> Result<usize, Bad> {
        usize::try_from(self.lenenc()?).map_err(|_| Bad::Short)
    }
}
