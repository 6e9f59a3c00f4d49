//! `oms_component`: components.

use sea_orm_migration::prelude::*;

use crate::columns::{COMPONENT_ID, Columns, ID, STATE, drop_table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let c = Columns::of(manager);
        let table = c
            .table("oms_component")
            .col(c.text("id", COMPONENT_ID).primary_key())
            .col(c.text("project_id", ID))
            .col(c.text("step_id", ID))
            .col(c.text("component_type", STATE))
            .col(c.text("status", STATE))
            .col(c.text("desired_status", STATE))
            .col(c.text("node", 128))
            .col(c.big("epoch"))
            .col(c.int("attempt"))
            .col(c.long_text("config"))
            .col(c.long_text("checkpoint"))
            .col(c.long_text("progress"))
            .col(c.long_text_null("error"))
            .col(c.time_null("latest_heartbeat"))
            .col(c.time("gmt_created"))
            .col(c.time("gmt_modified"))
            .take();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "oms_component").await
    }
}
