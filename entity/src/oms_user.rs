//! `oms_user`: who may use the API.

use sea_orm::entity::prelude::*;
use serde::{Deserialize, Serialize};

use crate::state::state_text;

/// An account.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "oms_user")]
pub struct Model {
    /// `u` and base 36.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// The name to log in with. Unique; case counts.
    pub account: String,
    /// Argon2id, in its own text form; never plain, never logged.
    pub password_hash: String,
    /// A [`UserRole`].
    pub user_role: String,
    /// The `oms_department.id`; empty for `ROOT` and `ROOT-VIEWER`, who stand above departments.
    pub department_id: String,
    /// Mail address; may be empty.
    pub mail: String,
    /// Telephone; may be empty.
    pub phone: String,
    /// What people should know; may be empty.
    #[sea_orm(column_type = "Text")]
    pub description: String,
    /// Somebody else chose the password: nothing can be done before it is changed.
    pub must_change: bool,
    /// Too many wrong passwords. A person may set it back, with `login_failure_times = 0`.
    pub is_locked: bool,
    /// When the lock ends by itself, UTC; NULL beside `is_locked`: never.
    pub locked_until: Option<DateTime>,
    /// Wrong passwords since the last right one.
    pub login_failure_times: i32,
    /// When the password was set, UTC: it expires by this.
    pub password_changed_at: DateTime,
    /// When the row was made, UTC.
    pub gmt_created: DateTime,
    /// When `oms` wrote the row last, UTC. A person's SQL does not move it.
    pub gmt_modified: DateTime,
}

/// No relations: rows meet by id, and a missing partner is a finding, not a refused write.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// What an account may do.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    EnumIter,
    DeriveActiveEnum,
    Serialize,
    Deserialize,
)]
#[sea_orm(rs_type = "String", db_type = "String(StringLen::N(32))")]
pub enum UserRole {
    /// Everything. One account, made by the first start.
    #[sea_orm(string_value = "ROOT")]
    #[serde(rename = "ROOT")]
    Root,
    /// Sees everything, changes nothing.
    #[sea_orm(string_value = "ROOT-VIEWER")]
    #[serde(rename = "ROOT-VIEWER")]
    RootViewer,
    /// Everything inside its department.
    #[sea_orm(string_value = "ADMIN")]
    #[serde(rename = "ADMIN")]
    Admin,
    /// Sees everything inside its department, changes nothing.
    #[sea_orm(string_value = "ADMIN-VIEWER")]
    #[serde(rename = "ADMIN-VIEWER")]
    AdminViewer,
    /// Its own projects and data sources.
    #[sea_orm(string_value = "USER")]
    #[serde(rename = "USER")]
    User,
}

state_text!(UserRole);
