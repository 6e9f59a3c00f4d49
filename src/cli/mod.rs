//! The command line: one file per command.

pub mod args;
pub mod argv;
pub mod completion;
pub mod exit;
pub mod failure;
pub mod migrate;
pub mod print;
pub mod project;
pub mod remote;
pub mod reset_password;
pub mod rotate_key;
pub mod server;
pub mod signals;
pub mod table;

use crate::config::secret_store::default_key_file;
use args::{Cli, Command, Output, RmCommand};
use exit::ExitCode;
use failure::Outcome;

/// Runs a command to its end.
pub async fn run(cli: Cli) -> ExitCode {
    let output = cli.output;
    let result = dispatch(cli).await;
    result.unwrap_or_else(|failure| {
        if output != Output::Text {
            // the document that a script waits for
            let document = serde_json::json!({ "result": "ERROR", "error": failure.report });
            let _ = print::document(output, &document);
        }
        print::report(&failure.report);
        failure.exit
    })
}

async fn dispatch(cli: Cli) -> Outcome {
    let output = cli.output;
    match cli.command {
        Command::Migrate(command) => Ok(migrate::migrate(*command, output).await?),
        Command::Server(command) => Ok(server::server(command).await?),
        Command::Project(command) => project::project(*command, output).await,
        Command::Datasource(command) => remote::datasources::run(*command, output).await,
        Command::Label(command) => remote::labels::run(command, output).await,
        Command::Component(command) => remote::components::run(command, output).await,
        Command::Task(command) => remote::tasks::run(command, output).await,
        Command::Param(command) => remote::params::run(command, output).await,
        Command::Node(command) => remote::nodes::run(command, output).await,
        Command::Precheck(command) => remote::prechecks::run(command, output).await,
        Command::User(command) => remote::users::run(*command, output).await,
        Command::Department(command) => remote::departments::run(command, output).await,
        Command::Token(command) => remote::tokens::run(command, output).await,
        Command::Session(command) => remote::sessions::run(command, output).await,
        Command::Audit(command) => remote::audits::run(*command, output).await,
        Command::Context(command) => Ok(remote::context::run(command, output)?),
        Command::Completion { shell } => {
            completion::print(shell);
            Ok(ExitCode::Equal)
        }
        Command::Rm(RmCommand::Up { rm }) => {
            let metadata = migrate::open_rm(&rm.rm).await?;
            print::out(&format!("rm database {} is up to date", metadata.place()));
            Ok(ExitCode::Equal)
        }
        Command::Rm(RmCommand::RotateKey { key_file, rm }) => {
            let file =
                key_file.unwrap_or_else(|| default_key_file(|name| std::env::var(name).ok()));
            Ok(rotate_key::run(&rm.rm, &file, output).await?)
        }
        Command::Rm(RmCommand::ResetPassword { account, rm }) => {
            Ok(reset_password::run(&rm.rm, &account, output).await?)
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
