//! `oms_project_label`: which project has which label.

use sea_orm::entity::prelude::*;

/// A project's label.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "oms_project_label")]
pub struct Model {
    /// The project's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub project_id: String,
    /// The label's id.
    #[sea_orm(primary_key, auto_increment = false)]
    pub label_id: String,
    /// When the row was made, UTC.
    pub gmt_created: DateTime,
}

/// No relations: rows meet by id, and a missing partner is a finding, not a refused write.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
