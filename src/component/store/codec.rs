//! Payloads of frames: pieces of transactions, positions, DDL, definitions.

use super::frame::{COMPRESSED, FrameKind, Header, LZ4};
use crate::error::{Error, Kind, Result};
use crate::model::change::{Change, DdlEvent, Op, TableVersion, TxnPiece};
use crate::model::ddl::{CharsetDefault, Ddl};
use crate::model::options::Compression;
use crate::model::position::Position;
use crate::model::row::Row;
use crate::model::table::{Table, TableName};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Definitions by their number.
pub type Versions = HashMap<u32, Arc<TableVersion>>;

/// The start of a segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// Version of the format.
    pub format: u32,
    /// The place in the source's log in front of the segment.
    pub base: Position,
    /// Number of the next definition.
    pub next_version: u32,
}

/// The format that this program writes.
pub const FORMAT: u32 = 1;

/// Changes of what is known about tables.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SchemaChange {
    /// Tables that are not there any more.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drop: Vec<TableName>,
    /// Tables that are new or changed, with the number of the definition.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<(u32, Table)>,
    /// Tables that are there but whose definition is not known, and why.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<(TableName, String)>,
    /// Defaults of databases.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub defaults: BTreeMap<String, CharsetDefault>,
}

impl SchemaChange {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.drop.is_empty()
            && self.set.is_empty()
            && self.unknown.is_empty()
            && self.defaults.is_empty()
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct DdlPayload {
    end: Position,
    schema: String,
    sql: String,
    ddl: Ddl,
    after: Vec<u32>,
}

fn corrupt(why: impl std::fmt::Display) -> Error {
    Error::new(Kind::StoreCorrupt, "reading the Store's log").detail(why)
}

/// Serialized; compressed where it is worth it. Gives the flags to set.
fn pack(value: &impl Serialize) -> Result<(Vec<u8>, u8)> {
    let json = serde_json::to_vec(value)
        .map_err(|e| Error::new(Kind::Internal, "writing a frame of the Store").caused_by(e))?;
    if json.len() < 4096 {
        return Ok((json, 0));
    }
    match zstd::bulk::compress(&json, 1) {
        Ok(mut packed) => {
            // the size in front lets the reader bound what it unpacks
            packed.extend_from_slice(&(json.len() as u32).to_le_bytes());
            Ok((packed, COMPRESSED))
        }
        Err(_) => Ok((json, 0)),
    }
}

/// Packs the end of a buffer, from `start` on, where that makes it smaller; gives the flags to set.
pub fn pack_tail(out: &mut Vec<u8>, start: usize, how: Compression) -> u8 {
    const LEAST: usize = 256;
    let plain = &out[start..];
    let size = plain.len();
    if size < LEAST {
        return 0;
    }
    let (packed, flag) = match how {
        Compression::None => return 0,
        Compression::Lz4 => (lz4_flex::compress(plain), LZ4),
        Compression::Zstd => match zstd::bulk::compress(plain, 1) {
            Ok(packed) => (packed, COMPRESSED),
            Err(_) => return 0,
        },
    };
    if packed.len() + 4 >= size {
        return 0;
    }
    out.truncate(start);
    out.extend_from_slice(&packed);
    out.extend_from_slice(&(size as u32).to_le_bytes());
    flag
}

fn unpack<'a>(header: &Header, payload: &'a [u8]) -> Result<Cow<'a, [u8]>> {
    if header.flags & (COMPRESSED | LZ4) == 0 {
        return Ok(Cow::Borrowed(payload));
    }
    let (packed, size) = payload
        .split_last_chunk::<4>()
        .ok_or_else(|| corrupt("a compressed frame is too short"))?;
    let size = u32::from_le_bytes(*size) as usize;
    if header.flags & LZ4 != 0 {
        return lz4_flex::decompress(packed, size)
            .map(Cow::Owned)
            .map_err(corrupt);
    }
    zstd::bulk::decompress(packed, size)
        .map(Cow::Owned)
        .map_err(corrupt)
}

fn from_json<'a, T: Deserialize<'a>>(json: &'a [u8]) -> Result<T> {
    serde_json::from_slice(json).map_err(corrupt)
}

/// Appends the frame of a segment's start.
pub fn push_head(out: &mut Vec<u8>, flags: u8, head: &Head) -> Result<()> {
    let (payload, more) = pack(head)?;
    let id = head.base.txn_id();
    super::frame::push(out, FrameKind::Head, flags | more, id, &payload);
    Ok(())
}

/// Reads the frame of a segment's start.
pub fn head(header: &Header, payload: &[u8]) -> Result<Head> {
    let head: Head = from_json(&unpack(header, payload)?)?;
    if head.format != FORMAT {
        return Err(corrupt(format!("format {} is not known", head.format)));
    }
    Ok(head)
}

/// Appends a frame of definitions.
pub fn push_schema(out: &mut Vec<u8>, flags: u8, change: &SchemaChange) -> Result<()> {
    let (payload, more) = pack(change)?;
    let id = crate::model::ids::TxnId::MIN;
    super::frame::push(out, FrameKind::Schema, flags | more, id, &payload);
    Ok(())
}

/// Reads a frame of definitions.
pub fn schema(header: &Header, payload: &[u8]) -> Result<SchemaChange> {
    from_json(&unpack(header, payload)?)
}

/// Appends a heartbeat's frame.
pub fn push_heartbeat(out: &mut Vec<u8>, flags: u8, position: &Position) {
    let start = super::frame::begin(out);
    push_position(out, position);
    super::frame::finish(out, start, FrameKind::Heartbeat, flags, position.txn_id());
}

/// Reads a heartbeat's frame.
pub fn heartbeat(payload: &[u8]) -> Result<Position> {
    read_position(payload).ok_or_else(|| corrupt("a heartbeat has no position"))
}

/// Appends a DDL statement's frame.
pub fn push_ddl(out: &mut Vec<u8>, flags: u8, event: &DdlEvent) -> Result<()> {
    let (payload, more) = pack(&DdlPayload {
        end: event.end.clone(),
        schema: event.schema.clone(),
        sql: event.sql.clone(),
        ddl: event.ddl.clone(),
        after: event.after.iter().map(|version| version.id).collect(),
    })?;
    super::frame::push(out, FrameKind::Ddl, flags | more, event.id, &payload);
    Ok(())
}

/// Reads a DDL statement's frame.
pub fn ddl(header: &Header, payload: &[u8], versions: &Versions) -> Result<DdlEvent> {
    let ddl: DdlPayload = from_json(&unpack(header, payload)?)?;
    let after = ddl
        .after
        .iter()
        .map(|id| version(versions, *id).cloned())
        .collect::<Result<_>>()?;
    Ok(DdlEvent {
        id: header.id,
        end: ddl.end,
        schema: ddl.schema,
        sql: ddl.sql,
        ddl: ddl.ddl,
        after,
    })
}

/// The position behind a DDL statement.
pub fn ddl_end(header: &Header, payload: &[u8]) -> Result<Position> {
    #[derive(Deserialize)]
    struct End {
        end: Position,
    }
    from_json::<End>(&unpack(header, payload)?).map(|ddl| ddl.end)
}

/// The position behind a piece, where it is the last of its transaction.
pub fn piece_end(header: &Header, payload: &[u8]) -> Result<Option<Position>> {
    if header.flags & super::frame::END == 0 {
        return Ok(None);
    }
    split_end(payload)
        .and_then(|(_, position)| read_position(position))
        .map(Some)
        .ok_or_else(|| corrupt("a piece of a transaction is malformed"))
}

/// What stands in front of a piece's position, and the position.
fn split_end(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let (rest, len) = body.split_last_chunk::<4>()?;
    let at = rest.len().checked_sub(u32::from_le_bytes(*len) as usize)?;
    Some(rest.split_at(at))
}

fn version(versions: &Versions, id: u32) -> Result<&Arc<TableVersion>> {
    versions
        .get(&id)
        .ok_or_else(|| corrupt(format!("definition {id} is not there")))
}

/// Appends a position: file, offset, time, GTIDs; then its own length.
pub fn push_position(out: &mut Vec<u8>, position: &Position) {
    const NONE: u32 = u32::MAX;
    let start = out.len();
    out.extend_from_slice(&(position.file.len() as u16).to_le_bytes());
    out.extend_from_slice(position.file.as_bytes());
    out.extend_from_slice(&position.offset.to_le_bytes());
    out.extend_from_slice(&position.time_ms.to_le_bytes());
    match &position.gtid {
        None => out.extend_from_slice(&NONE.to_le_bytes()),
        Some(gtid) => {
            out.extend_from_slice(&(gtid.len() as u32).to_le_bytes());
            out.extend_from_slice(gtid.as_bytes());
        }
    }
    let len = (out.len() - start) as u32;
    out.extend_from_slice(&len.to_le_bytes());
}

fn read_position(bytes: &[u8]) -> Option<Position> {
    let mut input = Reader(bytes);
    let file_len = u16::from_le_bytes(input.array()?);
    let file = std::str::from_utf8(input.take(usize::from(file_len))?).ok()?;
    let offset = u64::from_le_bytes(input.array()?);
    let time_ms = u64::from_le_bytes(input.array()?);
    let gtid = match u32::from_le_bytes(input.array()?) {
        u32::MAX => None,
        len => Some(std::str::from_utf8(input.take(len as usize)?).ok()?),
    };
    Some(Position {
        file: file.to_owned(),
        offset,
        gtid: gtid.map(str::to_owned),
        time_ms,
    })
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(n)?;
        self.0 = rest;
        Some(head)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }
}

/// Kinds of changes as they stand in a piece.
const INSERT: u8 = 0;
const UPDATE: u8 = 1;
const DELETE: u8 = 2;

/// Begins a change in a piece; its images follow, each made with [`begin_image`].
pub fn begin_change(out: &mut Vec<u8>, op: ChangeKind, version: u32) {
    out.push(match op {
        ChangeKind::Insert => INSERT,
        ChangeKind::Update => UPDATE,
        ChangeKind::Delete => DELETE,
    });
    out.extend_from_slice(&version.to_le_bytes());
}

/// What a change does; an update has two images, the others one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// Insert.
    Insert,
    /// Update.
    Update,
    /// Delete.
    Delete,
}

/// Begins an image; gives what [`finish_image`] wants once its cells are appended.
pub fn begin_image(out: &mut Vec<u8>) -> usize {
    out.extend_from_slice(&[0; 4]);
    out.len()
}

/// Completes an image.
pub fn finish_image(out: &mut [u8], start: usize) {
    let len = (out.len() - start) as u32;
    out[start - 4..start].copy_from_slice(&len.to_le_bytes());
}

/// Reads a piece; its rows are slices of the payload.
pub fn piece(header: &Header, payload: &Bytes, versions: &Versions) -> Result<TxnPiece> {
    let bad = || corrupt("a piece of a transaction is malformed");
    let mut body: &[u8] = payload;
    let mut end = None;
    if header.flags & super::frame::END != 0 {
        let (rest, position) = split_end(body).ok_or_else(bad)?;
        end = Some(read_position(position).ok_or_else(bad)?);
        body = rest;
    }
    let payload = match unpack(header, body)? {
        Cow::Borrowed(_) => payload.slice_ref(body),
        Cow::Owned(plain) => Bytes::from(plain),
    };
    let mut input = Reader(&payload);
    let number = input.array().map(u32::from_le_bytes).ok_or_else(bad)?;
    let mut changes = Vec::new();
    while !input.0.is_empty() {
        let [kind] = input.array().ok_or_else(bad)?;
        let id = input.array().map(u32::from_le_bytes).ok_or_else(bad)?;
        let mut image = || -> Result<Row> {
            let len = input.array().map(u32::from_le_bytes).ok_or_else(bad)?;
            let cells = input.take(len as usize).ok_or_else(bad)?;
            Ok(Row(payload.slice_ref(cells)))
        };
        let op = match kind {
            INSERT => Op::Insert(image()?),
            UPDATE => Op::Update {
                old: image()?,
                new: image()?,
            },
            DELETE => Op::Delete(image()?),
            _ => return Err(bad()),
        };
        changes.push(Change {
            table: version(versions, id)?.clone(),
            op,
        });
    }
    Ok(TxnPiece {
        id: header.id,
        piece: number,
        end,
        changes,
    })
}
