//! Column `owner` of `oms_project`: whose it is.

use sea_orm_migration::prelude::*;

use crate::columns::{Columns, ID, add_column, drop_column};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let owner = Columns::of(manager).text_null("owner", ID);
        add_column(manager, "oms_project", "owner", owner).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_column(manager, "oms_project", "owner").await
    }
}
