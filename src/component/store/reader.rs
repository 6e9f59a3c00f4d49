//! Reading a Store: whole transactions in order, as fast as the page cache gives them.

use super::codec::{self, Versions};
use super::frame::{self, FrameKind, HEADER, Header, Next};
use super::live::{Damage, LiveStore, Published, missing};
use super::segment::{self, io_error};
use super::tracker::Tables;
use crate::component::log_source::LogSource;
use crate::error::{Error, Kind, Result};
use crate::model::change::LogItem;
use crate::model::ids::TxnId;
use crate::model::position::Position;
use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use tokio::sync::watch;

/// How many bytes are read at once.
const CHUNK: usize = 512 << 10;

/// A consumer's stream of a Store. Items before its position are passed over.
#[derive(Debug)]
pub struct StoreReader {
    live: Arc<LiveStore>,
    published: watch::Receiver<Option<Published>>,
    generation: u64,
    from: TxnId,
    segment: u64,
    file: Arc<File>,
    /// Where in the file the buffer ends.
    offset: u64,
    /// Bytes that are read and not looked at yet.
    buffer: Bytes,
    versions: Versions,
}

impl StoreReader {
    pub(super) async fn open(live: Arc<LiveStore>, from: TxnId) -> Result<Self> {
        let mut published = live.watch();
        let generation = match &*published.borrow_and_update() {
            Some(published) => published.generation,
            None => return Err(missing(&live.subtopic)),
        };
        let (first, segment) = {
            let segments = live.segments.lock();
            let first = segments.values().next().map(|s| s.base.clone());
            let segment = segments
                .iter()
                .rev()
                .find(|(_, segment)| segment.base.txn_id() <= from)
                .map(|(number, _)| *number);
            (first, segment)
        };
        let Some(segment) = segment else {
            return Err(too_old(&live, from, first.as_ref()));
        };
        let file = open_file(&live, segment).await?;
        Ok(Self {
            live,
            published,
            generation,
            from,
            segment,
            file,
            offset: 0,
            buffer: Bytes::new(),
            versions: Versions::new(),
        })
    }

    async fn next_item(&mut self) -> Result<LogItem> {
        loop {
            match frame::peek(&self.buffer) {
                Next::Frame(header) => {
                    let mut frame = self.buffer.split_to(HEADER + header.len);
                    let payload = frame.split_off(HEADER);
                    match self.take(&header, &payload) {
                        Ok(Some(item)) => return Ok(item),
                        Ok(None) => {}
                        Err(error) => {
                            let place = self.place() - (HEADER + header.len) as u64;
                            return Err(self.damage(place, error.to_string()));
                        }
                    }
                }
                Next::Broken(why) => return Err(self.damage(self.place(), why.to_owned())),
                Next::Short(needed) => self.more(needed).await?,
            }
        }
    }

    /// Where in the file the next frame begins.
    fn place(&self) -> u64 {
        self.offset - self.buffer.len() as u64
    }

    /// A frame that is not right: the Store must pull again what stands from there on.
    fn damage(&self, offset: u64, why: String) -> Error {
        let segment = self.segment;
        self.live.report_damage(Damage { segment, offset });
        Error::new(
            Kind::StoreCorrupt,
            format!("reading subtopic {}", self.live.subtopic),
        )
        .detail(format!("segment {segment} at {offset}: {why}"))
    }

    fn take(&mut self, header: &Header, payload: &Bytes) -> Result<Option<LogItem>> {
        match header.kind {
            FrameKind::Head => {
                codec::head(header, payload)?;
            }
            FrameKind::Schema => {
                let mut tables = Tables::default();
                tables.take(codec::schema(header, payload)?);
                // each segment repeats what is known; who holds a definition keeps it
                for (id, version) in tables.versions() {
                    self.versions.entry(id).or_insert(version);
                }
            }
            _ if header.id < self.from => {}
            FrameKind::Piece => {
                return codec::piece(header, payload, &self.versions)
                    .map(|p| Some(LogItem::Txn(p)));
            }
            FrameKind::Ddl => {
                return codec::ddl(header, payload, &self.versions).map(|d| Some(LogItem::Ddl(d)));
            }
            FrameKind::Heartbeat => {
                return codec::heartbeat(payload).map(|p| Some(LogItem::Heartbeat(p)));
            }
        }
        Ok(None)
    }

    /// Reads on; waits where nothing more is there. `needed` bytes make the next frame.
    async fn more(&mut self, needed: usize) -> Result<()> {
        let published = match &*self.published.borrow_and_update() {
            Some(published) => published.clone(),
            None => return Err(missing(&self.live.subtopic)),
        };
        if published.generation != self.generation {
            // transient for the consumer: it begins again at its checkpoint
            return Err(Error::new(
                Kind::StoreMissing,
                format!("reading subtopic {}", self.live.subtopic),
            )
            .detail("the Store was mended and holds its log anew from an earlier place"));
        }
        let limit = if published.segment == self.segment {
            published.offset
        } else {
            self.live
                .segments
                .lock()
                .get(&self.segment)
                .map_or(self.offset, |segment| segment.bytes)
        };
        if self.offset < limit {
            return self.read(needed, limit).await;
        }
        if !self.buffer.is_empty() {
            return Err(self.damage(self.place(), "a frame is not complete".to_owned()));
        }
        if self.segment < published.segment {
            return self.next_segment().await;
        }
        self.published
            .changed()
            .await
            .map_err(|_| missing(&self.live.subtopic))
    }

    async fn next_segment(&mut self) -> Result<()> {
        let next = self.segment + 1;
        if !self.live.segments.lock().contains_key(&next) {
            let first = self.live.first().ok();
            return Err(too_old(&self.live, self.from, first.as_ref()));
        }
        let file = open_file(&self.live, next).await?;
        self.file = file;
        self.segment = next;
        self.offset = 0;
        Ok(())
    }

    async fn read(&mut self, needed: usize, limit: u64) -> Result<()> {
        let left = usize::try_from(limit - self.offset).unwrap_or(usize::MAX);
        let wanted = needed
            .saturating_sub(self.buffer.len())
            .max(CHUNK)
            .min(left);
        let (file, offset, rest) = (self.file.clone(), self.offset, self.buffer.clone());
        let read = tokio::task::spawn_blocking(move || {
            let mut bytes = Vec::with_capacity(rest.len() + wanted);
            bytes.extend_from_slice(&rest);
            bytes.resize(rest.len() + wanted, 0);
            file.read_exact_at(&mut bytes[rest.len()..], offset)?;
            Ok::<_, std::io::Error>(Bytes::from(bytes))
        })
        .await
        .map_err(|e| Error::new(Kind::Internal, "reading the Store's log").caused_by(e))?;
        match read {
            Ok(bytes) => {
                self.buffer = bytes;
                self.offset += wanted as u64;
                Ok(())
            }
            Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
                Err(self.damage(self.place(), "the file is shorter than it was".to_owned()))
            }
            Err(error) => Err(io_error(
                "reading the Store's segment",
                &segment::path(&self.live.dir(), self.segment),
                error,
            )),
        }
    }
}

impl LogSource for StoreReader {
    fn next(&mut self) -> BoxFuture<'_, Result<LogItem>> {
        self.next_item().boxed()
    }

    fn tip(&self) -> Option<Position> {
        self.live
            .published()
            .map(|published| (*published.tip).clone())
    }
}

async fn open_file(live: &Arc<LiveStore>, segment: u64) -> Result<Arc<File>> {
    let dir = live.dir();
    tokio::task::spawn_blocking(move || segment::open(&dir, segment))
        .await
        .map_err(|e| Error::new(Kind::Internal, "opening the Store's log").caused_by(e))?
        .map(|(file, _)| Arc::new(file))
}

fn too_old(live: &LiveStore, from: TxnId, first: Option<&Position>) -> Error {
    let what = format!("reading subtopic {} from {from}", live.subtopic);
    let first = first.map_or_else(|| "nothing".to_owned(), Position::to_string);
    Error::new(Kind::StorePosition, what).detail(format!("the Store holds its log from {first} on"))
}
