//! `oms_project_modify_record`: changes of the objects of projects.

use sea_orm::entity::prelude::*;

use crate::state::state;

/// A change of a project's objects: tables that are added, or that are removed.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "oms_project_modify_record")]
pub struct Model {
    /// `mr_` and base 36.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// The project's id.
    pub project_id: String,
    /// The id of the project that brings the added tables; NULL where there is none.
    pub sub_project_id: Option<String>,
    /// A [`ModifyType`].
    pub record_type: String,
    /// A [`ModifyStatus`].
    pub record_status: String,
    /// JSON object: `tables`, a list of `{schema, table}`.
    #[sea_orm(column_type = "Text")]
    pub objects: String,
    /// JSON object: how far it is, among it the number of the attempt to merge.
    #[sea_orm(column_type = "Text")]
    pub record_info: String,
    /// JSON object: `errorCode`, `errorMsg`, `proposal` of what went wrong.
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
    /// Whether tables come or go.
    pub enum ModifyType {
        /// Tables are added.
        IncreaseObject,
        /// Tables are removed.
        DecreaseObject,
    }
}

state! {
    /// Where a change is.
    pub enum ModifyStatus {
        /// Waits until the project runs.
        Pending,
        /// Tables are added: the sub-project is being made. Tables are removed: the project is being changed.
        Modifying,
        /// The sub-project runs.
        Running,
        /// The sub-project has caught up and is being merged into the project.
        Merging,
        /// Aborted by the user, or with the project's release; the tables were not added.
        Terminated,
        /// Done.
        Success,
        /// The sub-project failed; waits for the user, who tries again or aborts.
        Failed,
        /// Cancelled by the user before it began.
        Cancel,
    }
}
