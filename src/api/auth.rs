//! Who may ask: HTTP Basic, with accounts whose passwords are kept as Argon2id hashes in
//! `oms_normal_config` (`oms.account.<name>`).
//!
//! The first start makes the account `admin` with a random password, which is printed once; until it
//! is changed (`ChangePassword`) nothing else can be done with it.

use crate::error::{Error, Kind, Result};
use crate::metadata::Metadata;
use actix_web::HttpRequest;
use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::HashMap;

/// The account that the first start makes.
pub const FIRST_ACCOUNT: &str = "admin";
const PREFIX: &str = "oms.account.";
/// A password has at least so many characters.
const SHORTEST: usize = 12;

/// What is kept of an account.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Account {
    /// Argon2id, in its own text form.
    password_hash: String,
    /// Nothing can be done before the password is changed.
    must_change: bool,
}

/// Who asks.
#[derive(Debug, Clone)]
pub struct Who {
    /// The account's name.
    pub name: String,
    /// Its password is the one that was printed.
    pub must_change: bool,
}

/// The accounts.
pub struct Accounts {
    metadata: Metadata,
    /// By name and hash: the digest of the password that was right last. A hash takes tens of
    /// milliseconds by intent.
    known: Mutex<HashMap<(String, String), [u8; 32]>>,
}

impl Accounts {
    /// The accounts of this rm database.
    pub fn new(metadata: Metadata) -> Self {
        Self {
            metadata,
            known: Mutex::default(),
        }
    }

    /// Makes the first account, where there is none. Its password is told before it is kept: a
    /// process that dies in between leaves no account, and the next start makes another password.
    ///
    /// # Errors
    /// Those of the rm database.
    pub async fn make_first(&self, tell: impl FnOnce(&str)) -> Result<()> {
        if !self.metadata.configs().list(PREFIX).await?.is_empty() {
            return Ok(());
        }
        let bytes: [u8; 15] = rand::random();
        let password = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
        tell(&password);
        self.set(FIRST_ACCOUNT, &password, true).await
    }

    async fn get(&self, name: &str) -> Result<Option<Account>> {
        let value = self
            .metadata
            .configs()
            .get(&format!("{PREFIX}{name}"))
            .await?;
        Ok(value.and_then(|value| serde_json::from_value(value).ok()))
    }

    async fn set(&self, name: &str, password: &str, must_change: bool) -> Result<()> {
        let account = Account {
            password_hash: hash(password.to_owned()).await?,
            must_change,
        };
        let value = serde_json::to_value(account)
            .map_err(|e| Error::new(Kind::Internal, "keeping an account").caused_by(e))?;
        let key = format!("{PREFIX}{name}");
        Ok(self.metadata.configs().set(&key, &value).await?)
    }

    /// Who asks, by the request's `Authorization`.
    ///
    /// # Errors
    /// `AccountUnknown`, which does not say whether name or password is wrong.
    pub async fn authenticate(&self, request: &HttpRequest) -> Result<Who> {
        let unknown = || Error::new(Kind::AccountUnknown, "the request's account");
        let (name, password) =
            credentials(request).ok_or_else(|| unknown().detail("none is given"))?;
        let account = self.get(&name).await?;
        // an unknown name takes as long as a wrong password
        let hash = account.as_ref().map_or(NOBODY, |a| &a.password_hash);
        let right = self.check(&name, hash, password).await?;
        match account {
            Some(account) if right => Ok(Who {
                name,
                must_change: account.must_change,
            }),
            _ => Err(unknown().detail("name or password is wrong")),
        }
    }

    async fn check(&self, name: &str, hash: &str, password: String) -> Result<bool> {
        let key = (name.to_owned(), hash.to_owned());
        let digest: [u8; 32] = Sha256::digest(password.as_bytes()).into();
        if self.known.lock().get(&key) == Some(&digest) {
            return Ok(true);
        }
        let right = verify(hash.to_owned(), password).await?;
        if right {
            self.known.lock().insert(key, digest);
        }
        Ok(right)
    }

    /// Gives an account another password.
    ///
    /// # Errors
    /// `ParameterInvalid` for a password that is too short or the old one.
    pub async fn change(&self, who: &Who, old: &str, new: &str) -> Result<()> {
        let invalid =
            |why: &str| Error::new(Kind::ParameterInvalid, "newPassword").detail(why.to_owned());
        if new.chars().count() < SHORTEST {
            return Err(invalid(&format!("it has less than {SHORTEST} characters")));
        }
        if new == old {
            return Err(invalid("it is the old one"));
        }
        let account = self.get(&who.name).await?;
        let hash = account.map(|a| a.password_hash).unwrap_or_default();
        if !self.check(&who.name, &hash, old.to_owned()).await? {
            return Err(Error::new(Kind::ParameterInvalid, "oldPassword").detail("it is wrong"));
        }
        self.set(&who.name, new, false).await
    }
}

/// A hash that no password has.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Name and password of `Authorization: Basic …`.
fn credentials(request: &HttpRequest) -> Option<(String, String)> {
    let header = request.headers().get("Authorization")?.to_str().ok()?;
    let (scheme, encoded) = header.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (name, password) = text.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}

/// Hashes off the executor threads.
async fn hash(password: String) -> Result<String> {
    let hashed = tokio::task::spawn_blocking(move || {
        let salt: [u8; 16] = rand::random();
        let salt = SaltString::encode_b64(&salt)?;
        Argon2::default()
            .hash_password(password.as_bytes(), &salt)
            .map(|hash| hash.to_string())
    });
    let failed =
        |e: &dyn std::fmt::Display| Error::new(Kind::Internal, "hashing a password").detail(e);
    hashed
        .await
        .map_err(|e| failed(&e))?
        .map_err(|e| failed(&e))
}

async fn verify(hash: String, password: String) -> Result<bool> {
    let verified = tokio::task::spawn_blocking(move || {
        let parsed = PasswordHash::new(&hash).ok()?;
        Argon2::default()
            .verify_password(password.as_bytes(), &parsed)
            .ok()
    });
    let right = verified
        .await
        .map_err(|e| Error::new(Kind::Internal, "checking a password").detail(e))?;
    Ok(right.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_takes_its_password_only() {
        let hashed = hash("correct horse".to_owned()).await.expect("hashed");
        assert!(hashed.starts_with("$argon2id$"));
        assert!(
            verify(hashed.clone(), "correct horse".to_owned())
                .await
                .expect("checked")
        );
        assert!(
            !verify(hashed, "wrong horse".to_owned())
                .await
                .expect("checked")
        );
        assert!(PasswordHash::new(NOBODY).is_ok());
        assert!(
            !verify(NOBODY.to_owned(), String::new())
                .await
                .expect("checked")
        );
    }
}
