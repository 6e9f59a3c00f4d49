//! What Incr-Sync must know of a table, worked out once for each version of it: how rows are
//! told apart, which keys can make two changes conflict, and which columns are written.

use super::canon::{Rule, rule_of};
use crate::error::{Error, Kind, Result};
use crate::model::change::TableVersion;
use crate::model::row::{Cell, Row};
use crate::model::table::{KeyWhat, Table};
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

/// A column's part in a unique key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Index of the column.
    pub column: usize,
    /// How values are compared.
    pub rule: Rule,
    /// Only so much of the value counts.
    pub prefix: Option<u32>,
}

/// Whether values of a key can be wild (see [`super::canon`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wildness {
    /// No value can.
    Never,
    /// Some values can: every change also takes the whole key, shared.
    Some,
    /// Every value is: each change takes the whole key alone.
    Always,
}

/// A primary or unique key as the conflict matrix sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UniqueKey {
    /// Identifies the key among all keys of all tables.
    pub id: u64,
    /// Its columns; empty if a part is an expression.
    pub parts: Vec<Part>,
    /// Whether its values can be wild.
    pub wildness: Wildness,
    /// Whether it is the key by which rows are told apart.
    pub is_row_key: bool,
}

/// A table version with what was worked out about it.
#[derive(Debug)]
pub struct Layout {
    /// The version.
    pub version: Arc<TableVersion>,
    /// Identifies the table among all tables, for locks on the whole of it.
    pub id: u64,
    /// Columns of the key that identifies a row; None: the table is keyless.
    pub row_key: Option<Vec<usize>>,
    /// Columns that are written.
    pub written: Vec<usize>,
    /// All primary and unique keys.
    pub keys: Vec<UniqueKey>,
}

impl Layout {
    /// Works a table version out.
    pub fn new(version: Arc<TableVersion>) -> Self {
        let table = &version.table;
        let row_key = table.row_key();
        let keys = table
            .unique_keys()
            .map(|key| unique_key(table, key, row_key.as_deref()))
            .collect();
        Self {
            id: hash_of(&("table", &table.name)),
            written: table.written_columns(),
            row_key,
            keys,
            version,
        }
    }

    /// The table's definition.
    pub fn table(&self) -> &Table {
        &self.version.table
    }

    /// Splits a row into its cells; an error where their number is not that of the columns.
    pub fn cells<'a>(&self, row: &'a Row) -> Result<Vec<Cell<'a>>> {
        let mut cells = Vec::with_capacity(self.table().columns.len());
        cells.extend(row.cells());
        if cells.len() == self.table().columns.len() {
            return Ok(cells);
        }
        let what = format!("reading a logged row of {}", self.table().name);
        Err(Error::new(Kind::SchemaDrift, what).detail(format!(
            "the row has {} columns, the table's definition {}",
            cells.len(),
            self.table().columns.len()
        )))
    }
}

fn unique_key(
    table: &Table,
    key: &crate::model::table::Key,
    row_key: Option<&[usize]>,
) -> UniqueKey {
    let columns = table.key_columns(key);
    let parts: Vec<Part> = columns
        .iter()
        .flatten()
        .zip(&key.parts)
        .map(|(&column, part)| Part {
            column,
            rule: rule_of(&table.columns[column]),
            prefix: part.prefix,
        })
        .collect();
    let has_expression = parts.is_empty()
        || key
            .parts
            .iter()
            .any(|p| matches!(p.what, KeyWhat::Expression(_)));
    let wildness = if has_expression || parts.iter().any(|p| p.rule == Rule::Wild) {
        Wildness::Always
    } else if parts.iter().any(|p| p.rule == Rule::Folded) {
        Wildness::Some
    } else {
        Wildness::Never
    };
    let is_row_key = row_key.is_some() && columns.as_deref() == row_key;
    UniqueKey {
        id: hash_of(&("key", &table.name, &key.name)),
        parts: if has_expression { Vec::new() } else { parts },
        wildness,
        is_row_key,
    }
}

/// Hash with a fixed seed. Two things with the same hash conflict without need, no more.
pub fn hash_of(what: &impl Hash) -> u64 {
    ahash::RandomState::with_seeds(1, 2, 3, 4).hash_one(what)
}

/// The layouts of the table versions seen so far.
#[derive(Debug, Default)]
pub struct Layouts {
    by_version: HashMap<u32, Arc<Layout>>,
}

impl Layouts {
    /// The layout of a version.
    pub fn get(&mut self, version: &Arc<TableVersion>) -> Arc<Layout> {
        if let Some(layout) = self.by_version.get(&version.id)
            && (Arc::ptr_eq(&layout.version, version) || layout.version == *version)
        {
            return Arc::clone(layout);
        }
        let layout = Arc::new(Layout::new(Arc::clone(version)));
        self.by_version.insert(version.id, Arc::clone(&layout));
        layout
    }

    /// Forgets all, after a DDL: old versions don't come again.
    pub fn clear(&mut self) {
        self.by_version.clear();
    }
}
