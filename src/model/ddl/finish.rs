//! What a server adds to a definition by itself: names of unnamed keys and constraints, NOT NULL
//! under a primary key, the key beneath a foreign key, defaults of old TIMESTAMP columns.

use super::dialect::{Dialect, Family};
use crate::model::table::{
    Column, ColumnType, DefaultValue, ForeignKey, Key, KeyKind, KeyPart, KeyWhat, Table,
};

/// A key or foreign key in the order of the statement.
#[derive(Debug)]
pub(super) enum PendingKey {
    Key(Key),
    ForeignKey(ForeignKey, Option<String>),
}

/// Adds keys, then foreign keys: a key that the statement names later also serves a foreign key.
pub(super) fn add_pending(
    table: &mut Table,
    pending: Vec<PendingKey>,
    dialect: &Dialect,
) -> Result<(), String> {
    let mut foreign = Vec::new();
    for item in pending {
        match item {
            PendingKey::Key(key) => add_key(table, key)?,
            PendingKey::ForeignKey(key, index) => foreign.push((key, index)),
        }
    }
    for (key, index) in foreign {
        add_foreign_key(table, key, index, dialect)?;
    }
    Ok(())
}

/// Adds a key, named as the server names it.
pub(super) fn add_key(table: &mut Table, mut key: Key) -> Result<(), String> {
    if key.kind == KeyKind::Primary {
        if table.primary_key().is_some() {
            return Err(format!("table {} has a primary key already", table.name));
        }
        for column in table.key_columns(&key).unwrap_or_default() {
            let column = &mut table.columns[column];
            column.nullable = false;
            if column.default == Some(DefaultValue::Null) {
                column.default = None;
            }
        }
    }
    for part in &key.parts {
        if let KeyWhat::Column(name) = &part.what
            && table.column_index(name).is_none()
        {
            return Err(format!(
                "key '{}' of table {} names the unknown column '{name}'",
                key.name, table.name
            ));
        }
    }
    if key.name.is_empty() {
        key.name = free_key_name(table, &key);
    } else if let Some(at) = find_key(table, &key.name) {
        if is_beneath_foreign_key(table, at) {
            table.keys[at] = key;
            return Ok(());
        }
        return Err(format!(
            "table {} has a key '{}' already",
            table.name, key.name
        ));
    }
    table.keys.push(key);
    Ok(())
}

/// Whether a key may be one that the server made for a foreign key: such a one gives way to a key
/// of the same name, and it is gone as soon as another key serves the foreign key.
fn is_beneath_foreign_key(table: &Table, at: usize) -> bool {
    let key = &table.keys[at];
    key.kind == KeyKind::Index
        && table.foreign_keys.iter().any(|f| {
            f.columns.len() == key.parts.len()
                && f.columns.iter().zip(&key.parts).all(|(column, part)| {
                    matches!(&part.what, KeyWhat::Column(name)
                        if name.to_lowercase() == column.to_lowercase())
                })
        })
}

/// Position of the key with this name; names of keys ignore case.
pub(super) fn find_key(table: &Table, name: &str) -> Option<usize> {
    table
        .keys
        .iter()
        .position(|k| k.name.to_lowercase() == name.to_lowercase())
}

/// The first column's name, else with `_2`, `_3`, …
fn free_key_name(table: &Table, key: &Key) -> String {
    let stem = match key.parts.first().map(|p| &p.what) {
        Some(KeyWhat::Column(name)) => match table.column_index(name) {
            Some(at) => table.columns[at].name.clone(),
            None => name.clone(),
        },
        _ => "functional_index".to_owned(),
    };
    if find_key(table, &stem).is_none() && !stem.eq_ignore_ascii_case("PRIMARY") {
        return stem;
    }
    (2_u32..)
        .map(|n| format!("{stem}_{n}"))
        .find(|name| find_key(table, name).is_none())
        .unwrap_or(stem)
}

/// Adds a foreign key, named as the server names it, and the key that it needs.
pub(super) fn add_foreign_key(
    table: &mut Table,
    mut foreign_key: ForeignKey,
    index_name: Option<String>,
    dialect: &Dialect,
) -> Result<(), String> {
    for name in &foreign_key.columns {
        if table.column_index(name).is_none() {
            return Err(format!(
                "a foreign key of table {} names the unknown column '{name}'",
                table.name
            ));
        }
    }
    if foreign_key.name.is_empty() {
        let stem = format!("{}_ibfk_", table.name.name);
        let last = table
            .foreign_keys
            .iter()
            .filter_map(|k| k.name.strip_prefix(&stem)?.parse::<u64>().ok())
            .max()
            .unwrap_or(0);
        foreign_key.name = format!("{stem}{}", last.saturating_add(1));
    } else if find_foreign_key(table, &foreign_key.name).is_some() {
        return Err(format!(
            "table {} has a foreign key '{}' already",
            table.name, foreign_key.name
        ));
    }
    if dialect.family != Family::OceanBase && !is_covered(table, &foreign_key.columns) {
        let part = |name: &String| KeyPart {
            what: KeyWhat::Column(name.clone()),
            prefix: None,
            descending: false,
        };
        let name = index_name.filter(|n| find_key(table, n).is_none());
        add_key(
            table,
            Key {
                name: name.unwrap_or_default(),
                kind: KeyKind::Index,
                parts: foreign_key.columns.iter().map(part).collect(),
                comment: String::new(),
            },
        )?;
    }
    table.foreign_keys.push(foreign_key);
    Ok(())
}

/// Position of the foreign key with this name.
pub(super) fn find_foreign_key(table: &Table, name: &str) -> Option<usize> {
    table
        .foreign_keys
        .iter()
        .position(|k| k.name.to_lowercase() == name.to_lowercase())
}

/// Whether a key begins with these columns in this order.
fn is_covered(table: &Table, columns: &[String]) -> bool {
    table.keys.iter().any(|key| {
        !matches!(key.kind, KeyKind::Fulltext | KeyKind::Spatial)
            && key.parts.len() >= columns.len()
            && key.parts.iter().zip(columns).all(|(part, column)| {
                part.prefix.is_none()
                    && matches!(&part.what, KeyWhat::Column(name)
                        if name.to_lowercase() == column.to_lowercase())
            })
    })
}

/// Names unnamed checks and looks whether the definition makes sense.
pub(super) fn finish_table(table: &mut Table, dialect: &Dialect) -> Result<(), String> {
    if table.columns.is_empty() {
        return Err(format!("table {} has no column", table.name));
    }
    for (at, column) in table.columns.iter().enumerate() {
        if table.column_index(&column.name) != Some(at) {
            return Err(format!(
                "table {} has two columns '{}'",
                table.name, column.name
            ));
        }
    }
    name_checks(table, dialect);
    Ok(())
}

/// MySQL and OceanBase name every check; MariaDB's checks of columns have no name, and which ones
/// they were is not known any more, so they stay as they are.
pub(super) fn name_checks(table: &mut Table, dialect: &Dialect) {
    if dialect.family != Family::MySql {
        return;
    }
    let stem = format!("{}_chk_", table.name.name);
    let mut next = table
        .checks
        .iter()
        .filter_map(|c| c.name.as_ref()?.strip_prefix(&stem)?.parse::<u64>().ok())
        .max()
        .unwrap_or(0);
    for check in &mut table.checks {
        if check.name.is_none() {
            next = next.saturating_add(1);
            check.name = Some(format!("{stem}{next}"));
        }
    }
}

/// Without `explicit_defaults_for_timestamp` the first TIMESTAMP follows the clock, and others
/// that are NOT NULL get a zero default.
pub(super) fn promote_first_timestamp<'a>(
    columns: impl Iterator<Item = &'a mut Column>,
    dialect: &Dialect,
) {
    if dialect.explicit_timestamp_defaults {
        return;
    }
    let mut first = true;
    for column in columns {
        let ColumnType::Timestamp(fsp) = column.ty else {
            continue;
        };
        let bare = !column.nullable
            && column.default.is_none()
            && column.on_update_now.is_none()
            && column.generated.is_none();
        if bare && first {
            column.default = Some(DefaultValue::Now(fsp));
            column.on_update_now = Some(fsp);
        } else if bare {
            let fraction = match fsp {
                0 => String::new(),
                n => format!(".{}", "0".repeat(n.into())),
            };
            column.default = Some(DefaultValue::Literal(format!(
                "0000-00-00 00:00:00{fraction}"
            )));
        }
        first = false;
    }
}
