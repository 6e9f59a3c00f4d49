//! Applies a source's DDL statements to a target, so that applying one again does no harm.
//!
//! DDL is not part of a transaction, so after a crash nobody knows whether the last statement was
//! applied. Each kind is therefore carried out by looking at the target first: what is as it shall
//! be is left as it is. Where the target looks the same before and behind a statement that must
//! not run twice (tables that swap names), it is refused.

use super::catalogue::{self, optional};
use super::connect::{Server, Session};
use super::connection::Connection;
use super::ddl::{
    Scope, Target, convert, create_database, create_table_like, differences, map_charset,
    plan_alter,
};
use super::endpoint::Flavour;
use super::fault::{TABLE_EXISTS, fault, server_code};
use super::marks::Mark;
use super::nudge::nudged;
use crate::error::{Error, Kind, Result};
use crate::model::ddl::{AlterAction, Ddl, Definition, Family};
use crate::model::table::{Table, TableName};
use mysql_async::prelude::Queryable;
use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::time::Duration;

/// A session that makes tables: strict, without foreign key checks, and without what some servers
/// add to a table by themselves.
pub async fn session(server: &Server) -> Result<Connection> {
    let mut conn = server.session(Session::Write).await?;
    let mut statements = vec!["SET SESSION sql_quote_show_create = 1"];
    if server.flavour == Flavour::MySql {
        // a table without a key stays one
        statements.push("SET SESSION sql_generate_invisible_primary_key = 0");
        statements.push("SET SESSION sql_require_primary_key = 0");
    }
    if server.flavour != Flavour::OceanBase {
        statements.push("SET SESSION explicit_defaults_for_timestamp = 1");
    }
    for statement in statements {
        optional(&mut conn, statement).await?;
    }
    Ok(conn)
}

/// A refusal of a schema statement has a kind, and a remedy, of its own.
pub fn refused(what: String, error: mysql_async::Error) -> Error {
    let kind = super::fault::kind_of(&error);
    if !matches!(kind, Kind::StatementFailed | Kind::ObjectMissing) {
        return fault(what, error);
    }
    let text = fault("", error).to_string();
    Error::new(Kind::SchemaRefused, what).detail(text.trim_start_matches(": "))
}

/// A statement that was not carried out.
#[derive(Debug)]
pub struct Refused {
    /// The server's number, where it answered.
    pub code: Option<u16>,
    /// The error.
    pub error: Error,
}

impl Refused {
    /// Whether the statement's text is what the server does not take.
    pub fn is_about_the_statement(&self) -> bool {
        self.error.kind() == Kind::SchemaRefused
    }
}

/// Runs a statement that may take hours. When `end` comes first, the statement is killed at the
/// server, the error is [`Kind::Interrupted`], and the session is of no use any more.
pub async fn execute(
    server: &Server,
    conn: &mut Connection,
    what: String,
    sql: &str,
    end: impl Future<Output = ()>,
) -> Result<(), Refused> {
    let id = conn.id();
    tracing::debug!(sql, "changing the target's schema");
    let mut statement = pin!(nudged(server, sql, conn.query_drop(sql)));
    tokio::select! {
        done = &mut statement => done.map_err(|error| Refused {
            code: server_code(&error),
            error: refused(what, error),
        }),
        () = end => {
            // OceanBase (seekdb 1.4) that has DDL killed in its midst may lock the object for good
            let killable = server.flavour != Flavour::OceanBase
                || tokio::time::timeout(LET_END, statement.as_mut())
                    .await
                    .is_err();
            if killable {
                kill(server, id).await;
            }
            Err(Refused {
                code: None,
                error: Error::new(Kind::Interrupted, what),
            })
        }
    }
}

/// How long DDL that is better not killed may take to end by itself.
const LET_END: Duration = Duration::from_secs(10);

/// Ends a statement that nobody waits for any more, if that is possible soon.
async fn kill(server: &Server, id: u32) {
    const SOON: Duration = Duration::from_millis(700);
    let kill = async {
        let mut conn = server.session(Session::Plain).await?;
        conn.query_drop(format!("KILL {id}"))
            .await
            .map_err(|e| fault("killing our own statement", e))
    };
    match tokio::time::timeout(SOON, kill).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "the statement was not killed"),
        Err(_) => tracing::debug!("the statement was not killed in time"),
    }
}

/// A target of DDL statements.
#[derive(Debug, Clone)]
pub struct DdlTarget {
    server: Server,
    target: Target,
    from: Family,
    mark: Mark,
}

impl DdlTarget {
    /// A target for statements of a source of family `from`.
    pub async fn open(server: &Server, from: Family) -> Result<Self> {
        let mut conn = catalogue::open(server).await?;
        Ok(Self {
            target: catalogue::target(&mut conn, server).await?,
            server: server.clone(),
            from,
            mark: Mark::default(),
        })
    }

    /// Marks what it runs, for whoever reads the target's log.
    #[must_use]
    pub fn marked(mut self, mark: Mark) -> Self {
        self.mark = mark;
        self
    }

    /// Applies a statement; `after` are the source's definitions behind it of the tables that it
    /// made or changed. What was changed on the way is returned, for people. Errors of the kinds
    /// `Schema…` and [`Kind::ObjectMissing`] are about the statement and need a person.
    pub async fn apply(&self, ddl: &Ddl, after: &[&Table]) -> Result<Vec<String>> {
        let mut conn = session(&self.server).await?;
        let definition = |name: &TableName| {
            after
                .iter()
                .find(|t| t.name == *name)
                .copied()
                .ok_or_else(|| {
                    Error::new(Kind::SchemaUnsupported, format!("applying DDL on {name}"))
                        .detail("its definition behind the statement is not known")
                })
        };
        match ddl {
            Ddl::CreateTable { table, .. } => {
                self.create(&mut conn, definition(&table.name)?).await
            }
            Ddl::CreateTableLike { name, .. } => self.create(&mut conn, definition(name)?).await,
            Ddl::DropTable { names, .. } => {
                let list: Vec<String> = names.iter().map(TableName::quoted).collect();
                let sql = format!("DROP TABLE IF EXISTS {}", list.join(", "));
                self.run(&mut conn, "dropping tables", &sql).await
            }
            Ddl::TruncateTable(name) => {
                let sql = format!("TRUNCATE TABLE {}", name.quoted());
                self.run(&mut conn, "emptying a table", &sql).await
            }
            Ddl::RenameTable(pairs) => self.rename(&mut conn, pairs).await,
            Ddl::AlterTable { name, actions } => {
                let renamed = actions.iter().find_map(|a| match a {
                    AlterAction::RenameTo(to) => Some(to),
                    _ => None,
                });
                let after = definition(renamed.unwrap_or(name))?;
                self.alter(&mut conn, name, actions, after).await
            }
            Ddl::SchemaDefault { .. } | Ddl::Irrelevant => Ok(Vec::new()),
            Ddl::DropSchema(schema) => Err(Error::new(
                Kind::SchemaUnsupported,
                format!("dropping database {schema}"),
            )
            .detail("databases are dropped at the target by hand only")),
            Ddl::Unsupported { why, .. } => {
                Err(Error::new(Kind::SchemaUnsupported, "applying DDL").detail(why))
            }
        }
    }

    async fn run(&self, conn: &mut Connection, what: &str, sql: &str) -> Result<Vec<String>> {
        tracing::info!(sql, "applying DDL");
        let marked = self.mark.put(sql, self.server.flavour);
        nudged(&self.server, sql, conn.query_drop(&*marked))
            .await
            .map_err(|e| refused(what.to_owned(), e))?;
        Ok(Vec::new())
    }

    async fn table(&self, conn: &mut Connection, name: &TableName) -> Result<Option<Table>> {
        let found = catalogue::definition(conn, name, &self.target.dialect).await?;
        Ok(found.map(|d| d.table))
    }

    async fn create(&self, conn: &mut Connection, table: &Table) -> Result<Vec<String>> {
        let definition = Definition {
            table: table.clone(),
            parsers: BTreeMap::new(),
            invisible_keys: Vec::new(),
            engine: None,
        };
        let mut converted = convert(&definition, self.from, &self.target)?;
        if let Some(there) = self.table(conn, &table.name).await? {
            let found = differences(&converted.table, &there, Scope::Rows);
            if found.is_empty() {
                return Ok(converted.notes);
            }
            return Err(Error::new(
                Kind::SchemaMismatch,
                format!("using table {} of the target", table.name),
            )
            .detail(found.join("; ")));
        }
        let mapped = map_charset(&table.charset, &table.collation, &self.target);
        let sql = create_database(&table.name.schema, &mapped, &self.target);
        self.run(conn, "creating a database", &sql).await?;
        loop {
            let sql = create_table_like(&converted.table, &converted.parsers, &self.target);
            tracing::info!(table = %table.name, "creating a table that came to the source");
            let sql = self.mark.put(&sql, self.server.flavour);
            match conn.query_drop(&*sql).await {
                Ok(()) => return Ok(converted.notes),
                Err(error) if server_code(&error) == Some(TABLE_EXISTS) => {
                    return Ok(converted.notes);
                }
                Err(error) => {
                    let error = refused(format!("creating table {}", table.name), error);
                    // partitions hold no rows of their own: the table is complete without them
                    if converted.table.partition.take().is_none()
                        || error.kind() != Kind::SchemaRefused
                    {
                        return Err(error);
                    }
                    converted
                        .notes
                        .push(format!("the partition clause is left out ({error})"));
                }
            }
        }
    }

    async fn alter(
        &self,
        conn: &mut Connection,
        name: &TableName,
        actions: &[AlterAction],
        after: &Table,
    ) -> Result<Vec<String>> {
        let mut now = self.table(conn, name).await?;
        if now.is_none() && after.name != *name {
            now = self.table(conn, &after.name).await?;
        }
        let now = now.ok_or_else(|| {
            Error::new(Kind::ObjectMissing, format!("altering table {name}"))
                .detail("the target has no such table")
        })?;
        let plan = plan_alter(&now, actions, after, self.from, &self.target)?;
        for sql in &plan.statements {
            self.run(conn, "altering a table", sql).await?;
        }
        Ok(plan.notes)
    }

    async fn rename(
        &self,
        conn: &mut Connection,
        pairs: &[(TableName, TableName)],
    ) -> Result<Vec<String>> {
        let folded: Vec<(String, String)> = pairs
            .iter()
            .map(|(from, to)| (self.folded(from), self.folded(to)))
            .filter(|(from, to)| from != to)
            .collect();
        if folded.is_empty() {
            return Ok(Vec::new());
        }
        let mut there = BTreeSet::new();
        for name in pairs.iter().flat_map(|(from, to)| [from, to]) {
            if catalogue::exists(conn, name).await? {
                there.insert(self.folded(name));
            }
        }
        let problem = |kind: Kind, why: &str| {
            let names: Vec<String> = pairs.iter().map(|(a, b)| format!("{a} to {b}")).collect();
            Error::new(kind, format!("renaming {}", names.join(", "))).detail(why)
        };
        match (can_go(&there, &folded), can_go_back(&there, &folded)) {
            (true, false) => {}
            (false, true) => return Ok(Vec::new()),
            (true, true) => {
                return Err(problem(
                    Kind::SchemaUnsupported,
                    "tables take over each other's names, so that it can't be seen whether it was done",
                ));
            }
            (false, false) => {
                return Err(problem(
                    Kind::ObjectMissing,
                    "the target has not all of the tables, or a new name is taken",
                ));
            }
        }
        let list: Vec<String> = pairs
            .iter()
            .map(|(from, to)| format!("{} TO {}", from.quoted(), to.quoted()))
            .collect();
        let sql = format!("RENAME TABLE {}", list.join(", "));
        self.run(conn, "renaming tables", &sql).await
    }

    fn folded(&self, name: &TableName) -> String {
        let name = name.quoted();
        if self.target.lower_case_names {
            name.to_lowercase()
        } else {
            name
        }
    }
}

/// Whether these tables can be renamed one after the other.
fn can_go(there: &BTreeSet<String>, pairs: &[(String, String)]) -> bool {
    let mut there = there.clone();
    pairs
        .iter()
        .all(|(from, to)| there.remove(from) && there.insert(to.clone()))
}

/// Whether they may have been.
fn can_go_back(there: &BTreeSet<String>, pairs: &[(String, String)]) -> bool {
    let back: Vec<(String, String)> = pairs
        .iter()
        .rev()
        .map(|(from, to)| (to.clone(), from.clone()))
        .collect();
    can_go(there, &back)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renames_that_were_done_are_known() {
        let pairs = |list: &[(&str, &str)]| -> Vec<(String, String)> {
            list.iter()
                .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
                .collect()
        };
        let set = |names: &[&str]| -> BTreeSet<String> {
            names.iter().map(|n| (*n).to_owned()).collect()
        };
        // the last statement of an online schema change
        let cut_over = pairs(&[("t", "t_old"), ("t_new", "t")]);
        assert!(can_go(&set(&["t", "t_new"]), &cut_over));
        assert!(!can_go_back(&set(&["t", "t_new"]), &cut_over));
        assert!(!can_go(&set(&["t", "t_old"]), &cut_over));
        assert!(can_go_back(&set(&["t", "t_old"]), &cut_over));
        let swap = pairs(&[("a", "x"), ("b", "a"), ("x", "b")]);
        assert!(can_go(&set(&["a", "b"]), &swap) && can_go_back(&set(&["a", "b"]), &swap));
    }
}
