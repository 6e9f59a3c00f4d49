//! `oms_project`: projects.

use sea_orm_migration::prelude::*;

use crate::columns::{Columns, ID, STATE, drop_table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let c = Columns::of(manager);
        let table = c
            .table("oms_project")
            .col(c.text("id", ID).primary_key())
            .col(c.text("project_name", 128))
            .col(c.text("project_status", STATE))
            .col(c.text("project_type", STATE))
            .col(c.text("source_id", ID))
            .col(c.text("target_id", ID))
            .col(c.long_text("config"))
            .col(c.text("alarm_level", STATE))
            .col(c.long_text("extra_info"))
            .col(c.big("epoch"))
            .col(c.time("gmt_created"))
            .col(c.time("gmt_modified"))
            .take();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "oms_project").await
    }
}
