//! Packets over a socket: framing, and the buffer from which rows are handed out.

use bytes::{Bytes, BytesMut};
use mysql_async::{DriverError, Error as MyError, IoError};
use std::io;
use std::ops::Range;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// A byte stream to a server, plain or encrypted.
pub trait Socket: AsyncRead + AsyncWrite + Unpin + Send + Sync {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + Sync> Socket for T {}

/// Bytes of a packet's header: three of length, one of sequence.
const HEADER: usize = 4;
/// A packet of this length is continued by the next one.
const FULL: usize = 0xFF_FFFF;
/// At least so much is asked of the socket at once, bytes.
const READ: usize = 128 << 10;
/// A payload up to this size is copied behind its header, so that both go in one write, bytes.
const COPY: usize = 16 << 10;

/// A framed socket.
pub struct Link {
    socket: Box<dyn Socket>,
    input: BytesMut,
    output: Vec<u8>,
    sequence: u8,
}

impl std::fmt::Debug for Link {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Link").finish_non_exhaustive()
    }
}

/// Our socket's errors as the driver would give them.
pub fn io_error(error: io::Error) -> MyError {
    MyError::Io(IoError::Io(error))
}

fn closed() -> MyError {
    MyError::Driver(DriverError::ConnectionClosed)
}

impl Link {
    pub fn new(socket: Box<dyn Socket>) -> Self {
        Self {
            socket,
            input: BytesMut::new(),
            output: Vec::new(),
            sequence: 0,
        }
    }

    /// Gives the socket back, to be wrapped; nothing of it must have been read ahead.
    pub fn into_socket(self) -> (Box<dyn Socket>, u8) {
        (self.socket, self.sequence)
    }

    /// Goes on with a wrapped socket in the middle of an exchange.
    pub fn resume(socket: Box<dyn Socket>, sequence: u8) -> Self {
        Self {
            sequence,
            ..Self::new(socket)
        }
    }

    /// A new exchange begins.
    pub fn begin(&mut self) {
        self.sequence = 0;
    }

    /// Makes room for a batch, so that it is read into one piece of memory.
    pub fn reserve(&mut self, bytes: usize) {
        self.input.reserve(bytes + READ);
    }

    /// The bytes that were read and not handed out.
    pub fn input(&mut self) -> &mut BytesMut {
        &mut self.input
    }

    /// Reads some bytes behind those that are there. Dropping the future loses nothing.
    pub async fn fill(&mut self) -> Result<(), MyError> {
        if self.input.capacity() - self.input.len() < READ / 8 {
            self.input.reserve(READ);
        }
        match self.socket.read_buf(&mut self.input).await {
            Ok(0) => Err(closed()),
            Ok(_) => Ok(()),
            Err(error) => Err(io_error(error)),
        }
    }

    /// Finds the packet that begins at `from`: where its payload stands, and where the next one
    /// begins. None: it is not complete. A payload that came in several packets is put together.
    pub fn packet_at(&mut self, from: usize) -> Option<(Range<usize>, usize)> {
        let first = self.length_at(from)?;
        let start = from + HEADER;
        if first < FULL {
            let end = start + first;
            if end > self.input.len() {
                return None;
            }
            self.sequence = self.input[from + 3].wrapping_add(1);
            return Some((start..end, end));
        }
        let (mut at, mut pieces) = (from, Vec::new());
        loop {
            let length = self.length_at(at)?;
            let piece = at + HEADER..at + HEADER + length;
            if piece.end > self.input.len() {
                return None;
            }
            self.sequence = self.input[at + 3].wrapping_add(1);
            at = piece.end;
            pieces.push(piece);
            if length < FULL {
                break;
            }
        }
        let mut end = start;
        for piece in pieces {
            let length = piece.len();
            self.input.copy_within(piece, end);
            end += length;
        }
        Some((start..end, at))
    }

    fn length_at(&self, at: usize) -> Option<usize> {
        let header = self.input.get(at..at + HEADER)?;
        Some(usize::from(header[0]) | usize::from(header[1]) << 8 | usize::from(header[2]) << 16)
    }

    /// Reads the next packet.
    pub async fn read(&mut self) -> Result<Bytes, MyError> {
        loop {
            if let Some((payload, next)) = self.packet_at(0) {
                let packet = self.input.split_to(next).freeze();
                return Ok(packet.slice(payload));
            }
            self.fill().await?;
        }
    }

    /// Writes a packet whose payload is `head` and `body` one after the other.
    pub async fn write(&mut self, head: &[u8], body: &[u8]) -> Result<(), MyError> {
        let mut total = head.len() + body.len();
        self.output.clear();
        let mut rest = body;
        let mut first = head;
        loop {
            let length = total.min(FULL);
            self.output
                .extend_from_slice(&(length as u32).to_le_bytes()[..3]);
            self.output.push(self.sequence);
            self.sequence = self.sequence.wrapping_add(1);
            self.output.extend_from_slice(first);
            let (now, later) = rest.split_at(length - first.len());
            if now.len() <= COPY {
                self.output.extend_from_slice(now);
            } else {
                self.send_output().await?;
                self.socket.write_all(now).await.map_err(io_error)?;
            }
            first = &[];
            rest = later;
            total -= length;
            if length < FULL {
                break;
            }
        }
        self.send_output().await?;
        self.socket.flush().await.map_err(io_error)
    }

    async fn send_output(&mut self) -> Result<(), MyError> {
        self.socket
            .write_all(&self.output)
            .await
            .map_err(io_error)?;
        self.output.clear();
        Ok(())
    }
}
