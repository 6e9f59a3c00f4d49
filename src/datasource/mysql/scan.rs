//! Streaming reads: rows of one SELECT, handed out in batches, never all in memory.

use super::batch::RowBatch;
use super::connect::{Server, Session};
use super::connection::Connection;
use super::fault::fault;
use crate::error::Result;
use mysql_async::prelude::Queryable;
use mysql_async::{QueryResult, TextProtocol};

/// A reader with one session that is opened when needed and kept between reads.
#[derive(Debug)]
pub struct Reader {
    server: Server,
    conn: Option<Connection>,
    /// A result is not read to its end, so that the session is of no more use.
    dirty: bool,
}

impl Reader {
    /// A reader; opens nothing yet.
    pub fn new(server: Server) -> Self {
        Self {
            server,
            conn: None,
            dirty: false,
        }
    }

    /// A reader on a session that is set up already, for example inside a consistent snapshot.
    pub fn with_session(server: Server, conn: Connection) -> Self {
        Self {
            server,
            conn: Some(conn),
            dirty: false,
        }
    }

    /// The server.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The session, for short statements.
    ///
    /// # Errors
    /// As connecting does.
    pub async fn session(&mut self) -> Result<&mut Connection> {
        if self.dirty || self.conn.as_ref().is_some_and(Connection::is_disconnected) {
            self.discard();
        }
        let conn = match self.conn.take() {
            Some(conn) => conn,
            None => self.server.session(Session::Read).await?,
        };
        Ok(self.conn.insert(conn))
    }

    /// Starts a SELECT; `what` names the object in errors.
    ///
    /// # Errors
    /// As connecting does, and as the server refuses the statement.
    pub async fn scan<'c>(&'c mut self, what: String, sql: &'c str) -> Result<Scan<'c>> {
        self.session().await?;
        self.dirty = true;
        let Self { conn, dirty, .. } = self;
        let Some(conn) = conn.as_mut() else {
            return Err(crate::error::Error::new(crate::error::Kind::Internal, what)
                .detail("the session is gone"));
        };
        match conn.query_iter(sql).await {
            Ok(result) => Ok(Scan {
                result,
                dirty,
                what,
            }),
            Err(error) => Err(fault(what, error)),
        }
    }

    /// Gives the session up. One that is in the middle of a result is killed at the server: the
    /// driver would read the rest of the table before it closes it.
    pub fn discard(&mut self) {
        let Some(conn) = self.conn.take() else {
            return;
        };
        let kill = std::mem::take(&mut self.dirty);
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        if kill && !conn.is_disconnected() {
            let server = self.server.clone();
            runtime.spawn(async move {
                if let Ok(mut side) = server.session(Session::Plain).await {
                    // it may be gone already, or the account may not kill: then it is drained
                    let _ = side.query_drop(format!("KILL {}", conn.id())).await;
                }
                drop(conn);
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
    result: QueryResult<'c, 'static, TextProtocol>,
    dirty: &'c mut bool,
    what: String,
}

impl Scan<'_> {
    /// The next rows, until they hold `limit` bytes; None behind the last. An error in the middle of
    /// a result is an error here, never an early end.
    ///
    /// # Errors
    /// As the server or the connection breaks off.
    pub async fn next_batch(&mut self, limit: usize) -> Result<Option<RowBatch>> {
        let mut batch = RowBatch::with_capacity(limit + limit / 8);
        while batch.bytes() < limit {
            match self.result.next().await {
                Ok(Some(row)) => batch.push(row),
                Ok(None) => {
                    *self.dirty = false;
                    break;
                }
                Err(error) => return Err(fault(self.what.clone(), error)),
            }
        }
        Ok((!batch.is_empty()).then_some(batch))
    }
}
