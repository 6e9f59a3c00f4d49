//! Passwords: from a file's first line, or asked on the terminal. Never from an argument.

use crate::datasource::mysql::Secret;
use crate::error::{Error, Kind, Result};
use std::io::IsTerminal;
use std::path::Path;

/// The first line of a file.
///
/// # Errors
/// `PasswordMissing` where the file cannot be read or its first line is empty.
pub fn from_file(path: &Path) -> Result<Secret> {
    let missing = || {
        Error::new(
            Kind::PasswordMissing,
            format!("password file {}", path.display()),
        )
    };
    let text = std::fs::read_to_string(path).map_err(|e| missing().caused_by(e))?;
    let line = text.lines().next().unwrap_or_default();
    match line.is_empty() {
        true => Err(missing().detail("its first line is empty")),
        false => Ok(Secret::new(line)),
    }
}

/// Whether a person can be asked.
pub fn can_ask() -> bool {
    std::io::stdin().is_terminal()
}

/// Asks a person.
///
/// # Errors
/// `PasswordMissing` without a terminal; `instead` says what else can be done.
pub fn ask(whose: &str, instead: &str) -> Result<Secret> {
    let missing = || Error::new(Kind::PasswordMissing, format!("the password of {whose}"));
    if !can_ask() {
        return Err(missing()
            .detail("none is given, and there is no terminal to ask on")
            .remedy(instead));
    }
    rpassword::prompt_password(format!("Password of {whose}: "))
        .map(Secret::new)
        .map_err(|e| missing().caused_by(e))
}

/// A new password: from a file, or asked twice.
///
/// # Errors
/// As [`from_file`] and [`ask`]; `PasswordMissing` where the two differ.
pub fn new(whose: &str, file: Option<&Path>, flag: &str) -> Result<Secret> {
    if let Some(path) = file {
        return from_file(path);
    }
    let instead = format!("Give {flag} FILE, or run in a terminal.");
    let first = ask(&format!("{whose} (new)"), &instead)?;
    let again = ask(&format!("{whose} (new, again)"), &instead)?;
    match first == again {
        true => Ok(first),
        false => Err(Error::new(
            Kind::PasswordMissing,
            format!("the new password of {whose}"),
        )
        .detail("the two are not the same")
        .remedy("Run it again.")),
    }
}
