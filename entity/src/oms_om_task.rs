//! `oms_om_task`: operations on components, and repairs. Their sub-tasks are rows of `oms_task` whose
//! `task_group` is the O&M task's id.

use sea_orm::entity::prelude::*;

use crate::state::state;

/// An O&M task.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "oms_om_task")]
pub struct Model {
    /// `om_` and a number, which is the API's id; also the `task_group` of its sub-tasks.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// The project; empty where it is about components of several.
    pub project_id: String,
    /// An [`OmTaskType`].
    pub task_type: String,
    /// What it is about: a component, a node or a step.
    pub task_name: String,
    /// An [`OmTaskStatus`].
    pub task_status: String,
    /// The account that asked for it; NULL: `oms` itself, or a person with SQL.
    pub owner: Option<String>,
    /// JSON object: what to do.
    #[sea_orm(column_type = "Text")]
    pub task_info: String,
    /// JSON object: what was refused of an edit.
    #[sea_orm(column_type = "Text")]
    pub extra_info: String,
    /// The newest epoch that wrote this row; a write with an older one changes nothing.
    pub epoch: i64,
    /// When it came to its end, UTC.
    pub finish_time: Option<DateTime>,
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
    /// The kinds of O&M tasks.
    pub enum OmTaskType {
        /// Lets a component run again that was paused by a person, or that failed.
        StartComponent,
        /// Ends a component at its next safe point, until a person starts it.
        PauseComponent,
        /// As [`OmTaskType::StartComponent`]: the reference's word for a copy and a verification.
        ResumeComponent,
        /// Gives a component's step a new component.
        RerunComponent,
        /// Deletes a component's row.
        DeleteComponent,
        /// Changes a Store's settings.
        UpdateStore,
        /// Changes a Full-Import's settings.
        UpdateFullImport,
        /// Changes an Incr-Sync's settings.
        UpdateIncrSync,
        /// Changes a Full-Verification's settings.
        UpdateFullVerification,
        /// Gives a step a new component, whether or not it has one.
        RepairStep,
    }
}

state! {
    /// Where an O&M task is; what its sub-tasks are at decides.
    pub enum OmTaskStatus {
        /// Made by whoever asked; its sub-tasks are not there yet.
        Initializing,
        /// Its sub-tasks are there, none has begun.
        Ready,
        /// A sub-task is at work.
        InProgress,
        /// Every sub-task is done, or was skipped.
        Successful,
        /// A sub-task failed, and waits for a person who retries or skips it.
        Failed,
    }
}
