//! The arguments of `oms project switch`.

use clap::{Args, ValueEnum};

/// The forward switchover of a project, and its roll-back.
///
/// What is shown, and what is ordered, is one of: a rehearsal, the state, a roll-back, another try of a
/// sub-step, going on without one. Without any of these it is begun, or watched where it has begun.
#[derive(Debug, Clone, Default, Args)]
pub struct SwitchProject {
    /// The project's id or name.
    pub id: String,
    /// Check everything and show every statement, and change nothing. Exit code 2 where a switchover
    /// could not begin.
    #[arg(long, group = "order", conflicts_with_all = ["confirm", "no_wait", "timeout"])]
    pub rehearse: bool,
    /// Show where it is, and end.
    #[arg(long, group = "order", conflicts_with_all = ["confirm", "no_wait", "timeout"])]
    pub status: bool,
    /// Take it back, wherever it is: the application stays at the source, or returns there.
    #[arg(long, group = "order")]
    pub rollback: bool,
    /// Let a sub-step that failed run again.
    #[arg(long, group = "order", value_name = "SUB_STEP")]
    pub retry: Option<String>,
    /// Go on without a sub-step, or an object; what that means is printed.
    #[arg(long, group = "order", value_name = "SUB_STEP|OBJECT")]
    pub skip: Option<String>,
    /// How writes at the source end: a person says that they have, or oms makes the source read-only
    /// [default: confirm].
    #[arg(long, value_enum, value_name = "HOW", conflicts_with_all = ["status", "rollback", "retry", "skip"])]
    pub stop_writes: Option<StopWrites>,
    /// Go without this item of the switchover's pre-check, like VERIFICATION (repeatable).
    #[arg(long, value_name = "ITEM", conflicts_with_all = ["status", "rollback", "retry", "skip"])]
    pub waive: Vec<String>,
    /// How long the other side may take to come up to the last position, before that fails
    /// [default: 60].
    #[arg(long, value_name = "SECS", conflicts_with_all = ["status", "rollback", "retry", "skip"], value_parser = clap::value_parser!(u64).range(1..))]
    pub catch_up_timeout: Option<u64>,
    /// Confirm this when it waits for a person's word: a sub-step like STOP_SOURCE_WRITES, an object by
    /// its id or name, or `all` (repeatable).
    #[arg(long, value_name = "SUB_STEP|OBJECT|all")]
    pub confirm: Vec<String>,
    /// Return when the server took the order.
    #[arg(long)]
    pub no_wait: bool,
    /// Wait at most so many seconds [default: no limit].
    #[arg(long, value_name = "SECS", conflicts_with = "no_wait", value_parser = clap::value_parser!(u64).range(1..))]
    pub timeout: Option<u64>,
}

/// How it is known that the application writes no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum StopWrites {
    /// A person says so.
    Confirm,
    /// The source is made read-only.
    ReadOnly,
}

impl StopWrites {
    /// As the API says it.
    pub fn text(self) -> &'static str {
        match self {
            Self::Confirm => "CONFIRM",
            Self::ReadOnly => "READ_ONLY",
        }
    }
}
