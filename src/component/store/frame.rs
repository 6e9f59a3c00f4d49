//! Frames: what a segment file is made of.
//!
//! A frame is a header of 20 bytes and a payload. The header holds the payload's length, a CRC-32
//! of everything behind the CRC itself, the kind, flags, and an id (a [`TxnId`]). All numbers are
//! little-endian. A frame with the flag [`WHOLE`] ends something that a reader may see; what
//! stands behind the last one is a transaction that is not complete yet.

use crate::model::ids::TxnId;

/// Bytes of a frame's header.
pub const HEADER: usize = 20;

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FrameKind {
    /// The start of a segment.
    Head = 1,
    /// Definitions of tables that are valid from here on.
    Schema = 2,
    /// A transaction, or a piece of one.
    Piece = 3,
    /// A DDL statement.
    Ddl = 4,
    /// Nothing happened up to here.
    Heartbeat = 5,
}

impl FrameKind {
    fn of(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Self::Head,
            2 => Self::Schema,
            3 => Self::Piece,
            4 => Self::Ddl,
            5 => Self::Heartbeat,
            _ => return None,
        })
    }
}

/// Flag: up to the end of this frame all is complete.
pub const WHOLE: u8 = 1;
/// Flag: the payload is compressed with zstd.
pub const COMPRESSED: u8 = 2;
/// Flag: the payload ends with the position behind the transaction.
pub const END: u8 = 4;
/// Flag: the payload is compressed with LZ4.
pub const LZ4: u8 = 8;

/// A frame without its payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Bytes of the payload.
    pub len: usize,
    /// What it holds.
    pub kind: FrameKind,
    /// Flags.
    pub flags: u8,
    /// The transaction, or the place in the source's log.
    pub id: TxnId,
}

/// What stands at the start of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// A whole and right frame; its payload follows the header.
    Frame(Header),
    /// The bytes end inside a frame that takes so many bytes in all.
    Short(usize),
    /// A frame that is not right.
    Broken(&'static str),
}

/// Looks at the frame at the start of the bytes.
pub fn peek(bytes: &[u8]) -> Next {
    let Some(header) = bytes.first_chunk::<HEADER>() else {
        return Next::Short(HEADER);
    };
    let word = |at: usize| {
        let mut le = [0; 4];
        le.copy_from_slice(&header[at..at + 4]);
        u32::from_le_bytes(le)
    };
    let len = word(0) as usize;
    let Some(kind) = FrameKind::of(header[8]) else {
        return Next::Broken("a frame is of no known kind");
    };
    let Some(checked) = bytes.get(8..HEADER + len) else {
        return Next::Short(HEADER + len);
    };
    if crc32fast::hash(checked) != word(4) {
        return Next::Broken("a frame's checksum is wrong");
    }
    let id = u64::from(word(12)) | u64::from(word(16)) << 32;
    Next::Frame(Header {
        len,
        kind,
        flags: header[9],
        id: TxnId(id),
    })
}

/// Begins a frame at the end of the buffer; gives where it begins. The payload is to be appended,
/// then [`finish`] is to be called.
pub fn begin(out: &mut Vec<u8>) -> usize {
    let start = out.len();
    out.resize(start + HEADER, 0);
    start
}

/// Completes the frame that begins at `start` and ends where the buffer ends. A payload has less
/// than 4 GB: a row has at most 2 GB, and a piece ends with the row that makes it large.
pub fn finish(out: &mut [u8], start: usize, kind: FrameKind, flags: u8, id: TxnId) {
    let frame = &mut out[start..];
    let len = (frame.len() - HEADER) as u32;
    frame[8] = kind as u8;
    frame[9] = flags;
    frame[12..20].copy_from_slice(&id.0.to_le_bytes());
    let crc = crc32fast::hash(&frame[8..]);
    frame[0..4].copy_from_slice(&len.to_le_bytes());
    frame[4..8].copy_from_slice(&crc.to_le_bytes());
}

/// Appends a frame.
pub fn push(out: &mut Vec<u8>, kind: FrameKind, flags: u8, id: TxnId, payload: &[u8]) {
    let start = begin(out);
    out.extend_from_slice(payload);
    finish(out, start, kind, flags, id);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_frame_comes_back(payload in proptest::collection::vec(any::<u8>(), 0..300), id: u64) {
            let mut bytes = vec![9];
            push(&mut bytes, FrameKind::Piece, END | WHOLE, TxnId(id), &payload);
            let frame = &bytes[1..];
            let header = Header { len: payload.len(), kind: FrameKind::Piece, flags: END | WHOLE, id: TxnId(id) };
            prop_assert_eq!(peek(frame), Next::Frame(header));
            prop_assert_eq!(&frame[HEADER..], &payload[..]);
            for cut in 0..frame.len() {
                prop_assert!(matches!(peek(&frame[..cut]), Next::Short(_)));
            }
        }

        #[test]
        fn every_flipped_bit_is_seen(payload in proptest::collection::vec(any::<u8>(), 0..60), at: usize, bit in 0..8) {
            let mut bytes = Vec::new();
            push(&mut bytes, FrameKind::Heartbeat, WHOLE, TxnId(7), &payload);
            let at = at % bytes.len();
            bytes[at] ^= 1_u8 << bit;
            prop_assert!(!matches!(peek(&bytes), Next::Frame(_)));
        }

        #[test]
        fn garbage_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let _ = peek(&bytes);
        }
    }
}
