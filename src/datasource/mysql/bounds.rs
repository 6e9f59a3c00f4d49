//! Finding the bounds of a table's slices by walking along the index of its key.

use super::connection::Connection;
use super::fault::fault;
use super::slicing::{Bound, Form, SliceKey};
use crate::error::Result;
use crate::model::table::Table;
use mysql_async::prelude::Queryable;

/// A range of keys, `lower < key <= upper`; an end that is None is open.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct KeyRange {
    /// Below the first key.
    pub lower: Option<Bound>,
    /// The last key.
    pub upper: Option<Bound>,
    /// Rows as counted while it was cut.
    pub rows: u64,
}

/// Walks over a table and cuts it into ranges; one step finds one range, so that a caller can stop
/// between two and show how far it is.
#[derive(Debug)]
pub struct Cutter<'a> {
    table: &'a Table,
    key: &'a SliceKey,
    form: Form,
    slice_rows: u64,
    lower: Option<Bound>,
    last: Option<Bound>,
}

impl<'a> Cutter<'a> {
    /// Begins: reads the greatest key, which bounds the last slice. Rows that come above it later
    /// are in the log.
    ///
    /// # Errors
    /// As the server refuses it.
    pub async fn new(
        conn: &mut Connection,
        table: &'a Table,
        key: &'a SliceKey,
        form: Form,
        slice_rows: u64,
    ) -> Result<Self> {
        let mut cutter = Self {
            table,
            key,
            form,
            slice_rows: slice_rows.max(1),
            lower: None,
            last: None,
        };
        cutter.last = cutter.key_at(conn, "", &key.order_list("DESC"), 0).await?;
        Ok(cutter)
    }

    /// The next range; None behind the last.
    ///
    /// # Errors
    /// As the server refuses it.
    pub async fn next(&mut self, conn: &mut Connection) -> Result<Option<KeyRange>> {
        let Some(last) = &self.last else {
            return Ok(None);
        };
        let rest = self
            .key
            .condition(self.lower.as_ref(), Some(last), self.form)?
            .map_or(String::new(), |c| format!(" WHERE {c}"));
        let order = self.key.order_list("ASC");
        let found = self
            .key_at(conn, &rest, &order, self.slice_rows - 1)
            .await?;
        let (upper, rows) = match found {
            Some(upper) => (upper, self.slice_rows),
            None => (last.clone(), self.count(conn, &rest).await?),
        };
        if upper == *last {
            self.last = None;
        }
        let lower = self.lower.replace(upper.clone());
        Ok(Some(KeyRange {
            lower,
            upper: Some(upper),
            rows,
        }))
    }

    async fn key_at(
        &self,
        conn: &mut Connection,
        condition: &str,
        order: &str,
        offset: u64,
    ) -> Result<Option<Bound>> {
        let sql = format!(
            "SELECT {} FROM {} {}{condition} ORDER BY {order} LIMIT 1 OFFSET {offset}",
            self.key.bound_list(),
            self.table.name.quoted(),
            self.key.index_hint(),
        );
        let row: Option<mysql_async::Row> = conn
            .query_first(sql)
            .await
            .map_err(|e| fault(self.what(), e))?;
        Ok(row.map(|row| {
            self.key
                .bound(row.unwrap().into_iter().map(|value| match value {
                    mysql_async::Value::Bytes(bytes) => {
                        String::from_utf8_lossy(&bytes).into_owned()
                    }
                    other => other.as_sql(true),
                }))
        }))
    }

    async fn count(&self, conn: &mut Connection, condition: &str) -> Result<u64> {
        let sql = format!(
            "SELECT COUNT(*) FROM {} {}{condition}",
            self.table.name.quoted(),
            self.key.index_hint(),
        );
        let count: Option<u64> = conn
            .query_first(sql)
            .await
            .map_err(|e| fault(self.what(), e))?;
        Ok(count.unwrap_or(0))
    }

    fn what(&self) -> String {
        format!("cutting table {} into slices", self.table.name)
    }
}
