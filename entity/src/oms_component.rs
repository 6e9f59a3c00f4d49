//! `oms_component`: what is wanted of each component, and what it last said of itself.

use sea_orm::entity::prelude::*;

use crate::state::state;

/// A component of a project.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "oms_component")]
pub struct Model {
    /// `<node>:<subtopic or name>:<10 digits>`, e.g. `127.0.0.1-7100:MYSQL_np_x_e_y-1-0:0000000001`.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// The project's id.
    pub project_id: String,
    /// The step that made it; empty for one of the project as a whole.
    pub step_id: String,
    /// A [`ComponentType`].
    pub component_type: String,
    /// A [`ComponentStatus`]: what is.
    pub status: String,
    /// A [`DesiredStatus`]: what is wanted.
    pub desired_status: String,
    /// The node that it is assigned to.
    pub node: String,
    /// Generation of the assignment: raised for each new start, and the fence of every write, in
    /// rm and at the target.
    pub epoch: i64,
    /// How often it was started in this assignment.
    pub attempt: i32,
    /// JSON object: all that the component needs to start. No secret.
    #[sea_orm(column_type = "Text")]
    pub config: String,
    /// JSON object: where to go on from.
    #[sea_orm(column_type = "Text")]
    pub checkpoint: String,
    /// JSON object: what it has done and how fast.
    #[sea_orm(column_type = "Text")]
    pub progress: String,
    /// JSON object: code, message and remedy of the last error; NULL when all is well.
    #[sea_orm(column_type = "Text", nullable)]
    pub error: Option<String>,
    /// When it last reported, UTC.
    pub latest_heartbeat: Option<DateTime>,
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
    /// The kinds of components.
    pub enum ComponentType {
        /// Pre-check.
        Precheck,
        /// Schema, indexes and foreign keys included.
        StructTransfer,
        /// Pulls and keeps the source's log.
        Store,
        /// Full data.
        FullImport,
        /// Secondary indexes after the data.
        IndexTransfer,
        /// Incremental data.
        IncrSync,
        /// Comparison of both sides.
        FullVerification,
        /// Comparison of what Incr-Sync applied, behind it.
        IncrVerification,
        /// Does what the forward switchover, or its roll-back, needs on both servers.
        AppSwitch,
        /// Takes away what a project that is released keeps; belongs to no step.
        Release,
    }
}

state! {
    /// What a component says of itself; set by the component's reports.
    pub enum ComponentStatus {
        /// Made by the Coordinator; waits for a Supervisor to start it.
        Init,
        /// Works.
        Running,
        /// Keeps its state, does nothing; waits for a resume.
        Paused,
        /// Ended because it was told to.
        Stopped,
        /// Ended by an error (see `error`); the Supervisor restarts it with back-off where the error's
        /// policy says so, else it waits for a person.
        Exception,
        /// Ended because its work is done.
        Finished,
    }
}

state! {
    /// What the Coordinator wants of a component; the Supervisor makes it so.
    pub enum DesiredStatus {
        /// Start it, restart it, resume it.
        Running,
        /// Pause it.
        Paused,
        /// Stop it and do not start it again.
        Stopped,
    }
}
