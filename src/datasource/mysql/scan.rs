//! Streaming reads: rows of one SELECT, handed out in batches, never all in memory.

use super::batch::RowBatch;
use super::connect::{Server, Session};
use super::connection::Connection;
use super::fault::fault;
use super::wire::{Rows, WireSession};
use crate::error::Result;
use mysql_async::prelude::Queryable;

/// A reader with one session for rows and one for short statements, each opened when needed and
/// kept between reads.
#[derive(Debug)]
pub struct Reader {
    server: Server,
    conn: Option<Connection>,
    wire: Option<WireSession>,
}

impl Reader {
    /// A reader; opens nothing yet.
    pub fn new(server: Server) -> Self {
        Self {
            server,
            conn: None,
            wire: None,
        }
    }

    /// A reader on a session that is set up already, for example inside a consistent snapshot.
    pub fn with_session(server: Server, wire: WireSession) -> Self {
        Self {
            server,
            conn: None,
            wire: Some(wire),
        }
    }

    /// The server.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The session for short statements.
    ///
    /// # Errors
    /// As connecting does.
    pub async fn session(&mut self) -> Result<&mut Connection> {
        let conn = match self.conn.take().filter(|conn| !conn.is_disconnected()) {
            Some(conn) => conn,
            None => self.server.session(Session::Read).await?,
        };
        Ok(self.conn.insert(conn))
    }

    /// Starts a SELECT; `what` names the object in errors.
    ///
    /// # Errors
    /// As connecting does, and as the server refuses the statement.
    pub async fn scan<'c>(&'c mut self, what: String, sql: &str) -> Result<Scan<'c>> {
        if self.wire.as_ref().is_some_and(|wire| !wire.is_usable()) {
            self.discard();
        }
        let wire = match self.wire.take() {
            Some(wire) => wire,
            None => self.server.wire(Session::Read).await?,
        };
        match self.wire.insert(wire).query(sql.as_bytes()).await {
            Ok(rows) => Ok(Scan { rows, what }),
            Err(error) => Err(fault(what, error)),
        }
    }

    /// Gives the sessions up. One that is in the middle of a result is killed at the server, which
    /// would else notice only when it has rows to send.
    pub fn discard(&mut self) {
        self.conn = None;
        let Some(wire) = self.wire.take().filter(|wire| !wire.is_usable()) else {
            return;
        };
        let (id, server) = (wire.id(), self.server.clone());
        drop(wire);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Ok(mut side) = server.session(Session::Plain).await {
                    // it may be gone already, or the account may not kill
                    let _ = side.query_drop(format!("KILL {id}")).await;
                }
            });
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.discard();
    }
}

/// A SELECT that is being read.
#[derive(Debug)]
pub struct Scan<'c> {
    rows: Rows<'c>,
    what: String,
}

impl Scan<'_> {
    /// The next rows, until they hold `limit` bytes; None behind the last. An error in the middle of
    /// a result is an error here, never an early end.
    ///
    /// # Errors
    /// As the server or the connection breaks off.
    pub async fn next_batch(&mut self, limit: usize) -> Result<Option<RowBatch>> {
        self.rows
            .next_batch(limit)
            .await
            .map_err(|error| fault(self.what.clone(), error))
    }
}
