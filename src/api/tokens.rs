//! `CreateApiToken`, `ListApiTokens`, `DeleteApiToken`: tokens for programs, with the rights of the
//! account that made them. A token is shown once; what is kept is its SHA-256.

use super::actions::ById;
use super::auth::{Who, token_hash};
use super::page::Page;
use super::permit::Owners;
use super::projects::time;
use super::request::invalid;
use super::{Answer, Api, Outcome};
use crate::error::Result;
use crate::metadata::{ApiToken, MetaErrorKind, now};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use serde::Deserialize;
use serde_json::{Value, json};

/// Longest name, characters.
const NAME_MAX: usize = 32;
/// Longest life.
const DAYS_MAX: u32 = 365;
/// What a token begins with, so that people and scanners know one when they see it.
const PREFIX: &str = "oms_";

/// Parameters of `CreateApiToken`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Create {
    name: String,
    expire_days: u32,
}

/// `CreateApiToken`.
pub async fn create(api: &Api, who: &Who, wanted: Create) -> Outcome {
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
    let tokens = api.metadata.api_tokens();
    let made = tokens
        .create(&who.id, &name, &token_hash(&token), expires)
        .await;
    match made {
        Ok(made) => Ok(Answer::of(json!({
            "id": made.id, "name": made.name, "token": token, "expireTime": time(made.expires_at),
        }))),
        Err(error) if error.kind() == MetaErrorKind::Conflict => {
            Err(invalid("name", format!("there is a token '{name}'")))
        }
        Err(error) => Err(error.into()),
    }
}

/// `DeleteApiToken`: it is worth nothing from here on.
pub async fn delete(api: &Api, wanted: ById) -> Outcome {
    let token = api.metadata.api_tokens().get(&wanted.id).await?;
    api.metadata.api_tokens().delete(&token.id).await?;
    Ok(Answer::of(Value::Null))
}

/// Parameters of `ListApiTokens`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "camelCase")]
pub struct List {
    page_number: Option<u64>,
    page_size: Option<u64>,
}

/// `ListApiTokens`.
pub async fn list(api: &Api, who: &Who, wanted: List) -> Outcome {
    let page = Page::of(wanted.page_number, wanted.page_size)?;
    let owners = Owners::load(api).await?;
    let rows = api.metadata.api_tokens().list().await?;
    let rows = rows
        .into_iter()
        .flatten()
        .filter(|t| owners.sees(who, "ListApiTokens", Some(&t.user_id)));
    let (rows, info) = page.cut(rows.collect());
    Ok(Answer {
        data: rows.iter().map(|t| item(&owners, t)).collect(),
        page: Some(info),
    })
}

fn item(owners: &Owners, t: &ApiToken) -> Value {
    json!({
        "id": t.id, "name": t.name, "owner": owners.account(Some(&t.user_id)),
        "isExpired": t.expires_at <= now(), "expireTime": time(t.expires_at),
        "gmtCreate": time(t.gmt_created),
    })
}

/// What the audit log keeps of a token.
pub async fn snapshot(api: &Api, id: &str) -> Result<Value> {
    let token = api.metadata.api_tokens().get(id).await?;
    Ok(item(&Owners::load(api).await?, &token))
}
