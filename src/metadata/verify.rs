//! `oms_verify_result`, and the way to `oms_verify_diff`.

use std::fmt;

use chrono::NaiveDateTime;
use entity::oms_verify_result as v;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};
use serde_json::Value;

use super::{
    MetaError, Metadata, Row, StateText, VerifyResultType, VerifyStatus, Written,
    access::{Fence, FromModel, Sets, is},
    row::{Cells, empty, json_text, now},
};

pub(super) const TABLE: &str = "oms_verify_result";

/// The comparison of one table.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VerifyKey {
    /// The project.
    pub project_id: String,
    /// Number of the verification.
    pub sub_id: i32,
    /// The source's schema.
    pub source_schema: String,
    /// The source's table.
    pub source_table: String,
}

impl fmt::Display for VerifyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}/{}/{}/{}",
            self.project_id, self.sub_id, self.source_schema, self.source_table
        )
    }
}

/// What the comparison of a table found.
#[derive(Clone, Debug, PartialEq)]
pub struct VerifyResult {
    /// Which.
    pub key: VerifyKey,
    /// The target's schema.
    pub dest_schema: String,
    /// The target's table.
    pub dest_table: String,
    /// Where it is.
    pub status: VerifyStatus,
    /// What came out.
    pub result_type: VerifyResultType,
    /// One sentence about it.
    pub result_desc: String,
    /// Rows that only the source has.
    pub source_only_count: i64,
    /// Rows that only the target has.
    pub dest_only_count: i64,
    /// Rows that differ.
    pub mismatched_count: i64,
    /// Rows that are equal.
    pub consistent_count: i64,
    /// 0 to 100.
    pub progress: i32,
    /// The error, or what the user should know.
    pub message: String,
    /// Where to go on, rounds, method.
    pub extra_info: Value,
    /// The newest component that wrote it.
    pub epoch: i64,
    /// When it began, UTC.
    pub gmt_created: NaiveDateTime,
    /// When `oms` wrote it last, UTC.
    pub gmt_modified: NaiveDateTime,
}

impl VerifyResult {
    /// Rows that are not equal.
    pub fn differences(&self) -> i64 {
        self.source_only_count + self.dest_only_count + self.mismatched_count
    }
}

impl FromModel for VerifyResult {
    type Entity = v::Entity;

    fn from_model(row: v::Model) -> Row<Self> {
        let key = VerifyKey {
            project_id: row.project_id,
            sub_id: row.sub_id,
            source_schema: row.source_schema,
            source_table: row.source_table,
        };
        let id = key.to_string();
        let cells = Cells {
            table: TABLE,
            id: &id,
        };
        Ok(Self {
            status: cells.state("status", &row.status)?,
            result_type: cells.state("result_type", &row.result_type)?,
            progress: cells.within("progress", row.progress, 0, 100)?,
            extra_info: cells.object("extra_info", &row.extra_info)?,
            key,
            dest_schema: row.dest_schema,
            dest_table: row.dest_table,
            result_desc: row.result_desc,
            source_only_count: row.source_only_count,
            dest_only_count: row.dest_only_count,
            mismatched_count: row.mismatched_count,
            consistent_count: row.consistent_count,
            message: row.message,
            epoch: row.epoch,
            gmt_created: row.gmt_created,
            gmt_modified: row.gmt_modified,
        })
    }
}

/// A comparison to begin.
#[derive(Clone, Debug)]
pub struct NewVerify {
    /// Which.
    pub key: VerifyKey,
    /// The target's schema.
    pub dest_schema: String,
    /// The target's table.
    pub dest_table: String,
}

/// What to write of a result; `None` leaves as it is.
#[derive(Clone, Debug, Default)]
pub struct VerifyUpdate {
    /// Where it is.
    pub status: Option<VerifyStatus>,
    /// What came out.
    pub result_type: Option<VerifyResultType>,
    /// One sentence about it.
    pub result_desc: Option<String>,
    /// Rows that only the source has.
    pub source_only_count: Option<i64>,
    /// Rows that only the target has.
    pub dest_only_count: Option<i64>,
    /// Rows that differ.
    pub mismatched_count: Option<i64>,
    /// Rows that are equal.
    pub consistent_count: Option<i64>,
    /// 0 to 100; more or less is cut.
    pub progress: Option<i32>,
    /// The error, or what the user should know.
    pub message: Option<String>,
    /// Replaces `extra_info`.
    pub extra_info: Option<Value>,
}

/// The repository of `oms_verify_result` and `oms_verify_diff`.
#[derive(Clone, Copy)]
pub struct VerifyResults<'a>(pub(super) &'a Metadata);

impl VerifyResults<'_> {
    /// Begins a table, or goes on with it: `RUNNING`; counts, progress and `extra_info` of an
    /// earlier try stay. To begin from nothing, [`VerifyResults::delete`] first.
    pub async fn begin(self, new: NewVerify, epoch: i64) -> Result<VerifyResult, MetaError> {
        let key = new.key.clone();
        let unique = [
            v::Column::ProjectId,
            v::Column::SubId,
            v::Column::SourceSchema,
            v::Column::SourceTable,
        ];
        self.0
            .insert_new::<v::Entity>("begin a comparison", vec![model(new, epoch)], &unique)
            .await?;
        let update = VerifyUpdate {
            status: Some(VerifyStatus::Running),
            result_type: Some(VerifyResultType::Running),
            message: Some(String::new()),
            ..VerifyUpdate::default()
        };
        self.update(&key, update, epoch)
            .await?
            .require(TABLE, key.to_string(), epoch)?;
        self.get(&key).await
    }

    /// Writes what the update names, all at once.
    pub async fn update(
        self,
        key: &VerifyKey,
        update: VerifyUpdate,
        epoch: i64,
    ) -> Result<Written, MetaError> {
        let extra_info = update.extra_info.as_ref().map(json_text);
        let sets = Sets::new()
            .set_some(v::Column::Status, update.status.map(|s| s.text()))
            .set_some(v::Column::ResultType, update.result_type.map(|r| r.text()))
            .set_some(v::Column::ResultDesc, update.result_desc)
            .set_some(v::Column::SourceOnlyCount, update.source_only_count)
            .set_some(v::Column::DestOnlyCount, update.dest_only_count)
            .set_some(v::Column::MismatchedCount, update.mismatched_count)
            .set_some(v::Column::ConsistentCount, update.consistent_count)
            .set_some(
                v::Column::Progress,
                update.progress.map(|p| p.clamp(0, 100)),
            )
            .set_some(v::Column::Message, update.message)
            .set_some(v::Column::ExtraInfo, extra_info)
            .set(v::Column::GmtModified, now());
        self.0.write_fenced(fence(key, epoch), sets).await
    }

    /// Ends a table: `FINISHED`, progress 100, and what else the update names.
    pub async fn finish(
        self,
        key: &VerifyKey,
        result_type: VerifyResultType,
        update: VerifyUpdate,
        epoch: i64,
    ) -> Result<Written, MetaError> {
        let update = VerifyUpdate {
            status: Some(VerifyStatus::Finished),
            result_type: Some(result_type),
            progress: Some(100),
            ..update
        };
        self.update(key, update, epoch).await
    }

    /// One result.
    pub async fn get(self, key: &VerifyKey) -> Result<VerifyResult, MetaError> {
        let select = v::Entity::find().filter(of(key));
        self.0.one("read a result", select, &key.to_string()).await
    }

    /// The results of a verification by schema and table; `limit` 0: all.
    pub async fn list(
        self,
        project_id: &str,
        sub_id: i32,
        offset: u64,
        limit: u64,
    ) -> Result<Vec<Row<VerifyResult>>, MetaError> {
        let mut select = v::Entity::find()
            .filter(v::Column::ProjectId.eq(project_id))
            .filter(v::Column::SubId.eq(sub_id))
            .order_by_asc(v::Column::SourceSchema)
            .order_by_asc(v::Column::SourceTable);
        if limit > 0 {
            select = select.offset(offset).limit(limit);
        }
        self.0.rows("list results", select).await
    }

    /// The number of the last full verification of a project; `None`: there was none. (0 is the
    /// number of the incremental verification.)
    pub async fn last_sub_id(self, project_id: &str) -> Result<Option<i32>, MetaError> {
        let what = "find the last verification";
        let select = sea_orm::sea_query::Query::select()
            .column(v::Column::SubId)
            .from(v::Entity)
            .and_where(is(v::Column::ProjectId, project_id))
            .and_where(v::Column::SubId.gt(0))
            .order_by(v::Column::SubId, sea_orm::Order::Desc)
            .limit(1)
            .to_owned();
        match self.0.scalar_row(what, &select).await? {
            None => Ok(None),
            Some(row) => row
                .try_get_by_index(0)
                .map(Some)
                .map_err(|error| MetaError::from_db(what, error)),
        }
    }
}

pub(super) fn of(key: &VerifyKey) -> Condition {
    Condition::all()
        .add(is(v::Column::ProjectId, key.project_id.as_str()))
        .add(is(v::Column::SubId, key.sub_id))
        .add(is(v::Column::SourceSchema, key.source_schema.as_str()))
        .add(is(v::Column::SourceTable, key.source_table.as_str()))
}

pub(super) fn fence(key: &VerifyKey, epoch: i64) -> Fence<v::Entity> {
    Fence {
        what: "write a result",
        key: of(key),
        epoch_column: v::Column::Epoch,
        epoch,
        only_if: None,
    }
}

fn model(new: NewVerify, epoch: i64) -> v::ActiveModel {
    let time = now();
    v::ActiveModel {
        project_id: Set(new.key.project_id),
        sub_id: Set(new.key.sub_id),
        source_schema: Set(new.key.source_schema),
        source_table: Set(new.key.source_table),
        dest_schema: Set(new.dest_schema),
        dest_table: Set(new.dest_table),
        status: Set(VerifyStatus::Running.text()),
        result_type: Set(VerifyResultType::Running.text()),
        result_desc: Set(String::new()),
        source_only_count: Set(0),
        dest_only_count: Set(0),
        mismatched_count: Set(0),
        consistent_count: Set(0),
        progress: Set(0),
        message: Set(String::new()),
        extra_info: Set(empty()),
        epoch: Set(epoch),
        gmt_created: Set(time),
        gmt_modified: Set(time),
    }
}
