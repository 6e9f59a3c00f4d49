//! Reading rows so that the answer is the row encoding of [`crate::model::row`].

use crate::model::row::{Cell, Row, push_cell};
use crate::model::table::{ColumnType, Table, quote_ident};
use mysql_async::Value;

/// The select list for the given columns of a table.
pub fn select_list(table: &Table, columns: &[usize]) -> String {
    columns
        .iter()
        .map(|&c| expression(&table.columns[c].name, &table.columns[c].ty))
        .collect::<Vec<_>>()
        .join(",")
}

/// How a column of this type is selected.
pub fn expression(name: &str, ty: &ColumnType) -> String {
    let name = quote_ident(name);
    match ty {
        // as text a FLOAT has six digits only; adding 0 would lose the sign of -0
        ColumnType::Float { .. } => format!("{name}*1e0"),
        _ => name,
    }
}

/// Encodes a row of the text protocol.
pub fn encode(row: mysql_async::Row) -> Row {
    let mut out = Vec::with_capacity(128);
    push_row(&mut out, row);
    Row(out.into())
}

/// Appends a row of the text protocol to a buffer of rows.
pub fn push_row(out: &mut Vec<u8>, row: mysql_async::Row) {
    for value in row.unwrap() {
        match value {
            Value::NULL => push_cell(out, Cell::Null),
            Value::Bytes(bytes) => push_cell(out, Cell::Value(&bytes)),
            // the text protocol gives nothing else
            other => push_cell(out, Cell::Value(other.as_sql(true).as_bytes())),
        }
    }
}
