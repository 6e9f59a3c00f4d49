//! `oms_verify_diff`: rows that differ.

use sea_orm_migration::prelude::*;

use crate::columns::{Columns, ID, OBJECT, STATE, drop_table, unique};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let c = Columns::of(manager);
        let table = c
            .table("oms_verify_diff")
            .col(c.serial("id"))
            .col(c.text("project_id", ID))
            .col(c.int("sub_id"))
            .col(c.text("source_schema", OBJECT))
            .col(c.text("source_table", OBJECT))
            .col(c.text("key_hash", 64))
            .col(c.text("diff_type", STATE))
            .col(c.long_text("unique_keys"))
            .col(c.long_text("details"))
            .col(c.long_text("correction_sql"))
            .col(c.flag("corrected"))
            .col(c.time("gmt_created"))
            .index(&mut unique(
                "uk_verify_diff_key",
                &[
                    "project_id",
                    "sub_id",
                    "source_schema",
                    "source_table",
                    "key_hash",
                ],
            ))
            .take();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "oms_verify_diff").await
    }
}
