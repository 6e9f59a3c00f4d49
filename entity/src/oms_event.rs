//! `oms_event`: the journal: what happened to a step or a component, in order.

use sea_orm::entity::prelude::*;

/// A journal entry; never changed.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "oms_event")]
pub struct Model {
    /// Number, by the database.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The project's id.
    pub project_id: String,
    /// The id of the project, step, task or component that it happened to.
    pub subject: String,
    /// Number within the subject. Unique with it: a repeated write changes nothing.
    pub event_no: i64,
    /// What happened, e.g. `step.status`.
    pub event_type: String,
    /// The writer's epoch.
    pub epoch: i64,
    /// JSON object.
    #[sea_orm(column_type = "Text")]
    pub detail: String,
    /// When the row was made, UTC.
    pub gmt_created: DateTime,
}

/// No relations: rows meet by id, and a missing partner is a finding, not a refused write.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
