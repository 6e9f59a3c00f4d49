//! Measures single components of `oms` in this process: decoding a binlog, the Store, Incr-Sync,
//! Full-Verification, and how long a commit at the source takes to be seen at the target. Called by
//! `benches/run.sh`, which starts the servers and what is measured beside; prints one line of JSON.

#![allow(clippy::print_stdout, reason = "the figures are this program's output")]

mod apply;
mod behind;
mod common;
mod decode;
mod latency;
mod store;
mod verify;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Measures components of oms; prints one line of JSON")]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// The end of a source's log, as a position.
    Position {
        /// URL of the source.
        #[arg(long)]
        source: String,
    },
    /// Decodes binlog files into rows, on one core.
    Decode(decode::Decode),
    /// Pulls a source's log into a Store.
    Pull(store::Pull),
    /// Reads a Store's log from the page cache, by several consumers at once.
    Replay(store::Replay),
    /// Applies what a Store holds to a target.
    Apply(apply::Apply),
    /// Compares a schema at a source and a target.
    Verify(verify::Verify),
    /// Commits at the source at a rate, and watches the target.
    Latency(latency::Latency),
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let _ = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(tracing_subscriber::EnvFilter::from_default_env())
        .try_init();
    let figures = match Arguments::parse().what {
        What::Position { source } => common::position(&source).await?,
        What::Decode(decode) => decode.run().await?,
        What::Pull(pull) => pull.run().await?,
        What::Replay(replay) => replay.run().await?,
        What::Apply(apply) => apply.run().await?,
        What::Verify(verify) => verify.run().await?,
        What::Latency(latency) => latency.run().await?,
    };
    println!("{figures}");
    Ok(())
}
