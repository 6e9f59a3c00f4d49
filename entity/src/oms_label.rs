//! `oms_label`: labels, by which many projects are found, started and paused at once.

use sea_orm::entity::prelude::*;

/// A label.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "oms_label")]
pub struct Model {
    /// `l_` and base 36.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Its name, 1 to 20 characters without blanks. Unique; case counts.
    pub label_name: String,
    /// When the row was made, UTC.
    pub gmt_created: DateTime,
    /// When `oms` wrote the row last, UTC. A person's SQL does not move it.
    pub gmt_modified: DateTime,
}

/// No relations: rows meet by id, and a missing partner is a finding, not a refused write.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
