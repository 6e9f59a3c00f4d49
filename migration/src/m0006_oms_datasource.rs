//! `oms_datasource`: data sources.

use sea_orm_migration::prelude::*;

use crate::columns::{Columns, ID, STATE, drop_table, unique};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let c = Columns::of(manager);
        let table = c
            .table("oms_datasource")
            .col(c.text("id", ID).primary_key())
            .col(c.text("name", 128))
            .col(c.text("type", STATE))
            .col(c.text("host", 255))
            .col(c.int("port"))
            .col(c.text("username", 128))
            .col(c.long_text("password_cipher"))
            .col(c.long_text("options"))
            .col(c.text("version", 255))
            .col(c.text("server_identity", 255))
            .col(c.time("gmt_created"))
            .col(c.time("gmt_modified"))
            .index(&mut unique(
                "uk_datasource_endpoint",
                &["type", "host", "port", "username"],
            ))
            .take();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "oms_datasource").await
    }
}
