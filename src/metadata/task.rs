//! `oms_task`.

use chrono::NaiveDateTime;
use entity::oms_task as t;
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, Set, sea_query::Query,
};
use serde_json::Value;

use super::{
    MetaError, Metadata, Row, StateText, TaskStatus, Written,
    access::{Fence, FromModel, Sets, is},
    retry::Twice,
    row::{Cells, empty, id_or_new, json_text, now},
};

const TABLE: &str = "oms_task";

/// A task of a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// `t_…`.
    pub id: String,
    /// The step's id.
    pub group: String,
    /// What is to be done.
    pub kind: String,
    /// The object it is about.
    pub name: String,
    /// Where it is.
    pub status: TaskStatus,
    /// How often it was tried again.
    pub retry_count: i32,
    /// Above this it waits for a person.
    pub max_retry_count: i32,
    /// What to do, and what was done.
    pub task_info: Value,
    /// The last error.
    pub extra_info: Value,
    /// The newest Coordinator that wrote it.
    pub epoch: i64,
    /// When it was made, UTC.
    pub gmt_created: NaiveDateTime,
    /// When `oms` wrote it last, UTC.
    pub gmt_modified: NaiveDateTime,
}

impl Task {
    /// May the scheduler run it by itself.
    pub fn may_retry(&self) -> bool {
        self.retry_count <= self.max_retry_count
    }
}

impl FromModel for Task {
    type Entity = t::Entity;

    fn from_model(row: t::Model) -> Row<Self> {
        let cells = Cells {
            table: TABLE,
            id: &row.id,
        };
        Ok(Self {
            status: cells.state("task_status", &row.task_status)?,
            task_info: cells.object("task_info", &row.task_info)?,
            extra_info: cells.object("extra_info", &row.extra_info)?,
            id: row.id,
            group: row.task_group,
            kind: row.task_type,
            name: row.task_name,
            retry_count: row.retry_count,
            max_retry_count: row.max_retry_count,
            epoch: row.epoch,
            gmt_created: row.gmt_created,
            gmt_modified: row.gmt_modified,
        })
    }
}

/// A task to be made, in `PENDING`.
#[derive(Clone, Debug)]
pub struct NewTask {
    /// `t_…`; `None`: a new one.
    pub id: Option<String>,
    /// The step's id.
    pub group: String,
    /// What is to be done.
    pub kind: String,
    /// The object it is about.
    pub name: String,
    /// Above this it waits for a person; `None`: 3.
    pub max_retry_count: Option<i32>,
    /// What to do.
    pub task_info: Value,
}

/// What to write of a task; `None` leaves as it is.
#[derive(Clone, Debug, Default)]
pub struct TaskUpdate {
    /// Write only if the task is in this state, so that an operator's edit in between is seen.
    pub only_if: Option<TaskStatus>,
    /// The new state.
    pub status: Option<TaskStatus>,
    /// The new count.
    pub retry_count: Option<i32>,
    /// Replaces `task_info`.
    pub task_info: Option<Value>,
    /// Replaces `extra_info`.
    pub extra_info: Option<Value>,
}

/// The repository of `oms_task`.
#[derive(Clone, Copy)]
pub struct Tasks<'a>(pub(super) &'a Metadata);

impl Tasks<'_> {
    /// Makes a task, or gives the one that is there for this group, kind and name, as it is.
    pub async fn upsert(self, new: NewTask) -> Result<Task, MetaError> {
        let select = t::Entity::find()
            .filter(t::Column::TaskGroup.eq(&new.group))
            .filter(t::Column::TaskType.eq(&new.kind))
            .filter(t::Column::TaskName.eq(&new.name));
        let id = format!("{}/{}/{}", new.group, new.kind, new.name);
        self.upsert_all(vec![new]).await?;
        self.0.one("read a task", select, &id).await
    }

    /// Makes tasks; those that are there already stay as they are.
    pub async fn upsert_all(self, tasks: Vec<NewTask>) -> Result<(), MetaError> {
        let time = now();
        let models = tasks
            .into_iter()
            .map(|new| t::ActiveModel {
                id: Set(id_or_new(new.id, "t_")),
                task_group: Set(new.group),
                task_type: Set(new.kind),
                task_name: Set(new.name),
                task_status: Set(TaskStatus::Pending.text()),
                retry_count: Set(0),
                max_retry_count: Set(new.max_retry_count.unwrap_or(3)),
                task_info: Set(json_text(&new.task_info)),
                extra_info: Set(empty()),
                epoch: Set(0),
                gmt_created: Set(time),
                gmt_modified: Set(time),
            })
            .collect();
        let key = [
            t::Column::TaskGroup,
            t::Column::TaskType,
            t::Column::TaskName,
        ];
        self.0
            .insert_new::<t::Entity>("create tasks", models, &key)
            .await
    }

    /// The tasks of a step, in the order of their kind and name.
    pub async fn list(self, group: &str) -> Result<Vec<Row<Task>>, MetaError> {
        let select = t::Entity::find()
            .filter(t::Column::TaskGroup.eq(group))
            .order_by_asc(t::Column::TaskType)
            .order_by_asc(t::Column::TaskName);
        self.0.rows("list tasks", select).await
    }

    /// The tasks of several groups.
    pub async fn list_groups(self, groups: &[String]) -> Result<Vec<Row<Task>>, MetaError> {
        let select = t::Entity::find()
            .filter(t::Column::TaskGroup.is_in(groups.iter().cloned()))
            .order_by_asc(t::Column::TaskGroup)
            .order_by_asc(t::Column::TaskName);
        self.0.rows("list tasks", select).await
    }

    /// The tasks that somebody must do something about: those of the steps `at_rest` that are
    /// `PENDING` or `FAILED`, and those of all the steps whose state is none; and all tasks of the steps
    /// `whole`.
    pub async fn open(
        self,
        steps: &[String],
        at_rest: &[String],
        whole: &[String],
    ) -> Result<Vec<Row<Task>>, MetaError> {
        let open = [TaskStatus::Pending, TaskStatus::Failed].map(|s| s.text());
        let groups = |ids: &[String]| t::Column::TaskGroup.is_in(ids.iter().cloned());
        let waiting = Condition::all()
            .add(groups(at_rest))
            .add(t::Column::TaskStatus.is_in(open));
        let nonsense = Condition::all()
            .add(groups(steps))
            .add(t::Column::TaskStatus.is_not_in(TaskStatus::allowed()));
        let select = t::Entity::find()
            .filter(
                Condition::any()
                    .add(waiting)
                    .add(nonsense)
                    .add(groups(whole)),
            )
            .order_by_asc(t::Column::TaskType)
            .order_by_asc(t::Column::TaskName);
        self.0.rows("list open tasks", select).await
    }

    /// One task.
    pub async fn get(self, id: &str) -> Result<Task, MetaError> {
        let select = t::Entity::find_by_id(id);
        self.0.one("read a task", select, id).await
    }

    /// Sets the state, and what else is given.
    pub async fn set_status(
        self,
        id: &str,
        status: TaskStatus,
        task_info: Option<Value>,
        extra_info: Option<Value>,
        epoch: i64,
    ) -> Result<Written, MetaError> {
        let update = TaskUpdate {
            status: Some(status),
            task_info,
            extra_info,
            ..TaskUpdate::default()
        };
        self.update(id, update, epoch).await
    }

    /// Writes what the update names, all at once.
    pub async fn update(
        self,
        id: &str,
        update: TaskUpdate,
        epoch: i64,
    ) -> Result<Written, MetaError> {
        let sets = Sets::new()
            .set_some(t::Column::TaskStatus, update.status.map(|s| s.text()))
            .set_some(t::Column::RetryCount, update.retry_count)
            .set_some(
                t::Column::TaskInfo,
                update.task_info.as_ref().map(json_text),
            )
            .set_some(
                t::Column::ExtraInfo,
                update.extra_info.as_ref().map(json_text),
            );
        let only_if = update.only_if.map(|s| (t::Column::TaskStatus, s.text()));
        self.write("write a task", id, sets, only_if, epoch).await
    }

    /// Counts one more retry and gives the new count; counts once even if the answer of the database
    /// is lost on the way.
    pub async fn increment_retry(self, id: &str, epoch: i64) -> Result<i32, MetaError> {
        let count = self.get(id).await?.retry_count.saturating_add(1);
        let sets = Sets::new().set(t::Column::RetryCount, count);
        self.write("count a retry", id, sets, None, epoch)
            .await?
            .require(TABLE, id, epoch)?;
        Ok(count)
    }

    /// Makes a task run again as if it were new: `PENDING`, no retries, no error.
    pub async fn reset(self, id: &str, epoch: i64) -> Result<Written, MetaError> {
        let sets = Sets::new()
            .set(t::Column::TaskStatus, TaskStatus::Pending.text())
            .set(t::Column::RetryCount, 0)
            .set(t::Column::ExtraInfo, empty());
        self.write("reset a task", id, sets, None, epoch).await
    }

    /// Removes the tasks of a step that is made anew; those with a newer epoch stay.
    pub async fn delete_group(self, group: &str, epoch: i64) -> Result<u64, MetaError> {
        let delete = Query::delete()
            .from_table(t::Entity)
            .and_where(is(t::Column::TaskGroup, group))
            .and_where(sea_orm::sea_query::ExprTrait::lte(
                sea_orm::sea_query::Expr::col(t::Column::Epoch),
                epoch,
            ))
            .to_owned();
        self.0
            .execute("delete tasks", Twice::Harmless, &delete)
            .await
    }

    async fn write(
        self,
        what: &'static str,
        id: &str,
        sets: Sets<t::Entity>,
        only_if: Option<(t::Column, String)>,
        epoch: i64,
    ) -> Result<Written, MetaError> {
        let fence = Fence {
            what,
            key: Condition::all().add(is(t::Column::Id, id)),
            epoch_column: t::Column::Epoch,
            epoch,
            only_if,
        };
        let sets = sets.set(t::Column::GmtModified, now());
        self.0.write_fenced(fence, sets).await
    }
}
