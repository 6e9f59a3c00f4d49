//! `oms_om_task`: O&M tasks.

use sea_orm_migration::prelude::*;

use crate::columns::{COMPONENT_ID, Columns, ID, STATE, drop_table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let c = Columns::of(manager);
        let table = c
            .table("oms_om_task")
            .col(c.text("id", ID).primary_key())
            .col(c.text("project_id", ID))
            .col(c.text("task_type", STATE))
            .col(c.text("task_name", COMPONENT_ID))
            .col(c.text("task_status", STATE))
            .col(c.text_null("owner", ID))
            .col(c.long_text("task_info"))
            .col(c.long_text("extra_info"))
            .col(c.big("epoch"))
            .col(c.time_null("finish_time"))
            .col(c.time("gmt_created"))
            .col(c.time("gmt_modified"))
            .take();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "oms_om_task").await
    }
}
