//! `oms_step`: steps.

use sea_orm_migration::prelude::*;

use crate::columns::{Columns, ID, STATE, drop_table, unique};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let c = Columns::of(manager);
        let table = c
            .table("oms_step")
            .col(c.text("id", ID).primary_key())
            .col(c.text("project_id", ID))
            .col(c.int("step_order"))
            .col(c.text("step_name", STATE))
            .col(c.text("step_status", STATE))
            .col(c.int("progress"))
            .col(c.flag("interactive"))
            .col(c.long_text("step_info"))
            .col(c.long_text("extra_info"))
            .col(c.time_null("start_time"))
            .col(c.time_null("finish_time"))
            .col(c.big("epoch"))
            .col(c.time("gmt_created"))
            .col(c.time("gmt_modified"))
            .index(&mut unique(
                "uk_step_project_name",
                &["project_id", "step_name"],
            ))
            .take();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "oms_step").await
    }
}
