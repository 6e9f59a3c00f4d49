//! Cutting a table into slices by key while it is compared: the next bound is asked for when the
//! slice before it was handed out, so the cut follows a table that grows.

use super::plan::{Key, Plan, Side};
use super::retry::{Attempts, again};
use super::sides::{Sides, reading};
use super::statement::{Slice, read_bound};
use crate::datasource::mysql::compare::RowStream;
use crate::datasource::mysql::{Connection, Session};
use crate::error::Result;
use std::sync::Arc;

/// A slice has at least so many rows.
const ROWS_LEAST: u64 = 500;
/// And at most one for so many bytes that it may hold: rows are never thought to be smaller.
const ROW_BYTES_LEAST: u64 = 420;

/// Rows of a slice of so many bytes, for rows of this many bytes; 0: unknown.
pub fn rows_per_slice(slice_bytes: u64, row_bytes: u64) -> u64 {
    (slice_bytes / row_bytes.max(ROW_BYTES_LEAST)).max(ROWS_LEAST)
}

/// Gives the slices of a table on one side, one after another.
pub struct Cutter {
    plan: Arc<Plan>,
    sides: Arc<Sides>,
    side: Side,
    rows: u64,
    conn: Option<Connection>,
    after: Option<Key>,
    done: bool,
}

impl Cutter {
    /// A cutter of the whole table.
    pub fn new(plan: Arc<Plan>, sides: Arc<Sides>, side: Side, rows: u64) -> Self {
        Self {
            plan,
            sides,
            side,
            rows,
            conn: None,
            after: None,
            done: false,
        }
    }

    /// The next slice; the last one has no upper bound, so that nothing lies behind it.
    pub async fn next(&mut self) -> Result<Option<Slice>> {
        if self.done {
            return Ok(None);
        }
        let upto = if self.plan.sliceable {
            let mut attempts = Attempts::default();
            loop {
                match self.bound().await {
                    Ok(bound) => break bound,
                    Err(error) => {
                        self.conn = None;
                        again(&mut attempts, error).await?;
                    }
                }
            }
        } else {
            None
        };
        self.done = upto.is_none();
        let after = std::mem::replace(&mut self.after, upto.clone());
        Ok(Some(Slice { after, upto }))
    }

    async fn bound(&mut self) -> Result<Option<Key>> {
        let mut conn = match self.conn.take() {
            Some(conn) => conn,
            None => {
                let server = self.sides.server(self.side);
                server.session(Session::Read).await?
            }
        };
        let sql = read_bound(&self.plan, self.side, self.after.as_ref(), self.rows).into_bytes();
        let what = reading(&self.plan, self.side);
        let mut stream = RowStream::start(&mut conn, sql, self.plan.key.len(), what).await?;
        let bound = stream.next().await?;
        while stream.next().await?.is_some() {}
        drop(stream);
        self.conn = Some(conn);
        Ok(bound)
    }
}
