//! `oms_department`: departments.

use sea_orm_migration::prelude::*;

use crate::columns::{Columns, ID, drop_table, unique};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let c = Columns::of(manager);
        let table = c
            .table("oms_department")
            .col(c.text("id", ID).primary_key())
            .col(c.text("name", 64))
            .col(c.time("gmt_created"))
            .col(c.time("gmt_modified"))
            .index(&mut unique("uk_department_name", &["name"]))
            .take();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "oms_department").await
    }
}
