//! Segment files: their names, and reading them from front to back.

use super::frame::{self, HEADER, Header, Next};
use crate::error::{Error, Kind, Result};
use crate::model::position::Position;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

/// A segment, as its folder's owner knows it.
#[derive(Debug, Clone)]
pub struct Segment {
    /// The place in the source's log in front of it.
    pub base: Position,
    /// Bytes of the file.
    pub bytes: u64,
}

/// The segments of a Store by their number.
pub type Segments = BTreeMap<u64, Segment>;

/// A segment's path.
pub fn path(dir: &Path, number: u64) -> PathBuf {
    dir.join(format!("{number:010}.seg"))
}

/// The numbers of the segments in a folder, in order.
pub fn numbers(dir: &Path) -> io::Result<Vec<u64>> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let name = entry?.file_name();
        let number = name
            .to_str()
            .and_then(|name| name.strip_suffix(".seg"))
            .and_then(|digits| digits.parse::<u64>().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// An error about the Store's files.
pub fn io_error(what: &'static str, path: &Path, error: io::Error) -> Error {
    Error::new(Kind::StoreIo, format!("{what} {}", path.display())).caused_by(error)
}

/// Makes the names in a folder durable.
pub fn sync_dir(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

/// How many bytes are read at once.
const CHUNK: usize = 512 << 10;

/// Reads the frames of a file in order.
#[derive(Debug)]
pub struct Scan<'f> {
    file: &'f File,
    /// The file is not read behind this.
    limit: u64,
    buffer: Vec<u8>,
    /// Where the buffer begins in the file.
    start: u64,
    /// What of the buffer is passed.
    at: usize,
}

/// What a scan finds.
#[derive(Debug)]
pub enum Found<'s> {
    /// A frame that is right, its payload, and where it ends in the file.
    Frame(Header, &'s [u8], u64),
    /// The end.
    End,
    /// A frame that is not right, or not complete; where it begins, and what is wrong.
    Broken(u64, &'static str),
}

impl<'f> Scan<'f> {
    /// From the offset up to the limit.
    pub fn new(file: &'f File, from: u64, limit: u64) -> Self {
        Self {
            file,
            limit,
            buffer: Vec::new(),
            start: from,
            at: 0,
        }
    }

    /// The next frame.
    pub fn next(&mut self) -> io::Result<Found<'_>> {
        loop {
            let place = self.start + self.at as u64;
            match frame::peek(&self.buffer[self.at..]) {
                Next::Frame(header) => {
                    let payload = self.at + HEADER;
                    self.at = payload + header.len;
                    let end = self.start + self.at as u64;
                    return Ok(Found::Frame(header, &self.buffer[payload..self.at], end));
                }
                Next::Broken(why) => return Ok(Found::Broken(place, why)),
                Next::Short(needed) => {
                    let left = self.limit.saturating_sub(place);
                    if left == 0 {
                        return Ok(Found::End);
                    }
                    if (needed as u64) > left {
                        return Ok(Found::Broken(place, "a frame is not complete"));
                    }
                    self.fill(needed)?;
                }
            }
        }
    }

    fn fill(&mut self, needed: usize) -> io::Result<()> {
        self.buffer.drain(..self.at);
        self.start += self.at as u64;
        self.at = 0;
        let held = self.buffer.len();
        let left = (self.limit - self.start) as usize;
        let wanted = needed.max(CHUNK).min(left);
        self.buffer.resize(wanted.max(held), 0);
        self.file
            .read_exact_at(&mut self.buffer[held..], self.start + held as u64)
    }
}

/// Opens a segment for reading; gives its length too.
pub fn open(dir: &Path, number: u64) -> Result<(File, u64)> {
    let path = path(dir, number);
    let fail = |error| io_error("opening the Store's segment", &path, error);
    let file = File::open(&path).map_err(fail)?;
    let len = file.metadata().map_err(fail)?.len();
    Ok((file, len))
}
