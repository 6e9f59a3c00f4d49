//! `oms_session`: sessions of the API.

use sea_orm_migration::prelude::*;

use crate::columns::{Columns, ID, drop_table, unique};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let c = Columns::of(manager);
        let table = c
            .table("oms_session")
            .col(c.text("id", ID).primary_key())
            .col(c.text("user_id", ID))
            .col(c.text("token_hash", 64))
            .col(c.text("address", 64))
            .col(c.time("last_used_at"))
            .col(c.time("expires_at"))
            .col(c.time("gmt_created"))
            .index(&mut unique("uk_session_hash", &["token_hash"]))
            .take();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "oms_session").await
    }
}
