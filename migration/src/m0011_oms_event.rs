//! `oms_event`: the journal.

use sea_orm_migration::prelude::*;

use crate::columns::{COMPONENT_ID, Columns, ID, drop_table, unique};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let c = Columns::of(manager);
        let table = c
            .table("oms_event")
            .col(c.serial("id"))
            .col(c.text("project_id", ID))
            .col(c.text("subject", COMPONENT_ID))
            .col(c.big("event_no"))
            .col(c.text("event_type", 64))
            .col(c.big("epoch"))
            .col(c.long_text("detail"))
            .col(c.time("gmt_created"))
            .index(&mut unique("uk_event_subject_no", &["subject", "event_no"]))
            .take();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "oms_event").await
    }
}
