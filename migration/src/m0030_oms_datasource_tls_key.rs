//! Column `tls_key_cipher` of `oms_datasource`: the key of a client certificate.

use sea_orm_migration::prelude::*;

use crate::columns::{Columns, add_column, drop_column};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let key = Columns::of(manager).long_text_null("tls_key_cipher");
        add_column(manager, "oms_datasource", "tls_key_cipher", key).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_column(manager, "oms_datasource", "tls_key_cipher").await
    }
}
