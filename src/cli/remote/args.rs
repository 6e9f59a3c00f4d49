//! The arguments of the commands that ask an `oms server`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Which server is asked, and in whose name.
#[derive(Debug, Clone, Default, Args)]
pub struct ApiArgs {
    /// The server's URL, like http://host:8089 [else $OMS_API_URL, or the current context].
    #[arg(long, global = true, value_name = "URL", help_heading = "Server")]
    pub api: Option<String>,
    /// The account there [else the context's, or $OMS_API_USER].
    #[arg(long, global = true, value_name = "NAME", help_heading = "Server")]
    pub user: Option<String>,
    /// File whose first line is the account's password [else the context's, $OMS_API_PASSWORD, or a
    /// prompt].
    #[arg(long, global = true, value_name = "FILE", help_heading = "Server")]
    pub api_password_file: Option<PathBuf>,
    /// PEM file with the authorities that a https:// server's certificate may come from [else
    /// $OMS_API_CA_FILE, the context's, or the well-known ones].
    #[arg(long, global = true, value_name = "FILE", help_heading = "Server")]
    pub api_ca_file: Option<PathBuf>,
    /// A named server of the context file, instead of the current one.
    #[arg(long, global = true, value_name = "NAME", help_heading = "Server")]
    pub context: Option<String>,
}

/// A group of commands with the server that they ask.
#[derive(Debug, Args)]
pub struct Remote<C: Subcommand> {
    /// Which server.
    #[command(flatten)]
    pub api: ApiArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: C,
}

/// A project.
#[derive(Debug, Args)]
pub struct ProjectId {
    /// The project's id or name.
    pub id: String,
}

/// A project whose new state can be waited for.
#[derive(Debug, Args)]
pub struct Waiting {
    /// The project's id or name.
    pub id: String,
    /// Wait until it is done: paused, released, or (start, resume) every step that it does by itself
    /// is FINISHED or MONITORING. A project that fails ends the wait with exit code 3.
    #[arg(long)]
    pub wait: bool,
    /// Wait at most so many seconds [default: no limit].
    #[arg(long, value_name = "SECS", requires = "wait", value_parser = clap::value_parser!(u64).range(1..))]
    pub timeout: Option<u64>,
}

/// Tables that come to a project or go, whose end can be waited for.
#[derive(Debug, Args)]
pub struct ObjectsChange {
    /// The project's id or name.
    pub project: String,
    /// The tables, each as DATABASE.TABLE.
    #[arg(required = true, value_name = "TABLE")]
    pub tables: Vec<String>,
    /// Wait until the tables have come or gone. A change that fails ends the wait with exit code 3.
    #[arg(long)]
    pub wait: bool,
    /// Wait at most so many seconds [default: no limit].
    #[arg(long, value_name = "SECS", requires = "wait", value_parser = clap::value_parser!(u64).range(1..))]
    pub timeout: Option<u64>,
}

/// `oms project objects`.
#[derive(Debug, Subcommand)]
pub enum ObjectsCommand {
    /// Add tables: they are copied, caught up and merged in while the others go on; prints the id of the
    /// change's record.
    Add(ObjectsChange),
    /// Remove tables: they are followed no more, and stay at the target as they are. Prints the id of the
    /// change's record.
    Remove(ObjectsChange),
    /// The changes of a project's objects, the newest first.
    List {
        /// The project's id or name.
        project: String,
    },
    /// Cancel a change that has not begun.
    Cancel {
        /// The record's id.
        id: String,
    },
    /// Abort an addition that runs or failed; what was made at the target stays there.
    Abort {
        /// The record's id.
        id: String,
    },
    /// Let an addition go on that failed.
    Retry {
        /// The record's id.
        id: String,
    },
}

/// `oms datasource`.
#[derive(Debug, Subcommand)]
pub enum DatasourceCommand {
    /// Make a data source, after a successful login; prints its id.
    Create {
        /// Its name: at most 32 characters, no space.
        name: String,
        /// Its address: mysql://user@host:port, also with mariadb or oceanbase. Its password:
        /// --password-file, $OMS_DATASOURCE_PASSWORD, or a prompt.
        url: String,
        /// OceanBase: the tenant, where it is no part of the user's name.
        #[arg(long)]
        tenant: Option<String>,
        /// OceanBase: the cluster, where it is no part of the user's name.
        #[arg(long, requires = "tenant")]
        cluster: Option<String>,
        /// File whose first line is the data source's password.
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
        /// How connections to it are encrypted.
        #[command(flatten)]
        ssl: Box<SslArgs>,
        /// Where its change log is served, if not by itself: OceanBase's Binlog Service or its OBProxy, or
        /// a replica that logs what it replicates. Same account.
        #[arg(long, value_name = "HOST:PORT")]
        binlog_address: Option<String>,
        /// What it is for.
        #[arg(long, default_value = "")]
        description: String,
    },
    /// All data sources.
    List {
        /// Only those whose name or id contains this.
        search: Option<String>,
    },
    /// Log in to a data source, as a project would.
    Test {
        /// Its id or name.
        id: String,
    },
    /// Delete a data source that no project uses.
    Delete {
        /// Its id or name.
        id: String,
    },
}

/// How connections to a data source are encrypted.
#[derive(Debug, Args)]
pub struct SslArgs {
    /// What is encrypted and checked [default: DISABLED]; also in the URL, as ?ssl-mode=….
    #[arg(long, value_name = "MODE", ignore_case = true,
        value_parser = ["DISABLED", "PREFERRED", "REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"])]
    pub ssl_mode: Option<String>,
    /// PEM file with the authorities that may have signed the server's certificate [default: the
    /// well-known ones].
    #[arg(long, value_name = "FILE", requires = "ssl_mode")]
    pub ssl_ca: Option<PathBuf>,
    /// PEM file with our certificate, where the server wants one.
    #[arg(long, value_name = "FILE", requires_all = ["ssl_mode", "ssl_key"])]
    pub ssl_cert: Option<PathBuf>,
    /// PEM file with its key.
    #[arg(long, value_name = "FILE", requires = "ssl_cert")]
    pub ssl_key: Option<PathBuf>,
}

/// `oms label`.
#[derive(Debug, Subcommand)]
pub enum LabelCommand {
    /// Make a label; prints its id.
    Create {
        /// Its name.
        name: String,
    },
    /// All labels.
    List,
    /// Delete a label.
    Delete {
        /// Its id or name.
        id: String,
        /// Also where projects have it; it is taken from them.
        #[arg(long)]
        force: bool,
    },
    /// Start the projects with this label that were never started.
    Start {
        /// The label's id or name.
        id: String,
    },
    /// Pause the running projects with this label.
    Stop {
        /// The label's id or name.
        id: String,
    },
}

/// `oms component`.
#[derive(Debug, Subcommand)]
pub enum ComponentCommand {
    /// The components of a project.
    List {
        /// The project's id or name.
        project: String,
    },
    /// Let a component run again that was paused, or that failed.
    Start(OnComponent),
    /// Pause a component: it ends at its next safe point, until it is started.
    Pause(OnComponent),
    /// The same as start.
    Resume(OnComponent),
    /// Give a component's step a new component, which goes on from what is done; a verification begins
    /// anew.
    Rerun(OnComponent),
    /// Delete a component that its step does not have any more, or whose project does not run.
    Delete(OnComponent),
    /// Change a component's settings; it starts anew where they need that.
    Update {
        /// Which component.
        #[command(flatten)]
        on: OnComponent,
        /// Settings by the names of docs/components.md, e.g. coordinator.throttleRps=500.
        #[arg(value_name = "NAME=VALUE", required = true)]
        settings: Vec<String>,
        /// The settings that are not named get their defaults.
        #[arg(long)]
        defaults: bool,
    },
}

/// A component that something is done to.
#[derive(Debug, Args)]
pub struct OnComponent {
    /// The component's name.
    pub name: String,
    /// Wait until the O&M task is at its end. One that fails ends the wait with exit code 3.
    #[arg(long)]
    pub wait: bool,
}

/// `oms task`.
#[derive(Debug, Subcommand)]
pub enum TaskCommand {
    /// Tasks, newest first as the server lists them.
    List {
        /// Only those of this project (id or name).
        #[arg(long)]
        project: Option<String>,
        /// Only those in this state.
        #[arg(long)]
        status: Option<String>,
    },
    /// One task with its sub-tasks.
    Show {
        /// Its number.
        id: i64,
    },
    /// Go on without what failed of a task.
    Skip {
        /// Its number.
        id: i64,
        /// Only this sub-task.
        #[arg(long, value_name = "ID")]
        sub_task: Option<String>,
    },
    /// Let what failed of a task run again.
    Retry {
        /// Its number.
        id: i64,
        /// Only this sub-task.
        #[arg(long, value_name = "ID")]
        sub_task: Option<String>,
    },
}

/// `oms param`.
#[derive(Debug, Subcommand)]
pub enum ParamCommand {
    /// All system parameters.
    List {
        /// Only those whose name contains this.
        search: Option<String>,
    },
    /// Give a parameter another value.
    Set {
        /// The parameter's name.
        name: String,
        /// Its value; what stands for a whole JSON document (number, true, list, object) is sent as
        /// that, all else as text.
        value: String,
    },
    /// Give a parameter its default value again.
    Reset {
        /// The parameter's name.
        name: String,
    },
}

/// `oms node`.
#[derive(Debug, Subcommand)]
pub enum NodeCommand {
    /// All nodes, with the load of their hosts and how many components they run.
    List {
        /// Only those whose name or address contains this.
        search: Option<String>,
    },
    /// Change how many components a node may run; what runs already goes on.
    Quota {
        /// The node's name.
        name: String,
        /// Stores that it may have, or none: no limit.
        #[arg(long, value_name = "N|none", value_parser = quota, required_unless_present = "connectors")]
        stores: Option<String>,
        /// Full-Imports, Incr-Syncs and verifications that it may have, together, or none: no limit.
        #[arg(long, value_name = "N|none", value_parser = quota)]
        connectors: Option<String>,
    },
}

/// A number, or `none`.
fn quota(text: &str) -> Result<String, String> {
    match text == "none" || text.parse::<u32>().is_ok() {
        true => Ok(text.to_owned()),
        false => Err("it is neither a number nor none".to_owned()),
    }
}

/// `oms audit`.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Who changed what, the newest first.
    List {
        /// Only what this account did.
        #[arg(long)]
        account: Option<String>,
        /// Only this action.
        #[arg(long)]
        action: Option<String>,
        /// Only what was done to the object with this id.
        #[arg(long, value_name = "ID")]
        object: Option<String>,
        /// Only with this result: OK, or an error's code.
        #[arg(long, value_name = "CODE")]
        result: Option<String>,
        /// From this time on, UTC, like 2026-01-31T00:00:00.
        #[arg(long, value_name = "TIME")]
        from: Option<String>,
        /// Until this time, UTC.
        #[arg(long, value_name = "TIME")]
        until: Option<String>,
        /// At most so many lines.
        #[arg(long, default_value_t = 100)]
        limit: u64,
    },
}

/// `oms user`.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// All accounts.
    List {
        /// Only those whose name or id contains this.
        search: Option<String>,
    },
    /// Make an account. Its password is asked, or read from a file; it must be changed at the first
    /// login.
    Create {
        /// Its name.
        name: String,
        /// Its role, as the server names it: ROOT-VIEWER, ADMIN, ADMIN-VIEWER or USER.
        #[arg(long)]
        role: String,
        /// The id of its department [default: as the server chooses].
        #[arg(long, value_name = "ID")]
        department: Option<String>,
        /// What it is for.
        #[arg(long)]
        description: Option<String>,
        /// File whose first line is the new account's password.
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Change an account; what is not given stays.
    Update {
        /// Its id or name.
        id: String,
        /// Its role.
        #[arg(long)]
        role: Option<String>,
        /// The id or name of its department.
        #[arg(long, value_name = "ID")]
        department: Option<String>,
        /// Its e-mail address.
        #[arg(long)]
        mail: Option<String>,
        /// Its telephone number.
        #[arg(long)]
        phone: Option<String>,
        /// What it is for.
        #[arg(long)]
        description: Option<String>,
        /// File whose first line is a new password, which must be changed at the next login.
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Unlock an account that is locked for wrong passwords.
    Unlock {
        /// Its id or name.
        id: String,
    },
    /// Delete an account.
    Delete {
        /// Its id or name.
        id: String,
    },
    /// Change the password of the account that is given with --user. The new one is asked, or read
    /// from a file.
    Passwd {
        /// File whose first line is the new password.
        #[arg(long, value_name = "FILE")]
        new_password_file: Option<PathBuf>,
    },
}

/// `oms context`.
#[derive(Debug, Subcommand)]
pub enum ContextCommand {
    /// All contexts; the current one is marked.
    List,
    /// One context.
    Show {
        /// Its name [default: the current one].
        name: Option<String>,
    },
    /// Keep a server under a name. The first one is the current one at once.
    Add {
        /// Its name.
        name: String,
        /// The server's URL, like http://host:8089.
        #[arg(long, value_name = "URL")]
        api: String,
        /// The account there.
        #[arg(long, value_name = "NAME")]
        user: String,
        /// File whose first line is the account's password; without it the password is asked.
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
        /// PEM file with the authorities that the server's certificate may come from.
        #[arg(long, value_name = "FILE")]
        ca_file: Option<PathBuf>,
    },
    /// Make a context the current one.
    Use {
        /// Its name.
        name: String,
    },
    /// Forget a context.
    Remove {
        /// Its name.
        name: String,
    },
}
