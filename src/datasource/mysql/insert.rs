//! Multi-row INSERT and REPLACE statements, built from batches of rows into one reused buffer.

use super::batch::RowBatch;
use super::literal::{LiteralStyle, push_literal, style_of};
use crate::error::{Error, Kind, Result};
use crate::model::table::{Table, TableName, quote_ident};

/// INSERT or REPLACE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Fails on a key that is there.
    Insert,
    /// Replaces rows with the same value in any unique key.
    Replace,
}

/// Builds statements for one table.
#[derive(Debug, Clone)]
pub struct InsertBuilder {
    table: TableName,
    /// ` INTO t (a,b) VALUES `
    into: Vec<u8>,
    styles: Vec<LiteralStyle>,
    /// Largest statement, bytes.
    max_bytes: usize,
}

/// Room that a packet needs beside the statement.
const PACKET_SLACK: usize = 64;

impl InsertBuilder {
    /// For rows that hold the given columns of a table; `max_packet` is the target's
    /// `max_allowed_packet`.
    pub fn new(table: &Table, columns: &[usize], max_packet: usize) -> Self {
        let names: Vec<_> = columns
            .iter()
            .map(|&c| quote_ident(&table.columns[c].name))
            .collect();
        let into = format!(
            " INTO {} ({}) VALUES ",
            table.name.quoted(),
            names.join(",")
        );
        Self {
            table: table.name.clone(),
            into: into.into_bytes(),
            styles: columns
                .iter()
                .map(|&c| style_of(&table.columns[c]))
                .collect(),
            max_bytes: max_packet.saturating_sub(PACKET_SLACK),
        }
    }

    /// The table.
    pub fn table(&self) -> &TableName {
        &self.table
    }

    /// Writes a statement for the rows from index `from` on into `out` (cleared first), as many as
    /// the target takes at once. Returns the index behind the last row in it.
    ///
    /// # Errors
    /// [`Kind::RowRefused`] where one row alone is larger than the target takes.
    pub fn build(
        &self,
        verb: Verb,
        batch: &RowBatch,
        from: usize,
        out: &mut Vec<u8>,
    ) -> Result<usize> {
        out.clear();
        out.extend_from_slice(match verb {
            Verb::Insert => b"INSERT",
            Verb::Replace => b"REPLACE",
        });
        out.extend_from_slice(&self.into);
        for row in from..batch.rows() {
            let mark = out.len();
            if row > from {
                out.push(b',');
            }
            self.push_row(batch, row, out)?;
            if out.len() > self.max_bytes {
                if row == from {
                    return Err(self.refused(format!(
                        "a row needs a statement of {} bytes, but max_allowed_packet of the target is {}",
                        out.len(),
                        self.max_bytes + PACKET_SLACK
                    ))
                    .remedy("Raise max_allowed_packet at the target and run again."));
                }
                out.truncate(mark);
                return Ok(row);
            }
        }
        Ok(batch.rows())
    }

    fn push_row(&self, batch: &RowBatch, row: usize, out: &mut Vec<u8>) -> Result<()> {
        let mut cells = batch.row(row);
        for (at, &style) in self.styles.iter().enumerate() {
            let cell = cells
                .next()
                .ok_or_else(|| self.refused("the row has fewer cells than columns".to_owned()))?;
            out.push(if at == 0 { b'(' } else { b',' });
            push_literal(out, style, cell);
        }
        if cells.next().is_some() {
            return Err(self.refused("the row has more cells than columns".to_owned()));
        }
        out.push(b')');
        Ok(())
    }

    fn refused(&self, detail: String) -> Error {
        Error::new(
            Kind::RowRefused,
            format!("writing rows of table {}", self.table),
        )
        .detail(detail)
    }
}

#[cfg(test)]
mod tests;
