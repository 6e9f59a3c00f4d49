//! `ListUsers`, `CreateUser`, `UpdateUser`, `DeleteUser`, `UnlockUser` (reference 7.16).

use super::actions::ById;
use super::answer::understood;
use super::audit::snapshot_of;
use super::auth::{Who, days_left};
use super::page::Page;
use super::permit::{Owners, forbidden, may, may_give, of_department};
use super::projects::time;
use super::registry::Call;
use super::request::invalid;
use super::{Answer, Api, Outcome, password};
use crate::error::Result;
use crate::metadata::{
    DEFAULT_DEPARTMENT, MetaErrorKind, NewUser, User, UserRole, UserUpdate, now,
};
use crate::model::params::PasswordExpiration;
use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Longest mail address and description, and longest telephone number, characters.
const TEXT_MAX: usize = 255;
const DESCRIPTION_MAX: usize = 256;
const PHONE_MAX: usize = 64;

/// Parameters of `ListUsers`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct List {
    search_key: Option<String>,
    roles: Vec<UserRole>,
    department_id: Option<String>,
    /// From 1.
    #[schemars(range(min = 1))]
    page_number: Option<u64>,
    /// 10 unless told.
    #[schemars(range(min = 1, max = 150))]
    page_size: Option<u64>,
}

/// `ListUsers`.
pub async fn list(call: &Call<'_>, wanted: List) -> Outcome {
    let (api, who) = (call.api, call.who);
    let page = Page::of(wanted.page_number, wanted.page_size)?;
    let expiration: PasswordExpiration = api.metadata.parameter().await?;
    let owners = Owners::load(api).await?;
    let search = wanted.search_key.unwrap_or_default();
    let rows = api.metadata.users().list().await?;
    let (rows, broken) = understood(rows);
    let rows = rows
        .into_iter()
        .filter(|u| owners.sees(who, "ListUsers", Some(&u.id)))
        .filter(|u| wanted.roles.is_empty() || wanted.roles.contains(&u.role))
        .filter(|u| {
            let department = wanted.department_id.as_ref();
            department.is_none_or(|department| *department == u.department_id)
        })
        .filter(|u| u.account.contains(&search) || u.id.contains(&search));
    let (rows, info) = page.cut(rows.collect());
    let items: Vec<_> = rows.iter().map(|u| item(u, expiration)).collect();
    Ok(Answer::page(items, info)?.without(who, &broken))
}

/// An account, without its password.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserItem {
    /// `u…`.
    id: String,
    account: String,
    role: UserRole,
    /// Empty for those who stand above departments.
    department_id: String,
    mail: String,
    phone: String,
    description: String,
    /// Nothing can be done before the password is changed.
    must_change_password: bool,
    is_locked: bool,
    /// When the lock ends by itself, UTC.
    locked_until: Option<String>,
    /// Wrong passwords since the last right one.
    login_failure_times: i32,
    /// When the password was set, UTC.
    password_changed_time: String,
    /// When it expires, UTC; null: never.
    password_expire_time: Option<String>,
    /// Its owner is reminded.
    password_expire_soon: bool,
    /// When it was made, UTC.
    gmt_create: String,
    /// When it was written last, UTC.
    gmt_modified: String,
}

fn item(u: &User, expiration: PasswordExpiration) -> UserItem {
    let locked = u.locked_at(now());
    let left = days_left(expiration, u);
    let expires = u.password_changed_at + TimeDelta::days(expiration.days.into());
    UserItem {
        id: u.id.clone(),
        account: u.account.clone(),
        role: u.role,
        department_id: u.department_id.clone(),
        mail: u.mail.clone(),
        phone: u.phone.clone(),
        description: u.description.clone(),
        must_change_password: u.must_change,
        is_locked: locked,
        locked_until: u.locked_until.filter(|_| locked).map(time),
        login_failure_times: u.login_failure_times,
        password_changed_time: time(u.password_changed_at),
        password_expire_time: left.map(|_| time(expires)),
        password_expire_soon: left.is_some_and(|days| days <= i64::from(expiration.reminder)),
        gmt_create: time(u.gmt_created),
        gmt_modified: time(u.gmt_modified),
    }
}

/// What the audit log keeps of an account.
pub async fn snapshot(api: &Api, id: &str) -> Result<Value> {
    let user = api.metadata.users().get(id).await?;
    snapshot_of(&item(&user, api.metadata.parameter().await?))
}

/// Parameters of `CreateUser`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Create {
    account: String,
    password: String,
    role: UserRole,
    department_id: Option<String>,
    #[serde(default)]
    mail: String,
    #[serde(default)]
    phone: String,
    #[serde(default)]
    description: String,
}

/// `CreateUser`. The password must be changed at the first login: its maker knows it.
pub async fn create(call: &Call<'_>, wanted: Create) -> Outcome {
    let (api, who) = (call.api, call.who);
    if let Some(why) = password::account_problem(&wanted.account) {
        return Err(invalid("account", why));
    }
    if let Some(why) = password::problem(&wanted.password) {
        return Err(invalid("password", why));
    }
    contact(
        Some(&wanted.mail),
        Some(&wanted.phone),
        Some(&wanted.description),
    )?;
    if !may_give(who.role, wanted.role) {
        let why = format!("may not make one of {}", wanted.role);
        return Err(forbidden(who, "CreateUser", &why));
    }
    let department = match (wanted.department_id, who.role) {
        (Some(department), _) => department,
        (None, UserRole::Root) if wanted.role == UserRole::RootViewer => String::new(),
        (None, UserRole::Root) => DEFAULT_DEPARTMENT.to_owned(),
        (None, _) => who.department_id.clone(),
    };
    let password_hash = api.accounts.hash(&wanted.password).await?;
    // its department is not taken away meanwhile
    let _one = api.accounts.people.lock().await;
    fits(api, wanted.role, &department).await?;
    let new = NewUser {
        password_hash,
        account: wanted.account,
        role: wanted.role,
        department_id: department,
        mail: wanted.mail,
        phone: wanted.phone,
        description: wanted.description,
        must_change: true,
    };
    let account = new.account.clone();
    match api.metadata.users().create(new).await {
        Ok(made) => Answer::of(made.id),
        Err(error) if error.kind() == MetaErrorKind::Conflict => Err(invalid(
            "account",
            format!("there is an account '{account}'"),
        )),
        Err(error) => Err(error.into()),
    }
}

/// Parameters of `UpdateUser`; what is not given stays as it is.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Update {
    id: String,
    /// One that must be changed at the next login; the account's tokens end.
    password: Option<String>,
    role: Option<UserRole>,
    department_id: Option<String>,
    mail: Option<String>,
    phone: Option<String>,
    description: Option<String>,
}

/// `UpdateUser`.
pub async fn update(call: &Call<'_>, wanted: Update) -> Outcome {
    let (api, who) = (call.api, call.who);
    let user = managed(api, who, "UpdateUser", &wanted.id).await?;
    contact(
        wanted.mail.as_deref(),
        wanted.phone.as_deref(),
        wanted.description.as_deref(),
    )?;
    if let Some(password) = &wanted.password {
        if user.id == who.id {
            return Err(invalid("password", "one's own: use ChangePassword"));
        }
        if let Some(why) = password::problem(password) {
            return Err(invalid("password", why));
        }
    }
    let role = wanted.role.unwrap_or(user.role);
    if role != user.role && (user.role == UserRole::Root || !may_give(who.role, role)) {
        let why = format!("may not make one of {role} of one of {}", user.role);
        return Err(forbidden(who, "UpdateUser", &why));
    }
    if let Some(department) = &wanted.department_id
        && !may(who.role, "UpdateUser", of_department(who, department))
    {
        return Err(forbidden(who, "UpdateUser", "may not move it there"));
    }
    let password_hash = match &wanted.password {
        Some(password) => Some(api.accounts.hash(password).await?),
        None => None,
    };
    // its department is not taken away meanwhile
    let _one = api.accounts.people.lock().await;
    let department = wanted.department_id.as_ref().unwrap_or(&user.department_id);
    if role != user.role || *department != user.department_id {
        fits(api, role, department).await?;
    }
    let update = UserUpdate {
        role: wanted.role,
        department_id: wanted.department_id,
        mail: wanted.mail,
        phone: wanted.phone,
        description: wanted.description,
        password_hash,
    };
    api.metadata.users().update(&user.id, update).await?;
    Ok(Answer::nothing())
}

/// `DeleteUser`: what belonged to it belongs to who deleted it.
pub async fn delete(call: &Call<'_>, wanted: ById) -> Outcome {
    let (api, who) = (call.api, call.who);
    let user = managed(api, who, "DeleteUser", &wanted.id).await?;
    if user.role == UserRole::Root || user.id == who.id {
        return Err(forbidden(
            who,
            "DeleteUser",
            "may delete neither itself nor ROOT",
        ));
    }
    // nobody makes anything in its name meanwhile
    let _people = api.accounts.people.lock().await;
    let _life = api.life.lock().await;
    api.metadata.users().delete(&user.id, &who.id).await?;
    Ok(Answer::nothing())
}

/// `UnlockUser`: wrong passwords are forgotten.
pub async fn unlock(call: &Call<'_>, wanted: ById) -> Outcome {
    let (api, who) = (call.api, call.who);
    let user = managed(api, who, "UnlockUser", &wanted.id).await?;
    api.metadata.users().unlock(&user.id).await?;
    Ok(Answer::nothing())
}

/// The account, if its role is one that may be managed.
async fn managed(api: &Api, who: &Who, action: &str, id: &str) -> Result<User> {
    let user = api.metadata.users().get(id).await?;
    match user.id == who.id || may_give(who.role, user.role) {
        true => Ok(user),
        false => {
            let why = format!("may not manage one of {}", user.role);
            Err(forbidden(who, action, &why))
        }
    }
}

/// ROOT and ROOT-VIEWER stand above departments; everybody else is in one that there is.
async fn fits(api: &Api, role: UserRole, department: &str) -> Result<()> {
    let above = matches!(role, UserRole::Root | UserRole::RootViewer);
    if above != department.is_empty() {
        let why = match above {
            true => format!("{role} is in no department: give \"\""),
            false => format!("{role} must be in a department"),
        };
        return Err(invalid("departmentId", why));
    }
    if !above {
        match api.metadata.departments().get(department).await {
            Ok(_) => {}
            Err(error) if error.kind() == MetaErrorKind::NotFound => {
                return Err(invalid(
                    "departmentId",
                    format!("there is no '{department}'"),
                ));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn contact(mail: Option<&str>, phone: Option<&str>, description: Option<&str>) -> Result<()> {
    let mail = mail.unwrap_or_default();
    let address = mail.split_once('@');
    let right = address
        .is_some_and(|(user, host)| !user.is_empty() && !host.is_empty() && !host.contains('@'));
    if !mail.is_empty()
        && (!right || mail.contains(char::is_whitespace) || mail.chars().count() > TEXT_MAX)
    {
        return Err(invalid("mail", "it is not a mail address"));
    }
    let phone = phone.unwrap_or_default();
    let digit = |c: char| c.is_ascii_digit() || " +-()./".contains(c);
    if phone.len() > PHONE_MAX || !phone.chars().all(digit) {
        return Err(invalid(
            "phone",
            format!("it may have {PHONE_MAX} digits, spaces and + - ( ) . /"),
        ));
    }
    if description.unwrap_or_default().chars().count() > DESCRIPTION_MAX {
        return Err(invalid(
            "description",
            format!("it may have {DESCRIPTION_MAX} characters"),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    #[test]
    fn contacts_are_checked() {
        for mail in ["", "a@b", "a.b+c@d.example"] {
            contact(Some(mail), None, None).expect(mail);
        }
        for mail in ["a", "a@", "@b", "a@b@c", "a b@c"] {
            let error = contact(Some(mail), None, None).expect_err(mail);
            assert_eq!(error.kind(), Kind::ParameterInvalid);
        }
        contact(None, Some("+49 (30) 123-4"), None).expect("a number");
        contact(None, Some("call me"), None).expect_err("no number");
        contact(None, None, Some(&"x".repeat(257))).expect_err("too long");
    }
}
