//! `oms_slice`: the key ranges of the full copy.
//!
//! The key names no component: a new component on any node goes on where the old one was.

use sea_orm::entity::prelude::*;

use crate::state::state;

/// A slice of a table: `lower_bound < key <= upper_bound`.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "oms_slice")]
pub struct Model {
    /// The project's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub project_id: String,
    /// The source's schema. Case counts.
    #[sea_orm(primary_key, auto_increment = false)]
    pub table_schema: String,
    /// The source's table. Case counts.
    #[sea_orm(primary_key, auto_increment = false)]
    pub table_name: String,
    /// 0 for the first.
    #[sea_orm(primary_key, auto_increment = false)]
    pub slice_no: i32,
    /// JSON: the key above which it begins; NULL: from the start.
    #[sea_orm(column_type = "Text", nullable)]
    pub lower_bound: Option<String>,
    /// JSON: the last key of it; NULL: to the end.
    #[sea_orm(column_type = "Text", nullable)]
    pub upper_bound: Option<String>,
    /// A [`SliceStatus`].
    pub status: String,
    /// Rows as estimated when it was cut.
    pub estimated_rows: i64,
    /// Rows that were copied.
    pub copied_rows: i64,
    /// Bytes that were copied.
    pub copied_bytes: i64,
    /// JSON object: e.g. the log position of a consistent read of a table without a key.
    #[sea_orm(column_type = "Text")]
    pub slice_info: String,
    /// The newest epoch that wrote this row; a write with an older one changes nothing.
    pub epoch: i64,
    /// When the row was made, UTC.
    pub gmt_created: DateTime,
    /// When `oms` wrote the row last, UTC. A person's SQL does not move it.
    pub gmt_modified: DateTime,
}

/// No relations: rows meet by id, and a missing partner is a finding, not a refused write.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

state! {
    /// Where a slice is.
    pub enum SliceStatus {
        /// Set when the slices are cut; waits for a worker.
        Init,
        /// Set by the worker that copies it. With an older epoch than the component's it was left by a
        /// dead worker, and is copied again.
        Running,
        /// Set by the worker when all rows are committed at the target.
        Finished,
        /// Set by the worker; copied again.
        Failed,
    }
}
