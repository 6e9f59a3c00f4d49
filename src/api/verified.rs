//! Passwords that were right a short while ago: a hash takes tens of milliseconds by intent, and a
//! client sends its password with every request.
//!
//! What is kept is a digest with a key that only this process has, over the account's hash and the
//! password. So an entry is worth nothing elsewhere, and ends with any change of the password.

use crate::metadata::User;
use parking_lot::Mutex;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// How long a password is not looked at again.
const KEPT: Duration = Duration::from_secs(300);

/// By account.
pub struct Verified {
    key: [u8; 32],
    known: Mutex<HashMap<String, ([u8; 32], Instant)>>,
}

impl Default for Verified {
    fn default() -> Self {
        Self {
            key: rand::random(),
            known: Mutex::default(),
        }
    }
}

impl Verified {
    /// Was this account's password right lately.
    pub fn knows(&self, user: &User, password: &str, now: Instant) -> bool {
        let digest = self.digest(user, password);
        let known = self.known.lock();
        known
            .get(&user.id)
            .is_some_and(|(known, until)| now < *until && *known == digest)
    }

    /// This account's password was right.
    pub fn learn(&self, user: &User, password: &str, now: Instant) {
        let digest = self.digest(user, password);
        let mut known = self.known.lock();
        known.retain(|_, (_, until)| now < *until);
        known.insert(user.id.clone(), (digest, now + KEPT));
    }

    fn digest(&self, user: &User, password: &str) -> [u8; 32] {
        let mut digest = Sha256::new();
        digest.update(self.key);
        digest.update((user.password_hash.len() as u64).to_be_bytes());
        digest.update(&user.password_hash);
        digest.update(password);
        digest.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metadata::{UserRole, now as time};

    #[test]
    fn a_password_is_known_for_a_while_and_until_it_changes() {
        let mut user = User {
            id: "u1".to_owned(),
            account: "bob".to_owned(),
            password_hash: "a hash".to_owned(),
            role: UserRole::User,
            department_id: String::new(),
            mail: String::new(),
            phone: String::new(),
            description: String::new(),
            must_change: false,
            is_locked: false,
            locked_until: None,
            login_failure_times: 0,
            password_changed_at: time(),
            gmt_created: time(),
            gmt_modified: time(),
        };
        let (verified, now) = (Verified::default(), Instant::now());
        assert!(!verified.knows(&user, "right", now));
        verified.learn(&user, "right", now);
        assert!(verified.knows(&user, "right", now));
        assert!(!verified.knows(&user, "wrong", now));
        assert!(!verified.knows(&user, "right", now + KEPT));
        user.password_hash = "another hash".to_owned();
        assert!(!verified.knows(&user, "right", now));
        assert!(!Verified::default().knows(&user, "right", now));
    }
}
