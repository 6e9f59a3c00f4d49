//! `oms_lease`: leases.

use sea_orm_migration::prelude::*;

use crate::columns::{Columns, drop_table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let c = Columns::of(manager);
        let table = c
            .table("oms_lease")
            .col(c.text("name", 64).primary_key())
            .col(c.text("holder", 255))
            .col(c.big("epoch"))
            .col(c.big("expires_at_ms"))
            .col(c.time("gmt_created"))
            .col(c.time("gmt_modified"))
            .take();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "oms_lease").await
    }
}
