//! Whether a table that the target has is the one that is wanted.
//!
//! What decides which rows a table takes and how they are told apart must agree: columns, their
//! types and character sets, primary and unique keys. What servers print in words of their own
//! (expressions, display widths, names of keys) and what people may choose freely at the target
//! (comments, partitions, further non-unique keys) is not compared.

use crate::model::table::{Column, ColumnType, DefaultValue, Key, KeyKind, KeyWhat, Table};
use std::collections::BTreeSet;

/// How much is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// What must be right before rows are copied.
    Rows,
    /// Also that all keys, foreign keys and checks are there.
    All,
}

/// What keeps `actual` from being `wanted`, in words; empty: nothing.
pub fn differences(wanted: &Table, actual: &Table, scope: Scope) -> Vec<String> {
    let mut out = Vec::new();
    let names =
        |t: &Table| -> Vec<String> { t.columns.iter().map(|c| c.name.to_lowercase()).collect() };
    if names(wanted) == names(actual) {
        for (w, a) in wanted.columns.iter().zip(&actual.columns) {
            column(w, a, &mut out);
        }
    } else {
        out.push(format!(
            "columns are ({}), wanted are ({})",
            names(actual).join(", "),
            names(wanted).join(", ")
        ));
    }
    keys(wanted, actual, &mut out);
    if scope == Scope::All {
        rest(wanted, actual, &mut out);
    }
    out
}

fn column(wanted: &Column, actual: &Column, out: &mut Vec<String>) {
    let name = &wanted.name;
    if plain(&wanted.ty) != plain(&actual.ty) {
        out.push(format!(
            "column {name} is {:?}, wanted is {:?}",
            actual.ty, wanted.ty
        ));
    }
    if (&wanted.charset, &wanted.collation) != (&actual.charset, &actual.collation) {
        out.push(format!(
            "column {name} has collation {}, wanted is {}",
            actual.collation.as_deref().unwrap_or("none"),
            wanted.collation.as_deref().unwrap_or("none")
        ));
    }
    if wanted.nullable != actual.nullable && wanted.generated.is_none() {
        let say = |nullable| if nullable { "NULL" } else { "NOT NULL" };
        out.push(format!(
            "column {name} is {}, wanted is {}",
            say(actual.nullable),
            say(wanted.nullable)
        ));
    }
    let kind = |c: &Column| c.generated.as_ref().map(|g| g.stored);
    if kind(wanted) != kind(actual) {
        out.push(format!("column {name} is not generated the same way"));
    }
    if wanted.auto_increment != actual.auto_increment {
        out.push(format!("column {name} differs in AUTO_INCREMENT"));
    }
    if wanted.on_update_now != actual.on_update_now {
        out.push(format!("column {name} differs in ON UPDATE"));
    }
    if default(wanted) != default(actual) {
        out.push(format!("column {name} has another default"));
    }
}

/// The type without what does not change its values.
fn plain(ty: &ColumnType) -> ColumnType {
    match ty {
        ColumnType::Int {
            bytes,
            unsigned,
            width,
            zerofill,
        } => ColumnType::Int {
            bytes: *bytes,
            unsigned: *unsigned,
            width: width.filter(|_| *zerofill),
            zerofill: *zerofill,
        },
        ColumnType::Other(name) => {
            ColumnType::Other(name.split(" srid ").next().unwrap_or_default().to_owned())
        }
        other => other.clone(),
    }
}

/// A default so that the spellings of one value are equal.
#[derive(Debug, PartialEq)]
enum Plain {
    None,
    Number(String),
    Text(String),
    Now(u8),
    Expression,
}

fn default(column: &Column) -> Plain {
    let text = |text: &str| match &column.ty {
        ty if ty.is_numeric() => match text.trim().parse::<f64>() {
            Ok(number) => Plain::Number(format!("{number:e}")),
            Err(_) => Plain::Text(text.to_owned()),
        },
        ColumnType::Bit(_) => Plain::Number(format!("{:e}", bits_value(text) as f64)),
        ColumnType::Time(_) | ColumnType::Datetime(_) | ColumnType::Timestamp(_) => {
            let trimmed = match text.contains('.') {
                true => text.trim_end_matches('0').trim_end_matches('.'),
                false => text,
            };
            Plain::Text(trimmed.to_owned())
        }
        ColumnType::Binary(_) => Plain::Text(text.trim_end_matches('\0').to_owned()),
        _ => Plain::Text(text.to_owned()),
    };
    if column.generated.is_some() {
        return Plain::None;
    }
    match &column.default {
        None | Some(DefaultValue::Null) => Plain::None,
        Some(DefaultValue::Now(fsp)) => Plain::Now(*fsp),
        Some(DefaultValue::Expression(_)) => Plain::Expression,
        Some(DefaultValue::Literal(_))
            if matches!(column.ty, ColumnType::Text(_) | ColumnType::Blob(_)) =>
        {
            Plain::Expression
        }
        Some(DefaultValue::Literal(literal)) => text(literal),
        Some(DefaultValue::Bits(bits)) if matches!(column.ty, ColumnType::Bit(_)) => {
            Plain::Number(format!("{:e}", bits_value(bits) as f64))
        }
        Some(DefaultValue::Bits(_)) => Plain::Expression,
    }
}

/// The number in `b'101'`, `0b101`, `x'4A'`, `0x4A` or `5`.
fn bits_value(text: &str) -> u64 {
    let lower = text.to_ascii_lowercase();
    let digits = lower.trim_end_matches('\'');
    for (prefix, radix) in [("b'", 2), ("0b", 2), ("x'", 16), ("0x", 16)] {
        if let Some(digits) = digits.strip_prefix(prefix) {
            return u64::from_str_radix(digits, radix).unwrap_or(0);
        }
    }
    digits.parse().unwrap_or(0)
}

/// A key by what it covers; expressions are printed differently everywhere.
fn parts(key: &Key) -> Vec<(String, Option<u32>)> {
    key.parts
        .iter()
        .map(|p| match &p.what {
            KeyWhat::Column(name) => (name.to_lowercase(), p.prefix),
            KeyWhat::Expression(_) => ("(expression)".to_owned(), None),
        })
        .collect()
}

fn say(parts: &[(String, Option<u32>)]) -> String {
    let names: Vec<&str> = parts.iter().map(|(name, _)| name.as_str()).collect();
    names.join(", ")
}

fn keys(wanted: &Table, actual: &Table, out: &mut Vec<String>) {
    let primary = |t: &Table| t.primary_key().map(parts);
    match (primary(wanted), primary(actual)) {
        (w, a) if w == a => {}
        (w, a) => {
            let show = |k: Option<Vec<_>>| k.map_or_else(|| "none".to_owned(), |k| say(&k));
            out.push(format!(
                "the primary key is ({}), wanted is ({})",
                show(a),
                show(w)
            ));
        }
    }
    let unique = |t: &Table| -> BTreeSet<Vec<(String, Option<u32>)>> {
        t.keys
            .iter()
            .filter(|k| k.kind == KeyKind::Unique)
            .map(parts)
            .collect()
    };
    let (w, a) = (unique(wanted), unique(actual));
    for key in w.difference(&a) {
        out.push(format!("the unique key over ({}) is missing", say(key)));
    }
    for key in a.difference(&w) {
        out.push(format!(
            "there is a unique key too many, over ({})",
            say(key)
        ));
    }
}

fn rest(wanted: &Table, actual: &Table, out: &mut Vec<String>) {
    let name_of = |name: &str| name.to_lowercase();
    let has_key = |key: &Key| {
        actual
            .keys
            .iter()
            .any(|k| name_of(&k.name) == name_of(&key.name) && parts(k) == parts(key))
    };
    for key in wanted.keys.iter().filter(|k| !has_key(k)) {
        out.push(format!("key {} is missing", key.name));
    }
    let extra = |k: &&Key| {
        !wanted
            .keys
            .iter()
            .any(|w| name_of(&w.name) == name_of(&k.name))
    };
    for key in actual.keys.iter().filter(extra) {
        out.push(format!("there is a key too many, {}", key.name));
    }
    let names = |t: &Table| -> BTreeSet<String> {
        t.foreign_keys.iter().map(|k| name_of(&k.name)).collect()
    };
    if names(wanted) != names(actual) {
        out.push("the foreign keys differ".to_owned());
    }
    if wanted.checks.len() != actual.checks.len() {
        out.push("the checks differ".to_owned());
    }
}
