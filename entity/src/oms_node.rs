//! `oms_node`: the nodes of the cluster, with what each says of its host and what it may run.

use sea_orm::entity::prelude::*;

/// A node.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "oms_node")]
pub struct Model {
    /// Its name, as `oms_component.node` has it.
    #[sea_orm(primary_key, auto_increment = false)]
    pub name: String,
    /// Its address.
    pub ip: String,
    /// The port of its API.
    pub port: i32,
    /// Where it stands.
    pub region: String,
    /// The version of `oms` that runs there.
    pub version: String,
    /// The newest epoch that wrote this row; a node with an older one ends itself.
    pub epoch: i64,
    /// The host's CPU in use, percent; NULL: not known.
    pub cpu_percent: Option<i32>,
    /// The host's memory in use, percent; NULL: not known.
    pub memory_percent: Option<i32>,
    /// The disk with the Stores in use, percent; NULL: not known.
    pub disk_percent: Option<i32>,
    /// Stores that it may have; NULL: any number.
    pub store_quota: Option<i32>,
    /// Full-Imports, Incr-Syncs and verifications that it may have, together; NULL: any number.
    pub connector_quota: Option<i32>,
    /// When it said so last, in milliseconds since 1970 UTC by the database server's clock; 0: it
    /// ended.
    pub heartbeat_at_ms: i64,
    /// When the row was made, UTC.
    pub gmt_created: DateTime,
    /// When `oms` wrote the row last, UTC. A person's SQL does not move it.
    pub gmt_modified: DateTime,
}

/// No relations: rows meet by id, and a missing partner is a finding, not a refused write.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
