//! Which failures of the rm database may pass, and trying again.

use std::{error::Error as StdError, future::Future, time::Duration};

use sea_orm::{
    DbErr, RuntimeErr, SqlErr,
    sqlx::{self, error::DatabaseError, mysql::MySqlDatabaseError, postgres::PgDatabaseError},
};

use super::MetaError;

/// How often a statement is tried before its error is given up.
const ATTEMPTS: u32 = 7;

/// What a failure means for the statement that met it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// A lock, a deadlock, too many connections: certainly not done, may pass.
    Busy,
    /// The connection broke: perhaps done, may pass.
    Lost,
    /// Password, privilege, read-only server: a person must act.
    Refused,
    /// A unique key.
    Duplicate,
    /// Anything else.
    Other,
}

impl Class {
    /// May it pass by itself.
    pub(super) fn transient(self) -> bool {
        matches!(self, Self::Busy | Self::Lost)
    }
}

/// What doing a statement twice means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Twice {
    /// No harm: try again whatever happened.
    Harmless,
    /// Harm: try again only what certainly was not done.
    Harmful,
}

/// How long to wait before this attempt: 20 ms, doubled each time, 1 s at most.
pub(super) fn pause(attempt: u32) -> Duration {
    Duration::from_millis((10 << attempt.min(7)).min(1_000))
}

/// Runs `run` until it succeeds, fails for good, or has failed often enough.
pub(super) async fn retry<T, F, Fut>(
    what: &'static str,
    twice: Twice,
    run: F,
) -> Result<T, MetaError>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<T, DbErr>>,
{
    let mut attempt = 1;
    loop {
        let error = match run().await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        let again = match class(&error) {
            Class::Busy => true,
            // The pool itself went on trying to connect for as long as a caller should wait.
            Class::Lost => {
                twice == Twice::Harmless && !matches!(error, DbErr::ConnectionAcquire(_))
            }
            _ => false,
        };
        if !again || attempt >= ATTEMPTS {
            return Err(MetaError::from_db(what, error));
        }
        tracing::debug!(what, attempt, %error, "rm statement is tried again");
        tokio::time::sleep(pause(attempt)).await;
        attempt += 1;
    }
}

/// Sorts an error of SeaORM.
pub(super) fn class(error: &DbErr) -> Class {
    if matches!(error.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) {
        return Class::Duplicate;
    }
    match error {
        DbErr::ConnectionAcquire(_) => Class::Lost,
        DbErr::Conn(RuntimeErr::SqlxError(inner))
        | DbErr::Exec(RuntimeErr::SqlxError(inner))
        | DbErr::Query(RuntimeErr::SqlxError(inner)) => sqlx_class(inner),
        _ => Class::Other,
    }
}

/// Whether a server does not see a table. OceanBase lets a session wait until the table that another one
/// makes is there, and may not show it to the next statement yet.
pub(super) fn table_unseen(error: &DbErr) -> bool {
    let (DbErr::Exec(RuntimeErr::SqlxError(inner)) | DbErr::Query(RuntimeErr::SqlxError(inner))) =
        error
    else {
        return false;
    };
    let database = inner.as_database_error();
    let mysql = database.and_then(|e| e.try_downcast_ref::<MySqlDatabaseError>());
    mysql.is_some_and(|mysql| mysql.number() == 1146)
}

/// Sorts an error of the driver.
pub(super) fn sqlx_class(error: &sqlx::Error) -> Class {
    match error {
        sqlx::Error::Database(database) => database_class(database.as_ref()),
        // a certificate that is not the right one does not become so
        sqlx::Error::Io(error)
            if error
                .get_ref()
                .is_some_and(|inner| inner.is::<tokio_rustls::rustls::Error>()) =>
        {
            Class::Refused
        }
        sqlx::Error::Io(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed => Class::Lost,
        sqlx::Error::Tls(_) => Class::Refused,
        other => match other.source() {
            Some(source) if source.is::<std::io::Error>() => Class::Lost,
            _ => Class::Other,
        },
    }
}

fn database_class(error: &(dyn DatabaseError + 'static)) -> Class {
    if let Some(mysql) = error.try_downcast_ref::<MySqlDatabaseError>() {
        return mysql_class(mysql.number());
    }
    if let Some(postgres) = error.try_downcast_ref::<PgDatabaseError>() {
        return postgres_class(postgres.code());
    }
    let code = error.code().unwrap_or_default();
    sqlite_class(code.parse().unwrap_or_default())
}

/// MySQL, MariaDB and OceanBase: the server's error number.
fn mysql_class(number: u16) -> Class {
    match number {
        // Lock wait timeout, deadlock, NOWAIT, too many connections.
        1205 | 1213 | 3572 | 1040 | 1203 => Class::Busy,
        // OceanBase: rolled back, try again, lock conflicts, not master.
        6002 | 6003 | 6005 | 4023 | 4038 => Class::Busy,
        // Shutdown, connection killed, interrupted, time limits (OceanBase: 4012, 5066, 6210).
        1053 | 1077 | 1079 | 1080 | 1317 | 1927 | 3024 | 4012 | 5066 | 6210 => Class::Lost,
        // Account, privilege, locked, expired, read-only.
        1044 | 1045 | 1130 | 1142 | 1143 | 1227 | 1290 | 1410 | 1698 | 1792 | 1820 | 1836
        | 1862 | 3118 => Class::Refused,
        _ => Class::Other,
    }
}

/// PostgreSQL: the SQLSTATE.
fn postgres_class(code: &str) -> Class {
    match code {
        // Serialisation failure, deadlock, lock timeout, too many connections, starting up.
        "40001" | "40P01" | "55P03" | "53300" | "57P03" => Class::Busy,
        // Completion unknown; cancelled; shutdown by a person, by a crash; database dropped; idle too
        // long, in a transaction or not. The server ends the connection after most of them.
        "40003" | "57014" | "57P01" | "57P02" | "57P04" | "57P05" | "25P03" => Class::Lost,
        // Privilege, read-only (a standby).
        "42501" | "25006" => Class::Refused,
        "23505" => Class::Duplicate,
        // Connection exceptions.
        code if code.starts_with("08") => Class::Lost,
        // Account, password, pg_hba.conf.
        code if code.starts_with("28") => Class::Refused,
        _ => Class::Other,
    }
}

/// SQLite: the extended result code, whose low byte is the primary one.
fn sqlite_class(code: u32) -> Class {
    match code & 0xff {
        // BUSY, LOCKED.
        5 | 6 => Class::Busy,
        // PERM, READONLY, AUTH; CANTOPEN is most often a permission too.
        3 | 8 | 14 | 23 => Class::Refused,
        _ => Class::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_pass_on_postgresql_and_what_is_certainly_not_done() {
        for (code, class) in [
            ("40001", Class::Busy),
            ("40P01", Class::Busy),
            ("57P03", Class::Busy),
            ("57P01", Class::Lost),
            ("08006", Class::Lost),
            ("40003", Class::Lost),
            ("28P01", Class::Refused),
            ("42501", Class::Refused),
            ("23505", Class::Duplicate),
            ("42601", Class::Other),
            ("53100", Class::Other),
        ] {
            assert_eq!(postgres_class(code), class, "{code}");
        }
    }
}
