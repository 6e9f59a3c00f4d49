//! [`Statement`]s as SQL.
//!
//! A statement becomes one or several SQL texts, none longer than the target takes. Lists of keys
//! are kept short: MariaDB turns an `IN` list of 1000 or more into a subquery that it can't look up
//! in an index, and MySQL gives up on ranges when a list needs too much memory.

use super::layout::Layout;
use super::plan::Statement;
use crate::datasource::mysql::Flavour;
use crate::datasource::mysql::literal::{LiteralStyle, push_literal, style_of};
use crate::error::{Error, Kind, Result};
use crate::model::row::{Cell, Row};
use crate::model::table::{Column, ColumnType, quote_ident};

/// Keys in one DELETE, at most.
const KEYS: usize = 200;

/// How statements are written for a target.
#[derive(Debug, Clone, Copy)]
pub struct Renderer {
    /// What the target is.
    pub flavour: Flavour,
    /// A text is closed when it is about this long, bytes.
    pub soft: usize,
    /// No text may be longer, bytes (`max_allowed_packet`).
    pub hard: usize,
}

impl Renderer {
    /// The SQL texts of a statement, in order.
    pub fn render(&self, statement: &Statement) -> Result<Vec<Vec<u8>>> {
        let texts = match statement {
            Statement::Delete(layout, rows) => self.delete(layout, rows)?,
            Statement::Replace(layout, rows) => self.values("REPLACE", layout, rows)?,
            Statement::Insert(layout, rows) => self.values("INSERT", layout, rows)?,
            // one after another and looked at in between: see the target
            Statement::Remove(..) => Vec::new(),
        };
        for text in &texts {
            self.check_length(statement.layout(), text)?;
        }
        Ok(texts)
    }

    /// Refuses a text that the target would not take.
    pub fn check_length(&self, layout: &Layout, text: &[u8]) -> Result<()> {
        if text.len() <= self.hard {
            return Ok(());
        }
        let what = format!("writing a row of {}", layout.table().name);
        Err(Error::new(Kind::ApplyRefused, what)
            .detail(format!(
                "its statement is {} bytes long, the target takes {} (max_allowed_packet)",
                text.len(),
                self.hard
            ))
            .remedy("Raise max_allowed_packet at the target and run again."))
    }

    fn values(&self, verb: &str, layout: &Layout, rows: &[Row]) -> Result<Vec<Vec<u8>>> {
        let table = layout.table();
        let names: Vec<String> = layout
            .written
            .iter()
            .map(|&c| quote_ident(&table.columns[c].name))
            .collect();
        let styles: Vec<LiteralStyle> = layout
            .written
            .iter()
            .map(|&c| style_of(&table.columns[c]))
            .collect();
        let head = format!(
            "{verb} INTO {} ({}) VALUES ",
            table.name.quoted(),
            names.join(",")
        );
        let mut texts = Texts::new(head.as_bytes(), b"", self.soft, usize::MAX);
        for row in rows {
            let cells = layout.cells(row)?;
            texts.add(b",", |out| {
                out.push(b'(');
                for (i, (&column, &style)) in layout.written.iter().zip(&styles).enumerate() {
                    if i > 0 {
                        out.push(b',');
                    }
                    push_literal(out, style, cells[column]);
                }
                out.push(b')');
            });
        }
        Ok(texts.finish())
    }

    fn delete(&self, layout: &Layout, rows: &[Row]) -> Result<Vec<Vec<u8>>> {
        let table = layout.table();
        let key = layout.row_key.as_deref().unwrap_or_default();
        let from = format!("DELETE FROM {} WHERE ", table.name.quoted());
        if let [column] = key {
            let column = *column;
            let head = format!("{from}{} IN (", quote_ident(&table.columns[column].name));
            let mut texts = Texts::new(head.as_bytes(), b")", self.soft, KEYS);
            for row in rows {
                let cells = layout.cells(row)?;
                texts.add(b",", |out| {
                    push_operand(out, &table.columns[column], cells[column])
                });
            }
            return Ok(texts.finish());
        }
        // not (a,b) IN ((1,2),…): not every server looks that up in an index
        let mut texts = Texts::new(from.as_bytes(), b"", self.soft, KEYS);
        for row in rows {
            let cells = layout.cells(row)?;
            texts.add(b" OR ", |out| {
                out.push(b'(');
                for (i, &c) in key.iter().enumerate() {
                    if i > 0 {
                        out.extend_from_slice(b" AND ");
                    }
                    out.extend_from_slice(quote_ident(&table.columns[c].name).as_bytes());
                    out.push(b'=');
                    push_operand(out, &table.columns[c], cells[c]);
                }
                out.push(b')');
            });
        }
        Ok(texts.finish())
    }
}

/// A value on the right of a comparison with its column.
pub(super) fn push_operand(out: &mut Vec<u8>, column: &Column, cell: Cell<'_>) {
    match (&column.ty, cell) {
        // a string of bytes would be compared as a decimal text
        (ColumnType::Bit(_), Cell::Value(value)) => {
            let number = value
                .iter()
                .fold(0_u64, |n, &byte| (n << 8) | u64::from(byte));
            out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
        }
        _ => push_literal(out, style_of(column), cell),
    }
}

/// Texts of the form head, items, tail, each about as long as allowed.
struct Texts<'a> {
    head: &'a [u8],
    tail: &'a [u8],
    soft: usize,
    most: usize,
    done: Vec<Vec<u8>>,
    open: Vec<u8>,
    items: usize,
}

impl<'a> Texts<'a> {
    fn new(head: &'a [u8], tail: &'a [u8], soft: usize, most: usize) -> Self {
        Self {
            head,
            tail,
            soft,
            most,
            done: Vec::new(),
            open: Vec::new(),
            items: 0,
        }
    }

    fn add(&mut self, separator: &[u8], item: impl FnOnce(&mut Vec<u8>)) {
        if self.items == 0 {
            self.open.extend_from_slice(self.head);
        } else {
            self.open.extend_from_slice(separator);
        }
        item(&mut self.open);
        self.items += 1;
        if self.items >= self.most || self.open.len() >= self.soft {
            self.close();
        }
    }

    fn close(&mut self) {
        if self.items > 0 {
            self.open.extend_from_slice(self.tail);
            self.done.push(std::mem::take(&mut self.open));
            self.items = 0;
        }
    }

    fn finish(mut self) -> Vec<Vec<u8>> {
        self.close();
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::world::{column, int, key, table, text};
    use super::*;
    use crate::model::change::TableVersion;
    use crate::model::table::Table;
    use std::sync::Arc;

    fn layout(table: Table) -> Arc<Layout> {
        Arc::new(Layout::new(Arc::new(TableVersion { id: 1, table })))
    }

    fn row(cells: &[Option<&str>]) -> Row {
        Row::from_cells(
            cells
                .iter()
                .map(|c| c.map_or(Cell::Null, |v| Cell::Value(v.as_bytes()))),
        )
    }

    fn sql(statement: &Statement) -> Vec<String> {
        let renderer = Renderer {
            flavour: Flavour::MySql,
            soft: 60,
            hard: 400,
        };
        let texts = renderer.render(statement).expect("rendered");
        texts
            .into_iter()
            .map(|t| String::from_utf8(t).expect("text"))
            .collect()
    }

    #[test]
    fn keyed() {
        let mut columns = vec![int("a", false), text("b`", false), int("g", true)];
        columns[2].generated = Some(crate::model::table::Generated {
            expression: "a+1".to_owned(),
            stored: true,
        });
        let pair = layout(table("t", columns, vec![key("PRIMARY", &["a", "b`"])]));
        let rows = vec![
            row(&[Some("1"), Some("x'"), Some("2")]),
            row(&[Some("2"), Some("y"), None]),
        ];
        assert_eq!(
            sql(&Statement::Replace(Arc::clone(&pair), rows.clone())),
            ["REPLACE INTO `d`.`t` (`a`,`b```) VALUES (1,'x\\''),(2,'y')"]
        );
        assert_eq!(
            sql(&Statement::Delete(pair, rows)),
            ["DELETE FROM `d`.`t` WHERE (`a`=1 AND `b```='x\\'') OR (`a`=2 AND `b```='y')"]
        );
        let bit = column("k", ColumnType::Bit(10), false);
        let single = layout(table("s", vec![bit], vec![key("PRIMARY", &["k"])]));
        let rows = vec![row(&[Some("\u{1}\u{2}")]); 450];
        let texts = sql(&Statement::Delete(single, rows));
        assert_eq!(
            texts[0],
            "DELETE FROM `d`.`s` WHERE `k` IN (258,258,258,258,258,258,258)"
        );
    }

    #[test]
    fn a_row_that_is_too_long_is_refused() {
        let t = layout(table(
            "t",
            vec![text("b", false)],
            vec![key("PRIMARY", &["b"])],
        ));
        let renderer = Renderer {
            flavour: Flavour::MariaDb,
            soft: 10,
            hard: 100,
        };
        let rows = vec![row(&[Some(&"x".repeat(100))])];
        let error = renderer
            .render(&Statement::Replace(t, rows))
            .expect_err("too long");
        assert_eq!(error.kind(), Kind::ApplyRefused);
        assert!(!error.to_string().contains("xxx"));
    }
}
