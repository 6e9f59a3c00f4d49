//! One side has everything up to the other's last position, and nobody writes there any more.

use super::rm::Rows;
use super::work::{AppSwitchWork, Side};
use crate::component::contract::Context;
use crate::component::full_verification::RmProgressed;
use crate::component::store::end_of_log;
use crate::component::writes::{TableWrites, writes_between};
use crate::error::{Error, Kind, Result};
use crate::model::ids::TxnId;
use crate::model::position::Position;
use crate::workflow::switch::{Part, Way};
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;

const LOOK_EVERY: Duration = Duration::from_millis(50);
/// Tables that an error names, at most.
const NAMED: usize = 10;

/// The last position of the log of the server that a direction follows.
pub(super) async fn log_end_of(side: &Side) -> Result<Position> {
    end_of_log(&side.from, &side.subtopic).await
}

/// One direction, to its end.
pub(super) struct Reach<'w> {
    work: &'w AppSwitchWork,
    side: &'w Side,
    way: Way,
    patience: Duration,
    rows: Rows,
}

impl<'w> Reach<'w> {
    /// The end of the way forth, or of the way back.
    pub fn new(work: &'w AppSwitchWork, way: Way, patience: Duration) -> Self {
        Self {
            work,
            side: match way {
                Way::Forward => &work.forth,
                Way::Back => &work.back,
            },
            way,
            patience,
            rows: work.rows(),
        }
    }

    fn part(&self) -> Part {
        match self.way {
            Way::Forward => Part::ReachStopPosition,
            Way::Back => Part::ReachBackPosition,
        }
    }

    fn progressed(&self) -> RmProgressed {
        let (metadata, project) = (
            self.work.ends.metadata.clone(),
            self.work.ends.project.clone(),
        );
        let progressed = RmProgressed::new(metadata, project, self.side.from.clone());
        match self.way {
            Way::Forward => progressed,
            Way::Back => progressed.of_the_way_back(),
        }
    }

    /// Waits until everything up to the position at which it began is on the other side, and refuses where
    /// anybody wrote meanwhile. The position is written down: one that goes on after a crash looks at the
    /// same stretch of the log.
    pub async fn reach(&self, context: &Context) -> Result<()> {
        if self.way == Way::Back && self.progressed().watermark().await?.is_none() {
            return self.require_nothing_to_carry().await;
        }
        let began = Instant::now();
        let stop = match self.rows.position(self.part(), "stopPosition").await? {
            Some(stop) => stop,
            None => {
                let stop = log_end_of(self.side).await?;
                self.rows
                    .note(self.part(), "stopPosition", json!(stop))
                    .await?;
                stop
            }
        };
        self.wait_for(stop.txn_id(), context).await?;
        self.silence_from(&stop).await?;
        let took = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.rows
            .note(self.part(), "reachedMs", took.into())
            .await?;
        if self.way == Way::Back {
            // from here on DDL at the source is the application's own again
            let from = log_end_of(&self.work.forth).await?;
            self.rows.note(self.part(), "ddlFrom", json!(from)).await?;
        }
        Ok(())
    }

    /// Refuses where anybody wrote since the last position was reached.
    pub async fn require_silence(&self) -> Result<()> {
        match self.rows.position(self.part(), "stopPosition").await? {
            Some(stop) => self.silence_from(&stop).await,
            // the user skipped it
            None => Ok(()),
        }
    }

    async fn wait_for(&self, wanted: TxnId, context: &Context) -> Result<()> {
        let progressed = self.progressed();
        let deadline = Instant::now() + self.patience;
        loop {
            let reached = progressed.watermark().await?.flatten();
            if reached.is_some_and(|reached| reached >= wanted) {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let at = reached.map_or_else(|| "nowhere".to_owned(), |at| at.to_string());
                return Err(Error::new(
                    Kind::SwitchLag,
                    format!("following {} to its last position", self.side.from),
                )
                .detail(format!(
                    "{wanted} is not reached after {} s, it is at {at}",
                    self.patience.as_secs()
                )));
            }
            context.progress().beat();
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn silence_from(&self, stop: &Position) -> Result<()> {
        let end = log_end_of(self.side).await?;
        let written = self.written(stop, &end).await?;
        if written.is_empty() {
            return Ok(());
        }
        // the next try looks from where it is then
        self.rows
            .note(self.part(), "stopPosition", serde_json::Value::Null)
            .await?;
        Err(Error::new(
            Kind::StillWritten,
            format!("looking for writes at {} behind {stop}", self.side.from),
        )
        .detail(listed(&written)))
    }

    /// Of a roll-back without a way back: nothing may have been written at the target.
    async fn require_nothing_to_carry(&self) -> Result<()> {
        let Some(start) = self.work.hub.start(&self.side.subtopic) else {
            return Err(Error::new(Kind::WouldBeLost, "rolling the switchover back")
                .detail("no Store says what was written at the target"));
        };
        let end = log_end_of(self.side).await?;
        let written = self.written(&start, &end).await?;
        if written.is_empty() {
            let from = log_end_of(&self.work.forth).await?;
            return self.rows.note(self.part(), "ddlFrom", json!(from)).await;
        }
        Err(Error::new(
            Kind::WouldBeLost,
            format!(
                "rolling the switchover back, without the changes at {}",
                self.side.from
            ),
        )
        .detail(listed(&written)))
    }

    /// What was written in scope between two positions; heartbeats and what `oms` wrote are none.
    async fn written(&self, from: &Position, to: &Position) -> Result<Vec<TableWrites>> {
        let (log, filter) = (&self.side.open_log, &self.work.ends.filter);
        writes_between(log, filter, from, to, self.patience).await
    }
}

fn listed(written: &[TableWrites]) -> String {
    let each = written.iter().take(NAMED).map(|w| {
        let (table, changes, ddl) = (&w.table, w.changes, w.ddl);
        format!(
            "{table}: {changes} row(s), {ddl} DDL, at {} to {}",
            w.first, w.last
        )
    });
    let each: Vec<String> = each.collect();
    let more = match written.len() > NAMED {
        true => ", …",
        false => "",
    };
    format!("changes of {}{more}", each.join(", "))
}
