//! `oms_audit_log`: the audit log.

use sea_orm_migration::prelude::*;

use crate::columns::{COMPONENT_ID, Columns, ID, STATE, drop_table, unique};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let c = Columns::of(manager);
        let table = c
            .table("oms_audit_log")
            .col(c.serial("id"))
            .col(c.text("request_id", 64))
            .col(c.text("account", 64))
            .col(c.text("user_id", ID))
            .col(c.text("department_id", ID))
            .col(c.text("address", 64))
            .col(c.text("action_name", 64))
            .col(c.text("object_id", COMPONENT_ID))
            .col(c.long_text_null("before_value"))
            .col(c.long_text_null("after_value"))
            .col(c.text("result_code", STATE))
            .col(c.time("gmt_created"))
            .index(&mut unique("uk_audit_log_request", &["request_id"]))
            .take();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "oms_audit_log").await
    }
}
