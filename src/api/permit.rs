//! Who may do what: the one place where rights are decided.
//!
//! Every action has a line in [`RULES`]: what kind of thing it does, and which of its parameters
//! names whose. [`may`] decides by the role and by whose the object is; [`check`] finds out whose it
//! is, before the action runs. Lists show what [`Owners::sees`].

pub use super::owners::Owners;

use super::auth::Who;
use super::request::{invalid, parameters};
use super::updates::Named;
use super::{Api, actions, om_tasks};
use crate::error::{Error, Kind, Result};
use crate::metadata::{OmTasks, UserRole};
use serde_json::Value;

/// What kind of thing an action does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Looks.
    Read,
    /// Looks at departments: everybody sees their own.
    ReadDepartments,
    /// Makes or changes projects and data sources.
    Change,
    /// One's own password and tokens.
    Oneself,
    /// Deletes labels, which many may use.
    ManageLabels,
    /// Makes and changes accounts.
    ManageUsers,
    /// Makes and deletes departments.
    ManageDepartments,
    /// Looks at what belongs to the whole service.
    ReadService,
    /// Changes what belongs to the whole service: system parameters, quotas of nodes.
    ManageService,
}

impl Class {
    /// Does it change anything.
    pub fn changes(self) -> bool {
        !matches!(self, Self::Read | Self::ReadDepartments | Self::ReadService)
    }
}

/// What an action is about, and the parameter that names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Object {
    /// A list, or nothing that belongs to somebody.
    Nothing,
    /// Whoever asks.
    Oneself,
    /// A project.
    Project(&'static str),
    /// A new project: it needs a right to both of its data sources.
    NewProject,
    /// A new project like another: it needs a right to that and to both of its data sources.
    CloneOf(&'static str),
    /// A new data source.
    NewDataSource,
    /// A data source.
    DataSource(&'static str),
    /// A label.
    Label(&'static str),
    /// A new label.
    NewLabel,
    /// An account.
    User(&'static str),
    /// A new account, in a department.
    NewUser,
    /// A department.
    Department(&'static str),
    /// A new department.
    NewDepartment,
    /// A component.
    Component(&'static str),
    /// The components that `dimension` and `key` name.
    Components,
    /// An O&M task.
    OmTask(&'static str),
    /// A token.
    Token(&'static str),
    /// A session.
    Session(&'static str),
    /// A new token, or session.
    NewToken,
    /// A system parameter.
    Parameter(&'static str),
    /// A node.
    Server(&'static str),
    /// A change of a project's objects.
    ModifyRecord(&'static str),
}

/// Whose an object is, as seen by who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    /// One's own.
    Own,
    /// Somebody's of the same department.
    Department,
    /// Anybody else's.
    Foreign,
}

/// An action, what kind of thing it does, and what it is about.
pub type Rule = (&'static str, Class, Object);

const RULES: &[Rule] = &[
    (
        "CancelProjectModifyRecord",
        Class::Change,
        Object::ModifyRecord("id"),
    ),
    (
        "CreateProjectModifyRecords",
        Class::Change,
        Object::Project("id"),
    ),
    (
        "ListProjectModifyRecords",
        Class::Read,
        Object::Project("id"),
    ),
    (
        "RetryProjectModifyRecords",
        Class::Change,
        Object::ModifyRecord("id"),
    ),
    (
        "StopProjectModifyRecords",
        Class::Change,
        Object::ModifyRecord("id"),
    ),
    ("ChangePassword", Class::Oneself, Object::Oneself),
    ("CreateApiToken", Class::Oneself, Object::NewToken),
    (
        "CreateDepartment",
        Class::ManageDepartments,
        Object::NewDepartment,
    ),
    (
        "CreateMySqlDataSource",
        Class::Change,
        Object::NewDataSource,
    ),
    (
        "CreateMysqlDataSource",
        Class::Change,
        Object::NewDataSource,
    ),
    (
        "CreateOceanBaseDataSource",
        Class::Change,
        Object::NewDataSource,
    ),
    ("CreateLabel", Class::Change, Object::NewLabel),
    ("CreateProject", Class::Change, Object::NewProject),
    ("CloneProject", Class::Change, Object::CloneOf("id")),
    ("RenameProject", Class::Change, Object::Project("id")),
    (
        "UpdateProjectAlarmLevel",
        Class::Change,
        Object::Project("id"),
    ),
    ("CreateSession", Class::Oneself, Object::NewToken),
    ("DeleteSession", Class::Oneself, Object::Session("id")),
    ("ListSessions", Class::Read, Object::Nothing),
    ("CreateUser", Class::ManageUsers, Object::NewUser),
    ("DeleteApiToken", Class::Oneself, Object::Token("id")),
    ("DeleteDataSource", Class::Change, Object::DataSource("id")),
    ("DeleteLabel", Class::ManageLabels, Object::Label("id")),
    (
        "DeleteDepartment",
        Class::ManageDepartments,
        Object::Department("id"),
    ),
    ("DeleteProject", Class::Change, Object::Project("id")),
    ("DeleteUser", Class::ManageUsers, Object::User("id")),
    ("DescribeProject", Class::Read, Object::Project("id")),
    (
        "DescribeProjectComponents",
        Class::Read,
        Object::Project("id"),
    ),
    (
        "DescribeProjectProgress",
        Class::Read,
        Object::Project("id"),
    ),
    (
        "DescribeProjectStepMetric",
        Class::Read,
        Object::Project("projectId"),
    ),
    ("DescribeProjectSteps", Class::Read, Object::Project("id")),
    ("GetPreCheckResult", Class::Read, Object::Project("id")),
    ("ListApiTokens", Class::Read, Object::Nothing),
    ("ListAllLabels", Class::Read, Object::Nothing),
    ("ListAuditLogs", Class::Read, Object::Nothing),
    ("ListDataSource", Class::Read, Object::Nothing),
    ("ListDepartments", Class::ReadDepartments, Object::Nothing),
    (
        "ListFullVerifyCorrectionsResult",
        Class::Read,
        Object::Project("projectId"),
    ),
    (
        "ListFullVerifyInconsistenciesResult",
        Class::Read,
        Object::Project("projectId"),
    ),
    (
        "ListProjectFullVerifyResult",
        Class::Read,
        Object::Project("projectId"),
    ),
    ("ListProjects", Class::Read, Object::Nothing),
    ("ListServers", Class::ReadService, Object::Nothing),
    ("ListSystemParameters", Class::ReadService, Object::Nothing),
    ("ListUsers", Class::Read, Object::Nothing),
    ("ReleaseProject", Class::Change, Object::Project("id")),
    (
        "ResetSystemParameter",
        Class::ManageService,
        Object::Parameter("name"),
    ),
    ("ResumeProject", Class::Change, Object::Project("id")),
    ("RetryPreCheck", Class::Change, Object::Project("id")),
    ("StartProject", Class::Change, Object::Project("id")),
    ("StartProjectsByLabel", Class::Change, Object::Label("id")),
    ("StopProject", Class::Change, Object::Project("id")),
    ("StopProjectsByLabel", Class::Change, Object::Label("id")),
    ("SubmitPreCheck", Class::Change, Object::Project("id")),
    ("RehearseAppSwitch", Class::Change, Object::Project("id")),
    ("StartAppSwitch", Class::Change, Object::Project("id")),
    ("DescribeAppSwitch", Class::Read, Object::Project("id")),
    ("ConfirmAppSwitch", Class::Change, Object::Project("id")),
    ("RetryAppSwitch", Class::Change, Object::Project("id")),
    ("SkipAppSwitch", Class::Change, Object::Project("id")),
    ("RollBackAppSwitch", Class::Change, Object::Project("id")),
    ("TestDataSource", Class::Change, Object::DataSource("id")),
    ("UnlockUser", Class::ManageUsers, Object::User("id")),
    ("UpdateProjectConfig", Class::Change, Object::Project("id")),
    ("UpdateProjectLabels", Class::Change, Object::Project("id")),
    (
        "UpdateServerQuota",
        Class::ManageService,
        Object::Server("name"),
    ),
    (
        "UpdateSystemParameter",
        Class::ManageService,
        Object::Parameter("name"),
    ),
    ("UpdateUser", Class::ManageUsers, Object::User("id")),
    ("DeleteComponent", Class::Change, Object::Component("name")),
    ("DescribeOmTask", Class::Read, Object::OmTask("id")),
    ("ListOmTasks", Class::Read, Object::Nothing),
    ("PauseComponent", Class::Change, Object::Component("name")),
    ("RepairProjectStep", Class::Change, Object::Project("id")),
    ("RerunComponent", Class::Change, Object::Component("name")),
    ("ResumeComponent", Class::Change, Object::Component("name")),
    ("RetryOmTask", Class::Change, Object::OmTask("id")),
    ("SkipOmTask", Class::Change, Object::OmTask("id")),
    ("StartComponent", Class::Change, Object::Component("name")),
    ("UpdateFullImport", Class::Change, Object::Components),
    ("UpdateFullVerification", Class::Change, Object::Components),
    ("UpdateIncrSync", Class::Change, Object::Components),
    ("UpdateStore", Class::Change, Object::Components),
];

/// Actions that a token cannot do: whoever finds one shall not make it last.
const PASSWORD_ONLY: &[&str] = &["ChangePassword", "CreateApiToken", "CreateSession"];

/// The rule of an action.
pub fn rule(action: &str) -> Option<Rule> {
    RULES.iter().find(|(name, ..)| *name == action).copied()
}

/// May this role do this to an object that stands so to it.
pub fn may(role: UserRole, action: &str, relation: Relation) -> bool {
    use Relation::{Department, Foreign, Own};
    let Some((_, class, _)) = rule(action) else {
        return false;
    };
    match (class, role) {
        (_, UserRole::Root) | (Class::ReadService, _) => true,
        (Class::Oneself, _) => relation == Own,
        (Class::Read | Class::ReadDepartments, UserRole::RootViewer) => true,
        (Class::ReadDepartments, _) => relation != Foreign,
        (Class::Read, UserRole::Admin | UserRole::AdminViewer) => relation != Foreign,
        (Class::Change, UserRole::Admin) => relation != Foreign,
        (Class::Read | Class::Change, UserRole::User) => relation == Own,
        (Class::ManageUsers, UserRole::Admin) => relation == Department,
        (Class::ManageLabels, UserRole::Admin) => true,
        (
            Class::ManageLabels
            | Class::Change
            | Class::ManageUsers
            | Class::ManageDepartments
            | Class::ManageService,
            _,
        ) => false,
    }
}

/// May this role make, change and delete accounts of that one.
pub fn may_give(giver: UserRole, role: UserRole) -> bool {
    match giver {
        UserRole::Root => role != UserRole::Root,
        UserRole::Admin => matches!(role, UserRole::AdminViewer | UserRole::User),
        _ => false,
    }
}

/// The error for what somebody may not do.
pub fn forbidden(who: &Who, action: &str, why: &str) -> Error {
    Error::new(Kind::Forbidden, format!("action {action}"))
        .detail(format!("account {} ({}) {why}", who.name, who.role))
}

/// May this request run.
///
/// # Errors
/// `Forbidden`; `NotFound` for an object that is not there.
pub async fn check(api: &Api, who: &Who, action: &str, body: &[u8]) -> Result<()> {
    let Some((_, _, object)) = rule(action) else {
        return match actions::find(action).is_some() {
            true => Err(Error::new(Kind::Internal, format!("action {action}")).detail("no rule")),
            false => Ok(()),
        };
    };
    if who.by_token && PASSWORD_ONLY.contains(&action) {
        return Err(forbidden(
            who,
            action,
            "used a token: this needs the password",
        ));
    }
    if may(who.role, action, Relation::Foreign) {
        return Ok(());
    }
    let allowed = |relation| may(who.role, action, relation);
    if !allowed(Relation::Own) && !allowed(Relation::Department) {
        return Err(forbidden(who, action, "may not do this"));
    }
    for relation in relations(api, who, object, body).await? {
        if !allowed(relation) {
            let why = "may not do this: it is not its own, nor of its department where the role covers that";
            return Err(forbidden(who, action, why));
        }
    }
    Ok(())
}

/// How the objects of a request stand to who asks.
async fn relations(api: &Api, who: &Who, object: Object, body: &[u8]) -> Result<Vec<Relation>> {
    let own = vec![Relation::Own];
    let owner = match object {
        Object::Nothing
        | Object::Oneself
        | Object::Label(_)
        | Object::NewLabel
        | Object::NewDataSource
        | Object::NewDepartment
        | Object::NewToken
        | Object::Parameter(_)
        | Object::Server(_) => return Ok(own),
        Object::NewUser => {
            let department = optional(body, "departmentId")?;
            let department = department.as_deref().unwrap_or(&who.department_id);
            return Ok(vec![of_department(who, department)]);
        }
        Object::Department(key) => {
            return Ok(vec![of_department(who, &id(body, key)?)]);
        }
        Object::NewProject => {
            let owners = Owners::load(api).await?;
            let mut both = Vec::new();
            for key in ["sourceEndpointId", "sinkEndpointId"] {
                let source = api.metadata.datasources().get(&id(body, key)?).await?;
                both.push(owners.relation(who, source.owner.as_deref()));
            }
            return Ok(both);
        }
        Object::DataSource(key) => {
            let sources = api.metadata.datasources();
            sources.get(&id(body, key)?).await?.owner
        }
        Object::Project(key) => api.metadata.projects().get(&id(body, key)?).await?.owner,
        Object::ModifyRecord(key) => {
            let records = api.metadata.modify_records();
            let record = records.get(&id(body, key)?).await?;
            api.metadata.projects().get(&record.project_id).await?.owner
        }
        Object::User(key) => Some(api.metadata.users().get(&id(body, key)?).await?.id),
        Object::Component(key) => {
            let component = api.metadata.components().get(&id(body, key)?).await?;
            owner_of_project(api, &component.project_id).await?
        }
        Object::Components => {
            let mut all = Vec::new();
            let owners = Owners::load(api).await?;
            for component in components_named(api, body).await? {
                let owner = owner_of_project(api, &component).await?;
                all.push(owners.relation(who, owner.as_deref()));
            }
            return Ok(all);
        }
        Object::CloneOf(key) => {
            let project = api.metadata.projects().get(&id(body, key)?).await?;
            let owners = Owners::load(api).await?;
            let mut all = vec![owners.relation(who, project.owner.as_deref())];
            for id in [&project.source_id, &project.target_id] {
                let source = api.metadata.datasources().get(id).await?;
                all.push(owners.relation(who, source.owner.as_deref()));
            }
            return Ok(all);
        }
        Object::OmTask(key) => {
            let id = OmTasks::id_of(number(body, key)?);
            let task = api.metadata.om_tasks().get(&id).await?;
            let owners = Owners::load(api).await?;
            let mut all = Vec::new();
            for project in om_tasks::projects_of(api, &task).await? {
                let owner = owner_of_project(api, &project).await?;
                all.push(owners.relation(who, owner.as_deref()));
            }
            if all.is_empty() {
                all.push(owners.relation(who, task.owner.as_deref()));
            }
            return Ok(all);
        }
        Object::Session(key) => {
            let session = api.metadata.sessions().get(&id(body, key)?).await?;
            Some(session.user_id)
        }
        Object::Token(key) => {
            let token = api.metadata.api_tokens().get(&id(body, key)?).await?;
            Some(token.user_id)
        }
    };
    let owners = Owners::load(api).await?;
    Ok(vec![owners.relation(who, owner.as_deref())])
}

async fn owner_of_project(api: &Api, project: &str) -> Result<Option<String>> {
    Ok(api.metadata.projects().get(project).await?.owner)
}

/// The projects of the components that a request names by `dimension` and `key`.
async fn components_named(api: &Api, body: &[u8]) -> Result<Vec<String>> {
    let named = parameters::<Named>(body)?;
    let components = named.find(&api.metadata).await?;
    Ok(components.into_iter().map(|c| c.project_id).collect())
}

/// How a department stands to who asks.
pub fn of_department(who: &Who, department: &str) -> Relation {
    match !department.is_empty() && department == who.department_id {
        true => Relation::Department,
        false => Relation::Foreign,
    }
}

/// A text of the request's body; what is not there is refused, as the action itself would.
pub fn id(body: &[u8], key: &str) -> Result<String> {
    optional(body, key)?.ok_or_else(|| invalid(key, format!("missing field `{key}`")))
}

/// A number of the request's body.
pub fn number(body: &[u8], key: &str) -> Result<i64> {
    let body: Value = parameters(body)?;
    let found = body.get(key).and_then(Value::as_i64);
    found.ok_or_else(|| invalid(key, "it must be a number"))
}

fn optional(body: &[u8], key: &str) -> Result<Option<String>> {
    let body: Value = parameters(body)?;
    match body.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) => Err(invalid(key, "invalid type: it must be a text")),
    }
}

#[cfg(test)]
#[path = "permit_tests.rs"]
mod tests;
