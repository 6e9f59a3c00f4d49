//! The envelope of every answer, and the error detail (reference 5.1, 5.2).

use super::auth::Who;
use super::limiter::REFILL_SECS;
use crate::error::{Error, Kind, Retry};
use crate::metadata::{Row, RowProblem, UserRole};
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Instant;

/// The payload of an answer.
#[derive(Debug, Default)]
pub struct Answer {
    /// `data`.
    pub data: Value,
    /// Set for paged calls.
    pub page: Option<PageInfo>,
    /// What one should know although all went well.
    pub message: Option<String>,
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
    /// An answer without data.
    pub fn nothing() -> Self {
        Self::default()
    }

    /// An answer without pages.
    ///
    /// # Errors
    /// `Internal` where the data is no JSON.
    pub fn of(data: impl Serialize) -> Result<Self, Error> {
        Self::with(data, None)
    }

    /// A page of an answer.
    ///
    /// # Errors
    /// As [`Answer::of`].
    pub fn page(data: impl Serialize, page: PageInfo) -> Result<Self, Error> {
        Self::with(data, Some(page))
    }

    /// Says which rows are missing, to those who see everything: of whom a broken row is, it does not
    /// say.
    #[must_use]
    pub fn without(mut self, who: &Who, broken: &[RowProblem]) -> Self {
        if !broken.is_empty() && matches!(who.role, UserRole::Root | UserRole::RootViewer) {
            let all: Vec<_> = broken.iter().map(ToString::to_string).collect();
            self.message = Some(format!(
                "{} row(s) cannot be understood and are not listed: {}",
                all.len(),
                all.join("; ")
            ));
        }
        self
    }

    fn with(data: impl Serialize, page: Option<PageInfo>) -> Result<Self, Error> {
        let data = serde_json::to_value(data)
            .map_err(|e| Error::new(Kind::Internal, "writing the answer").caused_by(e))?;
        Ok(Self {
            data,
            page,
            message: None,
        })
    }
}

/// The rows of a list that can be understood, and those that cannot, which are logged.
pub fn understood<T>(rows: Vec<Row<T>>) -> (Vec<T>, Vec<RowProblem>) {
    let (mut good, mut broken) = (Vec::new(), Vec::new());
    for row in rows {
        match row {
            Ok(row) => good.push(row),
            Err(problem) => {
                tracing::warn!(%problem, "a row is not listed");
                broken.push(problem);
            }
        }
    }
    (good, broken)
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
            let seconds = match error.kind() {
                Kind::TooManyLogins => Some(REFILL_SECS),
                Kind::TooManyRequests => Some(1.0),
                _ => None,
            };
            if let Some(seconds) = seconds {
                response.insert_header(("Retry-After", seconds.to_string()));
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

/// The answer where the body could not be read: too large, or cut off.
pub fn unreadable(error: &actix_web::Error, begun: Instant, request_id: &str) -> HttpResponse {
    let status = error.as_response_error().status_code();
    let error = Error::new(Kind::ParameterInvalid, "the request's body").detail(error);
    HttpResponse::build(status).json(envelope(
        &Answer::default(),
        Some(&error),
        begun,
        request_id,
    ))
}

/// The answer to a request that is no POST.
pub async fn not_posted() -> HttpResponse {
    let error = Error::new(Kind::ParameterInvalid, "the request's method")
        .detail("actions are posted: POST /api/v2?Action=<name>");
    HttpResponse::MethodNotAllowed()
        .insert_header(("Allow", "POST"))
        .json(envelope(
            &Answer::default(),
            Some(&error),
            Instant::now(),
            &request_id(),
        ))
}

/// OMS answers every call that it understood with 200 and `success`; we also tell by the status what
/// kind of error it is, so that proxies and scripts need not read the body.
fn status_of(kind: Kind) -> StatusCode {
    match kind {
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::StateInvalid | Kind::Taken => StatusCode::CONFLICT,
        Kind::PasswordChange | Kind::Forbidden => StatusCode::FORBIDDEN,
        Kind::TooManyLogins | Kind::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
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
        "message": text(ToString::to_string).or_else(|| answer.message.clone()),
        "advice": text(|e| e.remedy_text().to_owned()),
        "requestId": request_id,
        "pageNumber": answer.page.map(|p| p.number),
        "pageSize": answer.page.map(|p| p.size),
        "totalCount": answer.page.map(|p| p.total),
        "cost": format!("{} ms", begun.elapsed().as_millis()),
        "data": answer.data,
    })
}

/// An error, with the reference's fields.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorDetail {
    /// Stable; `docs/errors.md` has them all.
    code: String,
    /// `WARNING`: it may pass by itself. `ERROR`: it waits for a person.
    level: String,
    /// What happened, to what.
    message: String,
    /// What to do.
    proposal: String,
    /// Why.
    reason: String,
    /// More, by name.
    extra_context: BTreeMap<String, Value>,
    /// Not used: there is one language.
    message_mcms_key: Option<String>,
    /// Not used.
    message_mcms_context: Option<String>,
    /// Not used.
    reason_mcms_key: Option<String>,
    /// Not used.
    reason_mcms_context: Option<String>,
    /// Not used.
    proposal_mcms_key: Option<String>,
    /// Not used.
    proposal_mcms_context: Option<String>,
    /// Not used: the reason has it.
    upstream_error_detail: Option<String>,
}

/// An error as `errorDetail` and `extraInfo` show it.
pub fn detail(error: &Error) -> ErrorDetail {
    detail_of(
        error.kind().code(),
        &error.to_string(),
        error.remedy_text(),
        error.kind().retry() == Retry::Timed,
    )
}

fn detail_of(code: &str, message: &str, proposal: &str, passes: bool) -> ErrorDetail {
    ErrorDetail {
        code: code.to_owned(),
        level: if passes { "WARNING" } else { "ERROR" }.to_owned(),
        message: message.to_owned(),
        proposal: proposal.to_owned(),
        reason: message.to_owned(),
        extra_context: BTreeMap::new(),
        message_mcms_key: None,
        message_mcms_context: None,
        reason_mcms_key: None,
        reason_mcms_context: None,
        proposal_mcms_key: None,
        proposal_mcms_context: None,
        upstream_error_detail: None,
    }
}

/// An error that `rm` keeps, as an error detail; None where there is none.
pub fn stored(error: Option<&Value>) -> Option<ErrorDetail> {
    let error = error.filter(|e| e.get("code").is_some())?;
    let text = |key: &str| error.get(key).and_then(Value::as_str).unwrap_or_default();
    let passes = error.get("retryable").and_then(Value::as_bool) == Some(true);
    Some(detail_of(
        text("code"),
        text("message"),
        text("proposal"),
        passes,
    ))
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
        let value = envelope(
            &Answer::of("np_x").expect("a text"),
            None,
            Instant::now(),
            "r",
        );
        assert!(value["errorDetail"].is_null() && value["code"].is_null());
        assert_eq!(value["data"], "np_x");
    }
}
