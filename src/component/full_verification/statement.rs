//! The SQL of a comparison, as text: reading by key range and by keys, and correcting.

use super::plan::{Key, Plan, Side};
use crate::datasource::mysql::compare::push_text_literal;
use crate::model::row::{Cell, Row};
use crate::model::table::{ColumnType, quote_ident};

/// A range of keys: behind `after`, up to and with `upto`; None is without a bound.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Slice {
    /// Exclusive lower bound.
    pub after: Option<Key>,
    /// Inclusive upper bound.
    pub upto: Option<Key>,
}

/// Reads a slice in the order of the key.
pub fn read_slice(plan: &Plan, side: Side, slice: &Slice, key_only: bool) -> String {
    let mut sql = select(plan, side, key_only);
    push_range(&mut sql, plan, slice);
    push_order(&mut sql, plan);
    sql
}

/// Reads the key of the last row of the next `rows` rows behind `after`.
pub fn read_bound(plan: &Plan, side: Side, after: Option<&Key>, rows: u64) -> String {
    let rest = Slice {
        after: after.cloned(),
        upto: None,
    };
    read_middle(plan, side, &rest, rows)
}

/// Reads the key of the row with this number (from 1) in a slice.
pub fn read_middle(plan: &Plan, side: Side, slice: &Slice, row: u64) -> String {
    let mut sql = select(plan, side, true);
    push_range(&mut sql, plan, slice);
    push_order(&mut sql, plan);
    sql.push_str(&format!(" LIMIT 1 OFFSET {}", row.saturating_sub(1)));
    sql
}

/// Reads the number of a slice's rows, and their sum.
pub fn read_sum(plan: &Plan, side: Side, slice: &Slice, sum_of_rows: &str) -> String {
    let mut sql = format!(
        "SELECT COUNT(*),{sum_of_rows} FROM {}",
        plan.table(side).quoted()
    );
    push_range(&mut sql, plan, slice);
    sql
}

/// Reads the whole table in no order.
pub fn read_all(plan: &Plan, side: Side) -> String {
    select(plan, side, false)
}

/// Reads the rows with these keys.
pub fn read_keys(plan: &Plan, side: Side, keys: &[&Key], key_only: bool) -> String {
    let mut sql = select(plan, side, key_only);
    sql.push_str(" WHERE ");
    if let [column] = plan.key.as_slice() {
        sql.push_str(&quote_ident(&plan.columns[*column].name));
        sql.push_str(" IN (");
        for (at, key) in keys.iter().enumerate() {
            if at > 0 {
                sql.push(',');
            }
            let cell = key.cell(0).unwrap_or(Cell::Null);
            push_text_literal(&mut sql, &plan.columns[*column].ty, cell);
        }
        sql.push(')');
    } else {
        for (at, key) in keys.iter().enumerate() {
            sql.push_str(if at > 0 { " OR (" } else { "(" });
            push_key_equals(&mut sql, plan, key);
            sql.push(')');
        }
    }
    sql
}

fn select(plan: &Plan, side: Side, key_only: bool) -> String {
    format!(
        "SELECT {} FROM {}",
        plan.select_list(side, key_only),
        plan.table(side).quoted()
    )
}

fn push_order(sql: &mut String, plan: &Plan) {
    for (at, &column) in plan.key.iter().enumerate() {
        sql.push_str(if at > 0 { "," } else { " ORDER BY " });
        sql.push_str(&quote_ident(&plan.columns[column].name));
    }
}

fn push_range(sql: &mut String, plan: &Plan, slice: &Slice) {
    if let Some(after) = &slice.after {
        sql.push_str(" WHERE ");
        push_bound(sql, plan, after, ">", ">");
    }
    if let Some(upto) = &slice.upto {
        sql.push_str(if slice.after.is_some() {
            " AND "
        } else {
            " WHERE "
        });
        push_bound(sql, plan, upto, "<", "<=");
    }
}

/// `(k1 > a OR (k1 = a AND (k2 > b OR …)))`, with a plain bound on the first column in front that
/// every optimiser turns into a range. `last` is the operator of the last column.
fn push_bound(sql: &mut String, plan: &Plan, key: &Key, operator: &str, last: &str) {
    let cells: Vec<Cell<'_>> = key.cells().collect();
    let literal = |sql: &mut String, at: usize| {
        push_text_literal(sql, &plan.columns[plan.key[at]].ty, cells[at]);
    };
    let name = |at: usize| quote_ident(&plan.columns[plan.key[at]].name);
    if plan.key.len() > 1 {
        sql.push_str(&format!("{}{operator}=", name(0)));
        literal(sql, 0);
        sql.push_str(" AND ");
    }
    for at in 0..plan.key.len() {
        let is_last = at + 1 == plan.key.len();
        sql.push_str(&format!(
            "({}{}",
            name(at),
            if is_last { last } else { operator }
        ));
        literal(sql, at);
        if !is_last {
            sql.push_str(&format!(" OR ({}=", name(at)));
            literal(sql, at);
            sql.push_str(" AND ");
        }
    }
    sql.push_str(&")".repeat(plan.key.len() * 2 - 1));
}

fn push_key_equals(sql: &mut String, plan: &Plan, key: &Key) {
    for (at, (&column, cell)) in plan.key.iter().zip(key.cells()).enumerate() {
        if at > 0 {
            sql.push_str(" AND ");
        }
        sql.push_str(&quote_ident(&plan.columns[column].name));
        sql.push('=');
        push_text_literal(sql, &plan.columns[column].ty, cell);
    }
}

/// Appends a value to be written or compared: bytes of a raw column in their character set.
fn push_value(sql: &mut String, plan: &Plan, column: usize, cell: Cell<'_>) {
    let column = &plan.columns[column];
    match (&column.raw, cell) {
        (Some(charset), Cell::Value(_)) => {
            sql.push_str("CONVERT(");
            push_text_literal(sql, &ColumnType::Blob(4), cell);
            sql.push_str(&format!(" USING {charset})"));
        }
        _ => push_text_literal(sql, &column.ty, cell),
    }
}

/// Puts a source row into the target. Not REPLACE, which would silently delete another row that
/// holds one of its unique values.
pub fn insert(plan: &Plan, row: &Row) -> String {
    let mut names = Vec::new();
    let mut values = String::new();
    for (at, cell) in row.cells().enumerate().take(plan.columns.len()) {
        if plan.columns[at].generated {
            continue;
        }
        if !names.is_empty() {
            values.push(',');
        }
        names.push(quote_ident(&plan.columns[at].name));
        push_value(&mut values, plan, at, cell);
    }
    format!(
        "INSERT INTO {} ({}) VALUES ({values})",
        plan.target.quoted(),
        names.join(",")
    )
}

/// Gives the target row with this key the source's values in these columns; None where none of
/// them can be written.
pub fn update(plan: &Plan, target_key: &Key, source: &Row, columns: &[usize]) -> Option<String> {
    let cells: Vec<Cell<'_>> = source.cells().collect();
    let mut sql = format!("UPDATE {} SET ", plan.target.quoted());
    let mut first = true;
    for &column in columns.iter().filter(|&&c| !plan.columns[c].generated) {
        if !first {
            sql.push(',');
        }
        first = false;
        sql.push_str(&quote_ident(&plan.columns[column].name));
        sql.push('=');
        push_value(&mut sql, plan, column, *cells.get(column)?);
    }
    sql.push_str(" WHERE ");
    push_key_equals(&mut sql, plan, target_key);
    (!first).then_some(sql)
}

/// Deletes the target row with this key.
pub fn delete(plan: &Plan, target_key: &Key) -> String {
    let mut sql = format!("DELETE FROM {} WHERE ", plan.target.quoted());
    push_key_equals(&mut sql, plan, target_key);
    sql
}

/// Locks and reads the target row with this key.
pub fn lock(plan: &Plan, target_key: &Key) -> String {
    let mut sql = select(plan, Side::Target, false);
    sql.push_str(" WHERE ");
    push_key_equals(&mut sql, plan, target_key);
    sql.push_str(" FOR UPDATE");
    sql
}

/// Deletes so many target rows that have exactly these values, from a table without a key.
/// `native_json` says that the target compares JSON by value.
pub fn delete_alike(plan: &Plan, row: &Row, rows: u64, native_json: bool) -> String {
    let mut sql = format!("DELETE FROM {} WHERE ", plan.target.quoted());
    for (at, cell) in row.cells().enumerate().take(plan.columns.len()) {
        if at > 0 {
            sql.push_str(" AND ");
        }
        push_same_value(&mut sql, plan, at, cell, native_json);
    }
    sql.push_str(&format!(" LIMIT {rows}"));
    sql
}

fn push_same_value(sql: &mut String, plan: &Plan, at: usize, cell: Cell<'_>, native_json: bool) {
    let column = &plan.columns[at];
    let name = quote_ident(&column.name);
    let Cell::Value(value) = cell else {
        sql.push_str(&format!("{name} IS NULL"));
        return;
    };
    let as_bytes = Cell::Value(value);
    match &column.target_ty {
        _ if column.raw.is_some() => {
            sql.push_str(&format!("CAST({name} AS BINARY)="));
            push_text_literal(sql, &ColumnType::Blob(4), as_bytes);
        }
        ColumnType::Json if native_json => {
            sql.push_str(&format!("{name}=CAST("));
            push_text_literal(sql, &ColumnType::Text(4), as_bytes);
            sql.push_str(" AS JSON)");
        }
        ColumnType::Bit(_) => {
            sql.push_str(&format!("{name}+0="));
            push_text_literal(sql, &column.target_ty, as_bytes);
        }
        // a collation would take other texts for equal
        ty if ty.is_character() || matches!(ty, ColumnType::Json) => {
            sql.push_str(&format!("CAST(CONVERT({name} USING utf8mb4) AS BINARY)="));
            push_text_literal(sql, &ColumnType::Blob(4), as_bytes);
        }
        ty => {
            sql.push_str(&format!("{name}="));
            push_text_literal(sql, ty, as_bytes);
        }
    }
}

/// What a file of correction SQL begins with: the settings under which its literals mean what
/// they say.
pub const FILE_HEAD: &str = "SET NAMES utf8mb4;\n\
SET SESSION time_zone = '+00:00';\n\
SET SESSION sql_mode = 'STRICT_ALL_TABLES,ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO';\n\
SET SESSION foreign_key_checks = 0;\n";
