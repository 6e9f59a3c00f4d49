//! `oms_api_token`.

use chrono::NaiveDateTime;
use entity::oms_api_token as t;
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QueryTrait, Set,
    sea_query::{DeleteStatement, Query},
};

use super::{
    MetaError, MetaErrorKind, Metadata, Row,
    access::{FromModel, is},
    retry::Twice,
    row::{new_id, now, stamp},
};

/// A token.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiToken {
    /// `k_…`.
    pub id: String,
    /// Whose rights it has.
    pub user_id: String,
    /// The user's name for it.
    pub name: String,
    /// When it ends, UTC.
    pub expires_at: NaiveDateTime,
    /// When it was made, UTC.
    pub gmt_created: NaiveDateTime,
}

impl FromModel for ApiToken {
    type Entity = t::Entity;

    fn from_model(row: t::Model) -> Row<Self> {
        Ok(Self {
            id: row.id,
            user_id: row.user_id,
            name: row.name,
            expires_at: row.expires_at,
            gmt_created: row.gmt_created,
        })
    }
}

/// The repository of `oms_api_token`.
#[derive(Clone, Copy)]
pub struct ApiTokens<'a>(pub(super) &'a Metadata);

impl ApiTokens<'_> {
    /// Makes a token of which only the hash is known; a name that the user gave to another one is a
    /// [`MetaErrorKind::Conflict`].
    pub async fn create(
        self,
        user_id: &str,
        name: &str,
        hash: &str,
        expires_at: NaiveDateTime,
    ) -> Result<ApiToken, MetaError> {
        let id = new_id("k_");
        let model = t::ActiveModel {
            id: Set(id.clone()),
            user_id: Set(user_id.to_owned()),
            name: Set(name.to_owned()),
            token_hash: Set(hash.to_owned()),
            expires_at: Set(stamp(expires_at)),
            gmt_created: Set(now()),
        };
        let insert = t::Entity::insert(model).into_query();
        match self
            .0
            .execute("make a token", Twice::Harmful, &insert)
            .await
        {
            Ok(_) => self.get(&id).await,
            Err(error) if error.kind() == MetaErrorKind::Conflict => Err(MetaError::Conflict {
                what: format!("there is a token '{name}'"),
            }),
            Err(error) => Err(error),
        }
    }

    /// One token.
    pub async fn get(self, id: &str) -> Result<ApiToken, MetaError> {
        let select = t::Entity::find_by_id(id);
        self.0.one("read a token", select, id).await
    }

    /// The token with this hash.
    pub async fn find(self, hash: &str) -> Result<Option<ApiToken>, MetaError> {
        let select = t::Entity::find().filter(t::Column::TokenHash.eq(hash));
        Ok(self.0.maybe("find a token", select).await?.transpose()?)
    }

    /// All tokens, the newest first.
    pub async fn list(self) -> Result<Vec<Row<ApiToken>>, MetaError> {
        let select = t::Entity::find()
            .order_by_desc(t::Column::GmtCreated)
            .order_by_desc(t::Column::Id);
        self.0.rows("list tokens", select).await
    }

    /// Deletes a token.
    pub async fn delete(self, id: &str) -> Result<(), MetaError> {
        let delete = delete_where(t::Column::Id, id);
        self.0
            .execute("delete a token", Twice::Harmless, &delete)
            .await?;
        Ok(())
    }
}

/// Deletes all tokens of an account.
pub(super) fn delete_tokens_of(user_id: &str) -> DeleteStatement {
    delete_where(t::Column::UserId, user_id)
}

fn delete_where(column: t::Column, value: &str) -> DeleteStatement {
    Query::delete()
        .from_table(t::Entity)
        .and_where(is(column, value))
        .to_owned()
}
