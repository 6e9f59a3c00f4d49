//! `oms_session`.

use chrono::NaiveDateTime;
use entity::oms_session as e;
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, Set,
    sea_query::{DeleteStatement, Expr, ExprTrait, Query},
};

use super::{
    MetaError, Metadata, Row,
    access::{FromModel, is},
    new_id,
    retry::Twice,
    row::{now, stamp},
};

/// A session, without what proves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// `w_…`.
    pub id: String,
    /// Who logged in.
    pub user_id: String,
    /// From where.
    pub address: String,
    /// When it was used last, UTC.
    pub last_used_at: NaiveDateTime,
    /// When it ends at the latest, UTC.
    pub expires_at: NaiveDateTime,
    /// When it was made, UTC.
    pub gmt_created: NaiveDateTime,
}

impl FromModel for Session {
    type Entity = e::Entity;

    fn from_model(row: e::Model) -> Row<Self> {
        Ok(Self {
            id: row.id,
            user_id: row.user_id,
            address: row.address,
            last_used_at: row.last_used_at,
            expires_at: row.expires_at,
            gmt_created: row.gmt_created,
        })
    }
}

/// The repository of sessions. They are the user's: they carry no epoch.
#[derive(Clone, Copy)]
pub struct Sessions<'a>(pub(super) &'a Metadata);

impl Sessions<'_> {
    /// Opens a session.
    pub async fn create(
        self,
        user_id: &str,
        hash: &str,
        address: &str,
        expires_at: NaiveDateTime,
    ) -> Result<Session, MetaError> {
        let (id, time) = (new_id("w_"), now());
        let model = e::ActiveModel {
            id: Set(id.clone()),
            user_id: Set(user_id.to_owned()),
            token_hash: Set(hash.to_owned()),
            address: Set(address.to_owned()),
            last_used_at: Set(time),
            expires_at: Set(stamp(expires_at)),
            gmt_created: Set(time),
        };
        self.0
            .insert_new::<e::Entity>("open a session", vec![model], &[e::Column::Id])
            .await?;
        self.get(&id).await
    }

    /// One session.
    pub async fn get(self, id: &str) -> Result<Session, MetaError> {
        let select = e::Entity::find_by_id(id);
        self.0.one("read a session", select, id).await
    }

    /// The session with this hash.
    pub async fn find(self, hash: &str) -> Result<Option<Session>, MetaError> {
        let select = e::Entity::find().filter(e::Column::TokenHash.eq(hash));
        Ok(self.0.maybe("find a session", select).await?.transpose()?)
    }

    /// All sessions, the newest first.
    pub async fn list(self) -> Result<Vec<Row<Session>>, MetaError> {
        let select = e::Entity::find()
            .order_by_desc(e::Column::GmtCreated)
            .order_by_desc(e::Column::Id);
        self.0.rows("list sessions", select).await
    }

    /// It was used just now.
    pub async fn touch(self, id: &str) -> Result<(), MetaError> {
        let update = Query::update()
            .table(e::Entity)
            .value(e::Column::LastUsedAt, now())
            .and_where(is(e::Column::Id, id))
            .to_owned();
        let what = "keep a session open";
        self.0.execute(what, Twice::Harmless, &update).await?;
        Ok(())
    }

    /// Ends a session.
    pub async fn delete(self, id: &str) -> Result<(), MetaError> {
        self.delete_where(is(e::Column::Id, id)).await
    }

    /// Deletes those that ended by themselves: too old, or not used since `unused_since`.
    pub async fn forget(self, unused_since: NaiveDateTime) -> Result<(), MetaError> {
        let over = Expr::col(e::Column::ExpiresAt)
            .lt(now())
            .or(Expr::col(e::Column::LastUsedAt).lt(stamp(unused_since)));
        self.delete_where(over).await
    }

    async fn delete_where(self, condition: Expr) -> Result<(), MetaError> {
        let delete = delete_where(condition);
        self.0
            .execute("end sessions", Twice::Harmless, &delete)
            .await?;
        Ok(())
    }
}

/// Ends all sessions of an account.
pub(super) fn end_sessions_of(user_id: &str) -> DeleteStatement {
    delete_where(is(e::Column::UserId, user_id))
}

fn delete_where(condition: Expr) -> DeleteStatement {
    Query::delete()
        .from_table(e::Entity)
        .and_where(condition)
        .to_owned()
}
