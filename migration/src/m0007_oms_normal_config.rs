//! `oms_normal_config`: system parameters.

use sea_orm_migration::prelude::*;

use crate::columns::{Columns, drop_table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let c = Columns::of(manager);
        let table = c
            .table("oms_normal_config")
            .col(c.text("cfg_name", 128).primary_key())
            .col(c.long_text("cfg_value"))
            .col(c.time("gmt_created"))
            .col(c.time("gmt_modified"))
            .take();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "oms_normal_config").await
    }
}
