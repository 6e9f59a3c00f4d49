//! `oms_om_task`: O&M tasks. Their sub-tasks are rows of `oms_task`.

use chrono::NaiveDateTime;
use entity::{oms_om_task as o, oms_project as p, oms_task as t};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
    sea_query::{Alias, Expr, ExprTrait, Func, Query},
};
use serde_json::Value;

use super::{
    MetaError, Metadata, OmTaskStatus, OmTaskType, Row, StateText, TaskStatus, Written,
    access::{Fence, FromModel, Sets, is},
    retry::Twice,
    row::{Cells, empty, json_text, now, stamp},
};

const TABLE: &str = "oms_om_task";
const PREFIX: &str = "om_";

/// An O&M task.
#[derive(Clone, Debug, PartialEq)]
pub struct OmTask {
    /// `om_` and [`OmTask::number`]: the group of its sub-tasks.
    pub id: String,
    /// The project; empty: components of several.
    pub project_id: String,
    /// What is done.
    pub kind: OmTaskType,
    /// To what.
    pub name: String,
    /// Where it is.
    pub status: OmTaskStatus,
    /// The account's id.
    pub owner: Option<String>,
    /// What to do.
    pub task_info: Value,
    /// What was refused.
    pub extra_info: Value,
    /// The newest Coordinator that wrote it.
    pub epoch: i64,
    /// When it came to its end, UTC.
    pub finish_time: Option<NaiveDateTime>,
    /// When it was made, UTC.
    pub gmt_created: NaiveDateTime,
    /// When `oms` wrote it last, UTC.
    pub gmt_modified: NaiveDateTime,
}

impl OmTask {
    /// The API's id.
    pub fn number(&self) -> i64 {
        self.id
            .strip_prefix(PREFIX)
            .and_then(|digits| digits.parse().ok())
            .unwrap_or(0)
    }
}

impl FromModel for OmTask {
    type Entity = o::Entity;

    fn from_model(row: o::Model) -> Row<Self> {
        let cells = Cells {
            table: TABLE,
            id: &row.id,
        };
        Ok(Self {
            kind: cells.state("task_type", &row.task_type)?,
            status: cells.state("task_status", &row.task_status)?,
            task_info: cells.object("task_info", &row.task_info)?,
            extra_info: cells.object("extra_info", &row.extra_info)?,
            id: row.id,
            project_id: row.project_id,
            name: row.task_name,
            owner: row.owner,
            epoch: row.epoch,
            finish_time: row.finish_time,
            gmt_created: row.gmt_created,
            gmt_modified: row.gmt_modified,
        })
    }
}

/// An O&M task to be made, in `INITIALIZING`.
#[derive(Clone, Debug)]
pub struct NewOmTask {
    /// The project; empty: components of several.
    pub project_id: String,
    /// What is done.
    pub kind: OmTaskType,
    /// To what.
    pub name: String,
    /// The account's id.
    pub owner: Option<String>,
    /// What to do.
    pub task_info: Value,
}

/// Which O&M tasks to list; nothing: all.
#[derive(Clone, Debug, Default)]
pub struct OmTaskFilter {
    /// Of this project.
    pub project_id: Option<String>,
    /// In one of these states.
    pub statuses: Vec<OmTaskStatus>,
    /// Of one of these owners, or about a project of theirs. `None`: whoever's.
    pub owners: Option<Vec<String>>,
}

/// The repository of `oms_om_task`.
#[derive(Clone, Copy)]
pub struct OmTasks<'a>(pub(super) &'a Metadata);

impl OmTasks<'_> {
    /// The row's id of a task that the API calls by its number.
    pub fn id_of(number: i64) -> String {
        format!("{PREFIX}{number}")
    }

    /// Makes a task.
    pub async fn create(self, new: NewOmTask) -> Result<OmTask, MetaError> {
        let number = self.0.configs().next("oms.sequence.om_task").await?;
        let (id, time) = (Self::id_of(number), now());
        let model = o::ActiveModel {
            id: Set(id.clone()),
            project_id: Set(new.project_id),
            task_type: Set(new.kind.text()),
            task_name: Set(new.name),
            task_status: Set(OmTaskStatus::Initializing.text()),
            owner: Set(new.owner),
            task_info: Set(json_text(&new.task_info)),
            extra_info: Set(empty()),
            epoch: Set(0),
            finish_time: Set(None),
            gmt_created: Set(time),
            gmt_modified: Set(time),
        };
        self.0
            .insert_new::<o::Entity>("create an O&M task", vec![model], &[o::Column::Id])
            .await?;
        self.get(&id).await
    }

    /// One task.
    pub async fn get(self, id: &str) -> Result<OmTask, MetaError> {
        let select = o::Entity::find_by_id(id);
        self.0.one("read an O&M task", select, id).await
    }

    /// The tasks that something is to be done about, the oldest first: those that are not at their end,
    /// those that failed and have a sub-task that may run now, and those whose state is none.
    pub async fn open(self) -> Result<Vec<Row<OmTask>>, MetaError> {
        use OmTaskStatus as S;
        let open = [S::Initializing, S::Ready, S::InProgress].map(|s| s.text());
        let failed = Alias::new("f");
        let blocked = Query::select()
            .expr(Expr::val(1))
            .from_as(t::Entity, failed.clone())
            .and_where(
                Expr::col((failed.clone(), t::Column::TaskGroup))
                    .equals((t::Entity, t::Column::TaskGroup)),
            )
            .and_where(
                Expr::col((failed.clone(), t::Column::TaskName))
                    .equals((t::Entity, t::Column::TaskName)),
            )
            .and_where(Expr::col((failed, t::Column::TaskStatus)).eq(TaskStatus::Failed.text()))
            .to_owned();
        let waiting = Query::select()
            .expr(Expr::val(1))
            .from(t::Entity)
            .and_where(
                Expr::col((t::Entity, t::Column::TaskGroup)).equals((o::Entity, o::Column::Id)),
            )
            .and_where(Expr::col((t::Entity, t::Column::TaskStatus)).eq(TaskStatus::Pending.text()))
            .and_where(
                Expr::col((t::Entity, t::Column::RetryCount))
                    .lte(Expr::col((t::Entity, t::Column::MaxRetryCount))),
            )
            .and_where(Expr::exists(blocked).not())
            .to_owned();
        let again = Condition::all()
            .add(o::Column::TaskStatus.eq(S::Failed.text()))
            .add(Expr::exists(waiting));
        let select = o::Entity::find()
            .filter(
                Condition::any()
                    .add(o::Column::TaskStatus.is_in(open))
                    .add(o::Column::TaskStatus.is_not_in(S::allowed()))
                    .add(again),
            )
            .order_by_asc(o::Column::GmtCreated)
            .order_by_asc(o::Column::Id);
        self.0.rows("list open O&M tasks", select).await
    }

    /// Tasks, the newest first, and how many there are without the limit.
    pub async fn list(
        self,
        filter: &OmTaskFilter,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<Row<OmTask>>, u64), MetaError> {
        let what = "list O&M tasks";
        let select = o::Entity::find()
            .filter(condition(filter))
            .order_by_desc(o::Column::GmtCreated)
            .order_by_desc(o::Column::Id)
            .offset(offset)
            .limit(limit);
        let rows = self.0.rows(what, select).await?;
        let count = Query::select()
            .expr(Func::count(Expr::col(o::Column::Id)))
            .from(o::Entity)
            .cond_where(condition(filter))
            .to_owned();
        let total = match self.0.scalar_row(what, &count).await? {
            Some(row) => row
                .try_get_by_index::<i64>(0)
                .map_err(|error| MetaError::from_db(what, error))?,
            None => 0,
        };
        Ok((rows, total.unsigned_abs()))
    }

    /// As [`Projects::claim`](super::Projects::claim), for the O&M tasks of a project, and for those of
    /// several: one of them may be of it.
    pub(super) async fn claim(self, project_id: &str, epoch: i64) -> Result<(), MetaError> {
        let what = "take a project's O&M tasks over";
        let of_it = || Expr::col(o::Column::ProjectId).is_in([project_id, ""]);
        let tasks = Query::update()
            .table(o::Entity)
            .value(o::Column::Epoch, epoch)
            .and_where(of_it())
            .and_where(Expr::col(o::Column::Epoch).lt(epoch))
            .to_owned();
        self.0.execute(what, Twice::Harmless, &tasks).await?;
        let groups = Query::select()
            .column(o::Column::Id)
            .from(o::Entity)
            .and_where(of_it())
            .to_owned();
        let subs = Query::update()
            .table(t::Entity)
            .value(t::Column::Epoch, epoch)
            .and_where(Expr::col(t::Column::TaskGroup).in_subquery(groups))
            .and_where(Expr::col(t::Column::Epoch).lt(epoch))
            .to_owned();
        self.0.execute(what, Twice::Harmless, &subs).await?;
        Ok(())
    }

    /// Deletes the tasks about components of several projects that have been at their end since before a
    /// time (UTC), with their sub-tasks. Those of one project go with it.
    pub async fn forget(self, before: NaiveDateTime) -> Result<(), MetaError> {
        let what = "delete old O&M tasks";
        let ends = [OmTaskStatus::Successful, OmTaskStatus::Failed].map(|s| s.text());
        let old = || {
            Condition::all()
                .add(o::Column::ProjectId.eq(""))
                .add(o::Column::TaskStatus.is_in(ends.clone()))
                .add(o::Column::FinishTime.lt(stamp(before)))
        };
        let groups = Query::select()
            .column(o::Column::Id)
            .from(o::Entity)
            .cond_where(old())
            .to_owned();
        let subs = Query::delete()
            .from_table(t::Entity)
            .and_where(Expr::col(t::Column::TaskGroup).in_subquery(groups))
            .to_owned();
        self.0.execute(what, Twice::Harmless, &subs).await?;
        let tasks = Query::delete()
            .from_table(o::Entity)
            .cond_where(old())
            .to_owned();
        self.0
            .execute(what, Twice::Harmless, &tasks)
            .await
            .map(drop)
    }

    /// Sets the state; one that is an end gets its time.
    pub async fn set_status(
        self,
        id: &str,
        status: OmTaskStatus,
        epoch: i64,
    ) -> Result<Written, MetaError> {
        let ends = matches!(status, OmTaskStatus::Successful | OmTaskStatus::Failed);
        let sets = Sets::new()
            .set(o::Column::TaskStatus, status.text())
            .set(o::Column::FinishTime, ends.then(now))
            .set(o::Column::GmtModified, now());
        self.write("write an O&M task", id, sets, epoch).await
    }

    /// Replaces `extra_info`.
    pub async fn set_extra_info(
        self,
        id: &str,
        extra: &Value,
        epoch: i64,
    ) -> Result<Written, MetaError> {
        let sets = Sets::new()
            .set(o::Column::ExtraInfo, json_text(extra))
            .set(o::Column::GmtModified, now());
        self.write("explain an O&M task", id, sets, epoch).await
    }

    async fn write(
        self,
        what: &'static str,
        id: &str,
        sets: Sets<o::Entity>,
        epoch: i64,
    ) -> Result<Written, MetaError> {
        let fence = Fence {
            what,
            key: Condition::all().add(is(o::Column::Id, id)),
            epoch_column: o::Column::Epoch,
            epoch,
            only_if: None,
        };
        self.0.write_fenced(fence, sets).await
    }
}

fn condition(filter: &OmTaskFilter) -> Condition {
    let mut all = Condition::all();
    if let Some(project) = &filter.project_id {
        all = all.add(o::Column::ProjectId.eq(project.as_str()));
    }
    if !filter.statuses.is_empty() {
        let texts: Vec<String> = filter.statuses.iter().map(|s| s.text()).collect();
        all = all.add(o::Column::TaskStatus.is_in(texts));
    }
    if let Some(owners) = &filter.owners {
        let projects = Query::select()
            .column((p::Entity, p::Column::Id))
            .from(p::Entity)
            .and_where(p::Column::Owner.is_in(owners.iter().cloned()))
            .to_owned();
        all = all.add(
            Condition::any()
                .add(o::Column::Owner.is_in(owners.iter().cloned()))
                .add(o::Column::ProjectId.in_subquery(projects)),
        );
    }
    all
}
