//! Frames that wait to be written. Rows are decoded straight into it: a change is copied nowhere
//! else on its way to the disk.

use super::codec::{self, ChangeKind, SchemaChange};
use super::frame::{self, END, FrameKind, WHOLE};
use super::writer::WholeEnd;
use crate::error::Result;
use crate::model::change::DdlEvent;
use crate::model::ids::TxnId;
use crate::model::options::Compression;
use crate::model::position::Position;
use std::sync::Arc;

/// A piece's payload begins with its number.
const PIECE_HEAD: usize = frame::HEADER + 4;

/// Frames in the order of the log. What stands behind the last whole end is the open unit: a
/// transaction that is not complete.
#[derive(Debug, Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    /// Where the last whole end is.
    whole: usize,
    tip: Option<Arc<Position>>,
    /// Where the piece begins that changes are appended to.
    piece: Option<usize>,
    /// Pieces of the open transaction that are complete.
    pieces: u32,
    /// Frames of the open unit were handed out already.
    spilled: bool,
    compression: Compression,
}

/// A place in the open transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pieces: u32,
    len: usize,
}

impl Batch {
    /// An empty batch whose pieces are packed like this.
    pub fn packed(compression: Compression) -> Self {
        Self {
            compression,
            ..Self::default()
        }
    }

    /// Bytes that wait.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Bytes that wait and are whole.
    pub fn whole_len(&self) -> usize {
        self.whole
    }

    /// Whether the open unit has frames or changes.
    pub fn is_open(&self) -> bool {
        self.spilled || self.bytes.len() > self.whole
    }

    /// Whether the open transaction has changes.
    pub fn has_changes(&self) -> bool {
        self.piece.is_some() || self.pieces > 0
    }

    /// Begins a change; the images are to be appended to the buffer as [`codec::begin_image`]
    /// says. If that fails, the unit must be aborted.
    pub fn change(&mut self, op: ChangeKind, version: u32) -> &mut Vec<u8> {
        if self.piece.is_none() {
            self.piece = Some(frame::begin(&mut self.bytes));
            self.bytes.extend_from_slice(&self.pieces.to_le_bytes());
        }
        codec::begin_change(&mut self.bytes, op, version);
        &mut self.bytes
    }

    /// Bytes of the piece that is open.
    pub fn piece_len(&self) -> usize {
        self.piece.map_or(0, |start| self.bytes.len() - start)
    }

    /// Completes the open piece; more of the transaction follows.
    pub fn split(&mut self, id: TxnId) {
        if let Some(start) = self.piece.take() {
            let flags = self.pack(start);
            frame::finish(&mut self.bytes, start, FrameKind::Piece, flags, id);
            self.pieces += 1;
        }
    }

    /// Completes the transaction.
    pub fn commit(&mut self, id: TxnId, end: Position) {
        let start = self.piece.take().unwrap_or_else(|| {
            let start = frame::begin(&mut self.bytes);
            self.bytes.extend_from_slice(&self.pieces.to_le_bytes());
            start
        });
        // the position behind it is read without unpacking
        let flags = self.pack(start) | END | WHOLE;
        codec::push_position(&mut self.bytes, &end);
        frame::finish(&mut self.bytes, start, FrameKind::Piece, flags, id);
        self.is_whole(end);
    }

    fn pack(&mut self, start: usize) -> u8 {
        codec::pack_tail(&mut self.bytes, start + frame::HEADER, self.compression)
    }

    /// Appends definitions, as part of the open unit.
    pub fn schema(&mut self, change: &SchemaChange) -> Result<()> {
        codec::push_schema(&mut self.bytes, 0, change)
    }

    /// Appends a DDL statement; with `whole` it ends the unit.
    pub fn ddl(&mut self, event: &DdlEvent, whole: bool) -> Result<()> {
        codec::push_ddl(&mut self.bytes, if whole { WHOLE } else { 0 }, event)?;
        if whole {
            self.is_whole(event.end.clone());
        }
        Ok(())
    }

    /// Appends a heartbeat, which ends the unit.
    pub fn heartbeat(&mut self, position: Position) {
        codec::push_heartbeat(&mut self.bytes, WHOLE, &position);
        self.is_whole(position);
    }

    fn is_whole(&mut self, tip: Position) {
        self.whole = self.bytes.len();
        self.tip = Some(Arc::new(tip));
        self.pieces = 0;
        self.spilled = false;
    }

    /// Forgets the open unit; says whether frames of it were handed out, which must be cut.
    pub fn abort(&mut self) -> bool {
        self.bytes.truncate(self.whole);
        self.piece = None;
        self.pieces = 0;
        std::mem::take(&mut self.spilled)
    }

    /// The place behind the last change.
    pub fn mark(&self) -> Mark {
        Mark {
            pieces: self.pieces,
            len: self.piece_len(),
        }
    }

    /// Takes back all changes since the mark; false where they stand in a piece that is complete
    /// already.
    pub fn back_to(&mut self, mark: Mark) -> bool {
        if self.mark() == mark {
            return true;
        }
        if mark.pieces != self.pieces {
            return false;
        }
        if let Some(start) = self.piece {
            if mark.len <= PIECE_HEAD {
                self.bytes.truncate(start);
                self.piece = None;
            } else {
                self.bytes.truncate(start + mark.len);
            }
        }
        true
    }

    /// Hands out the frames that are complete.
    pub fn take(&mut self) -> Option<(Vec<u8>, Option<WholeEnd>)> {
        let cut = self.piece.unwrap_or(self.bytes.len());
        if cut == 0 {
            return None;
        }
        let rest = self.bytes.split_off(cut);
        let frames = std::mem::replace(&mut self.bytes, rest);
        self.spilled |= cut > self.whole;
        let whole = match (self.whole, self.tip.take()) {
            (len @ 1.., Some(tip)) => Some(WholeEnd { len, tip }),
            _ => None,
        };
        self.whole = 0;
        self.piece = self.piece.map(|_| 0);
        Some((frames, whole))
    }
}
