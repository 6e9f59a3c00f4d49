//! `oms_project_label`: which project has which label.

use sea_orm_migration::prelude::*;

use crate::columns::{Columns, ID, drop_table, primary};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let c = Columns::of(manager);
        let table = c
            .table("oms_project_label")
            .col(c.text("project_id", ID))
            .col(c.text("label_id", ID))
            .col(c.time("gmt_created"))
            .index(&mut primary(&["project_id", "label_id"]))
            .take();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "oms_project_label").await
    }
}
