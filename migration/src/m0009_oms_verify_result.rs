//! `oms_verify_result`: verification results.

use sea_orm_migration::prelude::*;

use crate::columns::{Columns, ID, OBJECT, STATE, drop_table, primary};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let c = Columns::of(manager);
        let table = c
            .table("oms_verify_result")
            .col(c.text("project_id", ID))
            .col(c.int("sub_id"))
            .col(c.text("source_schema", OBJECT))
            .col(c.text("source_table", OBJECT))
            .col(c.text("dest_schema", OBJECT))
            .col(c.text("dest_table", OBJECT))
            .col(c.text("status", STATE))
            .col(c.text("result_type", STATE))
            .col(c.long_text("result_desc"))
            .col(c.big("source_only_count"))
            .col(c.big("dest_only_count"))
            .col(c.big("mismatched_count"))
            .col(c.big("consistent_count"))
            .col(c.int("progress"))
            .col(c.long_text("message"))
            .col(c.long_text("extra_info"))
            .col(c.big("epoch"))
            .col(c.time("gmt_created"))
            .col(c.time("gmt_modified"))
            .index(&mut primary(&[
                "project_id",
                "sub_id",
                "source_schema",
                "source_table",
            ]))
            .take();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "oms_verify_result").await
    }
}
