//! What comparing two servers needs of them: the columns that a table really has, streams of rows
//! that cannot end unnoticed, and literals for files that people read.

use super::connection::Connection;
use super::fault::fault;
use super::literal::quoted;
use super::select::encode;
use crate::error::{Error, Kind, Result};
use crate::model::row::{Cell, Row};
use crate::model::table::{ColumnType, TableName};
use mysql_async::prelude::Queryable;
use mysql_async::{QueryResult, TextProtocol};
use std::borrow::Cow;

/// A column as a server has it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveColumn {
    /// Name.
    pub name: String,
    /// Type, as far as comparing needs it: sizes are not filled in.
    pub ty: ColumnType,
    /// Character set, lower case, of a character column.
    pub charset: Option<String>,
    /// Whether the server computes it.
    pub generated: bool,
    /// Whether it may hold NULL.
    pub nullable: bool,
}

/// The columns of a table in order; empty where there is no such table.
pub async fn live_columns(conn: &mut Connection, table: &TableName) -> Result<Vec<LiveColumn>> {
    let sql = format!(
        "SELECT column_name, CAST(data_type AS CHAR), CAST(character_set_name AS CHAR), \
         COALESCE(generation_expression, '') <> '', is_nullable <> 'NO' \
         FROM information_schema.columns WHERE table_schema = {} AND table_name = {} \
         ORDER BY ordinal_position",
        quoted(&table.schema),
        quoted(&table.name)
    );
    let rows: Vec<(String, String, Option<String>, bool, bool)> = conn
        .rows(format!("reading the columns of {table}"), sql)
        .await?;
    Ok(rows
        .into_iter()
        .map(
            |(name, data_type, charset, generated, nullable)| LiveColumn {
                name,
                ty: coarse_type(&data_type),
                charset: charset.map(|c| c.to_ascii_lowercase()),
                generated,
                nullable,
            },
        )
        .collect())
}

/// The type by its bare name.
fn coarse_type(data_type: &str) -> ColumnType {
    let int = |bytes| ColumnType::Int {
        bytes,
        unsigned: false,
        width: None,
        zerofill: false,
    };
    let (unsigned, digits) = (false, None);
    match data_type.to_ascii_lowercase().as_str() {
        "tinyint" => int(1),
        "smallint" => int(2),
        "mediumint" => int(3),
        "int" | "integer" => int(4),
        "bigint" => int(8),
        "decimal" | "numeric" => ColumnType::Decimal {
            precision: 0,
            scale: 0,
            unsigned,
            zerofill: false,
        },
        "float" => ColumnType::Float { unsigned, digits },
        "double" => ColumnType::Double { unsigned, digits },
        "bit" => ColumnType::Bit(64),
        "char" => ColumnType::Char(0),
        "varchar" => ColumnType::Varchar(0),
        "binary" => ColumnType::Binary(0),
        "varbinary" => ColumnType::Varbinary(0),
        "tinytext" => ColumnType::Text(1),
        "text" => ColumnType::Text(2),
        "mediumtext" => ColumnType::Text(3),
        "longtext" => ColumnType::Text(4),
        "tinyblob" => ColumnType::Blob(1),
        "blob" => ColumnType::Blob(2),
        "mediumblob" => ColumnType::Blob(3),
        "longblob" => ColumnType::Blob(4),
        "enum" => ColumnType::Enum(Vec::new()),
        "set" => ColumnType::Set(Vec::new()),
        "json" => ColumnType::Json,
        "date" => ColumnType::Date,
        "time" => ColumnType::Time(0),
        "datetime" => ColumnType::Datetime(0),
        "timestamp" => ColumnType::Timestamp(0),
        "year" => ColumnType::Year,
        other => ColumnType::Other(other.to_owned()),
    }
}

/// Rows of a query, one at a time as they arrive.
///
/// The driver answers "no more rows" to whoever asks again after an error; here an error is final,
/// so that a stream that broke is never taken for one that ended.
#[derive(Debug)]
pub struct RowStream<'c> {
    result: QueryResult<'c, 'static, TextProtocol>,
    columns: usize,
    what: Cow<'static, str>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Ended,
    Broken,
}

impl<'c> RowStream<'c> {
    /// Starts a query whose rows have this many columns; `what` is said in errors.
    pub async fn start(
        conn: &'c mut Connection,
        sql: Vec<u8>,
        columns: usize,
        what: impl Into<Cow<'static, str>>,
    ) -> Result<Self> {
        let what = what.into();
        let result = conn
            .query_iter(sql)
            .await
            .map_err(|e| fault(what.clone(), e))?;
        Ok(Self {
            result,
            columns,
            what,
            state: State::Open,
        })
    }

    /// The next row; None at the end. After an error, or when a call was not awaited to its end,
    /// every later call fails.
    pub async fn next(&mut self) -> Result<Option<Row>> {
        match std::mem::replace(&mut self.state, State::Broken) {
            State::Broken => return Err(self.broken("the stream of rows broke before")),
            State::Ended => {
                self.state = State::Ended;
                return Ok(None);
            }
            State::Open => {}
        }
        let row = self
            .result
            .next()
            .await
            .map_err(|e| fault(self.what.clone(), e))?;
        let Some(row) = row else {
            self.state = State::Ended;
            return Ok(None);
        };
        if row.len() != self.columns {
            return Err(self.broken("a row has another number of columns than was asked for"));
        }
        self.state = State::Open;
        Ok(Some(encode(row)))
    }

    fn broken(&self, why: &'static str) -> Error {
        Error::new(Kind::StatementFailed, self.what.clone()).detail(why)
    }
}

/// Lets go of a connection that may have rows on their way, without reading them.
///
/// Dropped on an executor thread, the driver would read the rest of the result first, which may be
/// a whole table. On a thread without a runtime it just closes the socket.
pub fn abandon(conn: Connection) {
    // where no thread can be had the connection is dropped here, which is slower but right
    let thread = std::thread::Builder::new().name("oms-hang-up".to_owned());
    if let Err(error) = thread.spawn(move || drop(conn)) {
        tracing::warn!(%error, "a connection is closed the slow way");
    }
}

/// Appends a cell as a literal that is plain text: bytes stand as `X'…'`.
pub fn push_text_literal(out: &mut String, ty: &ColumnType, cell: Cell<'_>) {
    let Cell::Value(value) = cell else {
        out.push_str("NULL");
        return;
    };
    let text = std::str::from_utf8(value);
    match (ty, text) {
        (ColumnType::Float { .. } | ColumnType::Double { .. }, Ok(text)) => {
            if text == "-0" {
                out.push_str("'-0'");
            } else {
                out.push_str(text);
                if !text.contains('e') {
                    out.push_str("e0");
                }
            }
        }
        (ty, Ok(text)) if ty.is_numeric() => out.push_str(text),
        (ColumnType::Bit(_), _) => out.push_str(&bit_number(value).to_string()),
        (ty, _) if ty.is_binary() && !is_text_only(ty) => push_hex(out, value),
        (_, Ok(text)) => push_quoted_text(out, text),
        // not valid in the connection's character set: the server shall judge the bytes
        (_, Err(_)) => {
            out.push_str("_utf8mb4 ");
            push_hex(out, value);
        }
    }
}

/// Types that the server gives and takes as text though we know them by name only.
pub fn is_text_only(ty: &ColumnType) -> bool {
    matches!(ty, ColumnType::Other(name) if matches!(name.to_ascii_lowercase().as_str(), "uuid" | "inet4" | "inet6"))
}

/// The number that a BIT's bytes stand for.
pub fn bit_number(value: &[u8]) -> u64 {
    value
        .iter()
        .fold(0, |number, &byte| (number << 8) | u64::from(byte))
}

fn push_hex(out: &mut String, value: &[u8]) {
    use std::fmt::Write;
    out.push_str("X'");
    for byte in value {
        // writing to a String cannot fail
        let _ = write!(out, "{byte:02X}");
    }
    out.push('\'');
}

/// Appends a string in quotes, on one line.
fn push_quoted_text(out: &mut String, text: &str) {
    out.push('\'');
    for c in text.chars() {
        match c {
            '\'' => out.push_str("\\'"),
            '\\' => out.push_str("\\\\"),
            '\0' => out.push_str("\\0"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\u{1a}' => out.push_str("\\Z"),
            c => out.push(c),
        }
    }
    out.push('\'');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(ty: &ColumnType, value: &[u8]) -> String {
        let mut out = String::new();
        push_text_literal(&mut out, ty, Cell::Value(value));
        out
    }

    #[test]
    fn literals_are_one_line_of_text() {
        let double = coarse_type("double");
        for (ty, value, sql) in [
            (coarse_type("int"), &b"-5"[..], "-5"),
            (double.clone(), b"0.1", "0.1e0"),
            (double.clone(), b"-0", "'-0'"),
            (double, b"1e-7", "1e-7"),
            (coarse_type("bit"), b"\x01\x00", "256"),
            (coarse_type("blob"), b"\x00'", "X'0027'"),
            (coarse_type("varbinary"), b"", "X''"),
            (coarse_type("varchar"), b"it's\n\\", "'it\\'s\\n\\\\'"),
            (coarse_type("varchar"), b"\xff", "_utf8mb4 X'FF'"),
            (coarse_type("json"), b"{\"a\":1}", "'{\"a\":1}'"),
            (coarse_type("uuid"), b"12-3", "'12-3'"),
            (
                coarse_type("datetime"),
                b"2024-01-01 00:00:00",
                "'2024-01-01 00:00:00'",
            ),
        ] {
            assert_eq!(literal(&ty, value), sql);
        }
    }
}
