//! `oms_component`.

use chrono::NaiveDateTime;
use entity::{oms_component as c, oms_project as p};
use sea_orm::{
    ColumnTrait, Condition, DbBackend, EntityTrait, QueryFilter, QueryOrder, Set,
    sea_query::{Expr, ExprTrait, LockType, Query, SelectStatement},
};
use serde_json::Value;

use super::{
    ComponentStatus, ComponentType, DesiredStatus, MetaError, Metadata, Row, StateText, Written,
    access::{Fence, FromModel, Sets, is},
    retry::Twice,
    row::{Cells, empty, json_text, now},
};

const TABLE: &str = "oms_component";

/// A component of a project.
#[derive(Clone, Debug, PartialEq)]
pub struct Component {
    /// `<node>:<name>:<10 digits>`.
    pub id: String,
    /// The project.
    pub project_id: String,
    /// The step that made it.
    pub step_id: String,
    /// What kind.
    pub kind: ComponentType,
    /// What is.
    pub status: ComponentStatus,
    /// What is wanted.
    pub desired_status: DesiredStatus,
    /// The node that it is assigned to.
    pub node: String,
    /// Generation of the assignment: the fence of its writes.
    pub epoch: i64,
    /// How often it was started in this assignment.
    pub attempt: i32,
    /// All that it needs to start.
    pub config: Value,
    /// Where to go on from.
    pub checkpoint: Value,
    /// What it has done.
    pub progress: Value,
    /// The last error; `None`: all is well.
    pub error: Option<Value>,
    /// When it last reported, UTC.
    pub latest_heartbeat: Option<NaiveDateTime>,
    /// When it was made, UTC.
    pub gmt_created: NaiveDateTime,
    /// When `oms` wrote it last, UTC.
    pub gmt_modified: NaiveDateTime,
}

impl FromModel for Component {
    type Entity = c::Entity;

    fn from_model(row: c::Model) -> Row<Self> {
        let cells = Cells {
            table: TABLE,
            id: &row.id,
        };
        Ok(Self {
            kind: cells.state("component_type", &row.component_type)?,
            status: cells.state("status", &row.status)?,
            desired_status: cells.state("desired_status", &row.desired_status)?,
            config: cells.object("config", &row.config)?,
            checkpoint: cells.object("checkpoint", &row.checkpoint)?,
            progress: cells.object("progress", &row.progress)?,
            error: cells.json_null("error", row.error.as_deref())?,
            id: row.id,
            project_id: row.project_id,
            step_id: row.step_id,
            node: row.node,
            epoch: row.epoch,
            attempt: row.attempt,
            latest_heartbeat: row.latest_heartbeat,
            gmt_created: row.gmt_created,
            gmt_modified: row.gmt_modified,
        })
    }
}

/// A component to be made, in `INIT`, with epoch 0: [`Components::bump_epoch`] makes it startable.
#[derive(Clone, Debug)]
pub struct NewComponent {
    /// `<node>:<name>:<10 digits>`, see [`Components::next_sequence`].
    pub id: String,
    /// The project.
    pub project_id: String,
    /// The step that makes it.
    pub step_id: String,
    /// What kind.
    pub kind: ComponentType,
    /// What is wanted.
    pub desired_status: DesiredStatus,
    /// The node.
    pub node: String,
    /// All that it needs to start; no secret.
    pub config: Value,
    /// Where to start from.
    pub checkpoint: Value,
}

/// What a component says of itself; `None` leaves as it is. Every report is a heartbeat.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// What is.
    pub status: Option<ComponentStatus>,
    /// How often it was started in this assignment.
    pub attempt: Option<i32>,
    /// Replaces `checkpoint`.
    pub checkpoint: Option<Value>,
    /// Replaces `progress`.
    pub progress: Option<Value>,
    /// `Some(None)`: the error is over.
    pub error: Option<Option<Value>>,
}

/// The repository of `oms_component`.
#[derive(Clone, Copy)]
pub struct Components<'a>(pub(super) &'a Metadata);

impl Components<'_> {
    /// Makes a component, or gives the one with this id as it is.
    pub async fn create(self, new: NewComponent) -> Result<Component, MetaError> {
        self.insert(new, ComponentStatus::Init, None).await
    }

    async fn insert(
        self,
        new: NewComponent,
        status: ComponentStatus,
        error: Option<&Value>,
    ) -> Result<Component, MetaError> {
        let id = new.id.clone();
        let model = model(new, status, error);
        self.0
            .insert_new::<c::Entity>("create a component", vec![model], &[c::Column::Id])
            .await?;
        self.get(&id).await
    }

    /// Makes a component that cannot run, with the error that says why.
    pub async fn create_failed(
        self,
        new: NewComponent,
        error: &Value,
    ) -> Result<Component, MetaError> {
        self.insert(new, ComponentStatus::Exception, Some(error))
            .await
    }

    /// One component.
    pub async fn get(self, id: &str) -> Result<Component, MetaError> {
        let select = c::Entity::find_by_id(id);
        self.0.one("read a component", select, id).await
    }

    /// The components of a project, the oldest first.
    pub async fn list(self, project_id: &str) -> Result<Vec<Row<Component>>, MetaError> {
        self.list_where(c::Column::ProjectId, project_id).await
    }

    /// The components of several projects, the oldest first.
    pub async fn list_all(self, projects: &[String]) -> Result<Vec<Row<Component>>, MetaError> {
        let select = c::Entity::find()
            .filter(c::Column::ProjectId.is_in(projects.iter().cloned()))
            .order_by_asc(c::Column::GmtCreated)
            .order_by_asc(c::Column::Id);
        self.0.rows("list components", select).await
    }

    /// The components that a step made, the oldest first.
    pub async fn list_by_step(self, step_id: &str) -> Result<Vec<Row<Component>>, MetaError> {
        self.list_where(c::Column::StepId, step_id).await
    }

    /// The components that are assigned to a node, the oldest first.
    pub async fn list_by_node(self, node: &str) -> Result<Vec<Row<Component>>, MetaError> {
        self.list_where(c::Column::Node, node).await
    }

    /// Those of a node that run, or shall run, or shall not any more; the oldest first. The others are at
    /// their end.
    pub async fn list_living_by_node(self, node: &str) -> Result<Vec<Row<Component>>, MetaError> {
        let over = Condition::any()
            .add(c::Column::Status.eq(ComponentStatus::Finished.text()))
            .add(
                Condition::all()
                    .add(c::Column::Status.eq(ComponentStatus::Stopped.text()))
                    .add(c::Column::DesiredStatus.eq(DesiredStatus::Stopped.text())),
            );
        let select = c::Entity::find()
            .filter(c::Column::Node.eq(node))
            .filter(over.not())
            .order_by_asc(c::Column::GmtCreated)
            .order_by_asc(c::Column::Id);
        self.0.rows("list components", select).await
    }

    /// The Coordinator says what it wants. Changes nothing when a newer Coordinator has written the
    /// project ([`Written::Fenced`] tells the project's epoch).
    pub async fn set_desired(
        self,
        id: &str,
        desired: DesiredStatus,
        coordinator_epoch: i64,
    ) -> Result<Written, MetaError> {
        let sets = [(c::Column::DesiredStatus, Expr::val(desired.text()))];
        self.write_as_coordinator("say what is wanted", id, &sets, coordinator_epoch)
            .await
    }

    /// The Coordinator changes what the component needs to start; it is read at the next start.
    pub async fn set_config(
        self,
        id: &str,
        config: &Value,
        coordinator_epoch: i64,
    ) -> Result<Written, MetaError> {
        let sets = [(c::Column::Config, Expr::val(json_text(config)))];
        self.write_as_coordinator("configure a component", id, &sets, coordinator_epoch)
            .await
    }

    /// A component reports: a heartbeat, and what is given.
    pub async fn report(self, id: &str, epoch: i64, report: Report) -> Result<Written, MetaError> {
        let (fence, sets) = report_write(id, epoch, report);
        self.0.write_fenced(fence, sets).await
    }

    /// Several components report at once, in one transaction; says of each whether it was written.
    /// Why one was not, its own [`Components::report`] says.
    pub async fn report_all(
        self,
        reports: Vec<(String, i64, Report)>,
    ) -> Result<Vec<bool>, MetaError> {
        let writes: Vec<_> = reports
            .into_iter()
            .map(|(id, epoch, report)| report_write(&id, epoch, report))
            .collect();
        let what = "reports of components";
        self.0.write_fenced_all(what, &writes).await
    }

    /// A new assignment: raises the component's epoch by one, so that whoever ran it before is
    /// fenced, and gives the new epoch. `node` moves it.
    pub async fn bump_epoch(
        self,
        id: &str,
        node: Option<&str>,
        coordinator_epoch: i64,
    ) -> Result<i64, MetaError> {
        let bumped = self.bump(id, node, coordinator_epoch, false).await?;
        bumped.ok_or_else(|| MetaError::not_found(TABLE, id))
    }

    /// As [`Components::bump_epoch`], for one that is started now: `None` where it shall not run any
    /// more. From here on its row does not say that it is at rest.
    pub async fn take_to_run(
        self,
        id: &str,
        node: &str,
        coordinator_epoch: i64,
    ) -> Result<Option<i64>, MetaError> {
        self.bump(id, Some(node), coordinator_epoch, true).await
    }

    async fn bump(
        self,
        id: &str,
        node: Option<&str>,
        coordinator_epoch: i64,
        to_run: bool,
    ) -> Result<Option<i64>, MetaError> {
        let what = "assign a component";
        for _ in 0..16 {
            let row = self.get(id).await?;
            if to_run && row.desired_status != DesiredStatus::Running {
                return Ok(None);
            }
            let found = row.epoch;
            let mut update = self.coordinators_update(id, coordinator_epoch);
            update
                .value(c::Column::Epoch, found + 1)
                .value(c::Column::GmtModified, now())
                .and_where(is(c::Column::Epoch, found));
            if let Some(node) = node {
                update.value(c::Column::Node, node);
            }
            if to_run {
                let running = DesiredStatus::Running.text();
                update
                    .value(c::Column::Status, ComponentStatus::Init.text())
                    .and_where(is(c::Column::DesiredStatus, running));
            }
            // Not known whether it was done: then another number is taken, and that is no harm.
            if self.0.execute(what, Twice::Harmful, &update).await? > 0 {
                return Ok(Some(found + 1));
            }
            self.not_by_coordinator(id, coordinator_epoch)
                .await?
                .map_or(Ok(()), |why| why.require(TABLE, id, coordinator_epoch))?;
        }
        Err(MetaError::Conflict {
            what: format!("{TABLE} row '{id}' is assigned by somebody else all the time"),
        })
    }

    /// The next number for a component's id, never given twice: `format!("{:010}", n)`.
    pub async fn next_sequence(self) -> Result<i64, MetaError> {
        self.0.configs().next("oms.sequence.component").await
    }

    /// The Coordinator removes a component, unless a newer one has written its project.
    pub async fn remove(self, id: &str, coordinator_epoch: i64) -> Result<bool, MetaError> {
        let delete = Query::delete()
            .from_table(c::Entity)
            .and_where(is(c::Column::Id, id))
            .and_where(
                Expr::col(c::Column::ProjectId).in_subquery(self.ours(id, coordinator_epoch)),
            )
            .to_owned();
        let what = "delete a component";
        let gone = self.0.execute(what, Twice::Harmless, &delete).await?;
        Ok(gone > 0)
    }

    /// Removes a component that is stopped for good.
    pub async fn delete(self, id: &str, epoch: i64) -> Result<bool, MetaError> {
        let delete = Query::delete()
            .from_table(c::Entity)
            .and_where(is(c::Column::Id, id))
            .and_where(Expr::col(c::Column::Epoch).lte(epoch))
            .to_owned();
        let gone = self
            .0
            .execute("delete a component", Twice::Harmless, &delete)
            .await?;
        Ok(gone > 0)
    }

    async fn list_where(
        self,
        column: c::Column,
        value: &str,
    ) -> Result<Vec<Row<Component>>, MetaError> {
        let select = c::Entity::find()
            .filter(column.eq(value))
            .order_by_asc(c::Column::GmtCreated)
            .order_by_asc(c::Column::Id);
        self.0.rows("list components", select).await
    }

    /// The component's project, while no newer Coordinator has written it.
    fn ours(self, id: &str, coordinator_epoch: i64) -> SelectStatement {
        let mut ours = Query::select();
        ours.column((p::Entity, p::Column::Id))
            .from(p::Entity)
            .and_where(Expr::col((p::Entity, p::Column::Epoch)).lte(coordinator_epoch));
        if self.0.write.get_database_backend() == DbBackend::Postgres {
            let project = Query::select()
                .column((c::Entity, c::Column::ProjectId))
                .from(c::Entity)
                .and_where(Expr::col((c::Entity, c::Column::Id)).eq(id))
                .to_owned();
            ours.and_where(Expr::col((p::Entity, p::Column::Id)).in_subquery(project))
                .lock(LockType::Share);
        }
        ours
    }

    /// An update of a component behind the epoch of its project.
    ///
    /// MySQL locks the project's row while it looks, SQLite has one writer. PostgreSQL is told to lock
    /// it: else a newer Coordinator's claim could be committed between the look and the write.
    fn coordinators_update(
        self,
        id: &str,
        coordinator_epoch: i64,
    ) -> sea_orm::sea_query::UpdateStatement {
        let ours = self.ours(id, coordinator_epoch);
        Query::update()
            .table(c::Entity)
            .and_where(is(c::Column::Id, id))
            .and_where(Expr::col(c::Column::ProjectId).in_subquery(ours))
            .to_owned()
    }

    async fn write_as_coordinator(
        self,
        what: &'static str,
        id: &str,
        sets: &[(c::Column, Expr)],
        coordinator_epoch: i64,
    ) -> Result<Written, MetaError> {
        let mut update = self.coordinators_update(id, coordinator_epoch);
        update
            .values(sets.iter().cloned())
            .value(c::Column::GmtModified, now());
        if self.0.execute(what, Twice::Harmless, &update).await? > 0 {
            return Ok(Written::Applied);
        }
        let why = self.not_by_coordinator(id, coordinator_epoch).await?;
        Ok(why.unwrap_or(Written::NotFound))
    }

    /// Why the Coordinator could not write: a newer one, or no such component (or project).
    async fn not_by_coordinator(
        self,
        id: &str,
        coordinator_epoch: i64,
    ) -> Result<Option<Written>, MetaError> {
        let row = self
            .0
            .scalar_row("read a project's epoch", &project_epoch(id))
            .await?;
        let Some(row) = row else {
            return Ok(Some(Written::NotFound));
        };
        let found: i64 = row
            .try_get_by_index(0)
            .map_err(|error| MetaError::from_db("read a project's epoch", error))?;
        Ok((found > coordinator_epoch).then_some(Written::Fenced { found }))
    }
}

/// A new component's row.
pub(super) fn model(
    new: NewComponent,
    status: ComponentStatus,
    error: Option<&Value>,
) -> c::ActiveModel {
    let time = now();
    c::ActiveModel {
        id: Set(new.id),
        project_id: Set(new.project_id),
        step_id: Set(new.step_id),
        component_type: Set(new.kind.text()),
        status: Set(status.text()),
        desired_status: Set(new.desired_status.text()),
        node: Set(new.node),
        epoch: Set(0),
        attempt: Set(0),
        config: Set(json_text(&new.config)),
        checkpoint: Set(json_text(&new.checkpoint)),
        progress: Set(empty()),
        error: Set(error.map(json_text)),
        latest_heartbeat: Set(None),
        gmt_created: Set(time),
        gmt_modified: Set(time),
    }
}

/// A report as a write behind the component's own epoch.
fn report_write(id: &str, epoch: i64, report: Report) -> (Fence<c::Entity>, Sets<c::Entity>) {
    let time = now();
    let sets = Sets::<c::Entity>::new()
        .set_some(c::Column::Status, report.status.map(|s| s.text()))
        .set_some(c::Column::Attempt, report.attempt)
        .set_some(
            c::Column::Checkpoint,
            report.checkpoint.as_ref().map(json_text),
        )
        .set_some(c::Column::Progress, report.progress.as_ref().map(json_text))
        .set_some(
            c::Column::Error,
            report.error.map(|error| error.as_ref().map(json_text)),
        )
        .set(c::Column::LatestHeartbeat, time)
        .set(c::Column::GmtModified, time);
    let fence = Fence {
        what: "report of a component",
        key: Condition::all().add(is(c::Column::Id, id)),
        epoch_column: c::Column::Epoch,
        epoch,
        only_if: None,
    };
    (fence, sets)
}

fn project_epoch(component_id: &str) -> SelectStatement {
    Query::select()
        .column((p::Entity, p::Column::Epoch))
        .from(c::Entity)
        .inner_join(
            p::Entity,
            Expr::col((p::Entity, p::Column::Id)).equals((c::Entity, c::Column::ProjectId)),
        )
        .and_where(Expr::col((c::Entity, c::Column::Id)).eq(component_id))
        .to_owned()
}
