//! Who asks: HTTP Basic with an account of `oms_user`, or a token of one.
//!
//! The first start makes the account `admin`, role ROOT, with a random password that is printed
//! once. While a password was chosen by somebody else, or is too old, nothing can be done but
//! `ChangePassword`. After five wrong passwords an account is locked for half an hour. A failed
//! login takes as long and says the same whether there is such an account or not.

use super::limiter::Limiter;
use super::password::{self, Hasher, NOBODY};
use super::sessions;
use super::verified::Verified;
use crate::error::{Error, Kind, Result};
use crate::metadata::{
    MetaErrorKind, Metadata, NewAudit, NewUser, User, UserRole, UserUpdate, now,
};
use crate::model::params::PasswordExpiration;
use actix_web::HttpRequest;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{NaiveDateTime, TimeDelta};
use sha2::{Digest, Sha256};
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

/// The account that the first start makes.
pub const FIRST_ACCOUNT: &str = "admin";
/// Where an earlier version kept accounts in `oms_normal_config`.
const OLD_PREFIX: &str = "oms.account.";
/// Wrong passwords before an account is locked, and for how long.
const WRONG_MOST: i32 = 5;
const LOCKED: TimeDelta = TimeDelta::minutes(30);
/// A failed login is answered after this time at the earliest.
const FAILED_AFTER: Duration = Duration::from_millis(250);
/// Names whose passwords are checked one after the other.
const DOORS: usize = 64;
/// Days that an account's password is still good for, 0 or less: none; `None`: it does not expire.
pub fn days_left(expiration: PasswordExpiration, user: &User) -> Option<i64> {
    let age = now() - user.password_changed_at;
    (expiration.days > 0).then(|| i64::from(expiration.days) - age.num_days())
}

/// Who asks.
#[derive(Debug, Clone)]
pub struct Who {
    /// The account's id.
    pub id: String,
    /// The account's name.
    pub name: String,
    /// What it may do.
    pub role: UserRole,
    /// Its department; empty: none.
    pub department_id: String,
    /// Why its password must be changed before anything else.
    pub must_change: Option<&'static str>,
    /// Days that its password is still good for, where the account should be told.
    pub days_left: Option<i64>,
    /// When its password was set, UTC.
    pub password_changed_at: NaiveDateTime,
    /// It used a token, of a session or of its own.
    pub by_token: bool,
    /// From where.
    pub address: IpAddr,
    /// The request's id.
    pub request_id: String,
}

/// The accounts.
pub struct Accounts {
    metadata: Metadata,
    hasher: Hasher,
    verified: Verified,
    limiter: Limiter,
    doors: Vec<tokio::sync::Mutex<()>>,
    /// Held while accounts and departments, and what hangs on them, are looked at and changed.
    pub people: tokio::sync::Mutex<()>,
}

impl Accounts {
    /// The accounts of this rm database.
    pub fn new(metadata: Metadata) -> Self {
        Self {
            metadata,
            hasher: Hasher::default(),
            verified: Verified::default(),
            limiter: Limiter::default(),
            doors: (0..DOORS).map(|_| tokio::sync::Mutex::default()).collect(),
            people: tokio::sync::Mutex::default(),
        }
    }

    /// Makes the default department and, where there is no account, the first one. Its password is
    /// told before it is kept: a process that dies in between leaves no account, and the next start
    /// makes another password.
    ///
    /// # Errors
    /// Those of the rm database.
    pub async fn make_first(&self, tell: impl FnOnce(&str)) -> Result<()> {
        self.metadata.departments().make_default().await?;
        super::takeover::take_over(&self.metadata, OLD_PREFIX).await?;
        if !self.metadata.users().list().await?.is_empty() {
            return Ok(());
        }
        let password = password::generate();
        tell(&password);
        let new = NewUser {
            account: FIRST_ACCOUNT.to_owned(),
            password_hash: self.hasher.hash(password).await?,
            role: UserRole::Root,
            department_id: String::new(),
            mail: String::new(),
            phone: String::new(),
            description: String::new(),
            must_change: true,
        };
        self.metadata.users().create(new).await?;
        Ok(())
    }

    /// Who asks, by the request's `Authorization`.
    ///
    /// # Errors
    /// `AccountUnknown`, which does not say whether name or password is wrong; `TooManyLogins`.
    pub async fn authenticate(&self, request: &HttpRequest, request_id: &str) -> Result<Who> {
        let peer = request.peer_addr().map(|peer| peer.ip());
        let address = peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let header = request.headers().get("Authorization");
        let header = header.and_then(|header| header.to_str().ok());
        let (scheme, secret) = header
            .and_then(|header| header.split_once(' '))
            .ok_or_else(|| unknown("none is given"))?;
        let by_token = scheme.eq_ignore_ascii_case("Bearer");
        let user = if by_token {
            self.by_token(secret.trim()).await?
        } else if let Some((name, password)) = basic(scheme, secret) {
            self.by_password(address, &name, password, request_id)
                .await?
        } else {
            return Err(unknown("it is neither HTTP Basic nor a token"));
        };
        let expiration: PasswordExpiration = self.metadata.parameter().await?;
        let days_left = days_left(expiration, &user).filter(|_| !by_token);
        let must_change = if by_token {
            None
        } else if user.must_change {
            Some("its password was chosen by another")
        } else {
            days_left
                .filter(|days| *days <= 0)
                .map(|_| "its password is too old")
        };
        Ok(Who {
            must_change,
            days_left: days_left.filter(|days| *days <= i64::from(expiration.reminder)),
            id: user.id,
            password_changed_at: user.password_changed_at,
            name: user.account,
            role: user.role,
            department_id: user.department_id,
            by_token,
            address,
            request_id: request_id.to_owned(),
        })
    }

    async fn by_token(&self, token: &str) -> Result<User> {
        let wrong = || unknown("the token is not known, or no longer");
        let user = match token.starts_with(sessions::PREFIX) {
            true => sessions::user_of(&self.metadata, token).await?,
            false => {
                let found = self.metadata.api_tokens().find(&token_hash(token)).await?;
                let token = found.filter(|token| now() < token.expires_at);
                token.map(|token| token.user_id)
            }
        };
        match self.metadata.users().get(&user.ok_or_else(wrong)?).await {
            Ok(user) => Ok(user),
            Err(error) => match Error::from(error) {
                error if error.kind() == Kind::NotFound => Err(wrong()),
                error => Err(error),
            },
        }
    }

    async fn by_password(
        &self,
        address: IpAddr,
        name: &str,
        password: String,
        request_id: &str,
    ) -> Result<User> {
        if let Some(user) = self.known(name, &password).await? {
            return Ok(user);
        }
        let begun = tokio::time::Instant::now();
        self.limiter.take(address, Instant::now())?;
        let one = self.door(name).lock().await;
        // the one in front may have had the same password
        let known = self.known(name, &password).await?;
        let checked = match known {
            Some(user) => Some(user),
            None => self.checked(address, name, &password, request_id).await?,
        };
        drop(one);
        match checked {
            Some(user) => {
                self.limiter.give_back(address, Instant::now());
                Ok(user)
            }
            None => {
                tokio::time::sleep_until(begun + FAILED_AFTER).await;
                Err(unknown(
                    "name or password is wrong, or the account is locked",
                ))
            }
        }
    }

    /// The account, where its password was right a short while ago.
    async fn known(&self, name: &str, password: &str) -> Result<Option<User>> {
        let user = self.find(name).await?;
        Ok(user
            .filter(|user| !user.locked_at(now()))
            .filter(|user| self.verified.knows(user, password, Instant::now())))
    }

    /// The account, if it is there and can be understood: strangers are not told of a bad row.
    async fn find(&self, name: &str) -> Result<Option<User>> {
        match self.metadata.users().find(name).await.map_err(Error::from) {
            Err(error) if error.kind() == Kind::RmCorrupt => {
                tracing::error!(%error, "an account cannot log in");
                Ok(None)
            }
            found => found,
        }
    }

    /// The account, if it is open and this is its password. An unknown or locked one takes as long.
    async fn checked(
        &self,
        address: IpAddr,
        name: &str,
        password: &str,
        request_id: &str,
    ) -> Result<Option<User>> {
        let users = self.metadata.users();
        let user = self.find(name).await?;
        let open = user.filter(|user| !user.locked_at(now()));
        let hash = open.as_ref().map_or(NOBODY, |user| &user.password_hash);
        let verified = self.hasher.verify(hash.to_owned(), password.to_owned());
        let right = verified.await?;
        let Some(user) = open else {
            return Ok(None);
        };
        if user.is_locked || right && user.login_failure_times > 0 {
            match users.unlock(&user.id).await {
                // it was deleted meanwhile
                Err(error) if error.kind() == MetaErrorKind::NotFound => return Ok(None),
                unlocked => unlocked?,
            }
        }
        if right {
            self.verified.learn(&user, password, Instant::now());
            return Ok(Some(user));
        }
        if users.failed(&user.id, WRONG_MOST, now() + LOCKED).await? {
            tracing::warn!(account = %user.account, %address, "locked after wrong passwords");
            self.tell_of_lock(&user, address, request_id).await?;
        }
        Ok(None)
    }

    async fn tell_of_lock(&self, user: &User, address: IpAddr, request_id: &str) -> Result<()> {
        let line = NewAudit {
            request_id: request_id.to_owned(),
            account: user.account.clone(),
            user_id: user.id.clone(),
            department_id: user.department_id.clone(),
            address: address.to_string(),
            action: "LockUser".to_owned(),
            object: user.id.clone(),
            before: None,
        };
        let audit = self.metadata.audit_logs();
        audit.begin(line).await?;
        Ok(audit
            .finish(request_id, &user.id, None, Kind::AccountUnknown.code())
            .await?)
    }

    fn door(&self, name: &str) -> &tokio::sync::Mutex<()> {
        let digest = Sha256::digest(name.as_bytes());
        &self.doors[usize::from(digest[0]) % DOORS]
    }

    /// Gives whoever asks another password.
    ///
    /// # Errors
    /// `ParameterInvalid` for a password that breaks the rules or is the old one.
    pub async fn change(&self, who: &Who, old: &str, new: &str) -> Result<()> {
        let invalid = |what: &'static str, why: &str| {
            Err(Error::new(Kind::ParameterInvalid, what).detail(why))
        };
        if let Some(why) = password::problem(new) {
            return invalid("newPassword", &why);
        }
        if new == old {
            return invalid("newPassword", "it is the old one");
        }
        let user = self.metadata.users().get(&who.id).await?;
        let before = user.password_hash.clone();
        let right = self.verified.knows(&user, old, Instant::now())
            || self
                .hasher
                .verify(user.password_hash, old.to_owned())
                .await?;
        if !right {
            return invalid("oldPassword", "it is wrong");
        }
        let hash = self.hash(new).await?;
        let users = self.metadata.users();
        match users.change_password(&who.id, &before, &hash).await {
            Err(error) if error.kind() == MetaErrorKind::NotFound => {
                invalid("oldPassword", "it is another one by now")
            }
            done => Ok(done?),
        }
    }

    /// Makes sure that who asks is still there, with the password that it came with: what is made in its
    /// name would outlive both. To be asked by who holds [`Accounts::people`].
    ///
    /// # Errors
    /// `AccountUnknown`.
    pub async fn still(&self, who: &Who) -> Result<()> {
        match self.metadata.users().get(&who.id).await {
            Ok(user) if user.password_changed_at == who.password_changed_at => Ok(()),
            Ok(_) => Err(unknown("its password is another one by now")),
            Err(error) if error.kind() == MetaErrorKind::NotFound => {
                Err(unknown("it was deleted meanwhile"))
            }
            Err(error) => Err(error.into()),
        }
    }

    /// The hash of a password.
    pub async fn hash(&self, password: &str) -> Result<String> {
        self.hasher.hash(password.to_owned()).await
    }

    /// Gives an account a random password, which must be changed; ends its lock and its tokens.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn reset(&self, account: &str) -> Result<String> {
        let user = self.metadata.users().find(account).await?.ok_or_else(|| {
            Error::new(Kind::NotFound, format!("account {account}"))
                .detail("there is none")
                .remedy("Check the name; case counts. The first start of `oms server` makes the first account.")
        })?;
        let password = password::generate();
        let line = NewAudit {
            request_id: super::answer::request_id(),
            account: account.to_owned(),
            user_id: String::new(),
            department_id: user.department_id.clone(),
            address: "oms rm reset-password".to_owned(),
            action: "ResetPassword".to_owned(),
            object: user.id.clone(),
            before: None,
        };
        let (audit, id) = (self.metadata.audit_logs(), line.request_id.clone());
        audit.begin(line).await?;
        let update = UserUpdate {
            password_hash: Some(self.hash(&password).await?),
            ..UserUpdate::default()
        };
        self.metadata.users().update(&user.id, update).await?;
        audit
            .finish(&id, &user.id, None, super::audit::SUCCESS)
            .await?;
        Ok(password)
    }
}

fn unknown(why: &str) -> Error {
    Error::new(Kind::AccountUnknown, "the request's account").detail(why)
}

/// What is kept of a token: it is random, so nothing slower is needed.
pub fn token_hash(token: &str) -> String {
    let digest = Sha256::digest(token.as_bytes());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Name and password of `Authorization: Basic …`.
fn basic(scheme: &str, encoded: &str) -> Option<(String, String)> {
    if !scheme.eq_ignore_ascii_case("Basic") {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (name, password) = text.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}
