//! Expressions and views as each database spells them.
//!
//! JSON is read from text columns that people edit: a cell that is not JSON gives NULL there and
//! never fails the whole view. Another database is added by one more arm in each function here.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::{ConnectionTrait, DbBackend};

/// Spells expressions for one database.
#[derive(Clone, Copy)]
pub enum Dialect {
    /// SQLite.
    Sqlite,
    /// MySQL, MariaDB, OceanBase.
    MySql,
}

impl Dialect {
    /// For the database behind `manager`.
    pub fn of(manager: &SchemaManager<'_>) -> Result<Self, DbErr> {
        match manager.get_database_backend() {
            DbBackend::Sqlite => Ok(Self::Sqlite),
            DbBackend::MySql => Ok(Self::MySql),
            other => Err(DbErr::Migration(format!(
                "the views of the rm database cannot be made on {other:?}"
            ))),
        }
    }

    /// A member of a JSON object as text; NULL where it is absent, null, or the cell is not JSON.
    pub fn json(self, column: &str, key: &str) -> String {
        match self {
            Self::Sqlite => format!(
                "CASE WHEN json_valid({column}) THEN CAST(json_extract({column}, '$.{key}') AS TEXT) END"
            ),
            // JSON's null comes out of MySQL as a text
            Self::MySql => format!(
                "CASE WHEN JSON_VALID({column}) THEN \
                 NULLIF(JSON_UNQUOTE(JSON_EXTRACT({column}, '$.{key}')), 'null') END"
            ),
        }
    }

    /// The same as text that is NULL where it is empty.
    pub fn json_some(self, column: &str, key: &str) -> String {
        format!("NULLIF({}, '')", self.json(column, key))
    }

    /// A member that counts milliseconds, in seconds.
    pub fn json_seconds(self, column: &str, key: &str) -> String {
        let text = self.json(column, key);
        match self {
            Self::Sqlite => format!("ROUND(CAST({text} AS REAL) / 1000, 3)"),
            Self::MySql => format!("ROUND(CAST({text} AS DECIMAL(20, 3)) / 1000, 3)"),
        }
    }

    /// A member that counts milliseconds since 1970, as a time, UTC.
    pub fn json_time(self, column: &str, key: &str) -> String {
        let text = self.json(column, key);
        match self {
            Self::Sqlite => format!(
                "strftime('%Y-%m-%d %H:%M:%f', NULLIF(CAST({text} AS REAL), 0) / 1000, 'unixepoch')"
            ),
            // FROM_UNIXTIME would answer in the session's time zone
            Self::MySql => format!(
                "CAST(TIMESTAMPADD(MICROSECOND, NULLIF(CAST({text} AS SIGNED), 0) * 1000, \
                 CAST('1970-01-01 00:00:00.000' AS DATETIME(3))) AS DATETIME(3))"
            ),
        }
    }

    /// Seconds since a time, by the database server's clock.
    pub fn age(self, column: &str) -> String {
        match self {
            Self::Sqlite => {
                format!("ROUND((julianday('now') - julianday({column})) * 86400, 1)")
            }
            Self::MySql => format!(
                "ROUND(TIMESTAMPDIFF(MICROSECOND, {column}, UTC_TIMESTAMP(3)) / 1000000, 1)"
            ),
        }
    }

    /// Makes a view, or makes it again.
    pub async fn create_view(
        self,
        manager: &SchemaManager<'_>,
        name: &str,
        select: &str,
    ) -> Result<(), DbErr> {
        let create = match self {
            Self::Sqlite => "CREATE VIEW IF NOT EXISTS",
            Self::MySql => "CREATE OR REPLACE VIEW",
        };
        let sql = format!("{create} {name} AS {select}");
        manager
            .get_connection()
            .execute_unprepared(&sql)
            .await
            .map(drop)
    }
}

/// Drops a view when it is there.
pub async fn drop_view(manager: &SchemaManager<'_>, name: &str) -> Result<(), DbErr> {
    let sql = format!("DROP VIEW IF EXISTS {name}");
    manager
        .get_connection()
        .execute_unprepared(&sql)
        .await
        .map(drop)
}
