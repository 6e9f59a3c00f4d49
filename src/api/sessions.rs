//! Sessions: a login with name and password that lasts for a while, as a browser's does.
//!
//! `CreateSession` gives a token that is good until nobody has used it for half an hour, and for twelve
//! hours at most. It ends with a new password, with the account, and by `DeleteSession`.

use super::actions::ById;
use super::audit::snapshot_of;
use super::auth::token_hash;
use super::page::Page;
use super::permit::Owners;
use super::projects::time;
use super::registry::Call;
use super::{Answer, Api, Outcome};
use crate::error::Result;
use crate::metadata::{MetaErrorKind, Metadata, Session, now};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a session's token begins with.
pub const PREFIX: &str = "oms_s_";
/// A session that nobody uses for so long ends.
const IDLE: TimeDelta = TimeDelta::minutes(30);
/// It ends after this time, whoever uses it.
const LIFE: TimeDelta = TimeDelta::hours(12);
/// A use is written down at most so often.
const TOUCH_EVERY: TimeDelta = TimeDelta::minutes(1);

/// Parameters of `CreateSession`: none.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Create {}

/// A session that was just opened.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Opened {
    /// `w_…`.
    id: String,
    /// For `Authorization: Bearer`; it is shown this once.
    token: String,
    /// Minutes without a use after which it ends.
    idle_minutes: i64,
    /// When it ends at the latest, UTC.
    expire_time: String,
}

/// A session, without what proves it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionItem {
    /// `w_…`.
    id: String,
    /// Who logged in.
    account: String,
    /// From where.
    address: String,
    /// When it was used last, UTC, to the minute.
    last_used_time: String,
    /// When it ends at the latest, UTC.
    expire_time: String,
    /// When it was made, UTC.
    gmt_create: String,
}

/// Parameters of `ListSessions`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct List {
    /// From 1.
    #[schemars(range(min = 1))]
    page_number: Option<u64>,
    /// 10 unless told.
    #[schemars(range(min = 1, max = 150))]
    page_size: Option<u64>,
}

/// `CreateSession`.
pub async fn create(call: &Call<'_>, _: Create) -> Outcome {
    let (metadata, who) = (&call.api.metadata, call.who);
    let _one = call.api.accounts.people.lock().await;
    call.api.accounts.still(who).await?;
    metadata.sessions().forget(now() - IDLE).await?;
    let bytes: [u8; 32] = rand::random();
    let token = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes));
    let address = who.address.to_string();
    let opened = metadata
        .sessions()
        .create(&who.id, &token_hash(&token), &address, now() + LIFE)
        .await?;
    Answer::of(Opened {
        id: opened.id,
        token,
        idle_minutes: IDLE.num_minutes(),
        expire_time: time(opened.expires_at),
    })
}

/// `DeleteSession`.
pub async fn delete(call: &Call<'_>, wanted: ById) -> Outcome {
    let sessions = call.api.metadata.sessions();
    let session = sessions.get(&wanted.id).await?;
    sessions.delete(&session.id).await?;
    Ok(Answer::nothing())
}

/// `ListSessions`.
pub async fn list(call: &Call<'_>, wanted: List) -> Outcome {
    let (api, who) = (call.api, call.who);
    let page = Page::of(wanted.page_number, wanted.page_size)?;
    let owners = Owners::load(api).await?;
    let rows = api.metadata.sessions().list().await?;
    let rows = rows
        .into_iter()
        .flatten()
        .filter(is_open)
        .filter(|s| owners.sees(who, "ListSessions", Some(&s.user_id)));
    let (rows, info) = page.cut(rows.collect());
    let items: Vec<_> = rows.iter().map(|s| item(&owners, s)).collect();
    Answer::page(items, info)
}

fn item(owners: &Owners, s: &Session) -> SessionItem {
    SessionItem {
        id: s.id.clone(),
        account: owners.account(Some(&s.user_id)).to_owned(),
        address: s.address.clone(),
        last_used_time: time(s.last_used_at),
        expire_time: time(s.expires_at),
        gmt_create: time(s.gmt_created),
    }
}

/// What the audit log keeps of a session.
pub async fn snapshot(api: &Api, id: &str) -> Result<Value> {
    let session = api.metadata.sessions().get(id).await?;
    snapshot_of(&item(&Owners::load(api).await?, &session))
}

fn is_open(session: &Session) -> bool {
    let now = now();
    now < session.expires_at && now - session.last_used_at < IDLE
}

/// The account whose open session has this token; it is open for longer now. One that was opened with a
/// password that is another one now is not open.
pub(super) async fn user_of(metadata: &Metadata, token: &str) -> Result<Option<String>> {
    let sessions = metadata.sessions();
    let found = sessions.find(&token_hash(token)).await?;
    let Some(session) = found.filter(is_open) else {
        return Ok(None);
    };
    let opened = match metadata.users().get(&session.user_id).await {
        Ok(user) => session.gmt_created >= user.password_changed_at,
        Err(error) if error.kind() == MetaErrorKind::NotFound => false,
        Err(error) => return Err(error.into()),
    };
    if !opened {
        return Ok(None);
    }
    if now() - session.last_used_at > TOUCH_EVERY {
        sessions.touch(&session.id).await?;
    }
    Ok(Some(session.user_id))
}
