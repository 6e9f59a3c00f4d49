//! `oms_project_modify_record`: changes of the objects of projects.

use sea_orm_migration::prelude::*;

use crate::columns::{Columns, ID, STATE, drop_table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let c = Columns::of(manager);
        let table = c
            .table("oms_project_modify_record")
            .col(c.text("id", ID).primary_key())
            .col(c.text("project_id", ID))
            .col(c.text_null("sub_project_id", ID))
            .col(c.text("record_type", STATE))
            .col(c.text("record_status", STATE))
            .col(c.long_text("objects"))
            .col(c.long_text("record_info"))
            .col(c.long_text("extra_info"))
            .col(c.big("epoch"))
            .col(c.time("gmt_created"))
            .col(c.time("gmt_modified"))
            .take();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "oms_project_modify_record").await
    }
}
