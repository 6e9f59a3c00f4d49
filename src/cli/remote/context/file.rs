//! The context file: servers by name, and which of them is the current one.
//!
//! It holds no password, only where one is. Whoever could write it could send somebody's password to
//! a server of their own, so a file that others may write is refused.

use crate::error::{Error, Kind, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// What the file holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Contexts {
    /// The one that is used where none is named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// By name.
    pub contexts: BTreeMap<String, Context>,
}

/// A server, and an account there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Context {
    /// The server's URL.
    pub api: String,
    /// The account.
    pub user: String,
    /// File whose first line is the password; without one it is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// PEM file with the authorities that the server's certificate may come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
}

/// `$OMS_CONTEXT_FILE`, or `oms/contexts.yaml` in the user's configuration folder.
pub fn default_path(env: &dyn Fn(&str) -> Option<String>) -> PathBuf {
    let set = |name: &str| env(name).filter(|value| !value.is_empty());
    if let Some(path) = set("OMS_CONTEXT_FILE") {
        return path.into();
    }
    let folder = set("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| set("HOME").map(|home| Path::new(&home).join(".config")))
        .unwrap_or_else(|| PathBuf::from("."));
    folder.join("oms").join("contexts.yaml")
}

impl Contexts {
    /// Reads the file; no file is no context.
    ///
    /// # Errors
    /// `ConfigUnreadable`, and `ConfigInvalid` with the key that is wrong.
    pub fn load(path: &Path) -> Result<Self> {
        let unreadable = || {
            Error::new(
                Kind::ConfigUnreadable,
                format!("context file {}", path.display()),
            )
        };
        match std::fs::metadata(path) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(e) => return Err(unreadable().caused_by(e)),
            Ok(found) if found.permissions().mode() & 0o022 != 0 => {
                return Err(unreadable()
                    .detail("others may write it, and so learn the passwords that are sent")
                    .remedy("Look at what it says, then `chmod 600` it."));
            }
            Ok(_) => {}
        }
        crate::config::yaml::read(path)
    }

    /// Writes the file whole, for its owner only: another process sees the old one or the new one.
    ///
    /// # Errors
    /// `ConfigUnreadable` where it cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let text = serde_yaml_ng::to_string(self)
            .map_err(|e| Error::new(Kind::Internal, "writing the context file").caused_by(e))?;
        write(path, &text).map_err(|e| {
            Error::new(
                Kind::ConfigUnreadable,
                format!("context file {}", path.display()),
            )
            .detail(format!("it cannot be written: {e}"))
        })
    }

    /// A context by name.
    ///
    /// # Errors
    /// `NotFound`, with the names that there are.
    pub fn get(&self, name: &str) -> Result<&Context> {
        self.contexts.get(name).ok_or_else(|| {
            let names: Vec<_> = self.contexts.keys().map(String::as_str).collect();
            let there = match names.is_empty() {
                true => "`oms context add` makes one.".to_owned(),
                false => format!("There are: {}.", names.join(", ")),
            };
            Error::new(Kind::NotFound, format!("context '{name}'"))
                .detail("there is none with this name")
                .remedy(there)
        })
    }
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    let folder = path.parent().filter(|p| !p.as_os_str().is_empty());
    if let Some(folder) = folder {
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
    }
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}", std::process::id()));
    let beside = path.with_file_name(name);
    let written = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| std::fs::rename(&beside, path));
    if written.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Contexts {
        let context = Context {
            api: "http://127.0.0.1:8089".to_owned(),
            user: "admin".to_owned(),
            password_file: Some("/etc/oms/password".into()),
            ca_file: None,
        };
        Contexts {
            current: Some("here".to_owned()),
            contexts: BTreeMap::from([("here".to_owned(), context)]),
        }
    }

    #[test]
    fn what_is_written_is_read_and_is_the_owners() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("new/contexts.yaml");
        assert_eq!(Contexts::load(&path).expect("none"), Contexts::default());
        sample().save(&path).expect("written");
        sample().save(&path).expect("written again");
        assert_eq!(Contexts::load(&path).expect("read"), sample());
        let mode = std::fs::metadata(&path)
            .expect("there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        assert_eq!(
            std::fs::read_dir(folder.path().join("new"))
                .expect("listed")
                .count(),
            1
        );
    }

    #[test]
    fn unknown_keys_and_foreign_writers_are_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("contexts.yaml");
        let file = "contexts: {here: {api: 'http://h', user: u, password: secret}}";
        std::fs::write(&path, file).expect("written");
        let error = Contexts::load(&path).expect_err("refused");
        assert!(
            error.to_string().contains("unknown field `password`"),
            "{error}"
        );
        let all = std::fs::Permissions::from_mode(0o666);
        std::fs::set_permissions(&path, all).expect("set");
        let error = Contexts::load(&path).expect_err("refused");
        assert!(error.to_string().contains("others may write it"), "{error}");
    }

    #[test]
    fn the_file_is_found_by_the_environment() {
        let path = |pairs: &'static [(&str, &str)]| {
            default_path(&move |name| {
                let found = pairs.iter().find(|(key, _)| *key == name);
                found.map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(
            path(&[("OMS_CONTEXT_FILE", "/x"), ("HOME", "/h")]),
            Path::new("/x")
        );
        assert_eq!(
            path(&[("HOME", "/h")]),
            Path::new("/h/.config/oms/contexts.yaml")
        );
        let both = path(&[("XDG_CONFIG_HOME", "/c"), ("HOME", "/h")]);
        assert_eq!(both, Path::new("/c/oms/contexts.yaml"));
    }
}
