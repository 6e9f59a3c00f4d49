//! `oms_session`: logins that last for a while, as a browser's do.

use sea_orm::entity::prelude::*;

/// A session.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "oms_session")]
pub struct Model {
    /// `w_` and base 36.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// The `oms_user.id` that logged in.
    pub user_id: String,
    /// SHA-256 of the session's token, in hexadecimal; the token itself is nowhere. Unique.
    pub token_hash: String,
    /// From where it was opened.
    pub address: String,
    /// When it was used last, UTC, to the minute: it ends when it is not used for a while.
    pub last_used_at: DateTime,
    /// When it ends at the latest, UTC.
    pub expires_at: DateTime,
    /// When the row was made, UTC.
    pub gmt_created: DateTime,
}

/// No relations: rows meet by id, and a missing partner is a finding, not a refused write.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
