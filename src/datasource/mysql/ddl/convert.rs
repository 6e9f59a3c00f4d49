//! A definition as near to the source's as the target allows, with a note for every change.

use super::collation::{map_charset, stricter};
use super::partition;
use super::target::Target;
use crate::datasource::mysql::Flavour;
use crate::datasource::mysql::literal::quoted;
use crate::error::{Error, Kind, Result};
use crate::model::ddl::charset::max_bytes;
use crate::model::ddl::{Definition, Family};
use crate::model::table::{
    Check, Column, ColumnType, DefaultValue, Key, KeyKind, KeyWhat, Table, quote_ident,
};
use std::collections::{BTreeMap, BTreeSet};

/// A definition for a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Converted {
    /// The table as it will be at the target.
    pub table: Table,
    /// FULLTEXT parsers that the target has, by the name of the key.
    pub parsers: BTreeMap<String, String>,
    /// What was changed, in words, for people.
    pub notes: Vec<String>,
}

/// Converts a definition of a server of family `from`. The error is
/// [`Kind::SchemaUnsupported`]: the target has nothing for a column's type or value.
pub fn convert(definition: &Definition, from: Family, target: &Target) -> Result<Converted> {
    let mut work = Work {
        source: &definition.table,
        from,
        target,
        notes: Vec::new(),
        collations: BTreeMap::new(),
        checks: Vec::new(),
    };
    let mut table = definition.table.clone();
    let default = work.charset(&table.charset, &table.collation, "the table's default");
    table.charset = default.0;
    table.collation = default.1;
    for column in &mut table.columns {
        work.column(column)?;
    }
    table.keys.retain_mut(|key| work.key(key));
    table.checks.retain_mut(|check| work.check(check));
    table.checks.append(&mut work.checks);
    if let Some(clause) = table.partition.take() {
        table.partition = partition::convert(&clause, target);
        if table.partition.is_none() {
            work.note("the partition clause is left out: the target has none like it");
        }
    }
    if from == Family::MariaDb && !target.is_mariadb() {
        for check in &mut table.checks {
            if let Some(name) = &mut check.name {
                *name = check_name(&table.name.name, name);
            }
        }
    }
    let parsers = work.parsers(definition);
    for key in &definition.invisible_keys {
        work.note(format!("key {key} is visible to the optimizer there"));
    }
    let notes = work.into_notes(&table);
    Ok(Converted {
        table,
        parsers,
        notes,
    })
}

/// Names of checks are a table's own in MariaDB, and a database's in the others.
fn check_name(table: &str, name: &str) -> String {
    const LONGEST: usize = 64;
    let room = LONGEST.saturating_sub(name.chars().count() + 1);
    let table: String = table.chars().take(room).collect();
    format!("{table}_{name}")
}

struct Work<'a> {
    source: &'a Table,
    from: Family,
    target: &'a Target,
    notes: Vec<String>,
    /// (from, to) and the columns.
    collations: BTreeMap<(String, String), Vec<String>>,
    /// Checks that conversions add.
    checks: Vec<Check>,
}

impl Work<'_> {
    fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }

    fn unsupported(&self, column: &Column, why: impl std::fmt::Display) -> Error {
        Error::new(
            Kind::SchemaUnsupported,
            format!(
                "converting column {} of table {} for {}",
                column.name, self.source.name, self.target.flavour
            ),
        )
        .detail(why)
    }

    fn charset(&mut self, charset: &str, collation: &str, whose: &str) -> (String, String) {
        let to = map_charset(charset, collation, self.target);
        if to.collation != collation {
            self.collations
                .entry((collation.to_owned(), to.collation.clone()))
                .or_default()
                .push(whose.to_owned());
        }
        (to.charset, to.collation)
    }

    fn column(&mut self, column: &mut Column) -> Result<()> {
        self.ty(column)?;
        if let (Some(charset), Some(collation)) = (&column.charset, &column.collation) {
            let (charset, collation) =
                self.charset(&charset.clone(), &collation.clone(), &column.name);
            column.charset = Some(charset);
            column.collation = Some(collation);
        }
        self.length(column);
        self.default(column)?;
        if column.invisible
            && self.target.flavour == Flavour::MySql
            && !self.target.is_mysql((8, 0, 23))
        {
            column.invisible = false;
            self.note(format!("column {} is visible there", column.name));
        }
        if column.generated.is_some() && self.target.is_mariadb() {
            column.nullable = true;
        }
        Ok(())
    }

    fn ty(&mut self, column: &mut Column) -> Result<()> {
        match &column.ty {
            ColumnType::Json if self.target.is_mariadb() => {
                column.ty = ColumnType::Text(4);
                column.charset = Some("utf8mb4".to_owned());
                column.collation = Some("utf8mb4_bin".to_owned());
                self.checks.push(Check {
                    name: None,
                    expression: format!("json_valid({})", quote_ident(&column.name)),
                    enforced: true,
                });
                self.note(format!("column {}: JSON is LONGTEXT there", column.name));
            }
            ColumnType::Other(name) => {
                let base = name.split(['(', ' ']).next().unwrap_or_default();
                if self.other_is_known(base) {
                    if self.target.is_oceanbase()
                        && let Some((base, _)) = name.split_once(" srid ")
                    {
                        self.notes
                            .push(format!("column {}: the SRID is left out", column.name));
                        column.ty = ColumnType::Other(base.to_owned());
                    }
                    return Ok(());
                }
                return Err(
                    self.unsupported(column, format!("the type {name} has no counterpart there"))
                );
            }
            _ => {}
        }
        Ok(())
    }

    /// Whether a type that is known by name only is the same thing at the target.
    fn other_is_known(&self, base: &str) -> bool {
        let same = crate::datasource::mysql::ddl::target::family(self.target.flavour) == self.from;
        match base {
            "geometry" | "point" | "linestring" | "polygon" | "multipoint" | "multilinestring"
            | "multipolygon" | "geomcollection" => true,
            _ => same,
        }
    }

    /// A VARCHAR that no longer fits into a row of MySQL or MariaDB.
    fn length(&mut self, column: &mut Column) {
        let bytes = match (&column.ty, &column.charset) {
            (ColumnType::Varchar(n), Some(charset)) => {
                u64::from(*n) * u64::from(max_bytes(charset))
            }
            (ColumnType::Varbinary(n), _) => u64::from(*n),
            _ => return,
        };
        if bytes <= 65_535 || self.target.is_oceanbase() {
            return;
        }
        let size = if bytes <= 0xFF_FFFF { 3 } else { 4 };
        column.ty = match column.ty {
            ColumnType::Varbinary(_) => ColumnType::Blob(size),
            _ => ColumnType::Text(size),
        };
        self.note(format!(
            "column {}: longer than 65,535 bytes, so a TEXT or BLOB there",
            column.name
        ));
    }

    fn default(&mut self, column: &mut Column) -> Result<()> {
        let large = matches!(
            column.ty,
            ColumnType::Text(_) | ColumnType::Blob(_) | ColumnType::Json | ColumnType::Other(_)
        );
        let expressions = self.target.flavour != Flavour::MySql || self.target.is_mysql((8, 0, 13));
        let drop = match &column.default {
            Some(DefaultValue::Expression(expression)) => {
                if expression.to_ascii_lowercase().contains("nextval(") {
                    return Err(self.unsupported(column, "its default takes from a sequence"));
                }
                !expressions || (large && self.target.is_oceanbase())
            }
            Some(DefaultValue::Literal(text)) if large && !self.target.is_mariadb() => {
                let text = quoted(text);
                column.default = Some(DefaultValue::Expression(text));
                !expressions || self.target.is_oceanbase()
            }
            Some(DefaultValue::Bits(_)) if large && !self.target.is_mariadb() => true,
            _ => false,
        };
        if drop {
            column.default = None;
            self.note(format!(
                "column {}: the default is left out: the target has none for this column",
                column.name
            ));
        }
        Ok(())
    }

    /// False where the target can't have the key.
    fn key(&mut self, key: &mut Key) -> bool {
        let functional = key
            .parts
            .iter()
            .any(|p| matches!(p.what, KeyWhat::Expression(_)));
        let array = key.parts.iter().any(
            |p| matches!(&p.what, KeyWhat::Expression(e) if e.to_ascii_lowercase().contains(" array)")),
        );
        let known = match self.target.flavour {
            Flavour::MySql => {
                (!functional || self.target.is_mysql((8, 0, 13)))
                    && (!array || self.target.is_mysql((8, 0, 17)))
            }
            Flavour::MariaDb => !functional,
            Flavour::OceanBase => !array,
        };
        if !known {
            self.note(format!(
                "key {} is left out: the target has no key over an expression",
                key.name
            ));
        }
        known
    }

    /// False where the target can't have the check.
    fn check(&mut self, check: &mut Check) -> bool {
        let name = check.name.clone().unwrap_or_default();
        if self.target.flavour == Flavour::MySql && !self.target.is_mysql((8, 0, 16)) {
            self.note(format!("check {name} is left out: the target has none"));
            return false;
        }
        if !check.enforced && self.target.is_mariadb() {
            self.note(format!(
                "check {name} is left out: it is not enforced, and the target enforces every check"
            ));
            return false;
        }
        true
    }

    fn parsers(&mut self, definition: &Definition) -> BTreeMap<String, String> {
        let mut out = BTreeMap::new();
        for (key, parser) in &definition.parsers {
            let known = match self.target.flavour {
                Flavour::MySql => matches!(parser.as_str(), "ngram" | "mecab"),
                Flavour::MariaDb => false,
                Flavour::OceanBase => {
                    matches!(
                        parser.as_str(),
                        "ngram" | "space" | "beng" | "ik" | "ngram2"
                    )
                }
            };
            if known {
                out.insert(key.clone(), parser.clone());
            } else if parser != "space" {
                self.note(format!("key {key}: the parser {parser} is left out"));
            }
        }
        out
    }

    fn into_notes(self, table: &Table) -> Vec<String> {
        let unique: BTreeSet<&str> = table
            .keys
            .iter()
            .filter(|k| matches!(k.kind, KeyKind::Primary | KeyKind::Unique))
            .flat_map(|k| &k.parts)
            .filter_map(|part| match &part.what {
                KeyWhat::Column(name) => Some(name.as_str()),
                KeyWhat::Expression(_) => None,
            })
            .collect();
        let mut notes = self.notes;
        for ((from, to), columns) in self.collations {
            notes.push(format!(
                "collation {from} becomes {to} ({})",
                columns.join(", ")
            ));
            let affected: Vec<&str> = columns
                .iter()
                .map(String::as_str)
                .filter(|c| unique.contains(c))
                .collect();
            if let (Some(why), false) = (stricter(&from, &to), affected.is_empty()) {
                notes.push(format!(
                    "unique values of {} are equal there if they {why}",
                    affected.join(", ")
                ));
            }
        }
        notes
    }
}
