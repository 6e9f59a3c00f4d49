//! `oms_api_token`: tokens that programs use in an account's name.

use sea_orm::entity::prelude::*;

/// A token.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "oms_api_token")]
pub struct Model {
    /// `k_` and base 36.
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    /// The `oms_user.id` whose rights it has. Unique together with `name`.
    pub user_id: String,
    /// The user's name for it.
    pub name: String,
    /// SHA-256 of the token, in hexadecimal; the token itself is nowhere. Unique.
    pub token_hash: String,
    /// When it ends, UTC.
    pub expires_at: DateTime,
    /// When the row was made, UTC.
    pub gmt_created: DateTime,
}

/// No relations: rows meet by id, and a missing partner is a finding, not a refused write.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
