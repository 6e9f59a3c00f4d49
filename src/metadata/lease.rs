//! `oms_lease`: who may act alone.
//!
//! Time is the database server's where there is one, so that two machines whose clocks differ agree.

use std::time::Duration;

use chrono::Utc;
use entity::oms_lease as l;
use sea_orm::{
    ConnectionTrait, DbBackend, EntityTrait, QueryTrait, Set, Statement, sea_query::Query,
};

use super::{
    MetaError, MetaErrorKind, Metadata, Row, Written,
    access::{FromModel, is},
    retry::{Twice, retry},
    row::now,
};

const TABLE: &str = "oms_lease";

/// A lease as it stands in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The role.
    pub name: String,
    /// Who has it.
    pub holder: String,
    /// Raised at every take-over.
    pub epoch: i64,
    /// Until when, in milliseconds since 1970 UTC; 0: released.
    pub expires_at_ms: i64,
}

impl FromModel for Lease {
    type Entity = l::Entity;

    fn from_model(row: l::Model) -> Row<Self> {
        Ok(Self {
            name: row.name,
            holder: row.holder,
            epoch: row.epoch,
            expires_at_ms: row.expires_at_ms,
        })
    }
}

/// The answer to who wants a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Leased {
    /// It is ours.
    Acquired {
        /// Newer than every epoch before it.
        epoch: i64,
    },
    /// Somebody else lives.
    Held {
        /// Who.
        holder: String,
        /// Until when, in milliseconds since 1970 UTC.
        until_ms: i64,
        /// For how long from now.
        remaining: Duration,
    },
}

/// The repository of `oms_lease`.
#[derive(Clone, Copy)]
pub struct Leases<'a>(pub(super) &'a Metadata);

impl Leases<'_> {
    /// Takes a lease that is free, run out, or ours (then with a new epoch: the process that asks is
    /// not the one that had it).
    pub async fn acquire(
        self,
        name: &str,
        holder: &str,
        ttl: Duration,
    ) -> Result<Leased, MetaError> {
        let what = "take a lease";
        for _ in 0..16 {
            let now_ms = self.now_ms().await?;
            let expires = now_ms.saturating_add(millis(ttl));
            let Some(found) = self.get(name).await? else {
                match self.insert(name, holder, expires).await {
                    Ok(()) => return Ok(Leased::Acquired { epoch: 1 }),
                    Err(error) if error.kind() == MetaErrorKind::Conflict => continue,
                    Err(error) => return Err(error),
                }
            };
            if found.expires_at_ms > now_ms && found.holder != holder {
                return Ok(Leased::Held {
                    holder: found.holder,
                    until_ms: found.expires_at_ms,
                    remaining: Duration::from_millis(found.expires_at_ms.abs_diff(now_ms)),
                });
            }
            let epoch = found.epoch + 1;
            let take = Query::update()
                .table(l::Entity)
                .value(l::Column::Holder, holder)
                .value(l::Column::Epoch, epoch)
                .value(l::Column::ExpiresAtMs, expires)
                .value(l::Column::GmtModified, now())
                .and_where(is(l::Column::Name, name))
                .and_where(is(l::Column::Epoch, found.epoch))
                .and_where(is(l::Column::ExpiresAtMs, found.expires_at_ms))
                .to_owned();
            // Not known whether it was taken: it is ours then, and is taken again.
            if self.0.execute(what, Twice::Harmful, &take).await? > 0 {
                return Ok(Leased::Acquired { epoch });
            }
        }
        Err(MetaError::Conflict {
            what: format!("many want the lease '{name}'"),
        })
    }

    /// Keeps a lease for another while; [`Written::Fenced`] when somebody else took it.
    pub async fn renew(
        self,
        name: &str,
        holder: &str,
        epoch: i64,
        ttl: Duration,
    ) -> Result<Written, MetaError> {
        let expires = self.now_ms().await?.saturating_add(millis(ttl));
        self.expire("keep a lease", name, holder, epoch, expires)
            .await
    }

    /// Gives a lease back, so that the next one need not wait.
    pub async fn release(self, name: &str, holder: &str, epoch: i64) -> Result<Written, MetaError> {
        self.expire("give a lease back", name, holder, epoch, 0)
            .await
    }

    /// A lease as it stands; `None`: nobody ever had it.
    pub async fn get(self, name: &str) -> Result<Option<Lease>, MetaError> {
        let select = l::Entity::find_by_id(name);
        match self.0.maybe::<Lease>("read a lease", select).await? {
            Some(row) => Ok(Some(row?)),
            None => Ok(None),
        }
    }

    async fn insert(self, name: &str, holder: &str, expires: i64) -> Result<(), MetaError> {
        let time = now();
        let insert = l::Entity::insert(l::ActiveModel {
            name: Set(name.to_owned()),
            holder: Set(holder.to_owned()),
            epoch: Set(1),
            expires_at_ms: Set(expires),
            gmt_created: Set(time),
            gmt_modified: Set(time),
        })
        .into_query();
        self.0
            .execute("make a lease", Twice::Harmful, &insert)
            .await?;
        Ok(())
    }

    async fn expire(
        self,
        what: &'static str,
        name: &str,
        holder: &str,
        epoch: i64,
        expires: i64,
    ) -> Result<Written, MetaError> {
        let update = Query::update()
            .table(l::Entity)
            .value(l::Column::ExpiresAtMs, expires)
            .value(l::Column::GmtModified, now())
            .and_where(is(l::Column::Name, name))
            .and_where(is(l::Column::Holder, holder))
            .and_where(is(l::Column::Epoch, epoch))
            .to_owned();
        if self.0.execute(what, Twice::Harmless, &update).await? > 0 {
            return Ok(Written::Applied);
        }
        Ok(match self.get(name).await? {
            None => Written::NotFound,
            Some(found) => Written::Fenced { found: found.epoch },
        })
    }

    /// The time of the database server; of this machine for SQLite.
    pub(super) async fn now_ms(self) -> Result<i64, MetaError> {
        let what = "read the clock";
        let backend = self.0.read.get_database_backend();
        let sql = match backend {
            DbBackend::MySql => "SELECT CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)",
            DbBackend::Postgres => {
                "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"
            }
            _ => return Ok(Utc::now().timestamp_millis()),
        };
        let row = retry(what, Twice::Harmless, || {
            let statement = Statement::from_string(backend, sql);
            self.0.read.query_one_raw(statement)
        })
        .await?;
        row.ok_or_else(|| MetaError::not_found(TABLE, "clock"))?
            .try_get_by_index(0)
            .map_err(|error| MetaError::from_db(what, error))
    }
}

fn millis(ttl: Duration) -> i64 {
    i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX)
}
