//! `oms_verify_diff`: the rows that differ, and the SQL that makes them equal.

use sea_orm::entity::prelude::*;

use crate::state::state;

/// A row that differs.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "oms_verify_diff")]
pub struct Model {
    /// Number, by the database.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The project's id.
    pub project_id: String,
    /// Number of the verification.
    pub sub_id: i32,
    /// The source's schema.
    pub source_schema: String,
    /// The source's table.
    pub source_table: String,
    /// SHA-256 of the row's key, so that a repeat does not double the difference. Unique together with
    /// project, verification and table.
    pub key_hash: String,
    /// A [`DiffType`].
    pub diff_type: String,
    /// JSON array of `{columnName, columnValue}`.
    #[sea_orm(column_type = "Text")]
    pub unique_keys: String,
    /// JSON array of `{columnName, sourceValue, destValue}`.
    #[sea_orm(column_type = "Text")]
    pub details: String,
    /// The statement that makes the target equal.
    #[sea_orm(column_type = "Text")]
    pub correction_sql: String,
    /// Was it applied.
    pub corrected: bool,
    /// When the row was made, UTC.
    pub gmt_created: DateTime,
}

/// No relations: rows meet by id, and a missing partner is a finding, not a refused write.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

state! {
    /// How a row differs. `MASTER` is the source, `IMAGE` is the target.
    pub enum DiffType {
        /// Only the source has it.
        MasterOnly,
        /// Only the target has it.
        ImageOnly,
        /// Both have it, with different values.
        Mismatched,
    }
}
