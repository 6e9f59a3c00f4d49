//! The rows of the `rm` database: one file per table.
//!
//! The rm database is an operator's interface: people read it with SQL and repair with SQL. So the
//! columns that hold a state or JSON are plain text in the models here, and a row that a person
//! edited badly can still be read. The repositories (`metadata` in the crate `oms`) turn text into
//! the enums of these files and say exactly which cell is wrong when they cannot.
//!
//! Every time column is UTC with milliseconds and no zone.

pub mod oms_api_token;
pub mod oms_audit_log;
pub mod oms_component;
pub mod oms_datasource;
pub mod oms_department;
pub mod oms_event;
pub mod oms_label;
pub mod oms_lease;
pub mod oms_metric;
pub mod oms_node;
pub mod oms_normal_config;
pub mod oms_om_task;
pub mod oms_project;
pub mod oms_project_label;
pub mod oms_project_modify_record;
pub mod oms_session;
pub mod oms_slice;
pub mod oms_step;
pub mod oms_task;
pub mod oms_user;
pub mod oms_verify_diff;
pub mod oms_verify_result;
mod shape;
mod state;
#[cfg(test)]
mod tests;
mod views;

pub use oms_component::{ComponentStatus, ComponentType, DesiredStatus};
pub use oms_datasource::DataSourceType;
pub use oms_om_task::{OmTaskStatus, OmTaskType};
pub use oms_project::{AlarmLevel, ProjectStatus, ProjectType};
pub use oms_project_modify_record::{ModifyStatus, ModifyType};
pub use oms_slice::SliceStatus;
pub use oms_step::{StepName, StepStatus};
pub use oms_task::TaskStatus;
pub use oms_user::UserRole;
pub use oms_verify_diff::DiffType;
pub use oms_verify_result::{VerifyResultType, VerifyStatus};
pub use shape::{ColumnShape, EnumShape, TableShape, all_enums, all_tables};
pub use state::StateText;
pub use views::{ViewShape, all_views};
