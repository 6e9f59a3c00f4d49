//! The schema of the `rm` database, one change per file.
//!
//! Runs on SQLite, MySQL, MariaDB, OceanBase and PostgreSQL. What differs between them is in [`columns`]
//! (long text, times, character sets) and in [`views`] (JSON, ages).
//!
//! Rules for a migration:
//!
//! * **One DDL.** MySQL commits at every DDL, so a migration of two could stop between them.
//! * **Can be run again.** `IF NOT EXISTS`, or ask first whether the index is there: the process
//!   can die between the DDL and the line in `seaql_migrations`, and two nodes can begin at once.
//! * **Never changed once released.** A correction is a migration of its own.
//!
//! Nothing locks migrations, so they are run by `oms rm up`, by `oms migrate` at its start, or by
//! the leader; two at once meet in the same `IF NOT EXISTS`, and the loser of the race for the line
//! in `seaql_migrations` begins again. (On PostgreSQL, whose DDL is transactional, the caller runs all of
//! them in one transaction behind a lock.)

#![allow(
    elided_lifetimes_in_paths,
    reason = "the trait hides the lifetime of SchemaManager, and its implementations must too"
)]

use sea_orm_migration::prelude::*;

pub mod columns;
mod m0001_oms_project;
mod m0002_oms_step;
mod m0003_oms_task;
mod m0004_oms_component;
mod m0005_oms_component_by_project;
mod m0006_oms_datasource;
mod m0007_oms_normal_config;
mod m0008_oms_slice;
mod m0009_oms_verify_result;
mod m0010_oms_verify_diff;
mod m0011_oms_event;
mod m0012_oms_event_by_project;
mod m0013_oms_lease;
mod m0014_oms_label;
mod m0015_oms_project_label;
mod m0016_oms_metric;
mod m0017_oms_user;
mod m0018_oms_department;
mod m0019_oms_api_token;
mod m0020_oms_audit_log;
mod m0021_oms_project_owner;
mod m0022_oms_datasource_owner;
mod m0023_oms_task_by_status;
mod m0024_oms_v_projects;
mod m0025_oms_v_components;
mod m0026_oms_om_task;
mod m0027_oms_om_task_by_status;
mod m0028_oms_session;
mod m0029_oms_node;
mod m0030_oms_datasource_tls_key;
mod m0031_oms_project_modify_record;
mod m0032_oms_project_parent;
pub mod views;

pub use sea_orm_migration::MigratorTrait;

/// All changes in their order.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_oms_project::Migration),
            Box::new(m0002_oms_step::Migration),
            Box::new(m0003_oms_task::Migration),
            Box::new(m0004_oms_component::Migration),
            Box::new(m0005_oms_component_by_project::Migration),
            Box::new(m0006_oms_datasource::Migration),
            Box::new(m0007_oms_normal_config::Migration),
            Box::new(m0008_oms_slice::Migration),
            Box::new(m0009_oms_verify_result::Migration),
            Box::new(m0010_oms_verify_diff::Migration),
            Box::new(m0011_oms_event::Migration),
            Box::new(m0012_oms_event_by_project::Migration),
            Box::new(m0013_oms_lease::Migration),
            Box::new(m0014_oms_label::Migration),
            Box::new(m0015_oms_project_label::Migration),
            Box::new(m0016_oms_metric::Migration),
            Box::new(m0017_oms_user::Migration),
            Box::new(m0018_oms_department::Migration),
            Box::new(m0019_oms_api_token::Migration),
            Box::new(m0020_oms_audit_log::Migration),
            Box::new(m0021_oms_project_owner::Migration),
            Box::new(m0022_oms_datasource_owner::Migration),
            Box::new(m0023_oms_task_by_status::Migration),
            Box::new(m0024_oms_v_projects::Migration),
            Box::new(m0025_oms_v_components::Migration),
            Box::new(m0026_oms_om_task::Migration),
            Box::new(m0027_oms_om_task_by_status::Migration),
            Box::new(m0028_oms_session::Migration),
            Box::new(m0029_oms_node::Migration),
            Box::new(m0030_oms_datasource_tls_key::Migration),
            Box::new(m0031_oms_project_modify_record::Migration),
            Box::new(m0032_oms_project_parent::Migration),
        ]
    }
}
