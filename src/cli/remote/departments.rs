//! `oms department`.

use super::account_args::DepartmentCommand;
use super::args::Remote;
use super::client::Client;
use super::columns::{self, Column};
use super::{act, find, tell};
use crate::cli::args::Output;
use crate::cli::failure::Outcome;
use serde_json::{Value, json};

const COLUMNS: &[Column] = &[
    ("ID", "id"),
    ("NAME", "name"),
    ("DEFAULT", "isDefault"),
    ("CREATED (UTC)", "gmtCreate"),
];

/// Runs the command.
pub async fn run(command: Remote<DepartmentCommand>, output: Output) -> Outcome {
    let client = Client::open(&command.api)?;
    match command.command {
        DepartmentCommand::List { search } => {
            let search = json!({ "searchKey": search.unwrap_or_default() });
            let all = Value::Array(client.pages("ListDepartments", search).await?);
            tell(output, &all, |all| columns::list(all, COLUMNS))
        }
        DepartmentCommand::Create { name } => {
            let body = json!({ "name": name });
            let data = client.call("CreateDepartment", body).await?.data;
            tell(output, &data, columns::cell)
        }
        DepartmentCommand::Delete { id } => {
            let id = find::department(&client, &id).await?;
            let done = format!("department {id} is deleted");
            let body = json!({ "id": id });
            act(&client, output, "DeleteDepartment", body, &done).await
        }
    }
}
