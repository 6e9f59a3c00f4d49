//! The heartbeat: a row at the source that the Store writes and sees again in the log.
//!
//! It keeps the lag true while the application is idle, and it proves that a position is
//! visible: a transaction may stand in the log before other sessions can see its effect, but the
//! source makes effects visible in the order of the log, so once a row that was written after the
//! position came back, everything before the position is visible too.

use crate::datasource::mysql::binlog::plan::RowPlan;
use crate::datasource::mysql::binlog::rows::{RowsEvent, RowsKind};
use crate::datasource::mysql::fault::fault;
use crate::datasource::mysql::{Server, Session};
use crate::error::{Error, Kind, Result};
use crate::model::change::TableVersion;
use crate::model::row::{Cell, Cells};
use crate::model::table::TableName;
use mysql_async::prelude::Queryable;
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// Database of the table, as OMS names it.
const SCHEMA: &str = "drc";
/// The table, as OMS names it.
const TABLE: &str = "heartbeat";
/// More beats on their way than this are forgotten, the oldest first.
const MAX_PENDING: usize = 1000;

/// The table's name.
pub(super) fn table_name() -> TableName {
    TableName::new(SCHEMA, TABLE)
}

/// Beats on their way through the log.
#[derive(Debug, Default)]
pub(super) struct Beats {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    table: Option<Arc<TableVersion>>,
    /// Index of `id`, index of the column that holds the beat, and our row's id.
    columns: (usize, usize, u16),
    pending: VecDeque<(u64, Instant)>,
    /// One came back since it was asked.
    came: bool,
    /// One came back at all.
    proved: bool,
    lag: Option<Duration>,
}

impl Beats {
    /// The table's definition, once it is known.
    pub fn table(&self) -> Option<Arc<TableVersion>> {
        self.state.lock().table.clone()
    }

    /// Whether a beat came since this was asked.
    pub fn take_came(&self) -> bool {
        std::mem::take(&mut self.state.lock().came)
    }

    /// Whether a beat came back at all.
    pub fn is_proved(&self) -> bool {
        self.state.lock().proved
    }

    /// How far the log is behind: the last beat's way, or the time since the oldest one that is
    /// still on its way. None before the first.
    pub fn lag(&self) -> Option<Duration> {
        let state = self.state.lock();
        let waiting = state.pending.front().map(|(_, written)| written.elapsed());
        state.lag.map(|lag| match waiting {
            Some(waiting) => lag.max(waiting),
            None => lag,
        })
    }

    /// Looks for our own beats among the rows of the table.
    pub fn rows(&self, event: &RowsEvent<'_>, plan: &RowPlan) {
        let Some(mut rows) = event.rows(plan) else {
            return;
        };
        let mut image = Vec::with_capacity(64);
        while !rows.is_empty() {
            image.clear();
            if rows.first_image(&mut image).is_err() {
                return;
            }
            if rows.kind() == RowsKind::Update {
                image.clear();
                if rows.second_image(&mut image).is_err() {
                    return;
                }
            }
            self.row(&image);
        }
    }

    fn row(&self, image: &[u8]) {
        let mut state = self.state.lock();
        let (id_at, value_at, own_id) = state.columns;
        let number = |at: usize| -> Option<u64> {
            match Cells::new(image).nth(at)? {
                Cell::Value(text) => std::str::from_utf8(text).ok()?.parse().ok(),
                Cell::Null => None,
            }
        };
        if number(id_at) != Some(u64::from(own_id)) {
            return;
        }
        let Some(value) = number(value_at) else {
            return;
        };
        let Some(at) = state.pending.iter().position(|(sent, _)| *sent == value) else {
            return;
        };
        let written = state.pending[at].1;
        state.pending.drain(..=at);
        state.lag = Some(written.elapsed());
        state.came = true;
        state.proved = true;
    }

    fn sent(&self, value: u64) {
        let mut state = self.state.lock();
        if state.pending.len() >= MAX_PENDING {
            state.pending.pop_front();
        }
        state.pending.push_back((value, Instant::now()));
    }
}

/// Writes the beats.
#[derive(Debug)]
pub(super) struct Heartbeat {
    server: Server,
    beats: Arc<Beats>,
    row_id: u16,
    in_millis: bool,
}

impl Heartbeat {
    /// Makes the table where it is missing, and our row in it. `row_id` tells the Stores of one
    /// source apart.
    pub async fn prepare(server: &Server, beats: Arc<Beats>, row_id: u16) -> Result<Self> {
        let what = || {
            format!(
                "making the heartbeat table {} at {}",
                table_name(),
                server.endpoint
            )
        };
        let mut conn = server.session(Session::Plain).await?;
        let exists: Option<u8> = conn
            .exec_first(
                "SELECT 1 FROM information_schema.tables WHERE table_schema = ? AND table_name = ?",
                (SCHEMA, TABLE),
            )
            .await
            .map_err(|e| fault(what(), e))?;
        if exists.is_none() {
            let name = table_name().quoted();
            conn.query_drop(format!("CREATE DATABASE IF NOT EXISTS `{SCHEMA}`"))
                .await
                .map_err(|e| fault(what(), e))?;
            conn.query_drop(format!(
                "CREATE TABLE IF NOT EXISTS {name} (id SMALLINT NOT NULL DEFAULT 1 PRIMARY KEY, ts INT, ts_ms BIGINT)"
            ))
            .await
            .map_err(|e| fault(what(), e))?;
        }
        let dialect = super::definitions::dialect(server, None);
        let table = super::definitions::one(&mut conn, server, &table_name(), &dialect)
            .await?
            .ok_or_else(|| Error::new(Kind::ObjectMissing, what()))?
            .map_err(|why| Error::new(Kind::SchemaUnsupported, what()).detail(why))?;
        let millis = table.column_index("ts_ms");
        let columns = table
            .column_index("id")
            .zip(millis.or_else(|| table.column_index("ts")))
            .ok_or_else(|| {
                Error::new(Kind::SchemaUnsupported, what())
                    .detail("the table that is there has no columns id and ts")
            })?;
        {
            let mut state = beats.state.lock();
            state.table = Some(Arc::new(TableVersion {
                id: u32::MAX,
                table,
            }));
            state.columns = (columns.0, columns.1, row_id);
        }
        Ok(Self {
            server: server.clone(),
            beats,
            row_id,
            in_millis: millis.is_some(),
        })
    }

    /// Beats until it is dropped. A failure is logged and tried again.
    pub async fn run(self, period: Duration) {
        let mut failures = 0_u32;
        loop {
            match self.session(period).await {
                Ok(never) => match never {},
                Err(error) => {
                    failures = failures.saturating_add(1);
                    tracing::warn!(%error, failures, "the heartbeat cannot be written");
                }
            }
            tokio::time::sleep(period.max(Duration::from_secs(1))).await;
        }
    }

    async fn session(&self, period: Duration) -> Result<std::convert::Infallible> {
        let what = || format!("writing the heartbeat at {}", self.server.endpoint);
        let mut conn = self.server.session(Session::Plain).await?;
        conn.query_drop(
            "SET SESSION sql_mode = '', SESSION innodb_lock_wait_timeout = 5, SESSION lock_wait_timeout = 5",
        )
        .await
        .map_err(|e| fault(what(), e))?;
        let name = table_name().quoted();
        let id = self.row_id;
        let mut last = 0;
        let mut ticks = tokio::time::interval(period);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let now = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default();
            let (seconds, millis) = (now.as_secs(), now.as_millis() as u64);
            // every beat has a value of its own, or it would change nothing and not be logged
            let value = if self.in_millis { millis } else { seconds }.max(last + 1);
            last = value;
            self.beats.sent(value);
            let (columns, values, update) = if self.in_millis {
                (
                    "id, ts, ts_ms",
                    format!("{id}, {seconds}, {value}"),
                    format!("ts = {seconds}, ts_ms = {value}"),
                )
            } else {
                ("id, ts", format!("{id}, {value}"), format!("ts = {value}"))
            };
            conn.query_drop(format!(
                "INSERT INTO {name} ({columns}) VALUES ({values}) ON DUPLICATE KEY UPDATE {update}"
            ))
            .await
            .map_err(|e| fault(what(), e))?;
        }
    }
}
