//! The actions by name.

use super::registry::{Action, Call, action};
use super::request::invalid;
use super::{
    Api, Outcome, accounts, audit, components, create, datasources, departments, labels, life,
    manage, metrics, objects, om_tasks, operate, parameters, permit, precheck, projects, servers,
    sessions, steps, switch, tokens, tune, updates, users, verify,
};
use crate::api::auth::Who;
use crate::error::{Error, Kind};
use schemars::JsonSchema;
use serde::Deserialize;

/// A request that names one thing.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ById {
    /// Its id.
    pub id: String,
}

/// Nothing.
pub type Nothing = ();

/// Every action that there is.
pub static ACTIONS: &[Action] = &[
    action!("Projects", "CreateProject", create::project, create::CreateProject => String,
        "Makes a project, which waits for its start; gives its id."),
    action!("Projects", "StartProject", life::start, ById => Nothing,
        "Starts a project that was never started."),
    action!("Projects", "StopProject", life::stop, ById => Nothing,
        "Pauses a project: its components end at their next safe points."),
    action!("Projects", "ResumeProject", life::resume, ById => Nothing,
        "Lets a project that was paused, or that failed, go on where it was."),
    action!("Projects", "ReleaseProject", life::release, life::Release => Nothing,
        "Ends a project that is paused, failed or finished, for good, and takes away what it keeps on nodes and servers."),
    action!("Projects", "DeleteProject", life::delete, ById => Nothing,
        "Deletes a project that was never started, or that is released, with all that hangs on it."),
    action!("Projects", "RenameProject", manage::rename, manage::Named => Nothing,
        "Gives a project another name."),
    action!("Projects", "CloneProject", manage::clone, manage::Named => String,
        "Makes another project of the same objects, settings, data sources and labels; gives its id."),
    action!("Projects", "UpdateProjectAlarmLevel", manage::alarm_level, manage::Level => Nothing,
        "Says how loud a project's alerts are."),
    action!("Projects", "UpdateProjectConfig", tune::update, tune::UpdateProjectConfig => Nothing,
        "Changes settings of a project: throttles and speed modes at any time, the rest where it does not run."),
    action!("Projects", "ListProjects", projects::list, projects::ListProjects => paged Vec<projects::ProjectItem>,
        "Lists projects, the newest first."),
    action!("Projects", "DescribeProject", projects::describe, ById => projects::ProjectItem,
        "Shows a project."),
    action!("Projects", "DescribeProjectSteps", steps::describe, ById => Vec<steps::StepItem>,
        "Shows the steps of a project."),
    action!("Projects", "DescribeProjectProgress", steps::progress, ById => steps::ProgressItem,
        "Shows how far a project is."),
    action!("Projects", "DescribeProjectComponents", components::describe, ById => components::Components,
        "Shows the components of a project."),
    action!("Projects", "DescribeProjectStepMetric", metrics::describe, metrics::StepMetric => metrics::Curve,
        "Shows what a step did over time; the parameter oms.step.metric.config says how often samples are taken and how long they are kept."),
    action!("Components", "StartComponent", operate::start, operate::ByName => i64,
        "Lets a component run again that was paused by a person, or that failed; gives the O&M task's number."),
    action!("Components", "PauseComponent", operate::pause, operate::ByName => i64,
        "Ends a component at its next safe point, until a person starts it; gives the O&M task's number."),
    action!("Components", "ResumeComponent", operate::resume, operate::ByName => i64,
        "The same as StartComponent."),
    action!("Components", "RerunComponent", operate::rerun, operate::ByName => i64,
        "Gives a component's step a new component, which goes on from what is done (a verification begins anew); gives the O&M task's number."),
    action!("Components", "DeleteComponent", operate::delete, operate::ByName => i64,
        "Deletes a component that its step does not have any more, or whose project does not run; gives the O&M task's number."),
    action!("Components", "RepairProjectStep", operate::repair, operate::Repair => i64,
        "Gives a step a new component, whether or not it has one; gives the O&M task's number."),
    action!("Components", "UpdateStore", updates::store, updates::Update => i64,
        "Changes a Store's settings and starts it anew; gives the O&M task's number."),
    action!("Components", "UpdateFullImport", updates::full_import, updates::UpdateScoped => i64,
        "Changes a Full-Import's settings, and starts it anew where they need that; gives the O&M task's number."),
    action!("Components", "UpdateIncrSync", updates::incr_sync, updates::UpdateScoped => i64,
        "Changes an Incr-Sync's settings, and starts it anew where they need that; gives the O&M task's number."),
    action!("Components", "UpdateFullVerification", updates::full_verification, updates::Update => i64,
        "Changes a Full-Verification's settings and starts it anew; gives the O&M task's number."),
    action!("O&M tasks", "ListOmTasks", om_tasks::list, om_tasks::List => paged Vec<om_tasks::OmTaskItem>,
        "Lists O&M tasks, the newest first."),
    action!("O&M tasks", "DescribeOmTask", om_tasks::describe, om_tasks::ById => om_tasks::OmTaskItem,
        "Shows an O&M task with its sub-tasks."),
    action!("O&M tasks", "RetryOmTask", om_tasks::retry, om_tasks::Failed => Nothing,
        "Lets what failed of an O&M task run again."),
    action!("O&M tasks", "SkipOmTask", om_tasks::skip, om_tasks::Failed => Nothing,
        "Goes on without what failed of an O&M task."),
    action!("Pre-check", "SubmitPreCheck", precheck::submit, ById => Nothing,
        "Checks a project that was never started, without starting it. What was skipped before counts again."),
    action!("Pre-check", "GetPreCheckResult", precheck::result, ById => precheck::PreCheckResult,
        "Shows what the pre-check of a project found."),
    action!("Pre-check", "RetryPreCheck", precheck::retry, precheck::Retry => Nothing,
        "Checks again, where items are skipped or their objects left out if that is wanted; a project that failed at its pre-check goes on if it passes."),
    action!("Switchover", "RehearseAppSwitch", switch::rehearsal, switch::Start => switch::Rehearsal,
        "Checks everything that the forward switchover checks, and says what it would do and how long the application would be without writes; changes nothing."),
    action!("Switchover", "StartAppSwitch", switch::start, switch::Start => Nothing,
        "Begins the forward switchover of a project whose steps before it are done."),
    action!("Switchover", "DescribeAppSwitch", switch::describe, ById => switch::AppSwitch,
        "Shows the switchover of a project with its sub-steps."),
    action!("Switchover", "ConfirmAppSwitch", switch::confirm, switch::SubStep => Nothing,
        "Says that a sub-step that waits for a person is done, or an object moved."),
    action!("Switchover", "RetryAppSwitch", switch::retry, switch::SubStep => Nothing,
        "Lets a sub-step of the switchover run again that failed."),
    action!("Switchover", "SkipAppSwitch", switch::skip, switch::SubStep => Nothing,
        "Goes on without a sub-step of the switchover, where that can be answered for."),
    action!("Switchover", "RollBackAppSwitch", switch::roll_back, ById => Nothing,
        "Takes the switchover back, wherever it is: the application stays at the source, or moves back to it."),
    action!("Objects", "CreateProjectModifyRecords", objects::create, objects::Create => String,
        "Adds tables to a project, or removes some, while it runs or not; gives the id of the change's record."),
    action!("Objects", "ListProjectModifyRecords", objects::list, objects::List => paged Vec<objects::RecordItem>,
        "Lists the changes of a project's objects, the newest first."),
    action!("Objects", "CancelProjectModifyRecord", objects::cancel, ById => Nothing,
        "Cancels a change that has not begun."),
    action!("Objects", "StopProjectModifyRecords", objects::stop, ById => Nothing,
        "Aborts an addition; what was made at the target stays there."),
    action!("Objects", "RetryProjectModifyRecords", objects::retry, ById => Nothing,
        "Lets an addition go on that failed."),
    action!("Verification", "ListProjectFullVerifyResult", verify::results, verify::Results => paged verify::Statistics,
        "Shows what the last verification found, by table."),
    action!("Verification", "ListFullVerifyInconsistenciesResult", verify::inconsistencies, verify::OfTable => paged Vec<verify::Inconsistency>,
        "Lists the rows of a table that differ."),
    action!("Verification", "ListFullVerifyCorrectionsResult", verify::corrections, verify::OfTable => paged Vec<String>,
        "Lists the statements that make the target's rows of a table equal."),
    action!("Labels", "CreateLabel", labels::create, labels::Create => String,
        "Makes a label; gives its id."),
    action!("Labels", "ListAllLabels", labels::list, labels::List => Vec<labels::LabelItem>,
        "Lists all labels."),
    action!("Labels", "DeleteLabel", labels::delete, labels::Delete => Nothing,
        "Deletes a label."),
    action!("Labels", "UpdateProjectLabels", labels::set, labels::Set => Nothing,
        "Gives a project these labels, and no others."),
    action!("Labels", "StartProjectsByLabel", labels::start_all, ById => labels::ByLabel,
        "Starts the projects with a label that were never started."),
    action!("Labels", "StopProjectsByLabel", labels::stop_all, ById => labels::ByLabel,
        "Pauses the projects with a label that run."),
    action!("Data sources", "CreateMysqlDataSource", datasources::create_mysql, datasources::Create => String,
        "Makes a data source of a MySQL or MariaDB server, once a login has succeeded; gives its id."),
    action!("Data sources", "CreateMySqlDataSource", datasources::create_mysql, datasources::Create => String,
        "The same as CreateMysqlDataSource."),
    action!("Data sources", "CreateOceanBaseDataSource", datasources::create_oceanbase, datasources::Create => String,
        "Makes a data source of an OceanBase tenant in MySQL mode, once a login has succeeded; gives its id."),
    action!("Data sources", "ListDataSource", datasources::list, datasources::List => paged Vec<datasources::DataSourceItem>,
        "Lists data sources, the newest first."),
    action!("Data sources", "TestDataSource", datasources::test, ById => datasources::Tested,
        "Logs in to a data source's server, and tells which it is."),
    action!("Data sources", "DeleteDataSource", datasources::delete, ById => Nothing,
        "Deletes a data source that no project uses."),
    action!("Service", "ListSystemParameters", parameters::list, parameters::List => Vec<parameters::ParameterItem>,
        "Lists system parameters."),
    action!("Service", "UpdateSystemParameter", parameters::update, parameters::Update => Nothing,
        "Gives a system parameter another value; it counts without a restart."),
    action!("Service", "ResetSystemParameter", parameters::reset, parameters::Reset => Nothing,
        "Gives a system parameter its default again."),
    action!("Service", "ListServers", servers::list, servers::List => Vec<servers::ServerItem>,
        "Lists the nodes: load, state, and how many components they run of how many they may."),
    action!("Service", "UpdateServerQuota", servers::update_quota, servers::UpdateQuota => Nothing,
        "Changes how many components of a kind a node may run; what runs already goes on."),
    action!("Accounts", "ListUsers", users::list, users::List => paged Vec<users::UserItem>,
        "Lists the accounts that one may see."),
    action!("Accounts", "CreateUser", users::create, users::Create => String,
        "Makes an account, whose password must be changed at its first login; gives its id."),
    action!("Accounts", "UpdateUser", users::update, users::Update => Nothing,
        "Changes an account."),
    action!("Accounts", "DeleteUser", users::delete, ById => Nothing,
        "Deletes an account; what belonged to it belongs to who deleted it."),
    action!("Accounts", "UnlockUser", users::unlock, ById => Nothing,
        "Unlocks an account that is locked for wrong passwords."),
    action!("Accounts", "ListDepartments", departments::list, departments::List => paged Vec<departments::DepartmentItem>,
        "Lists departments."),
    action!("Accounts", "CreateDepartment", departments::create, departments::Create => String,
        "Makes a department; gives its id."),
    action!("Accounts", "DeleteDepartment", departments::delete, ById => Nothing,
        "Deletes a department without members."),
    action!("Accounts", "ListApiTokens", tokens::list, tokens::List => paged Vec<tokens::TokenItem>,
        "Lists tokens, without what proves them."),
    action!("Accounts", "CreateApiToken", tokens::create, tokens::Create => tokens::Made,
        "Makes a token with one's own rights, for `Authorization: Bearer`; it is shown once."),
    action!("Accounts", "DeleteApiToken", tokens::delete, ById => Nothing,
        "Ends a token."),
    action!("Accounts", "CreateSession", sessions::create, sessions::Create => sessions::Opened,
        "Logs in for a while: gives a token for `Authorization: Bearer`, which is shown once."),
    action!("Accounts", "ListSessions", sessions::list, sessions::List => paged Vec<sessions::SessionItem>,
        "Lists open sessions, without what proves them."),
    action!("Accounts", "DeleteSession", sessions::delete, ById => Nothing,
        "Ends a session."),
    action!("Accounts", "ListAuditLogs", audit::list, audit::List => paged Vec<audit::AuditItem>,
        "Lists who changed what, the newest first."),
    action!("Accounts", "ChangePassword", accounts::change_password, accounts::ChangePassword => Nothing,
        "Changes one's own password."),
];

/// The action with this name.
pub fn find(name: &str) -> Option<&'static Action> {
    ACTIONS.iter().find(|action| action.name == name)
}

/// Runs an action in somebody's name.
pub async fn run(api: &Api, who: &Who, name: &str, body: &[u8]) -> Outcome {
    if let Some(why) = who.must_change.filter(|_| name != "ChangePassword") {
        return Err(Error::new(Kind::PasswordChange, format!("account {}", who.name)).detail(why));
    }
    permit::check(api, who, name, body).await?;
    let Some(action) = find(name) else {
        let known: Vec<_> = ACTIONS.iter().map(|action| action.name).collect();
        return Err(invalid("Action", format!("'{name}' is not known"))
            .remedy(format!("Use one of: {}.", known.join(", "))));
    };
    let answer = (action.run)(Call { api, who, body }).await?;
    tracing::info!(account = %who.name, action = name, "api");
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_unique() {
        let names: HashSet<_> = ACTIONS.iter().map(|action| action.name).collect();
        assert_eq!(names.len(), ACTIONS.len());
    }
}
