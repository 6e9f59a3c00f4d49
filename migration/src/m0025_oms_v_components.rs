//! `oms_v_components`: each component on one line, for people.

use sea_orm_migration::prelude::*;

use crate::views::{Dialect, drop_view};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let dialect = Dialect::of(manager)?;
        dialect
            .create_view(manager, "oms_v_components", &select(dialect))
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_view(manager, "oms_v_components").await
    }
}

fn select(d: Dialect) -> String {
    format!(
        "SELECT c.id AS component_id, p.project_name AS project_name, \
         c.component_type AS component_type, c.status AS status, \
         c.desired_status AS desired_status, c.node AS node, c.attempt AS attempt, \
         {lag} AS lag_seconds, {checkpoint} AS checkpoint_time, \
         {code} AS error_code, {message} AS error_message, \
         c.latest_heartbeat AS latest_heartbeat, {age} AS heartbeat_age_seconds \
         FROM oms_component c LEFT JOIN oms_project p ON p.id = c.project_id",
        lag = d.json_seconds("c.progress", "lag_ms"),
        checkpoint = d.json_time("c.checkpoint", "time_ms"),
        code = d.json_some("c.error", "code"),
        message = d.json_some("c.error", "message"),
        age = d.age("c.latest_heartbeat"),
    )
}
