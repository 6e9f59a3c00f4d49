//! Opening an rm database on PostgreSQL.
//!
//! One pool, as with MySQL. What a session needs for the repositories to mean the same as elsewhere
//! is set on each connection, whatever the server, the database or the account has as its default:
//! statements see what is committed (`read committed`), a commit is on disk before it is reported, and
//! nobody waits for ever for a lock or holds one for ever.

use std::time::Duration;

use sea_orm::{
    SqlxPostgresConnector,
    sqlx::{
        self, ConnectOptions, Connection, Executor, Row,
        postgres::{PgConnectOptions, PgConnection, PgPoolOptions},
    },
};
use url::Url;

use super::{
    MetaError, Metadata,
    connect::{ACQUIRE, DEFAULT_DATABASE, open_failed, within_first},
};

const CONNECTIONS: u32 = 16;
const STATEMENTS: usize = 64;
/// The oldest version that is tested.
const OLDEST: i32 = 140_000;
/// The database that every cluster has, for making another one.
const MAINTENANCE: &str = "postgres";
/// How long a lock is waited for; then the statement is tried again.
const LOCK: Duration = Duration::from_secs(20);
/// How long a transaction may be held by a process that does nothing: it is frozen, or its machine is.
const IDLE: Duration = Duration::from_secs(60);

/// Opens it, and makes the database when the server does not know it.
pub(super) async fn open(mut url: Url) -> Result<Metadata, MetaError> {
    let mut database = url.path().trim_matches('/').to_owned();
    if database.is_empty() {
        DEFAULT_DATABASE.clone_into(&mut database);
        url.set_path(DEFAULT_DATABASE);
    }
    let place = format!(
        "postgresql://{}:{}/{database}",
        url.host_str().unwrap_or_default(),
        url.port().unwrap_or(5432)
    );
    let options = PgConnectOptions::from_url(&url)
        .map_err(|error| MetaError::UnsupportedUrl {
            detail: error.to_string(),
        })?
        .application_name("oms")
        .statement_cache_capacity(STATEMENTS)
        .disable_statement_logging();
    let connection = ensure_database(&place, &options).await?;
    fit(&place, connection).await?;
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(ACQUIRE)
        // sqlx's task for these loops without an end where it meets a connection that is being given
        // back: its count of idle ones is below zero then
        .idle_timeout(None)
        .max_lifetime(None)
        .after_connect(|connection, _| {
            Box::pin(async move {
                connection.execute(sqlx::AssertSqlSafe(session())).await?;
                Ok(())
            })
        })
        .connect_lazy_with(options);
    let connection = SqlxPostgresConnector::from_sqlx_postgres_pool(pool);
    Ok(Metadata {
        parameters: super::param::Memory::default(),
        write: connection.clone(),
        read: connection,
        place,
    })
}

/// What is set on each connection. A stronger `synchronous_commit` than `on` stays.
fn session() -> String {
    format!(
        "SET default_transaction_isolation = 'read committed'; \
         SET lock_timeout = {}; \
         SET idle_in_transaction_session_timeout = {}; \
         SELECT set_config('synchronous_commit', 'on', false) \
         WHERE current_setting('synchronous_commit') IN ('off', 'local')",
        LOCK.as_millis(),
        IDLE.as_millis()
    )
}

/// Connects once, outside of the pool, so that a wrong password or address is said at once; makes
/// the database when the server does not know it.
///
/// Its text is UTF-8 and ordered byte by byte, as in every other rm database.
async fn ensure_database(
    place: &str,
    options: &PgConnectOptions,
) -> Result<PgConnection, MetaError> {
    let failed = |error| open_failed(place, error);
    match within_first(place, options.connect()).await {
        Ok(connection) => return Ok(connection),
        Err(error) if !has_code(&error, &["3D000"]) => return Err(failed(error)),
        Err(_) => {}
    }
    let server = options.clone().database(MAINTENANCE);
    let mut connection = within_first(place, server.connect())
        .await
        .map_err(failed)?;
    let name = options
        .get_database()
        .unwrap_or(DEFAULT_DATABASE)
        .replace('"', "\"\"");
    let create = format!(
        "CREATE DATABASE \"{name}\" ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
    );
    match connection.execute(sqlx::AssertSqlSafe(create)).await {
        Ok(_) => {}
        // another process made it meanwhile
        Err(error) if has_code(&error, &["42P04", "23505"]) => {}
        Err(error) => return Err(failed(error)),
    }
    connection.close().await.map_err(failed)?;
    within_first(place, options.connect()).await.map_err(failed)
}

/// Refuses a server that is too old, and a database that cannot hold every text.
async fn fit(place: &str, mut connection: PgConnection) -> Result<(), MetaError> {
    let failed = |error| open_failed(place, error);
    let sql = "SELECT current_setting('server_version_num')::int, current_setting('server_version'), \
               current_setting('server_encoding')";
    let row = connection.fetch_one(sql).await.map_err(failed)?;
    let number: i32 = row.try_get(0).map_err(failed)?;
    let version: String = row.try_get(1).map_err(failed)?;
    let encoding: String = row.try_get(2).map_err(failed)?;
    let refused = |detail: String| MetaError::Refused {
        what: "open",
        detail: format!("{place}: {detail}"),
    };
    if number < OLDEST {
        return Err(refused(format!(
            "it is PostgreSQL {version}; version 14 or newer is needed"
        )));
    }
    if encoding != "UTF8" {
        return Err(refused(format!(
            "the database's encoding is {encoding}; it must be UTF8"
        )));
    }
    connection.close().await.map_err(failed)
}

fn has_code(error: &sqlx::Error, codes: &[&str]) -> bool {
    error
        .as_database_error()
        .and_then(|error| error.code())
        .is_some_and(|code| codes.contains(&code.as_ref()))
}
