//! A server that takes no writes of the application: `read_only`, from which our own account is
//! exempt, so that the way back can still write there.
//!
//! What the switch does to the servers:
//!
//! * MySQL and MariaDB wait for statements that write and for `LOCK TABLES`, for a few seconds here and
//!   not longer, since whoever writes meanwhile waits behind the attempt. A transaction that is open but
//!   idle is not waited for: its COMMIT is refused afterwards. So once the switch is made, the log holds
//!   all that the application will ever have written.
//! * OceanBase (seekdb 1.4) refuses new statements that write, but lets an open transaction commit. So
//!   here the switch waits, just as long, for the transactions that were open.
//! * MySQL keeps the setting over a restart (`SET PERSIST`), where the account may; OceanBase always
//!   does. MariaDB cannot: a restart makes the server writable again, unless its configuration file says
//!   `read_only`; so whoever wants it read-only must look again after a restart.
//!
//! Exempt are accounts with CONNECTION_ADMIN or SUPER (MySQL), READ_ONLY ADMIN (MariaDB; before 10.11
//! SUPER too), SUPER (OceanBase), and on all of them the threads of replication: they still write.
//! `docs/directions.md` says it to those who grant.

use super::connect::{Server, Session};
use super::connection::Connection;
use super::endpoint::Flavour;
use super::privileges::{Grants, May};
use crate::error::{Error, Kind, Result};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::time::Instant;

/// How long writers of the server are waited for.
pub const WAIT: Duration = Duration::from_secs(3);
/// How often OceanBase's open transactions are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// What to do about a right that is missing.
const RIGHTS_REMEDY: &str = "Grant the named privilege, or let the application be stopped by hand.";

/// Whether the server refuses writes of ordinary accounts.
///
/// # Errors
/// As the server is not reached.
pub async fn is_read_only(server: &Server) -> Result<bool> {
    let mut conn = server.session(Session::Plain).await?;
    state(&mut conn, server, "read_only").await
}

/// Checks that our account may make the server read-only, and write to it afterwards.
///
/// # Errors
/// [`Kind::PrivilegeMissing`] with the privilege's name; [`Kind::ReadOnly`] where `super_read_only` is
/// set, under which nobody writes.
pub async fn require_may_write(server: &Server) -> Result<()> {
    let mut conn = server.session(Session::Plain).await?;
    may_write(&mut conn, server).await
}

/// Makes the server read-only, or writable again; gives what it was. Can be run again.
///
/// Once it is read-only, whatever an ordinary account wrote is committed and in the log.
///
/// # Errors
/// [`Kind::PrivilegeMissing`] and [`Kind::ReadOnly`] as [`require_may_write`], before anything is
/// changed; [`Kind::ServerBusy`] where writers did not end within [`WAIT`], with their sessions'
/// numbers: then the server is as it was.
pub async fn set_read_only(server: &Server, on: bool) -> Result<bool> {
    let mut conn = server.session(Session::Plain).await?;
    may_write(&mut conn, server).await?;
    let was = state(&mut conn, server, "read_only").await?;
    if was == on {
        return Ok(was);
    }
    match (on, server.flavour) {
        (true, Flavour::OceanBase) => switch_on_oceanbase(&mut conn, server).await?,
        (true, _) => switch_on(&mut conn, server).await?,
        (false, _) => set(&mut conn, server, false).await?,
    }
    persist(&mut conn, server, on).await;
    tracing::info!(server = %server.endpoint, on, "read_only");
    Ok(was)
}

fn what(server: &Server) -> String {
    format!("making {} read-only or writable", server.endpoint)
}

async fn state(conn: &mut Connection, server: &Server, variable: &str) -> Result<bool> {
    let what = format!("asking {} whether it is read-only", server.endpoint);
    let sql = format!("SHOW GLOBAL VARIABLES LIKE '{variable}'");
    let row: Option<(String, String)> = conn.first(what, sql).await?;
    // MariaDB 12 has words for more than on and off
    Ok(row.is_some_and(|(_, value)| !matches!(value.to_ascii_uppercase().as_str(), "OFF" | "0")))
}

/// A right that is needed: the account must have one of these, to do this.
type OneOf = (&'static [&'static str], &'static str);

/// What is needed to set `read_only`, to write in spite of it, and to know when it holds.
fn rights(server: &Server) -> Vec<OneOf> {
    let (set, write): (&[&str], &[&str]) = match (server.flavour, server.version_numbers()) {
        (Flavour::MySql, version) if version >= (8, 0, 0) => (
            &["SYSTEM_VARIABLES_ADMIN", "SUPER"],
            &["CONNECTION_ADMIN", "SUPER"],
        ),
        (Flavour::MariaDb, version) if version >= (10, 11, 0) => {
            (&["READ_ONLY ADMIN"], &["READ_ONLY ADMIN"])
        }
        (Flavour::MariaDb, version) if version >= (10, 5, 2) => {
            (&["READ_ONLY ADMIN", "SUPER"], &["READ_ONLY ADMIN", "SUPER"])
        }
        _ => (&["SUPER"], &["SUPER"]),
    };
    let mut needed = vec![
        (set, "set read_only"),
        (write, "write while read_only is set"),
    ];
    if server.flavour == Flavour::OceanBase {
        needed.push((&["PROCESS"], "see who is writing just now"));
    }
    needed
}

async fn may_write(conn: &mut Connection, server: &Server) -> Result<()> {
    let grants = Grants::read(conn, server.flavour, false, &what(server)).await?;
    for (one_of, purpose) in rights(server) {
        if !one_of
            .iter()
            .any(|right| grants.globally(right) == May::Yes)
        {
            let account = &server.endpoint.user;
            let names = one_of.join(" or ");
            return Err(Error::new(Kind::PrivilegeMissing, what(server))
                .detail(format!("the account {account} lacks {names} to {purpose}"))
                .remedy(RIGHTS_REMEDY));
        }
    }
    if server.flavour == Flavour::MySql && state(conn, server, "super_read_only").await? {
        return Err(Error::new(Kind::ReadOnly, what(server))
            .detail("super_read_only is set, under which no account writes"));
    }
    Ok(())
}

async fn set(conn: &mut Connection, server: &Server, on: bool) -> Result<()> {
    let sql = format!("SET GLOBAL read_only = {}", u8::from(on));
    conn.run(what(server), sql).await.map(drop)
}

/// MySQL and MariaDB: waits for whoever writes just now, within bounds.
async fn switch_on(conn: &mut Connection, server: &Server) -> Result<()> {
    let bound = format!("SET SESSION lock_wait_timeout = {}", WAIT.as_secs());
    conn.run(what(server), bound).await?;
    let Err(error) = set(conn, server, true).await else {
        return Ok(());
    };
    if error.kind() != Kind::ServerBusy {
        return Err(error);
    }
    let busy = Busy::on(conn, server).await;
    Err(Error::new(Kind::ServerBusy, what(server))
        .detail(busy.text())
        .remedy("Let the named sessions end (or KILL them), then run again."))
}

/// OceanBase: transactions that are open can still commit, so they are waited for.
async fn switch_on_oceanbase(conn: &mut Connection, server: &Server) -> Result<()> {
    // before anything is changed: whether they can be seen at all
    open_transactions(conn, server).await?;
    set(conn, server, true).await?;
    let waited = wait_for_transactions(conn, server).await;
    if waited.is_err() {
        set(conn, server, false).await?;
    }
    waited
}

async fn wait_for_transactions(conn: &mut Connection, server: &Server) -> Result<()> {
    let mut open: BTreeSet<(u64, u64)> = open_transactions(conn, server).await?;
    let deadline = Instant::now() + WAIT;
    while !open.is_empty() {
        if Instant::now() >= deadline {
            let sessions: Vec<String> = open.iter().map(|(id, _)| id.to_string()).collect();
            return Err(Error::new(Kind::ServerBusy, what(server))
                .detail(format!(
                    "transactions are open that wrote already; their sessions: {}",
                    sessions.join(", ")
                ))
                .remedy("Let the named sessions end (or KILL them), then run again."));
        }
        tokio::time::sleep(LOOK_EVERY).await;
        let now = open_transactions(conn, server).await?;
        open.retain(|transaction| now.contains(transaction));
    }
    Ok(())
}

/// OceanBase's transactions that wrote, or may be about to: session and number.
async fn open_transactions(conn: &mut Connection, server: &Server) -> Result<BTreeSet<(u64, u64)>> {
    let mut missing = None;
    // a cluster has the first, a single server (seekdb) the second
    for view in [
        "GV$OB_TRANSACTION_SCHEDULERS",
        "V$OB_TRANSACTION_SCHEDULERS",
    ] {
        let what = format!(
            "looking for open transactions in oceanbase.{view} on {}",
            server.endpoint
        );
        let sql = format!(
            "SELECT t.SESSION_ID, t.TX_ID FROM oceanbase.{view} t \
             LEFT JOIN information_schema.PROCESSLIST p ON p.ID = t.SESSION_ID \
             WHERE t.SESSION_ID <> CONNECTION_ID() \
             AND (t.WRITE_STATE IS NOT NULL OR IFNULL(p.COMMAND, 'Sleep') <> 'Sleep')"
        );
        match conn.rows::<(u64, u64)>(what, sql).await {
            Ok(rows) => return Ok(rows.into_iter().collect()),
            Err(error) if error.kind() == Kind::ObjectMissing => missing = Some(error),
            Err(error) => return Err(error),
        }
    }
    Err(missing.unwrap_or_else(|| Error::new(Kind::ObjectMissing, what(server))))
}

/// Keeps the setting over a restart where the server can and the account may; takes it back with the
/// setting.
async fn persist(conn: &mut Connection, server: &Server, on: bool) {
    if server.flavour != Flavour::MySql || server.version_numbers() < (8, 0, 0) {
        return;
    }
    let sql = if on {
        "SET PERSIST read_only = 1"
    } else {
        "RESET PERSIST IF EXISTS read_only"
    };
    if let Err(error) = conn.run(what(server), sql).await {
        tracing::warn!(%error, "read_only is not kept over a restart of the server");
    }
}

/// A session that stands in the way.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Busy {
    /// Number, account, seconds since its last command began.
    sessions: Vec<(u64, String, i64)>,
    /// They are known to hold what is waited for, and not only likely to.
    certain: bool,
}

impl Busy {
    /// Looks who writes, as far as the server tells and the account may see.
    async fn on(conn: &mut Connection, server: &Server) -> Self {
        const LOCKS: &str = "SELECT DISTINCT t.PROCESSLIST_ID, t.PROCESSLIST_USER, IFNULL(t.PROCESSLIST_TIME, 0) \
            FROM performance_schema.metadata_locks l \
            JOIN performance_schema.threads t ON t.THREAD_ID = l.OWNER_THREAD_ID \
            WHERE l.OBJECT_TYPE IN ('GLOBAL', 'COMMIT', 'BACKUP') AND l.LOCK_STATUS = 'GRANTED' \
            AND t.PROCESSLIST_ID <> CONNECTION_ID()";
        // MariaDB tells of locks only with a plugin; a session that sleeps may hold some
        const LIST: &str = "SELECT p.ID, p.USER, CAST(p.TIME AS SIGNED) FROM information_schema.PROCESSLIST p \
            WHERE p.ID <> CONNECTION_ID() AND p.COMMAND NOT IN ('Daemon', 'Binlog Dump', 'Slave_IO') \
            AND p.USER NOT IN ('system user', 'event_scheduler') \
            ORDER BY p.COMMAND = 'Sleep', p.TIME DESC LIMIT 5";
        let mut look = async |sql: &'static str| {
            conn.rows::<(u64, String, i64)>(what(server), sql)
                .await
                .unwrap_or_default()
        };
        let sessions = look(LOCKS).await;
        if !sessions.is_empty() {
            return Self {
                sessions,
                certain: true,
            };
        }
        Self {
            sessions: look(LIST).await,
            certain: false,
        }
    }

    fn text(&self) -> String {
        let list: Vec<String> = self
            .sessions
            .iter()
            .map(|(id, user, secs)| format!("{id} (account {user}, for {secs} s)"))
            .collect();
        let waited = format!(
            "statements that write, or LOCK TABLES, did not end within {} s",
            WAIT.as_secs()
        );
        match (self.certain, list.is_empty()) {
            (_, true) => format!("{waited}; the account lacks PROCESS to see whose they are"),
            (true, false) => format!("{waited}; their sessions: {}", list.join(", ")),
            (false, false) => format!(
                "{waited}; the server does not tell whose they are, likely are the sessions {}",
                list.join(", ")
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_stands_in_the_way_is_said_as_sure_as_it_is_known() {
        let busy = |sessions: &[(u64, &str, i64)], certain| Busy {
            sessions: sessions
                .iter()
                .map(|(id, user, secs)| (*id, (*user).to_owned(), *secs))
                .collect(),
            certain,
        };
        let text = busy(&[(7, "shop", 12)], true).text();
        assert!(
            text.ends_with("their sessions: 7 (account shop, for 12 s)"),
            "{text}"
        );
        let text = busy(&[(7, "shop", 12)], false).text();
        assert!(text.contains("likely are the sessions 7"), "{text}");
        let text = busy(&[], false).text();
        assert!(text.contains("lacks PROCESS"), "{text}");
    }
}
