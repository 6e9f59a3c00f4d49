//! The fence at the target: a write commits only while its component's epoch is the newest.
//!
//! The table `omstxndb.oms_fence` has a row for each lane (each writing session) of a component. A new
//! generation of the component raises the epoch of all its rows ([`Fence::acquire`]), and thereby
//! waits for transactions of an older one that are under way. Each write transaction first writes its
//! own lane's row ([`Fence::hold`]), which locks it: an older generation that wakes up finds a newer
//! epoch there and ends. Lanes do not wait for each other; one common row would make them, since
//! OceanBase takes an exclusive lock for `LOCK IN SHARE MODE`. The row that is written also marks the
//! transaction in the server's log ([`super::marks`]).

use super::connect::Server;
use super::connection::Connection;
use super::fault::fault;
use super::literal::quoted;
use super::marks::FENCE_TABLE;
use super::nudge::nudged;
use super::traces::{lock_tables, unlock_tables};
use super::wire::WireSession;
use crate::error::{Error, Kind, Result};
use crate::model::row::Cell;
use mysql_async::prelude::Queryable;

/// The database at the target that holds what `oms` keeps there.
pub const TARGET_SCHEMA: &str = "omstxndb";

/// A generation of a component, as writer at the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fence {
    component: String,
    quoted: String,
    epoch: i64,
}

impl Fence {
    /// Takes over: from now on transactions of older generations of this component do not commit.
    /// `component` names the role, for example `np_x/full_import` (at most 160 characters); `lanes`
    /// is the number of sessions that will write. Taking over again with the same epoch is fine, and
    /// also waits for what an earlier run of it left under way.
    ///
    /// # Errors
    /// [`Kind::Fenced`] where a newer generation is there; else as the server refuses.
    pub async fn acquire(
        conn: &mut Connection,
        server: &Server,
        component: &str,
        epoch: i64,
        lanes: usize,
    ) -> Result<Self> {
        let fence = Self::named(component, epoch);
        fence.make_table(conn, server).await?;
        match fence.raise(conn, lanes).await {
            // dropped between the look and the write, by a project that was released
            Err(error) if error.kind() == Kind::ObjectMissing => {
                fence.make_table(conn, server).await?;
                fence.raise(conn, lanes).await?;
            }
            raised => raised?,
        }
        unlock_tables(conn, server.flavour).await?;
        Ok(fence)
    }

    /// Raises the epoch of all rows.
    async fn raise(&self, conn: &mut Connection, lanes: usize) -> Result<()> {
        let fence = self;
        let epoch = self.epoch;
        let what = || fence.what();
        let values: Vec<_> = (0..lanes.max(1))
            .map(|lane| format!("({},{lane},{epoch},UTC_TIMESTAMP(3))", fence.quoted))
            .collect();
        // never lowers an epoch, whatever the order in which two generations come by
        let raise = format!("epoch = GREATEST(epoch, {epoch}), gmt_modified = UTC_TIMESTAMP(3)");
        for sql in [
            format!(
                "INSERT INTO {TARGET_SCHEMA}.{FENCE_TABLE} (component, lane, epoch, gmt_modified) \
                 VALUES {} ON DUPLICATE KEY UPDATE {raise}",
                values.join(",")
            ),
            format!(
                "UPDATE {TARGET_SCHEMA}.{FENCE_TABLE} SET {raise} WHERE component = {}",
                fence.quoted
            ),
        ] {
            conn.query_drop(sql).await.map_err(|e| fault(what(), e))?;
        }
        let newest: Option<Option<i64>> = conn
            .query_first(format!(
                "SELECT MAX(epoch) FROM {TARGET_SCHEMA}.{FENCE_TABLE} WHERE component = {}",
                fence.quoted
            ))
            .await
            .map_err(|e| fault(what(), e))?;
        fence.compare(newest.flatten())
    }

    /// Writes the lane's row, and thereby locks it until the end of the transaction that is open on
    /// `conn`, if this generation is the newest. Must be the first statement of the transaction.
    ///
    /// # Errors
    /// [`Kind::Fenced`] where a newer generation took over.
    pub async fn hold(&self, conn: &mut Connection, lane: usize) -> Result<()> {
        if conn.run(self.what(), self.write(lane)).await? == 1 {
            return Ok(());
        }
        let epoch: Option<i64> = conn.first(self.what(), self.read(lane)).await?;
        self.not_held(epoch)
    }

    /// The same on a session for bulk data.
    ///
    /// # Errors
    /// As [`Fence::hold`].
    pub async fn hold_on_wire(&self, session: &mut WireSession, lane: usize) -> Result<()> {
        let failed = |e| fault(self.what(), e);
        let written = session.run(self.write(lane).as_bytes()).await;
        if written.map_err(failed)?.affected == 1 {
            return Ok(());
        }
        let rows = session
            .all(self.read(lane).as_bytes())
            .await
            .map_err(failed)?;
        let epoch = rows.first().and_then(|row| match row.cell(0) {
            Some(Cell::Value(text)) => std::str::from_utf8(text).ok()?.parse().ok(),
            _ => None,
        });
        self.not_held(epoch)
    }

    /// The row was not written; this epoch stands there.
    fn not_held(&self, there: Option<i64>) -> Result<()> {
        self.compare(there)?;
        Err(
            Error::new(Kind::ProgressInvalid, self.what()).detail(format!(
                "its row in {TARGET_SCHEMA}.{FENCE_TABLE} does not change"
            )),
        )
    }

    /// Changes the lane's row, whatever the clock says: a write that changes nothing is not logged.
    fn write(&self, lane: usize) -> String {
        format!(
            "UPDATE {TARGET_SCHEMA}.{FENCE_TABLE} \
             SET gmt_modified = GREATEST(UTC_TIMESTAMP(3), gmt_modified + INTERVAL 1000 MICROSECOND) \
             WHERE component = {} AND lane = {lane} AND epoch = {}",
            self.quoted, self.epoch
        )
    }

    fn read(&self, lane: usize) -> String {
        format!(
            "SELECT epoch FROM {TARGET_SCHEMA}.{FENCE_TABLE} WHERE component = {} AND lane = {lane} FOR UPDATE",
            self.quoted
        )
    }

    /// The epoch.
    pub fn epoch(&self) -> i64 {
        self.epoch
    }

    fn named(component: &str, epoch: i64) -> Self {
        Self {
            component: component.to_owned(),
            quoted: quoted(component),
            epoch,
        }
    }

    fn what(&self) -> String {
        format!("fencing {} at the target", self.component)
    }

    fn compare(&self, there: Option<i64>) -> Result<()> {
        match there {
            Some(there) if there == self.epoch => Ok(()),
            Some(there) => Err(Error::new(Kind::Fenced, self.what()).detail(format!(
                "our epoch is {}, the target has {there}",
                self.epoch
            ))),
            None => Err(Error::new(Kind::ProgressInvalid, self.what())
                .detail(format!("its row in {TARGET_SCHEMA}.{FENCE_TABLE} is gone"))),
        }
    }

    /// Makes the table where it is missing; asks first, so that the privilege to create is needed
    /// only once. Where it makes it, nobody drops it before the session unlocks our tables.
    async fn make_table(&self, conn: &mut Connection, server: &Server) -> Result<()> {
        let there: Option<u64> = conn
            .query_first(format!(
                "SELECT COUNT(*) FROM information_schema.TABLES \
                 WHERE TABLE_SCHEMA = '{TARGET_SCHEMA}' AND TABLE_NAME = '{FENCE_TABLE}'"
            ))
            .await
            .map_err(|e| fault(self.what(), e))?;
        if there.is_some_and(|count| count > 0) {
            return Ok(());
        }
        lock_tables(conn, server.flavour).await?;
        for sql in [
            format!("CREATE DATABASE IF NOT EXISTS {TARGET_SCHEMA}"),
            format!(
                "CREATE TABLE IF NOT EXISTS {TARGET_SCHEMA}.{FENCE_TABLE} (\
                 component VARCHAR(160) NOT NULL, lane INT NOT NULL, epoch BIGINT NOT NULL, \
                 gmt_modified DATETIME(3) NOT NULL, PRIMARY KEY (component, lane)) \
                 DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin"
            ),
        ] {
            nudged(server, &sql, conn.query_drop(&sql))
                .await
                .map_err(|e| fault(self.what(), e))?;
        }
        Ok(())
    }
}
