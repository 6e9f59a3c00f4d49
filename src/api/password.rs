//! Rules for account names and passwords (reference 7.16), and their hashes.

use crate::error::{Error, Kind, Result};
use argon2::Argon2;
use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use tokio::sync::Semaphore;

/// Special characters that a password may hold.
const SPECIALS: &str = r"~!@#%^&*_-+=\|(){}:;,.?/[]";
/// Characters of a password.
const LENGTH: std::ops::RangeInclusive<usize> = 8..=32;
/// A password has so many of each kind of character.
const EACH: usize = 2;
/// Longest account name.
const ACCOUNT_MAX: usize = 14;
/// Hashes at the same time: each takes 19 MB.
const HASHES: usize = 4;

/// A hash that no password has.
pub const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// What is wrong with a password; `None`: nothing.
pub fn problem(password: &str) -> Option<String> {
    let special = |c: char| SPECIALS.contains(c);
    let length = password.chars().count();
    if !LENGTH.contains(&length) {
        return Some(format!(
            "it must have {} to {} characters",
            LENGTH.start(),
            LENGTH.end()
        ));
    }
    if !password
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || special(c))
    {
        return Some(format!(
            "it may hold letters, digits and {SPECIALS} and nothing else"
        ));
    }
    let few = |name: &str, is: &dyn Fn(char) -> bool| {
        let found = password.chars().filter(|c| is(*c)).count();
        (found < EACH).then(|| format!("it must have at least {EACH} {name}"))
    };
    few("digits", &|c| c.is_ascii_digit())
        .or_else(|| few("upper-case letters", &|c| c.is_ascii_uppercase()))
        .or_else(|| few("lower-case letters", &|c| c.is_ascii_lowercase()))
        .or_else(|| few(&format!("of {SPECIALS}"), &special))
}

/// What is wrong with an account's name; `None`: nothing.
pub fn account_problem(name: &str) -> Option<String> {
    let right = |c: char| c.is_ascii_alphabetic() || c == '_';
    let fits = (1..=ACCOUNT_MAX).contains(&name.chars().count());
    (!fits || !name.chars().all(right))
        .then(|| format!("it must have 1 to {ACCOUNT_MAX} letters and _, and nothing else"))
}

/// A random password that keeps the rules.
pub fn generate() -> String {
    // 64 characters that nobody takes for another
    const ALPHABET: &[u8; 64] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789@%+=_-.~";
    loop {
        let bytes: [u8; 20] = rand::random();
        let password: String = bytes
            .iter()
            .map(|byte| char::from(ALPHABET[usize::from(byte % 64)]))
            .collect();
        if problem(&password).is_none() {
            return password;
        }
    }
}

/// Makes and checks hashes, a few at a time and off the executor's threads.
pub struct Hasher(Semaphore);

impl Default for Hasher {
    fn default() -> Self {
        Self(Semaphore::new(HASHES))
    }
}

impl Hasher {
    /// Argon2id of a password, with a salt of its own.
    pub async fn hash(&self, password: String) -> Result<String> {
        let hashed = self.run("hashing a password", move || {
            let salt: [u8; 16] = rand::random();
            let salt = SaltString::encode_b64(&salt)?;
            Argon2::default()
                .hash_password(password.as_bytes(), &salt)
                .map(|hash| hash.to_string())
        });
        hashed
            .await?
            .map_err(|e| Error::new(Kind::Internal, "hashing a password").detail(e))
    }

    /// Is it the password of this hash.
    pub async fn verify(&self, hash: String, password: String) -> Result<bool> {
        self.run("checking a password", move || {
            let Ok(parsed) = PasswordHash::new(&hash) else {
                return false;
            };
            Argon2::default()
                .verify_password(password.as_bytes(), &parsed)
                .is_ok()
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let failed = |e: &dyn std::fmt::Display| Error::new(Kind::Internal, what).detail(e);
        let _one = self.0.acquire().await.map_err(|e| failed(&e))?;
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(|e| failed(&e))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_hash_takes_its_password_only() {
        let hasher = Hasher::default();
        let hashed = hasher.hash("correct horse".to_owned()).await.expect("made");
        assert!(hashed.starts_with("$argon2id$"));
        for (hash, password, right) in [
            (hashed.as_str(), "correct horse", true),
            (hashed.as_str(), "wrong horse", false),
            (NOBODY, "", false),
            ("no hash", "no hash", false),
        ] {
            let checked = hasher.verify(hash.to_owned(), password.to_owned()).await;
            assert_eq!(checked.expect("checked"), right, "{password}");
        }
        assert!(PasswordHash::new(NOBODY).is_ok());
    }

    #[test]
    fn passwords_have_two_of_each_kind() {
        for good in ["aaBB11__", r"\|aaBB11", "[Zz9]Zz9", &"aB1-".repeat(8)] {
            assert_eq!(problem(good), None, "{good}");
        }
        for (bad, says) in [
            ("aaBB1__", "8 to 32"),
            (&*("aB1-".repeat(8) + "x"), "8 to 32"),
            ("aaBB1___", "2 digits"),
            ("aaaB11__", "2 upper"),
            ("aBBB11__", "2 lower"),
            ("aaBB11_c", "2 of ~!@"),
            ("aaBB11_$", "nothing else"),
            ("aaBB11_ _", "nothing else"),
            ("aaBB11__ü", "nothing else"),
        ] {
            let why = problem(bad).unwrap_or_default();
            assert!(why.contains(says), "{bad}: {why}");
        }
        let made = generate();
        assert_eq!((problem(&made), made.len()), (None, 20));
        assert_ne!(made, generate());
    }

    #[test]
    fn names_have_letters_and_underscores() {
        for good in ["a", "Some_body", "fourteen_chars"] {
            assert_eq!(account_problem(good), None, "{good}");
        }
        for bad in ["", "fifteen_charact", "with space", "bob2", "a:b", "ä"] {
            assert!(account_problem(bad).is_some(), "{bad}");
        }
    }
}
