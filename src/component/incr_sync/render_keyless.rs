//! SQL that finds rows of a table without a key by their whole image, byte for byte.

use super::keyless::Removal;
use super::layout::Layout;
use super::render::push_operand;
use crate::datasource::mysql::Flavour;
use crate::datasource::mysql::literal::push_quoted;
use crate::error::Result;
use crate::model::row::{Cell, Row};
use crate::model::table::{Column, ColumnType, Key, KeyWhat, Table, quote_ident};
use std::collections::HashSet;

/// Renders for one table.
pub struct ByImage<'l> {
    /// What the target is.
    pub flavour: Flavour,
    /// The table.
    pub layout: &'l Layout,
}

impl ByImage<'_> {
    /// Whether one row can satisfy the conditions of two different images: then images must be
    /// looked for one by one. JSON values are compared as such, and `1` equals `1.0`.
    pub fn is_ambiguous(&self) -> bool {
        let columns = &self.layout.table().columns;
        let written = &self.layout.written;
        written.iter().any(|&c| columns[c].ty == ColumnType::Json)
    }

    /// A query that answers with (index of the removal, number of rows that equal its image).
    pub fn count(&self, removals: &[Removal]) -> Result<Vec<u8>> {
        let mut out = b"SELECT CASE".to_vec();
        for (at, removal) in removals.iter().enumerate() {
            out.extend_from_slice(b" WHEN ");
            self.push_image(&mut out, &removal.row)?;
            out.extend_from_slice(format!(" THEN {at}").as_bytes());
        }
        let from = format!(
            " END which, COUNT(*) FROM {}",
            self.layout.table().name.quoted()
        );
        out.extend_from_slice(from.as_bytes());
        self.push_where(&mut out, &removals.iter().collect::<Vec<_>>())?;
        out.extend_from_slice(b" GROUP BY which");
        Ok(out)
    }

    /// Deletes every row that equals one of the images.
    pub fn delete_all(&self, removals: &[&Removal]) -> Result<Vec<u8>> {
        let mut out = format!("DELETE FROM {}", self.layout.table().name.quoted()).into_bytes();
        self.push_where(&mut out, removals)?;
        Ok(out)
    }

    /// Deletes as many rows that equal the image as are to go.
    pub fn delete_some(&self, removal: &Removal) -> Result<Vec<u8>> {
        let mut out = self.delete_all(&[removal])?;
        out.extend_from_slice(format!(" LIMIT {}", removal.count).as_bytes());
        Ok(out)
    }

    /// ` WHERE` a row equals one of the images. A short list of one column's values comes first, so
    /// that the server compares whole images for few rows only.
    fn push_where(&self, out: &mut Vec<u8>, removals: &[&Removal]) -> Result<()> {
        out.extend_from_slice(b" WHERE ");
        if let [one] = removals {
            return self.push_image(out, &one.row);
        }
        if let Some(column) = self.telling_column(removals)? {
            let definition = &self.layout.table().columns[column];
            out.extend_from_slice(quote_ident(&definition.name).as_bytes());
            out.extend_from_slice(b" IN (");
            let mut seen = HashSet::new();
            for removal in removals {
                let cell = self.layout.cells(&removal.row)?[column];
                if !seen.insert(cell) {
                    continue;
                }
                if seen.len() > 1 {
                    out.push(b',');
                }
                push_operand(out, definition, cell);
            }
            out.extend_from_slice(b") AND ");
        }
        out.push(b'(');
        for (at, removal) in removals.iter().enumerate() {
            if at > 0 {
                out.extend_from_slice(b" OR ");
            }
            out.push(b'(');
            self.push_image(out, &removal.row)?;
            out.push(b')');
        }
        out.push(b')');
        Ok(())
    }

    /// The column whose values differ most among the images, an index's first before others; None
    /// where no column can be listed.
    fn telling_column(&self, removals: &[&Removal]) -> Result<Option<usize>> {
        let table = self.layout.table();
        let mut best = None;
        for &column in &self.layout.written {
            let definition = &table.columns[column];
            if !is_listable(&definition.ty) {
                continue;
            }
            let mut values = HashSet::new();
            let mut has_null = false;
            for removal in removals {
                let cell = self.layout.cells(&removal.row)?[column];
                has_null |= cell == Cell::Null;
                values.insert(cell);
            }
            let rank = (is_indexed(table, definition), values.len());
            if !has_null && best.is_none_or(|(before, _)| rank > before) {
                best = Some((rank, column));
            }
        }
        Ok(best.map(|(_, column)| column))
    }

    /// That a row equals the image in every written column.
    fn push_image(&self, out: &mut Vec<u8>, row: &Row) -> Result<()> {
        let table = self.layout.table();
        let cells = self.layout.cells(row)?;
        for (i, &c) in self.layout.written.iter().enumerate() {
            if i > 0 {
                out.extend_from_slice(b" AND ");
            }
            self.push_equals(out, table, &table.columns[c], cells[c]);
        }
        Ok(())
    }

    fn push_equals(&self, out: &mut Vec<u8>, table: &Table, column: &Column, cell: Cell<'_>) {
        let name = quote_ident(&column.name);
        let Cell::Value(value) = cell else {
            out.extend_from_slice(format!("{name} IS NULL").as_bytes());
            return;
        };
        let push = |out: &mut Vec<u8>, text: &str| out.extend_from_slice(text.as_bytes());
        match &column.ty {
            ty if ty.is_character() => {
                if is_indexed(table, column) {
                    // lets the server use the index; the bytes decide
                    push(out, &format!("{name}="));
                    push_quoted(out, value);
                    push(out, " AND ");
                }
                push(
                    out,
                    &format!("CAST(CONVERT({name} USING utf8mb4) AS BINARY)=_binary"),
                );
                push_quoted(out, value);
            }
            ColumnType::Json if self.flavour == Flavour::MariaDb => {
                push(
                    out,
                    &format!("CAST(CONVERT({name} USING utf8mb4) AS BINARY)=_binary"),
                );
                push_quoted(out, value);
            }
            ColumnType::Json => {
                push(out, &format!("{name}=CAST("));
                push_quoted(out, value);
                push(out, " AS JSON)");
            }
            ColumnType::Float { .. } | ColumnType::Double { .. } if is_zero(value) => {
                let not = if value.starts_with(b"-") { "" } else { "NOT " };
                push(out, &format!("{name}=0 AND CONCAT({name}) {not}LIKE '-%'"));
            }
            _ => {
                push(out, &format!("{name}="));
                push_operand(out, column, cell);
            }
        }
    }
}

/// Types whose values may stand in a list: equal bytes are found, perhaps others too.
fn is_listable(ty: &ColumnType) -> bool {
    matches!(
        ty,
        ColumnType::Int { .. }
            | ColumnType::Decimal { .. }
            | ColumnType::Char(_)
            | ColumnType::Varchar(_)
            | ColumnType::Date
            | ColumnType::Datetime(_)
            | ColumnType::Timestamp(_)
    )
}

/// Zero, of either sign.
fn is_zero(number: &[u8]) -> bool {
    !number.iter().any(|b| (b'1'..=b'9').contains(b))
}

fn is_indexed(table: &Table, column: &Column) -> bool {
    let first = |key: &Key| match key.parts.first().map(|part| &part.what) {
        Some(KeyWhat::Column(name)) => name.eq_ignore_ascii_case(&column.name),
        _ => false,
    };
    table.keys.iter().any(first)
}

#[cfg(test)]
mod tests {
    use super::super::tests::world::{column, int, table, text};
    use super::*;
    use crate::model::change::TableVersion;
    use std::sync::Arc;

    fn removal(cells: &[Option<&str>], count: u64) -> Removal {
        let cells = cells
            .iter()
            .map(|c| c.map_or(Cell::Null, |v| Cell::Value(v.as_bytes())));
        Removal {
            row: Row::from_cells(cells),
            count,
            at_least: count,
        }
    }

    #[test]
    fn images_are_found_byte_for_byte() {
        let json = column("j", ColumnType::Json, true);
        let columns = vec![int("a", true), text("t", true), json];
        let layout = Layout::new(Arc::new(TableVersion {
            id: 1,
            table: table("n", columns, vec![]),
        }));
        let by_image = ByImage {
            flavour: Flavour::MySql,
            layout: &layout,
        };
        assert!(by_image.is_ambiguous());
        let sql =
            |bytes: Result<Vec<u8>>| String::from_utf8(bytes.expect("rendered")).expect("text");
        assert_eq!(
            sql(by_image.delete_some(&removal(&[None, Some("a "), Some("{}")], 2))),
            "DELETE FROM `d`.`n` WHERE `a` IS NULL AND CAST(CONVERT(`t` USING utf8mb4) AS BINARY)=_binary'a ' AND \
             `j`=CAST('{}' AS JSON) LIMIT 2"
        );
    }

    #[test]
    fn several_images_are_counted_and_deleted_in_one_search() {
        let layout = Layout::new(Arc::new(TableVersion {
            id: 1,
            table: table("n", vec![int("a", true), int("b", false)], vec![]),
        }));
        let by_image = ByImage {
            flavour: Flavour::MySql,
            layout: &layout,
        };
        assert!(!by_image.is_ambiguous());
        let removals = [
            removal(&[None, Some("1")], 1),
            removal(&[Some("2"), Some("3")], 1),
        ];
        let sql =
            |bytes: Result<Vec<u8>>| String::from_utf8(bytes.expect("rendered")).expect("text");
        let found =
            "FROM `d`.`n` WHERE `b` IN (1,3) AND ((`a` IS NULL AND `b`=1) OR (`a`=2 AND `b`=3))";
        assert_eq!(
            sql(by_image.count(&removals)),
            format!(
                "SELECT CASE WHEN `a` IS NULL AND `b`=1 THEN 0 WHEN `a`=2 AND `b`=3 THEN 1 END which, COUNT(*) {found} GROUP BY which"
            )
        );
        assert_eq!(
            sql(by_image.delete_all(&removals.iter().collect::<Vec<_>>())),
            format!("DELETE {found}")
        );
    }
}
