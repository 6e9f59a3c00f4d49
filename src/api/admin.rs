//! The actions about accounts, departments, tokens and the audit log, by name.

use super::auth::Who;
use super::request::{invalid, parameters};
use super::{Api, Outcome, audit, departments, tokens, users};

/// What [`run`] knows.
pub const NAMES: &[&str] = &[
    "CreateApiToken",
    "CreateDepartment",
    "CreateUser",
    "DeleteApiToken",
    "DeleteDepartment",
    "DeleteUser",
    "ListApiTokens",
    "ListAuditLogs",
    "ListDepartments",
    "ListUsers",
    "UnlockUser",
    "UpdateUser",
];

/// Runs one of them.
pub async fn run(api: &Api, who: &Who, action: &str, body: &[u8]) -> Outcome {
    match action {
        "CreateApiToken" => tokens::create(api, who, parameters(body)?).await,
        "CreateDepartment" => departments::create(api, parameters(body)?).await,
        "CreateUser" => users::create(api, who, parameters(body)?).await,
        "DeleteApiToken" => tokens::delete(api, parameters(body)?).await,
        "DeleteDepartment" => departments::delete(api, parameters(body)?).await,
        "DeleteUser" => users::delete(api, who, parameters(body)?).await,
        "ListApiTokens" => tokens::list(api, who, parameters(body)?).await,
        "ListAuditLogs" => audit::list(api, who, parameters(body)?).await,
        "ListDepartments" => departments::list(api, who, parameters(body)?).await,
        "ListUsers" => users::list(api, who, parameters(body)?).await,
        "UnlockUser" => users::unlock(api, who, parameters(body)?).await,
        "UpdateUser" => users::update(api, who, parameters(body)?).await,
        other => Err(invalid("Action", format!("'{other}' is not known"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_among_all_actions() {
        for name in NAMES {
            assert!(super::super::actions::NAMES.contains(name), "{name}");
        }
    }
}
