//! A row as bytes: one encoding for the copy, the log and the statements.
//!
//! A row is its cells one after another, each as the MySQL text protocol sends it: the length as
//! a length-encoded integer and the value's text, or the byte `0xFB` for NULL. A cell's text is
//! exactly what the source answers to `SELECT` in a session with `time_zone = '+00:00'` and
//! `character_set_results = utf8mb4`, so a row read by the copy and the same row read from the
//! log are the same bytes. Two deviations, for values whose text would lose something:
//!
//! * `FLOAT` is given as the text of the same number as a DOUBLE (`SELECT col * 1e0`);
//! * binary strings, `BIT` and geometry are their raw bytes.

use bytes::Bytes;

const NULL: u8 = 0xFB;

/// One value of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cell<'a> {
    /// SQL NULL.
    Null,
    /// The value's text, or raw bytes (see the module).
    Value(&'a [u8]),
}

/// A row: shared bytes, cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Row(pub Bytes);

impl Row {
    /// Builds a row from cells; for tests and for places where speed does not matter.
    pub fn from_cells<'a>(cells: impl IntoIterator<Item = Cell<'a>>) -> Self {
        let mut out = Vec::new();
        for cell in cells {
            push_cell(&mut out, cell);
        }
        Self(out.into())
    }

    /// The cells in column order.
    pub fn cells(&self) -> Cells<'_> {
        Cells { rest: &self.0 }
    }

    /// The cell with index `at`; None where the row has fewer.
    pub fn cell(&self, at: usize) -> Option<Cell<'_>> {
        self.cells().nth(at)
    }

    /// Size in bytes.
    pub fn size(&self) -> usize {
        self.0.len()
    }
}

/// Iterates over the cells of a row.
#[derive(Debug, Clone)]
pub struct Cells<'a> {
    rest: &'a [u8],
}

impl<'a> Cells<'a> {
    /// Over cells that are encoded as in [`Row`].
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }
}

impl<'a> Iterator for Cells<'a> {
    type Item = Cell<'a>;

    fn next(&mut self) -> Option<Cell<'a>> {
        let (&first, rest) = self.rest.split_first()?;
        let width = match first {
            NULL => {
                self.rest = rest;
                return Some(Cell::Null);
            }
            0xFC => 2,
            0xFD => 3,
            0xFE => 8,
            _ => 0,
        };
        let (len, rest) = if width == 0 {
            (first as usize, rest)
        } else {
            let (digits, rest) = rest.split_at_checked(width)?;
            let mut le = [0_u8; 8];
            le[..width].copy_from_slice(digits);
            (u64::from_le_bytes(le) as usize, rest)
        };
        let (value, rest) = rest.split_at_checked(len)?;
        self.rest = rest;
        Some(Cell::Value(value))
    }
}

/// Appends one cell to a row that is being built.
pub fn push_cell(out: &mut Vec<u8>, cell: Cell<'_>) {
    match cell {
        Cell::Null => out.push(NULL),
        Cell::Value(value) => {
            push_len(out, value.len());
            out.extend_from_slice(value);
        }
    }
}

/// Appends the length prefix of a cell; `len` bytes of value must follow.
pub fn push_len(out: &mut Vec<u8>, len: usize) {
    match len {
        0..=0xFA => out.push(len as u8),
        0xFB..=0xFFFF => {
            out.push(0xFC);
            out.extend_from_slice(&(len as u16).to_le_bytes());
        }
        0x1_0000..=0xFF_FFFF => {
            out.push(0xFD);
            out.extend_from_slice(&(len as u32).to_le_bytes()[..3]);
        }
        _ => {
            out.push(0xFE);
            out.extend_from_slice(&(len as u64).to_le_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn cells_come_back(cells in proptest::collection::vec(
            proptest::option::of(proptest::collection::vec(any::<u8>(), 0..400)), 0..20)) {
            let view = |c: &Option<Vec<u8>>| c.clone();
            let row = Row::from_cells(cells.iter().map(|c| match c {
                None => Cell::Null,
                Some(v) => Cell::Value(v),
            }));
            let back: Vec<_> = row.cells().map(|c| match c {
                Cell::Null => None,
                Cell::Value(v) => Some(v.to_vec()),
            }).collect();
            prop_assert_eq!(back, cells.iter().map(view).collect::<Vec<_>>());
        }
    }

    #[test]
    fn long_cells_use_wide_lengths() {
        for len in [0, 250, 251, 65_535, 65_536, 16_777_216] {
            let value = vec![7_u8; len];
            let row = Row::from_cells([Cell::Value(&value), Cell::Null]);
            assert_eq!(row.cell(0), Some(Cell::Value(&value)));
            assert_eq!(row.cell(1), Some(Cell::Null));
            assert_eq!(row.cell(2), None);
        }
    }
}
