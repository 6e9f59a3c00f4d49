//! Ends OceanBase's wait for a schema statement that never ends (`docs/oceanbase.md`).
//!
//! Where the client of the very first `CREATE DATABASE` of a new server dies while that runs (seen with
//! seekdb 1.4), the statement never ends, and most schema statements after it wait for it: neither `KILL`
//! nor a limit of time helps. So do statements that name a database which is not there. A table that is
//! made in a database that is there does not wait, and lets all of them go on at once. So [`nudged`] waits
//! for a statement and, while there is no answer, makes and drops such a table in a second session.

use super::connect::{Server, Session};
use super::connection::Connection;
use super::endpoint::Flavour;
use super::fence::TARGET_SCHEMA;
use super::literal::quoted;
use crate::model::table::TableName;
use futures::future::BoxFuture;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// Without an answer for so long, a statement is taken to wait; and between two nudges.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest pause between two nudges of a statement that may work on rows for hours.
const LONGEST: Duration = Duration::from_secs(600);
/// How long a nudge's own steps may take. A try is not waited for longer, since in a database that is
/// being changed it may wait as well.
const OWN_STATEMENT: Duration = Duration::from_secs(10);
/// In so many databases a nudge tries to make a table.
const MOST_TRIED: usize = 16;
/// What the names of the tables begin with; 16 hexadecimal digits follow.
const PREFIX: &str = "oms_wake_";
/// Databases that belong to the server.
const SYSTEM: [&str; 8] = [
    "information_schema",
    "lbacsys",
    "mysql",
    "oceanbase",
    "oraauditor",
    "performance_schema",
    "sys",
    "__public",
];
const REMEDY: &str = "Schema statements at this OceanBase wait for one that never ends. As an account that may, run \
    CREATE TABLE test.wake (a INT PRIMARY KEY); DROP TABLE test.wake; in any database that is there already.";

/// A session beside the one that waits.
pub trait SecondSession: Send {
    /// Runs a statement.
    fn run(&mut self, sql: String) -> BoxFuture<'_, Result<(), String>>;

    /// The texts of a query's first column.
    fn names(&mut self, sql: String) -> BoxFuture<'_, Result<Vec<String>, String>>;
}

/// A second session, or why there is none; None where the server is not an OceanBase.
pub type Opened = Result<Option<Box<dyn SecondSession>>, String>;

/// How often a statement is nudged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// It ends in moments: every 5 s.
    Steady,
    /// It may work on rows for hours: after 5 s, 10 s, 20 s and so on, at most 10 minutes.
    Rarer,
}

impl Pace {
    /// The pace for this statement.
    fn of(sql: &str) -> Self {
        let is_alter = |word: &str| word.eq_ignore_ascii_case("ALTER");
        match sql.split_whitespace().next().is_some_and(is_alter) {
            true => Self::Rarer,
            false => Self::Steady,
        }
    }

    fn after(self, pause: Duration) -> Duration {
        match self {
            Self::Steady => pause,
            Self::Rarer => (pause * 2).min(LONGEST),
        }
    }
}

/// Opens a second session.
pub type Open = Arc<dyn Fn() -> BoxFuture<'static, Opened> + Send + Sync>;

/// Waits for a schema statement at this server, and nudges an OceanBase that does not answer. `sql` is
/// the statement, `answer` what waits for it: how long, is for the caller to say.
pub async fn nudged<T>(server: &Server, sql: &str, answer: impl Future<Output = T>) -> T {
    if server.flavour != Flavour::OceanBase {
        return answer.await;
    }
    let server = server.clone();
    let open: Open = Arc::new(move || Box::pin(second(server.clone())));
    nudged_by(Pace::of(sql), answer, open).await
}

/// As [`nudged`], with other sessions than those of the driver here.
pub async fn nudged_by<T>(pace: Pace, answer: impl Future<Output = T>, open: Open) -> T {
    let mut answer = pin!(answer);
    let mut pause = PATIENCE;
    loop {
        tokio::select! {
            biased;
            done = &mut answer => return done,
            () = tokio::time::sleep(pause) => {}
        }
        // a task of its own, which goes on whatever becomes of the statement and of who waits for it: a
        // nudge that is cut off in its midst leaves its table there
        let mut nudging = tokio::spawn(nudge(Arc::clone(&open)));
        tokio::select! {
            biased;
            done = &mut answer => {
                // the statement was woken by the making; the dropping comes soon
                let _ = timeout(PATIENCE, &mut nudging).await;
                return done;
            }
            _ = &mut nudging => pause = pace.after(pause),
        }
    }
}

/// Makes and drops a table in the first database that takes it, and tells how that went.
async fn nudge(open: Open) {
    match try_databases(open).await {
        Ok(None) => {}
        Ok(Some(database)) => tracing::info!(
            database,
            "a schema statement had no answer: a table was made and dropped to let it go on"
        ),
        Err(why) => tracing::warn!(
            why,
            remedy = REMEDY,
            "a schema statement has no answer, and no table could be made to let it go on"
        ),
    }
}

/// The database that took the table; None where the server is not an OceanBase.
async fn try_databases(open: Open) -> Result<Option<String>, String> {
    let Some(mut session) = within(open()).await? else {
        return Ok(None);
    };
    let all = within(session.names("SHOW DATABASES".to_owned())).await?;
    let mut session = Some(session);
    let mut refusals = Vec::new();
    for database in candidates(all) {
        let mut trying = match session.take() {
            Some(session) => session,
            None => match within(open()).await? {
                Some(session) => session,
                None => return Ok(None),
            },
        };
        match timeout(OWN_STATEMENT, make_and_drop(&mut *trying, &database)).await {
            Ok(Ok(())) => return Ok(Some(database)),
            Ok(Err(why)) => {
                refusals.push(format!("{database}: {why}"));
                session = Some(trying);
            }
            // that session has an answer to come, and is of no use any more
            Err(_) => refusals.push(format!("{database}: {}", late())),
        }
    }
    match refusals.is_empty() {
        true => Err("there is no database but the server's own".to_owned()),
        false => Err(refusals.join("; ")),
    }
}

/// The making counts; what cannot be dropped is told.
async fn make_and_drop(session: &mut dyn SecondSession, database: &str) -> Result<(), String> {
    let name = format!("{PREFIX}{:016x}", rand::random::<u64>());
    let table = TableName::new(database, &name).quoted();
    let create = format!("CREATE TABLE {table} (a INT PRIMARY KEY)");
    session.run(create).await?;
    // those of nudges that were cut off go too
    let all = format!(
        "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = {} \
         AND LEFT(TABLE_NAME, {}) = '{PREFIX}'",
        quoted(database),
        PREFIX.len()
    );
    let mut tables = session.names(all).await.unwrap_or_default();
    tables.retain(|there| is_ours(there) && *there != name);
    tables.push(name);
    for name in tables {
        let table = TableName::new(database, &name).quoted();
        let dropped = session.run(format!("DROP TABLE IF EXISTS {table}")).await;
        if let Err(error) = dropped {
            tracing::warn!(error, table, "a table of ours was not dropped; it may be");
        }
    }
    Ok(())
}

/// A step of a nudge, for as long as it may take.
async fn within<T>(step: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    timeout(OWN_STATEMENT, step)
        .await
        .unwrap_or_else(|_| Err(late()))
}

fn late() -> String {
    format!("no answer within {} s", OWN_STATEMENT.as_secs())
}

/// Where to try, in this order: `test`, which a new server has; ours; others by name.
fn candidates(databases: Vec<String>) -> Vec<String> {
    let mut out: Vec<String> = databases
        .into_iter()
        .filter(|name| !SYSTEM.contains(&name.to_lowercase().as_str()))
        .collect();
    let rank = |name: &str| match name {
        "test" => 0,
        TARGET_SCHEMA => 1,
        _ => 2,
    };
    out.sort_by(|a, b| (rank(a), a).cmp(&(rank(b), b)));
    out.truncate(MOST_TRIED);
    out
}

/// Whether a table has a name that only [`make_and_drop`] gives.
fn is_ours(table: &str) -> bool {
    table.strip_prefix(PREFIX).is_some_and(|digits| {
        digits.len() == 16
            && digits
                .bytes()
                .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    })
}

struct Plain(Connection);

async fn second(server: Server) -> Opened {
    let opened = server.session(Session::Plain).await;
    let mut conn = opened.map_err(|error| error.to_string())?;
    // else what is dropped is kept for a while, where the server is set so
    let _ = conn
        .run("setting up a session", "SET SESSION recyclebin = 0")
        .await;
    Ok(Some(Box::new(Plain(conn))))
}

impl SecondSession for Plain {
    fn run(&mut self, sql: String) -> BoxFuture<'_, Result<(), String>> {
        Box::pin(async move {
            let ran = self.0.run("nudging", sql).await;
            ran.map(drop).map_err(|error| error.to_string())
        })
    }

    fn names(&mut self, sql: String) -> BoxFuture<'_, Result<Vec<String>, String>> {
        Box::pin(async move {
            let rows = self.0.rows::<String>("nudging", sql).await;
            rows.map_err(|error| error.to_string())
        })
    }
}

#[cfg(test)]
#[path = "nudge_tests.rs"]
mod tests;
