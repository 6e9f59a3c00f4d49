//! `oms rm reset-password`: for who lost the password of an account of the API. Whoever may write the
//! rm database may do this.

use super::args::Output;
use super::exit::ExitCode;
use super::migrate::open_rm;
use super::print;
use crate::api::Accounts;
use crate::error::Result;

/// Runs the command.
pub async fn run(rm: &str, account: &str, output: Output) -> Result<ExitCode> {
    let metadata = open_rm(rm).await?;
    let password = Accounts::new(metadata).reset(account).await?;
    match output {
        Output::Text => print::out(&format!(
            "account {account}, password {password}: change it with the action ChangePassword; it is not shown again"
        )),
        output => print::document(
            output,
            &serde_json::json!({ "account": account, "password": password }),
        )?,
    }
    Ok(ExitCode::Equal)
}
