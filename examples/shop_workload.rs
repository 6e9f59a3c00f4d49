//! Writes to the sample shop until it is told to stop, like an application that goes on working while
//! its database is being moved. Ends on SIGTERM, SIGINT or after `--seconds`, and prints what it did.

use std::io::Write;
use std::time::Duration;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

#[path = "../tests/harness/workload.rs"]
#[allow(dead_code, reason = "the tests use the rest")]
mod workload;

use workload::{Workload, WorkloadOptions};

#[derive(Parser)]
#[command(about = "Writes to the sample shop until it is told to stop")]
struct Arguments {
    /// The server: mysql://user:password@host:port
    #[arg(long)]
    url: String,
    /// Transactions a second (default: as fast as it goes)
    #[arg(long)]
    rate: Option<f64>,
    /// Makes the same choices again
    #[arg(long)]
    seed: Option<u64>,
    /// Ends by itself after this time
    #[arg(long)]
    seconds: Option<f64>,
    /// Connections that write at once
    #[arg(long, default_value_t = 3)]
    workers: usize,
    /// The schema of the shop
    #[arg(long, default_value = "shop")]
    schema: String,
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let arguments = Arguments::parse();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let workload = Workload::start(
        &arguments.url,
        WorkloadOptions {
            seed: arguments.seed,
            rate: arguments.rate,
            workers: arguments.workers,
            schema: arguments.schema,
        },
    );
    let end = async {
        match arguments.seconds {
            Some(seconds) => tokio::time::sleep(Duration::from_secs_f64(seconds)).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = end => {}
    }
    let counters = workload.stop().await;
    writeln!(std::io::stdout(), "{counters}")
}
