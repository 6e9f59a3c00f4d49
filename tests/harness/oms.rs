//! The built `oms` as a child process, and what stands in its rm database.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use sea_orm::{ConnectOptions, Database, DatabaseConnection, DbErr, EntityTrait, QueryOrder};

use super::process::{self, Folder};
use super::server::Server;
use super::wait::{try_wait_until, wait_until};

/// One migration: its rm database, Store, key file and logs in a folder of its own.
#[derive(Debug)]
pub struct Migration {
    folder: Folder,
    source: String,
    target: String,
    args: Vec<String>,
    env: Vec<(String, String)>,
    prefix: Vec<String>,
    runs: AtomicU32,
}

impl Migration {
    /// Of the sample shop, from one server to another.
    pub fn shop(source: &Server, target: &Server) -> Self {
        Self::new(source.url(), target.url()).include("shop.*")
    }

    /// Between two URLs, with nothing included yet.
    ///
    /// # Panics
    /// When its folder cannot be made.
    pub fn new(source: impl Into<String>, target: impl Into<String>) -> Self {
        Self {
            folder: Folder::new("oms").expect("cannot make a folder for oms"),
            source: source.into(),
            target: target.into(),
            args: Vec::new(),
            env: Vec::new(),
            prefix: Vec::new(),
            runs: AtomicU32::new(0),
        }
    }

    /// One more include rule.
    pub fn include(self, rule: &str) -> Self {
        self.arg("--include").arg(rule)
    }

    /// One more argument of `oms migrate`.
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// One more environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// A command that runs `oms`, like `prlimit --fsize=1000000`.
    pub fn through(mut self, prefix: &[&str]) -> Self {
        self.prefix = prefix.iter().map(|&word| word.into()).collect();
        self
    }

    /// A configuration file with this text.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn config(self, yaml: &str) -> Self {
        let path = self.folder.path().join("project.yaml");
        std::fs::write(&path, yaml).expect("cannot write project.yaml");
        let path = path.display().to_string();
        self.arg("--config").arg(path)
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Its rm database.
    pub fn rm(&self) -> PathBuf {
        self.path().join("rm.db")
    }

    /// Its log file.
    pub fn log(&self) -> PathBuf {
        self.path().join("oms.log")
    }

    /// Another command of `oms` with the same environment, ready to be run.
    fn command(&self, arguments: &[String]) -> Command {
        let program = env!("CARGO_BIN_EXE_oms");
        let mut command = match self.prefix.split_first() {
            None => process::bound(program),
            Some((first, rest)) => {
                let mut command = process::bound(first);
                command.args(rest).arg(program);
                command
            }
        };
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("OMS_") {
                command.env_remove(name);
            }
        }
        command
            .args(arguments)
            .env("OMS_KEY_FILE", self.path().join("oms.key"))
            .env("OMS_LOG", "info,sea_orm_migration=warn")
            .env("RUST_BACKTRACE", "1")
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .current_dir(self.path())
            .stdin(Stdio::null());
        command
    }

    /// Starts `oms migrate`, which prints JSON at its end.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(&self, until: &str) -> Running {
        let path = |path: PathBuf| path.display().to_string();
        let mut arguments: Vec<String> = ["migrate", "--output", "json", "--until", until]
            .map(String::from)
            .into();
        arguments.extend(["--source".into(), self.source.clone()]);
        arguments.extend(["--target".into(), self.target.clone()]);
        arguments.extend(["--rm".into(), path(self.rm())]);
        arguments.extend(["--log-file".into(), path(self.log())]);
        arguments.extend(self.args.clone());
        self.run(arguments)
    }

    /// Starts any command of `oms`.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn run(&self, arguments: Vec<String>) -> Running {
        let number = self.runs.fetch_add(1, Ordering::Relaxed) + 1;
        let file = |kind: &str| {
            let path = self.path().join(format!("{kind}-{number}.txt"));
            let file = File::create(&path).expect("cannot make a file for what oms prints");
            (path, file)
        };
        let ((stdout, out), (stderr, err)) = (file("stdout"), file("stderr"));
        let mut command = self.command(&arguments);
        command.stdout(out).stderr(err);
        let child = process::spawn(command).expect("cannot start oms");
        Running {
            child,
            stdout,
            stderr,
            log: self.log(),
        }
    }

    /// Runs `oms migrate` to its end.
    pub async fn caught_up(&self) -> Ended {
        self.start("caught-up")
            .ended(Duration::from_secs(400))
            .await
    }

    /// Runs `oms project …` on its rm database to its end.
    pub async fn project(&self, arguments: &[&str]) -> Ended {
        let mut all = vec!["project".to_owned()];
        all.extend(arguments.iter().map(|&argument| argument.into()));
        all.extend(["--rm".to_owned(), self.rm().display().to_string()]);
        self.run(all).ended(Duration::from_secs(60)).await
    }

    /// The rows of rm.
    pub async fn look(&self) -> Result<Rm, DbErr> {
        Rm::open(&self.rm()).await
    }
}

/// A running `oms`; dropping it kills it.
#[derive(Debug)]
pub struct Running {
    child: Child,
    stdout: PathBuf,
    stderr: PathBuf,
    log: PathBuf,
}

impl Running {
    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has ended, and how.
    ///
    /// # Panics
    /// When the system cannot say.
    pub fn exited(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("cannot ask for a child's end")
    }

    /// Kills it at once, and waits until it is gone. Answers how it ended, if it had ended before.
    pub fn kill9(mut self) -> Option<ExitStatus> {
        let before = self.exited();
        let _ = self.child.kill();
        let _ = self.child.wait();
        before
    }

    /// What it has printed for people so far.
    pub fn said(&self) -> String {
        read(&self.stderr)
    }

    /// That, and the end of its log.
    pub fn everything(&self) -> String {
        format!("{}\n{}", self.said(), tail(&self.log))
    }

    /// Sends it a signal by name (`INT`, `TERM`).
    ///
    /// # Panics
    /// When it cannot be sent.
    pub fn signal(&self, name: &str) {
        process::signal(self.pid(), name).expect("cannot send a signal to oms");
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end in time, with what it said.
    pub async fn ended(mut self, deadline: Duration) -> Ended {
        let (stderr, log) = (self.stderr.clone(), self.log.clone());
        let child = &mut self.child;
        let result = try_wait_until("the end of oms", deadline, || {
            let exited = child.try_wait();
            async { exited }
        })
        .await;
        match result {
            Ok(status) => Ended {
                code: status.code(),
                stdout: read(&self.stdout),
                stderr: read(&stderr),
                log: tail(&log),
            },
            Err(message) => panic!("{message}\n{}\n{}", read(&stderr), tail(&log)),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How `oms` ended.
#[derive(Debug)]
pub struct Ended {
    /// The exit code; `None` after a signal.
    pub code: Option<i32>,
    /// What it printed as its result.
    pub stdout: String,
    /// What it printed for people.
    pub stderr: String,
    /// The end of its log.
    pub log: String,
}

impl Ended {
    /// Itself, when it ended with this code.
    ///
    /// # Panics
    /// When it did not, with everything it said.
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "the exit code of oms\n{self}");
        self
    }

    /// Its result.
    ///
    /// # Panics
    /// When it printed no JSON document.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        match serde_json::from_str(&self.stdout) {
            Ok(json) => json,
            Err(error) => panic!("not a JSON document: {error}\n{self}"),
        }
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "--- exit code {:?}\n--- stdout\n{}\n--- stderr\n{}\n--- log\n{}",
            self.code, self.stdout, self.stderr, self.log
        )
    }
}

/// An rm database, as another process sees it.
#[derive(Debug)]
pub struct Rm(DatabaseConnection);

impl Rm {
    /// Opens an SQLite rm that is there.
    pub async fn open(path: &Path) -> Result<Self, DbErr> {
        let mut options = ConnectOptions::new(format!("sqlite://{}?mode=rw", path.display()));
        options
            .max_connections(1)
            .sqlx_logging(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .acquire_timeout(Duration::from_secs(5));
        Ok(Self(Database::connect(options).await?))
    }

    /// Opens it as soon as it has its tables.
    pub async fn appears(path: &Path) -> Self {
        wait_until("the rm database", Duration::from_secs(30), || async {
            let rm = Self::open(path).await?;
            let steps = rm.steps().await?;
            Ok::<_, DbErr>((!steps.is_empty()).then_some(rm))
        })
        .await
    }

    /// The steps in order: name and state.
    pub async fn steps(&self) -> Result<Vec<(String, String)>, DbErr> {
        let steps = entity::oms_step::Entity::find()
            .order_by_asc(entity::oms_step::Column::StepOrder)
            .all(&self.0)
            .await?;
        let pair = |step: entity::oms_step::Model| (step.step_name, step.step_status);
        Ok(steps.into_iter().map(pair).collect())
    }

    /// A step's state; empty while there is no such step.
    pub async fn status(&self, step: &str) -> Result<String, DbErr> {
        let steps = self.steps().await?;
        let found = steps.into_iter().find(|(name, _)| name == step);
        Ok(found.map(|(_, status)| status).unwrap_or_default())
    }

    /// Waits until a step's state is one of these.
    ///
    /// # Panics
    /// When it is not in time.
    pub async fn reaches(&self, step: &str, states: &[&str], deadline: Duration) {
        let what = format!("{step} to be {states:?}");
        wait_until(&what, deadline, || async {
            let status = self.status(step).await.map_err(|e| e.to_string())?;
            if states.contains(&status.as_str()) {
                Ok(Some(()))
            } else {
                Err(status)
            }
        })
        .await;
    }

    /// The connection, for what has no method here.
    pub fn connection(&self) -> &DatabaseConnection {
        &self.0
    }

    /// Closes it.
    pub async fn close(self) {
        let _ = self.0.close().await;
    }
}

/// Prints a line that the test runner does not swallow.
pub fn announce(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
}

fn tail(path: &Path) -> String {
    let text = read(path);
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(40)..].join("\n")
}
