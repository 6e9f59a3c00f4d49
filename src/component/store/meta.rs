//! What a Store's folder says about itself: where the log began, whose it is, how far the
//! consumers are. Small JSON files that are replaced as a whole.

use super::segment::{io_error, sync_dir};
use crate::error::{Error, Kind, Result};
use crate::model::filter::ObjectFilter;
use crate::model::ids::TxnId;
use crate::model::position::Position;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::time::{Duration, Instant};

const META: &str = "store.json";
const CONSUMERS: &str = "consumers.json";
const LOCK: &str = "lock";
/// How long an earlier writer of the folder may take to end.
const LOCK_WAIT: Duration = Duration::from_secs(10);

/// What does not change for the life of a Store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Meta {
    /// Version of the format.
    pub format: u32,
    /// The subtopic.
    pub subtopic: String,
    /// The position from which on the log is kept.
    pub start: Position,
    /// The source server's identity.
    pub source: String,
    /// Our id among the source's replicas.
    pub replica_id: u32,
    /// Our UUID among the source's replicas.
    pub replica_uuid: String,
    /// The rules by which changes are kept.
    pub filter: ObjectFilter,
}

impl Meta {
    /// Reads it; None where there is none. Blocks.
    pub fn read(dir: &Path) -> Result<Option<Self>> {
        read(&dir.join(META))
    }

    /// Writes it durably. Blocks.
    pub fn write(&self, dir: &Path) -> Result<()> {
        write(dir, META, self)
    }
}

/// How far the consumers are. Blocks.
pub(super) fn read_consumers(dir: &Path) -> Result<BTreeMap<String, TxnId>> {
    read(&dir.join(CONSUMERS)).map(Option::unwrap_or_default)
}

/// Keeps how far the consumers are. Blocks.
pub(super) fn write_consumers(dir: &Path, consumers: &BTreeMap<String, TxnId>) -> Result<()> {
    write(dir, CONSUMERS, consumers)
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>> {
    match std::fs::read(path) {
        Ok(json) => serde_json::from_slice(&json).map(Some).map_err(|e| {
            Error::new(Kind::StoreCorrupt, format!("reading {}", path.display())).caused_by(e)
        }),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_error("reading", path, error)),
    }
}

fn write(dir: &Path, name: &str, value: &impl Serialize) -> Result<()> {
    let path = dir.join(name);
    let json = serde_json::to_vec_pretty(value).map_err(|e| {
        Error::new(Kind::Internal, format!("writing {}", path.display())).caused_by(e)
    })?;
    let new = dir.join(format!("{name}.new"));
    let replace = || {
        let mut file = File::create(&new)?;
        file.write_all(&json)?;
        file.sync_all()?;
        std::fs::rename(&new, &path)?;
        sync_dir(dir)
    };
    replace().map_err(|e| io_error("writing", &path, e))
}

/// Makes the folder and takes its lock; waits for an earlier holder to end. Blocks.
pub(super) fn lock(dir: &Path) -> Result<File> {
    std::fs::create_dir_all(dir).map_err(|e| io_error("making the Store's folder", dir, e))?;
    let path = dir.join(LOCK);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|e| io_error("opening", &path, e))?;
    let since = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(std::fs::TryLockError::WouldBlock) if since.elapsed() < LOCK_WAIT => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(std::fs::TryLockError::WouldBlock) => {
                return Err(
                    Error::new(Kind::StoreIo, format!("locking {}", path.display()))
                        .detail("another process writes to this Store's folder"),
                );
            }
            Err(std::fs::TryLockError::Error(error)) => {
                return Err(io_error("locking", &path, error));
            }
        }
    }
}
