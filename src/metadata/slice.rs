//! `oms_slice`.

use std::fmt;

use chrono::NaiveDateTime;
use entity::oms_slice as s;
use sea_orm::{
    Condition, EntityTrait, QueryFilter, QueryOrder, QueryResult, QuerySelect, Set,
    sea_query::{Alias, Expr, ExprTrait, Func, Query, SelectStatement},
};
use serde_json::Value;

use super::{
    MetaError, Metadata, Row, SliceStatus, StateText, Written,
    access::{Fence, FromModel, Sets, is},
    retry::{Twice, retry},
    row::{Cells, empty, json_text, now},
};

const TABLE: &str = "oms_slice";

/// A table of a project.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TableKey {
    /// The project.
    pub project_id: String,
    /// The source's schema.
    pub schema: String,
    /// The source's table.
    pub table: String,
}

impl fmt::Display for TableKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.project_id, self.schema, self.table)
    }
}

/// A slice of a table.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SliceKey {
    /// The table.
    pub table: TableKey,
    /// 0 for the first.
    pub slice_no: i32,
}

impl fmt::Display for SliceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.table, self.slice_no)
    }
}

/// A slice: `lower_bound < key <= upper_bound`.
#[derive(Clone, Debug, PartialEq)]
pub struct Slice {
    /// Which.
    pub key: SliceKey,
    /// `None`: from the start.
    pub lower_bound: Option<Value>,
    /// `None`: to the end.
    pub upper_bound: Option<Value>,
    /// Where it is.
    pub status: SliceStatus,
    /// Rows as estimated when it was cut.
    pub estimated_rows: i64,
    /// Rows that were copied.
    pub copied_rows: i64,
    /// Bytes that were copied.
    pub copied_bytes: i64,
    /// What else there is to know, e.g. the position of a consistent read.
    pub slice_info: Value,
    /// The newest component that wrote it.
    pub epoch: i64,
    /// When it was cut, UTC.
    pub gmt_created: NaiveDateTime,
    /// When `oms` wrote it last, UTC.
    pub gmt_modified: NaiveDateTime,
}

impl FromModel for Slice {
    type Entity = s::Entity;

    fn from_model(row: s::Model) -> Row<Self> {
        let key = SliceKey {
            table: TableKey {
                project_id: row.project_id,
                schema: row.table_schema,
                table: row.table_name,
            },
            slice_no: row.slice_no,
        };
        let id = key.to_string();
        let cells = Cells {
            table: TABLE,
            id: &id,
        };
        Ok(Self {
            lower_bound: cells.json_null("lower_bound", row.lower_bound.as_deref())?,
            upper_bound: cells.json_null("upper_bound", row.upper_bound.as_deref())?,
            status: cells.state("status", &row.status)?,
            slice_info: cells.object("slice_info", &row.slice_info)?,
            key,
            estimated_rows: row.estimated_rows,
            copied_rows: row.copied_rows,
            copied_bytes: row.copied_bytes,
            epoch: row.epoch,
            gmt_created: row.gmt_created,
            gmt_modified: row.gmt_modified,
        })
    }
}

/// A slice to be made, in `INIT`.
#[derive(Clone, Debug)]
pub struct NewSlice {
    /// 0 for the first.
    pub slice_no: i32,
    /// `None`: from the start.
    pub lower_bound: Option<Value>,
    /// `None`: to the end.
    pub upper_bound: Option<Value>,
    /// Rows as estimated.
    pub estimated_rows: i64,
    /// What else there is to know; an object.
    pub slice_info: Value,
}

/// How far the slices of a project or table are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SliceCounts {
    /// Slices that wait.
    pub init: i64,
    /// Slices that are copied, or were when their worker died.
    pub running: i64,
    /// Slices that are done.
    pub finished: i64,
    /// Slices that failed.
    pub failed: i64,
    /// Slices whose state is no state, after an edit by hand; they are never copied.
    pub unknown: i64,
    /// Estimated rows of all slices.
    pub estimated_rows: i64,
    /// Rows that were copied.
    pub copied_rows: i64,
    /// Bytes that were copied.
    pub copied_bytes: i64,
}

impl SliceCounts {
    /// All slices.
    pub fn total(&self) -> i64 {
        self.init + self.running + self.finished + self.failed + self.unknown
    }
}

/// The repository of `oms_slice`.
#[derive(Clone, Copy)]
pub struct Slices<'a>(pub(super) &'a Metadata);

impl Slices<'_> {
    /// Adds the slices of a table; those that are there already stay as they are.
    pub async fn insert_many(
        self,
        table: &TableKey,
        slices: Vec<NewSlice>,
        epoch: i64,
    ) -> Result<(), MetaError> {
        let time = now();
        let models = slices
            .into_iter()
            .map(|new| s::ActiveModel {
                project_id: Set(table.project_id.clone()),
                table_schema: Set(table.schema.clone()),
                table_name: Set(table.table.clone()),
                slice_no: Set(new.slice_no),
                lower_bound: Set(new.lower_bound.as_ref().map(json_text)),
                upper_bound: Set(new.upper_bound.as_ref().map(json_text)),
                status: Set(SliceStatus::Init.text()),
                estimated_rows: Set(new.estimated_rows),
                copied_rows: Set(0),
                copied_bytes: Set(0),
                slice_info: Set(json_text(&new.slice_info)),
                epoch: Set(epoch),
                gmt_created: Set(time),
                gmt_modified: Set(time),
            })
            .collect();
        let key = [
            s::Column::ProjectId,
            s::Column::TableSchema,
            s::Column::TableName,
            s::Column::SliceNo,
        ];
        self.0
            .insert_new::<s::Entity>("create slices", models, &key)
            .await
    }

    /// The slices of a table in order.
    pub async fn list(self, table: &TableKey) -> Result<Vec<Row<Slice>>, MetaError> {
        let select = s::Entity::find()
            .filter(of_table(table))
            .order_by_asc(s::Column::SliceNo);
        self.0.rows("list slices", select).await
    }

    /// The first slice of each table of a project, by schema and table.
    pub async fn first_of_tables(self, project_id: &str) -> Result<Vec<Row<Slice>>, MetaError> {
        let select = s::Entity::find()
            .filter(is(s::Column::ProjectId, project_id))
            .filter(is(s::Column::SliceNo, 0))
            .order_by_asc(s::Column::TableSchema)
            .order_by_asc(s::Column::TableName);
        self.0.rows("list tables", select).await
    }

    /// The next slice of a table that a component with this epoch has to copy: one that waits, that
    /// failed, or that an older component left in the midst.
    pub async fn next_pending(
        self,
        table: &TableKey,
        epoch: i64,
    ) -> Result<Option<Row<Slice>>, MetaError> {
        let select = s::Entity::find()
            .filter(of_table(table))
            .filter(free(epoch))
            .order_by_asc(s::Column::SliceNo)
            .limit(1);
        self.0.maybe("find the next slice", select).await
    }

    /// Takes a slice: `RUNNING`, nothing copied yet. Of several workers one gets
    /// [`Written::Applied`]; the others `Changed` or `Fenced`. When the answer of the database is
    /// lost, the error says so and the slice waits for the next epoch.
    pub async fn start(self, key: &SliceKey, epoch: i64) -> Result<Written, MetaError> {
        let sets = Sets::new()
            .set(s::Column::Status, SliceStatus::Running.text())
            .set(s::Column::CopiedRows, 0_i64)
            .set(s::Column::CopiedBytes, 0_i64)
            .set(s::Column::GmtModified, now());
        self.0
            .take_fenced(fence("take a slice", key, epoch), sets, free(epoch))
            .await
    }

    /// Says how far the copy of a slice is, and replaces `slice_info` where there is one.
    pub async fn progress(
        self,
        key: &SliceKey,
        rows: i64,
        bytes: i64,
        slice_info: Option<&Value>,
        epoch: i64,
    ) -> Result<Written, MetaError> {
        let sets = Sets::new()
            .set(s::Column::CopiedRows, rows)
            .set(s::Column::CopiedBytes, bytes)
            .set_some(s::Column::SliceInfo, slice_info.map(json_text))
            .set(s::Column::GmtModified, now());
        self.0
            .write_fenced(fence("report of a slice", key, epoch), sets)
            .await
    }

    /// All rows of the slice are committed at the target.
    pub async fn finish(
        self,
        key: &SliceKey,
        rows: i64,
        bytes: i64,
        epoch: i64,
    ) -> Result<Written, MetaError> {
        let sets = Sets::new()
            .set(s::Column::Status, SliceStatus::Finished.text())
            .set(s::Column::CopiedRows, rows)
            .set(s::Column::CopiedBytes, bytes)
            .set(s::Column::GmtModified, now());
        self.0
            .write_fenced(fence("finish a slice", key, epoch), sets)
            .await
    }

    /// The slice failed and can be taken again.
    pub async fn fail(self, key: &SliceKey, epoch: i64) -> Result<Written, MetaError> {
        let sets = Sets::new()
            .set(s::Column::Status, SliceStatus::Failed.text())
            .set(s::Column::GmtModified, now());
        self.0
            .write_fenced(fence("fail a slice", key, epoch), sets)
            .await
    }

    /// Writes state, counts and `slice_info` of a slice at once, whatever its state was.
    pub async fn write(
        self,
        key: &SliceKey,
        status: SliceStatus,
        (rows, bytes): (i64, i64),
        slice_info: &Value,
        epoch: i64,
    ) -> Result<Written, MetaError> {
        let sets = Sets::new()
            .set(s::Column::Status, status.text())
            .set(s::Column::CopiedRows, rows)
            .set(s::Column::CopiedBytes, bytes)
            .set(s::Column::SliceInfo, json_text(slice_info))
            .set(s::Column::GmtModified, now());
        self.0
            .write_fenced(fence("write a slice", key, epoch), sets)
            .await
    }

    /// How far a project is.
    pub async fn counts(self, project_id: &str) -> Result<SliceCounts, MetaError> {
        let of_project = Condition::all().add(is(s::Column::ProjectId, project_id));
        self.counts_where(of_project).await
    }

    /// How far a table is.
    pub async fn table_counts(self, table: &TableKey) -> Result<SliceCounts, MetaError> {
        self.counts_where(of_table(table)).await
    }

    /// Forgets the slices of a table that is cut anew; those with a newer epoch stay.
    pub async fn delete_table(self, table: &TableKey, epoch: i64) -> Result<u64, MetaError> {
        let delete = Query::delete()
            .from_table(s::Entity)
            .cond_where(of_table(table))
            .and_where(Expr::col(s::Column::Epoch).lte(epoch))
            .to_owned();
        self.0
            .execute("delete slices", Twice::Harmless, &delete)
            .await
    }

    async fn counts_where(self, which: Condition) -> Result<SliceCounts, MetaError> {
        let what = "count slices";
        let backend = self.0.read.get_database_backend();
        let select = counts_statement(which, backend);
        let rows = retry(what, Twice::Harmless, || {
            sea_orm::ConnectionTrait::query_all(&self.0.read, &select)
        })
        .await?;
        let mut counts = SliceCounts::default();
        for row in &rows {
            add(&mut counts, row).map_err(|error| MetaError::from_db(what, error))?;
        }
        Ok(counts)
    }
}

/// `SUM` gives a decimal on MySQL; it is cast to a number of 64 bits.
fn counts_statement(which: Condition, backend: sea_orm::DbBackend) -> SelectStatement {
    let number = match backend {
        sea_orm::DbBackend::MySql => "SIGNED",
        sea_orm::DbBackend::Sqlite => "INTEGER",
        _ => "BIGINT",
    };
    let sum = |column: s::Column| Func::sum(Expr::col(column)).cast_as(Alias::new(number));
    Query::select()
        .column(s::Column::Status)
        .expr(Func::count(Expr::col(s::Column::SliceNo)))
        .expr(sum(s::Column::EstimatedRows))
        .expr(sum(s::Column::CopiedRows))
        .expr(sum(s::Column::CopiedBytes))
        .from(s::Entity)
        .cond_where(which)
        .group_by_col(s::Column::Status)
        .to_owned()
}

fn add(counts: &mut SliceCounts, row: &QueryResult) -> Result<(), sea_orm::DbErr> {
    let status: String = row.try_get_by_index(0)?;
    let number: i64 = row.try_get_by_index(1)?;
    match SliceStatus::from_text(&status) {
        Some(SliceStatus::Init) => counts.init += number,
        Some(SliceStatus::Running) => counts.running += number,
        Some(SliceStatus::Finished) => counts.finished += number,
        Some(SliceStatus::Failed) => counts.failed += number,
        None => counts.unknown += number,
    }
    counts.estimated_rows += row.try_get_by_index::<i64>(2)?;
    counts.copied_rows += row.try_get_by_index::<i64>(3)?;
    counts.copied_bytes += row.try_get_by_index::<i64>(4)?;
    Ok(())
}

fn of_table(table: &TableKey) -> Condition {
    Condition::all()
        .add(is(s::Column::ProjectId, table.project_id.as_str()))
        .add(is(s::Column::TableSchema, table.schema.as_str()))
        .add(is(s::Column::TableName, table.table.as_str()))
}

/// Slices that a component with this epoch may take.
fn free(epoch: i64) -> Condition {
    let left_behind = Condition::all()
        .add(is(s::Column::Status, SliceStatus::Running.text()))
        .add(Expr::col(s::Column::Epoch).lt(epoch));
    Condition::any()
        .add(is(s::Column::Status, SliceStatus::Init.text()))
        .add(is(s::Column::Status, SliceStatus::Failed.text()))
        .add(left_behind)
}

fn fence(what: &'static str, key: &SliceKey, epoch: i64) -> Fence<s::Entity> {
    Fence {
        what,
        key: of_table(&key.table).add(is(s::Column::SliceNo, key.slice_no)),
        epoch_column: s::Column::Epoch,
        epoch,
        only_if: None,
    }
}

impl NewSlice {
    /// The only slice of a table that is not cut.
    pub fn whole(estimated_rows: i64) -> Self {
        Self {
            slice_no: 0,
            lower_bound: None,
            upper_bound: None,
            estimated_rows,
            slice_info: serde_json::from_str(&empty()).unwrap_or_default(),
        }
    }
}
