//! `oms user`: accounts. Passwords are asked or read from files.

use super::args::{Remote, UserCommand};
use super::client::Client;
use super::columns::{self, Column};
use super::{act, find, password, tell};
use crate::cli::args::Output;
use crate::cli::failure::Outcome;
use serde_json::{Value, json};

const COLUMNS: &[Column] = &[
    ("ID", "id"),
    ("NAME", "account"),
    ("ROLE", "role"),
    ("DEPARTMENT", "departmentId"),
    ("LOCKED", "isLocked"),
    ("PASSWORD UNTIL (UTC)", "passwordExpireTime"),
    ("DESCRIPTION", "description"),
];

/// Runs the command.
pub async fn run(command: Remote<UserCommand>, output: Output) -> Outcome {
    let client = Client::open(&command.api)?;
    match command.command {
        UserCommand::List { search } => {
            let search = json!({ "searchKey": search.unwrap_or_default() });
            let all = Value::Array(client.pages("ListUsers", search).await?);
            tell(output, &all, |all| columns::list(all, COLUMNS))
        }
        UserCommand::Create {
            name,
            role,
            department,
            description,
            password_file,
        } => {
            let secret = password::new(&name, password_file.as_deref(), "--password-file")?;
            let mut body = json!({ "account": name, "password": secret.reveal(), "role": role });
            for (key, value) in [("departmentId", department), ("description", description)] {
                if let Some(value) = value {
                    body[key] = value.into();
                }
            }
            let data = client.call("CreateUser", body).await?.data;
            tell(output, &data, columns::cell)
        }
        UserCommand::Update {
            id,
            role,
            department,
            mail,
            phone,
            description,
            password_file,
        } => {
            let id = find::user(&client, &id).await?;
            let mut body = json!({ "id": id });
            let department = match department {
                Some(department) => Some(find::department(&client, &department).await?),
                None => None,
            };
            for (key, value) in [
                ("role", role),
                ("departmentId", department),
                ("mail", mail),
                ("phone", phone),
                ("description", description),
            ] {
                if let Some(value) = value {
                    body[key] = value.into();
                }
            }
            if let Some(file) = password_file {
                body["password"] = password::from_file(&file)?.reveal().into();
            }
            let done = format!("account {id} is changed");
            act(&client, output, "UpdateUser", body, &done).await
        }
        UserCommand::Unlock { id } => {
            let id = find::user(&client, &id).await?;
            let done = format!("account {id} is not locked");
            act(&client, output, "UnlockUser", json!({ "id": id }), &done).await
        }
        UserCommand::Delete { id } => {
            let id = find::user(&client, &id).await?;
            let done = format!("account {id} is deleted");
            act(&client, output, "DeleteUser", json!({ "id": id }), &done).await
        }
        UserCommand::Passwd { new_password_file } => {
            let file = new_password_file.as_deref();
            let new = password::new(client.user(), file, "--new-password-file")?;
            let body = json!({
                "oldPassword": client.password().reveal(), "newPassword": new.reveal(),
            });
            let done = format!(
                "the password of {} is changed; change it also where it is kept",
                client.user()
            );
            act(&client, output, "ChangePassword", body, &done).await
        }
    }
}
