//! `oms_step`: the steps of a project, in order.

use sea_orm::entity::prelude::*;

use crate::state::state;

/// A step of a project.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "oms_step")]
pub struct Model {
    /// `s_` and base 36; also the `task_group` of the step's tasks.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// The project's id. Unique together with `step_name`.
    pub project_id: String,
    /// 1 for the first. Steps that the user did not choose are absent and the numbers close up.
    pub step_order: i32,
    /// A [`StepName`].
    pub step_name: String,
    /// A [`StepStatus`].
    pub step_status: String,
    /// 0 to 100.
    pub progress: i32,
    /// Must be confirmed by the user; the Coordinator does not start it by itself.
    pub interactive: bool,
    /// JSON object that depends on the step: component ids, rows, rates, checkpoints. An empty object
    /// on a `FAILED` step means: make the components anew.
    #[sea_orm(column_type = "Text")]
    pub step_info: String,
    /// JSON object: `errorCode`, `errorMsg`, `errorParam`, `errorDetails`, `failedTime`.
    #[sea_orm(column_type = "Text")]
    pub extra_info: String,
    /// When it ran first, UTC.
    pub start_time: Option<DateTime>,
    /// When it was finished, or reached `MONITORING`, UTC.
    pub finish_time: Option<DateTime>,
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
    /// The steps that a project can have, in their order.
    pub enum StepName {
        /// Checks connection, versions, privileges, log settings; touches nothing.
        TransferPrecheck,
        /// Prepares both sides (accounts, heartbeat tables) where a project needs it.
        TransferPrepare,
        /// Schema.
        StructTransfer,
        /// Starts the Store, so that the log position precedes the copy.
        TransferIncrLogPull,
        /// Full data.
        FullTransfer,
        /// Secondary indexes and foreign keys that were put off.
        IndexTransfer,
        /// Incremental data; its steady state is `MONITORING`.
        IncrTransfer,
        /// Verification of what was applied, behind it; its steady state is `MONITORING`.
        IncrVerifier,
        /// Full verification.
        FullVerifier,
        /// Forward switchover; interactive.
        TransferAppSwitch,
        /// Incremental data back from the target to the source.
        ReverseIncrTransfer,
    }
}

state! {
    /// Where a step is.
    pub enum StepStatus {
        /// Not started. Set when the steps are made; waits for the steps before it.
        Init,
        /// Set by the Coordinator; its tasks or components run.
        Running,
        /// Set by the Coordinator when a task or component failed for good, or by a person who wants the
        /// step to run again (with `step_info = '{}'`: from anew).
        Failed,
        /// Set by the Coordinator when everything of the step is done; never runs again by itself.
        Finished,
        /// Set by the Coordinator when the project is paused, and waits for the resume; or by a person.
        Suspend,
        /// Set by the Coordinator when incremental data has caught up; the steady state, it goes on.
        Monitoring,
    }
}
