//! Row-by-row comparison of tables on two servers, at rest.

use std::collections::HashMap;
use std::fmt;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Value};

use super::server::Server;

/// A cell as comparable bytes; `None` is NULL.
type Cell = Option<Box<[u8]>>;
type Cells = Box<[Cell]>;

/// One thing that is not equal on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// The table's columns are not the same.
    Columns {
        /// `schema.table`.
        table: String,
        /// What is wrong.
        detail: String,
    },
    /// A row that only the source has.
    Missing {
        /// `schema.table`.
        table: String,
        /// The key, or the whole row of a table without one.
        key: String,
    },
    /// A row that only the target has.
    Extra {
        /// `schema.table`.
        table: String,
        /// The key, or the whole row of a table without one.
        key: String,
    },
    /// A row with other values on the other side.
    Different {
        /// `schema.table`.
        table: String,
        /// The key.
        key: String,
        /// `column: source value / target value` for each that differs.
        columns: Vec<String>,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Columns { table, detail } => write!(f, "{table}: columns differ: {detail}"),
            Self::Missing { table, key } => write!(f, "{table}: missing at the target: {key}"),
            Self::Extra { table, key } => write!(f, "{table}: only at the target: {key}"),
            Self::Different {
                table,
                key,
                columns,
            } => write!(f, "{table}: {key} differs: {}", columns.join(", ")),
        }
    }
}

/// The base tables of a schema, as `schema.table`, in order.
pub async fn tables_of(conn: &mut Conn, schema: &str) -> Result<Vec<String>, String> {
    let mut names: Vec<String> = conn
        .exec(
            "SELECT table_name FROM information_schema.tables \
             WHERE table_schema = ? AND table_type = 'BASE TABLE'",
            (schema,),
        )
        .await
        .map_err(|error| format!("cannot list the tables of {schema}: {error}"))?;
    // Not the server's order: that depends on its collation.
    names.sort();
    Ok(names
        .into_iter()
        .map(|name| format!("{schema}.{name}"))
        .collect())
}

/// Compares tables of the same name on both sides; returns at most `limit` differences.
///
/// Nothing may write to them meanwhile. The source's primary key says which rows belong together;
/// rows of a table without one are compared as a multiset.
pub async fn compare_tables(
    source: &mut Conn,
    target: &mut Conn,
    tables: &[impl AsRef<str>],
    limit: usize,
) -> Result<Vec<Difference>, String> {
    let mut found = Vec::new();
    prepare(source).await?;
    prepare(target).await?;
    for table in tables {
        if found.len() >= limit {
            break;
        }
        compare_one(source, target, table.as_ref(), limit, &mut found).await?;
    }
    found.truncate(limit);
    Ok(found)
}

/// Fails unless the target has exactly the source's tables of a schema, with the same rows; nothing may
/// write meanwhile.
///
/// # Panics
/// When it has not, with what differs.
pub async fn same_rows(source: &Server, target: &Server, schema: &str) {
    let (mut here, mut there) = (source.conn().await, target.conn().await);
    let tables = tables_of(&mut here, schema)
        .await
        .expect("the source's tables");
    assert!(!tables.is_empty(), "no table in {schema}");
    let at_target = tables_of(&mut there, schema)
        .await
        .expect("the target's tables");
    assert_eq!(at_target, tables, "the tables at the target");
    let found = compare_tables(&mut here, &mut there, &tables, 20)
        .await
        .expect("compare");
    let lines: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert!(
        found.is_empty(),
        "{} → {}: {} differences:\n{}",
        source.url(),
        target.url(),
        found.len(),
        lines.join("\n")
    );
}

async fn prepare(conn: &mut Conn) -> Result<(), String> {
    let fail = |error: mysql_async::Error| format!("cannot prepare a session: {error}");
    conn.query_drop("SET NAMES utf8mb4 COLLATE utf8mb4_general_ci")
        .await
        .map_err(fail)?;
    conn.query_drop("SET time_zone = '+00:00'")
        .await
        .map_err(fail)?;
    // Only OceanBase knows these.
    let _ = conn
        .query_drop("SET ob_query_timeout = 3600000000, ob_trx_timeout = 3600000000")
        .await;
    Ok(())
}

/// How a column is read and compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Class {
    Number,
    Float,
    Bytes,
    Json,
    Text,
    Plain,
}

struct Column {
    name: String,
    class: Class,
    key: bool,
}

async fn columns_of(conn: &mut Conn, schema: &str, table: &str) -> Result<Vec<Column>, String> {
    let rows: Vec<(String, String, String)> = conn
        .exec(
            "SELECT column_name, CAST(data_type AS CHAR), CAST(column_key AS CHAR) \
             FROM information_schema.columns WHERE table_schema = ? AND table_name = ? \
             ORDER BY ordinal_position",
            (schema, table),
        )
        .await
        .map_err(|error| format!("cannot read the columns of {schema}.{table}: {error}"))?;
    let column = |(name, data_type, key): (String, String, String)| Column {
        class: match data_type.to_ascii_lowercase().as_str() {
            "tinyint" | "smallint" | "mediumint" | "int" | "bigint" | "bit" | "decimal" => {
                Class::Number
            }
            "float" | "double" => Class::Float,
            "json" => Class::Json,
            "char" | "varchar" | "tinytext" | "text" | "mediumtext" | "longtext" | "enum"
            | "set" => Class::Text,
            "date" | "time" | "datetime" | "timestamp" | "year" => Class::Plain,
            _ => Class::Bytes,
        },
        key: key == "PRI",
        name,
    };
    Ok(rows.into_iter().map(column).collect())
}

/// Reads all columns in the source's order, each in a form that is the same on every server.
fn select(schema: &str, table: &str, columns: &[Column]) -> String {
    let expressions: Vec<_> = columns
        .iter()
        .map(|column| {
            let name = format!("`{}`", column.name.replace('`', "``"));
            match column.class {
                // Adding 0 drops ZEROFILL and turns BIT into a number.
                Class::Number => format!("{name}+0"),
                Class::Float => format!("{name}+0e0"),
                Class::Bytes => format!("HEX({name})"),
                Class::Json | Class::Text => format!("CONVERT({name} USING utf8mb4)"),
                Class::Plain => name,
            }
        })
        .collect();
    format!("SELECT {} FROM `{schema}`.`{table}`", expressions.join(","))
}

fn cell(value: Value, class: Class) -> Result<Cell, String> {
    let bytes = match value {
        Value::NULL => return Ok(None),
        Value::Bytes(bytes) => bytes,
        other => other.as_sql(true).into_bytes(),
    };
    let text = || String::from_utf8_lossy(&bytes);
    let canonical = match class {
        Class::Float => match text().parse::<f64>() {
            Ok(number) => format!("{number:?}").into_bytes(),
            Err(_) => return Err(format!("not a number: {}", text())),
        },
        // Parsing sorts the keys of objects.
        Class::Json => match serde_json::from_slice::<serde_json::Value>(&bytes) {
            Ok(json) => json.to_string().into_bytes(),
            Err(error) => return Err(format!("not JSON ({error}): {}", text())),
        },
        _ => bytes,
    };
    Ok(Some(canonical.into_boxed_slice()))
}

fn shown(cell: &Cell) -> String {
    let Some(bytes) = cell else {
        return "NULL".into();
    };
    let text = String::from_utf8_lossy(bytes);
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{:?}… ({} bytes)", &text[..end], bytes.len()),
        None => format!("{text:?}"),
    }
}

fn described(columns: &[Column], cells: &[Cell], of_key: bool) -> String {
    let parts: Vec<_> = columns
        .iter()
        .filter(|column| column.key || !of_key)
        .zip(cells)
        .map(|(column, cell)| format!("{}={}", column.name, shown(cell)))
        .collect();
    parts.join(" ")
}

/// Calls `each` with every row of a table.
async fn scan(
    conn: &mut Conn,
    sql: &str,
    columns: &[Column],
    mut each: impl FnMut(Cells),
) -> Result<(), String> {
    let fail = |error: mysql_async::Error| format!("cannot read with {sql}: {error}");
    let mut result = conn.query_iter(sql).await.map_err(fail)?;
    while let Some(row) = result.next().await.map_err(fail)? {
        let values = row.unwrap();
        let cells: Result<Cells, String> = values
            .into_iter()
            .zip(columns)
            .map(|(value, column)| {
                cell(value, column.class).map_err(|error| format!("{}: {error}", column.name))
            })
            .collect();
        each(cells.map_err(|error| format!("{sql}: {error}"))?);
    }
    Ok(())
}

async fn compare_one(
    source: &mut Conn,
    target: &mut Conn,
    table: &str,
    limit: usize,
    found: &mut Vec<Difference>,
) -> Result<(), String> {
    let (schema, name) = table
        .split_once('.')
        .ok_or_else(|| format!("not schema.table: {table}"))?;
    let mut columns = columns_of(source, schema, name).await?;
    let there = columns_of(target, schema, name).await?;
    let names = |columns: &[Column]| -> Vec<String> {
        columns.iter().map(|c| c.name.to_lowercase()).collect()
    };
    if columns.is_empty() || names(&columns) != names(&there) {
        found.push(Difference::Columns {
            table: table.to_owned(),
            detail: format!("source {:?}, target {:?}", names(&columns), names(&there)),
        });
        return Ok(());
    }
    for (here, there) in columns.iter_mut().zip(&there) {
        // MariaDB's JSON is text with a check.
        if there.class == Class::Json && here.class == Class::Text {
            here.class = Class::Json;
        }
    }
    let sql = select(schema, name, &columns);
    if columns.iter().any(|column| column.key) {
        compare_keyed(source, target, table, &sql, &columns, limit, found).await
    } else {
        compare_keyless(source, target, table, &sql, &columns, limit, found).await
    }
}

async fn compare_keyed(
    source: &mut Conn,
    target: &mut Conn,
    table: &str,
    sql: &str,
    columns: &[Column],
    limit: usize,
    found: &mut Vec<Difference>,
) -> Result<(), String> {
    let key_of = |cells: &Cells| -> Cells {
        let keys = columns.iter().zip(cells).filter(|(column, _)| column.key);
        keys.map(|(_, cell)| cell.clone()).collect()
    };
    let mut rows: HashMap<Cells, Cells> = HashMap::new();
    scan(source, sql, columns, |cells| {
        rows.insert(key_of(&cells), cells);
    })
    .await?;
    let table = table.to_owned();
    scan(target, sql, columns, |cells| {
        let key = key_of(&cells);
        let here = rows.remove(&key);
        if found.len() >= limit || here.as_ref() == Some(&cells) {
            return;
        }
        let (table, key) = (table.clone(), described(columns, &key, true));
        found.push(match here {
            None => Difference::Extra { table, key },
            Some(here) => {
                let pairs = columns.iter().zip(here.iter().zip(&cells));
                let differing = pairs.filter(|(_, (here, there))| here != there);
                let columns = differing
                    .map(|(c, (a, b))| format!("{}: {} / {}", c.name, shown(a), shown(b)))
                    .collect();
                Difference::Different {
                    table,
                    key,
                    columns,
                }
            }
        });
    })
    .await?;
    for key in rows.keys().take(limit.saturating_sub(found.len())) {
        let key = described(columns, key, true);
        found.push(Difference::Missing {
            table: table.clone(),
            key,
        });
    }
    Ok(())
}

async fn compare_keyless(
    source: &mut Conn,
    target: &mut Conn,
    table: &str,
    sql: &str,
    columns: &[Column],
    limit: usize,
    found: &mut Vec<Difference>,
) -> Result<(), String> {
    let mut counts: HashMap<Cells, i64> = HashMap::new();
    scan(source, sql, columns, |cells| {
        *counts.entry(cells).or_default() += 1;
    })
    .await?;
    scan(target, sql, columns, |cells| {
        *counts.entry(cells).or_default() -= 1;
    })
    .await?;
    let unequal = counts.iter().filter(|(_, count)| **count != 0);
    for (cells, count) in unequal.take(limit.saturating_sub(found.len())) {
        let times = count.abs();
        let row = described(columns, cells, false);
        let (table, key) = (table.to_owned(), format!("{row} ({times} times)"));
        found.push(if *count > 0 {
            Difference::Missing { table, key }
        } else {
            Difference::Extra { table, key }
        });
    }
    Ok(())
}
