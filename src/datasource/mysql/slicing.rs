//! Key ranges: cutting a table into slices that together hold every row exactly once.
//!
//! A slice is `lower < key <= upper` in the source's own order. The bounds are keys that the source
//! gave us; they are written back as literals that mean exactly the same value to the source: numbers
//! as numbers, strings as the column's raw bytes with its character set, so that every collation
//! stays the source's own business. Only columns for which that is certain take part
//! ([`SliceKey::of`]); a table whose key begins with another type is one slice without bounds.

use super::endpoint::Flavour;
use crate::error::{Error, Kind, Result};
use crate::model::table::{ColumnType, Key, KeyWhat, Table, quote_ident};
use std::collections::BTreeMap;

/// A bound: the value of each slicing column by its name. Text and binary values are hexadecimal
/// digits of their bytes.
pub type Bound = BTreeMap<String, String>;

/// How a slicing column is read and written.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Class {
    /// INT, DECIMAL.
    Number,
    /// BIT, as a number.
    Bits,
    /// DATE, TIME, DATETIME, TIMESTAMP.
    Temporal,
    /// CHAR, VARCHAR: raw bytes in this character set.
    Text(String),
    /// BINARY, VARBINARY.
    Binary,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Part {
    name: String,
    class: Class,
}

/// The columns by which a table is sliced: the longest beginning of its row key whose values can be
/// written as exact literals.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SliceKey {
    index: String,
    parts: Vec<Part>,
}

/// The shape of a comparison of several columns that the server turns into an index range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `a > 1 OR (a = 1 AND b > 2)`: MySQL and MariaDB scan the whole index for `(a, b) > (1, 2)`.
    Expanded,
    /// `(a, b) > (1, 2)`: one range for OceanBase, which splits the expanded form into a union.
    RowConstructor,
}

impl Form {
    /// The form for a server.
    pub fn of(flavour: Flavour) -> Self {
        match flavour {
            Flavour::MySql | Flavour::MariaDb => Self::Expanded,
            Flavour::OceanBase => Self::RowConstructor,
        }
    }
}

impl SliceKey {
    /// The slicing columns of a table; None where it has no row key, or one that begins with a type
    /// whose values are not compared as they are written (FLOAT, ENUM, SET, …).
    pub fn of(table: &Table) -> Option<Self> {
        let columns = table.row_key()?;
        let key = table
            .unique_keys()
            .find(|key| table.key_columns(key).as_ref() == Some(&columns))?;
        let parts: Vec<Part> = key
            .parts
            .iter()
            .take_while(|part| part.descending == key.parts[0].descending)
            .map_while(|part| match &part.what {
                KeyWhat::Column(name) => sliceable(table, name),
                KeyWhat::Expression(_) => None,
            })
            .collect();
        (!parts.is_empty()).then(|| Self {
            index: index_name(key),
            parts,
        })
    }

    /// `FORCE INDEX (…)`: without it a server may sort a whole secondary index for each bound.
    pub fn index_hint(&self) -> String {
        format!("FORCE INDEX ({})", quote_ident(&self.index))
    }

    /// The select list that reads a bound.
    pub fn bound_list(&self) -> String {
        self.join(|part| {
            let name = quote_ident(&part.name);
            match part.class {
                Class::Number | Class::Temporal => name,
                Class::Bits => format!("{name}+0"),
                Class::Text(_) | Class::Binary => format!("HEX({name})"),
            }
        })
    }

    /// The ORDER BY list; `direction` is `ASC` or `DESC`.
    pub fn order_list(&self, direction: &str) -> String {
        self.join(|part| format!("{} {direction}", quote_ident(&part.name)))
    }

    /// A bound from the values of [`SliceKey::bound_list`].
    pub fn bound(&self, values: impl IntoIterator<Item = String>) -> Bound {
        self.parts
            .iter()
            .map(|part| part.name.clone())
            .zip(values)
            .collect()
    }

    /// The condition of `lower < key <= upper`; None where both ends are open.
    ///
    /// # Errors
    /// [`Kind::RmCorrupt`] where a bound does not fit the key: a person can edit bounds in `rm`.
    pub fn condition(
        &self,
        lower: Option<&Bound>,
        upper: Option<&Bound>,
        form: Form,
    ) -> Result<Option<String>> {
        let mut terms = Vec::new();
        let first = quote_ident(&self.parts[0].name);
        let expanded = form == Form::Expanded && self.parts.len() > 1;
        if let Some(lower) = lower {
            let values = self.literals(lower)?;
            if expanded {
                terms.push(format!("{first} >= {}", values[0]));
            }
            terms.push(self.compare(&values, ">", ">", form));
        }
        if let Some(upper) = upper {
            let values = self.literals(upper)?;
            if expanded {
                terms.push(format!("{first} <= {}", values[0]));
            }
            terms.push(self.compare(&values, "<", "<=", form));
        }
        Ok((!terms.is_empty()).then(|| terms.join(" AND ")))
    }

    /// `key op values`; `inner` compares all columns but the last, which takes `last`.
    fn compare(&self, values: &[String], inner: &str, last: &str, form: Form) -> String {
        let names: Vec<_> = self.parts.iter().map(|p| quote_ident(&p.name)).collect();
        if names.len() == 1 {
            return format!("{} {last} {}", names[0], values[0]);
        }
        if form == Form::RowConstructor {
            return format!("({}) {last} ({})", names.join(","), values.join(","));
        }
        let cases: Vec<_> = (0..names.len())
            .map(|at| {
                let op = if at + 1 == names.len() { last } else { inner };
                let mut case: Vec<_> = (0..at)
                    .map(|i| format!("{} = {}", names[i], values[i]))
                    .collect();
                case.push(format!("{} {op} {}", names[at], values[at]));
                case.join(" AND ")
            })
            .collect();
        format!("(({}))", cases.join(") OR ("))
    }

    fn literals(&self, bound: &Bound) -> Result<Vec<String>> {
        self.parts
            .iter()
            .map(|part| {
                bound
                    .get(&part.name)
                    .and_then(|value| literal(&part.class, value))
                    .ok_or_else(|| {
                        Error::new(Kind::RmCorrupt, "reading the bounds of a slice").detail(
                            format!(
                                "the value for column '{}' is missing or is not a valid key",
                                part.name
                            ),
                        )
                    })
            })
            .collect()
    }

    fn join(&self, one: impl Fn(&Part) -> String) -> String {
        self.parts.iter().map(one).collect::<Vec<_>>().join(",")
    }
}

fn index_name(key: &Key) -> String {
    match key.kind {
        crate::model::table::KeyKind::Primary => "PRIMARY".to_owned(),
        _ => key.name.clone(),
    }
}

fn sliceable(table: &Table, name: &str) -> Option<Part> {
    let column = &table.columns[table.column_index(name)?];
    let class = match &column.ty {
        ColumnType::Int { .. } | ColumnType::Decimal { .. } => Class::Number,
        ColumnType::Bit(_) => Class::Bits,
        ColumnType::Date
        | ColumnType::Time(_)
        | ColumnType::Datetime(_)
        | ColumnType::Timestamp(_) => Class::Temporal,
        ColumnType::Char(_) | ColumnType::Varchar(_) => {
            let charset = column.charset.as_deref()?;
            let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
            if charset.is_empty() || !charset.bytes().all(plain) {
                return None;
            }
            Class::Text(charset.to_owned())
        }
        ColumnType::Binary(_) | ColumnType::Varbinary(_) => Class::Binary,
        // compared by number, by rounding, by rules of their own, or without an ordered index
        ColumnType::Float { .. }
        | ColumnType::Double { .. }
        | ColumnType::Text(_)
        | ColumnType::Blob(_)
        | ColumnType::Enum(_)
        | ColumnType::Set(_)
        | ColumnType::Json
        | ColumnType::Year
        | ColumnType::Other(_) => return None,
    };
    Some(Part {
        name: column.name.clone(),
        class,
    })
}

/// The literal of a bound's value; None where the value is not of its class.
fn literal(class: &Class, value: &str) -> Option<String> {
    let digits = |v: &str| !v.is_empty() && v.bytes().all(|b| b.is_ascii_digit());
    let hex = |v: &str| v.len().is_multiple_of(2) && v.bytes().all(|b| b.is_ascii_hexdigit());
    match class {
        Class::Number => {
            let unsigned = value.strip_prefix('-').unwrap_or(value);
            let ok = match unsigned.split_once('.') {
                Some((whole, fraction)) => digits(whole) && digits(fraction),
                None => digits(unsigned),
            };
            ok.then(|| value.to_owned())
        }
        Class::Bits => digits(value).then(|| value.to_owned()),
        Class::Temporal => {
            let plain = |b: u8| b.is_ascii_digit() || matches!(b, b'-' | b':' | b'.' | b' ');
            (!value.is_empty() && value.bytes().all(plain)).then(|| format!("'{value}'"))
        }
        Class::Text(charset) => hex(value).then(|| format!("_{charset} X'{value}'")),
        Class::Binary => hex(value).then(|| format!("X'{value}'")),
    }
}

#[cfg(test)]
mod tests;
