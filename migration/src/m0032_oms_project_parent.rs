//! Column `parent_id` of `oms_project`: the project that a sub-project's tables go to.

use sea_orm_migration::prelude::*;

use crate::columns::{Columns, ID, add_column, drop_column};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let parent = Columns::of(manager).text_null("parent_id", ID);
        add_column(manager, "oms_project", "parent_id", parent).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_column(manager, "oms_project", "parent_id").await
    }
}
