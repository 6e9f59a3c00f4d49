//! Index on `oms_component`: the components of a project or step.

use sea_orm_migration::prelude::*;

use crate::columns::{create_index, drop_index};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        create_index(
            manager,
            "oms_component",
            "idx_component_project",
            &["project_id", "step_id"],
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_index(manager, "oms_component", "idx_component_project").await
    }
}
