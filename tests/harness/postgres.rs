//! One real PostgreSQL server in a folder and on a port of its own, for rm databases.

use std::process::{Child, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sea_orm::sqlx::{self, Connection, Executor, PgConnection, Row, postgres::PgConnectOptions};
use tokio::sync::OnceCell;

use super::process::{self, Folder, Port};
use super::server::{PASSWORD, USER};
use super::wait::try_wait_until;

/// A running server. Dropping it kills the server and removes its folder.
#[derive(Debug)]
pub struct Postgres {
    args: Vec<String>,
    child: Mutex<Option<Child>>,
    port: Port,
    folder: Folder,
}

impl Postgres {
    /// Starts a server, with options like `wal_level=logical`, and waits until it answers.
    ///
    /// # Panics
    /// When it cannot be installed or does not answer in time, with its log.
    pub async fn start(args: &[&str]) -> Self {
        install().await;
        let server = Self {
            args: args.iter().map(|&arg| arg.to_owned()).collect(),
            child: Mutex::new(None),
            port: Port::reserve().expect("cannot reserve a port"),
            folder: Folder::new("postgresql").expect("cannot make a folder for postgresql"),
        };
        server.launch().await;
        server
    }

    /// The URL of the superuser `root`, who has no password.
    pub fn url(&self) -> String {
        format!("postgresql://root@127.0.0.1:{}", self.port.number())
    }

    /// The URL of [`USER`] with its password.
    pub fn url_with_password(&self) -> String {
        format!(
            "postgresql://{USER}:{PASSWORD}@127.0.0.1:{}",
            self.port.number()
        )
    }

    /// Its folder; the server may read what is in it.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    /// A connection of `root` to a database.
    ///
    /// # Panics
    /// When the server refuses it.
    pub async fn conn(&self, database: &str) -> PgConnection {
        let conn = self.try_conn(database).await;
        conn.unwrap_or_else(|error| panic!("{error}\n{}", self.log()))
    }

    async fn try_conn(&self, database: &str) -> Result<PgConnection, sqlx::Error> {
        let options = PgConnectOptions::new_without_pgpass()
            .host("127.0.0.1")
            .port(self.port.number())
            .username("root")
            .database(database);
        PgConnection::connect_with(&options).await
    }

    /// Runs one or more statements.
    ///
    /// # Panics
    /// When one of them fails.
    pub async fn exec(&self, database: &str, sql: &str) {
        let mut conn = self.conn(database).await;
        let done = conn.execute(sqlx::AssertSqlSafe(sql.to_owned())).await;
        done.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Kills the server like a crash would.
    pub fn kill9(&self) {
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(mut child) = child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Kills it, and starts it again on the same data and port.
    pub async fn restart(&self) {
        self.kill9();
        self.launch().await;
    }

    fn log(&self) -> String {
        let log = std::fs::read(self.folder.path().join("server.log"));
        String::from_utf8_lossy(&log.unwrap_or_default()).into_owned()
    }

    async fn launch(&self) {
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.path().join("server.log"))
            .expect("cannot make the server's log");
        let mut command = process::bound("bash");
        command
            .arg(process::root().join("deploy/servers.sh"))
            .args(["run", "postgresql", "--dir"])
            .arg(self.folder.path())
            .args(["--port", &self.port.number().to_string(), "--"])
            .args(&self.args)
            .stdin(Stdio::null())
            .stderr(log.try_clone().expect("cannot use the server's log"))
            .stdout(log);
        let child = process::spawn(command).expect("cannot start postgresql");
        *self.child.lock().unwrap_or_else(PoisonError::into_inner) = Some(child);
        let what = format!("postgresql to answer on port {}", self.port.number());
        let probe = || async {
            let mut conn = self.try_conn("postgres").await.map_err(|e| e.to_string())?;
            let answer = conn.execute("SELECT 1").await;
            answer.map(|_| Some(())).map_err(|e| e.to_string())
        };
        if let Err(message) = try_wait_until(&what, Duration::from_secs(60), probe).await {
            panic!("{message}\n{}", self.log());
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.kill9();
    }
}

/// The first column of a query's rows, as text.
///
/// # Panics
/// When the query fails.
pub async fn texts(conn: &mut PgConnection, sql: &'static str) -> Vec<String> {
    let rows = conn.fetch_all(sql).await;
    let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error}"));
    let text = |row: &sqlx::postgres::PgRow| row.try_get::<Option<String>, _>(0);
    let texts = rows.iter().map(|row| text(row).expect("a text"));
    texts.flatten().collect()
}

/// Installs it, once for each process; quick when it is there.
async fn install() {
    static DONE: OnceCell<()> = OnceCell::const_new();
    DONE.get_or_init(|| async {
        let script = process::root().join("deploy/servers.sh");
        let output = tokio::process::Command::new("bash")
            .arg(&script)
            .args(["install", "postgresql"])
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap_or_else(|error| panic!("cannot run {}: {error}", script.display()));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {said}", script.display());
    })
    .await;
}
