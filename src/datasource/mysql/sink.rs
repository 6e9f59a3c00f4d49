//! Writing rows to a target, one fenced transaction for each batch.
//!
//! [`RowSink`] is what the copy knows of a writer, so that a target can get another way in.
//! [`SqlSink`] writes in the fastest way that target and table are fit for, as measured: a prepared
//! statement with many rows of parameters (MariaDB: a fifth less work than LOAD DATA), LOAD DATA (MySQL:
//! a third less work than INSERT), or multi-row INSERT statements (OceanBase: twice as fast as LOAD
//! DATA). What is refused in the fast way is written with INSERT statements, whose errors are exact.

use super::batch::RowBatch;
use super::bulk::BulkBuilder;
use super::connect::{Server, Session};
use super::endpoint::Flavour;
use super::fault::{DUPLICATE_ENTRY, fault, server_code};
use super::fence::Fence;
use super::insert::{InsertBuilder, Verb};
use super::load::LoadBuilder;
use super::wire::{Done, Prepared, WireSession};
use crate::error::{Error, Kind, Result};
use crate::model::row::Cell;
use crate::model::table::Table;
use futures::future::BoxFuture;
use std::time::Duration;

/// What to do about rows that are there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteMode {
    /// None may be there; a duplicate key is an error.
    Insert,
    /// None is expected; a batch that meets one is written with REPLACE.
    InsertOrReplace,
    /// Rows may be there from an earlier try.
    Replace,
}

/// A writer of rows with one session at the target.
pub trait RowSink: Send + Sync {
    /// Turns to a table; the batches that follow hold these columns of it.
    fn turn_to(&mut self, table: &Table, columns: &[usize]);

    /// Writes a batch and commits it, if the fence still stands. After an error the outcome may be
    /// unknown; the session is given up and opened anew by the next write.
    fn write<'a>(&'a mut self, batch: &'a RowBatch, mode: WriteMode) -> BoxFuture<'a, Result<()>>;

    /// Deletes all rows of a table, as long as the fence stands.
    fn clear<'a>(&'a mut self, table: &'a Table) -> BoxFuture<'a, Result<()>>;
}

/// Writes with LOAD DATA or multi-row INSERT statements.
#[derive(Debug)]
pub struct SqlSink {
    server: Server,
    fence: Fence,
    lane: usize,
    conn: Option<WireSession>,
    builder: Option<InsertBuilder>,
    load: Option<LoadBuilder>,
    bulk: Option<BulkBuilder>,
    /// The statement that the session keeps; without a verb where it is that of another table.
    prepared: Option<(Option<Verb>, Prepared)>,
    /// Whether the target takes LOAD DATA LOCAL; asked with each new session.
    may_load: bool,
    buffer: Vec<u8>,
}

/// How often a batch is written again that lost against another transaction, and the first wait.
const LOCK_TRIES: u32 = 8;
const LOCK_WAIT: Duration = Duration::from_millis(20);

/// Data of LOAD DATA goes in packets of this size, bytes.
const LOAD_PIECE: usize = 512 << 10;

/// Room for a command's head and the types of its parameters, bytes.
const HEAD: usize = 16 << 10;

/// Rows that one transaction deletes.
const CLEAR_ROWS: u32 = 10_000;

/// A buffer that grew beyond this for one huge row is given back, bytes.
const KEEP_BUFFER: usize = 8 << 20;

impl SqlSink {
    /// A writer in this lane of the fence; opens nothing yet.
    pub fn new(server: Server, fence: Fence, lane: usize) -> Self {
        Self {
            server,
            fence,
            lane,
            conn: None,
            builder: None,
            load: None,
            bulk: None,
            prepared: None,
            may_load: false,
            buffer: Vec::new(),
        }
    }

    async fn session(&mut self) -> Result<WireSession> {
        if let Some(conn) = self.conn.take() {
            return Ok(conn);
        }
        let failed = |e| fault("setting up a writing session at the target", e);
        let mut conn = self.server.wire(Session::Write).await?;
        self.prepared = None;
        conn.run(b"SET SESSION autocommit = 0")
            .await
            .map_err(failed)?;
        self.may_load = self.server.flavour != Flavour::OceanBase && {
            let answer = conn
                .all(b"SELECT @@GLOBAL.local_infile")
                .await
                .map_err(failed)?;
            answer.first().and_then(|row| row.cell(0)) == Some(Cell::Value(b"1"))
        };
        Ok(conn)
    }

    async fn write_batch(&mut self, batch: &RowBatch, mode: WriteMode) -> Result<()> {
        let mut tries = 0;
        loop {
            let mut conn = self.session().await?;
            let failure = match self.transaction(&mut conn, batch, mode).await {
                Ok(()) => {
                    self.conn = Some(conn);
                    return Ok(());
                }
                Err(failure) => failure,
            };
            // the server said that nothing of it stays: the same batch can be tried again at once
            if !failure.rolled_back || tries == LOCK_TRIES {
                return Err(failure.error);
            }
            if conn.run(b"ROLLBACK").await.is_ok() {
                self.conn = Some(conn);
            }
            tokio::time::sleep(LOCK_WAIT * 2_u32.pow(tries)).await;
            tries += 1;
        }
    }

    async fn transaction(
        &mut self,
        conn: &mut WireSession,
        batch: &RowBatch,
        mode: WriteMode,
    ) -> Result<(), Failure> {
        self.fence.hold_on_wire(conn, self.lane).await?;
        let mut row = 0;
        if let Some(all_in) = self.fast(conn, batch, mode).await? {
            if all_in {
                row = batch.rows();
            } else {
                // the INSERT says what is wrong, if anything is
                (self.load, self.bulk) = (None, None);
                let rolled_back = conn.run(b"ROLLBACK").await;
                rolled_back.map_err(|e| Failure::from(fault(self.what(), e)))?;
                self.fence.hold_on_wire(conn, self.lane).await?;
            }
        }
        while row < batch.rows() {
            row = self.statement(conn, batch, row, mode).await?;
        }
        conn.run(b"COMMIT")
            .await
            .map(drop)
            .map_err(|e| Failure::from(fault(self.what(), e)))
    }

    /// Writes a batch in a fast way, where there is one. Returns whether all of it went in without a
    /// warning or a refusal.
    async fn fast(
        &mut self,
        conn: &mut WireSession,
        batch: &RowBatch,
        mode: WriteMode,
    ) -> Result<Option<bool>, Failure> {
        if batch.is_empty() || batch.bytes() + HEAD > self.server.max_packet {
            return Ok(None);
        }
        let fits = |bulk: &&BulkBuilder| bulk.size(batch) + HEAD < self.server.max_packet;
        let bulk = self.bulk.as_ref().filter(|_| conn.takes_bulk());
        let written = if let Some(bulk) = bulk.filter(fits) {
            let verb = match mode {
                WriteMode::Insert => Verb::Insert,
                WriteMode::InsertOrReplace | WriteMode::Replace => Verb::Replace,
            };
            bulk.rows(batch, &mut self.buffer);
            bulk_write(conn, bulk, verb, &mut self.prepared, &self.buffer).await
        } else if let Some(load) = &self.load
            && self.may_load
            && mode != WriteMode::Insert
        {
            load.data(batch, &mut self.buffer);
            let piece = LOAD_PIECE.min(self.server.max_packet / 2).max(1);
            conn.load(load.sql().as_bytes(), &self.buffer, piece).await
        } else {
            return Ok(None);
        };
        self.spare_memory();
        self.outcome(written, batch).map(Some)
    }

    fn outcome(
        &self,
        written: std::result::Result<Done, mysql_async::Error>,
        batch: &RowBatch,
    ) -> Result<bool, Failure> {
        match written {
            Ok(done) => Ok(done.warnings == 0 && done.affected >= batch.rows() as u64),
            Err(error) => {
                let failure = self.failure(error);
                match failure.error.kind() {
                    Kind::RowRefused => Ok(false),
                    _ => Err(failure),
                }
            }
        }
    }

    /// Runs one INSERT or REPLACE for the rows from `from` on; returns the index behind the last.
    async fn statement(
        &mut self,
        conn: &mut WireSession,
        batch: &RowBatch,
        from: usize,
        mode: WriteMode,
    ) -> Result<usize, Failure> {
        let builder = self.builder.as_ref().ok_or_else(|| {
            Error::new(Kind::Internal, "writing rows").detail("no table was turned to")
        })?;
        let verb = match mode {
            WriteMode::Insert | WriteMode::InsertOrReplace => Verb::Insert,
            WriteMode::Replace => Verb::Replace,
        };
        let mut next = builder.build(verb, batch, from, &mut self.buffer)?;
        let mut outcome = conn.run(&self.buffer).await;
        let duplicate = |error: &mysql_async::Error| server_code(error) == Some(DUPLICATE_ENTRY);
        if mode == WriteMode::InsertOrReplace && outcome.as_ref().is_err_and(duplicate) {
            // the statement alone was rolled back, the transaction and its fence stand
            next = builder.build(Verb::Replace, batch, from, &mut self.buffer)?;
            outcome = conn.run(&self.buffer).await;
        }
        self.spare_memory();
        match outcome {
            Ok(_) => Ok(next),
            Err(error) => Err(self.failure(error)),
        }
    }

    fn spare_memory(&mut self) {
        if self.buffer.capacity() > KEEP_BUFFER {
            self.buffer = Vec::new();
        }
    }

    fn failure(&self, error: mysql_async::Error) -> Failure {
        let answered = server_code(&error).is_some();
        let error = fault(self.what(), error);
        let rolled_back = answered && error.kind() == Kind::ServerBusy;
        let error = if error.kind() == Kind::StatementFailed {
            Error::new(Kind::RowRefused, self.what()).caused_by(Inner(error))
        } else {
            error
        };
        Failure { error, rolled_back }
    }

    fn what(&self) -> String {
        match &self.builder {
            Some(builder) => format!("writing rows of table {}", builder.table()),
            None => "writing rows".to_owned(),
        }
    }

    /// Not TRUNCATE: it commits by itself, so one that a dead generation left waiting for a lock at
    /// the server could still run after the next began to write.
    async fn clear_table(&mut self, table: &Table) -> Result<()> {
        let what = || format!("emptying table {} at the target", table.name);
        let sql = format!("DELETE FROM {} LIMIT {CLEAR_ROWS}", table.name.quoted());
        loop {
            let mut conn = self.session().await?;
            self.fence.hold_on_wire(&mut conn, self.lane).await?;
            let run = |e| fault(what(), e);
            let deleted = conn.run(sql.as_bytes()).await.map_err(run)?.affected;
            conn.run(b"COMMIT").await.map_err(run)?;
            self.conn = Some(conn);
            if deleted == 0 {
                return Ok(());
            }
        }
    }
}

impl RowSink for SqlSink {
    fn turn_to(&mut self, table: &Table, columns: &[usize]) {
        self.builder = Some(InsertBuilder::new(table, columns, self.server.max_packet));
        self.load = LoadBuilder::new(table, columns);
        self.bulk = BulkBuilder::new(table, columns);
        if let Some((verb, _)) = &mut self.prepared {
            *verb = None;
        }
    }

    fn write<'a>(&'a mut self, batch: &'a RowBatch, mode: WriteMode) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.write_batch(batch, mode))
    }

    fn clear<'a>(&'a mut self, table: &'a Table) -> BoxFuture<'a, Result<()>> {
        Box::pin(self.clear_table(table))
    }
}

/// Runs the statement for all rows; prepares it where the session does not keep it yet.
async fn bulk_write(
    conn: &mut WireSession,
    bulk: &BulkBuilder,
    verb: Verb,
    kept: &mut Option<(Option<Verb>, Prepared)>,
    rows: &[u8],
) -> std::result::Result<Done, mysql_async::Error> {
    let statement = match *kept {
        Some((Some(its), statement)) if its == verb => statement,
        other => {
            if let Some((_, old)) = other {
                *kept = None;
                conn.close(old).await?;
            }
            let statement = conn.prepare(bulk.sql(verb).as_bytes()).await?;
            *kept = Some((Some(verb), statement));
            statement
        }
    };
    conn.bulk(statement, bulk.types(), rows).await
}

/// Why a transaction failed, and whether the server said that nothing of it stays.
struct Failure {
    error: Error,
    rolled_back: bool,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            error,
            rolled_back: false,
        }
    }
}

/// The text of a server's refusal without the name of what was attempted, which stands already in
/// the error around it.
#[derive(Debug)]
struct Inner(Error);

impl std::fmt::Display for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = self.0.to_string();
        f.write_str(text.split_once(": ").map_or(&text, |(_, detail)| detail))
    }
}

impl std::error::Error for Inner {}
