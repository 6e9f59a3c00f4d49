//! Index on `oms_event`: the journal of a project, in order.

use sea_orm_migration::prelude::*;

use crate::columns::{create_index, drop_index};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_index(
            manager,
            "oms_event",
            "idx_event_project",
            &["project_id", "id"],
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_index(manager, "oms_event", "idx_event_project").await
    }
}
