//! Index on `oms_task`: the tasks of a step that somebody must do something about.

use sea_orm_migration::prelude::*;

use crate::columns::{create_index, drop_index};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_index(
            manager,
            "oms_task",
            "idx_task_status",
            &["task_group", "task_status"],
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_index(manager, "oms_task", "idx_task_status").await
    }
}
