//! Many rows in one buffer: what travels from a reader to a writer.

use crate::model::row::{Cells, Row};
use bytes::Bytes;
use std::ops::Range;

/// Rows in the encoding of [`crate::model::row`], as places in one shared buffer: that into which
/// they were read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RowBatch {
    chunk: Bytes,
    spans: Vec<Range<usize>>,
    bytes: usize,
}

impl RowBatch {
    /// The rows at these places of a buffer, which have so many bytes together.
    pub fn of_spans(chunk: Bytes, spans: Vec<Range<usize>>, bytes: usize) -> Self {
        Self {
            chunk,
            spans,
            bytes,
        }
    }

    /// Copies rows into one buffer; for tests and benchmarks.
    pub fn of_rows<'r>(rows: impl IntoIterator<Item = &'r Row>) -> Self {
        let (mut chunk, mut spans) = (Vec::new(), Vec::new());
        for row in rows {
            let from = chunk.len();
            chunk.extend_from_slice(&row.0);
            spans.push(from..chunk.len());
        }
        Self {
            bytes: chunk.len(),
            chunk: chunk.into(),
            spans,
        }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.spans.len()
    }

    /// Whether it holds no row.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Bytes of all rows.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The cells of the row with this index; nothing where there is no such row.
    pub fn row(&self, index: usize) -> Cells<'_> {
        let row = self
            .spans
            .get(index)
            .and_then(|s| self.chunk.get(s.clone()));
        Cells::new(row.unwrap_or_default())
    }

    /// The row with this index, as a part of the shared buffer; empty where there is no such row.
    pub fn shared(&self, index: usize) -> Row {
        let span = self.spans.get(index).filter(|s| s.end <= self.chunk.len());
        span.map_or_else(Row::default, |span| Row(self.chunk.slice(span.clone())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::row::Cell;

    #[test]
    fn rows_come_back_one_by_one() {
        let one = Row::from_cells([Cell::Value(b"1"), Cell::Null]);
        let two = Row::from_cells([Cell::Value(b""), Cell::Value(b"x")]);
        let batch = RowBatch::of_rows([&one, &two]);
        assert_eq!((batch.rows(), batch.bytes()), (2, one.size() + two.size()));
        assert!(batch.row(0).eq(one.cells()));
        assert_eq!(batch.shared(1), two);
        assert_eq!(batch.row(2).count(), 0);
        assert_eq!(batch.shared(2), Row::default());
    }
}
