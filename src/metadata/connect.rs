//! Opening the rm database.
//!
//! SQLite gets two pools: one connection that writes, a few that read. With the write-ahead log the
//! readers never wait for the writer, and one writer cannot meet itself in a lock. Every commit is
//! on disk before it is reported (`synchronous=FULL`).
//!
//! MySQL gets one pool. Each connection asks for `utf8mb4_general_ci`, the collation that OceanBase
//! has too, and keeps few statements prepared, because OceanBase counts them against its cursors.
//!
//! PostgreSQL gets one pool too: see [`super::connect_pg`].

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use sea_orm::{
    SqlxMySqlConnector, SqlxSqliteConnector,
    sqlx::{
        self, ConnectOptions, Connection, Executor,
        mysql::{MySqlConnectOptions, MySqlPoolOptions},
        sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
    },
};
use url::Url;

use super::{
    MetaError, Metadata, connect_pg,
    retry::{Class, pause, sqlx_class},
    wake,
};

/// The database where a server's URL names none.
pub(super) const DEFAULT_DATABASE: &str = "oms_rm";
/// How long to wait for a free connection, and for a server that comes back.
pub(super) const ACQUIRE: Duration = Duration::from_secs(30);
/// How long the first connection may take: longer than an OceanBase waits that must be woken.
const FIRST: Duration = Duration::from_secs(10);
/// How long SQLite waits for another process's lock before it says BUSY.
const BUSY: Duration = Duration::from_secs(10);
const SQLITE_READERS: u32 = 4;
const MYSQL_CONNECTIONS: u32 = 16;
const STATEMENTS: usize = 16;

pub(super) async fn open(url: &str) -> Result<Metadata, MetaError> {
    if let Some(path) = sqlite_path(url)? {
        return open_sqlite(&path).await;
    }
    let parsed = Url::parse(url).map_err(|error| MetaError::UnsupportedUrl {
        detail: error.to_string(),
    })?;
    match parsed.scheme() {
        "mysql" | "mariadb" => open_mysql(parsed).await,
        "postgres" | "postgresql" => connect_pg::open(parsed).await,
        other => Err(MetaError::UnsupportedUrl {
            detail: format!(
                "'{other}' is not supported; use sqlite:///path, mysql://… or postgresql://…"
            ),
        }),
    }
}

/// The file of an SQLite URL or of a plain path; `None` for another kind of URL.
fn sqlite_path(url: &str) -> Result<Option<PathBuf>, MetaError> {
    let path = match url.split_once(':') {
        Some(("sqlite", rest)) => rest.strip_prefix("//").unwrap_or(rest),
        Some((_, rest)) if rest.starts_with("//") => return Ok(None),
        _ => url,
    };
    let path = path.split_once('?').map_or(path, |(path, _)| path);
    if path.is_empty() || path == ":memory:" {
        return Err(MetaError::UnsupportedUrl {
            detail: "SQLite needs the path of a file".to_owned(),
        });
    }
    Ok(Some(PathBuf::from(path)))
}

async fn open_sqlite(path: &Path) -> Result<Metadata, MetaError> {
    let place = format!("sqlite://{}", path.display());
    if let Some(folder) = path.parent().filter(|f| !f.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(|error| MetaError::Refused {
            what: "make the folder of the rm database",
            detail: format!("{}: {error}", folder.display()),
        })?;
    }
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY)
        .disable_statement_logging();
    let pool = |connections: u32| {
        SqlitePoolOptions::new()
            .max_connections(connections)
            .acquire_timeout(ACQUIRE)
            .idle_timeout(None)
            .max_lifetime(None)
    };
    let write = first_sqlite(&place, || pool(1).connect_with(options.clone())).await?;
    let read = pool(SQLITE_READERS).connect_lazy_with(options.clone());
    Ok(Metadata {
        write: SqlxSqliteConnector::from_sqlx_sqlite_pool(write),
        read: SqlxSqliteConnector::from_sqlx_sqlite_pool(read),
        place,
        parameters: super::param::Memory::default(),
    })
}

/// The first connection switches to the write-ahead log, and for that moment it must be alone:
/// another process that opens the same new file makes it wait.
async fn first_sqlite<F, Fut>(place: &str, connect: F) -> Result<sqlx::SqlitePool, MetaError>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<sqlx::SqlitePool, sqlx::Error>>,
{
    let mut attempt = 1;
    loop {
        match connect().await {
            Ok(pool) => return Ok(pool),
            Err(error) if attempt < 8 && sqlx_class(&error) == Class::Busy => {
                tokio::time::sleep(pause(attempt)).await;
                attempt += 1;
            }
            Err(error) => return Err(open_failed(place, error)),
        }
    }
}

async fn open_mysql(mut url: Url) -> Result<Metadata, MetaError> {
    let mut database = url.path().trim_matches('/').to_owned();
    if database.is_empty() {
        DEFAULT_DATABASE.clone_into(&mut database);
    }
    let place = format!(
        "mysql://{}:{}/{database}",
        url.host_str().unwrap_or_default(),
        url.port().unwrap_or(3306)
    );
    if url.scheme() == "mariadb" {
        url = Url::parse(&url.as_str().replacen("mariadb", "mysql", 1)).map_err(|error| {
            MetaError::UnsupportedUrl {
                detail: error.to_string(),
            }
        })?;
    }
    url.set_path("");
    let server = MySqlConnectOptions::from_url(&url)
        .map_err(|error| MetaError::UnsupportedUrl {
            detail: error.to_string(),
        })?
        .charset("utf8mb4")
        .collation("utf8mb4_general_ci")
        .statement_cache_capacity(STATEMENTS)
        .pipes_as_concat(false)
        .no_engine_substitution(false)
        .disable_statement_logging();
    let options = server.clone().database(&database);
    ensure_database(&place, &server, &options, &database).await?;
    let pool = MySqlPoolOptions::new()
        .max_connections(MYSQL_CONNECTIONS)
        .acquire_timeout(ACQUIRE)
        // sqlx's task for these loops without an end where it meets a connection that is being given
        // back: its count of idle ones is below zero then
        .idle_timeout(None)
        .max_lifetime(None)
        .after_connect(|connection, _| {
            Box::pin(async move {
                connection
                    .execute("SET sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION'")
                    .await?;
                Ok(())
            })
        })
        .connect_lazy_with(options);
    let connection = SqlxMySqlConnector::from_sqlx_mysql_pool(pool);
    Ok(Metadata {
        write: connection.clone(),
        read: connection,
        place,
        parameters: super::param::Memory::default(),
    })
}

/// Connects once, outside of the pool, so that a wrong password or address is said at once; makes
/// the database when the server does not know it.
async fn ensure_database(
    place: &str,
    server: &MySqlConnectOptions,
    options: &MySqlConnectOptions,
    database: &str,
) -> Result<(), MetaError> {
    // on an OceanBase where a CREATE DATABASE was cut off, choosing a database may wait for it too
    let connect = within_first(place, options.connect());
    match Box::pin(wake::nudged(server, connect)).await {
        Ok(connection) => return close(place, connection).await,
        Err(error) if !unknown_database(&error) => return Err(open_failed(place, error)),
        Err(_) => {}
    }
    let mut connection = within_first(place, server.connect())
        .await
        .map_err(|error| open_failed(place, error))?;
    let name = database.replace('`', "``");
    let create = format!("CREATE DATABASE IF NOT EXISTS `{name}` DEFAULT CHARACTER SET utf8mb4");
    wake::nudged(server, connection.execute(sqlx::AssertSqlSafe(create)))
        .await
        .map_err(|error| open_failed(place, error))?;
    close(place, connection).await
}

/// The first connection, or that there was no answer.
pub(super) async fn within_first<C>(
    place: &str,
    connect: impl Future<Output = Result<C, sqlx::Error>>,
) -> Result<C, sqlx::Error> {
    tokio::time::timeout(FIRST, connect)
        .await
        .unwrap_or_else(|_| {
            Err(sqlx::Error::Io(std::io::Error::new(
                std::io::ErrorKind::TimedOut,
                format!("no answer from {place} within {} s", FIRST.as_secs()),
            )))
        })
}

async fn close(place: &str, connection: sqlx::MySqlConnection) -> Result<(), MetaError> {
    connection
        .close()
        .await
        .map_err(|error| open_failed(place, error))
}

fn unknown_database(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(|database| database.try_downcast_ref::<sqlx::mysql::MySqlDatabaseError>())
        .is_some_and(|mysql| mysql.number() == 1049)
}

pub(super) fn open_failed(place: &str, error: sqlx::Error) -> MetaError {
    let what = "open";
    let detail = format!("{place}: {error}");
    match sqlx_class(&error) {
        Class::Busy | Class::Lost => MetaError::Unreachable { what, detail },
        Class::Refused => MetaError::Refused { what, detail },
        Class::Duplicate | Class::Other => MetaError::Other {
            what,
            source: std::sync::Arc::new(sea_orm::DbErr::Custom(detail)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_and_urls_are_told_apart() {
        let path = |url| sqlite_path(url).expect("a good URL");
        assert_eq!(
            path("sqlite:///var/oms/rm.db"),
            Some("/var/oms/rm.db".into())
        );
        assert_eq!(path("sqlite://rm.db?mode=rwc"), Some("rm.db".into()));
        assert_eq!(path("sqlite:rm.db"), Some("rm.db".into()));
        assert_eq!(
            path("./some where/rm.db"),
            Some("./some where/rm.db".into())
        );
        assert_eq!(path("mysql://root@127.0.0.1/rm"), None);
        assert_eq!(path("postgresql://oms@127.0.0.1/rm"), None);
        assert!(sqlite_path("sqlite::memory:").is_err());
        assert!(sqlite_path("").is_err());
    }
}
