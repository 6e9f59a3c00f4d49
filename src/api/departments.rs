//! `ListDepartments`, `CreateDepartment`, `DeleteDepartment` (reference 7.16).

use super::actions::ById;
use super::answer::understood;
use super::audit::snapshot_of;
use super::page::Page;
use super::permit::{may, of_department};
use super::projects::time;
use super::registry::Call;
use super::request::invalid;
use super::{Answer, Api, Outcome};
use crate::error::{Error, Kind, Result};
use crate::metadata::{DEFAULT_DEPARTMENT, Department, MetaErrorKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Longest name, characters.
const NAME_MAX: usize = 40;

/// Parameters of `CreateDepartment`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Create {
    /// 1 to 40 characters, unique.
    name: String,
}

/// `CreateDepartment`.
pub async fn create(call: &Call<'_>, wanted: Create) -> Outcome {
    let api = call.api;
    let name = wanted.name;
    if !(1..=NAME_MAX).contains(&name.chars().count())
        || name.trim() != name
        || name.contains(char::is_control)
    {
        return Err(invalid(
            "name",
            format!("it must have 1 to {NAME_MAX} characters, none at its ends a blank"),
        ));
    }
    match api.metadata.departments().create(&name).await {
        Ok(made) => Answer::of(made.id),
        Err(error) if error.kind() == MetaErrorKind::Conflict => {
            Err(invalid("name", format!("there is a department '{name}'")))
        }
        Err(error) => Err(error.into()),
    }
}

/// `DeleteDepartment`: one without members.
pub async fn delete(call: &Call<'_>, wanted: ById) -> Outcome {
    let api = call.api;
    let department = api.metadata.departments().get(&wanted.id).await?;
    let refuse = |why: &str, what: &str| {
        Err(Error::new(
            Kind::StateInvalid,
            format!("department {} ({})", department.id, department.name),
        )
        .detail(why.to_owned())
        .remedy(what.to_owned()))
    };
    if department.id == DEFAULT_DEPARTMENT {
        return refuse("it is the default one", "It stays.");
    }
    // nobody comes into it meanwhile
    let _one = api.accounts.people.lock().await;
    let deleted = api.metadata.departments().delete_empty(&wanted.id).await?;
    if !deleted && api.metadata.departments().get(&wanted.id).await.is_ok() {
        return refuse(
            "it has members",
            "Move them with UpdateUser, or delete them; then delete the department.",
        );
    }
    Ok(Answer::nothing())
}

/// Parameters of `ListDepartments`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct List {
    search_key: Option<String>,
    /// From 1.
    #[schemars(range(min = 1))]
    page_number: Option<u64>,
    /// 10 unless told.
    #[schemars(range(min = 1, max = 150))]
    page_size: Option<u64>,
}

/// `ListDepartments`.
pub async fn list(call: &Call<'_>, wanted: List) -> Outcome {
    let (api, who) = (call.api, call.who);
    let page = Page::of(wanted.page_number, wanted.page_size)?;
    let search = wanted.search_key.unwrap_or_default();
    let rows = api.metadata.departments().list().await?;
    let (rows, broken) = understood(rows);
    let rows = rows
        .into_iter()
        .filter(|d| may(who.role, "ListDepartments", of_department(who, &d.id)))
        .filter(|d| d.name.contains(&search) || d.id.contains(&search));
    let (rows, info) = page.cut(rows.collect());
    let items: Vec<_> = rows.iter().map(item).collect();
    Ok(Answer::page(items, info)?.without(who, &broken))
}

/// A department.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct DepartmentItem {
    /// `d_…`.
    id: String,
    name: String,
    /// It stays.
    is_default: bool,
    /// When it was made, UTC.
    gmt_create: String,
}

fn item(d: &Department) -> DepartmentItem {
    DepartmentItem {
        id: d.id.clone(),
        name: d.name.clone(),
        is_default: d.id == DEFAULT_DEPARTMENT,
        gmt_create: time(d.gmt_created),
    }
}

/// What the audit log keeps of a department.
pub async fn snapshot(api: &Api, id: &str) -> Result<Value> {
    snapshot_of(&item(&api.metadata.departments().get(id).await?))
}
