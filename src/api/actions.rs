//! The actions by name.

use super::auth::Who;
use super::request::{invalid, parameters};
use super::{
    Answer, Api, Outcome, admin, components, create, datasources, life, permit, projects, steps,
    verify,
};
use crate::error::{Error, Kind};
use serde::Deserialize;
use serde_json::Value;

/// Every action that there is.
pub const NAMES: &[&str] = &[
    "ChangePassword",
    "CreateApiToken",
    "CreateDepartment",
    "CreateMySqlDataSource",
    "CreateMysqlDataSource",
    "CreateOceanBaseDataSource",
    "CreateProject",
    "CreateUser",
    "DeleteApiToken",
    "DeleteDepartment",
    "DeleteProject",
    "DeleteUser",
    "DescribeProject",
    "DescribeProjectComponents",
    "DescribeProjectProgress",
    "DescribeProjectSteps",
    "ListApiTokens",
    "ListAuditLogs",
    "ListDataSource",
    "ListDepartments",
    "ListFullVerifyCorrectionsResult",
    "ListFullVerifyInconsistenciesResult",
    "ListProjectFullVerifyResult",
    "ListProjects",
    "ListUsers",
    "ResumeProject",
    "StartProject",
    "StopProject",
    "UnlockUser",
    "UpdateUser",
];

/// A request that names one thing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ById {
    /// Its id.
    pub id: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct ChangePassword {
    old_password: String,
    new_password: String,
}

/// Runs an action in somebody's name.
pub async fn run(api: &Api, who: &Who, action: &str, body: &[u8]) -> Outcome {
    if let Some(why) = who.must_change.filter(|_| action != "ChangePassword") {
        return Err(Error::new(Kind::PasswordChange, format!("account {}", who.name)).detail(why));
    }
    permit::check(api, who, action, body).await?;
    let answer = match action {
        "ChangePassword" => change_password(api, who, body).await?,
        "CreateMySqlDataSource" | "CreateMysqlDataSource" => {
            datasources::create_mysql(api, who, parameters(body)?).await?
        }
        "CreateOceanBaseDataSource" => {
            datasources::create_oceanbase(api, who, parameters(body)?).await?
        }
        "ListDataSource" => datasources::list(api, who, parameters(body)?).await?,
        "CreateProject" => create::project(api, who, parameters(body)?).await?,
        "StartProject" => life::start(api, parameters(body)?).await?,
        "StopProject" => life::stop(api, parameters(body)?).await?,
        "ResumeProject" => life::resume(api, parameters(body)?).await?,
        "DeleteProject" => life::delete(api, parameters(body)?).await?,
        "ListProjects" => projects::list(api, who, parameters(body)?).await?,
        "DescribeProject" => projects::describe(api, parameters(body)?).await?,
        "DescribeProjectSteps" => steps::describe(api, parameters(body)?).await?,
        "DescribeProjectProgress" => steps::progress(api, parameters(body)?).await?,
        "DescribeProjectComponents" => components::describe(api, parameters(body)?).await?,
        "ListProjectFullVerifyResult" => verify::results(api, parameters(body)?).await?,
        "ListFullVerifyInconsistenciesResult" => {
            verify::inconsistencies(api, parameters(body)?).await?
        }
        "ListFullVerifyCorrectionsResult" => verify::corrections(api, parameters(body)?).await?,
        _ if admin::NAMES.contains(&action) => admin::run(api, who, action, body).await?,
        other => {
            let known = NAMES.join(", ");
            return Err(invalid("Action", format!("'{other}' is not known"))
                .remedy(format!("Use one of: {known}.")));
        }
    };
    tracing::info!(account = %who.name, action, "api");
    Ok(answer)
}

async fn change_password(api: &Api, who: &Who, body: &[u8]) -> Outcome {
    let wanted: ChangePassword = parameters(body)?;
    api.accounts
        .change(who, &wanted.old_password, &wanted.new_password)
        .await?;
    Ok(Answer::of(Value::Null))
}
