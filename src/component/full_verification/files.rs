//! The files of a verification: `<dir>/verify/<sub_id>/<schema>/diff/<table>.diff` (JSON lines) and
//! `…/sql/<table>.sql` (correction SQL).
//!
//! They are written beside their place and moved into it when the table is done, so that a file
//! that is there is whole. File work is done off the executor threads.

use super::statement::FILE_HEAD;
use crate::error::{Error, Kind, Result};
use crate::model::table::TableName;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Where one table's files stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    diff: PathBuf,
    sql: PathBuf,
}

/// The files that a finished table has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// Differences.
    pub diff: Option<PathBuf>,
    /// Correction SQL.
    pub sql: Option<PathBuf>,
}

impl Files {
    /// The files of a table in this run.
    pub fn new(dir: &Path, sub_id: u32, table: &TableName) -> Self {
        let base = dir
            .join("verify")
            .join(sub_id.to_string())
            .join(file_name(&table.schema));
        let name = file_name(&table.name);
        Self {
            diff: base.join("diff").join(format!("{name}.diff")),
            sql: base.join("sql").join(format!("{name}.sql")),
        }
    }

    /// Removes what an earlier attempt left.
    pub async fn begin(&self) -> Result<()> {
        let files = self.clone();
        off_thread(move || {
            for path in [&files.diff, &files.sql] {
                for path in [path.clone(), unfinished(path)] {
                    match fs::remove_file(&path) {
                        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                            return Err(failed("removing", &path, e));
                        }
                        _ => {}
                    }
                }
            }
            Ok(())
        })
        .await
    }

    /// Appends lines to both files; nothing is made of an empty text.
    pub async fn append(&self, diff: String, sql: String) -> Result<()> {
        let files = self.clone();
        off_thread(move || {
            append(&files.diff, "", &diff)?;
            append(&files.sql, FILE_HEAD, &sql)
        })
        .await
    }

    /// Makes the files durable and moves them to their place.
    pub async fn finish(&self) -> Result<Written> {
        let files = self.clone();
        off_thread(move || {
            Ok(Written {
                diff: publish(&files.diff)?,
                sql: publish(&files.sql)?,
            })
        })
        .await
    }
}

fn append(path: &Path, head: &str, text: &str) -> Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    let path = unfinished(path);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|e| failed("making", folder, e))?;
    }
    let io = |e| failed("writing", &path, e);
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(&path)
        .map_err(io)?;
    if file.metadata().map_err(io)?.len() == 0 {
        file.write_all(head.as_bytes()).map_err(io)?;
    }
    file.write_all(text.as_bytes()).map_err(io)
}

fn publish(path: &Path) -> Result<Option<PathBuf>> {
    let from = unfinished(path);
    if !from.exists() {
        return Ok(None);
    }
    let io = |e| failed("finishing", path, e);
    File::open(&from).and_then(|f| f.sync_all()).map_err(io)?;
    fs::rename(&from, path).map_err(io)?;
    if let Some(folder) = path.parent() {
        File::open(folder).and_then(|f| f.sync_all()).map_err(io)?;
    }
    Ok(Some(path.to_owned()))
}

fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".unfinished");
    name.into()
}

/// A name that is safe as one component of a path, and different for different names.
fn file_name(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for (at, c) in name.chars().enumerate() {
        let plain = c.is_alphanumeric() || matches!(c, '_' | '-' | '$') || (c == '.' && at > 0);
        if plain && out.len() + c.len_utf8() <= 200 {
            out.push(c);
        } else {
            let mut bytes = [0; 4];
            for byte in c.encode_utf8(&mut bytes).bytes() {
                out.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    if out.len() > 220 {
        use sha2::{Digest, Sha256};
        let digest = Sha256::digest(name.as_bytes());
        let hex: String = digest.iter().take(8).map(|b| format!("{b:02x}")).collect();
        let cut = (0..=200).rev().find(|&at| out.is_char_boundary(at));
        out.truncate(cut.unwrap_or(0));
        out.push_str(&format!("%{hex}"));
    }
    out
}

async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|e| {
        Err(Error::new(Kind::Internal, "writing the files of a verification").detail(e))
    })
}

fn failed(verb: &str, path: &Path, error: std::io::Error) -> Error {
    Error::new(Kind::Io, format!("{verb} {}", path.display())).caused_by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_in_their_folder() {
        for (name, file) in [
            ("orders", "orders"),
            ("..", "%2E."),
            ("a/b", "a%2Fb"),
            ("a%2Fb", "a%252Fb"),
            ("größe", "größe"),
        ] {
            assert_eq!(file_name(name), file);
        }
        let long = |c: char| file_name(&"表".repeat(63).replacen('表', &c.to_string(), 1));
        assert!(long('a').len() < 240 && long('a') != long('b'));
        let spaces = |n: usize| file_name(&" ".repeat(n));
        assert!(spaces(100).len() < 240 && spaces(100) != spaces(101));
    }

    #[tokio::test]
    async fn a_file_appears_whole_or_not_at_all() {
        let dir = tempfile::tempdir().expect("folder");
        let files = Files::new(dir.path(), 3, &TableName::new("shop", "orders"));
        files.begin().await.expect("begin");
        files
            .append("{}\n".into(), "DELETE 1;\n".into())
            .await
            .expect("append");
        let diff = dir.path().join("verify/3/shop/diff/orders.diff");
        assert!(!diff.exists());
        let written = files.finish().await.expect("finish");
        assert_eq!(written.diff.as_deref(), Some(diff.as_path()));
        let sql = fs::read_to_string(written.sql.expect("sql")).expect("read");
        assert!(sql.starts_with("SET NAMES") && sql.ends_with("DELETE 1;\n"));
        files.begin().await.expect("begin again");
        assert!(!diff.exists());
        assert_eq!(files.finish().await.expect("finish"), Written::default());
    }
}
