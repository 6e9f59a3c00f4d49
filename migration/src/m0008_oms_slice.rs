//! `oms_slice`: slices of the full copy.

use sea_orm_migration::prelude::*;

use crate::columns::{Columns, ID, OBJECT, STATE, drop_table, primary};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let c = Columns::of(manager);
        let table = c
            .table("oms_slice")
            .col(c.text("project_id", ID))
            .col(c.text("table_schema", OBJECT))
            .col(c.text("table_name", OBJECT))
            .col(c.int("slice_no"))
            .col(c.long_text_null("lower_bound"))
            .col(c.long_text_null("upper_bound"))
            .col(c.text("status", STATE))
            .col(c.big("estimated_rows"))
            .col(c.big("copied_rows"))
            .col(c.big("copied_bytes"))
            .col(c.long_text("slice_info"))
            .col(c.big("epoch"))
            .col(c.time("gmt_created"))
            .col(c.time("gmt_modified"))
            .index(&mut primary(&[
                "project_id",
                "table_schema",
                "table_name",
                "slice_no",
            ]))
            .take();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "oms_slice").await
    }
}
