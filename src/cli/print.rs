//! What goes to standard output and standard error.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is where it is printed"
)]

use crate::error::{Error, Kind, Result};
use serde::Serialize;
use std::io::Write;

/// A result, for people.
pub fn out(text: &str) {
    // a reader that went away (`| head`) is no error
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// A result, as one JSON document.
pub fn json(value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|e| Error::new(Kind::Internal, "writing JSON").caused_by(e))?;
    out(&text);
    Ok(())
}

/// Something to know, beside the result.
pub fn note(text: &str) {
    eprintln!("{text}");
}

/// A warning.
pub fn warn(text: &str) {
    eprintln!("warning: {text}");
}

/// An error with its code and its remedy.
pub fn error(error: &Error) {
    eprintln!("error {}: {error}", error.kind().code());
    eprintln!("  what to do: {}", error.remedy_text());
}

/// The error of a step that failed, as it stands in `extra_info`.
pub fn failed(extra: &serde_json::Value) {
    let text = |key: &str| extra.get(key).and_then(|v| v.as_str()).unwrap_or_default();
    eprintln!(
        "error {}: step {} failed: {}",
        text("errorCode"),
        text("failedStep"),
        text("errorMsg")
    );
    eprintln!("  what to do: {}", text("proposal"));
}
