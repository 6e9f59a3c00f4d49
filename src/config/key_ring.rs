//! The key file: a ring of keys, the newest first, replaced whole or not at all.
//!
//! Each line is a key: its id and 32 random bytes in base64. The first encrypts, all of them decrypt.
//! There is one key unless a rotation is on its way (`oms rm rotate-key`). A file of an earlier version
//! is one key without its id; the id is made from the key, so it has one all the same.
//!
//! Who encrypts holds a shared lock on the file until the row is written; who changes the file holds it
//! alone. So no key is taken away while somebody is about to write what it encrypted.

use crate::error::{Error, Kind, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;

const HEAD: &str = "# Keys of oms, the newest first: it encrypts, all of them decrypt.\n";
/// How long a lock is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long between two looks at a lock.
const LOOK: Duration = Duration::from_millis(10);

/// A key with its name.
#[derive(Clone, PartialEq, Eq)]
pub struct RingKey {
    /// `k` and 8 hexadecimal digits, made from the key.
    pub id: String,
    /// The key itself.
    pub bytes: [u8; 32],
}

impl RingKey {
    /// A new one.
    fn random() -> Self {
        Self::of(rand::random())
    }

    fn of(bytes: [u8; 32]) -> Self {
        let mut digest = Sha256::new();
        digest.update(b"the id of a key of oms\0");
        digest.update(bytes);
        let hex: Vec<String> = digest.finalize()[..4]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Self {
            id: format!("k{}", hex.concat()),
            bytes,
        }
    }
}

/// What a key file holds: at least one key.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyRing(Vec<RingKey>);

impl KeyRing {
    /// The key that encrypts.
    pub fn current(&self) -> &RingKey {
        &self.0[0]
    }

    /// All keys, the newest first.
    pub fn keys(&self) -> &[RingKey] {
        &self.0
    }

    fn parse(text: &str) -> std::result::Result<Self, String> {
        let lines = text.lines().map(str::trim).enumerate();
        let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let keys = lines.map(|(at, line)| {
            let (id, base64) = match line.split_once(' ') {
                Some((id, base64)) => (Some(id), base64.trim()),
                None => (None, line),
            };
            let bytes = STANDARD.decode(base64).ok();
            let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
            let wrong = |why: &str| format!("line {} {why}", at + 1);
            let key = RingKey::of(bytes.ok_or_else(|| wrong("does not hold 32 bytes in base64"))?);
            match id {
                Some(id) if id != key.id => Err(wrong("holds another key than its id says")),
                _ => Ok(key),
            }
        });
        let keys: Vec<RingKey> = keys.collect::<std::result::Result<_, String>>()?;
        match keys.is_empty() {
            true => Err("it holds no key".to_owned()),
            false => Ok(Self(keys)),
        }
    }

    fn text(&self) -> String {
        let line = |key: &RingKey| format!("{} {}\n", key.id, STANDARD.encode(key.bytes));
        HEAD.to_owned() + &self.0.iter().map(line).collect::<String>()
    }
}

/// An error about a key file.
pub fn bad(path: &Path, detail: impl std::fmt::Display) -> Error {
    Error::new(Kind::KeyFile, format!("key file {}", path.display())).detail(detail)
}

/// Reads a key file.
///
/// # Errors
/// `KeyFile`.
pub fn read(path: &Path) -> Result<KeyRing> {
    let text = std::fs::read_to_string(path).map_err(|e| bad(path, e))?;
    KeyRing::parse(&text).map_err(|why| bad(path, why))
}

/// Makes a key file whole or not at all, for its owner's eyes only; one that another process made
/// meanwhile is kept.
///
/// # Errors
/// As the file system refuses.
pub fn make(path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let draft = draft_of(path);
    let mut file = create(&draft, 0o600)?;
    file.write_all(KeyRing(vec![RingKey::random()]).text().as_bytes())?;
    file.sync_all()?;
    let linked = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft)?;
    match linked {
        Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => Err(e),
        _ => Ok(()),
    }
}

/// Where a key file's retired keys are: beside it, with `.old` behind its name.
pub fn old_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".old");
    name.into()
}

fn draft_of(path: &Path) -> PathBuf {
    path.with_extension(format!("draft{}", std::process::id()))
}

fn create(path: &Path, mode: u32) -> std::io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(path)
}

/// A key file that does not change while this is held.
pub struct Held {
    file: File,
    path: PathBuf,
    ring: KeyRing,
}

impl Held {
    /// For who encrypts: others may too.
    ///
    /// # Errors
    /// `KeyFile`.
    pub async fn shared(path: &Path) -> Result<Self> {
        Self::wait(path, File::try_lock_shared).await
    }

    /// For who changes the file: nobody else.
    ///
    /// # Errors
    /// `KeyFile`.
    pub async fn alone(path: &Path) -> Result<Self> {
        Self::wait(path, File::try_lock).await
    }

    async fn wait(
        path: &Path,
        lock: fn(&File) -> std::result::Result<(), TryLockError>,
    ) -> Result<Self> {
        let path = path.canonicalize().map_err(|e| bad(path, e))?;
        let began = Instant::now();
        loop {
            let mut file = File::open(&path).map_err(|e| bad(&path, e))?;
            match lock(&file) {
                Ok(()) => {
                    // the file that was opened may have been replaced while its lock was waited for
                    if same_file(&file, &path).map_err(|e| bad(&path, e))? {
                        let mut text = String::new();
                        file.read_to_string(&mut text).map_err(|e| bad(&path, e))?;
                        let ring = KeyRing::parse(&text).map_err(|why| bad(&path, why))?;
                        return Ok(Self { file, path, ring });
                    }
                }
                Err(TryLockError::WouldBlock) if began.elapsed() < PATIENCE => {
                    tokio::time::sleep(LOOK).await;
                }
                Err(TryLockError::WouldBlock) => {
                    let secs = PATIENCE.as_secs();
                    return Err(bad(&path, format!("others have held it for {secs} s")));
                }
                Err(TryLockError::Error(e)) => return Err(bad(&path, e)),
            }
        }
    }

    /// What it holds.
    pub fn ring(&self) -> &KeyRing {
        &self.ring
    }

    /// Adds a new key, which encrypts from now on.
    ///
    /// # Errors
    /// `KeyFile`; the file is as it was.
    pub fn add(self) -> Result<KeyRing> {
        let mut keys = vec![RingKey::random()];
        keys.extend(self.ring.0.iter().cloned());
        self.replace(KeyRing(keys))
    }

    /// Takes all keys away but the one that encrypts; they go to a file beside this one (`.old`), since
    /// this rm database may not have been the only one that needed them.
    ///
    /// # Errors
    /// `KeyFile`; the file is as it was.
    pub fn retire_old(self) -> Result<KeyRing> {
        let old = old_of(&self.path);
        let mut keys = self.ring.0[1..].to_vec();
        if old.exists() {
            let known = read(&old)?.0;
            keys.retain(|key| !known.contains(key));
            keys.extend(known);
        }
        if !keys.is_empty() {
            self.put(&old, &KeyRing(keys))?;
        }
        let current = self.ring.current().clone();
        self.replace(KeyRing(vec![current]))
    }

    fn replace(self, ring: KeyRing) -> Result<KeyRing> {
        self.sweep();
        self.put(&self.path, &ring)?;
        Ok(ring)
    }

    fn put(&self, path: &Path, ring: &KeyRing) -> Result<()> {
        let refused = |e: std::io::Error| bad(path, format!("it cannot be replaced: {e}"));
        let draft = draft_of(&self.path);
        let done = self
            .write(&draft, ring)
            .and_then(|()| std::fs::rename(&draft, path));
        if done.is_err() {
            let _ = std::fs::remove_file(&draft);
        }
        done.map_err(refused)?;
        // the new name is on disk before a row needs the new key
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(refused)
    }

    /// Mode and owner stay what they are.
    fn write(&self, draft: &Path, ring: &KeyRing) -> std::io::Result<()> {
        let was = self.file.metadata()?;
        let mut file = create(draft, 0o600)?;
        file.write_all(ring.text().as_bytes())?;
        let now = file.metadata()?;
        if (now.uid(), now.gid()) != (was.uid(), was.gid()) {
            fchown(&file, Some(was.uid()), Some(was.gid()))?;
        }
        file.set_permissions(was.permissions())?;
        file.sync_all()
    }

    /// Removes drafts of processes that were killed. They are made only under this lock.
    fn sweep(&self) {
        let draft = self.path.with_extension("draft");
        let (Some(folder), Some(name)) = (self.path.parent(), draft.file_name()) else {
            return;
        };
        let name = name.to_string_lossy().into_owned();
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let found = entry.file_name().to_string_lossy().into_owned();
            let number = found.strip_prefix(&name);
            if number.is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit())) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }
}

fn same_file(file: &File, path: &Path) -> std::io::Result<bool> {
    let (open, named) = (file.metadata()?, std::fs::metadata(path)?);
    Ok((open.dev(), open.ino()) == (named.dev(), named.ino()))
}

/// Whether a key file can be changed; nothing is.
///
/// # Errors
/// `KeyFile`: it is not there, not a file, others may read it, or its folder cannot be written.
pub fn check_changeable(path: &Path) -> Result<()> {
    let found = std::fs::metadata(path).map_err(|e| match e.kind() {
        std::io::ErrorKind::NotFound => bad(path, "there is no such file").remedy(
            "Give the key file that belongs to this rm database with --key-file, or OMS_KEY_FILE.",
        ),
        _ => bad(path, e),
    })?;
    if !found.is_file() {
        return Err(bad(path, "it is not a file"));
    }
    let mode = found.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(bad(
            path,
            format!("others than its owner may read or write it (mode {mode:04o})"),
        )
        .remedy(
            "Take their rights away (chmod 600). Who could read it may know the passwords: change those too.",
        ));
    }
    read(path)?;
    let whole = path.canonicalize().map_err(|e| bad(path, e))?;
    let probe = whole.with_extension(format!("probe{}", std::process::id()));
    let probed = create(&probe, 0o600).and_then(|_| std::fs::remove_file(&probe));
    probed.map_err(|e| {
        let folder = whole.parent().unwrap_or(Path::new("/")).display();
        bad(path, format!("its folder {folder} cannot be written: {e}")).remedy(
            "Run this as the file's owner, who may write the folder: the file is replaced, not overwritten.",
        )
    })
}
