//! `oms_audit_log`: who changed what, and what came of it.

use sea_orm::entity::prelude::*;

/// A changing action. The row is written before the action begins, and completed after it.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "oms_audit_log")]
pub struct Model {
    /// Number, by the database.
    #[sea_orm(primary_key)]
    pub id: i64,
    /// The request's id, as its answer says. Unique.
    pub request_id: String,
    /// The account's name.
    pub account: String,
    /// The account's `oms_user.id`; empty: not by the API.
    pub user_id: String,
    /// The account's department at that time; empty: none.
    pub department_id: String,
    /// From where: the address, or the command line.
    pub address: String,
    /// The action's name.
    pub action_name: String,
    /// The id of what was changed or made; empty where there is none.
    pub object_id: String,
    /// JSON object: what it was before, without secrets; NULL: it was not there.
    #[sea_orm(column_type = "Text")]
    pub before_value: Option<String>,
    /// JSON object: what it was after, without secrets; of components' new settings, what was asked for.
    /// NULL: it was not there.
    #[sea_orm(column_type = "Text")]
    pub after_value: Option<String>,
    /// `OK`, or the error's code. Empty: it began, and the process ended before the action did.
    pub result_code: String,
    /// When the row was made, UTC.
    pub gmt_created: DateTime,
}

/// No relations: rows meet by id, and a missing partner is a finding, not a refused write.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
