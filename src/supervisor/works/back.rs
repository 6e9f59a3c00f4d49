//! The way back: the same works with the two ends swapped, and with names of their own.

use super::{Parts, consumer_of};
use crate::error::Result;
use crate::metadata::StepName;
use crate::model::objects::StorePlace;
use crate::model::position::Position;
use crate::model::project::{WayBack, reverse_subtopic_of};
use crate::switchover::{AppSwitchWork, Ends, Side};
use crate::workflow::switch::Part;

/// The name of the way back's Incr-Sync as a consumer, and in its progress rows at the source.
fn reverse_consumer_of(project: &str) -> String {
    format!("{project}/reverse_incr_sync")
}

impl Parts {
    /// The parts of the way back; `target_id` is the data source that is followed then.
    pub(super) fn turned(mut self, target_id: &str) -> Self {
        std::mem::swap(&mut self.source, &mut self.target);
        self.store = StorePlace {
            subtopic: reverse_subtopic_of(self.assignment.project.as_str(), target_id),
            filter: self.config.filter.clone(),
        };
        self.subtopic = self.store.subtopic.clone();
        // what the way forth needs to know of its beginning
        self.config.modified = Default::default();
        if let Some(options) = self.config.reverse_incr_sync.clone() {
            self.config.options.incr_sync = options;
        }
        self.config.options.incr_verification.enabled = false;
        self.drain = None;
        self.goes_back = true;
        self
    }

    /// The consumer's name in the Store, and the key of its progress where it writes.
    pub(super) fn consumer(&self) -> String {
        let project = self.assignment.project.as_str();
        match self.goes_back {
            true => reverse_consumer_of(project),
            false => consumer_of(project),
        }
    }

    /// Whose writes the Store leaves out: those of the project's other direction, its copy and its
    /// corrections.
    pub(super) fn leave_out(&self) -> Vec<String> {
        match self.config.stages.way_back {
            WayBack::None => Vec::new(),
            _ => vec![format!("{}/", self.assignment.project)],
        }
    }

    /// From where on DDL is the application's own: what stands in front of it in the log is what the other
    /// direction, or the switchover, did there.
    pub(super) async fn ddl_from(&self) -> Result<Option<Position>> {
        if self.config.stages.way_back != WayBack::Switchover {
            return Ok(None);
        }
        let part = match self.goes_back {
            true => Part::ProcessObjects,
            false => Part::ReachBackPosition,
        };
        let project = self.assignment.project.as_str();
        let steps = self.metadata.steps().list(project).await?;
        let mut steps = steps.into_iter().flatten();
        let Some(switch) = steps.find(|s| s.name == StepName::TransferAppSwitch) else {
            return Ok(None);
        };
        let tasks = self.metadata.tasks().list(&switch.id).await?;
        let mut tasks = tasks.into_iter().flatten();
        let told = tasks.find(|t| t.kind == part.text());
        let told = told.and_then(|t| t.task_info.get("ddlFrom").cloned());
        Ok(told.and_then(|position| serde_json::from_value(position).ok()))
    }

    pub(super) fn side(&self) -> Side {
        Side {
            from: self.source.clone(),
            open_log: self.open_log(),
            subtopic: self.subtopic.clone(),
            dir: self.store_dir(),
        }
    }

    /// The switchover's own work.
    pub(super) fn app_switch(&self) -> AppSwitchWork {
        AppSwitchWork {
            ends: Ends {
                metadata: self.metadata.clone(),
                project: self.assignment.project.clone(),
                filter: self.config.filter.clone(),
                source: self.source.clone(),
                target: self.target.clone(),
                verifies: self.config.stages.full_verify,
            },
            leader: self.leader,
            step: self.assignment.step.0.clone(),
            forth: self.side(),
            back: self.clone().turned(&self.target_id).side(),
            hub: self.hub.clone(),
        }
    }
}
