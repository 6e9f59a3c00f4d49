//! The audit log: each changing action writes one row, with what it changed before and after, and
//! `ListAuditLogs` shows them.
//!
//! The row is there before the action begins: where it cannot be written, nothing is changed. It
//! holds what the API shows of an object, so no secret can be in it.

use super::answer::understood;
use super::auth::Who;
use super::page::Page;
use super::permit::{self, Object, Relation, may};
use super::projects::time;
use super::registry::Call;
use super::request::invalid;
use super::updates::Named;
use super::{
    Answer, Api, Outcome, actions, answer::PageInfo, departments, labels, objects, om_tasks,
    parameters, servers, sessions, tokens, users,
};
use crate::error::{Error, Kind, Result};
use crate::metadata::{Audit, AuditFilter, NewAudit, OmTasks};
use chrono::NaiveDateTime;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The result of an action that was done.
pub const SUCCESS: &str = "OK";

/// Runs an action, and keeps a record of it where it changes something.
pub async fn run(api: &Api, who: &Who, action: &str, body: &[u8]) -> Outcome {
    let object = match permit::rule(action) {
        Some((_, class, object)) if class.changes() => object,
        _ => return actions::run(api, who, action, body).await,
    };
    let id = subject(who, object, body);
    let line = NewAudit {
        request_id: who.request_id.clone(),
        account: who.name.clone(),
        user_id: who.id.clone(),
        department_id: who.department_id.clone(),
        address: who.address.to_string(),
        action: action.to_owned(),
        object: column(&id),
        before: snapshot(api, object, &id).await?,
    };
    let audit = api.metadata.audit_logs();
    audit.begin(line).await?;
    let outcome = actions::run(api, who, action, body).await;
    let id = match &outcome {
        Ok(answer) if id.is_empty() => made(answer),
        _ => id,
    };
    let code = match &outcome {
        Ok(_) => SUCCESS,
        Err(error) => error.kind().code(),
    };
    let object_id = column(&id);
    let after = match (&outcome, object) {
        (Ok(answer), Object::Components) => as_asked(api, &id, answer).await,
        _ => snapshot(api, object, &id).await,
    };
    let finished = match after {
        Ok(after) => audit
            .finish(&who.request_id, &object_id, after.as_ref(), code)
            .await
            .map_err(Error::from),
        Err(error) => Err(error),
    };
    if let Err(error) = finished {
        // it was done or refused already, and the row says that it began
        tracing::error!(%error, request_id = %who.request_id, action, "the audit log has no result");
    }
    outcome
}

/// As much of an id as the column holds: a request can name anything.
fn column(id: &str) -> String {
    id.chars().take(160).collect()
}

/// The id of what a request is about; empty where it has none yet.
fn subject(who: &Who, object: Object, body: &[u8]) -> String {
    match object {
        Object::Components => permit::id(body, "key").unwrap_or_default(),
        Object::Oneself => who.id.clone(),
        Object::Project(key)
        | Object::DataSource(key)
        | Object::Label(key)
        | Object::User(key)
        | Object::Department(key)
        | Object::Component(key)
        | Object::Session(key)
        | Object::Token(key)
        | Object::Parameter(key)
        | Object::Server(key)
        | Object::ModifyRecord(key) => permit::id(body, key).unwrap_or_default(),
        Object::OmTask(key) => {
            permit::number(body, key).map_or_else(|_| String::new(), |n| n.to_string())
        }
        _ => String::new(),
    }
}

/// The id of what an action made.
fn made(answer: &Answer) -> String {
    let id = answer.data.get("id").unwrap_or(&answer.data);
    id.as_str().unwrap_or_default().to_owned()
}

/// What the API shows of an object; `None` where there is none.
async fn snapshot(api: &Api, object: Object, id: &str) -> Result<Option<Value>> {
    if id.is_empty() {
        return Ok(None);
    }
    let found = match object {
        Object::Nothing => return Ok(None),
        Object::Parameter(_) => return parameters::snapshot(api, id).await,
        Object::Server(_) => return servers::snapshot(api, id).await,
        Object::Oneself | Object::User(_) | Object::NewUser => users::snapshot(api, id).await,
        Object::Project(_) | Object::NewProject | Object::CloneOf(_) => project(api, id).await,
        Object::DataSource(_) | Object::NewDataSource => datasource(api, id).await,
        Object::Label(_) | Object::NewLabel => labels::snapshot(api, id).await,
        Object::Department(_) | Object::NewDepartment => departments::snapshot(api, id).await,
        Object::Token(_) | Object::NewToken => tokens::snapshot(api, id).await,
        Object::Session(_) => sessions::snapshot(api, id).await,
        Object::Component(_) => component(api, id).await,
        Object::Components => components(api, id).await,
        Object::OmTask(_) => om_tasks::snapshot(api, id.parse().unwrap_or(0)).await,
        Object::ModifyRecord(_) => objects::snapshot(api, id).await,
    };
    match found {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == Kind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

async fn project(api: &Api, id: &str) -> Result<Value> {
    let p = api.metadata.projects().get(id).await?;
    Ok(json!({
        "id": p.id, "name": p.name, "status": p.status, "type": p.kind, "ownerId": p.owner,
        "sourceEndpointId": p.source_id, "sinkEndpointId": p.target_id, "config": p.config,
    }))
}

async fn component(api: &Api, id: &str) -> Result<Value> {
    let c = api.metadata.components().get(id).await?;
    let p = api.metadata.projects().get(&c.project_id).await?;
    Ok(json!({
        "name": c.id, "projectId": c.project_id, "type": c.kind, "status": c.status,
        "desiredStatus": c.desired_status, "node": c.node, "config": c.config,
        "options": p.config.get("options"),
    }))
}

/// A component, or those that a node's name means.
async fn components(api: &Api, id: &str) -> Result<Value> {
    match component(api, id).await {
        Err(error) if error.kind() == Kind::NotFound => {
            let mut all = Vec::new();
            for found in Named::on_node(id).find(&api.metadata).await? {
                all.push(component(api, &found.id).await?);
            }
            Ok(json!({ "components": all }))
        }
        found => found,
    }
}

/// What components are to be: their new settings are written by an O&M task, when the action is over.
async fn as_asked(api: &Api, id: &str, answer: &Answer) -> Result<Option<Value>> {
    let found = snapshot(api, Object::Components, id).await?;
    let (Some(mut after), Some(number)) = (found, answer.data.as_i64()) else {
        return Ok(None);
    };
    let task = api.metadata.om_tasks().get(&OmTasks::id_of(number)).await?;
    let settings = task.task_info["settings"].as_object();
    let one_or_all = match after.get_mut("components") {
        Some(Value::Array(all)) => all.as_mut_slice(),
        _ => std::slice::from_mut(&mut after),
    };
    for component in one_or_all {
        for (key, value) in settings.into_iter().flatten() {
            put(&mut component["options"], key, value);
        }
    }
    Ok(Some(after))
}

/// Puts a value at a place like `incr_sync.lanes`.
fn put(options: &mut Value, key: &str, value: &Value) {
    let mut place = options;
    for part in key.split('.') {
        if !place.is_object() {
            *place = json!({});
        }
        place = &mut place[part];
    }
    *place = value.clone();
}

async fn datasource(api: &Api, id: &str) -> Result<Value> {
    let d = api.metadata.datasources().get(id).await?;
    Ok(json!({
        "id": d.id, "name": d.name, "type": d.kind, "ownerId": d.owner, "ip": d.host,
        "port": d.port, "userName": d.username, "options": d.options,
    }))
}

/// Parameters of `ListAuditLogs`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct List {
    account: Option<String>,
    action: Option<String>,
    object_id: Option<String>,
    result_code: Option<String>,
    begin_time: Option<String>,
    end_time: Option<String>,
    /// From 1.
    #[schemars(range(min = 1))]
    page_number: Option<u64>,
    /// 10 unless told.
    #[schemars(range(min = 1, max = 150))]
    page_size: Option<u64>,
}

/// `ListAuditLogs`, the newest first.
pub async fn list(call: &Call<'_>, wanted: List) -> Outcome {
    let (api, who) = (call.api, call.who);
    let page = Page::of(wanted.page_number, wanted.page_size)?;
    let sees = |relation| may(who.role, "ListAuditLogs", relation);
    let filter = AuditFilter {
        user_id: (!sees(Relation::Department)).then(|| who.id.clone()),
        department_id: (sees(Relation::Department) && !sees(Relation::Foreign))
            .then(|| who.department_id.clone()),
        account: wanted.account,
        action: wanted.action,
        object: wanted.object_id,
        result_code: wanted.result_code,
        from: moment("beginTime", wanted.begin_time)?,
        until: moment("endTime", wanted.end_time)?,
    };
    let skip = (page.number - 1).saturating_mul(page.size);
    let logs = api.metadata.audit_logs();
    // a database counts rows with a sign
    let (rows, total) = logs
        .list(&filter, skip.min(i64::MAX as u64), page.size)
        .await?;
    let info = PageInfo {
        number: page.number,
        size: page.size,
        total,
    };
    let (rows, broken) = understood(rows);
    let items: Vec<_> = rows.iter().map(item).collect();
    Ok(Answer::page(items, info)?.without(who, &broken))
}

/// A line of the audit log.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditItem {
    id: i64,
    /// When, UTC.
    time: String,
    /// Who.
    account: String,
    /// From where.
    address: String,
    action: String,
    /// What it was done to.
    object_id: String,
    /// What that was before.
    before: Option<Value>,
    /// What it was after.
    after: Option<Value>,
    /// `OK`, or the error's code; empty: it was cut off.
    result_code: String,
    request_id: String,
}

fn item(a: &Audit) -> AuditItem {
    AuditItem {
        id: a.id,
        time: time(a.gmt_created),
        account: a.account.clone(),
        address: a.address.clone(),
        action: a.action.clone(),
        object_id: a.object.clone(),
        before: a.before.clone(),
        after: a.after.clone(),
        result_code: a.result_code.clone(),
        request_id: a.request_id.clone(),
    }
}

/// What the API shows of an object, as a line keeps it.
pub fn snapshot_of(item: &impl Serialize) -> Result<Value> {
    serde_json::to_value(item)
        .map_err(|e| Error::new(Kind::Internal, "writing the audit log").caused_by(e))
}

fn moment(name: &str, text: Option<String>) -> Result<Option<NaiveDateTime>> {
    text.map(|text| {
        NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S")
            .map_err(|_| invalid(name, format!("'{text}' is not like 2026-01-31T12:00:00")))
    })
    .transpose()
}
