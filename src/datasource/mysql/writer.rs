//! A session for writing, statement by statement: what the components that apply changes need of
//! a target, without the driver's types.

use super::connect::{Server, Session};
use super::fault::fault;
use crate::error::Result;
use mysql_async::Conn;
use mysql_async::prelude::{FromRow, Queryable};
use std::borrow::Cow;

/// A session of kind [`Session::Write`]. Dropping it ends its transaction.
#[derive(Debug)]
pub struct Writer {
    conn: Conn,
}

impl Writer {
    /// Opens the session.
    pub async fn open(server: &Server) -> Result<Self> {
        let conn = server.session(Session::Write).await?;
        Ok(Self { conn })
    }

    /// Runs a statement; the number of rows that it affected. `what` it is for goes into the
    /// error.
    pub async fn run(
        &mut self,
        what: impl Into<Cow<'static, str>>,
        sql: impl AsRef<[u8]>,
    ) -> Result<u64> {
        self.conn
            .query_drop(sql.as_ref())
            .await
            .map_err(|e| fault(what, e))?;
        Ok(self.conn.affected_rows())
    }

    /// Runs a query; its rows.
    pub async fn rows<T: FromRow + Send + 'static>(
        &mut self,
        what: impl Into<Cow<'static, str>>,
        sql: impl AsRef<[u8]>,
    ) -> Result<Vec<T>> {
        self.conn
            .query(sql.as_ref())
            .await
            .map_err(|e| fault(what, e))
    }
}
