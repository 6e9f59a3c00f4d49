//! What goes to standard output and standard error.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is where it is printed"
)]

use super::args::Output;
use crate::error::{Error, ErrorReport, Kind, Result};
use serde::Serialize;
use std::io::Write;

/// A result, for people.
pub fn out(text: &str) {
    // a reader that went away (`| head`) is no error
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// A result, as one document for scripts: YAML where that is wanted, else JSON.
pub fn document(output: Output, value: &impl Serialize) -> Result<()> {
    let internal = |e| Error::new(Kind::Internal, "writing a document").detail(e);
    let text = match output {
        Output::Yaml => serde_yaml_ng::to_string(value).map_err(|e| internal(e.to_string()))?,
        _ => serde_json::to_string_pretty(value).map_err(|e| internal(e.to_string()))?,
    };
    out(text.trim_end());
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
    report(&error.report());
}

/// An error as it was reported, by this process or by a server.
pub fn report(report: &ErrorReport) {
    let printable = |text: &str| text.replace(|c: char| c.is_control() && c != '\n', " ");
    let (message, proposal) = (printable(&report.message), printable(&report.proposal));
    eprintln!("error {}: {message}", printable(&report.code));
    eprintln!("  what to do: {proposal}");
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
