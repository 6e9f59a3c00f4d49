//! Changes of a project's objects: what of them stands in the project's configuration.
//!
//! Tables are added through a sub-project of their own, which is merged into its parent when it has
//! caught up. `docs/objects.md` says how, and why nothing is lost or doubled by that.

use super::filter::ObjectFilter;
use super::ids::TxnId;
use super::position::Position;
use super::project::{ProjectConfig, subtopic_of};
use super::table::TableName;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// What changes of objects have left in a project, and what the one that is under way needs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Modified {
    /// The Store, where it is not the one that the project began with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub store: Option<StorePlace>,
    /// Tables that were added: where Incr-Sync begins with each.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub starts: Vec<TableStart>,
    /// The project's components wait for a change of its objects.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// Of a sub-project: where it goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub joins: Option<Joins>,
}

impl Modified {
    /// There is nothing to keep.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// A Store of a source's log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StorePlace {
    /// Its subtopic, which names its folder too.
    pub subtopic: String,
    /// The tables whose changes it keeps: those of the project, and perhaps more.
    pub filter: ObjectFilter,
}

/// Where Incr-Sync begins with a table: everything in front of it was applied by the sub-project that
/// brought the table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableStart {
    /// Its database.
    pub schema: String,
    /// Its name.
    pub table: String,
    /// The first position that is not applied.
    pub position: Position,
}

impl TableStart {
    /// Of this table.
    pub fn is_of(&self, table: &TableName) -> bool {
        self.schema == table.schema && self.table == table.name
    }
}

/// Why a project's components wait.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// The record of the change.
    pub record: String,
    /// The number of the attempt: what an earlier one had reached says nothing about this one.
    pub attempt: u32,
    /// The Store waits too, because another one takes its place.
    pub store: bool,
}

/// Where a sub-project goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Joins {
    /// The parent project.
    pub project: String,
    /// The record of the change.
    pub record: String,
}

/// What a sub-project's Incr-Sync is told for its last run, in the component's `config`: apply what the
/// parent's has applied, and no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drain {
    /// The record of the change.
    pub record: String,
    /// The number of the attempt.
    pub attempt: u32,
}

/// What it says when it is done, in the component's progress.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drained {
    /// What it was told.
    pub drain: Drain,
    /// Everything of the added tables in front of this is applied, and nothing behind it; the parent
    /// has applied nothing behind it either.
    pub position: Position,
}

impl ProjectConfig {
    /// The project's Store.
    pub fn store_place(&self, project: &str, source: &str) -> StorePlace {
        self.modified.store.clone().unwrap_or_else(|| StorePlace {
            subtopic: subtopic_of(project, source),
            filter: self.filter.clone(),
        })
    }

    /// Where Incr-Sync begins with tables that were added, or that were copied by a consistent read:
    /// of two positions the later one counts.
    pub fn table_starts(
        &self,
        mut copied: HashMap<TableName, Position>,
    ) -> HashMap<TableName, Position> {
        for start in &self.modified.starts {
            let name = TableName::new(&start.schema, &start.table);
            let later = copied
                .get(&name)
                .is_none_or(|at| at.txn_id() < start.position.txn_id());
            if later {
                copied.insert(name, start.position.clone());
            }
        }
        copied
    }

    /// The newest transaction that a sub-project may have applied before it was merged.
    pub fn merged_up_to(&self) -> TxnId {
        let starts = self.modified.starts.iter();
        starts
            .map(|start| start.position.txn_id())
            .max()
            .unwrap_or(TxnId::MIN)
    }

    /// What it is after these tables were merged in: their Store takes the place of its own.
    #[must_use]
    pub fn with_tables(
        &self,
        tables: &[TableName],
        store: Option<StorePlace>,
        start: Option<&Position>,
    ) -> Self {
        let mut config = self.clone();
        config
            .filter
            .include
            .extend(tables.iter().map(ToString::to_string));
        let modified = &mut config.modified;
        modified.hold = None;
        modified.store = store.or(modified.store.take());
        modified
            .starts
            .retain(|start| !tables.iter().any(|table| start.is_of(table)));
        if let Some(position) = start {
            modified
                .starts
                .extend(tables.iter().map(|table| TableStart {
                    schema: table.schema.clone(),
                    table: table.name.clone(),
                    position: position.clone(),
                }));
        }
        config
    }

    /// What it is without these tables. Its Store stays as it is, and keeps more than is needed.
    #[must_use]
    pub fn without_tables(&self, tables: &[TableName], store: StorePlace) -> Self {
        let mut config = self.clone();
        let gone = |rule: &String| tables.iter().any(|table| table.to_string() == *rule);
        config.filter.include.retain(|rule| !gone(rule));
        let modified = &mut config.modified;
        modified.hold = None;
        modified.store = Some(store);
        modified
            .starts
            .retain(|start| !tables.iter().any(|table| start.is_of(table)));
        config
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::options::Options;
    use crate::model::project::Stages;

    fn name(table: &str) -> TableName {
        TableName::new("d", table)
    }

    fn config(tables: &[&str]) -> ProjectConfig {
        ProjectConfig {
            filter: ObjectFilter {
                include: tables.iter().map(|table| format!("d.{table}")).collect(),
                exclude: Vec::new(),
            },
            options: Options::default(),
            data_dir: "/x".into(),
            stages: Stages::default(),
            modified: Modified::default(),
            reverse_incr_sync: None,
        }
    }

    fn at(offset: u64) -> Position {
        Position {
            file: "b.000001".to_owned(),
            offset,
            gtid: None,
            time_ms: 0,
        }
    }

    #[test]
    fn tables_come_and_go() {
        let before = config(&["a", "b"]);
        let place = before.store_place("np_1", "e_1");
        assert_eq!(place.filter, before.filter);
        let wide = StorePlace {
            subtopic: "other".to_owned(),
            filter: config(&["a", "b", "c"]).filter,
        };
        let mut held = before.clone();
        held.modified.hold = Some(Hold {
            record: "r".to_owned(),
            attempt: 1,
            store: true,
        });
        let with = held.with_tables(&[name("c")], Some(wide.clone()), Some(&at(7)));
        assert_eq!(with.filter, config(&["a", "b", "c"]).filter);
        assert_eq!(with.modified.hold, None);
        assert_eq!(with.store_place("np_1", "e_1"), wide);
        let without = with.without_tables(&[name("c")], wide.clone());
        assert_eq!(without.filter, before.filter);
        assert!(without.modified.starts.is_empty());
        // the Store goes on as it was begun
        assert_eq!(without.store_place("np_1", "e_1"), wide);
        // one that never changed is stored as it was before there were changes
        assert!(before.to_json().get("modified").is_none());
        assert_eq!(
            ProjectConfig::from_json(&with.to_json()).expect("read"),
            with
        );
    }

    #[test]
    fn of_two_starts_the_later_one_counts() {
        let merged = config(&["a"]).with_tables(&[name("b"), name("c")], None, Some(&at(50)));
        let copied = HashMap::from([(name("b"), at(70)), (name("c"), at(30)), (name("d"), at(1))]);
        let starts = merged.table_starts(copied);
        assert_eq!(starts[&name("b")], at(70));
        assert_eq!(starts[&name("c")], at(50));
        assert_eq!(starts[&name("d")], at(1));
        assert_eq!(merged.merged_up_to(), at(50).txn_id());
        // added once more: the newer start counts
        let again = merged.with_tables(&[name("b")], None, Some(&at(90)));
        assert_eq!(again.table_starts(HashMap::new())[&name("b")], at(90));
    }
}
