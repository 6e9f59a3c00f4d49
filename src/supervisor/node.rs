//! The node's components: what the rows want, and what runs.

use super::slot::{Next, Slot};
use crate::actor::Shell;
use crate::actor::pace::Bell;
use crate::actor::shell::WorkFactory;
use crate::actor::work::Assignment;
use crate::error::{Kind, Result};
use crate::metadata::{
    Component, ComponentStatus, DesiredStatus, MetaError, MetaErrorKind, Metadata, Report, Row,
};
use actix::Actor;
use futures::future::BoxFuture;
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

/// Makes the factory of a component's works from its row.
pub trait Maker: Send + Sync {
    /// Reads what the component needs, and gives the factory. Called before each start.
    fn maker<'a>(
        &'a self,
        component: &'a Component,
        assignment: &'a Assignment,
    ) -> BoxFuture<'a, Result<WorkFactory>>;
}

/// The components of one node.
pub struct Node {
    metadata: Metadata,
    maker: Box<dyn Maker>,
    name: String,
    /// The leader's epoch: assignments are made in its name.
    epoch: i64,
    /// Only components of these projects, where it is set.
    projects: Option<Vec<String>>,
    slots: HashMap<String, Slot>,
    /// Reports of this round that nobody waits for; they are written together.
    pending: Vec<(String, i64, Report)>,
    /// Starts so far: the lower part of the epoch that works write to targets with.
    starts: i64,
    bell: Bell,
}

/// What was seen of the components in one round: what they shall do, and what they do.
pub type Seen = Vec<(String, DesiredStatus, ComponentStatus)>;

/// Epochs of leaders are this far apart, so that each start of a work within one has its own.
pub const EPOCH_STRIDE: i64 = 1 << 20;

/// A round waits so long for works to end that were told to in it.
const MOMENTS: Duration = Duration::from_millis(50);

impl Node {
    /// The node `name` under the leader of `epoch`.
    pub fn new(
        metadata: Metadata,
        maker: Box<dyn Maker>,
        name: impl Into<String>,
        epoch: i64,
        projects: Option<Vec<String>>,
    ) -> Self {
        Self {
            metadata,
            maker,
            name: name.into(),
            epoch,
            projects,
            slots: HashMap::new(),
            pending: Vec::new(),
            starts: 0,
            bell: Bell::default(),
        }
    }

    /// Rings this bell when a work ends or reaches its goal.
    #[must_use]
    pub fn ringing(mut self, bell: Bell) -> Self {
        self.bell = bell;
        self
    }

    /// The node's bell.
    pub fn bell(&self) -> &Bell {
        &self.bell
    }

    /// How many components run here, or wait to run again.
    pub fn running(&self) -> usize {
        self.slots.len()
    }

    /// Brings what runs to what is wanted, once.
    pub async fn supervise(&mut self) -> Result<Seen> {
        // what a round that failed left is older than what this one sees
        self.pending.clear();
        let mut rows = self
            .metadata
            .components()
            .list_living_by_node(&self.name)
            .await?;
        rows.extend(self.strays(&rows).await?);
        let mut seen = Vec::new();
        let mut wanted = Vec::new();
        let mut unwanted = Vec::new();
        for row in rows {
            match row {
                Ok(row) if self.is_ours(&row) => {
                    seen.push((row.id.to_string(), row.desired_status, row.status));
                    match row.desired_status {
                        DesiredStatus::Running => wanted.push(row),
                        DesiredStatus::Paused => unwanted.push((row, ComponentStatus::Paused)),
                        DesiredStatus::Stopped => unwanted.push((row, ComponentStatus::Stopped)),
                    }
                }
                Ok(_) => {}
                Err(problem) => tracing::warn!(%problem, "a row of rm cannot be understood"),
            }
        }
        // ends come first: a successor may need what its predecessor holds
        let ending = self.end_all(unwanted).await?;
        for row in wanted {
            self.run(&row, &ending).await?;
        }
        self.write_pending().await?;
        Ok(seen)
    }

    /// Ends all works at their next safe points.
    pub async fn stop_all(&mut self) {
        let stops = self.slots.values_mut().map(Slot::stop);
        for stopped in futures::future::join_all(stops).await {
            if let Err(error) = stopped {
                tracing::warn!(%error, "stopping a component");
            }
        }
        self.slots.clear();
    }

    /// The rows of components that run here though the list of the living has not got them: a person
    /// changed what they say. One whose row is gone ends.
    async fn strays(&mut self, rows: &[Row<Component>]) -> Result<Vec<Row<Component>>> {
        let listed = |id: &str| {
            let id_of = |row: &Row<Component>| match row {
                Ok(row) => row.id == id,
                Err(problem) => problem.id == id,
            };
            rows.iter().any(id_of)
        };
        let ids: Vec<String> = self
            .slots
            .keys()
            .filter(|id| !listed(id))
            .cloned()
            .collect();
        let mut strays = Vec::new();
        for id in ids {
            match self.metadata.components().get(&id).await {
                Ok(row) => strays.push(Ok(row)),
                Err(error) if error.kind() == MetaErrorKind::NotFound => {
                    tracing::warn!(component = %id, "its row is gone: it ends");
                    if let Some(mut slot) = self.slots.remove(&id) {
                        slot.stop().await?;
                    }
                }
                Err(MetaError::CorruptRow(problem)) => strays.push(Err(problem)),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(strays)
    }

    fn is_ours(&self, row: &Component) -> bool {
        self.projects
            .as_ref()
            .is_none_or(|projects| projects.contains(&row.project_id))
    }

    /// Ends these; gives the projects of which something takes longer to end. Nobody else waits for
    /// that: one whose server does not answer may take [`crate::actor::shell`]'s whole grace.
    async fn end_all(
        &mut self,
        unwanted: Vec<(Component, ComponentStatus)>,
    ) -> Result<HashSet<String>> {
        let mut begun = false;
        for (row, _) in &unwanted {
            if let Some(slot) = self.slots.get_mut(&row.id) {
                begun |= slot.begin_end(&self.bell);
            }
        }
        // most end in moments, and the next round comes later than that
        let then = Instant::now() + if begun { MOMENTS } else { Duration::ZERO };
        let mut ending = HashSet::new();
        for (row, status) in unwanted {
            let ended = match self.slots.get_mut(&row.id) {
                Some(slot) => slot.ended_by(then).await?,
                None => true,
            };
            match ended {
                true => self.end(&row, status).await?,
                false => drop(ending.insert(row.project_id)),
            }
        }
        Ok(ending)
    }

    /// Says that one has ended.
    async fn end(&mut self, row: &Component, status: ComponentStatus) -> Result<()> {
        let slot = self.slots.remove(&row.id);
        if slot.is_none() && (row.status == status || row.status == ComponentStatus::Finished) {
            return Ok(());
        }
        let epoch = slot.as_ref().map_or(row.epoch, |s| s.epoch);
        let keep = matches!(
            row.status,
            ComponentStatus::Finished | ComponentStatus::Exception
        ) && status == ComponentStatus::Paused;
        if !keep {
            let report = Report {
                status: Some(status),
                ..Report::default()
            };
            self.report(&row.id, epoch, report).await?;
        }
        Ok(())
    }

    async fn run(&mut self, row: &Component, ending: &HashSet<String>) -> Result<()> {
        let done = matches!(
            row.status,
            ComponentStatus::Finished | ComponentStatus::Exception
        );
        if !self.slots.contains_key(&row.id) {
            if done || ending.contains(&row.project_id) {
                return Ok(());
            }
            // whoever waits for it to rest sees from here on that it does not
            let taken = self
                .metadata
                .components()
                .take_to_run(&row.id, &self.name, self.epoch)
                .await?;
            let Some(epoch) = taken else {
                return Ok(());
            };
            self.slots.insert(row.id.clone(), Slot::new(epoch));
        }
        let Some(slot) = self.slots.get_mut(&row.id) else {
            return Ok(());
        };
        let next = match slot.look().await {
            Next::Start => self.start(row).await,
            next => next,
        };
        let Some(epoch) = self.slots.get(&row.id).map(|s| s.epoch) else {
            return Ok(());
        };
        match next {
            Next::Nothing | Next::Start => {}
            Next::Report(report) => self.pending.push((row.id.clone(), epoch, report)),
            Next::News(report) => {
                self.report(&row.id, epoch, report).await?;
                self.bell.ring();
            }
            Next::Close(report) => {
                self.report(&row.id, epoch, report).await?;
                self.slots.remove(&row.id);
                self.bell.ring();
            }
            Next::Drop => {
                self.slots.remove(&row.id);
            }
        }
        Ok(())
    }

    async fn start(&mut self, row: &Component) -> Next {
        self.starts += 1;
        let assignment = Assignment {
            component: row.id.as_str().into(),
            project: row.project_id.as_str().into(),
            step: row.step_id.as_str().into(),
            epoch: self.epoch + self.starts,
        };
        let made = self.maker.maker(row, &assignment).await;
        let Some(slot) = self.slots.get_mut(&row.id) else {
            return Next::Nothing;
        };
        let started = match made {
            Ok(factory) => {
                slot.start(Shell::new(assignment, factory, self.bell.clone()).start())
                    .await
            }
            Err(error) => Err(error),
        };
        match started {
            // the goal that an earlier work had reached is to be reached again
            Ok(()) => Next::Report(Report {
                status: Some(ComponentStatus::Running),
                progress: serde_json::to_value(crate::actor::work::Progress::default()).ok(),
                ..Report::default()
            }),
            Err(error) => slot.failed(&error, None),
        }
    }

    /// Writes what was reported in this round, in one transaction: many components at rest cost hardly
    /// more than one.
    async fn write_pending(&mut self) -> Result<()> {
        let pending = std::mem::take(&mut self.pending);
        if pending.is_empty() {
            return Ok(());
        }
        let components = self.metadata.components();
        let written = components.report_all(pending.clone()).await?;
        for ((id, epoch, report), written) in pending.into_iter().zip(written) {
            if !written {
                self.report(&id, epoch, report).await?;
            }
        }
        Ok(())
    }

    /// A report that is fenced ends the component here: somebody else has it now.
    async fn report(&mut self, id: &str, epoch: i64, report: Report) -> Result<()> {
        let written = self.metadata.components().report(id, epoch, report).await?;
        if let Err(error) = written.require("oms_component", id, epoch) {
            let error: crate::error::Error = error.into();
            if error.kind() != Kind::Fenced {
                return Err(error);
            }
            tracing::warn!(component = id, %error, "the component runs elsewhere");
            if let Some(mut slot) = self.slots.remove(id) {
                slot.stop().await?;
            }
        }
        Ok(())
    }
}
