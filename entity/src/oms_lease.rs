//! `oms_lease`: who may act alone. One row per role, e.g. `coordinator`.

use sea_orm::entity::prelude::*;

/// A lease.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "oms_lease")]
pub struct Model {
    /// The role.
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// Who has it: node, process and a random part.
    pub holder: String,
    /// Raised at every take-over; the holder's fence.
    pub epoch: i64,
    /// Until when, in milliseconds since 1970 UTC by the database server's clock; 0: released.
    pub expires_at_ms: i64,
    /// When the row was made, UTC.
    pub gmt_created: DateTime,
    /// When `oms` wrote the row last, UTC. A person's SQL does not move it.
    pub gmt_modified: DateTime,
}

/// No relations: rows meet by id, and a missing partner is a finding, not a refused write.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
