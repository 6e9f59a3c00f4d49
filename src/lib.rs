//! `oms` moves live databases: it converts the schema, copies the data, follows the change log
//! and proves both sides equal. `docs/architecture.md` shows the whole.

pub mod actor;
pub mod api;
pub mod cli;
pub mod cluster;
pub mod component;
pub mod config;
pub mod coordinator;
pub mod datasource;
pub mod error;
pub mod metadata;
pub mod model;
pub mod supervisor;
pub mod switchover;
pub mod telemetry;
pub mod workflow;
