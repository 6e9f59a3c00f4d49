//! [`Statement`]s as SQL.
//!
//! A statement becomes one or several SQL texts, none longer than the target takes. Lists of keys
//! are kept short: MariaDB turns an `IN` list of 1000 or more into a subquery that it can't look up
//! in an index, and MySQL gives up on ranges when a list needs too much memory.

use super::layout::Layout;
use super::plan::Statement;
use crate::datasource::mysql::Flavour;
use crate::datasource::mysql::literal::{LiteralStyle, push_literal, push_quoted, style_of};
use crate::error::{Error, Kind, Result};
use crate::model::row::{Cell, Row};
use crate::model::table::{Column, ColumnType, Key, KeyWhat, Table, quote_ident};

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
            Statement::UpdateOne(layout, old, new) => vec![self.update_one(layout, old, new)?],
            Statement::DeleteOne(layout, old) => {
                let mut out = format!("DELETE FROM {}", layout.table().name.quoted()).into_bytes();
                self.push_whole_row(&mut out, layout, old)?;
                vec![out]
            }
        };
        let longest = texts.iter().map(Vec::len).max().unwrap_or(0);
        if longest > self.hard {
            let what = format!("writing a row of {}", statement.layout().table().name);
            return Err(Error::new(Kind::ApplyRefused, what)
                .detail(format!(
                    "its statement is {longest} bytes long, the target takes {} (max_allowed_packet)",
                    self.hard
                ))
                .remedy("Raise max_allowed_packet at the target and run again."));
        }
        Ok(texts)
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

    fn update_one(&self, layout: &Layout, old: &Row, new: &Row) -> Result<Vec<u8>> {
        let table = layout.table();
        let (before, after) = (layout.cells(old)?, layout.cells(new)?);
        let mut out = format!("UPDATE {} SET ", table.name.quoted()).into_bytes();
        let mut first = true;
        for &c in layout.written.iter().filter(|&&c| before[c] != after[c]) {
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            let column = &table.columns[c];
            out.extend_from_slice(quote_ident(&column.name).as_bytes());
            out.push(b'=');
            push_literal(&mut out, style_of(column), after[c]);
        }
        // a column that the server would change by itself keeps its value
        for &c in layout.written.iter().filter(|&&c| before[c] == after[c]) {
            if table.columns[c].on_update_now.is_some() {
                let name = quote_ident(&table.columns[c].name);
                out.extend_from_slice(format!(",{name}={name}").as_bytes());
            }
        }
        self.push_whole_row(&mut out, layout, old)?;
        Ok(out)
    }

    /// ` WHERE` one row that equals the image in every written column, byte for byte.
    fn push_whole_row(&self, out: &mut Vec<u8>, layout: &Layout, row: &Row) -> Result<()> {
        let table = layout.table();
        let cells = layout.cells(row)?;
        for (i, &c) in layout.written.iter().enumerate() {
            out.extend_from_slice(if i == 0 { b" WHERE " } else { b" AND " });
            self.push_equals(out, table, &table.columns[c], cells[c]);
        }
        out.extend_from_slice(b" LIMIT 1");
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

/// A value on the right of a comparison with its column.
fn push_operand(out: &mut Vec<u8>, column: &Column, cell: Cell<'_>) {
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
    fn keyless() {
        let json = column("j", ColumnType::Json, true);
        let mut stamp = column("ts", ColumnType::Timestamp(0), true);
        stamp.on_update_now = Some(0);
        let none = layout(table(
            "n",
            vec![int("a", true), text("t", true), json, stamp],
            vec![],
        ));
        let old = row(&[None, Some("a "), Some("{}"), Some("2020-01-01 00:00:00")]);
        let new = row(&[
            Some("1"),
            Some("a "),
            Some("{}"),
            Some("2020-01-01 00:00:00"),
        ]);
        let found = "WHERE `a` IS NULL AND CAST(CONVERT(`t` USING utf8mb4) AS BINARY)=_binary'a ' AND \
                     `j`=CAST('{}' AS JSON) AND `ts`='2020-01-01 00:00:00' LIMIT 1";
        assert_eq!(
            sql(&Statement::UpdateOne(Arc::clone(&none), old.clone(), new)),
            [format!("UPDATE `d`.`n` SET `a`=1,`ts`=`ts` {found}")]
        );
        assert_eq!(
            sql(&Statement::DeleteOne(none, old)),
            [format!("DELETE FROM `d`.`n` {found}")]
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
