//! `oms_metric`: what the steps of projects had done, sampled over time; kept for a week.

use sea_orm::entity::prelude::*;

/// A sample.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "oms_metric")]
pub struct Model {
    /// The project's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub project_id: String,
    /// The step.
    #[sea_orm(primary_key, auto_increment = false)]
    pub step_name: String,
    /// When it was taken, milliseconds since 1970 UTC.
    #[sea_orm(primary_key, auto_increment = false)]
    pub sampled_at_ms: i64,
    /// Rows done by the work that ran then; a new work begins with 0.
    pub done: i64,
    /// Bytes done by it.
    pub bytes: i64,
    /// How far the target was behind the source, milliseconds; -1: not known.
    pub lag_ms: i64,
}

/// No relations: rows meet by id, and a missing partner is a finding, not a refused write.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
