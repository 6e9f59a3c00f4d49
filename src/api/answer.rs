//! The envelope of every answer, and the error detail (reference 5.1, 5.2).

use super::limiter::REFILL_SECS;
use crate::error::{Error, Kind, Retry};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde_json::{Value, json};
use std::time::Instant;

/// The payload of an answer.
#[derive(Debug, Default)]
pub struct Answer {
    /// `data`.
    pub data: Value,
    /// Set for paged calls.
    pub page: Option<PageInfo>,
}

/// Which page it is.
#[derive(Debug, Clone, Copy)]
pub struct PageInfo {
    /// From 1.
    pub number: u64,
    /// Items on a page.
    pub size: u64,
    /// Items on all pages.
    pub total: u64,
}

impl Answer {
    /// An answer without pages.
    pub fn of(data: Value) -> Self {
        Self { data, page: None }
    }
}

/// The HTTP answer of an action.
pub fn respond(result: Result<Answer, Error>, begun: Instant, request_id: &str) -> HttpResponse {
    match result {
        Ok(answer) => HttpResponse::Ok().json(envelope(&answer, None, begun, request_id)),
        Err(error) => {
            let status = status_of(error.kind());
            if status.is_server_error() {
                tracing::warn!(code = error.kind().code(), %error, "an action failed");
            }
            let answer = Answer::default();
            let mut response = HttpResponse::build(status);
            if error.kind() == Kind::TooManyLogins {
                response.insert_header(("Retry-After", REFILL_SECS.to_string()));
            }
            response.json(envelope(&answer, Some(&error), begun, request_id))
        }
    }
}

/// The answer to somebody who is not known.
pub fn unauthorized(error: &Error, begun: Instant, request_id: &str) -> HttpResponse {
    HttpResponse::Unauthorized()
        .insert_header(("WWW-Authenticate", "Basic realm=\"oms\""))
        .json(envelope(&Answer::default(), Some(error), begun, request_id))
}

/// OMS answers every call that it understood with 200 and `success`; we also tell by the status what
/// kind of error it is, so that proxies and scripts need not read the body.
fn status_of(kind: Kind) -> StatusCode {
    match kind {
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::StateInvalid => StatusCode::CONFLICT,
        Kind::PasswordChange | Kind::Forbidden => StatusCode::FORBIDDEN,
        Kind::TooManyLogins => StatusCode::TOO_MANY_REQUESTS,
        Kind::RmUnreachable | Kind::RmFailed | Kind::Fenced => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Internal | Kind::Panicked | Kind::Io | Kind::RmCorrupt => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
        _ => StatusCode::BAD_REQUEST,
    }
}

fn envelope(answer: &Answer, error: Option<&Error>, begun: Instant, request_id: &str) -> Value {
    let text = |of: fn(&Error) -> String| error.map(of);
    json!({
        "success": error.is_none(),
        "errorDetail": error.map(detail),
        "code": text(|e| e.kind().code().to_owned()),
        "message": text(ToString::to_string),
        "advice": text(|e| e.remedy_text().to_owned()),
        "requestId": request_id,
        "pageNumber": answer.page.map(|p| p.number),
        "pageSize": answer.page.map(|p| p.size),
        "totalCount": answer.page.map(|p| p.total),
        "cost": format!("{} ms", begun.elapsed().as_millis()),
        "data": answer.data,
    })
}

/// An error as `errorDetail` and `extraInfo` show it.
pub fn detail(error: &Error) -> Value {
    detail_of(
        error.kind().code(),
        &error.to_string(),
        error.remedy_text(),
        error.kind().retry() == Retry::Timed,
    )
}

fn detail_of(code: &str, message: &str, proposal: &str, passes: bool) -> Value {
    json!({
        "code": code,
        "level": if passes { "WARNING" } else { "ERROR" },
        "message": message,
        "proposal": proposal,
        "reason": message,
        "extraContext": {},
        "messageMcmsKey": null, "messageMcmsContext": null,
        "reasonMcmsKey": null, "reasonMcmsContext": null,
        "proposalMcmsKey": null, "proposalMcmsContext": null,
        "upstreamErrorDetail": null,
    })
}

/// An error that `rm` keeps, as an error detail; null where there is none.
pub fn stored(error: Option<&Value>) -> Value {
    let Some(error) = error.filter(|e| e.get("code").is_some()) else {
        return Value::Null;
    };
    let text = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default();
    let passes = error.get("retryable").and_then(Value::as_bool) == Some(true);
    detail_of(text("code"), text("message"), text("proposal"), passes)
}

/// A random UUID, version 4.
pub fn request_id() -> String {
    let mut bytes: [u8; 16] = rand::random();
    bytes[6] = bytes[6] & 0x0F | 0x40;
    bytes[8] = bytes[8] & 0x3F | 0x80;
    let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    format!(
        "{}-{}-{}-{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_envelope_has_every_field() {
        let error = Error::new(Kind::NotFound, "project np_x").detail("there is none");
        let value = envelope(
            &Answer::default(),
            Some(&error),
            Instant::now(),
            &request_id(),
        );
        assert_eq!(value["success"], false);
        assert_eq!(value["errorDetail"]["code"], "MDB-0006");
        assert_eq!(
            value["errorDetail"]["message"],
            "project np_x: there is none"
        );
        assert_eq!(value["code"], "MDB-0006");
        assert!(value["pageNumber"].is_null() && value["data"].is_null());
        assert!(value["cost"].as_str().is_some_and(|c| c.ends_with(" ms")));
        assert_eq!(value["requestId"].as_str().map(str::len), Some(36));
        let value = envelope(&Answer::of(json!("np_x")), None, Instant::now(), "r");
        assert!(value["errorDetail"].is_null() && value["code"].is_null());
        assert_eq!(value["data"], "np_x");
    }
}
