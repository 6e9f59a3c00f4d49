//! `oms_metric`: what steps had done, sampled over time.

use sea_orm_migration::prelude::*;

use crate::columns::{Columns, ID, STATE, drop_table, primary};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let c = Columns::of(manager);
        let table = c
            .table("oms_metric")
            .col(c.text("project_id", ID))
            .col(c.text("step_name", STATE))
            .col(c.big("sampled_at_ms"))
            .col(c.big("done"))
            .col(c.big("bytes"))
            .col(c.big("lag_ms"))
            .index(&mut primary(&["project_id", "step_name", "sampled_at_ms"]))
            .take();
        manager.create_table(table).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "oms_metric").await
    }
}
