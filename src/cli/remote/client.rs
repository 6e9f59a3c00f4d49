//! `POST <url>/api/v2?Action=<Name>`: sends an action, and reads the envelope of its answer.

use super::address::{self, Address, Password};
use super::args::ApiArgs;
use super::context::{Contexts, default_path};
use super::password;
use crate::cli::exit::ExitCode;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::print;
use crate::datasource::mysql::Secret;
use crate::error::{Error, ErrorReport, Kind, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;
use std::path::Path;
use std::time::Duration;
use ureq::http::{HeaderValue, header::AUTHORIZATION};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use url::Url;

/// Longest answer that is read.
const ANSWER_BYTES: u64 = 64 << 20;
/// Items of a page; the most that the API gives.
const PAGE: u64 = 150;

/// An answer that is a success.
#[derive(Debug)]
pub struct Reply {
    /// `data`.
    pub data: Value,
    /// `totalCount`, of paged calls.
    pub total: Option<u64>,
}

/// A server, with an account there.
pub struct Client {
    agent: ureq::Agent,
    url: Url,
    user: String,
    password: Secret,
}

/// Whether anything names a server, other than the command line.
///
/// # Errors
/// Those of the context file.
pub fn configured() -> Result<bool> {
    let env = |name: &str| std::env::var(name).ok();
    if env("OMS_API_URL").is_some_and(|url| !url.is_empty()) {
        return Ok(true);
    }
    Ok(Contexts::load(&default_path(&env))?.current.is_some())
}

fn look(args: &ApiArgs) -> Result<Option<Address>> {
    let env = |name: &str| std::env::var(name).ok();
    let contexts = Contexts::load(&default_path(&env))?;
    address::find(args, &env, &contexts)
}

/// The certificates of a PEM file.
fn authorities(file: &Path) -> Result<RootCerts> {
    let what = || format!("the authorities' file {}", file.display());
    let text =
        std::fs::read(file).map_err(|e| Error::new(Kind::ConfigUnreadable, what()).caused_by(e))?;
    let invalid = |why: String| Error::new(Kind::ConfigInvalid, what()).detail(why);
    let mut found = Vec::new();
    for item in parse_pem(&text) {
        if let PemItem::Certificate(certificate) = item.map_err(|e| invalid(e.to_string()))? {
            found.push(certificate);
        }
    }
    match found.is_empty() {
        true => Err(invalid("it holds no certificate in PEM".to_owned())),
        false => Ok(RootCerts::from(found)),
    }
}

impl Client {
    /// The server that arguments, environment or context name.
    ///
    /// # Errors
    /// `ConfigInvalid` where none is named, `PasswordMissing` where there is no password.
    pub fn open(args: &ApiArgs) -> Result<Self> {
        let address = look(args)?.ok_or_else(|| {
            Error::new(Kind::ConfigInvalid, "the server")
                .detail("none is named")
                .remedy("Give --api URL and --user NAME, set OMS_API_URL and OMS_API_USER, or keep them with `oms context add`.")
        })?;
        if !address::is_private(&address.url) {
            print::warn(&format!(
                "the password is sent to {} unencrypted: better reach it by https, or by a tunnel to its loopback",
                address.url
            ));
        }
        let password = match address.password {
            Password::Given(secret) => secret,
            Password::File(path) => password::from_file(&path)?,
            Password::Ask => password::ask(
                &format!("{} at {}", address.user, address.url),
                "Set OMS_API_PASSWORD, or give --api-password-file FILE.",
            )?,
        };
        let roots = match &address.ca_file {
            Some(file) => authorities(file)?,
            None => RootCerts::WebPki,
        };
        let config = ureq::Agent::config_builder()
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .http_status_as_error(false)
            // an API does not redirect, and a proxy of the environment shall not see the password
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .timeout_connect(Some(Duration::from_secs(10)))
            .timeout_global(Some(Duration::from_secs(120)))
            .user_agent(concat!("oms/", env!("CARGO_PKG_VERSION")))
            .build();
        Ok(Self {
            agent: config.new_agent(),
            url: address.url,
            user: address.user,
            password,
        })
    }

    /// The account.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The account's password, to be changed.
    pub fn password(&self) -> &Secret {
        &self.password
    }

    fn authorization(&self) -> Result<HeaderValue> {
        let pair = format!("{}:{}", self.user, self.password.reveal());
        let mut value = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(pair)))
            .map_err(|e| Error::new(Kind::Internal, "the account's header").caused_by(e))?;
        // its text never reaches a log
        value.set_sensitive(true);
        Ok(value)
    }

    /// Runs an action.
    ///
    /// # Errors
    /// What the API says, with its code and remedy; `Unreachable` and `AnswerInvalid`.
    pub async fn call(&self, action: &str, body: Value) -> Outcome<Reply> {
        let (status, text) = self.post(action, body).await?;
        read(status, &text).map_err(|wrong| match wrong {
            Wrong::Refused(report) => Failure::new(*report, ExitCode::BadInput),
            Wrong::Strange(why) => {
                Error::new(Kind::AnswerInvalid, format!("{action} at {}", self.url))
                    .detail(why)
                    .into()
            }
        })
    }

    async fn post(&self, action: &str, body: Value) -> Result<(u16, String)> {
        let base = self.url.as_str().trim_end_matches('/');
        let request = self
            .agent
            .post(format!("{base}/api/v2?Action={action}"))
            .header(AUTHORIZATION, self.authorization()?)
            .content_type("application/json");
        let sent = tokio::task::spawn_blocking(move || {
            let mut answer = request.send(body.to_string())?;
            let status = answer.status().as_u16();
            let text = answer.body_mut().with_config().limit(ANSWER_BYTES);
            Ok((status, text.read_to_string()?))
        });
        let sent = sent
            .await
            .map_err(|e| Error::new(Kind::Internal, "sending a request").caused_by(e))?;
        sent.map_err(|e: ureq::Error| {
            Error::new(Kind::Unreachable, format!("the server at {}", self.url))
                .caused_by(e)
                .remedy("Check the URL (--api, OMS_API_URL or the context), and that `oms server` runs there.")
        })
    }

    /// A list that may have pages or not.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub async fn list(&self, action: &str, parameters: Value) -> Outcome<Value> {
        let reply = self.call(action, parameters.clone()).await?;
        let more = |items: &Vec<Value>| reply.total.is_some_and(|total| total > items.len() as u64);
        match reply.data.as_array().is_some_and(more) {
            true => Ok(self.pages(action, parameters).await?.into()),
            false => Ok(reply.data),
        }
    }

    /// All pages of a list.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub async fn pages(&self, action: &str, parameters: Value) -> Outcome<Vec<Value>> {
        let mut all = Vec::new();
        for number in 1.. {
            let mut body = parameters.clone();
            body["pageNumber"] = number.into();
            body["pageSize"] = PAGE.into();
            let reply = self.call(action, body).await?;
            let Value::Array(items) = reply.data else {
                break;
            };
            let last = items.is_empty();
            all.extend(items);
            if last || reply.total.is_none_or(|total| all.len() as u64 >= total) {
                break;
            }
        }
        Ok(all)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    success: bool,
    error_detail: Option<Detail>,
    code: Option<String>,
    message: Option<String>,
    advice: Option<String>,
    total_count: Option<u64>,
    #[serde(default)]
    data: Value,
}

#[derive(Default, Deserialize)]
struct Detail {
    code: Option<String>,
    level: Option<String>,
    message: Option<String>,
    proposal: Option<String>,
}

/// An answer that is no success.
#[derive(Debug)]
enum Wrong {
    Refused(Box<ErrorReport>),
    Strange(String),
}

/// Reads an answer. `errorDetail` outweighs the older triple beside it.
fn read(status: u16, text: &str) -> Result<Reply, Wrong> {
    let envelope: Envelope = serde_json::from_str(text)
        .map_err(|_| Wrong::Strange(format!("HTTP status {status}, and no answer of the API")))?;
    if envelope.success {
        if let Some(message) = envelope.message.filter(|message| !message.is_empty()) {
            print::warn(&message.replace(char::is_control, " "));
        }
        return Ok(Reply {
            data: envelope.data,
            total: envelope.total_count,
        });
    }
    let detail = envelope.error_detail.unwrap_or_default();
    let or = |first: Option<String>, second: Option<String>| {
        first.or(second).filter(|text| !text.is_empty())
    };
    Err(Wrong::Refused(Box::new(ErrorReport {
        code: or(detail.code, envelope.code).unwrap_or_else(|| format!("HTTP {status}")),
        message: or(detail.message, envelope.message)
            .unwrap_or_else(|| "the server refused it without a word".to_owned()),
        proposal: or(detail.proposal, envelope.advice)
            .unwrap_or_else(|| "Look at the server's log.".to_owned()),
        retryable: detail.level.is_some_and(|level| level.starts_with("WARN")),
    })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_success_gives_its_data() {
        let text = json!({ "success": true, "errorDetail": null, "totalCount": 7, "data": ["x"] });
        let reply = read(200, &text.to_string()).expect("a success");
        assert_eq!((reply.data, reply.total), (json!(["x"]), Some(7)));
        let reply = read(200, r#"{"success": true}"#).expect("a success");
        assert!(reply.data.is_null() && reply.total.is_none());
    }

    #[test]
    fn a_refusal_keeps_code_message_and_remedy() {
        let refused = |text: Value| match read(409, &text.to_string()) {
            Err(Wrong::Refused(report)) => *report,
            other => panic!("{other:?}"),
        };
        let report = refused(json!({
            "success": false, "code": "OLD", "message": "old", "advice": "old",
            "errorDetail": { "code": "NEW-1", "level": "WARNING", "message": "m", "proposal": "p" },
        }));
        assert_eq!(
            (report.code.as_str(), report.message.as_str()),
            ("NEW-1", "m")
        );
        assert_eq!((report.proposal.as_str(), report.retryable), ("p", true));
        let report =
            refused(json!({ "success": false, "code": "OLD", "message": "m", "advice": "a" }));
        assert_eq!(
            (report.code.as_str(), report.proposal.as_str()),
            ("OLD", "a")
        );
        assert_eq!(refused(json!({ "success": false })).code, "HTTP 409");
    }

    #[test]
    fn other_answers_are_strange() {
        for text in ["", "<html>", "[]", r#"{"status": "UP"}"#] {
            match read(502, text) {
                Err(Wrong::Strange(why)) => assert!(why.contains("502"), "{why}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }
}
