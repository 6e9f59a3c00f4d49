//! `oms_user`.

use std::fmt;

use chrono::NaiveDateTime;
use entity::{oms_datasource as d, oms_project as p, oms_user as u};
use sea_orm::{
    ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QueryTrait, Set, StatementBuilder,
    sea_query::{Expr, ExprTrait, Query, UpdateStatement},
};

use super::{
    MetaError, MetaErrorKind, Metadata, Row, StateText, UserRole,
    access::{FromModel, is},
    retry::Twice,
    row::{Cells, new_id, now},
    session::end_sessions_of,
    token::delete_tokens_of,
};

const TABLE: &str = "oms_user";

/// An account.
#[derive(Clone, PartialEq)]
pub struct User {
    /// `u…`.
    pub id: String,
    /// The name to log in with.
    pub account: String,
    /// Argon2id.
    pub password_hash: String,
    /// What it may do.
    pub role: UserRole,
    /// `d_…`; empty: none.
    pub department_id: String,
    /// Mail address.
    pub mail: String,
    /// Telephone.
    pub phone: String,
    /// What people should know.
    pub description: String,
    /// The password must be changed first.
    pub must_change: bool,
    /// Too many wrong passwords.
    pub is_locked: bool,
    /// When the lock ends, UTC; `None`: not by itself.
    pub locked_until: Option<NaiveDateTime>,
    /// Wrong passwords since the last right one.
    pub login_failure_times: i32,
    /// When the password was set, UTC.
    pub password_changed_at: NaiveDateTime,
    /// When it was made, UTC.
    pub gmt_created: NaiveDateTime,
    /// When `oms` wrote it last, UTC.
    pub gmt_modified: NaiveDateTime,
}

impl User {
    /// Is it locked at this time.
    pub fn locked_at(&self, time: NaiveDateTime) -> bool {
        self.is_locked && self.locked_until.is_none_or(|until| time < until)
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("id", &self.id)
            .field("account", &self.account)
            .field("role", &self.role)
            .field("department_id", &self.department_id)
            .field("is_locked", &self.is_locked)
            .finish_non_exhaustive()
    }
}

impl FromModel for User {
    type Entity = u::Entity;

    fn from_model(row: u::Model) -> Row<Self> {
        let cells = Cells {
            table: TABLE,
            id: &row.id,
        };
        Ok(Self {
            role: cells.state("user_role", &row.user_role)?,
            id: row.id,
            account: row.account,
            password_hash: row.password_hash,
            department_id: row.department_id,
            mail: row.mail,
            phone: row.phone,
            description: row.description,
            must_change: row.must_change,
            is_locked: row.is_locked,
            locked_until: row.locked_until,
            login_failure_times: row.login_failure_times,
            password_changed_at: row.password_changed_at,
            gmt_created: row.gmt_created,
            gmt_modified: row.gmt_modified,
        })
    }
}

/// An account to be made.
#[derive(Clone)]
pub struct NewUser {
    /// The name to log in with.
    pub account: String,
    /// Argon2id.
    pub password_hash: String,
    /// What it may do.
    pub role: UserRole,
    /// `d_…`; empty: none.
    pub department_id: String,
    /// Mail address.
    pub mail: String,
    /// Telephone.
    pub phone: String,
    /// What people should know.
    pub description: String,
    /// The password must be changed first.
    pub must_change: bool,
}

/// What to write of an account; `None` leaves as it is.
#[derive(Clone, Default)]
pub struct UserUpdate {
    /// What it may do.
    pub role: Option<UserRole>,
    /// `d_…`; empty: none.
    pub department_id: Option<String>,
    /// Mail address.
    pub mail: Option<String>,
    /// Telephone.
    pub phone: Option<String>,
    /// What people should know.
    pub description: Option<String>,
    /// Argon2id of another password, which must be changed: the lock, tokens and sessions end with it.
    pub password_hash: Option<String>,
}

impl fmt::Debug for UserUpdate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserUpdate")
            .field("role", &self.role)
            .field("department_id", &self.department_id)
            .field("password", &self.password_hash.is_some())
            .finish_non_exhaustive()
    }
}

/// The repository of `oms_user`. Accounts are people's: they carry no epoch.
#[derive(Clone, Copy)]
pub struct Users<'a>(pub(super) &'a Metadata);

impl Users<'_> {
    /// Makes an account; a name that is taken is a [`MetaErrorKind::Conflict`].
    pub async fn create(self, new: NewUser) -> Result<User, MetaError> {
        let what = "make an account";
        let account = new.account.clone();
        let insert = u::Entity::insert(model(new)).into_query();
        match self.0.execute(what, Twice::Harmful, &insert).await {
            Ok(_) => {
                let made = self.find(&account).await?;
                made.ok_or_else(|| MetaError::not_found(TABLE, account))
            }
            Err(error) if error.kind() == MetaErrorKind::Conflict => Err(MetaError::Conflict {
                what: format!("there is an account '{account}'"),
            }),
            Err(error) => Err(error),
        }
    }

    /// One account.
    pub async fn get(self, id: &str) -> Result<User, MetaError> {
        let select = u::Entity::find_by_id(id);
        self.0.one("read an account", select, id).await
    }

    /// The account with this name.
    pub async fn find(self, account: &str) -> Result<Option<User>, MetaError> {
        let select = u::Entity::find().filter(u::Column::Account.eq(account));
        Ok(self.0.maybe("find an account", select).await?.transpose()?)
    }

    /// All accounts, by name.
    pub async fn list(self) -> Result<Vec<Row<User>>, MetaError> {
        let select = u::Entity::find().order_by_asc(u::Column::Account);
        self.0.rows("list accounts", select).await
    }

    /// Writes what the update names, all of it or nothing.
    pub async fn update(self, id: &str, update: UserUpdate) -> Result<(), MetaError> {
        let mut statement = change(id);
        let texts = [
            (u::Column::UserRole, update.role.map(|role| role.text())),
            (u::Column::DepartmentId, update.department_id),
            (u::Column::Mail, update.mail),
            (u::Column::Phone, update.phone),
            (u::Column::Description, update.description),
        ];
        for (column, text) in texts {
            if let Some(text) = text {
                statement.value(column, text);
            }
        }
        let what = "write an account";
        let Some(hash) = update.password_hash else {
            return self.write(what, id, &statement, &[]).await;
        };
        password(&mut statement, &hash, true);
        let (tokens, sessions) = (delete_tokens_of(id), end_sessions_of(id));
        self.write(what, id, &statement, &[&tokens, &sessions])
            .await
    }

    /// Sets a password that its owner chose, and ends a lock; the sessions end with the old one. Where
    /// that is another one by now, nothing happens: [`MetaErrorKind::NotFound`].
    pub async fn change_password(self, id: &str, old: &str, new: &str) -> Result<(), MetaError> {
        let mut statement = change(id);
        password(&mut statement, new, false);
        // the new one, too: it may have been written already when it is tried again
        statement.and_where(Expr::col(u::Column::PasswordHash).is_in([old, new]));
        self.write("set a password", id, &statement, &[&end_sessions_of(id)])
            .await
    }

    /// Ends a lock, and forgets wrong passwords.
    pub async fn unlock(self, id: &str) -> Result<(), MetaError> {
        let mut statement = change(id);
        unlocked(&mut statement);
        self.write("unlock an account", id, &statement, &[]).await
    }

    /// Counts a wrong password; from `most` on the account is locked. Gives whether this one locked it.
    pub async fn failed(
        self,
        id: &str,
        most: i32,
        until: NaiveDateTime,
    ) -> Result<bool, MetaError> {
        let what = "count a wrong password";
        let times = u::Column::LoginFailureTimes;
        let mut count = change(id);
        count.value(times, Expr::col(times).add(1));
        // one too many is on the safe side
        self.0.execute(what, Twice::Harmless, &count).await?;
        let mut lock = change(id);
        lock.value(u::Column::IsLocked, true)
            .value(u::Column::LockedUntil, until)
            .and_where(is(u::Column::IsLocked, false))
            .and_where(Expr::col(times).gte(most));
        Ok(self.0.execute(what, Twice::Harmless, &lock).await? > 0)
    }

    /// Deletes an account with its tokens and sessions; its projects and data sources are the heir's
    /// from here on. All of it happens, or nothing.
    pub async fn delete(self, id: &str, heir: &str) -> Result<(), MetaError> {
        let mut projects = Query::update();
        projects
            .table(p::Entity)
            .value(p::Column::Owner, heir)
            .and_where(is(p::Column::Owner, id));
        let mut sources = Query::update();
        sources
            .table(d::Entity)
            .value(d::Column::Owner, heir)
            .and_where(is(d::Column::Owner, id));
        let (tokens, sessions) = (delete_tokens_of(id), end_sessions_of(id));
        let account = Query::delete()
            .from_table(u::Entity)
            .and_where(is(u::Column::Id, id))
            .to_owned();
        let what = "delete an account";
        let all: [&dyn StatementBuilder; 5] = [&projects, &sources, &tokens, &sessions, &account];
        self.0.execute_all(what, Twice::Harmless, &all).await?;
        Ok(())
    }

    /// Writes the account, and what goes with it.
    async fn write(
        self,
        what: &'static str,
        id: &str,
        account: &UpdateStatement,
        others: &[&dyn StatementBuilder],
    ) -> Result<(), MetaError> {
        let twice = Twice::Harmless;
        match self.0.execute_led(what, twice, account, others).await? {
            0 => Err(MetaError::not_found(TABLE, id)),
            _ => Ok(()),
        }
    }
}

fn change(id: &str) -> UpdateStatement {
    let mut statement = Query::update();
    statement
        .table(u::Entity)
        .value(u::Column::GmtModified, now())
        .and_where(is(u::Column::Id, id));
    statement
}

fn unlocked(statement: &mut UpdateStatement) {
    statement
        .value(u::Column::IsLocked, false)
        .value(u::Column::LockedUntil, None::<NaiveDateTime>)
        .value(u::Column::LoginFailureTimes, 0);
}

fn password(statement: &mut UpdateStatement, hash: &str, must_change: bool) {
    unlocked(statement);
    statement
        .value(u::Column::PasswordHash, hash)
        .value(u::Column::MustChange, must_change)
        .value(u::Column::PasswordChangedAt, now());
}

fn model(new: NewUser) -> u::ActiveModel {
    let time = now();
    u::ActiveModel {
        id: Set(new_id("u")),
        account: Set(new.account),
        password_hash: Set(new.password_hash),
        user_role: Set(new.role.text()),
        department_id: Set(new.department_id),
        mail: Set(new.mail),
        phone: Set(new.phone),
        description: Set(new.description),
        must_change: Set(new.must_change),
        is_locked: Set(false),
        locked_until: Set(None),
        login_failure_times: Set(0),
        password_changed_at: Set(time),
        gmt_created: Set(time),
        gmt_modified: Set(time),
    }
}
