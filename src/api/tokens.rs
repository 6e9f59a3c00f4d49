//! `CreateApiToken`, `ListApiTokens`, `DeleteApiToken`: tokens for programs, with the rights of the
//! account that made them. A token is shown once; what is kept is its SHA-256.

use super::actions::ById;
use super::answer::understood;
use super::audit::snapshot_of;
use super::auth::token_hash;
use super::page::Page;
use super::permit::Owners;
use super::projects::time;
use super::registry::Call;
use super::request::invalid;
use super::{Answer, Api, Outcome};
use crate::error::Result;
use crate::metadata::{ApiToken, MetaErrorKind, now};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Longest name, characters.
const NAME_MAX: usize = 32;
/// Longest life.
const DAYS_MAX: u32 = 365;
/// What a token begins with, so that people and scanners know one when they see it.
const PREFIX: &str = "oms_";

/// Parameters of `CreateApiToken`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Create {
    /// 1 to 32 characters without blanks, unique among one's own.
    name: String,
    /// How long it is good, days.
    #[schemars(range(min = 1, max = 365))]
    expire_days: u32,
}

/// A token that was just made.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Made {
    /// `k_…`.
    id: String,
    name: String,
    /// The token itself; it is shown this once.
    token: String,
    /// When it ends, UTC.
    expire_time: String,
}

/// A token, without what proves it.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenItem {
    /// `k_…`.
    id: String,
    name: String,
    /// Whose rights it has.
    owner: String,
    is_expired: bool,
    /// When it ends, UTC.
    expire_time: String,
    /// When it was made, UTC.
    gmt_create: String,
}

/// `CreateApiToken`.
pub async fn create(call: &Call<'_>, wanted: Create) -> Outcome {
    let (api, who) = (call.api, call.who);
    let name = wanted.name;
    if !(1..=NAME_MAX).contains(&name.chars().count()) || name.contains(char::is_whitespace) {
        return Err(invalid(
            "name",
            format!("it must have 1 to {NAME_MAX} characters and no space"),
        ));
    }
    if !(1..=DAYS_MAX).contains(&wanted.expire_days) {
        return Err(invalid("expireDays", format!("it must be 1 to {DAYS_MAX}")));
    }
    let bytes: [u8; 32] = rand::random();
    let token = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes));
    let expires = now() + TimeDelta::days(wanted.expire_days.into());
    let _one = api.accounts.people.lock().await;
    api.accounts.still(who).await?;
    let tokens = api.metadata.api_tokens();
    let made = tokens
        .create(&who.id, &name, &token_hash(&token), expires)
        .await;
    match made {
        Ok(made) => Answer::of(Made {
            expire_time: time(made.expires_at),
            id: made.id,
            name: made.name,
            token,
        }),
        Err(error) if error.kind() == MetaErrorKind::Conflict => {
            Err(invalid("name", format!("there is a token '{name}'")))
        }
        Err(error) => Err(error.into()),
    }
}

/// `DeleteApiToken`: it is worth nothing from here on.
pub async fn delete(call: &Call<'_>, wanted: ById) -> Outcome {
    let api = call.api;
    let token = api.metadata.api_tokens().get(&wanted.id).await?;
    api.metadata.api_tokens().delete(&token.id).await?;
    Ok(Answer::nothing())
}

/// Parameters of `ListApiTokens`.
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

/// `ListApiTokens`.
pub async fn list(call: &Call<'_>, wanted: List) -> Outcome {
    let (api, who) = (call.api, call.who);
    let page = Page::of(wanted.page_number, wanted.page_size)?;
    let owners = Owners::load(api).await?;
    let rows = api.metadata.api_tokens().list().await?;
    let (rows, broken) = understood(rows);
    let rows = rows
        .into_iter()
        .filter(|t| owners.sees(who, "ListApiTokens", Some(&t.user_id)));
    let (rows, info) = page.cut(rows.collect());
    let items: Vec<_> = rows.iter().map(|t| item(&owners, t)).collect();
    Ok(Answer::page(items, info)?.without(who, &broken))
}

fn item(owners: &Owners, t: &ApiToken) -> TokenItem {
    TokenItem {
        id: t.id.clone(),
        name: t.name.clone(),
        owner: owners.account(Some(&t.user_id)).to_owned(),
        is_expired: t.expires_at <= now(),
        expire_time: time(t.expires_at),
        gmt_create: time(t.gmt_created),
    }
}

/// What the audit log keeps of a token.
pub async fn snapshot(api: &Api, id: &str) -> Result<Value> {
    let token = api.metadata.api_tokens().get(id).await?;
    snapshot_of(&item(&Owners::load(api).await?, &token))
}
