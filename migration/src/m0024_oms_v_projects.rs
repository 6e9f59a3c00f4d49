//! `oms_v_projects`: each project on one line, for people.

use sea_orm_migration::prelude::*;

use crate::views::{Dialect, drop_view};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let dialect = Dialect::of(manager)?;
        dialect
            .create_view(manager, "oms_v_projects", &select(dialect))
            .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_view(manager, "oms_v_projects").await
    }
}

/// The current step is the first that is not done; of a project that only follows, the last that
/// does; else the last. Its order is found in a subquery of its own, because not every database
/// takes one in a join's condition.
fn select(d: Dialect) -> String {
    let lag = d.json_seconds("progress", "lag_ms");
    let code = [
        d.json_some("p.extra_info", "errorCode"),
        d.json_some("s.extra_info", "errorCode"),
    ];
    let message = [
        d.json_some("p.extra_info", "errorMsg"),
        d.json_some("s.extra_info", "errorMsg"),
    ];
    format!(
        "SELECT p.id AS project_id, p.project_name AS project_name, \
         p.project_status AS project_status, src.name AS source_name, dst.name AS target_name, \
         s.step_name AS step_name, s.step_status AS step_status, s.progress AS progress, \
         l.lag_seconds AS lag_seconds, \
         COALESCE({code_p}, {code_s}) AS error_code, \
         COALESCE({message_p}, {message_s}) AS error_message, \
         p.gmt_modified AS gmt_modified \
         FROM oms_project p \
         LEFT JOIN oms_datasource src ON src.id = p.source_id \
         LEFT JOIN oms_datasource dst ON dst.id = p.target_id \
         LEFT JOIN (SELECT project_id, COALESCE(\
           MIN(CASE WHEN step_status NOT IN ('FINISHED', 'MONITORING') THEN step_order END), \
           MAX(CASE WHEN step_status = 'MONITORING' THEN step_order END), \
           MAX(step_order)) AS step_order FROM oms_step GROUP BY project_id) c \
         ON c.project_id = p.id \
         LEFT JOIN oms_step s ON s.project_id = c.project_id AND s.step_order = c.step_order \
         LEFT JOIN (SELECT project_id, MAX({lag}) AS lag_seconds FROM oms_component \
           WHERE component_type = 'INCR_SYNC' AND desired_status <> 'STOPPED' \
           GROUP BY project_id) l \
         ON l.project_id = p.id",
        code_p = code[0],
        code_s = code[1],
        message_p = message[0],
        message_s = message[1],
    )
}
