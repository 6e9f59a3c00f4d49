//! `oms_task`: tasks.

use sea_orm_migration::prelude::*;

use crate::columns::{Columns, ID, STATE, drop_table, unique};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let c = Columns::of(manager);
        let table = c
            .table("oms_task")
            .col(c.text("id", ID).primary_key())
            .col(c.text("task_group", ID))
            .col(c.text("task_type", 64))
            .col(c.text("task_name", 512))
            .col(c.text("task_status", STATE))
            .col(c.int("retry_count"))
            .col(c.int("max_retry_count").default(3))
            .col(c.long_text("task_info"))
            .col(c.long_text("extra_info"))
            .col(c.big("epoch"))
            .col(c.time("gmt_created"))
            .col(c.time("gmt_modified"))
            .index(&mut unique(
                "uk_task_group_type_name",
                &["task_group", "task_type", "task_name"],
            ))
            .take();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "oms_task").await
    }
}
