//! `oms_user`: accounts.

use sea_orm_migration::prelude::*;

use crate::columns::{Columns, ID, STATE, drop_table, unique};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let c = Columns::of(manager);
        let table = c
            .table("oms_user")
            .col(c.text("id", ID).primary_key())
            .col(c.text("account", 64))
            .col(c.text("password_hash", 255))
            .col(c.text("user_role", STATE))
            .col(c.text("department_id", ID))
            .col(c.text("mail", 255))
            .col(c.text("phone", 64))
            .col(c.long_text("description"))
            .col(c.flag("must_change"))
            .col(c.flag("is_locked"))
            .col(c.time_null("locked_until"))
            .col(c.int("login_failure_times"))
            .col(c.time("password_changed_at"))
            .col(c.time("gmt_created"))
            .col(c.time("gmt_modified"))
            .index(&mut unique("uk_user_account", &["account"]))
            .take();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "oms_user").await
    }
}
