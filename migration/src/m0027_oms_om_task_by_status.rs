//! O&M tasks by their state: the Coordinator asks for the open ones all the time.

use sea_orm_migration::prelude::*;

use crate::columns::{create_index, drop_index};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_index(
            manager,
            "oms_om_task",
            "idx_om_task_status",
            &["task_status"],
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_index(manager, "oms_om_task", "idx_om_task_status").await
    }
}
