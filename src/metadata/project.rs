//! `oms_project`.

use chrono::NaiveDateTime;
use entity::{oms_project as p, oms_step as s, oms_task as t};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
    sea_query::{Expr, ExprTrait, InsertStatement, Query},
};
use serde_json::Value;

use super::{
    AlarmLevel, MetaError, Metadata, NewStep, ProjectStatus, ProjectType, Row, StateText, Written,
    access::{Fence, FromModel, Sets, insert_statement, is},
    label::give,
    retry::{Twice, retry},
    row::{Cells, json_text, now},
    step::insert_steps,
};

/// A project.
#[derive(Clone, Debug, PartialEq)]
pub struct Project {
    /// `np_…`.
    pub id: String,
    /// Unique among the projects that are not deleted.
    pub name: String,
    /// Where it is.
    pub status: ProjectStatus,
    /// What kind.
    pub kind: ProjectType,
    /// The source's data source.
    pub source_id: String,
    /// The target's data source.
    pub target_id: String,
    /// Objects and options.
    pub config: Value,
    /// How much its trouble matters.
    pub alarm_level: AlarmLevel,
    /// Running step, last error.
    pub extra_info: Value,
    /// The newest Coordinator that wrote it.
    pub epoch: i64,
    /// When it was made, UTC.
    pub gmt_created: NaiveDateTime,
    /// When `oms` wrote it last, UTC.
    pub gmt_modified: NaiveDateTime,
    /// Whose it is, an account's id; `None`: `ROOT`'s.
    pub owner: Option<String>,
    /// Of a sub-project: the project that its tables go to.
    pub parent: Option<String>,
}

impl FromModel for Project {
    type Entity = p::Entity;

    fn from_model(row: p::Model) -> Row<Self> {
        let cells = Cells {
            table: "oms_project",
            id: &row.id,
        };
        Ok(Self {
            status: cells.state("project_status", &row.project_status)?,
            kind: cells.state("project_type", &row.project_type)?,
            alarm_level: cells.state("alarm_level", &row.alarm_level)?,
            config: cells.object("config", &row.config)?,
            extra_info: cells.object("extra_info", &row.extra_info)?,
            id: row.id,
            name: row.project_name,
            source_id: row.source_id,
            target_id: row.target_id,
            epoch: row.epoch,
            gmt_created: row.gmt_created,
            gmt_modified: row.gmt_modified,
            owner: row.owner,
            parent: row.parent_id,
        })
    }
}

/// A project to be made.
#[derive(Clone, Debug)]
pub struct NewProject {
    /// `np_…`, see [`super::new_id`].
    pub id: String,
    /// The user's name for it.
    pub name: String,
    /// What kind.
    pub kind: ProjectType,
    /// The source's data source.
    pub source_id: String,
    /// The target's data source.
    pub target_id: String,
    /// Objects and options; no secret.
    pub config: Value,
    /// How much its trouble matters.
    pub alarm_level: AlarmLevel,
}

/// Which projects to list.
#[derive(Clone, Debug, Default)]
pub struct ProjectFilter {
    /// A part of the name or the id.
    pub search: Option<String>,
    /// One of these states; empty: every state but `DELETED`.
    pub statuses: Vec<ProjectStatus>,
    /// Sub-projects too.
    pub children: bool,
    /// The sub-projects of this one only.
    pub parent: Option<String>,
    /// None of these states, whatever else stands there: nonsense is listed too.
    pub except: Vec<ProjectStatus>,
    /// This kind only.
    pub kind: Option<ProjectType>,
    /// How many to leave out at the beginning.
    pub offset: u64,
    /// How many at most; 0: all.
    pub limit: u64,
}

/// The repository of `oms_project`.
#[derive(Clone, Copy)]
pub struct Projects<'a>(pub(super) &'a Metadata);

impl Projects<'_> {
    /// Makes a project in `INIT`. The same id again gives the project as it is; a name that another
    /// living project has is a [`MetaError::Conflict`].
    pub async fn create(self, new: NewProject) -> Result<Project, MetaError> {
        self.create_whole(new, None, Vec::new(), &[]).await
    }

    /// As [`Projects::create`]: a sub-project of `parent`, which belongs to whom the parent does.
    pub async fn create_child(
        self,
        new: NewProject,
        parent: &Project,
    ) -> Result<Project, MetaError> {
        let mut model = model(&new, parent.owner.as_deref());
        model.parent_id = Set(Some(parent.id.clone()));
        self.insert(new, model).await
    }

    /// As [`Projects::create`], for an account, with its steps and labels: all of it or nothing.
    pub async fn create_whole(
        self,
        new: NewProject,
        owner: Option<&str>,
        steps: Vec<NewStep>,
        labels: &[String],
    ) -> Result<Project, MetaError> {
        let model = model(&new, owner);
        let steps = (!steps.is_empty()).then(|| insert_steps(&new.id, steps));
        let more = steps.into_iter().chain(give(&new.id, labels));
        self.insert_with(new, model, more.collect()).await
    }

    async fn insert(self, new: NewProject, model: p::ActiveModel) -> Result<Project, MetaError> {
        self.insert_with(new, model, Vec::new()).await
    }

    async fn insert_with(
        self,
        new: NewProject,
        model: p::ActiveModel,
        more: Vec<InsertStatement>,
    ) -> Result<Project, MetaError> {
        let what = "create a project";
        let same_name = same_name(&new.id, &new.name);
        let project = insert_statement::<p::Entity>(vec![model], &[p::Column::Id], &[]);
        let taken = retry(what, Twice::Harmless, || async {
            // The name is looked for and taken under SQLite's write lock.
            let transaction = self.0.begin().await?;
            let taken = same_name.clone().one(&transaction).await?;
            if taken.is_none() {
                for insert in std::iter::once(&project).chain(&more) {
                    sea_orm::ConnectionTrait::execute(&transaction, insert).await?;
                }
            }
            transaction.commit().await?;
            Ok(taken)
        })
        .await?;
        match taken {
            Some(other) => Err(taken_by(&other, &new.name)),
            None => self.get(&new.id).await,
        }
    }

    /// Gives a project another name; one that another living project has is a
    /// [`MetaError::Conflict`].
    pub async fn rename(self, id: &str, name: &str, epoch: i64) -> Result<Written, MetaError> {
        let what = "look for a project's name";
        let same_name = same_name(id, name);
        let other = retry(what, Twice::Harmless, || {
            same_name.clone().one(&self.0.write)
        });
        if let Some(other) = other.await? {
            return Err(taken_by(&other, name));
        }
        let sets = Sets::new().set(p::Column::ProjectName, name);
        self.write("rename a project", id, sets, epoch).await
    }

    /// Sets how loud its alerts are.
    pub async fn set_alarm_level(
        self,
        id: &str,
        level: AlarmLevel,
        epoch: i64,
    ) -> Result<Written, MetaError> {
        let sets = Sets::new().set(p::Column::AlarmLevel, level.text());
        self.write("set a project's alert level", id, sets, epoch)
            .await
    }

    /// One project.
    pub async fn get(self, id: &str) -> Result<Project, MetaError> {
        let select = p::Entity::find_by_id(id);
        self.0.one("read a project", select, id).await
    }

    /// The living project with this name.
    pub async fn find_by_name(self, name: &str) -> Result<Option<Row<Project>>, MetaError> {
        let select = p::Entity::find()
            .filter(p::Column::ProjectName.eq(name))
            .filter(p::Column::ProjectStatus.ne(ProjectStatus::Deleted.text()));
        self.0.maybe("find a project", select).await
    }

    /// These projects.
    pub async fn list_ids(self, ids: &[String]) -> Result<Vec<Row<Project>>, MetaError> {
        let select = p::Entity::find().filter(p::Column::Id.is_in(ids.iter().cloned()));
        self.0.rows("list projects", select).await
    }

    /// Projects, the newest first.
    pub async fn list(self, filter: &ProjectFilter) -> Result<Vec<Row<Project>>, MetaError> {
        let mut select = p::Entity::find()
            .order_by_desc(p::Column::GmtCreated)
            .order_by_desc(p::Column::Id);
        select = if !filter.except.is_empty() {
            let texts = filter.except.iter().map(StateText::text);
            select.filter(p::Column::ProjectStatus.is_not_in(texts))
        } else if filter.statuses.is_empty() {
            select.filter(p::Column::ProjectStatus.ne(ProjectStatus::Deleted.text()))
        } else {
            let texts = filter.statuses.iter().map(StateText::text);
            select.filter(p::Column::ProjectStatus.is_in(texts))
        };
        if let Some(parent) = &filter.parent {
            select = select.filter(p::Column::ParentId.eq(parent));
        } else if !filter.children && filter.except.is_empty() {
            select = select.filter(p::Column::ParentId.is_null());
        }
        if let Some(kind) = filter.kind {
            select = select.filter(p::Column::ProjectType.eq(kind.text()));
        }
        if let Some(search) = &filter.search {
            let found = Condition::any()
                .add(p::Column::ProjectName.contains(search))
                .add(p::Column::Id.contains(search));
            select = select.filter(found);
        }
        if filter.limit > 0 {
            select = select.offset(filter.offset).limit(filter.limit);
        }
        self.0.rows("list projects", select).await
    }

    /// Sets the state, and `extra_info` where there is one.
    pub async fn set_status(
        self,
        id: &str,
        status: ProjectStatus,
        extra_info: Option<Value>,
        epoch: i64,
    ) -> Result<Written, MetaError> {
        let sets = Sets::new()
            .set(p::Column::ProjectStatus, status.text())
            .set_some(p::Column::ExtraInfo, extra_info.as_ref().map(json_text));
        self.write("set a project's state", id, sets, epoch).await
    }

    /// Replaces `extra_info`.
    pub async fn set_extra_info(
        self,
        id: &str,
        extra_info: &Value,
        epoch: i64,
    ) -> Result<Written, MetaError> {
        let sets = Sets::new().set(p::Column::ExtraInfo, json_text(extra_info));
        self.write("explain a project's state", id, sets, epoch)
            .await
    }

    /// Sets objects and options.
    pub async fn set_config(
        self,
        id: &str,
        config: &Value,
        epoch: i64,
    ) -> Result<Written, MetaError> {
        let sets = Sets::new().set(p::Column::Config, json_text(config));
        self.write("set a project's configuration", id, sets, epoch)
            .await
    }

    /// A new Coordinator takes the project over: raises the epoch of the project, its steps and
    /// their tasks, so that the old one's writes change nothing from here on.
    pub async fn claim(self, id: &str, epoch: i64) -> Result<Written, MetaError> {
        let what = "take a project over";
        let claimed = self.write(what, id, Sets::new(), epoch).await?;
        if !claimed.applied() {
            return Ok(claimed);
        }
        let steps = Query::update()
            .table(s::Entity)
            .value(s::Column::Epoch, epoch)
            .and_where(is(s::Column::ProjectId, id))
            .and_where(Expr::col(s::Column::Epoch).lt(epoch))
            .to_owned();
        self.0.execute(what, Twice::Harmless, &steps).await?;
        let groups = Query::select()
            .column(s::Column::Id)
            .from(s::Entity)
            .and_where(is(s::Column::ProjectId, id))
            .to_owned();
        let tasks = Query::update()
            .table(t::Entity)
            .value(t::Column::Epoch, epoch)
            .and_where(Expr::col(t::Column::TaskGroup).in_subquery(groups))
            .and_where(Expr::col(t::Column::Epoch).lt(epoch))
            .to_owned();
        self.0.execute(what, Twice::Harmless, &tasks).await?;
        self.0.om_tasks().claim(id, epoch).await?;
        Ok(Written::Applied)
    }

    async fn write(
        self,
        what: &'static str,
        id: &str,
        sets: Sets<p::Entity>,
        epoch: i64,
    ) -> Result<Written, MetaError> {
        let fence = Fence {
            what,
            key: Condition::all().add(is(p::Column::Id, id)),
            epoch_column: p::Column::Epoch,
            epoch,
            only_if: None,
        };
        let sets = sets.set(p::Column::GmtModified, now());
        self.0.write_fenced(fence, sets).await
    }
}

/// Another living project with this name.
fn same_name(id: &str, name: &str) -> sea_orm::Select<p::Entity> {
    p::Entity::find()
        .filter(p::Column::ProjectName.eq(name))
        .filter(p::Column::Id.ne(id))
        .filter(p::Column::ProjectStatus.ne(ProjectStatus::Deleted.text()))
}

fn taken_by(other: &p::Model, name: &str) -> MetaError {
    MetaError::Conflict {
        what: format!("project {} already has the name '{name}'", other.id),
    }
}

fn model(new: &NewProject, owner: Option<&str>) -> p::ActiveModel {
    let time = now();
    p::ActiveModel {
        id: Set(new.id.clone()),
        project_name: Set(new.name.clone()),
        project_status: Set(ProjectStatus::Init.text()),
        project_type: Set(new.kind.text()),
        source_id: Set(new.source_id.clone()),
        target_id: Set(new.target_id.clone()),
        config: Set(json_text(&new.config)),
        alarm_level: Set(new.alarm_level.text()),
        extra_info: Set(super::row::empty()),
        epoch: Set(0),
        gmt_created: Set(time),
        gmt_modified: Set(time),
        owner: Set(owner.map(str::to_owned)),
        parent_id: Set(None),
    }
}
