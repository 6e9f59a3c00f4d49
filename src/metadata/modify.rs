//! `oms_project_modify_record`.

use chrono::NaiveDateTime;
use entity::{oms_project as p, oms_project_modify_record as r};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
    sea_query::InsertStatement,
};
use serde_json::{Value, json};

use super::{
    MetaError, Metadata, ModifyStatus, ModifyType, Row, StateText, Written,
    access::{Fence, FromModel, Sets, insert_statement, is},
    retry::Twice,
    row::{Cells, empty, json_text, now},
};

const TABLE: &str = "oms_project_modify_record";

/// A change of a project's objects.
#[derive(Clone, Debug, PartialEq)]
pub struct ModifyRecord {
    /// `mr_…`.
    pub id: String,
    /// The project.
    pub project_id: String,
    /// The project that brings added tables.
    pub sub_project_id: Option<String>,
    /// Whether tables come or go.
    pub kind: ModifyType,
    /// Where it is.
    pub status: ModifyStatus,
    /// The tables: database and name.
    pub tables: Vec<(String, String)>,
    /// How far it is.
    pub info: Value,
    /// What went wrong.
    pub extra_info: Value,
    /// The newest Coordinator that wrote it.
    pub epoch: i64,
    /// When it was made, UTC.
    pub gmt_created: NaiveDateTime,
    /// When `oms` wrote it last, UTC.
    pub gmt_modified: NaiveDateTime,
}

impl FromModel for ModifyRecord {
    type Entity = r::Entity;

    fn from_model(row: r::Model) -> Row<Self> {
        let cells = Cells {
            table: TABLE,
            id: &row.id,
        };
        let objects = cells.object("objects", &row.objects)?;
        let tables = tables_of(&objects).ok_or_else(|| {
            let why = "holds no list 'tables' of objects with 'schema' and 'table'".to_owned();
            cells.problem("objects", &row.objects, why)
        })?;
        Ok(Self {
            kind: cells.state("record_type", &row.record_type)?,
            status: cells.state("record_status", &row.record_status)?,
            info: cells.object("record_info", &row.record_info)?,
            extra_info: cells.object("extra_info", &row.extra_info)?,
            tables,
            id: row.id,
            project_id: row.project_id,
            sub_project_id: row.sub_project_id,
            epoch: row.epoch,
            gmt_created: row.gmt_created,
            gmt_modified: row.gmt_modified,
        })
    }
}

fn tables_of(objects: &Value) -> Option<Vec<(String, String)>> {
    let tables = objects.get("tables")?.as_array()?.iter();
    let table = |table: &Value| {
        let text = |key: &str| Some(table.get(key)?.as_str()?.to_owned());
        Some((text("schema")?, text("table")?))
    };
    tables.map(table).collect()
}

/// A record to be made.
#[derive(Clone, Debug)]
pub struct NewModifyRecord {
    /// `mr_…`, see [`super::new_id`].
    pub id: String,
    /// The project.
    pub project_id: String,
    /// The project that is to bring added tables.
    pub sub_project_id: Option<String>,
    /// Whether tables come or go.
    pub kind: ModifyType,
    /// Where it begins.
    pub status: ModifyStatus,
    /// The tables: database and name.
    pub tables: Vec<(String, String)>,
}

/// What to write of a record; `None` leaves as it is.
#[derive(Clone, Debug, Default)]
pub struct ModifyUpdate {
    /// Write only if the record is in this state.
    pub only_if: Option<ModifyStatus>,
    /// The new state.
    pub status: Option<ModifyStatus>,
    /// Replaces `record_info`.
    pub info: Option<Value>,
    /// Replaces `extra_info`.
    pub extra_info: Option<Value>,
}

/// The repository of `oms_project_modify_record`.
#[derive(Clone, Copy)]
pub struct ModifyRecords<'a>(pub(super) &'a Metadata);

impl ModifyRecords<'_> {
    /// Makes a record. The same id again gives it as it is.
    pub async fn create(self, new: NewModifyRecord) -> Result<ModifyRecord, MetaError> {
        let (id, insert) = (new.id.clone(), insert(new));
        self.0
            .execute("record a change of objects", Twice::Harmless, &insert)
            .await?;
        self.get(&id).await
    }

    /// Makes a record of a change together with the change itself, the project's configuration: both or
    /// neither.
    pub async fn create_done(
        self,
        new: NewModifyRecord,
        config: &Value,
        epoch: i64,
    ) -> Result<Written, MetaError> {
        let fence = Fence {
            what: "change a project's objects",
            key: Condition::all().add(is(p::Column::Id, new.project_id.as_str())),
            epoch_column: p::Column::Epoch,
            epoch,
            only_if: None,
        };
        let sets = Sets::<p::Entity>::new()
            .set(p::Column::Config, json_text(config))
            .set(p::Column::GmtModified, now());
        let insert = insert(new);
        self.0.write_fenced_with(fence, sets, &[&insert]).await
    }

    /// One record.
    pub async fn get(self, id: &str) -> Result<ModifyRecord, MetaError> {
        let select = r::Entity::find_by_id(id);
        self.0.one("read a change of objects", select, id).await
    }

    /// The records of a project, the newest first; `limit` 0: all.
    pub async fn list(
        self,
        project: &str,
        offset: u64,
        limit: u64,
    ) -> Result<Vec<Row<ModifyRecord>>, MetaError> {
        let mut select = r::Entity::find()
            .filter(r::Column::ProjectId.eq(project))
            .order_by_desc(r::Column::GmtCreated)
            .order_by_desc(r::Column::Id);
        if limit > 0 {
            select = select.offset(offset).limit(limit);
        }
        self.0.rows("list changes of objects", select).await
    }

    /// The records that are not at their end, the oldest first; of all projects or of one. What cannot
    /// be understood is not taken for an end.
    pub async fn open(self, project: Option<&str>) -> Result<Vec<Row<ModifyRecord>>, MetaError> {
        let ends = [
            ModifyStatus::Terminated,
            ModifyStatus::Success,
            ModifyStatus::Cancel,
        ];
        let mut select = r::Entity::find()
            .filter(r::Column::RecordStatus.is_not_in(ends.iter().map(StateText::text)))
            .order_by_asc(r::Column::GmtCreated)
            .order_by_asc(r::Column::Id);
        if let Some(project) = project {
            select = select.filter(r::Column::ProjectId.eq(project));
        }
        self.0.rows("list open changes of objects", select).await
    }

    /// Writes a record.
    pub async fn update(
        self,
        id: &str,
        update: ModifyUpdate,
        epoch: i64,
    ) -> Result<Written, MetaError> {
        let sets = Sets::<r::Entity>::new()
            .set_some(
                r::Column::RecordStatus,
                update.status.map(|status| status.text()),
            )
            .set_some(r::Column::RecordInfo, update.info.as_ref().map(json_text))
            .set_some(
                r::Column::ExtraInfo,
                update.extra_info.as_ref().map(json_text),
            )
            .set(r::Column::GmtModified, now());
        let fence = Fence {
            what: "write a change of objects",
            key: Condition::all().add(is(r::Column::Id, id)),
            epoch_column: r::Column::Epoch,
            epoch,
            only_if: update
                .only_if
                .map(|status| (r::Column::RecordStatus, status.text())),
        };
        self.0.write_fenced(fence, sets).await
    }
}

fn insert(new: NewModifyRecord) -> InsertStatement {
    let time = now();
    let tables: Vec<Value> = new
        .tables
        .iter()
        .map(|(schema, table)| json!({ "schema": schema, "table": table }))
        .collect();
    let model = r::ActiveModel {
        id: Set(new.id),
        project_id: Set(new.project_id),
        sub_project_id: Set(new.sub_project_id),
        record_type: Set(new.kind.text()),
        record_status: Set(new.status.text()),
        objects: Set(json_text(&json!({ "tables": tables }))),
        record_info: Set(empty()),
        extra_info: Set(empty()),
        epoch: Set(0),
        gmt_created: Set(time),
        gmt_modified: Set(time),
    };
    insert_statement::<r::Entity>(vec![model], &[r::Column::Id], &[])
}
