//! Row events: WRITE, UPDATE and DELETE in both versions, and MariaDB's compressed ones.

use super::event::{decompress, kind};
use super::input::{Bad, Input};
use super::plan::{Image, RowPlan};
use std::borrow::Cow;

/// What a row event does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowsKind {
    /// One image for each row.
    Insert,
    /// Two images for each row.
    Update,
    /// One image for each row.
    Delete,
}

/// A table number that stands for no table: the event only ends a statement.
const NO_TABLE: u64 = 0xFF_FFFF;

/// A row event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowsEvent<'a> {
    /// What it does.
    pub kind: RowsKind,
    /// The table by its number in TABLE_MAP.
    pub table_id: u64,
    columns: usize,
    before: &'a [u8],
    after: &'a [u8],
    rows: Cow<'a, [u8]>,
}

/// Type of a row event, whether it is of version 2, and whether it is compressed.
fn form(event: u8) -> Option<(RowsKind, bool, bool)> {
    use RowsKind::*;
    Some(match event {
        kind::WRITE_ROWS_V1 => (Insert, false, false),
        kind::UPDATE_ROWS_V1 => (Update, false, false),
        kind::DELETE_ROWS_V1 => (Delete, false, false),
        kind::WRITE_ROWS => (Insert, true, false),
        kind::UPDATE_ROWS => (Update, true, false),
        kind::DELETE_ROWS => (Delete, true, false),
        kind::WRITE_ROWS_COMPRESSED_V1 => (Insert, false, true),
        kind::UPDATE_ROWS_COMPRESSED_V1 => (Update, false, true),
        kind::DELETE_ROWS_COMPRESSED_V1 => (Delete, false, true),
        kind::WRITE_ROWS_COMPRESSED => (Insert, true, true),
        kind::UPDATE_ROWS_COMPRESSED => (Update, true, true),
        kind::DELETE_ROWS_COMPRESSED => (Delete, true, true),
        _ => return None,
    })
}

/// Whether an event of this type holds rows.
pub fn is_rows(event: u8) -> bool {
    form(event).is_some()
}

/// The table number of a row event, without reading the rest of it.
pub fn table_id(body: &[u8]) -> Result<u64, Bad> {
    Input(body).le(6)
}

impl<'a> RowsEvent<'a> {
    /// Reads the event of this type.
    pub fn parse(event: u8, body: &'a [u8]) -> Result<Self, Bad> {
        let (kind, version_2, compressed) = form(event).ok_or(Bad::Invalid("not a row event"))?;
        let mut input = Input(body);
        let table_id = input.le(6)?;
        input.u16()?;
        if version_2 {
            let extra = usize::from(input.u16()?);
            input.take(extra.checked_sub(2).ok_or(Bad::Short)?)?;
        }
        let columns = input.lenenc_len()?;
        let before = input.take(columns.div_ceil(8))?;
        let after = match kind {
            RowsKind::Update => input.take(columns.div_ceil(8))?,
            _ => before,
        };
        let rows = if compressed {
            Cow::Owned(decompress(input.0)?)
        } else {
            Cow::Borrowed(input.0)
        };
        Ok(Self {
            kind,
            table_id,
            columns,
            before,
            after,
            rows,
        })
    }

    /// Whether it belongs to no table.
    pub fn is_dummy(&self) -> bool {
        self.table_id == NO_TABLE
    }

    /// The first column's value in the first image of the first row, where the column is a text whose
    /// length is written in so many bytes. None where the image has no such column, or it is NULL.
    pub fn first_text(&self, length_bytes: usize) -> Result<Option<&[u8]>, Bad> {
        if self.before.first().is_none_or(|byte| byte & 1 == 0) {
            return Ok(None);
        }
        let held: u32 = self.before.iter().map(|byte| byte.count_ones()).sum();
        let mut input = Input(&self.rows);
        let nulls = input.take((held as usize).div_ceil(8))?;
        if nulls.first().is_some_and(|byte| byte & 1 == 1) {
            return Ok(None);
        }
        let len = usize::try_from(input.le(length_bytes)?).map_err(|_| Bad::Short)?;
        input.take(len).map(Some)
    }

    /// A reader of its rows; None where the images are not full.
    pub fn rows<'e>(&'e self, plan: &'e RowPlan) -> Option<Rows<'e>> {
        if self.columns != plan.len() {
            return None;
        }
        Some(Rows {
            before: plan.image(self.before)?,
            after: plan.image(self.after)?,
            kind: self.kind,
            input: Input(&self.rows),
            plan,
        })
    }
}

/// Reads the rows of an event one by one.
#[derive(Debug)]
pub struct Rows<'e> {
    kind: RowsKind,
    plan: &'e RowPlan,
    before: Image<'e>,
    after: Image<'e>,
    input: Input<'e>,
}

impl Rows<'_> {
    /// What happens to the rows.
    pub fn kind(&self) -> RowsKind {
        self.kind
    }

    /// Whether no row is left.
    pub fn is_empty(&self) -> bool {
        self.input.is_empty()
    }

    /// Appends the cells of the next row's first image: the row before an update or delete, or
    /// the new row of an insert.
    pub fn first_image(&mut self, out: &mut Vec<u8>) -> Result<(), Bad> {
        let left = self.input.len();
        self.plan.decode(self.before, &mut self.input, out)?;
        if self.input.len() == left {
            // a table without columns would never end
            return Err(Bad::Invalid("a row takes no bytes"));
        }
        Ok(())
    }

    /// Appends the cells of an update's second image.
    pub fn second_image(&mut self, out: &mut Vec<u8>) -> Result<(), Bad> {
        self.plan.decode(self.after, &mut self.input, out)
    }
}
