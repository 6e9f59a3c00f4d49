//! A session on a server without the driver's types: what a component holds, hands on to the
//! functions of this module, and runs its own short statements on.
//!
//! Inside this module it is used as the driver's own connection, by the driver's trait
//! `Queryable`; rows of tables are read with [`super::scan`] and [`super::compare`].

use super::fault::{DUPLICATE_ENTRY, fault, server_code};
use crate::error::Result;
use futures::future::BoxFuture;
use mysql_async::prelude::{AsQuery, FromRow, Queryable, StatementLike};
use mysql_async::{
    BinaryProtocol, Conn, Error as MyError, Params, QueryResult, Statement, TextProtocol,
};
use std::borrow::Cow;

/// An open session. Dropping it ends its transaction; one with rows on their way is better let go
/// with [`super::compare::abandon`].
#[derive(Debug)]
pub struct Connection(Conn);

/// What became of a statement that may meet a row that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ran {
    /// It was carried out and affected so many rows.
    Rows(u64),
    /// A unique key holds one of its values; the statement changed nothing, and its transaction
    /// is still open.
    Duplicate,
}

impl Connection {
    pub(super) fn new(conn: Conn) -> Self {
        Self(conn)
    }

    /// Runs a statement; the number of rows that it affected. `what` it is for goes into the
    /// error.
    ///
    /// # Errors
    /// As the server refuses it, or as the connection breaks.
    pub async fn run(
        &mut self,
        what: impl Into<Cow<'static, str>>,
        sql: impl AsRef<[u8]>,
    ) -> Result<u64> {
        self.0
            .query_drop(sql.as_ref())
            .await
            .map_err(|e| fault(what, e))?;
        Ok(self.0.affected_rows())
    }

    /// Runs a statement that may meet a duplicate key.
    ///
    /// # Errors
    /// As [`Connection::run`], but for the duplicate key.
    pub async fn run_unless_duplicate(
        &mut self,
        what: impl Into<Cow<'static, str>>,
        sql: impl AsRef<[u8]>,
    ) -> Result<Ran> {
        match self.0.query_drop(sql.as_ref()).await {
            Ok(()) => Ok(Ran::Rows(self.0.affected_rows())),
            Err(error) if server_code(&error) == Some(DUPLICATE_ENTRY) => Ok(Ran::Duplicate),
            Err(error) => Err(fault(what, error)),
        }
    }

    /// Runs a query whose answer is small, such as one on the catalogue; its rows.
    ///
    /// # Errors
    /// As [`Connection::run`].
    pub async fn rows<T: FromRow + Send + 'static>(
        &mut self,
        what: impl Into<Cow<'static, str>>,
        sql: impl AsRef<[u8]>,
    ) -> Result<Vec<T>> {
        self.0.query(sql.as_ref()).await.map_err(|e| fault(what, e))
    }

    /// Runs a query; its first row.
    ///
    /// # Errors
    /// As [`Connection::run`].
    pub async fn first<T: FromRow + Send + 'static>(
        &mut self,
        what: impl Into<Cow<'static, str>>,
        sql: impl AsRef<[u8]>,
    ) -> Result<Option<T>> {
        self.0
            .query_first(sql.as_ref())
            .await
            .map_err(|e| fault(what, e))
    }

    /// Whether a query answers with a row, whatever its columns are.
    ///
    /// # Errors
    /// As [`Connection::run`].
    pub async fn answers(
        &mut self,
        what: impl Into<Cow<'static, str>>,
        sql: impl AsRef<[u8]>,
    ) -> Result<bool> {
        let row: Option<mysql_async::Row> = self.first(what, sql).await?;
        Ok(row.is_some())
    }

    /// The session's number at the server, as `KILL` takes it.
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Rows that the last statement affected.
    pub fn affected_rows(&self) -> u64 {
        self.0.affected_rows()
    }

    /// Whether the connection is known to be broken or closed.
    pub fn is_disconnected(&self) -> bool {
        self.0.is_disconnected()
    }
}

impl Queryable for Connection {
    fn ping(&mut self) -> BoxFuture<'_, Result<(), MyError>> {
        self.0.ping()
    }

    fn query_iter<'a, Q>(
        &'a mut self,
        query: Q,
    ) -> BoxFuture<'a, Result<QueryResult<'a, 'static, TextProtocol>, MyError>>
    where
        Q: AsQuery + 'a,
    {
        self.0.query_iter(query)
    }

    fn prep<'a, Q>(&'a mut self, query: Q) -> BoxFuture<'a, Result<Statement, MyError>>
    where
        Q: AsQuery + 'a,
    {
        self.0.prep(query)
    }

    fn close(&mut self, statement: Statement) -> BoxFuture<'_, Result<(), MyError>> {
        self.0.close(statement)
    }

    fn exec_iter<'a: 's, 's, Q, P>(
        &'a mut self,
        statement: Q,
        params: P,
    ) -> BoxFuture<'s, Result<QueryResult<'a, 'static, BinaryProtocol>, MyError>>
    where
        Q: StatementLike + 's,
        P: Into<Params>,
    {
        self.0.exec_iter(statement, params)
    }

    fn exec_batch<'a: 'b, 'b, S, P, I>(
        &'a mut self,
        statement: S,
        params: I,
    ) -> BoxFuture<'b, Result<(), MyError>>
    where
        S: StatementLike + 'b,
        I: IntoIterator<Item = P> + Send + 'b,
        I::IntoIter: Send,
        P: Into<Params> + Send,
    {
        self.0.exec_batch(statement, params)
    }
}
