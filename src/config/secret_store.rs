//! Secrets at rest: encrypted with a key file that is made at first use.
//!
//! AES-256-GCM; the stored text is `v2:`, the key's id, `:`, and base64 of nonce and ciphertext (`v1:` of
//! an earlier version names no key). A secret is bound to what it belongs to, so that a row's cipher text
//! copied to another row or column does not decrypt.
//!
//! The keys are in a ring ([`super::key_ring`]) that `oms rm rotate-key` may change at any time: who
//! encrypts reads it anew, and so does who meets a key that is not known.

use super::key_ring::{self, Held, RingKey, bad};
use crate::datasource::mysql::Secret;
use crate::error::{Error, Kind, Result};
use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key, Nonce};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parking_lot::RwLock;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const NONCE_BYTES: usize = 12;

/// Encrypts and decrypts secrets with the keys of a file.
#[derive(Clone)]
pub struct SecretStore {
    /// Every key that was seen: a text that was read just before a rotation ended decrypts after it.
    seen: Arc<RwLock<Vec<RingKey>>>,
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

/// What a data source's key for TLS is bound to; its password is bound to the bare id.
pub fn tls_key_of(datasource: &str) -> String {
    format!("{datasource}/tls_key")
}

/// The id of the key that a stored text needs; `None`: it does not say.
pub fn key_id(sealed: &str) -> Option<&str> {
    sealed
        .strip_prefix("v2:")?
        .split_once(':')
        .map(|(id, _)| id)
}

impl SecretStore {
    /// Reads the key file, or makes it.
    ///
    /// # Errors
    /// `KeyFile`.
    pub fn open(path: &Path) -> Result<Self> {
        if !path.exists() {
            key_ring::make(path).map_err(|e| bad(path, format!("it cannot be made: {e}")))?;
        }
        Self::open_existing(path)
    }

    /// Reads a key file that must be there.
    ///
    /// # Errors
    /// `KeyFile`.
    pub fn open_existing(path: &Path) -> Result<Self> {
        let store = Self {
            seen: Arc::default(),
            path: path.to_owned(),
        };
        store.reload()?;
        Ok(store)
    }

    fn reload(&self) -> Result<()> {
        self.learn(key_ring::read(&self.path)?.keys());
        Ok(())
    }

    fn learn(&self, keys: &[RingKey]) {
        let mut seen = self.seen.write();
        for key in keys {
            if !seen.contains(key) {
                seen.push(key.clone());
            }
        }
    }

    /// Who encrypts with the newest key. It is to be kept until what it encrypted is written: so long
    /// no rotation takes the key away.
    ///
    /// # Errors
    /// `KeyFile`.
    pub async fn sealer(&self) -> Result<Sealer> {
        let held = Held::shared(&self.path).await?;
        self.learn(held.ring().keys());
        Ok(Sealer(held))
    }

    /// Decrypts what a [`Sealer`] made for the same `owner`. An empty text is no secret.
    ///
    /// # Errors
    /// `KeyFile`, which names the owner and the key file.
    pub fn unseal(&self, owner: &str, sealed: &str) -> Result<Secret> {
        if sealed.is_empty() {
            return Ok(Secret::default());
        }
        if let Some(secret) = self.try_unseal(owner, sealed) {
            return Ok(secret);
        }
        self.reload()?;
        self.try_unseal(owner, sealed).ok_or_else(|| {
            let file = self.path.display();
            let why = match key_id(sealed) {
                Some(id) if !self.seen.read().iter().any(|key| key.id == id) => {
                    format!("it needs the key {id}, which the key file {file} does not hold")
                }
                _ => format!("it does not decrypt with the key file {file}"),
            };
            Error::new(Kind::KeyFile, format!("the secret of data source {owner}")).detail(why)
        })
    }

    fn try_unseal(&self, owner: &str, sealed: &str) -> Option<Secret> {
        let (id, text) = match sealed.strip_prefix("v1:") {
            Some(text) => (None, text),
            None => {
                let (id, text) = sealed.strip_prefix("v2:")?.split_once(':')?;
                (Some(id), text)
            }
        };
        let bytes = STANDARD.decode(text).ok()?;
        let (nonce, message) = bytes.split_first_chunk::<NONCE_BYTES>()?;
        let seen = self.seen.read();
        let keys = seen.iter().filter(|key| id.is_none_or(|id| id == key.id));
        let payload = || Payload {
            msg: message,
            aad: owner.as_bytes(),
        };
        let plain = keys
            .filter_map(|key| cipher(key).decrypt(&Nonce::from(*nonce), payload()).ok())
            .next()?;
        String::from_utf8(plain).ok().map(Secret::new)
    }
}

/// Encrypts with the newest key, which stays as long as this is kept.
pub struct Sealer(Held);

impl Sealer {
    /// The id of its key.
    pub fn key_id(&self) -> &str {
        &self.0.ring().current().id
    }

    /// Encrypts a secret of `owner`: a data source's id, or what [`tls_key_of`] makes of it.
    ///
    /// # Errors
    /// None in practice.
    pub fn seal(&self, owner: &str, secret: &Secret) -> Result<String> {
        let nonce: [u8; NONCE_BYTES] = rand::random();
        let key = self.0.ring().current();
        let payload = Payload {
            msg: secret.reveal().as_bytes(),
            aad: owner.as_bytes(),
        };
        let sealed = cipher(key)
            .encrypt(&Nonce::from(nonce), payload)
            .map_err(|_| Error::new(Kind::Internal, "encrypting a secret"))?;
        let mut bytes = nonce.to_vec();
        bytes.extend_from_slice(&sealed);
        Ok(format!("v2:{}:{}", key.id, STANDARD.encode(bytes)))
    }
}

fn cipher(key: &RingKey) -> Aes256Gcm {
    Aes256Gcm::new(&Key::<Aes256Gcm>::from(key.bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[tokio::test]
    async fn what_is_sealed_opens_for_its_owner_only() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("deep/oms.key");
        let store = SecretStore::open(&path).expect("made");
        let mode = std::fs::metadata(&path)
            .expect("there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
        let sealer = store.sealer().await.expect("held");
        let sealed = sealer.seal("e_1", &Secret::new("hunter2")).expect("sealed");
        assert!(!sealed.contains("hunter2"));
        assert_eq!(key_id(&sealed), Some(sealer.key_id()));
        let again = SecretStore::open(&path).expect("read");
        assert_eq!(
            again.unseal("e_1", &sealed).expect("opens").reveal(),
            "hunter2"
        );
        for other in ["e_2", &tls_key_of("e_1")] {
            let error = again.unseal(other, &sealed).expect_err("another's");
            assert_eq!(error.kind(), Kind::KeyFile);
        }
        for broken in ["v1:AAAA", "v2:AAAA", "v2:k00000000:AAAA", "plain"] {
            assert!(again.unseal("e_1", broken).is_err(), "{broken}");
        }
        assert_eq!(again.unseal("e_1", "").expect("none").reveal(), "");
        let other = SecretStore::open(&dir.path().join("other.key")).expect("made");
        let error = other.unseal("e_1", &sealed).expect_err("another file");
        assert!(error.to_string().contains(sealer.key_id()), "{error}");
    }

    #[tokio::test]
    async fn a_file_and_a_text_of_an_earlier_version_are_read() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("oms.key");
        let mode = std::fs::Permissions::from_mode(0o600);
        std::fs::write(&path, format!("{}\n", STANDARD.encode([7; 32]))).expect("written");
        std::fs::set_permissions(&path, mode).expect("its mode");
        let store = SecretStore::open(&path).expect("read");
        // hunter2 of e_1 with that key and a nonce of ones, as version 1 stored it
        let old = cipher(&store.seen.read()[0]).encrypt(
            &Nonce::from([1; NONCE_BYTES]),
            Payload {
                msg: b"hunter2",
                aad: b"e_1",
            },
        );
        let old = [vec![1; NONCE_BYTES], old.expect("encrypted")].concat();
        let old = format!("v1:{}", STANDARD.encode(old));
        assert_eq!(
            store.unseal("e_1", &old).expect("opens").reveal(),
            "hunter2"
        );
        Held::alone(&path)
            .await
            .expect("held")
            .add()
            .expect("added");
        let fresh = SecretStore::open(&path).expect("read");
        assert_eq!(
            fresh.unseal("e_1", &old).expect("opens").reveal(),
            "hunter2"
        );
    }

    #[tokio::test]
    async fn a_key_that_is_not_known_is_looked_for_in_the_file() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("oms.key");
        let reader = SecretStore::open(&path).expect("made");
        let writer = SecretStore::open(&path).expect("read");
        let secret = Secret::new("hunter2");
        let old = writer.sealer().await.expect("held");
        let first = old.seal("e_1", &secret).expect("sealed");
        drop(old);
        let ring = Held::alone(&path)
            .await
            .expect("held")
            .add()
            .expect("added");
        assert_eq!(ring.keys().len(), 2);
        let new = writer.sealer().await.expect("held");
        assert_eq!(new.key_id(), ring.current().id);
        let second = new.seal("e_1", &secret).expect("sealed");
        assert_ne!(key_id(&first), key_id(&second));
        drop(new);
        assert_eq!(
            reader.unseal("e_1", &second).expect("found").reveal(),
            "hunter2"
        );
        let left = Held::alone(&path).await.expect("held").retire_old();
        assert_eq!(left.expect("retired").keys().len(), 1);
        // read before the old key went, decrypted after it
        assert_eq!(
            reader.unseal("e_1", &first).expect("seen").reveal(),
            "hunter2"
        );
        let fresh = SecretStore::open(&path).expect("read");
        assert!(fresh.unseal("e_1", &first).is_err());
        assert_eq!(
            fresh.unseal("e_1", &second).expect("opens").reveal(),
            "hunter2"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn no_key_goes_while_somebody_writes_with_it() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("oms.key");
        let store = SecretStore::open(&path).expect("made");
        let sealer = store.sealer().await.expect("held");
        assert!(store.sealer().await.is_ok(), "many write at once");
        let waited = Held::alone(&path).await.map(drop).expect_err("held");
        assert!(
            waited.to_string().contains("others have held it"),
            "{waited}"
        );
        drop(sealer);
        Held::alone(&path).await.map(drop).expect("free");
    }
}
