//! Reading requests: the action, and parameters whose errors name them.

use crate::error::{Error, Kind, Result};
use actix_web::HttpRequest;
use serde::de::DeserializeOwned;

/// The action: the last part of the path, or the value of `Action` in the query.
pub fn action(request: &HttpRequest) -> Result<String> {
    if let Some(named) = request.match_info().get("action") {
        return Ok(named.to_owned());
    }
    let query = url::form_urlencoded::parse(request.query_string().as_bytes());
    let named = query.into_iter().find(|(key, _)| key == "Action");
    named
        .map(|(_, value)| value.into_owned())
        .ok_or_else(|| invalid("Action", "it is not given: POST /api/v2?Action=<name>"))
}

/// The parameters of an action; an unknown or missing one is an error that names it. No body is an
/// empty object.
pub fn parameters<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    let body = if body.trim_ascii().is_empty() {
        b"{}"
    } else {
        body
    };
    let wrong = |e: &dyn std::fmt::Display| {
        Error::new(Kind::ParameterInvalid, "the request's body").detail(e)
    };
    let mut reader = serde_json::Deserializer::from_slice(body);
    let parameters =
        serde_path_to_error::deserialize(&mut reader).map_err(|e| match e.path().to_string() {
            // of the body as a whole
            path if path == "." => wrong(e.inner()),
            _ => wrong(&e),
        })?;
    reader.end().map_err(|e| wrong(&e))?;
    Ok(parameters)
}

/// The error for a parameter.
pub fn invalid(name: &str, why: impl std::fmt::Display) -> Error {
    Error::new(Kind::ParameterInvalid, format!("parameter {name}")).detail(why)
}
