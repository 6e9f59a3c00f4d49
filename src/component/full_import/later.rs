//! Columns that were added at the source after the tables were made at the target, and before the copy
//! began.
//!
//! The target has no place for them yet. Where the statement that added one stands in the log, behind the
//! copy's beginning, the column is not copied: the log is replayed on top of the copy, makes the column at
//! the target, and has every value that differs from its default. A column that the log does not add would
//! be lost without a word, so it is an error.

use super::FullImportWork;
use crate::component::log_source::LogSource;
use crate::datasource::mysql::{Server, Session, catalogue};
use crate::error::{Error, Kind, Result};
use crate::model::change::LogItem;
use crate::model::ddl::{AlterAction, Ddl};
use crate::model::ids::TxnId;
use crate::model::table::{Table, TableName};
use futures::future::BoxFuture;
use std::collections::{BTreeMap, BTreeSet};

/// Columns of tables.
pub type Columns = BTreeMap<TableName, BTreeSet<String>>;

/// The log that is replayed on top of the copy.
pub trait LaterColumns: Send + Sync {
    /// The columns among these that statements add in the log, from where its replay begins up to the
    /// source's position now.
    ///
    /// # Errors
    /// As the log is not reached.
    fn added<'a>(&'a self, wanted: &'a Columns) -> BoxFuture<'a, Result<Columns>>;
}

/// Reads a log up to a place and finds out which of the columns that are wanted it adds: a column that is
/// added and then renamed counts by its new name. Stops early where all were found.
///
/// # Errors
/// As the log gives them.
pub async fn added_in(log: &mut dyn LogSource, until: TxnId, wanted: &Columns) -> Result<Columns> {
    let mut added = Columns::new();
    loop {
        let item = log.next().await?;
        if let LogItem::Ddl(event) = &item
            && let Ddl::AlterTable { name, actions } = &event.ddl
            && wanted.contains_key(name)
        {
            let columns = added.entry(name.clone()).or_default();
            actions.iter().for_each(|action| follow(columns, action));
        }
        let all = || {
            wanted
                .iter()
                .all(|(name, columns)| missing(&added, name, columns).is_empty())
        };
        if item.end().is_some_and(|end| end.txn_id() >= until) || all() {
            return Ok(added);
        }
    }
}

fn follow(columns: &mut BTreeSet<String>, action: &AlterAction) {
    let fold = |name: &str| name.to_lowercase();
    match action {
        AlterAction::AddColumn(column, _) => {
            columns.insert(fold(&column.name));
        }
        AlterAction::DropColumn(name) => {
            columns.remove(&fold(name));
        }
        AlterAction::ChangeColumn { old, column, .. } if columns.remove(&fold(old)) => {
            columns.insert(fold(&column.name));
        }
        AlterAction::RenameColumn(old, new) if columns.remove(&fold(old)) => {
            columns.insert(fold(new));
        }
        _ => {}
    }
}

/// Which of a table's columns are not among the found ones.
fn missing<'a>(found: &Columns, name: &TableName, columns: &'a BTreeSet<String>) -> Vec<&'a str> {
    let found = found.get(name);
    let has = |column: &str| found.is_some_and(|found| found.contains(column));
    columns
        .iter()
        .map(String::as_str)
        .filter(|c| !has(c))
        .collect()
}

impl FullImportWork {
    /// The columns that are not copied, because the log brings them. Lower case.
    pub(super) async fn left_out(&self, target: &Server, tables: &[Table]) -> Result<Columns> {
        let wanted = lacking(target, tables).await?;
        let Some((first, columns)) = wanted.first_key_value() else {
            return Ok(wanted);
        };
        tracing::info!(
            tables = wanted.len(),
            table = %first,
            ?columns,
            "the target lacks columns: looking for them in the log"
        );
        let found = match &self.later {
            Some(log) => log.added(&wanted).await?,
            None => Columns::new(),
        };
        for (name, columns) in &wanted {
            let lost = missing(&found, name, columns);
            if !lost.is_empty() {
                return Err(not_added(name, &lost.join(", "), self.later.is_some()));
            }
        }
        Ok(wanted)
    }
}

fn not_added(name: &TableName, columns: &str, follows: bool) -> Error {
    let why = match follows {
        true => "no ALTER TABLE … ADD COLUMN stands in the log behind the copy's beginning",
        false => "the project does not follow the log, which could bring them later",
    };
    refused(
        name,
        format!("the target's table has no {columns}, and {why}"),
    )
}

/// Columns of the source's tables that the target's tables of the same name have not. Lower case.
async fn lacking(target: &Server, tables: &[Table]) -> Result<Columns> {
    let schemas: BTreeSet<&str> = tables.iter().map(|t| t.name.schema.as_str()).collect();
    let mut conn = target.session(Session::Plain).await?;
    let mut lacking = Columns::new();
    for schema in schemas {
        let there = catalogue::columns_of(&mut conn, schema).await?;
        for table in tables.iter().filter(|table| table.name.schema == schema) {
            // a table that is not there, or not by this spelling, is somebody else's to tell
            let Some(there) = there.get(&table.name.name) else {
                continue;
            };
            let columns = table.written_columns().into_iter();
            let columns = columns.map(|at| table.columns[at].name.to_lowercase());
            let columns: BTreeSet<String> = columns.filter(|c| !there.contains(c)).collect();
            if !columns.is_empty() {
                lacking.insert(table.name.clone(), columns);
            }
        }
    }
    Ok(lacking)
}

/// The columns of a table that are copied.
///
/// # Errors
/// [`Kind::ObjectMissing`] where one that is left out belongs to the key that slices are cut by, or where
/// the table has no such key: then the log is replayed from behind the copy only.
pub(super) fn copied(table: &Table, left_out: &Columns) -> Result<Vec<usize>> {
    let mut columns = table.written_columns();
    let Some(out) = left_out.get(&table.name) else {
        return Ok(columns);
    };
    let is_out = |at: &usize| out.contains(&table.columns[*at].name.to_lowercase());
    let why = match table.row_key() {
        Some(key) if !key.iter().any(is_out) => {
            columns.retain(|at| !is_out(at));
            return Ok(columns);
        }
        Some(_) => "a column was added to its key after the table was made at the target",
        None => "it has no key, and a column was added after the table was made at the target",
    };
    Err(refused(&table.name, why.to_owned()))
}

fn refused(name: &TableName, why: String) -> Error {
    Error::new(Kind::ObjectMissing, format!("copying table {name}"))
        .detail(why)
        .remedy("Alter the target's table as the source's was altered, then resume the project.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::change::DdlEvent;
    use crate::model::position::Position;

    /// A log of statements, at the offsets 10, 20, …
    struct Log(Vec<LogItem>);

    impl LogSource for Log {
        fn next(&mut self) -> BoxFuture<'_, Result<LogItem>> {
            Box::pin(async { Ok(self.0.remove(0)) })
        }

        fn tip(&self) -> Option<Position> {
            None
        }
    }

    fn at(offset: u64) -> Position {
        Position {
            file: "bin.000001".to_owned(),
            offset,
            gtid: None,
            time_ms: 0,
        }
    }

    fn log(statements: &[&str]) -> Log {
        let mut items = Vec::new();
        for (sql, offset) in statements.iter().zip((10..).step_by(10)) {
            let ddl = crate::model::ddl::parse(sql, "d");
            items.push(LogItem::Ddl(DdlEvent {
                id: TxnId::from_file(1, offset - 5),
                end: at(offset),
                schema: "d".to_owned(),
                sql: (*sql).to_owned(),
                ddl,
                after: Vec::new(),
            }));
        }
        items.push(LogItem::Heartbeat(at(1000)));
        Log(items)
    }

    fn wanted(columns: &[&str]) -> Columns {
        let columns = columns.iter().map(|&c| c.to_owned()).collect();
        Columns::from([(TableName::new("d", "t"), columns)])
    }

    async fn lost(statements: &[&str], until: u64, columns: &[&str]) -> Vec<String> {
        let wanted = wanted(columns);
        let until = at(until).txn_id();
        let found = added_in(&mut log(statements), until, &wanted).await;
        let found = found.expect("read");
        let (name, columns) = wanted.first_key_value().expect("one");
        let lost = missing(&found, name, columns).into_iter();
        lost.map(str::to_owned).collect()
    }

    #[tokio::test]
    async fn what_the_log_adds_is_found_by_its_last_name() {
        let add = "ALTER TABLE t ADD COLUMN C INT, ADD e INT";
        assert!(lost(&[add], 1000, &["c"]).await.is_empty());
        assert_eq!(lost(&[add], 1000, &["c", "d"]).await, ["d"]);
        // of another table, or not yet
        let other = "ALTER TABLE u ADD COLUMN c INT";
        assert_eq!(lost(&[other, add], 10, &["c"]).await, ["c"]);
        let renamed = "ALTER TABLE t RENAME COLUMN c TO f";
        assert!(lost(&[add, renamed], 1000, &["f"]).await.is_empty());
        let changed = "ALTER TABLE t CHANGE e f BIGINT";
        assert!(lost(&[add, changed], 1000, &["f", "c"]).await.is_empty());
        // a column that was there before brings values that the log does not have
        assert_eq!(lost(&[renamed, changed], 1000, &["f"]).await, ["f"]);
        let dropped = "ALTER TABLE t DROP COLUMN c";
        assert_eq!(lost(&[add, dropped], 1000, &["c", "x"]).await, ["c", "x"]);
    }
}
