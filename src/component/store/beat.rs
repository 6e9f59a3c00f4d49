//! The heartbeat: a row at the source that the Store writes and sees again in the log.
//!
//! It keeps the lag true while the application is idle, and it proves that a position is
//! visible: a transaction may stand in the log before other sessions can see its effect, but the
//! source makes effects visible in the order of the log, so once a row that was written after the
//! position came back, everything before the position is visible too.

use crate::datasource::mysql::Server;
use crate::datasource::mysql::binlog::plan::RowPlan;
use crate::datasource::mysql::binlog::rows::{RowsEvent, RowsKind};
use crate::datasource::mysql::binlog::source::Source;
use crate::datasource::mysql::heartbeat::{self, BeatWriter, HeartbeatTable};
use crate::error::{Kind, Result};
use crate::model::change::TableVersion;
use crate::model::row::{Cell, Cells};
use parking_lot::Mutex;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::Instant;

/// More beats on their way than this are forgotten, the oldest first.
const MAX_PENDING: usize = 1000;

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

    /// One beat that is on its way; [`Beats::is_proved`] once it came.
    pub fn of_one(found: HeartbeatTable, row_id: u16, value: u64) -> Self {
        let beats = Self::default();
        beats.know(found, row_id);
        beats.sent(value);
        beats
    }

    fn know(&self, found: HeartbeatTable, row_id: u16) {
        let mut state = self.state.lock();
        state.columns = (found.id, found.value, row_id);
        state.table = Some(Arc::new(TableVersion {
            id: u32::MAX,
            table: found.table,
        }));
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
    /// Makes the table where it is missing. `row_id` tells the Stores of one source apart.
    pub async fn prepare(source: &mut Source, beats: Arc<Beats>, row_id: u16) -> Result<Self> {
        let found = heartbeat::prepare(source).await?;
        let in_millis = found.in_millis;
        beats.know(found, row_id);
        Ok(Self {
            server: source.server.clone(),
            beats,
            row_id,
            in_millis,
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
                    // dropped with a project that was released
                    if error.kind() == Kind::ObjectMissing
                        && let Err(error) = heartbeat::make(&self.server).await
                    {
                        tracing::warn!(%error, "the heartbeat's table cannot be made again");
                    }
                    tracing::warn!(%error, failures, "the heartbeat cannot be written");
                }
            }
            tokio::time::sleep(period.max(Duration::from_secs(1))).await;
        }
    }

    async fn session(&self, period: Duration) -> Result<std::convert::Infallible> {
        let mut writer = BeatWriter::open(&self.server, self.row_id, self.in_millis).await?;
        let mut last = 0;
        let mut ticks = tokio::time::interval(period);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let now = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default();
            let now = if self.in_millis {
                now.as_millis() as u64
            } else {
                now.as_secs()
            };
            // every beat has a value of its own, or it would change nothing and not be logged
            let value = now.max(last + 1);
            last = value;
            self.beats.sent(value);
            writer.write(value).await?;
        }
    }
}
