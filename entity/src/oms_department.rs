//! `oms_department`: what keeps the projects of one group of users from another's.

use sea_orm::entity::prelude::*;

/// A department.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "oms_department")]
pub struct Model {
    /// `d_` and base 36; `d_default` is always there.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Unique; case counts.
    pub name: String,
    /// When the row was made, UTC.
    pub gmt_created: DateTime,
    /// When `oms` wrote the row last, UTC. A person's SQL does not move it.
    pub gmt_modified: DateTime,
}

/// No relations: rows meet by id, and a missing partner is a finding, not a refused write.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
