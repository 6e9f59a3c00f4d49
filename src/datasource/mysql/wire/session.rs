//! A session: statements, streams of rows, LOAD DATA, and prepared statements for many rows.

use super::link::{Link, io_error};
use super::login::{login, refused};
use crate::datasource::mysql::batch::RowBatch;
use crate::datasource::mysql::endpoint::Endpoint;
use crate::model::row::Row;
use bytes::Bytes;
use mysql_async::Error as MyError;
use std::io;

const COM_QUERY: &[u8] = &[0x03];
const COM_STMT_PREPARE: &[u8] = &[0x16];
const COM_STMT_CLOSE: &[u8] = &[0x19];
const COM_STMT_BULK_EXECUTE: u8 = 0xFA;
/// Bulk flag: the types of the parameters come with the command.
const SEND_TYPES: u16 = 128;
/// The server asks for a file of ours.
const LOCAL_INFILE: u8 = 0xFB;
/// Ends columns and rows; longer packets with this first byte are rows with a huge first cell.
const EOF: u8 = 0xFE;
const EOF_MAX: usize = 9;
/// Status: another result follows.
const MORE_RESULTS: u16 = 0x0008;

/// What became of a statement that answers without rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Done {
    /// Rows that it affected.
    pub affected: u64,
    /// Warnings that it raised.
    pub warnings: u16,
}

/// An open session.
#[derive(Debug)]
pub struct WireSession {
    link: Link,
    id: u32,
    bulk: bool,
    usable: bool,
}

/// A statement that the server keeps for a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prepared(u32);

impl WireSession {
    /// Connects and logs in.
    ///
    /// # Errors
    /// The server's refusal, or that of the network.
    pub async fn open(endpoint: &Endpoint) -> Result<Self, MyError> {
        let login = login(endpoint).await?;
        Ok(Self {
            id: login.id,
            bulk: login.bulk,
            ..Self::on_link(login.link)
        })
    }

    pub(super) fn on_link(link: Link) -> Self {
        Self {
            link,
            id: 0,
            bulk: false,
            usable: true,
        }
    }

    /// The session's number at the server, as `KILL` takes it.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Whether the server takes [`WireSession::bulk`].
    pub fn takes_bulk(&self) -> bool {
        self.bulk
    }

    /// Whether another statement can be sent: nothing is on its way, and the connection stands.
    pub fn is_usable(&self) -> bool {
        self.usable
    }

    /// Runs a statement that answers without rows.
    ///
    /// # Errors
    /// The server's refusal, after which the session goes on; or the connection's end.
    pub async fn run(&mut self, sql: &[u8]) -> Result<Done, MyError> {
        let answer = self.ask(sql).await?;
        if answer.first() != Some(&0x00) {
            return Err(odd("rows came where none were asked for"));
        }
        let done = parse_ok(&answer)?;
        self.usable = true;
        Ok(done)
    }

    /// Runs a query; its rows are read with the stream that it gives.
    ///
    /// # Errors
    /// As [`WireSession::run`].
    pub async fn query(&mut self, sql: &[u8]) -> Result<Rows<'_>, MyError> {
        let answer = self.ask(sql).await?;
        let columns = match answer.first() {
            Some(&(0x00 | LOCAL_INFILE | EOF)) | None => {
                return Err(odd("no rows came where they were asked for"));
            }
            Some(_) => lenenc(&mut &answer[..]).ok_or_else(|| odd("no number of columns came"))?,
        };
        // what the columns are is known: only their number is looked at
        for _ in 0..columns {
            self.link.read().await?;
        }
        self.link.read().await?;
        Ok(Rows {
            session: self,
            columns: columns as usize,
            state: State::Open,
        })
    }

    /// Runs a query with a short answer.
    ///
    /// # Errors
    /// As [`WireSession::run`].
    pub async fn all(&mut self, sql: &[u8]) -> Result<Vec<Row>, MyError> {
        let mut rows = self.query(sql).await?;
        let mut out = Vec::new();
        while let Some(batch) = rows.next_batch(1).await? {
            out.extend((0..batch.rows()).map(|at| batch.shared(at)));
        }
        Ok(out)
    }

    /// Runs a LOAD DATA LOCAL statement with this data as its file.
    ///
    /// # Errors
    /// As [`WireSession::run`].
    pub async fn load(&mut self, sql: &[u8], data: &[u8], piece: usize) -> Result<Done, MyError> {
        let answer = self.ask(sql).await?;
        if answer.first() != Some(&LOCAL_INFILE) {
            return Err(odd("the server did not ask for the data"));
        }
        for piece in data.chunks(piece.max(1)) {
            self.link.write(b"", piece).await?;
        }
        self.link.write(b"", b"").await?;
        let answer = self.link.read().await?;
        self.take_refusal(&answer)?;
        let done = parse_ok(&answer)?;
        self.usable = true;
        Ok(done)
    }

    /// Prepares a statement that answers without rows.
    ///
    /// # Errors
    /// As [`WireSession::run`].
    pub async fn prepare(&mut self, sql: &[u8]) -> Result<Prepared, MyError> {
        let answer = self.exchange(COM_STMT_PREPARE, sql).await?;
        let number = |at: usize, width: usize| {
            let bytes = answer.get(at..at + width)?;
            let digits = bytes.iter().rev();
            Some(digits.fold(0, |n, byte| n << 8 | u32::from(*byte)))
        };
        let fields = (|| Some((number(1, 4)?, number(5, 2)?, number(7, 2)?)))();
        let Some((id, 0, parameters)) = fields else {
            return Err(odd("a statement with rows was prepared"));
        };
        // what the parameters are is known; an EOF comes behind them
        for _ in 0..parameters + u32::from(parameters > 0) {
            self.link.read().await?;
        }
        self.usable = true;
        Ok(Prepared(id))
    }

    /// Runs a prepared statement for many rows of parameters at once: `types` has type and flags of
    /// each parameter, `rows` the values one behind the other, each behind its indicator
    /// (`COM_STMT_BULK_EXECUTE`).
    ///
    /// # Errors
    /// As [`WireSession::run`].
    pub async fn bulk(
        &mut self,
        statement: Prepared,
        types: &[u8],
        rows: &[u8],
    ) -> Result<Done, MyError> {
        let mut head = Vec::with_capacity(7 + types.len());
        head.push(COM_STMT_BULK_EXECUTE);
        head.extend_from_slice(&statement.0.to_le_bytes());
        head.extend_from_slice(&SEND_TYPES.to_le_bytes());
        head.extend_from_slice(types);
        let answer = self.exchange(&head, rows).await?;
        let done = parse_ok(&answer)?;
        self.usable = true;
        Ok(done)
    }

    /// Lets go of a prepared statement. The server does not answer.
    ///
    /// # Errors
    /// The connection's end.
    pub async fn close(&mut self, statement: Prepared) -> Result<(), MyError> {
        self.link.begin();
        self.link
            .write(COM_STMT_CLOSE, &statement.0.to_le_bytes())
            .await
    }

    async fn ask(&mut self, sql: &[u8]) -> Result<Bytes, MyError> {
        self.exchange(COM_QUERY, sql).await
    }

    /// Sends a command; the first packet of its answer. Until the answer is read to its end the
    /// session is of no use for another one.
    async fn exchange(&mut self, head: &[u8], body: &[u8]) -> Result<Bytes, MyError> {
        if !std::mem::take(&mut self.usable) {
            return Err(odd("the session is of no more use"));
        }
        self.link.begin();
        self.link.write(head, body).await?;
        let answer = self.link.read().await?;
        self.take_refusal(&answer)?;
        Ok(answer)
    }

    /// A refusal ends the exchange, not the session.
    fn take_refusal(&mut self, answer: &[u8]) -> Result<(), MyError> {
        refused(answer, true).inspect_err(|_| self.usable = true)
    }
}

/// The rows of a query as they come.
#[derive(Debug)]
pub struct Rows<'s> {
    session: &'s mut WireSession,
    columns: usize,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Ended,
    Broken,
}

impl Rows<'_> {
    /// Number of cells in each row.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// The next rows: as soon as they hold `limit` bytes, or at the end. None behind the last row.
    /// A call that fails, or that is not awaited to its end, loses rows: every later one fails.
    ///
    /// # Errors
    /// The server's, in the middle of the rows; or the connection's end.
    pub async fn next_batch(&mut self, limit: usize) -> Result<Option<RowBatch>, MyError> {
        match std::mem::replace(&mut self.state, State::Broken) {
            State::Broken => return Err(odd("the stream of rows broke before")),
            State::Ended => {
                self.state = State::Ended;
                return Ok(None);
            }
            State::Open => {}
        }
        let link = &mut self.session.link;
        link.reserve(limit);
        let (mut at, mut bytes, mut ended) = (0, 0, false);
        let mut spans = Vec::new();
        while bytes < limit && !ended {
            let Some((payload, next)) = link.packet_at(at) else {
                link.fill().await?;
                continue;
            };
            at = next;
            let packet = &link.input()[payload.clone()];
            match packet.first() {
                Some(&EOF) if packet.len() < EOF_MAX => {
                    if packet
                        .get(3)
                        .is_some_and(|low| u16::from(*low) & MORE_RESULTS != 0)
                    {
                        return Err(odd("more than one result came"));
                    }
                    ended = true;
                }
                Some(0xFF) => {
                    refused(packet, true).inspect_err(|_| self.session.usable = true)?;
                }
                _ => {
                    bytes += payload.len();
                    spans.push(payload);
                }
            }
        }
        let chunk = link.input().split_to(at).freeze();
        self.session.usable = ended;
        self.state = if ended { State::Ended } else { State::Open };
        Ok((!spans.is_empty()).then(|| RowBatch::of_spans(chunk, spans, bytes)))
    }
}

fn parse_ok(packet: &[u8]) -> Result<Done, MyError> {
    let mut rest = packet.get(1..).unwrap_or_default();
    let fields = (|| {
        let affected = lenenc(&mut rest)?;
        lenenc(&mut rest)?;
        let warnings = rest.get(2..4)?;
        Some(Done {
            affected,
            warnings: u16::from_le_bytes([warnings[0], warnings[1]]),
        })
    })();
    fields.ok_or_else(|| odd("the answer is malformed"))
}

/// Takes a length-encoded integer.
fn lenenc(input: &mut &[u8]) -> Option<u64> {
    let (&first, rest) = input.split_first()?;
    let width = match first {
        0..=0xFA => 0,
        0xFC => 2,
        0xFD => 3,
        0xFE => 8,
        _ => return None,
    };
    let (digits, rest) = rest.split_at_checked(width)?;
    *input = rest;
    if width == 0 {
        return Some(u64::from(first));
    }
    let mut le = [0; 8];
    le[..width].copy_from_slice(digits);
    Some(u64::from_le_bytes(le))
}

/// An answer that breaks the protocol: the connection is of no use any more.
fn odd(why: &'static str) -> MyError {
    io_error(io::Error::new(io::ErrorKind::InvalidData, why))
}
