//! How one table is compared: its columns, their classes, its key and the way that fits the key.

use super::canon::{Class, Image, canonical_key, classes, equal, image};
use super::order::KeyOrder;
use super::ports::TablePair;
use crate::datasource::mysql::compare::LiveColumn;
use crate::datasource::mysql::select::expression;
use crate::model::row::{Cell, Row, push_cell};
use crate::model::table::{ColumnType, TableName, quote_ident};
use std::cmp::Ordering;

/// One of the two databases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The source (OMS: master).
    Source,
    /// The target (OMS: image).
    Target,
}

/// The way in which rows are brought together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Both sides sorted by key, merged.
    Merge,
    /// The source by key range, the target by `key IN (…)`; then the target's keys the other way.
    Lookup,
    /// No key: how often each row occurs on both sides.
    Multiset,
}

/// A column to be compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanColumn {
    /// Name as the source has it.
    pub name: String,
    /// Type at the source.
    pub ty: ColumnType,
    /// Type at the target.
    pub target_ty: ColumnType,
    /// Class of its cells at the source.
    pub source: Class,
    /// Class of its cells at the target.
    pub target: Class,
    /// Whether one side computes it, so that it cannot be written.
    pub generated: bool,
    /// Whether one side may hold NULL.
    pub nullable: bool,
    /// Whether both sides hold its text in utf8mb4.
    pub utf8: bool,
    /// Both sides' character set, where its bytes are compared because not all of its characters
    /// have a text in Unicode.
    pub raw: Option<String>,
}

/// How one table is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The source's table.
    pub source: TableName,
    /// The target's table.
    pub target: TableName,
    /// Columns in the source's order.
    pub columns: Vec<PlanColumn>,
    /// The row key: indexes of columns; empty for a table without one.
    pub key: Vec<usize>,
    /// Orders of the key's columns, where all of them are the same on both sides.
    pub order: Vec<KeyOrder>,
    /// The way.
    pub mode: Mode,
    /// Whether the table can be read in key ranges.
    pub sliceable: bool,
    /// Whether every column has the same class on both sides, so that rows of equal bytes are
    /// equal.
    same_classes: bool,
}

/// A row's key: the cells of the key columns, encoded as a row.
pub type Key = Row;

/// Character sets whose every byte sequence has a text of its own in Unicode.
const UNICODE_SAFE: &[&str] = &[
    "utf8mb4", "utf8mb3", "utf8", "ascii", "latin1", "ucs2", "utf16", "utf16le", "utf32", "binary",
];

impl Plan {
    /// Makes a table's plan; an error says how the columns differ. `signed_zero` says that both
    /// servers tell `-0` from `0`.
    pub fn make(pair: &TablePair, live: &[LiveColumn], signed_zero: bool) -> Result<Self, String> {
        let table = &pair.source;
        let key = table.row_key().unwrap_or_default();
        let mut missing = Vec::new();
        let mut columns = Vec::with_capacity(table.columns.len());
        for (at, column) in table.columns.iter().enumerate() {
            let Some(other) = live.iter().find(|c| same_name(&c.name, &column.name)) else {
                missing.push(column.name.as_str());
                continue;
            };
            let (source, target) = classes(&column.ty, &other.ty, signed_zero);
            let raw = column
                .charset
                .clone()
                .filter(|cs| other.charset.as_ref() == Some(cs))
                .filter(|cs| !UNICODE_SAFE.contains(&cs.as_str()) && !key.contains(&at));
            columns.push(PlanColumn {
                name: column.name.clone(),
                ty: column.ty.clone(),
                target_ty: other.ty.clone(),
                source,
                target,
                generated: column.generated.is_some() || other.generated,
                nullable: column.nullable || other.nullable,
                utf8: [&column.charset, &other.charset]
                    .iter()
                    .all(|charset| charset.as_deref() == Some("utf8mb4")),
                raw,
            });
        }
        let extra: Vec<&str> = live
            .iter()
            .filter(|c| table.column_index(&c.name).is_none())
            .map(|c| c.name.as_str())
            .collect();
        if !missing.is_empty() || !extra.is_empty() {
            return Err(difference_of_columns(&missing, &extra));
        }
        let order: Option<Vec<KeyOrder>> =
            key.iter().map(|&c| KeyOrder::of(&columns[c].ty)).collect();
        let cut = |c: &usize| KeyOrder::of(&columns[*c].ty).is_none_or(|o| o.can_be_cut());
        Ok(Self {
            source: table.name.clone(),
            target: pair.target.clone(),
            sliceable: !key.is_empty() && key.iter().all(cut),
            mode: match (&order, key.is_empty()) {
                (_, true) => Mode::Multiset,
                (Some(_), false) => Mode::Merge,
                (None, false) => Mode::Lookup,
            },
            order: order.unwrap_or_default(),
            same_classes: columns.iter().all(|c| c.source == c.target),
            columns,
            key,
        })
    }

    /// The same comparison without relying on the order of keys.
    #[must_use]
    pub fn without_order(mut self) -> Self {
        self.mode = Mode::Lookup;
        self
    }

    /// The table on a side.
    pub fn table(&self, side: Side) -> &TableName {
        match side {
            Side::Source => &self.source,
            Side::Target => &self.target,
        }
    }

    /// The select list of all columns, or of the key only.
    pub fn select_list(&self, side: Side, key_only: bool) -> String {
        let list = |c: &PlanColumn| match (&c.raw, side) {
            (Some(_), _) => format!("CAST({} AS BINARY)", quote_ident(&c.name)),
            (None, Side::Source) => expression(&c.name, &c.ty),
            (None, Side::Target) => expression(&c.name, &c.target_ty),
        };
        let columns: Vec<String> = if key_only {
            self.key.iter().map(|&c| list(&self.columns[c])).collect()
        } else {
            self.columns.iter().map(list).collect()
        };
        columns.join(",")
    }

    /// The class of a column's cells on a side.
    pub fn class(&self, side: Side, column: usize) -> Class {
        match side {
            Side::Source => self.columns[column].source,
            Side::Target => self.columns[column].target,
        }
    }

    /// The names of the key's columns.
    pub fn key_names(&self) -> impl Iterator<Item = &str> {
        self.key.iter().map(|&at| self.columns[at].name.as_str())
    }

    /// The key of a whole row.
    pub fn key_of(&self, row: &Row) -> Key {
        let cells: Vec<Cell<'_>> = row.cells().collect();
        Row::from_cells(
            self.key
                .iter()
                .map(|&c| cells.get(c).copied().unwrap_or(Cell::Null)),
        )
    }

    /// Bytes that are the same for keys that are the same value, whichever side they come from.
    pub fn key_id(&self, key: &Key) -> Vec<u8> {
        let mut out = Vec::with_capacity(key.size());
        for (&at, cell) in self.key.iter().zip(key.cells()) {
            let column = &self.columns[at];
            let class = match (column.source, column.target) {
                (Class::Padded, _) | (_, Class::Padded) => Class::Padded,
                (class, _) => class,
            };
            if let Cell::Value(value) = cell {
                push_cell(&mut out, Cell::Value(&canonical_key(class, value)));
            }
        }
        out
    }

    /// The order of two rows' keys; for [`Mode::Merge`].
    pub fn compare_keys(&self, a: &Row, b: &Row) -> Ordering {
        let first = self.key.first().copied();
        // the key is the first column of most tables
        if let ([order], Some(0)) = (self.order.as_slice(), first) {
            return compare_cells(order, a.cells().next(), b.cells().next());
        }
        let (a, b): (Vec<_>, Vec<_>) = (a.cells().collect(), b.cells().collect());
        self.key
            .iter()
            .zip(&self.order)
            .map(|(&c, order)| compare_cells(order, a.get(c).copied(), b.get(c).copied()))
            .find(|o| o.is_ne())
            .unwrap_or(Ordering::Equal)
    }

    /// Whether a source row and a target row hold the same values.
    pub fn rows_equal(&self, source: &Row, target: &Row) -> bool {
        if self.same_classes && source == target {
            return true;
        }
        let mut targets = target.cells();
        let mut sources = source.cells();
        self.columns.iter().all(|column| {
            matches!((sources.next(), targets.next()), (Some(s), Some(t))
                if equal((column.source, s), (column.target, t)))
        })
    }

    /// The columns in which two rows differ.
    pub fn differing(&self, source: &Row, target: &Row) -> Vec<usize> {
        let cells = source.cells().zip(target.cells());
        self.columns
            .iter()
            .zip(cells)
            .enumerate()
            .filter(|(_, (c, (s, t)))| !equal((c.source, *s), (c.target, *t)))
            .map(|(at, _)| at)
            .collect()
    }

    /// A row's image, the same on both sides for rows that are equal.
    pub fn image(&self, side: Side, row: &Row) -> Image {
        image((0..self.columns.len()).map(|c| self.class(side, c)), row)
    }

    /// Whether one row may be very large.
    pub fn has_large_columns(&self) -> bool {
        self.columns.iter().any(|c| {
            matches!(
                c.ty,
                ColumnType::Text(3 | 4)
                    | ColumnType::Blob(3 | 4)
                    | ColumnType::Json
                    | ColumnType::Other(_)
            )
        })
    }
}

fn compare_cells(order: &KeyOrder, a: Option<Cell<'_>>, b: Option<Cell<'_>>) -> Ordering {
    match (a, b) {
        (Some(Cell::Value(a)), Some(Cell::Value(b))) => order.compare(a, b),
        // a key has no NULL; if it had one, it would come first
        (Some(Cell::Value(_)), _) => Ordering::Greater,
        (_, Some(Cell::Value(_))) => Ordering::Less,
        _ => Ordering::Equal,
    }
}

fn same_name(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b) || a.to_lowercase() == b.to_lowercase()
}

fn difference_of_columns(missing: &[&str], extra: &[&str]) -> String {
    let mut parts = Vec::new();
    if !missing.is_empty() {
        parts.push(format!("the target lacks column {}", missing.join(", ")));
    }
    if !extra.is_empty() {
        parts.push(format!("only the target has column {}", extra.join(", ")));
    }
    parts.join("; ")
}
