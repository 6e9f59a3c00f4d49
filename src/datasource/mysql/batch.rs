//! Many rows in one buffer: what travels from a reader to a writer.

use super::select::push_row;
use crate::model::row::Cells;

/// Rows in the encoding of [`crate::model::row`], one after another in one buffer, so that a batch
/// of a thousand rows is two allocations and not a thousand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RowBatch {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl RowBatch {
    /// An empty batch with room for this many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
            ends: Vec::new(),
        }
    }

    /// Appends a row as the driver gives it.
    pub fn push(&mut self, row: mysql_async::Row) {
        push_row(&mut self.bytes, row);
        self.ends.push(self.bytes.len());
    }

    /// Appends a row that is encoded already.
    pub fn push_encoded(&mut self, row: &[u8]) {
        self.bytes.extend_from_slice(row);
        self.ends.push(self.bytes.len());
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.ends.len()
    }

    /// Whether it holds no row.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Bytes of all rows.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The cells of the row with this index; nothing where there is no such row.
    pub fn row(&self, index: usize) -> Cells<'_> {
        let from = index.checked_sub(1).map_or(Some(&0), |i| self.ends.get(i));
        let row = match (from, self.ends.get(index)) {
            (Some(&from), Some(&to)) => &self.bytes[from..to],
            _ => &[],
        };
        Cells::new(row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::row::{Cell, Row};

    #[test]
    fn rows_come_back_one_by_one() {
        let mut batch = RowBatch::default();
        let one = Row::from_cells([Cell::Value(b"1"), Cell::Null]);
        let two = Row::from_cells([Cell::Value(b""), Cell::Value(b"x")]);
        batch.push_encoded(&one.0);
        batch.push_encoded(&two.0);
        assert_eq!((batch.rows(), batch.bytes()), (2, one.size() + two.size()));
        assert!(batch.row(0).eq(one.cells()));
        assert!(batch.row(1).eq(two.cells()));
        assert_eq!(batch.row(2).count(), 0);
    }
}
