//! The thread that writes a Store's files. It takes batches of frames from a short queue, appends
//! them, shows whole transactions to the readers, and makes them durable in groups.
//!
//! Readers see a transaction as soon as it is written: were it lost with the machine, it would be
//! pulled from the source again under the same id.

use super::live::LiveStore;
use super::segment::{self, Segment, io_error};
use crate::error::{Error, Kind, Result};
use crate::model::position::Position;
use parking_lot::Mutex;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, oneshot};

/// Batches that may wait; each has at most about a megabyte.
const QUEUE: usize = 8;

/// The end of a whole transaction inside a batch.
#[derive(Debug)]
pub(super) struct WholeEnd {
    /// Where in the batch.
    pub len: usize,
    /// The place in the source's log.
    pub tip: Arc<Position>,
}

enum Command {
    Append(Vec<u8>, Option<WholeEnd>),
    /// Cut what is behind the last whole transaction.
    Abort,
    /// Begin a new segment with these frames.
    Rotate(Vec<u8>, Position),
    /// Make durable, then answer.
    Sync(oneshot::Sender<()>),
}

/// The way to the thread.
#[derive(Debug)]
pub(super) struct Writer {
    queue: mpsc::Sender<Command>,
    /// Free places in the queue; closed when the thread ends.
    places: Arc<Semaphore>,
    failure: Arc<Mutex<Option<Error>>>,
    abandoned: Arc<AtomicBool>,
}

impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Append(..) => "Append",
            Self::Abort => "Abort",
            Self::Rotate(..) => "Rotate",
            Self::Sync(_) => "Sync",
        })
    }
}

/// Where writing goes on.
#[derive(Debug)]
pub(super) struct Start {
    pub dir: PathBuf,
    /// Held as long as the thread lives.
    pub lock: File,
    pub current: u64,
    pub end: u64,
    pub fsync_interval: Duration,
}

impl Writer {
    /// Starts the thread. Blocks for a moment.
    pub fn start(live: Arc<LiveStore>, start: Start) -> Result<Self> {
        let path = segment::path(&start.dir, start.current);
        let fail = |error| io_error("opening the Store's segment", &path, error);
        let file = OpenOptions::new().write(true).open(&path).map_err(fail)?;
        let (queue, commands) = mpsc::channel();
        let places = Arc::new(Semaphore::new(QUEUE));
        let failure = Arc::new(Mutex::new(None));
        let abandoned = Arc::new(AtomicBool::new(false));
        let thread = WriterThread {
            live,
            dir: start.dir,
            _lock: start.lock,
            file,
            segment: start.current,
            written: start.end,
            whole: start.end,
            dirty_since: None,
            fsync_interval: start.fsync_interval,
            abandoned: abandoned.clone(),
            places: places.clone(),
        };
        let told = failure.clone();
        std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || {
                // also if the thread panics: whoever waits for a place must not wait for ever
                let _close = CloseOnDrop(thread.places.clone());
                if let Err(error) = thread.run(&commands) {
                    *told.lock() = Some(error);
                }
            })
            .map_err(fail)?;
        Ok(Self {
            queue,
            places,
            failure,
            abandoned,
        })
    }

    /// Appends frames; waits while the queue is full.
    pub async fn append(&self, frames: Vec<u8>, whole: Option<WholeEnd>) -> Result<()> {
        self.send(Command::Append(frames, whole)).await
    }

    /// Cuts the transaction that is not complete.
    pub async fn abort(&self) -> Result<()> {
        self.send(Command::Abort).await
    }

    /// Begins a new segment.
    pub async fn rotate(&self, frames: Vec<u8>, base: Position) -> Result<()> {
        self.send(Command::Rotate(frames, base)).await
    }

    /// Waits until all is durable.
    pub async fn sync(&self) -> Result<()> {
        let (done, wait) = oneshot::channel();
        self.send(Command::Sync(done)).await?;
        wait.await.map_err(|_| self.error())
    }

    async fn send(&self, command: Command) -> Result<()> {
        let place = self.places.acquire().await.map_err(|_| self.error())?;
        place.forget();
        self.queue.send(command).map_err(|_| self.error())
    }

    fn error(&self) -> Error {
        self.failure.lock().take().unwrap_or_else(|| {
            Error::new(Kind::StoreIo, "writing the Store's log").detail("its writer has ended")
        })
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // what waits in the queue is pulled again; whoever opens the folder next must not wait
        self.abandoned.store(true, Ordering::Release);
    }
}

/// Closes the queue at the end of its thread.
struct CloseOnDrop(Arc<Semaphore>);

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        self.0.close();
    }
}

struct WriterThread {
    live: Arc<LiveStore>,
    dir: PathBuf,
    _lock: File,
    file: File,
    segment: u64,
    /// Where the next batch goes.
    written: u64,
    /// Where the last whole transaction ends.
    whole: u64,
    dirty_since: Option<Instant>,
    fsync_interval: Duration,
    abandoned: Arc<AtomicBool>,
    places: Arc<Semaphore>,
}

impl WriterThread {
    fn run(mut self, commands: &mpsc::Receiver<Command>) -> Result<()> {
        loop {
            let command = match self.dirty_since {
                None => commands.recv().ok(),
                Some(since) => {
                    let left = self.fsync_interval.saturating_sub(since.elapsed());
                    match commands.recv_timeout(left) {
                        Ok(command) => Some(command),
                        Err(mpsc::RecvTimeoutError::Disconnected) => None,
                        Err(mpsc::RecvTimeoutError::Timeout) => {
                            self.sync()?;
                            continue;
                        }
                    }
                }
            };
            if self.abandoned.load(Ordering::Acquire) {
                return Ok(());
            }
            let Some(command) = command else {
                return self.sync();
            };
            match command {
                Command::Append(frames, whole) => self.append(&frames, whole)?,
                Command::Abort => self.abort()?,
                Command::Rotate(frames, base) => self.rotate(&frames, base)?,
                Command::Sync(done) => {
                    self.sync()?;
                    let _ = done.send(());
                }
            }
            self.places.add_permits(1);
        }
    }

    fn path(&self) -> PathBuf {
        segment::path(&self.dir, self.segment)
    }

    fn fail(&self, error: io::Error) -> Error {
        io_error("writing the Store's segment", &self.path(), error)
    }

    fn append(&mut self, frames: &[u8], whole: Option<WholeEnd>) -> Result<()> {
        self.file
            .write_all_at(frames, self.written)
            .map_err(|e| self.fail(e))?;
        if let Some(end) = whole {
            self.whole = self.written + end.len as u64;
            self.live.publish(self.segment, self.whole, end.tip);
        }
        self.written += frames.len() as u64;
        self.dirty_since.get_or_insert_with(Instant::now);
        Ok(())
    }

    fn abort(&mut self) -> Result<()> {
        self.file.set_len(self.whole).map_err(|e| self.fail(e))?;
        self.written = self.whole;
        Ok(())
    }

    fn rotate(&mut self, frames: &[u8], base: Position) -> Result<()> {
        self.abort()?;
        self.sync()?;
        let number = self.segment + 1;
        let tip = Arc::new(base.clone());
        self.file = create(&self.dir, number, frames)?;
        self.segment = number;
        self.written = frames.len() as u64;
        self.whole = self.written;
        let bytes = self.written;
        self.live
            .segments
            .lock()
            .insert(number, Segment { base, bytes });
        self.live.publish(number, bytes, tip);
        Ok(())
    }

    fn sync(&mut self) -> Result<()> {
        if self.dirty_since.take().is_some() {
            self.file.sync_data().map_err(|e| self.fail(e))?;
        }
        Ok(())
    }
}

/// Makes a segment with these frames, durably. Blocks.
pub(super) fn create(dir: &Path, number: u64, frames: &[u8]) -> Result<File> {
    let path = segment::path(dir, number);
    let make = || {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)?;
        file.write_all_at(frames, 0)?;
        file.sync_all()?;
        segment::sync_dir(dir)?;
        Ok(file)
    };
    make().map_err(|e| {
        // half a segment would stand in the way of the next attempt only until it is cut
        let _ = std::fs::remove_file(&path);
        io_error("making the Store's segment", &path, e)
    })
}
