//! The arguments of commands about a project's settings, its curves and its pre-check.

use crate::cli::args::speed_modes;
use crate::model::speed::SpeedMode;
use clap::{Args, Subcommand};

/// `oms precheck`.
#[derive(Debug, Subcommand)]
pub enum PrecheckCommand {
    /// Check a project that was never started, without starting it.
    Submit(PrecheckWaiting),
    /// What the last check found. A failed one ends with exit code 2.
    Result {
        /// The project's id or name.
        id: String,
        /// Also the items that passed.
        #[arg(long)]
        all: bool,
    },
    /// Check again. A project that failed at its pre-check goes on if it passes.
    Retry {
        /// Which one.
        #[command(flatten)]
        wanted: PrecheckWaiting,
        /// Skip this failed item from now on, like DEST-DB_TRIGGER; what that means is printed
        /// (repeatable).
        #[arg(long, value_name = "ITEM")]
        skip: Vec<String>,
        /// Leave the objects that this failed item names out of the project (repeatable).
        #[arg(long, value_name = "ITEM")]
        remove: Vec<String>,
    },
}

/// A project whose check can be waited for.
#[derive(Debug, Args)]
pub struct PrecheckWaiting {
    /// The project's id or name.
    pub id: String,
    /// Wait for the result, and print it.
    #[arg(long)]
    pub wait: bool,
    /// Wait at most so many seconds [default: no limit].
    #[arg(long, value_name = "SECS", requires = "wait", value_parser = clap::value_parser!(u64).range(1..))]
    pub timeout: Option<u64>,
}

/// Settings of a project; what is not given stays. Limits and speeds are taken up while it runs, the rest
/// where it does not run.
#[derive(Debug, Args)]
pub struct Configure {
    /// The project's id or name.
    pub id: String,
    /// Rows that the copy reads each second, at most; 0: no limit.
    #[arg(long, value_name = "N")]
    pub full_rps: Option<u64>,
    /// Bytes that the copy reads each second, at most; 0: no limit.
    #[arg(long, value_name = "N")]
    pub full_iops: Option<u64>,
    /// Slices that are copied at the same time (speed CUSTOM).
    #[arg(long, value_name = "N")]
    pub full_workers: Option<u64>,
    /// How fast the copy goes.
    #[arg(long, value_name = "MODE", value_parser = speed_modes())]
    pub speed: Option<SpeedMode>,
    /// How fast the full verification goes.
    #[arg(long, value_name = "MODE", value_parser = speed_modes())]
    pub verify_speed: Option<SpeedMode>,
    /// Changes applied each second, at most; 0: no limit.
    #[arg(long, value_name = "N")]
    pub incr_rps: Option<u64>,
    /// Bytes applied each second, at most; 0: no limit.
    #[arg(long, value_name = "N")]
    pub incr_iops: Option<u64>,
    /// Transactions at the target at the same time.
    #[arg(long, value_name = "N")]
    pub incr_concurrency: Option<u64>,
    /// How long the Store keeps the log, hours.
    #[arg(long, value_name = "HOURS")]
    pub log_kept_hours: Option<u64>,
}

/// A curve of a step.
#[derive(Debug, Args)]
pub struct Metric {
    /// The project's id or name.
    pub id: String,
    /// The step: FULL_TRANSFER, INCR_TRANSFER or FULL_VERIFIER.
    pub step: String,
    /// What: RPS, IOPS, DELAY, FULL_VERIFY_SOURCE_RPS or FULL_VERIFY_DEST_RPS.
    pub metric: String,
    /// The last so many minutes; 60 at least.
    #[arg(long, default_value_t = 60)]
    pub minutes: u64,
    /// At most so many points.
    #[arg(long, value_name = "N")]
    pub points: Option<u64>,
    /// Averages between points, instead of single samples.
    #[arg(long)]
    pub average: bool,
}
