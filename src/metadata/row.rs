//! From the text of a row to its meaning, and the outcome of a write.

use chrono::{NaiveDateTime, TimeDelta, Timelike, Utc};
use entity::StateText;
use serde_json::Value;

use super::{MetaError, RowProblem};

/// A row as it could be read: the row, or what is wrong with it.
pub type Row<T> = Result<T, RowProblem>;

/// The outcome of a write that carries an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a fenced writer must end itself"]
pub enum Written {
    /// Done.
    Applied,
    /// Nothing was changed: the row carries a newer epoch.
    Fenced {
        /// The epoch of the row.
        found: i64,
    },
    /// Nothing was changed: the state is not the one that the caller expected.
    Changed {
        /// The state of the row, as text.
        found: String,
    },
    /// There is no such row.
    NotFound,
}

impl Written {
    /// Was it done.
    pub fn applied(&self) -> bool {
        *self == Self::Applied
    }

    /// Everything but `Applied` as an error.
    pub fn require(
        self,
        table: &'static str,
        id: impl Into<String>,
        ours: i64,
    ) -> Result<(), MetaError> {
        let id = id.into();
        match self {
            Self::Applied => Ok(()),
            Self::NotFound => Err(MetaError::NotFound { table, id }),
            Self::Fenced { found } => Err(MetaError::Fenced {
                table,
                id,
                found,
                ours,
            }),
            Self::Changed { found } => Err(MetaError::Conflict {
                what: format!("{table} row '{id}' is {found} by now"),
            }),
        }
    }
}

/// The time, as it is stored: UTC, milliseconds.
pub fn now() -> NaiveDateTime {
    stamp(Utc::now().naive_utc())
}

/// A time as it is stored.
///
/// The SQLite driver leaves out milliseconds that are zero; such a time is moved on by one, so that
/// every time reads `YYYY-MM-DD HH:MM:SS.mmm`.
pub(super) fn stamp(time: NaiveDateTime) -> NaiveDateTime {
    let millis = (time.nanosecond() / 1_000_000 % 1_000).max(1);
    time.with_nanosecond(millis * 1_000_000)
        .unwrap_or(time + TimeDelta::zero())
}

/// A new id: the prefix (`np_`, `s_`, `t_`, `e_`) and 14 characters of base 36.
pub fn new_id(prefix: &str) -> String {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut number: u128 = rand::random();
    let mut id = String::from(prefix);
    for _ in 0..14 {
        id.push(char::from(DIGITS[(number % 36) as usize]));
        number /= 36;
    }
    id
}

/// A new id with a prefix that was handed in, or the id itself.
pub(super) fn id_or_new(id: Option<String>, prefix: &str) -> String {
    id.unwrap_or_else(|| new_id(prefix))
}

/// A JSON value as it is stored.
pub(super) fn json_text(value: &Value) -> String {
    value.to_string()
}

/// An empty JSON object, as it is stored.
pub(super) fn empty() -> String {
    "{}".to_owned()
}

/// Reads the cells of one row.
pub(super) struct Cells<'a> {
    pub(super) table: &'static str,
    pub(super) id: &'a str,
}

impl Cells<'_> {
    /// A state.
    pub(super) fn state<S: StateText>(&self, column: &str, text: &str) -> Row<S> {
        S::from_text(text).ok_or_else(|| {
            let why = format!("is none of {}", S::allowed().join(", "));
            self.problem(column, text, why)
        })
    }

    /// A JSON object; nothing at all counts as an empty one.
    pub(super) fn object(&self, column: &str, text: &str) -> Row<Value> {
        if text.trim().is_empty() {
            return Ok(Value::Object(serde_json::Map::new()));
        }
        let value = self.json(column, text)?;
        if value.is_object() {
            Ok(value)
        } else {
            Err(self.problem(column, text, "is JSON, but not a JSON object".to_owned()))
        }
    }

    /// Any JSON.
    pub(super) fn json(&self, column: &str, text: &str) -> Row<Value> {
        serde_json::from_str(text)
            .map_err(|error| self.problem(column, text, format!("is not JSON: {error}")))
    }

    /// Any JSON, or nothing.
    pub(super) fn json_null(&self, column: &str, text: Option<&str>) -> Row<Option<Value>> {
        text.map(|text| self.json(column, text)).transpose()
    }

    /// A number in a range.
    pub(super) fn within(&self, column: &str, number: i32, from: i32, to: i32) -> Row<i32> {
        if (from..=to).contains(&number) {
            Ok(number)
        } else {
            Err(self.problem(
                column,
                &number.to_string(),
                format!("is not within {from} and {to}"),
            ))
        }
    }

    pub(super) fn problem(&self, column: &str, found: &str, why: String) -> RowProblem {
        RowProblem {
            table: self.table,
            id: self.id.to_owned(),
            column: column.to_owned(),
            found: cut(found),
            why,
        }
    }
}

/// The beginning of a text, on one line.
fn cut(text: &str) -> String {
    const LONGEST: usize = 80;
    let mut line: String = text
        .chars()
        .take(LONGEST)
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    if text.chars().nth(LONGEST).is_some() {
        line.push('…');
    }
    line
}
