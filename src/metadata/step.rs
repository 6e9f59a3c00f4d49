//! `oms_step`.

use chrono::NaiveDateTime;
use entity::oms_step as s;
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, Set, sea_query::InsertStatement,
};
use serde_json::Value;

use super::{
    MetaError, Metadata, Row, StateText, StepName, StepStatus, Written,
    access::{Fence, FromModel, Sets, insert_statement, is},
    retry::Twice,
    row::{Cells, empty, id_or_new, json_text, now, stamp},
};

/// A step of a project.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// `s_…`; the `task_group` of its tasks.
    pub id: String,
    /// The project.
    pub project_id: String,
    /// 1 for the first.
    pub order: i32,
    /// Which step.
    pub name: StepName,
    /// Where it is.
    pub status: StepStatus,
    /// 0 to 100.
    pub progress: i32,
    /// Must be confirmed by the user.
    pub interactive: bool,
    /// Component ids, rows, rates, checkpoints; an empty object: make the components anew.
    pub step_info: Value,
    /// The last error.
    pub extra_info: Value,
    /// When it ran first, UTC.
    pub start_time: Option<NaiveDateTime>,
    /// When it was finished or began to monitor, UTC.
    pub finish_time: Option<NaiveDateTime>,
    /// The newest Coordinator that wrote it.
    pub epoch: i64,
    /// When it was made, UTC.
    pub gmt_created: NaiveDateTime,
    /// When `oms` wrote it last, UTC.
    pub gmt_modified: NaiveDateTime,
}

impl FromModel for Step {
    type Entity = s::Entity;

    fn from_model(row: s::Model) -> Row<Self> {
        let cells = Cells {
            table: "oms_step",
            id: &row.id,
        };
        Ok(Self {
            name: cells.state("step_name", &row.step_name)?,
            status: cells.state("step_status", &row.step_status)?,
            progress: cells.within("progress", row.progress, 0, 100)?,
            step_info: cells.object("step_info", &row.step_info)?,
            extra_info: cells.object("extra_info", &row.extra_info)?,
            id: row.id,
            project_id: row.project_id,
            order: row.step_order,
            interactive: row.interactive,
            start_time: row.start_time,
            finish_time: row.finish_time,
            epoch: row.epoch,
            gmt_created: row.gmt_created,
            gmt_modified: row.gmt_modified,
        })
    }
}

/// A step to be made, in `INIT`.
#[derive(Clone, Debug)]
pub struct NewStep {
    /// `s_…`; `None`: a new one.
    pub id: Option<String>,
    /// 1 for the first.
    pub order: i32,
    /// Which step.
    pub name: StepName,
    /// Must be confirmed by the user.
    pub interactive: bool,
}

/// What to write of a step; `None` leaves as it is.
#[derive(Clone, Debug, Default)]
pub struct StepUpdate {
    /// Write only if the step is in this state, so that an operator's edit in between is seen.
    pub only_if: Option<StepStatus>,
    /// The new state.
    pub status: Option<StepStatus>,
    /// 0 to 100; more or less is cut.
    pub progress: Option<i32>,
    /// Replaces `step_info`.
    pub step_info: Option<Value>,
    /// Replaces `extra_info`.
    pub extra_info: Option<Value>,
    /// When it ran first.
    pub start_time: Option<NaiveDateTime>,
    /// When it was finished.
    pub finish_time: Option<NaiveDateTime>,
    /// Forgets `finish_time`, for a step that runs again.
    pub clear_finish_time: bool,
}

/// The repository of `oms_step`.
#[derive(Clone, Copy)]
pub struct Steps<'a>(pub(super) &'a Metadata);

impl Steps<'_> {
    /// The ids of the projects whose step of this name is in this state.
    pub async fn projects_at(
        self,
        name: StepName,
        status: StepStatus,
    ) -> Result<Vec<String>, MetaError> {
        let select = s::Entity::find()
            .filter(s::Column::StepName.eq(name.text()))
            .filter(s::Column::StepStatus.eq(status.text()));
        let rows = self.0.rows::<Step>("list steps", select).await?;
        Ok(rows.into_iter().flatten().map(|s| s.project_id).collect())
    }

    /// Makes the steps of a project; those that are there already stay as they are. Gives all steps
    /// of the project in order.
    pub async fn create_all(
        self,
        project_id: &str,
        steps: Vec<NewStep>,
    ) -> Result<Vec<Row<Step>>, MetaError> {
        if !steps.is_empty() {
            let insert = insert_steps(project_id, steps);
            self.0
                .execute("create steps", Twice::Harmless, &insert)
                .await?;
        }
        self.list(project_id).await
    }

    /// The steps of a project in order.
    pub async fn list(self, project_id: &str) -> Result<Vec<Row<Step>>, MetaError> {
        let select = s::Entity::find()
            .filter(s::Column::ProjectId.eq(project_id))
            .order_by_asc(s::Column::StepOrder);
        self.0.rows("list steps", select).await
    }

    /// The steps of several projects, those of each in their order.
    pub async fn list_all(self, projects: &[String]) -> Result<Vec<Row<Step>>, MetaError> {
        let select = s::Entity::find()
            .filter(s::Column::ProjectId.is_in(projects.iter().cloned()))
            .order_by_asc(s::Column::ProjectId)
            .order_by_asc(s::Column::StepOrder);
        self.0.rows("list steps", select).await
    }

    /// One step.
    pub async fn get(self, id: &str) -> Result<Step, MetaError> {
        let select = s::Entity::find_by_id(id);
        self.0.one("read a step", select, id).await
    }

    /// Writes what the update names, all at once.
    pub async fn update(
        self,
        id: &str,
        update: StepUpdate,
        epoch: i64,
    ) -> Result<Written, MetaError> {
        let (fence, sets) = write_of(id, update, epoch);
        self.0.write_fenced(fence, sets).await
    }
}

/// An update as a write behind the step's epoch.
pub(super) fn write_of(
    id: &str,
    update: StepUpdate,
    epoch: i64,
) -> (Fence<s::Entity>, Sets<s::Entity>) {
    let mut sets = Sets::<s::Entity>::new()
        .set_some(s::Column::StepStatus, update.status.map(|s| s.text()))
        .set_some(
            s::Column::Progress,
            update.progress.map(|p| p.clamp(0, 100)),
        )
        .set_some(
            s::Column::StepInfo,
            update.step_info.as_ref().map(json_text),
        )
        .set_some(
            s::Column::ExtraInfo,
            update.extra_info.as_ref().map(json_text),
        )
        .set_some(s::Column::StartTime, update.start_time.map(stamp))
        .set_some(s::Column::FinishTime, update.finish_time.map(stamp))
        .set(s::Column::GmtModified, now());
    if update.clear_finish_time && update.finish_time.is_none() {
        sets = sets.set(s::Column::FinishTime, None::<NaiveDateTime>);
    }
    let fence = Fence {
        what: "write a step",
        key: Condition::all().add(is(s::Column::Id, id)),
        epoch_column: s::Column::Epoch,
        epoch,
        only_if: update.only_if.map(|s| (s::Column::StepStatus, s.text())),
    };
    (fence, sets)
}

/// Makes steps that are not there yet, in `INIT`.
pub(super) fn insert_steps(project_id: &str, steps: Vec<NewStep>) -> InsertStatement {
    let time = now();
    let models = steps
        .into_iter()
        .map(|new| s::ActiveModel {
            id: Set(id_or_new(new.id, "s_")),
            project_id: Set(project_id.to_owned()),
            step_order: Set(new.order),
            step_name: Set(new.name.text()),
            step_status: Set(StepStatus::Init.text()),
            progress: Set(0),
            interactive: Set(new.interactive),
            step_info: Set(empty()),
            extra_info: Set(empty()),
            start_time: Set(None),
            finish_time: Set(None),
            epoch: Set(0),
            gmt_created: Set(time),
            gmt_modified: Set(time),
        })
        .collect();
    let key = [s::Column::ProjectId, s::Column::StepName];
    insert_statement::<s::Entity>(models, &key, &[])
}
