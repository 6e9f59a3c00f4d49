//! `oms_normal_config`: system parameters, and counters of `oms` itself (`oms.sequence.…`).

use sea_orm::entity::prelude::*;

/// A system parameter.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "oms_normal_config")]
pub struct Model {
    /// Name, e.g. `ha.config`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub cfg_name: String,
    /// JSON.
    #[sea_orm(column_type = "Text")]
    pub cfg_value: String,
    /// When the row was made, UTC.
    pub gmt_created: DateTime,
    /// When `oms` wrote the row last, UTC. A person's SQL does not move it.
    pub gmt_modified: DateTime,
}

/// No relations: rows meet by id, and a missing partner is a finding, not a refused write.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
