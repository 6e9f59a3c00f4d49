//! `oms_project`: one row per migration or synchronisation project.

use sea_orm::entity::prelude::*;

use crate::state::state;

/// A project: from where, to where, what, and how far.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "oms_project")]
pub struct Model {
    /// `np_` and 12 to 16 characters of base 36.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// Unique among the projects that are not `DELETED`; the repository checks it.
    pub project_name: String,
    /// A [`ProjectStatus`].
    pub project_status: String,
    /// A [`ProjectType`].
    pub project_type: String,
    /// The source's `oms_datasource.id`.
    pub source_id: String,
    /// The target's `oms_datasource.id`.
    pub target_id: String,
    /// JSON object: the objects to move and the options, as the user gave them.
    #[sea_orm(column_type = "Text")]
    pub config: String,
    /// An [`AlarmLevel`].
    pub alarm_level: String,
    /// JSON object: the running step, the error (`errorCode`, `errorMsg`, `failedTime`), the subtopics.
    #[sea_orm(column_type = "Text")]
    pub extra_info: String,
    /// The newest epoch that wrote this row; a write with an older one changes nothing.
    pub epoch: i64,
    /// When the row was made, UTC.
    pub gmt_created: DateTime,
    /// When `oms` wrote the row last, UTC. A person's SQL does not move it.
    pub gmt_modified: DateTime,
    /// The `oms_user.id` of whom it belongs to; NULL: `ROOT`.
    pub owner: Option<String>,
    /// Of a sub-project, which brings added tables: the id of the project that gets them; NULL for
    /// every other project.
    pub parent_id: Option<String>,
}

/// No relations: rows meet by id, and a missing partner is a finding, not a refused write.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

state! {
    /// Where a project is in its life.
    pub enum ProjectStatus {
        /// Not started. Set when the project is created; waits for the user's start.
        Init,
        /// Set by the Coordinator at start and at resume; its steps run.
        Running,
        /// Paused. Set by the user; the Coordinator stops the components and waits for a resume.
        Suspend,
        /// Set by the Coordinator when a step failed for good; waits for a repair or a resume.
        Failed,
        /// Set by the Coordinator when the last step is done.
        Finished,
        /// Set by the user's release; the Coordinator removes the components and what they hold.
        Releasing,
        /// Set by the Coordinator when nothing of the project runs or is held; cannot start again.
        Released,
        /// Set by the user's delete; the row stays, its name is free again.
        Deleted,
        /// The objects of a running project are being changed; set by the Coordinator.
        RunningModifying,
        /// A child project is being merged into this one; set by the Coordinator.
        RunningMerging,
    }
}

state! {
    /// What kind of project.
    pub enum ProjectType {
        /// Database to database, with verification and switchover.
        Migration,
        /// Database to a message queue: no verification, no switchover.
        Sync,
    }
}

state! {
    /// How much a project's trouble matters to the alert center. Set by the user.
    pub enum AlarmLevel {
        /// Short thresholds, every channel.
        High,
        /// Middle thresholds.
        Medium,
        /// Long thresholds. The default.
        Low,
        /// No alerts.
        Ignore,
    }
}
