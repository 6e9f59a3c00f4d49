//! The `oms` command: reads arguments, starts logging and the runtime, hands over.

use clap::Parser;
use oms::cli::args::{Cli, Command, Output};
use oms::cli::{argv, print};

fn main() -> std::process::ExitCode {
    let arguments: Vec<_> = std::env::args_os().collect();
    if !argv::hide_passwords() {
        print::warn("a password on the command line cannot be hidden from the process list here");
    }
    let cli = Cli::parse_from(arguments);
    // progress bars and log lines would run into each other
    let quiet = matches!(cli.command, Command::Migrate(_))
        && cli.output == Output::Text
        && cli.log_file.is_none();
    let level = if quiet { "error" } else { "warn,oms=info" };
    if let Err(error) = oms::telemetry::start(level, cli.log_format, cli.log_file.as_deref()) {
        print::error(&error);
        return std::process::ExitCode::from(2);
    }
    match oms::actor::system::run(oms::cli::run(cli)) {
        Ok(code) => std::process::ExitCode::from(code as u8),
        Err(error) => {
            print::warn(&format!("the runtime cannot be started: {error}"));
            std::process::ExitCode::from(3)
        }
    }
}
