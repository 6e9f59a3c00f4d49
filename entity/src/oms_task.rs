//! `oms_task`: the tasks of a step, and the sub-tasks of O&M tasks.
//!
//! An operator sets `task_status = 'PENDING'` to run a task again, and `retry_count = 0` where its
//! retries are used up.

use sea_orm::entity::prelude::*;

use crate::state::state;

/// A task of a step: one kind of work on one object.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "oms_task")]
pub struct Model {
    /// `t_` and base 36.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// The owning step's id, or that of an O&M task. Unique together with `task_type` and `task_name`.
    pub task_group: String,
    /// What is to be done, e.g. `CREATE_TABLE`, `CREATE_DEST_STORE`. Text, so that a new kind needs no
    /// change here.
    pub task_type: String,
    /// The object it is about, e.g. `shop.orders`. Case counts.
    pub task_name: String,
    /// A [`TaskStatus`].
    pub task_status: String,
    /// How often it was tried again.
    pub retry_count: i32,
    /// Above this, a failed task waits for a person. 3 unless told.
    pub max_retry_count: i32,
    /// JSON object: what to do, and what was done.
    #[sea_orm(column_type = "Text")]
    pub task_info: String,
    /// JSON object: `errorCode`, `errorMsg`, `failedTime` of the last failure.
    #[sea_orm(column_type = "Text")]
    pub extra_info: String,
    /// The newest epoch that wrote this row; a write with an older one changes nothing.
    pub epoch: i64,
    /// When the row was made, UTC.
    pub gmt_created: DateTime,
    /// When `oms` wrote the row last, UTC. A person's SQL does not move it.
    pub gmt_modified: DateTime,
}

/// No relations: rows meet by id, and a missing partner is a finding, not a refused write.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

state! {
    /// Where a task is.
    pub enum TaskStatus {
        /// Set when the task is made, by the Coordinator for a retry, or by a person; waits for the
        /// scheduler, which takes it while `retry_count <= max_retry_count`.
        Pending,
        /// Set by the Coordinator. Found after a restart it is run again: tasks are idempotent.
        Running,
        /// Set by the Coordinator.
        Finished,
        /// Set by the component that did it. Where the error may pass, the scheduler tries again by
        /// itself while `retry_count <= max_retry_count`; else it waits for a person.
        Failed,
        /// Set by the user, who takes the consequence; counts as done.
        Skipped,
    }
}
