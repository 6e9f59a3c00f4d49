//! Passwords at rest: encrypted with a key file that is made at first use.
//!
//! AES-256-GCM; the stored text is `v1:` and base64 of nonce and ciphertext. The key file holds 32
//! random bytes in base64 and is readable by its owner only. A password is bound to the data
//! source it belongs to, so that a row's cipher text copied to another row does not decrypt.

use crate::datasource::mysql::Secret;
use crate::error::{Error, Kind, Result};
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

const PREFIX: &str = "v1:";
const NONCE_BYTES: usize = 12;

/// Encrypts and decrypts passwords with one key.
#[derive(Clone)]
pub struct SecretStore {
    key: [u8; 32],
    path: PathBuf,
}

/// `$OMS_KEY_FILE`, or `oms/oms.key` in the user's configuration folder.
pub fn default_key_file(env: impl Fn(&str) -> Option<String>) -> PathBuf {
    if let Some(path) = env("OMS_KEY_FILE") {
        return path.into();
    }
    let folder = env("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| env("HOME").map(|home| Path::new(&home).join(".config")))
        .unwrap_or_else(|| PathBuf::from("."));
    folder.join("oms").join("oms.key")
}

impl SecretStore {
    /// Reads the key file, or makes it.
    pub fn open(path: &Path) -> Result<Self> {
        let bad = |detail: String| {
            Error::new(Kind::KeyFile, format!("key file {}", path.display())).detail(detail)
        };
        if !path.exists() {
            make(path).map_err(|e| bad(format!("it cannot be made: {e}")))?;
        }
        let text = std::fs::read_to_string(path).map_err(|e| bad(e.to_string()))?;
        let key = STANDARD
            .decode(text.trim())
            .ok()
            .and_then(|bytes| bytes.try_into().ok())
            .ok_or_else(|| bad("it does not hold 32 bytes in base64".to_owned()))?;
        Ok(Self {
            key,
            path: path.to_owned(),
        })
    }

    /// Encrypts the password of the data source `owner`.
    pub fn seal(&self, owner: &str, secret: &Secret) -> Result<String> {
        let nonce: [u8; NONCE_BYTES] = rand::random();
        let sealed = self
            .cipher()
            .encrypt(
                &Nonce::from(nonce),
                Payload {
                    msg: secret.reveal().as_bytes(),
                    aad: owner.as_bytes(),
                },
            )
            .map_err(|_| Error::new(Kind::Internal, "encrypting a password"))?;
        let mut bytes = nonce.to_vec();
        bytes.extend_from_slice(&sealed);
        Ok(format!("{PREFIX}{}", STANDARD.encode(bytes)))
    }

    /// Decrypts what [`Self::seal`] made for the same `owner`.
    pub fn unseal(&self, owner: &str, sealed: &str) -> Result<Secret> {
        let wrong = || {
            Error::new(
                Kind::KeyFile,
                format!("the password of data source {owner}"),
            )
            .detail(format!(
                "it does not decrypt with the key file {}",
                self.path.display()
            ))
        };
        let bytes = sealed
            .strip_prefix(PREFIX)
            .and_then(|text| STANDARD.decode(text).ok())
            .ok_or_else(wrong)?;
        let (nonce, message) = bytes.split_first_chunk::<NONCE_BYTES>().ok_or_else(wrong)?;
        let plain = self
            .cipher()
            .decrypt(
                &Nonce::from(*nonce),
                Payload {
                    msg: message,
                    aad: owner.as_bytes(),
                },
            )
            .map_err(|_| wrong())?;
        String::from_utf8(plain)
            .map(Secret::new)
            .map_err(|_| wrong())
    }

    fn cipher(&self) -> Aes256Gcm {
        Aes256Gcm::new(&Key::<Aes256Gcm>::from(self.key))
    }
}

/// Makes the key file whole or not at all, for its owner's eyes only; one that another process
/// made meanwhile is kept.
fn make(path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let key: [u8; 32] = rand::random();
    let draft = path.with_extension(format!("draft{}", std::process::id()));
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)?;
    writeln!(file, "{}", STANDARD.encode(key))?;
    file.sync_all()?;
    let linked = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft)?;
    match linked {
        Err(e) if e.kind() != std::io::ErrorKind::AlreadyExists => Err(e),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_is_sealed_opens_for_its_owner_only() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("deep/oms.key");
        let store = SecretStore::open(&path).expect("made");
        let mode = std::fs::metadata(&path)
            .expect("there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let sealed = store.seal("e_1", &Secret::new("hunter2")).expect("sealed");
        assert!(!sealed.contains("hunter2"));
        let again = SecretStore::open(&path).expect("read");
        assert_eq!(
            again.unseal("e_1", &sealed).expect("opens").reveal(),
            "hunter2"
        );
        assert_eq!(
            again.unseal("e_2", &sealed).expect_err("owner").kind(),
            Kind::KeyFile
        );
        assert!(again.unseal("e_1", "v1:AAAA").is_err());
        let other = SecretStore::open(&dir.path().join("other.key")).expect("made");
        assert!(other.unseal("e_1", &sealed).is_err());
    }
}
