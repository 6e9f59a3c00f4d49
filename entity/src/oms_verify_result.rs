//! `oms_verify_result`: what the comparison of each table found.

use sea_orm::entity::prelude::*;

use crate::state::state;

/// The comparison of one table.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "oms_verify_result")]
pub struct Model {
    /// The project's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub project_id: String,
    /// Number of the verification: 1 for the first, more for repeats and re-checks; 0 for the incremental verification.
    #[sea_orm(primary_key, auto_increment = false)]
    pub sub_id: i32,
    /// The source's schema. Case counts.
    #[sea_orm(primary_key, auto_increment = false)]
    pub source_schema: String,
    /// The source's table. Case counts.
    #[sea_orm(primary_key, auto_increment = false)]
    pub source_table: String,
    /// The target's schema.
    pub dest_schema: String,
    /// The target's table.
    pub dest_table: String,
    /// A [`VerifyStatus`].
    pub status: String,
    /// A [`VerifyResultType`].
    pub result_type: String,
    /// One sentence about the result.
    #[sea_orm(column_type = "Text")]
    pub result_desc: String,
    /// Rows that only the source has.
    pub source_only_count: i64,
    /// Rows that only the target has.
    pub dest_only_count: i64,
    /// Rows that both have and that differ.
    pub mismatched_count: i64,
    /// Rows that are equal.
    pub consistent_count: i64,
    /// 0 to 100.
    pub progress: i32,
    /// The error, or what the user should know.
    #[sea_orm(column_type = "Text")]
    pub message: String,
    /// JSON object: where to go on, rounds of re-checks, method.
    #[sea_orm(column_type = "Text")]
    pub extra_info: String,
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
    /// Where the comparison of a table is.
    pub enum VerifyStatus {
        /// Set by Full-Verification when it begins the table.
        Running,
        /// Set by Full-Verification when the table cannot be compared; see `message`.
        Error,
        /// Set by Full-Verification when every row was compared.
        Finished,
        /// Set by Full-Verification when it is paused or stopped in the midst.
        Suspend,
    }
}

state! {
    /// What came out.
    pub enum VerifyResultType {
        /// Not yet known.
        Running,
        /// The columns do not fit.
        SchemaMismatch,
        /// The keys of both sides do not fit.
        IndexConflict,
        /// The target has no such table.
        TargetTableNotExist,
        /// The comparison ended by an error.
        RuntimeException,
        /// Both sides are empty.
        BothEmpty,
        /// Every row is equal.
        Consistent,
        /// Some rows differ.
        Inconsistent,
        /// Only the target has rows.
        SourceEmpty,
        /// Only the source has rows.
        TargetEmpty,
        /// More differences than the limit; the comparison stopped there.
        MismatchLimit,
        /// The same for a table without a key.
        MismatchLimitNoPk,
        /// None of these; see `message`.
        NotCategorized,
    }
}
