//! One real database server in a folder and on a port of its own.

use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder, Pool, PoolConstraints, PoolOpts};
use tokio::sync::OnceCell;

use super::process::{self, Folder, Port};
use super::wait::{try_wait_until, wait_until};

/// The user with a password that every server has, beside `root` without one.
pub const USER: &str = "oms";
/// That user's password.
pub const PASSWORD: &str = "oms-secret";

/// Which server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// MySQL 9.7, out of Debian's sid.
    MySql,
    /// MariaDB 10.11, Debian's own.
    MariaDb,
    /// OceanBase in its small form, seekdb.
    OceanBase,
}

impl Kind {
    /// The name that `deploy/servers.sh` knows it by.
    pub fn name(self) -> &'static str {
        match self {
            Self::MySql => "mysql",
            Self::MariaDb => "mariadb",
            Self::OceanBase => "oceanbase",
        }
    }

    /// Installs it, once for each process; quick when it is there.
    pub async fn install(self) -> Result<(), String> {
        static DONE: [OnceCell<Result<(), String>>; 3] = [const { OnceCell::const_new() }; 3];
        let once = || async {
            let script = process::root().join("deploy/servers.sh");
            let output = tokio::process::Command::new("bash")
                .arg(&script)
                .args(["install", self.name()])
                .stdin(Stdio::null())
                .output()
                .await
                .map_err(|error| format!("cannot run {}: {error}", script.display()))?;
            if output.status.success() {
                return Ok(());
            }
            let said = String::from_utf8_lossy(&output.stderr);
            Err(format!(
                "{} install {} failed ({}): {said}",
                script.display(),
                self.name(),
                output.status
            ))
        };
        DONE[self as usize].get_or_init(once).await.clone()
    }
}

/// How to start a server. The default is a source as `oms` wants it: binlog on, ROW, FULL, GTIDs on MySQL.
#[derive(Clone, Debug)]
pub struct Options {
    args: Vec<String>,
    ready_within: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            args: Vec::new(),
            ready_within: Duration::from_secs(90),
        }
    }
}

impl Options {
    /// One more option of the server, like `--read-only=1`; for OceanBase `name=value`.
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// No binlog at all.
    pub fn no_binlog(self) -> Self {
        self.arg("--skip-log-bin")
    }

    /// MySQL without GTIDs.
    pub fn no_gtid(self) -> Self {
        self.arg("--gtid-mode=OFF")
            .arg("--enforce-gtid-consistency=OFF")
    }

    /// The size of InnoDB's buffer pool (default 256M).
    pub fn buffer_pool(self, size: &str) -> Self {
        self.arg(format!("--innodb-buffer-pool-size={size}"))
    }

    /// The size of OceanBase's log disk (default and least 2G); it slows writers down at 60 %.
    pub fn log_disk(self, size: &str) -> Self {
        self.arg(format!("log_disk_size={size}"))
    }

    /// How long starting may take (default 90 s).
    pub fn ready_within(mut self, deadline: Duration) -> Self {
        self.ready_within = deadline;
        self
    }
}

/// A running server. Dropping it kills the server and removes its folder.
#[derive(Debug)]
pub struct Server {
    kind: Kind,
    options: Mutex<Options>,
    child: Mutex<Option<Child>>,
    port: Port,
    folder: Folder,
}

impl Server {
    /// Starts a server and waits until it answers.
    ///
    /// # Panics
    /// When it cannot be installed or does not answer in time, with the end of its log.
    pub async fn start(kind: Kind, options: Options) -> Self {
        match Self::try_start(kind, options).await {
            Ok(server) => server,
            Err(message) => panic!("{message}"),
        }
    }

    /// Like [`Server::start`], with the message as an error.
    pub async fn try_start(kind: Kind, options: Options) -> Result<Self, String> {
        kind.install().await?;
        let server = Self {
            kind,
            options: Mutex::new(options),
            child: Mutex::new(None),
            port: Port::reserve().map_err(|error| format!("cannot reserve a port: {error}"))?,
            folder: Folder::new(kind.name())
                .map_err(|error| format!("cannot make a folder for {}: {error}", kind.name()))?,
        };
        server.try_launch().await?;
        if kind == Kind::OceanBase {
            let sql = format!(
                "CREATE USER IF NOT EXISTS {USER} IDENTIFIED BY '{PASSWORD}'; \
                 GRANT ALL ON *.* TO {USER} WITH GRANT OPTION"
            );
            server.try_exec(&sql).await?;
        }
        Ok(server)
    }

    /// Which server this is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Its TCP port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port.number()
    }

    /// Its folder, with `server.log` and, on MySQL and MariaDB, `data`.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The URL of the user `root`, who has no password.
    pub fn url(&self) -> String {
        format!("mysql://root@127.0.0.1:{}", self.port())
    }

    /// The URL of [`USER`] with its password.
    pub fn url_with_password(&self) -> String {
        format!("mysql://{USER}:{PASSWORD}@127.0.0.1:{}", self.port())
    }

    /// Connection options of `root`: UTC, utf8mb4, and no time limit on OceanBase's queries.
    pub fn opts(&self) -> OptsBuilder {
        let mut init = vec!["SET time_zone = '+00:00'".to_owned()];
        if self.kind == Kind::OceanBase {
            init.push("SET NAMES utf8mb4 COLLATE utf8mb4_general_ci".to_owned());
            init.push("SET ob_query_timeout = 3600000000, ob_trx_timeout = 3600000000".to_owned());
        }
        OptsBuilder::default()
            .ip_or_hostname("127.0.0.1")
            .tcp_port(self.port())
            .user(Some("root"))
            .prefer_socket(false)
            .stmt_cache_size(8)
            .init(init)
    }

    /// A pool of at most 16 connections for `root`.
    pub fn pool(&self) -> Pool {
        let constraints = PoolConstraints::new(0, 16).unwrap_or_default();
        Pool::new(
            self.opts()
                .pool_opts(PoolOpts::default().with_constraints(constraints)),
        )
    }

    /// A new connection for `root`.
    ///
    /// # Panics
    /// When the server refuses it.
    pub async fn conn(&self) -> Conn {
        match self.try_conn().await {
            Ok(conn) => conn,
            Err(message) => panic!("{message}\n{}", self.log_tail()),
        }
    }

    /// A new connection for `root`, or what was wrong; gives up after 10 s.
    pub async fn try_conn(&self) -> Result<Conn, String> {
        let opts: Opts = self.opts().into();
        match tokio::time::timeout(Duration::from_secs(10), Conn::new(opts)).await {
            Ok(Ok(conn)) => Ok(conn),
            Ok(Err(error)) => Err(format!("cannot connect to {}: {error}", self.url())),
            Err(_) => Err(format!("{} did not answer within 10 s", self.url())),
        }
    }

    /// Runs one or more statements on a new connection.
    ///
    /// # Panics
    /// When one of them fails.
    pub async fn exec(&self, sql: &str) {
        if let Err(message) = self.try_exec(sql).await {
            panic!("{message}");
        }
    }

    /// Runs one or more statements on a new connection.
    pub async fn try_exec(&self, sql: &str) -> Result<(), String> {
        let mut conn = self.try_conn().await?;
        let result = conn.query_drop(sql).await;
        let _ = conn.disconnect().await;
        result.map_err(|error| {
            let start: String = sql.chars().take(300).collect();
            format!("{} refused: {error}; the SQL was: {start}", self.url())
        })
    }

    /// Runs a file of SQL, path relative to the checkout's root.
    ///
    /// # Panics
    /// When the file cannot be read or a statement fails.
    pub async fn load(&self, path: &str) {
        let path = process::root().join(path);
        match std::fs::read_to_string(&path) {
            Ok(sql) => self.exec(&sql).await,
            Err(error) => panic!("cannot read {}: {error}", path.display()),
        }
    }

    /// Makes the sample shop, about 340,000 rows.
    pub async fn load_shop(&self) {
        self.load("deploy/shop/schema.sql").await;
        self.load("deploy/shop/seed.sql").await;
    }

    /// Changes the options for the next [`Server::restart`].
    pub fn set_options(&self, options: Options) {
        *lock(&self.options) = options;
    }

    /// Kills the server like a crash would.
    pub fn kill9(&self) {
        if let Some(mut child) = lock(&self.child).take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Ends the server politely, after 60 s by force.
    pub async fn stop(&self) {
        let Some(pid) = self.pid() else { return };
        let _ = process::signal(pid, "TERM");
        let exited = || async { Ok::<_, String>(self.exited().then_some(())) };
        let _ = try_wait_until("the server's end", Duration::from_secs(60), exited).await;
        self.kill9();
    }

    /// Stops the server if it runs, and starts it again on the same data and port.
    ///
    /// # Panics
    /// When it does not answer in time, with the end of its log.
    pub async fn restart(&self) {
        self.stop().await;
        if let Err(message) = self.try_launch().await {
            panic!("{message}");
        }
    }

    /// Freezes the server (SIGSTOP): connections stay open and nothing answers.
    pub fn pause(&self) {
        self.signal("STOP");
    }

    /// Lets a frozen server go on (SIGCONT).
    pub fn resume(&self) {
        self.signal("CONT");
    }

    /// The process id while it runs.
    pub fn pid(&self) -> Option<u32> {
        lock(&self.child).as_ref().map(Child::id)
    }

    /// The last lines of what the server has written.
    pub fn log_tail(&self) -> String {
        let mut tail = tail_of(&self.folder().join("server.log"), 30);
        if self.kind == Kind::OceanBase {
            tail.push_str(&tail_of(&self.folder().join("log/seekdb.log"), 20));
        }
        tail
    }

    fn signal(&self, name: &str) {
        let Some(pid) = self.pid() else {
            panic!(
                "cannot send {name}: the {} is not running",
                self.kind.name()
            );
        };
        if let Err(error) = process::signal(pid, name) {
            panic!("{error}");
        }
    }

    fn exited(&self) -> bool {
        match lock(&self.child).as_mut() {
            Some(child) => !matches!(child.try_wait(), Ok(None)),
            None => true,
        }
    }

    /// Starts the process and waits for an answer to a query.
    async fn try_launch(&self) -> Result<(), String> {
        let options = lock(&self.options).clone();
        let fail = |error: std::io::Error| format!("cannot start {}: {error}", self.kind.name());
        let log = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder().join("server.log"))
            .map_err(fail)?;
        let mut command = process::bound("bash");
        command
            .arg(process::root().join("deploy/servers.sh"))
            .args(["run", self.kind.name(), "--dir"])
            .arg(self.folder())
            .args(["--port", &self.port().to_string(), "--"])
            .args(&options.args)
            .stdin(Stdio::null())
            .stderr(log.try_clone().map_err(fail)?)
            .stdout(log);
        *lock(&self.child) = Some(process::spawn(command).map_err(fail)?);
        let what = format!("{} to answer on port {}", self.kind.name(), self.port());
        let probe = || async {
            if self.exited() {
                return Ok(Some(false));
            }
            let mut conn = self.try_conn().await?;
            let answer: Result<Option<u8>, _> = conn.query_first("SELECT 1").await;
            let _ = conn.disconnect().await;
            answer
                .map(|row| row.map(|_| true))
                .map_err(|error| error.to_string())
        };
        match try_wait_until(&what, options.ready_within, probe).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(format!(
                "{} ended while it started; the end of its log:\n{}",
                self.kind.name(),
                self.log_tail()
            )),
            Err(message) => Err(format!(
                "{message}; the end of its log:\n{}",
                self.log_tail()
            )),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill9();
    }
}

/// Starts several servers at once.
pub async fn start_all<const N: usize>(kinds: [(Kind, Options); N]) -> [Arc<Server>; N] {
    let started = kinds.map(|(kind, options)| tokio::spawn(Server::start(kind, options)));
    let mut servers = Vec::with_capacity(N);
    for server in started {
        match server.await {
            Ok(server) => servers.push(Arc::new(server)),
            Err(error) => panic!("a server did not start: {error}"),
        }
    }
    match servers.try_into() {
        Ok(servers) => servers,
        Err(_) => unreachable!("as many servers as were asked for"),
    }
}

/// Waits until a query's first value, as text, is what is expected.
///
/// # Panics
/// When it is not within `deadline`.
pub async fn wait_for_value(server: &Server, sql: &str, expected: &str, deadline: Duration) {
    let probe = || async {
        let mut conn = server.try_conn().await?;
        let row: Option<Option<String>> = conn
            .query_first(sql)
            .await
            .map_err(|error| error.to_string())?;
        let _ = conn.disconnect().await;
        match row {
            Some(Some(value)) if value == expected => Ok(Some(())),
            other => Err(format!("{other:?}")),
        }
    };
    wait_until(&format!("{expected:?} from: {sql}"), deadline, probe).await;
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn tail_of(path: &Path, lines: usize) -> String {
    let Ok(bytes) = std::fs::read(path) else {
        return format!("(no {})\n", path.display());
    };
    let text = String::from_utf8_lossy(&bytes);
    let all: Vec<_> = text.lines().collect();
    let tail = all[all.len().saturating_sub(lines)..].join("\n");
    format!("--- {}\n{tail}\n", path.display())
}
