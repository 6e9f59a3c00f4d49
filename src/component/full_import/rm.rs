//! Slices in `rm`: `oms_slice`, and one row of `oms_task` for each table that says whether the
//! table is cut.

use super::slices::{Slice, SliceInfo, SliceState, SliceStore};
use crate::error::{Error, Kind, Result};
use crate::metadata::{
    MetaError, Metadata, NewSlice, NewTask, SliceKey, SliceStatus, TableKey, Task, TaskStatus,
    TaskUpdate,
};
use crate::model::ids::{ProjectId, StepId};
use crate::model::position::Position;
use crate::model::table::TableName;
use futures::future::BoxFuture;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::collections::HashMap;

/// `task_type` of a table's row in `oms_task`.
const TASK: &str = "FULL_TRANSFER_TABLE";

/// Keeps a project's slices in `rm`.
pub struct RmSlices {
    metadata: Metadata,
    project: ProjectId,
    step: StepId,
    /// The leader's epoch, with which tasks are written.
    leader: i64,
}

impl RmSlices {
    /// The slices of a project; its tasks belong to the step.
    pub fn new(metadata: Metadata, project: ProjectId, step: StepId, leader: i64) -> Self {
        Self {
            metadata,
            project,
            step,
            leader,
        }
    }

    fn table(&self, name: &TableName) -> TableKey {
        TableKey {
            project_id: self.project.0.clone(),
            schema: name.schema.clone(),
            table: name.name.clone(),
        }
    }

    async fn task(&self, name: &TableName) -> Result<Task> {
        let new = NewTask {
            id: None,
            group: self.step.0.clone(),
            kind: TASK.to_owned(),
            name: name.to_string(),
            max_retry_count: None,
            task_info: json!({}),
        };
        Ok(self.metadata.tasks().upsert(new).await?)
    }

    async fn set_task(&self, name: &TableName, status: TaskStatus, info: Value) -> Result<()> {
        let task = self.task(name).await?;
        let update = TaskUpdate {
            status: Some(status),
            task_info: Some(info),
            ..TaskUpdate::default()
        };
        let written = self
            .metadata
            .tasks()
            .update(&task.id, update, self.leader)
            .await?;
        Ok(written.require("oms_task", &task.id, self.leader)?)
    }

    /// When its last slice is done, the table is.
    async fn close_table(&self, name: &TableName) -> Result<()> {
        let counts = self
            .metadata
            .slices()
            .table_counts(&self.table(name))
            .await?;
        if counts.finished == counts.total() {
            let info = json!({ "slices": counts.total(), "rows": counts.copied_rows, "bytes": counts.copied_bytes });
            self.set_task(name, TaskStatus::Finished, info).await?;
        }
        Ok(())
    }
}

/// The positions of the consistent reads of a project's tables without a key: Incr-Sync leaves out
/// what their log holds before.
pub async fn keyless_positions(
    metadata: &Metadata,
    project: &ProjectId,
) -> Result<HashMap<TableName, Position>> {
    let mut positions = HashMap::new();
    // such a table is one slice
    for row in metadata.slices().first_of_tables(project.as_str()).await? {
        let row = row.map_err(MetaError::CorruptRow)?;
        let name = TableName::new(row.key.table.schema, row.key.table.table);
        let info: SliceInfo = parsed(&name, "slice_info", row.slice_info)?;
        if let Some(position) = info.position {
            positions.insert(name, position);
        }
    }
    Ok(positions)
}

impl SliceStore for RmSlices {
    fn load<'a>(&'a self, table: &'a TableName) -> BoxFuture<'a, Result<Option<Vec<Slice>>>> {
        Box::pin(async move {
            let task = self.task(table).await?;
            // a person goes without its rows
            if task.status == TaskStatus::Skipped {
                return Ok(Some(Vec::new()));
            }
            if task.task_info.get("slices").is_none() {
                return Ok(None);
            }
            // its last slice was finished, and then the process ended or a person set the task back
            if task.status != TaskStatus::Finished {
                self.close_table(table).await?;
            }
            let rows = self.metadata.slices().list(&self.table(table)).await?;
            let slices = rows
                .into_iter()
                .map(|row| slice(table, row.map_err(MetaError::CorruptRow)?));
            slices.collect::<Result<_>>().map(Some)
        })
    }

    fn save_plan<'a>(
        &'a self,
        epoch: i64,
        table: &'a TableName,
        slices: &'a [Slice],
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let key = self.table(table);
            self.metadata.slices().delete_table(&key, epoch).await?;
            let new = slices.iter().map(new_slice).collect::<Result<_>>()?;
            self.metadata.slices().insert_many(&key, new, epoch).await?;
            // the table counts as cut from here on: a crash before it begins the cut anew
            self.set_task(
                table,
                TaskStatus::Running,
                json!({ "slices": slices.len() }),
            )
            .await?;
            if slices.is_empty() {
                self.close_table(table).await?;
            }
            Ok(())
        })
    }

    fn update<'a>(
        &'a self,
        epoch: i64,
        table: &'a TableName,
        slice: &'a Slice,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let key = SliceKey {
                table: self.table(table),
                slice_no: i32::try_from(slice.no).unwrap_or(i32::MAX),
            };
            let status = match slice.state {
                SliceState::Init => SliceStatus::Init,
                SliceState::Running => SliceStatus::Running,
                SliceState::Finished => SliceStatus::Finished,
                SliceState::Failed => SliceStatus::Failed,
            };
            let counts = (signed(slice.rows), signed(slice.bytes));
            let info = json(&slice.info)?;
            let written = self
                .metadata
                .slices()
                .write(&key, status, counts, &info, epoch)
                .await?;
            written.require("oms_slice", format!("{table}/{}", slice.no), epoch)?;
            match slice.state {
                SliceState::Finished => self.close_table(table).await,
                SliceState::Failed => {
                    let counts = self
                        .metadata
                        .slices()
                        .table_counts(&self.table(table))
                        .await?;
                    let info = json!({ "slices": counts.total(), "error": slice.info.error });
                    self.set_task(table, TaskStatus::Failed, info).await
                }
                SliceState::Init | SliceState::Running => Ok(()),
            }
        })
    }
}

fn slice(table: &TableName, row: crate::metadata::Slice) -> Result<Slice> {
    let bound = |column, value: Option<Value>| value.map(|v| parsed(table, column, v)).transpose();
    Ok(Slice {
        no: u32::try_from(row.key.slice_no).unwrap_or(0),
        lower: bound("lower_bound", row.lower_bound)?,
        upper: bound("upper_bound", row.upper_bound)?,
        state: match row.status {
            SliceStatus::Init => SliceState::Init,
            SliceStatus::Running => SliceState::Running,
            SliceStatus::Finished => SliceState::Finished,
            SliceStatus::Failed => SliceState::Failed,
        },
        estimated_rows: u64::try_from(row.estimated_rows).unwrap_or(0),
        rows: u64::try_from(row.copied_rows).unwrap_or(0),
        bytes: u64::try_from(row.copied_bytes).unwrap_or(0),
        info: parsed(table, "slice_info", row.slice_info)?,
    })
}

fn new_slice(slice: &Slice) -> Result<NewSlice> {
    let bound = |bound: &Option<_>| bound.as_ref().map(json).transpose();
    Ok(NewSlice {
        slice_no: i32::try_from(slice.no).unwrap_or(i32::MAX),
        lower_bound: bound(&slice.lower)?,
        upper_bound: bound(&slice.upper)?,
        estimated_rows: signed(slice.estimated_rows),
        slice_info: json(&slice.info)?,
    })
}

fn signed(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn json<T: serde::Serialize>(value: &T) -> Result<Value> {
    serde_json::to_value(value)
        .map_err(|e| Error::new(Kind::Internal, "writing a slice as JSON").caused_by(e))
}

fn parsed<T: DeserializeOwned>(table: &TableName, column: &str, value: Value) -> Result<T> {
    serde_json::from_value(value).map_err(|e| {
        Error::new(Kind::RmCorrupt, format!("oms_slice.{column} of {table}")).caused_by(e)
    })
}
