//! Opening a Store's folder: what is in it, where its last whole transaction ends, what was known
//! about tables there. A torn tail is cut.

use super::codec;
use super::frame::{FrameKind, WHOLE};
use super::segment::{self, Found, Scan, Segment, Segments, io_error};
use super::tracker::Tables;
use crate::error::{Error, Kind, Result};
use crate::model::position::Position;
use std::fs::OpenOptions;
use std::path::Path;

/// What a folder holds.
#[derive(Debug)]
pub struct Recovered {
    /// The segments.
    pub segments: Segments,
    /// The one that is written to.
    pub current: u64,
    /// Where it ends: behind its last whole transaction.
    pub end: u64,
    /// The place in the source's log there.
    pub tip: Position,
    /// The tables there.
    pub tables: Tables,
}

/// Opens the folder; None where it holds no segment. Blocks.
pub fn recover(dir: &Path) -> Result<Option<Recovered>> {
    let numbers =
        segment::numbers(dir).map_err(|e| io_error("reading the Store's folder", dir, e))?;
    let mut segments = Segments::new();
    let mut last = None;
    for (at, &number) in numbers.iter().enumerate() {
        let newest = at + 1 == numbers.len();
        match base_of(dir, number)? {
            Some(segment) => {
                if let Some(previous) = last
                    && previous + 1 != number
                {
                    return Err(Error::new(Kind::StoreCorrupt, "opening the Store's folder")
                        .detail(format!("segment {} is missing", previous + 1)));
                }
                segments.insert(number, segment);
                last = Some(number);
            }
            None if newest => {
                // the process ended while it began this segment: nothing is in it yet
                let path = segment::path(dir, number);
                tracing::warn!(segment = number, "an unfinished segment is removed");
                std::fs::remove_file(&path)
                    .and_then(|()| segment::sync_dir(dir))
                    .map_err(|e| io_error("removing", &path, e))?;
            }
            None => {
                return Err(Error::new(Kind::StoreCorrupt, "opening the Store's folder")
                    .detail(format!("the start of segment {number} is broken")));
            }
        }
    }
    let Some(current) = last else {
        return Ok(None);
    };
    tail(dir, segments, current).map(Some)
}

/// The segment's head; None where its start is not complete.
fn base_of(dir: &Path, number: u64) -> Result<Option<Segment>> {
    let (file, bytes) = segment::open(dir, number)?;
    let mut scan = Scan::new(&file, 0, bytes);
    let path = segment::path(dir, number);
    let mut base = None;
    loop {
        match scan
            .next()
            .map_err(|e| io_error("reading the Store's segment", &path, e))?
        {
            Found::Frame(header, payload, _) => {
                match (&base, header.kind) {
                    (None, FrameKind::Head) => {
                        base = Some(codec::head(&header, payload)?.base);
                    }
                    (None, _) => return Ok(None),
                    _ => {}
                }
                if header.flags & WHOLE != 0 {
                    return Ok(base.map(|base| Segment { base, bytes }));
                }
            }
            Found::End | Found::Broken(..) => return Ok(None),
        }
    }
}

/// Reads the last segment to its end, and cuts what is not whole.
fn tail(dir: &Path, mut segments: Segments, current: u64) -> Result<Recovered> {
    let (file, len) = segment::open(dir, current)?;
    let path = segment::path(dir, current);
    let mut scan = Scan::new(&file, 0, len);
    let mut tables = Tables::default();
    // what is not followed by a whole end does not count
    let mut pending = Vec::new();
    let mut tip = None;
    let mut last = None;
    let mut end = 0;
    loop {
        match scan
            .next()
            .map_err(|e| io_error("reading the Store's segment", &path, e))?
        {
            Found::Frame(header, payload, behind) => {
                match header.kind {
                    FrameKind::Head => {
                        let head = codec::head(&header, payload)?;
                        tables = Tables::new(head.next_version);
                        last = Some(head.base);
                    }
                    FrameKind::Schema => pending.push(codec::schema(&header, payload)?),
                    FrameKind::Heartbeat => last = Some(codec::heartbeat(payload)?),
                    FrameKind::Ddl => last = Some(codec::ddl_end(&header, payload)?),
                    FrameKind::Piece => {
                        if let Some(position) = codec::piece_end(&header, payload)? {
                            last = Some(position);
                        }
                    }
                }
                if header.flags & WHOLE != 0 {
                    for change in pending.drain(..) {
                        tables.take(change);
                    }
                    end = behind;
                    tip.clone_from(&last);
                }
            }
            Found::End => break,
            Found::Broken(at, why) => {
                tracing::warn!(
                    segment = current,
                    offset = at,
                    length = len,
                    why,
                    "the Store's tail is torn"
                );
                break;
            }
        }
    }
    let tip = tip.ok_or_else(|| {
        Error::new(Kind::StoreCorrupt, "opening the Store's folder")
            .detail(format!("segment {current} has no start"))
    })?;
    if end < len {
        tracing::info!(
            segment = current,
            bytes = len - end,
            "an incomplete transaction is cut from the Store's tail"
        );
        OpenOptions::new()
            .write(true)
            .open(&path)
            .and_then(|file| {
                file.set_len(end)?;
                file.sync_all()
            })
            .map_err(|e| io_error("cutting the torn tail of", &path, e))?;
    }
    if let Some(segment) = segments.get_mut(&current) {
        segment.bytes = end;
    }
    Ok(Recovered {
        segments,
        current,
        end,
        tip,
        tables,
    })
}
