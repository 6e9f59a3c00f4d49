//! `oms_api_token`: API tokens.

use sea_orm_migration::prelude::*;

use crate::columns::{Columns, ID, drop_table, unique};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let c = Columns::of(manager);
        let table = c
            .table("oms_api_token")
            .col(c.text("id", ID).primary_key())
            .col(c.text("user_id", ID))
            .col(c.text("name", 64))
            .col(c.text("token_hash", 64))
            .col(c.time("expires_at"))
            .col(c.time("gmt_created"))
            .index(&mut unique("uk_api_token_user_name", &["user_id", "name"]))
            .index(&mut unique("uk_api_token_hash", &["token_hash"]))
            .take();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "oms_api_token").await
    }
}
