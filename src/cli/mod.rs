//! The command line: one file per command.

pub mod args;
pub mod argv;
pub mod exit;
pub mod migrate;
pub mod print;
pub mod project;
pub mod reset_password;
pub mod server;
pub mod signals;
pub mod table;

use crate::error::Result;
use args::{Cli, Command, Output, RmCommand};
use exit::ExitCode;

/// Runs a command to its end.
pub async fn run(cli: Cli) -> ExitCode {
    let output = cli.output;
    let result = dispatch(cli).await;
    result.unwrap_or_else(|error| {
        if output == Output::Json {
            // the document that a script waits for
            let _ = print::json(&serde_json::json!({ "result": "ERROR", "error": error.report() }));
        }
        print::error(&error);
        ExitCode::of_error(&error)
    })
}

async fn dispatch(cli: Cli) -> Result<ExitCode> {
    match cli.command {
        Command::Migrate(command) => migrate::migrate(*command, cli.output).await,
        Command::Server(command) => server::server(command).await,
        Command::Project(command) => project::project(command, cli.output).await,
        Command::Rm(RmCommand::Up { rm }) => {
            let metadata = migrate::open_rm(&rm.rm).await?;
            print::out(&format!("rm database {} is up to date", metadata.place()));
            Ok(ExitCode::Equal)
        }
        Command::Rm(RmCommand::ResetPassword { account, rm }) => {
            reset_password::run(&rm.rm, &account, cli.output).await
        }
    }
}

/// The rm database's URL with the password from `OMS_RM_PASSWORD`, where it names a server.
pub fn rm_url(rm: &str) -> String {
    match std::env::var("OMS_RM_PASSWORD") {
        Ok(password) if rm.contains("://") && !rm.starts_with("sqlite") => {
            let with_password = url::Url::parse(rm).ok().and_then(|mut url| {
                url.set_password(Some(&password)).ok()?;
                Some(url.to_string())
            });
            with_password.unwrap_or_else(|| rm.to_owned())
        }
        _ => rm.to_owned(),
    }
}
