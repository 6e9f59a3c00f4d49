//! The arguments of every command.

use super::completion::Shell;
use super::remote::account_args::{DepartmentCommand, SessionCommand, TokenCommand};
use super::remote::args::{
    AuditCommand, ComponentCommand, ContextCommand, DatasourceCommand, LabelCommand, NodeCommand,
    ObjectsCommand, ParamCommand, ProjectId, Remote, TaskCommand, UserCommand, Waiting,
};
use super::remote::project_args::{Configure, Metric, PrecheckCommand};
use super::remote::switch::args::SwitchProject;
use crate::config::Until;
use crate::model::speed::SpeedMode;
use crate::telemetry::LogFormat;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Moves live databases to OceanBase or MySQL without stopping the application.
#[derive(Debug, Parser)]
#[command(name = "oms", version, about, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// What is printed on standard output: tables for people, or one document for scripts.
    #[arg(long, global = true, value_enum, default_value_t)]
    pub output: Output,
    /// Append log lines to this file instead of standard error (levels by OMS_LOG, as RUST_LOG).
    #[arg(long, global = true, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
    /// How log lines look.
    #[arg(long, global = true, value_enum, default_value_t)]
    pub log_format: LogFormat,
}

const EXIT_CODES: &str = "Exit codes:
  0  done; both sides are equal
  1  done; the verification found differences
  2  bad input: arguments, configuration, a failed pre-check, an unreachable or refusing server
  3  a step failed, or the project that --wait waits for
  4  `project switch`: a person's word is waited for; which command goes on is printed
  130  interrupted; run the same command again to go on";

/// What is printed on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Output {
    /// Tables and progress bars.
    #[default]
    Text,
    /// One JSON document.
    Json,
    /// One YAML document.
    Yaml,
}

/// A command.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Move a live database: schema, data, changes, and a proof that both sides are equal.
    ///
    /// Runs the whole node in this process. Run again with the same --rm after any
    /// interruption, it goes on where it was.
    Migrate(Box<MigrateCommand>),
    /// Run a node as a service: its HTTP API and the projects of its rm database.
    ///
    /// The first start makes the account `admin` and prints its password once. SIGTERM ends the
    /// components at their next safe points; the next start goes on with what was running.
    Server(ServerCommand),
    /// Make, run and look at projects of an `oms server`, or look at those in an rm database.
    Project(Box<Remote<ProjectCommand>>),
    /// Data sources of an `oms server`.
    Datasource(Box<Remote<DatasourceCommand>>),
    /// Labels of an `oms server`, and the projects that carry them.
    Label(Remote<LabelCommand>),
    /// Components of the projects of an `oms server`.
    Component(Remote<ComponentCommand>),
    /// Operation and maintenance tasks of an `oms server`.
    Task(Remote<TaskCommand>),
    /// System parameters of an `oms server`.
    Param(Remote<ParamCommand>),
    /// The nodes that an `oms server` knows.
    Node(Remote<NodeCommand>),
    /// What must be right before a project of an `oms server` begins.
    Precheck(Remote<PrecheckCommand>),
    /// Accounts of an `oms server`.
    User(Box<Remote<UserCommand>>),
    /// Departments of an `oms server`, which keep projects apart.
    Department(Remote<DepartmentCommand>),
    /// Tokens for programs that ask an `oms server`.
    Token(Remote<TokenCommand>),
    /// Logins at an `oms server` that last for a while.
    Session(Remote<SessionCommand>),
    /// Who changed what at an `oms server`.
    Audit(Box<Remote<AuditCommand>>),
    /// Named servers: address, account and password file, kept in a context file.
    #[command(subcommand)]
    Context(ContextCommand),
    /// Print a script that completes commands and arguments in a shell.
    Completion {
        /// Which shell.
        shell: Shell,
    },
    /// Work on the rm database itself.
    #[command(subcommand)]
    Rm(RmCommand),
}

/// `oms migrate`.
#[derive(Debug, Args)]
pub struct MigrateCommand {
    /// YAML file with the same settings; what is given here outweighs it.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The source: mysql://user@host:port. Its password: $OMS_SOURCE_PASSWORD, a file, or a prompt.
    #[arg(long, value_name = "URL")]
    pub source: Option<String>,
    /// File whose first line is the source's password.
    #[arg(long, value_name = "FILE")]
    pub source_password_file: Option<PathBuf>,
    /// The target: mysql://user@host:port. Its password: $OMS_TARGET_PASSWORD, a file, or a prompt.
    #[arg(long, value_name = "URL")]
    pub target: Option<String>,
    /// File whose first line is the target's password.
    #[arg(long, value_name = "FILE")]
    pub target_password_file: Option<PathBuf>,
    /// Tables to move, 'database.table' with * ? [a-z] [!a-z] (repeatable).
    #[arg(long, value_name = "RULE")]
    pub include: Vec<String>,
    /// Tables to leave out (repeatable).
    #[arg(long, value_name = "RULE")]
    pub exclude: Vec<String>,
    /// The project's name in rm; by default made from source, target and rules.
    #[arg(long)]
    pub name: Option<String>,
    /// The rm database: a file, or mysql:// or postgresql://user@host:port/database (password:
    /// $OMS_RM_PASSWORD).
    #[arg(long, env = "OMS_RM", value_name = "FILE|URL")]
    pub rm: Option<String>,
    /// Folder of the Store and of verification files [default: oms_data beside rm].
    #[arg(long, env = "OMS_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// When to end [default: caught-up].
    #[arg(long, value_enum)]
    pub until: Option<Until>,
    /// Correct at the target what the verification finds different.
    #[arg(long)]
    pub correct: bool,
    /// Verify what is applied all the time, behind Incr-Sync (step INCR_VERIFIER).
    #[arg(long)]
    pub incr_verify: bool,
    /// Parallelism of copy, apply and verification.
    #[arg(long, value_name = "N")]
    pub concurrency: Option<usize>,
    /// How fast copy and verification go: STEADY spares the servers, FAST takes what there is, CUSTOM
    /// goes by the figures of the file [default: CUSTOM].
    #[arg(long, value_name = "MODE", value_parser = speed_modes(), conflicts_with = "concurrency")]
    pub speed: Option<SpeedMode>,
}

/// Reads a speed mode.
pub fn speed_modes() -> impl TypedValueParser<Value = SpeedMode> {
    let names = SpeedMode::ALL.map(SpeedMode::name);
    PossibleValuesParser::new(names).map(|name| {
        let named = |mode: &SpeedMode| mode.name() == name;
        let found = SpeedMode::ALL.into_iter().find(named);
        found.unwrap_or_default()
    })
}

/// `oms server`.
#[derive(Debug, Args)]
pub struct ServerCommand {
    /// YAML file; deploy/oms.yaml shows every key. OMS_LISTEN, OMS_RM, OMS_DATA_DIR, OMS_KEY_FILE,
    /// OMS_TLS_CERT and OMS_TLS_KEY outweigh it.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Where the rm database is.
#[derive(Debug, Args)]
pub struct RmArgs {
    /// The rm database: a file, or mysql:// or postgresql://user@host:port/database (password:
    /// $OMS_RM_PASSWORD).
    #[arg(long, env = "OMS_RM", default_value = crate::config::migrate::DEFAULT_RM, value_name = "FILE|URL")]
    pub rm: String,
}

/// Where rm is, for commands that can ask a server as well.
#[derive(Debug, Args)]
pub struct RmOrServer {
    /// Read this rm database: a file, or mysql:// or postgresql://user@host:port/database
    /// (password: $OMS_RM_PASSWORD) [env: OMS_RM] [default: oms_rm.db, where no server is named].
    #[arg(long, value_name = "FILE|URL")]
    pub rm: Option<String>,
}

/// `oms project`.
#[derive(Debug, Subcommand)]
pub enum ProjectCommand {
    /// Make a project from a file with the parameters of CreateProject; prints its id.
    Create {
        /// YAML or JSON file; - is standard input. Data sources are named by id or by name.
        #[arg(short, long, value_name = "FILE")]
        file: PathBuf,
    },
    /// Start a project that was never started.
    Start(Waiting),
    /// Pause a running project; its components end at their next safe points.
    Pause(Waiting),
    /// Let a paused or failed project go on.
    Resume(Waiting),
    /// Release a project: give up what it holds. It cannot be started again.
    Release {
        /// Which one.
        #[command(flatten)]
        wanted: Waiting,
        /// Leave there what is on a server that cannot be reached any more.
        #[arg(long)]
        force: bool,
    },
    /// Delete a project that was never started, or that was released.
    Delete(ProjectId),
    /// Switch the application over to a project's target, and follow back from there; or take that back.
    ///
    /// Begins the switchover, or goes on where it is, and stays until it is done: the sub-steps are
    /// shown meanwhile, and what waits for a person's word is asked for in a terminal. Elsewhere it ends
    /// with exit code 4 then, and says which command goes on.
    Switch(Box<SwitchProject>),
    /// Change settings of a project: limits and speeds at any time, the rest where it does not run.
    Configure(Box<Configure>),
    /// Give a project these labels, and no others.
    Labels {
        /// The project's id or name.
        id: String,
        /// Labels, by id or name.
        #[arg(required_unless_present = "none")]
        labels: Vec<String>,
        /// Take all labels away.
        #[arg(long, conflicts_with = "labels")]
        none: bool,
    },
    /// What a step did over time.
    Metric(Metric),
    /// The statements that make the target's rows of a table equal, as the last full verification
    /// wrote them.
    Corrections {
        /// The project's id or name.
        id: String,
        /// The table, as database.table.
        table: String,
    },
    /// All projects: state, current step, progress, lag.
    List {
        /// Where rm is.
        #[command(flatten)]
        rm: RmOrServer,
    },
    /// One project.
    Show {
        /// The project's id or name.
        id: String,
        /// With its steps, tasks and components.
        #[arg(long)]
        steps: bool,
        /// Where rm is.
        #[command(flatten)]
        rm: RmOrServer,
    },
    /// The steps of a project, with state, progress and error.
    Steps(ProjectId),
    /// How far a project is, in figures.
    Progress(ProjectId),
    /// The components of a project, with state, progress, delay and error.
    Components(ProjectId),
    /// Give a project of an `oms server` another name.
    Rename {
        /// The project's id or name.
        id: String,
        /// Its new name.
        name: String,
    },
    /// Make another project of the same objects, settings, data sources and labels; prints its id.
    Clone {
        /// The project's id or name.
        id: String,
        /// The new one's name.
        name: String,
    },
    /// Say how loud the alerts of a project of an `oms server` are.
    AlarmLevel {
        /// The project's id or name.
        id: String,
        /// HIGH, MEDIUM, LOW or IGNORE.
        level: String,
    },
    /// Give a step of a project of an `oms server` a new component.
    Repair {
        /// The project's id or name.
        id: String,
        /// The step's name, e.g. INCR_TRANSFER.
        step: String,
        /// Wait until the O&M task is at its end. One that fails ends the wait with exit code 3.
        #[arg(long)]
        wait: bool,
    },
    /// Add tables to a project, or remove some, while it runs or not.
    #[command(subcommand)]
    Objects(ObjectsCommand),
    /// Results of the full verification, by table, and the differences found.
    VerifyResult {
        /// The project's id or name.
        id: String,
        /// At most so many differences are listed.
        #[arg(long, default_value_t = 20)]
        limit: u64,
        /// What the incremental verification found, instead of the last full verification (only
        /// from an rm database).
        #[arg(long)]
        incr: bool,
        /// Where rm is.
        #[command(flatten)]
        rm: RmOrServer,
    },
}

/// `oms rm`.
#[derive(Debug, Subcommand)]
pub enum RmCommand {
    /// Make the rm database, or bring its schema up to date.
    Up {
        /// Where rm is.
        #[command(flatten)]
        rm: RmArgs,
    },
    /// Make a new key for the stored passwords, and encrypt them anew with it.
    ///
    /// The server may run meanwhile. Interrupted at any moment, nothing is lost: run it again.
    RotateKey {
        /// The key file [default: ~/.config/oms/oms.key].
        #[arg(long, env = "OMS_KEY_FILE", value_name = "FILE")]
        key_file: Option<PathBuf>,
        /// Where rm is.
        #[command(flatten)]
        rm: RmArgs,
    },
    /// Give an account of the API a new password, for who lost it.
    ///
    /// The password is printed once and must be changed at the first login; a lock and the tokens
    /// of the account end. It can be run while the server runs.
    ResetPassword {
        /// The account's name.
        #[arg(long)]
        account: String,
        /// Where rm is.
        #[command(flatten)]
        rm: RmArgs,
    },
}
