//! Changes of the objects of projects: looks at the open records, and at the projects that they are
//! about, lets the pure [`crate::workflow::modify`] decide, and has it done (see [`super::merge`]).

use super::act::Reconciler;
use super::view::Rows;
use crate::error::{Error, Kind, Result};
use crate::metadata::{
    Component, ComponentStatus, ComponentType, DesiredStatus, ModifyRecord, ModifyStatus,
    ModifyType, ModifyUpdate, ProjectStatus, StepName, StepStatus, Written, now,
};
use crate::model::objects::{Drain as Told, Drained, Hold};
use crate::model::position::Position;
use crate::model::project::ProjectConfig;
use crate::model::table::TableName;
use crate::workflow::modify::{Change, Child, Drain, Held, Parent, next};
use crate::workflow::plan::is_running;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// An attempt to merge takes some seconds; the parent waits meanwhile. One that takes longer than this
/// is given up, and tried again later; milliseconds.
const LONGEST_MERGE: i64 = 60_000;

/// A change with everything that it is about.
pub(super) struct Scene {
    pub record: ModifyRecord,
    pub parent: Rows,
    pub config: ProjectConfig,
    pub child: Option<Rows>,
}

impl Scene {
    /// The tables that come or go.
    pub fn tables(&self) -> Vec<TableName> {
        let tables = self.record.tables.iter();
        tables
            .map(|(schema, table)| TableName::new(schema, table))
            .collect()
    }

    /// The number of the attempt to merge.
    pub fn attempt(&self) -> u32 {
        let attempt = self.record.info.get("attempt").and_then(Value::as_u64);
        attempt.and_then(|n| u32::try_from(n).ok()).unwrap_or(0)
    }

    /// The parent follows the source.
    pub fn follows(&self) -> bool {
        self.config.stages.incr
    }

    /// How the parent waits for this change.
    pub fn hold(&self) -> Hold {
        Hold {
            record: self.record.id.clone(),
            attempt: self.attempt(),
            store: self.follows() && self.record.kind == ModifyType::IncreaseObject,
        }
    }

    /// What the sub-project's Incr-Sync is told for its last run.
    pub fn drain(&self) -> Told {
        Told {
            record: self.record.id.clone(),
            attempt: self.attempt(),
        }
    }

    /// Where the last run ended.
    pub fn drained(&self) -> Option<Drained> {
        let incr = incr_of(self.child.as_ref()?)?;
        let drained: Drained = detail(incr, "drained")?;
        let done = incr.status == ComponentStatus::Finished && drained.drain == self.drain();
        done.then_some(drained)
    }

    fn change(&self) -> Change {
        let tables = self.tables();
        let has = |table: &TableName| self.config.filter.include.contains(&table.to_string());
        let changed = match self.record.kind {
            ModifyType::IncreaseObject => tables.iter().all(has),
            ModifyType::DecreaseObject => !tables.iter().any(has),
        };
        let at = |key: &str| self.record.info.get(key).and_then(Value::as_i64);
        let time = millis();
        Change {
            kind: self.record.kind,
            status: self.record.status,
            parent: Parent {
                status: self.parent.project.status,
                follows: self.follows(),
                held: self.held(&self.parent),
                ready: self.parent_is_ready(),
                changed,
            },
            child: self.child.as_ref().map(|child| self.child_view(child)),
            overdue: at("since").is_some_and(|since| time - since > LONGEST_MERGE),
            resting: at("notBefore").is_some_and(|then| time < then),
        }
    }

    fn child_view(&self, child: &Rows) -> Child {
        let status = child.project.status;
        let caught_up = || step_follows(child).is_some();
        Child {
            status,
            ready: match self.follows() {
                true => is_running(status) && caught_up(),
                false => status == ProjectStatus::Finished,
            },
            held: self.held(child),
            drain: self.drain_of(child),
        }
    }

    fn drain_of(&self, child: &Rows) -> Drain {
        let told = incr_of(child).and_then(|incr| incr.config.get("drain"));
        let Some(told) = told else {
            return Drain::No;
        };
        let told: Option<Told> = serde_json::from_value(told.clone()).ok();
        let merges = self.record.status == ModifyStatus::Merging;
        match told {
            Some(told) if merges && told == self.drain() => match self.drained() {
                Some(_) => Drain::Done,
                None => Drain::Told,
            },
            _ => Drain::Stale,
        }
    }

    /// Whether a project's components wait, and work no more.
    fn held(&self, rows: &Rows) -> Held {
        let merges = match self.record.kind {
            ModifyType::IncreaseObject => self.record.status == ModifyStatus::Merging,
            ModifyType::DecreaseObject => self.record.status == ModifyStatus::Modifying,
        };
        let Some(hold) = rows.hold() else {
            return Held::No;
        };
        let ours = hold.record == self.record.id && hold.attempt == self.attempt();
        match merges {
            // of an earlier attempt
            true if !ours => Held::No,
            _ if rests(rows, hold.store) => Held::AtRest,
            _ => Held::Told,
        }
    }

    /// The parent has come to where a sub-project's tables can be handed to it.
    fn parent_is_ready(&self) -> bool {
        if !self.follows() {
            let copies = [
                StepName::StructTransfer,
                StepName::FullTransfer,
                StepName::IndexTransfer,
            ];
            let mut steps = self.parent.steps.iter();
            return steps.all(|s| !copies.contains(&s.name) || s.status == StepStatus::Finished);
        }
        let (Some(incr), Some(child)) = (step_follows(&self.parent), &self.child) else {
            return false;
        };
        // the sub-project's Store takes the place of the parent's: all that reads it is past its beginning
        let mut stores = child.components.iter();
        let store = stores.rfind(|c| c.kind == ComponentType::Store);
        let Some(start) = store.and_then(|store| detail::<Position>(store, "start")) else {
            return false;
        };
        let past = |component: &Component| {
            let at: Option<Position> = serde_json::from_value(component.checkpoint.clone()).ok();
            at.is_some_and(|at| at.txn_id() >= start.txn_id())
        };
        let mut steps = self.parent.steps.iter();
        let verifies = steps.find(|step| step.name == StepName::IncrVerifier);
        past(incr) && verifies.is_none_or(|s| self.parent.component_of(s).is_some_and(past))
    }
}

/// The Incr-Sync of a project that has caught up.
fn step_follows(rows: &Rows) -> Option<&Component> {
    let mut steps = rows.steps.iter();
    let step = steps.find(|step| step.name == StepName::IncrTransfer)?;
    let incr = rows.component_of(step)?;
    let ready = incr.progress.get("ready") == Some(&true.into());
    let runs = ready && incr.status == ComponentStatus::Running;
    (step.status == StepStatus::Monitoring && runs).then_some(incr)
}

/// A project's Incr-Sync.
pub(super) fn incr_of(rows: &Rows) -> Option<&Component> {
    let mut steps = rows.steps.iter();
    let step = steps.find(|step| step.name == StepName::IncrTransfer)?;
    rows.component_of(step)
}

/// What a component says of itself.
fn detail<T: DeserializeOwned>(component: &Component, key: &str) -> Option<T> {
    let said = component.progress.get("detail")?.get(key)?;
    serde_json::from_value(said.clone()).ok()
}

/// None of a project's components works, or will before it is told to.
fn rests(rows: &Rows, store: bool) -> bool {
    use ComponentStatus as C;
    let others = rows.components.iter().filter(|c| match c.kind {
        ComponentType::Release => false,
        ComponentType::Store => store,
        _ => true,
    });
    others.into_iter().all(|c| match c.status {
        C::Finished => true,
        C::Paused | C::Stopped | C::Exception => c.desired_status != DesiredStatus::Running,
        C::Init | C::Running => false,
    })
}

/// The time, milliseconds.
pub(super) fn millis() -> i64 {
    now().and_utc().timestamp_millis()
}

impl Reconciler {
    /// Looks once at all changes of objects that are not at their end. True where something was done.
    pub async fn change_objects(&self) -> Result<bool> {
        let _one = self.one.lock().await;
        let mut did = false;
        for record in self.metadata.modify_records().open(None).await? {
            let record = match record {
                Ok(record) => record,
                Err(problem) => {
                    tracing::warn!(%problem, "a row of rm cannot be understood");
                    continue;
                }
            };
            match self.change(&record).await {
                Ok(done) => did |= done,
                Err(error) if error.kind() == Kind::Fenced => return Err(error),
                // the others need not wait for it
                Err(error) => {
                    self.forget(&record);
                    tracing::warn!(project_id = %record.project_id, record = %record.id, code = error.kind().code(), %error, "changing objects");
                }
            }
        }
        Ok(did)
    }

    /// What was written and what was not is read again.
    fn forget(&self, record: &ModifyRecord) {
        let mut known = self.known.lock();
        known.remove(&record.project_id);
        if let Some(child) = &record.sub_project_id {
            known.remove(child);
        }
    }

    async fn change(&self, record: &ModifyRecord) -> Result<bool> {
        let Some(mut scene) = self.scene(record).await? else {
            return Ok(false);
        };
        self.show(&mut scene).await?;
        let Some(next) = next(&scene.change()) else {
            return Ok(false);
        };
        tracing::info!(project_id = %record.project_id, record = %record.id, status = %record.status, ?next, "objects change");
        self.act_on(&scene, next).await?;
        Ok(true)
    }

    /// Everything that a change is about; `None` where a row cannot be understood.
    pub(super) async fn scene(&self, record: &ModifyRecord) -> Result<Option<Scene>> {
        let Some(parent) = self.settled(&record.project_id).await? else {
            return Ok(None);
        };
        let config = ProjectConfig::from_json(&parent.project.config)?;
        let child = match &record.sub_project_id {
            None => None,
            Some(child) => match self.metadata.projects().get(child).await {
                Err(crate::metadata::MetaError::NotFound { .. }) => None,
                _ => match self.settled(child).await? {
                    None => return Ok(None),
                    child => child,
                },
            },
        };
        Ok(Some(Scene {
            record: record.clone(),
            parent,
            config,
            child,
        }))
    }

    /// The parent's state says what is done to it.
    async fn show(&self, scene: &mut Scene) -> Result<()> {
        let status = match scene.record.status {
            ModifyStatus::Merging => ProjectStatus::RunningMerging,
            ModifyStatus::Modifying | ModifyStatus::Running => ProjectStatus::RunningModifying,
            ModifyStatus::Failed if scene.record.kind == ModifyType::IncreaseObject => {
                ProjectStatus::RunningModifying
            }
            _ => return Ok(()),
        };
        self.show_as(scene, status).await?;
        let shown = &mut scene.parent.project.status;
        if is_running(*shown) {
            *shown = status;
        }
        Ok(())
    }

    pub(super) async fn show_as(&self, scene: &Scene, status: ProjectStatus) -> Result<()> {
        let project = &scene.parent.project;
        if !is_running(project.status) || project.status == status {
            return Ok(());
        }
        self.project_status(&project.id, status, None).await
    }

    /// Writes a record that is as it was read.
    pub(super) async fn set_record(&self, scene: &Scene, update: ModifyUpdate) -> Result<()> {
        let record = &scene.record;
        let update = ModifyUpdate {
            only_if: Some(record.status),
            ..update
        };
        let records = self.metadata.modify_records();
        let written = records.update(&record.id, update, self.epoch).await?;
        match written {
            // a person was quicker: the next look sees it
            Written::Applied | Written::Changed { .. } => Ok(()),
            written => Ok(written.require("oms_project_modify_record", &record.id, self.epoch)?),
        }
    }

    /// Cancels a change that has not begun.
    pub async fn cancel_change(&self, id: &str) -> Result<()> {
        let _one = self.one.lock().await;
        let record = self
            .in_state(id, "cancelled", &[ModifyStatus::Pending])
            .await?;
        let update = ModifyUpdate {
            only_if: Some(ModifyStatus::Pending),
            status: Some(ModifyStatus::Cancel),
            ..ModifyUpdate::default()
        };
        let records = self.metadata.modify_records();
        let written = records.update(&record.id, update, self.epoch).await?;
        Ok(written.require("oms_project_modify_record", id, self.epoch)?)
    }

    /// Aborts the addition of tables: the sub-project is released, its objects at the target stay.
    pub async fn abort_change(&self, id: &str) -> Result<()> {
        let _one = self.one.lock().await;
        let states = [ModifyStatus::Running, ModifyStatus::Failed];
        let record = self.in_state(id, "aborted", &states).await?;
        require_addition(&record, "aborted")?;
        let done = self.aborted(&record).await;
        if done.is_err() {
            self.forget(&record);
        }
        done
    }

    async fn aborted(&self, record: &ModifyRecord) -> Result<()> {
        match self.scene(record).await? {
            Some(scene) => self.terminate(&scene).await,
            None => Err(unreadable(record)),
        }
    }

    /// Lets the addition of tables go on that had failed.
    pub async fn retry_change(&self, id: &str) -> Result<()> {
        let _one = self.one.lock().await;
        let record = self
            .in_state(id, "tried again", &[ModifyStatus::Failed])
            .await?;
        require_addition(&record, "tried again")?;
        let Some(scene) = self.scene(&record).await? else {
            return Err(unreadable(&record));
        };
        let update = ModifyUpdate {
            status: Some(ModifyStatus::Running),
            extra_info: Some(serde_json::json!({})),
            ..ModifyUpdate::default()
        };
        if let Some(child) = &scene.child {
            self.let_go_on(&child.project.id).await?;
        }
        self.set_record(&scene, update).await
    }

    async fn in_state(
        &self,
        id: &str,
        what: &str,
        states: &[ModifyStatus],
    ) -> Result<ModifyRecord> {
        let record = self.metadata.modify_records().get(id).await?;
        self.claim(&record.project_id).await?;
        if states.contains(&record.status) {
            return Ok(record);
        }
        let names: Vec<_> = states.iter().map(ToString::to_string).collect();
        Err(
            Error::new(Kind::StateInvalid, format!("change of objects {id}"))
                .detail(format!("it cannot be {what} while it is {}", record.status))
                .remedy(format!("It must be {}.", names.join(" or "))),
        )
    }
}

fn require_addition(record: &ModifyRecord, what: &str) -> Result<()> {
    if record.kind == ModifyType::IncreaseObject {
        return Ok(());
    }
    Err(Error::new(
        Kind::StateInvalid,
        format!("change of objects {}", record.id),
    )
    .detail(format!("it removes tables, which cannot be {what}"))
    .remedy("Ask for the removal again."))
}

fn unreadable(record: &ModifyRecord) -> Error {
    Error::new(Kind::RmCorrupt, format!("change of objects {}", record.id))
        .detail("a row of its projects cannot be understood; extra_info of the project says which")
}
