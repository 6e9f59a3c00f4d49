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
    /// PostgreSQL.
    Postgres,
}

/// PostgreSQL before 16 cannot ask whether a text is JSON: a cast of one that is not is an error, which
/// would be the whole view's. This catches it.
const JSON_MEMBER: &str = "CREATE OR REPLACE FUNCTION oms_json_member(cell text, member text) \
    RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ \
    BEGIN \
      IF json_typeof(cell::json) <> 'object' THEN RETURN NULL; END IF; \
      RETURN cell::json ->> member; \
    EXCEPTION WHEN OTHERS THEN RETURN NULL; \
    END $$";

impl Dialect {
    /// For the database behind `manager`.
    pub fn of(manager: &SchemaManager<'_>) -> Result<Self, DbErr> {
        match manager.get_database_backend() {
            DbBackend::Sqlite => Ok(Self::Sqlite),
            DbBackend::MySql => Ok(Self::MySql),
            DbBackend::Postgres => Ok(Self::Postgres),
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
            Self::Postgres => format!("oms_json_member({column}, '{key}')"),
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
            Self::Postgres => format!("ROUND({} / 1000, 3)", number(&text)),
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
            // to_timestamp would answer in the session's time zone
            Self::Postgres => format!(
                "CAST(TIMESTAMP '1970-01-01 00:00:00' + CAST(NULLIF({}, 0) AS double precision) \
                 * INTERVAL '1 millisecond' AS timestamp(3))",
                number(&text)
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
            Self::Postgres => format!(
                "ROUND(CAST(EXTRACT(EPOCH FROM timezone('UTC', clock_timestamp()) - {column}) \
                 AS numeric), 1)"
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
        let sql = match self {
            Self::Sqlite => format!("CREATE VIEW IF NOT EXISTS {name} AS {select}"),
            Self::MySql => format!("CREATE OR REPLACE VIEW {name} AS {select}"),
            // which cannot replace one whose columns change; all of it is one transaction there
            Self::Postgres => {
                format!("{JSON_MEMBER}; DROP VIEW IF EXISTS {name}; CREATE VIEW {name} AS {select}")
            }
        };
        manager
            .get_connection()
            .execute_unprepared(&sql)
            .await
            .map(drop)
    }
}

/// A text as PostgreSQL's number; NULL where it is none. (A cast of one that is none is an error.)
fn number(text: &str) -> String {
    format!("CASE WHEN {text} ~ '^-?[0-9]{{1,15}}([.][0-9]+)?$' THEN CAST({text} AS numeric) END")
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
