//! Whether a table of the target is fit for the rows of the log, where the two need not have the same
//! definition: in the direction back, and where DDL goes one way only.
//!
//! A column that the target lacks would be refused by the server in any case. A unique key that only
//! the target has would not: REPLACE would take another row away without a word. And without the key by
//! which rows are told apart, REPLACE would add the row a second time.

use super::layout::Layout;
use crate::datasource::mysql::{Server, catalogue};
use crate::error::{Error, Kind, Result};
use crate::model::table::{Key, KeyWhat, Table};
use parking_lot::Mutex;
use std::collections::{BTreeSet, HashMap};

/// What was compared already: the newest version of each table.
#[derive(Debug, Default)]
pub(super) struct Fits {
    seen: Mutex<HashMap<u64, u32>>,
}

impl Fits {
    /// Compares the target's table with the log's, once for each version of it.
    ///
    /// # Errors
    /// [`Kind::ApplyRefused`] with the table and all that does not fit.
    pub async fn require(&self, server: &Server, layout: &Layout) -> Result<()> {
        if self.seen.lock().get(&layout.id) == Some(&layout.version.id) {
            return Ok(());
        }
        let name = &layout.table().name;
        let mut conn = catalogue::open(server).await?;
        let dialect = catalogue::dialect(&mut conn, server).await?;
        let there = catalogue::definition(&mut conn, name, &dialect).await?;
        let found = match &there {
            None => vec!["the table is missing there".to_owned()],
            Some(there) => problems(&there.table, layout.table()),
        };
        if !found.is_empty() {
            return Err(Error::new(
                Kind::ApplyRefused,
                format!("writing rows of {name} to {}", server.endpoint),
            )
            .detail(found.join("; "))
            .remedy("Make the two definitions of the table fit (docs/directions.md), then run again: it goes on with the same transaction."));
        }
        self.seen.lock().insert(layout.id, layout.version.id);
        Ok(())
    }
}

/// What of the target's table does not fit the log's.
fn problems(there: &Table, log: &Table) -> Vec<String> {
    let mut found = Vec::new();
    for column in log.written_columns() {
        let name = &log.columns[column].name;
        match there.column_index(name).map(|at| &there.columns[at]) {
            None => found.push(format!("column '{name}' is missing there")),
            Some(other) if !other.is_written() => {
                found.push(format!("column '{name}' is a generated one there"));
            }
            Some(_) => {}
        }
    }
    if let Some(key) = log.row_key() {
        let names: BTreeSet<String> = key
            .iter()
            .map(|&column| log.columns[column].name.to_lowercase())
            .collect();
        if !there
            .unique_keys()
            .any(|k| whole(k).as_ref() == Some(&names))
        {
            let list: Vec<_> = names.into_iter().collect();
            found.push(format!(
                "there is no unique key ({}) there",
                list.join(", ")
            ));
        }
    }
    for key in there.unique_keys() {
        if !follows(key, there, log) {
            found.push(format!(
                "unique key '{}' is there only: rows that are told apart here would replace each other there",
                key.name
            ));
        }
    }
    found
}

/// The columns of a key over whole columns, lower case.
fn whole(key: &Key) -> Option<BTreeSet<String>> {
    key.parts
        .iter()
        .map(|part| match (&part.what, part.prefix) {
            (KeyWhat::Column(name), None) => Some(name.to_lowercase()),
            _ => None,
        })
        .collect()
}

/// Whether rows that are unique by the log's keys are so by this one of the target.
fn follows(key: &Key, there: &Table, log: &Table) -> bool {
    let same = |other: &Key| {
        let parts = |key: &Key| -> Vec<(String, Option<u32>)> {
            key.parts
                .iter()
                .map(|part| match &part.what {
                    KeyWhat::Column(name) => (name.to_lowercase(), part.prefix),
                    KeyWhat::Expression(text) => (text.clone(), part.prefix),
                })
                .collect()
        };
        parts(key) == parts(other)
    };
    let Some(columns) = whole(key) else {
        return log.unique_keys().any(same);
    };
    // a number that the target gives out itself is never taken already
    let counts_up = |name: &String| {
        let at = there.column_index(name).map(|at| &there.columns[at]);
        log.column_index(name).is_none() && at.is_some_and(|column| column.auto_increment)
    };
    columns.iter().any(counts_up)
        || log
            .unique_keys()
            .filter_map(whole)
            .any(|narrower| narrower.is_subset(&columns))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ddl::{Dialect, parse_definition};
    use crate::model::table::TableName;

    fn table(body: &str) -> Table {
        let sql = format!("CREATE TABLE `t` (\n  {body}\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4");
        let parsed = parse_definition(&sql, &TableName::new("d", "t"), &Dialect::default());
        parsed.expect("a definition").table
    }

    #[test]
    fn what_does_not_fit_is_named() {
        const LOG: &str =
            "`id` int NOT NULL, `a` int, `b` varchar(20), PRIMARY KEY (`id`), UNIQUE KEY `u` (`a`)";
        for (there, problem) in [
            (LOG, ""),
            // more columns, wider keys, keys that only search
            (
                "`id` int NOT NULL, `a` int, `b` text, `c` int, PRIMARY KEY (`id`), UNIQUE KEY `w` (`a`,`c`), KEY `k` (`b`(3))",
                "",
            ),
            (
                "`Id` int NOT NULL, `A` int, `B` text, UNIQUE KEY `x` (`ID`)",
                "",
            ),
            (
                "`id` int NOT NULL, `b` text, PRIMARY KEY (`id`)",
                "column 'a' is missing",
            ),
            (
                "`id` int NOT NULL, `a` int GENERATED ALWAYS AS (`id` + 1) VIRTUAL, `b` text, PRIMARY KEY (`id`)",
                "column 'a' is a generated one",
            ),
            (
                "`id` int NOT NULL, `a` int, `b` text, KEY `id` (`id`)",
                "no unique key (id)",
            ),
            (
                "`id` int NOT NULL, `a` int, `b` varchar(20), PRIMARY KEY (`id`), UNIQUE KEY `v` (`b`)",
                "unique key 'v' is there only",
            ),
            // unique over a part of the value only
            (
                "`id` int NOT NULL, `a` int, `b` varchar(20), PRIMARY KEY (`id`), UNIQUE KEY `v` (`b`(3))",
                "unique key 'v' is there only",
            ),
            // a number that is given out there, and one that is always the same
            (
                "`id` int NOT NULL, `a` int, `b` text, `row` bigint NOT NULL AUTO_INCREMENT, PRIMARY KEY (`row`), UNIQUE KEY `i` (`id`)",
                "",
            ),
            (
                "`id` int NOT NULL, `a` int, `b` text, `c` int NOT NULL DEFAULT '0', PRIMARY KEY (`id`), UNIQUE KEY `c` (`c`)",
                "unique key 'c' is there only",
            ),
        ] {
            let found = problems(&table(there), &table(LOG)).join("; ");
            match problem {
                "" => assert_eq!(found, "", "{there}"),
                problem => assert!(found.contains(problem), "{there}: {found}"),
            }
        }
        // without a key rows may repeat, unless the other side does not let them
        let keyless = table("`id` int NOT NULL, `a` int");
        assert_eq!(problems(&keyless, &keyless), Vec::<String>::new());
        let keyed = table("`id` int NOT NULL, `a` int, PRIMARY KEY (`id`)");
        assert_eq!(problems(&keyed, &keyless).len(), 1);
    }
}
