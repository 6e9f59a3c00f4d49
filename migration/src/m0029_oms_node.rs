//! `oms_node`: nodes.

use sea_orm_migration::prelude::*;

use crate::columns::{Columns, drop_table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let c = Columns::of(manager);
        let table = c
            .table("oms_node")
            .col(c.text("name", 64).primary_key())
            .col(c.text("ip", 64))
            .col(c.int("port"))
            .col(c.text("region", 64))
            .col(c.text("version", 64))
            .col(c.big("epoch"))
            .col(c.int_null("cpu_percent"))
            .col(c.int_null("memory_percent"))
            .col(c.int_null("disk_percent"))
            .col(c.int_null("store_quota"))
            .col(c.int_null("connector_quota"))
            .col(c.big("heartbeat_at_ms"))
            .col(c.time("gmt_created"))
            .col(c.time("gmt_modified"))
            .take();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "oms_node").await
    }
}
