//! The schema history: what every table looks like at the place in the log that is being read.
//!
//! All tables of databases that the filter could match are tracked, not only those in scope: an
//! online DDL tool makes its table under another name and renames it into scope.

use super::codec::{SchemaChange, Versions};
use crate::datasource::mysql::catalogue::is_system;
use crate::model::change::TableVersion;
use crate::model::ddl::{self, CharsetDefault, Ddl, Dialect};
use crate::model::filter::ObjectFilter;
use crate::model::table::{Table, TableName};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What is known about a table.
#[derive(Debug, Clone, PartialEq)]
pub enum Known {
    /// Its definition.
    Version(Arc<TableVersion>),
    /// It is there, but its definition is not known; why.
    Unknown(String),
}

/// Tables as of a place in the log.
#[derive(Debug, Clone, Default)]
pub struct Tables {
    known: HashMap<TableName, Known>,
    defaults: BTreeMap<String, CharsetDefault>,
    next_version: u32,
}

impl Tables {
    /// Nothing is known; definitions are numbered from `next_version` on.
    pub fn new(next_version: u32) -> Self {
        Self {
            next_version,
            ..Self::default()
        }
    }

    /// Number of the next definition.
    pub fn next_version(&self) -> u32 {
        self.next_version
    }

    /// Takes over a change from the log.
    pub fn take(&mut self, change: SchemaChange) {
        for name in change.drop {
            self.known.remove(&name);
        }
        for (id, table) in change.set {
            self.next_version = self.next_version.max(id.saturating_add(1));
            let name = table.name.clone();
            let version = Arc::new(TableVersion { id, table });
            self.known.insert(name, Known::Version(version));
        }
        for (name, why) in change.unknown {
            self.known.insert(name, Known::Unknown(why));
        }
        self.defaults.extend(change.defaults);
    }

    /// What is known about a table; None: it is not there.
    pub fn get(&self, name: &TableName) -> Option<&Known> {
        self.known.get(name)
    }

    /// The definition of a table.
    pub fn version(&self, name: &TableName) -> Option<&Arc<TableVersion>> {
        match self.known.get(name) {
            Some(Known::Version(version)) => Some(version),
            _ => None,
        }
    }

    /// Databases with tables.
    pub fn schemas(&self) -> impl Iterator<Item = &str> {
        let mut schemas: Vec<&str> = self.known.keys().map(|name| name.schema.as_str()).collect();
        schemas.sort_unstable();
        schemas.dedup();
        schemas.into_iter()
    }

    /// All definitions by their number.
    pub fn versions(&self) -> Versions {
        self.known
            .values()
            .filter_map(|known| match known {
                Known::Version(version) => Some((version.id, version.clone())),
                Known::Unknown(_) => None,
            })
            .collect()
    }

    /// Everything, in parts of so many tables, to begin a segment with.
    pub fn snapshot(&self, tables_in_part: usize) -> Vec<SchemaChange> {
        let known: Vec<_> = self.known.iter().collect();
        let mut parts: Vec<SchemaChange> = known
            .chunks(tables_in_part.max(1))
            .map(|chunk| {
                let mut part = SchemaChange::default();
                for (name, known) in chunk {
                    match known {
                        Known::Version(version) => {
                            part.set.push((version.id, version.table.clone()));
                        }
                        Known::Unknown(why) => {
                            part.unknown.push(((*name).clone(), why.clone()));
                        }
                    }
                }
                part
            })
            .collect();
        if !self.defaults.is_empty() {
            parts.push(SchemaChange {
                defaults: self.defaults.clone(),
                ..SchemaChange::default()
            });
        }
        parts
    }
}

/// What a statement does to the tables.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    /// The statement as it is understood.
    pub ddl: Ddl,
    /// What changes; with numbers, not taken over yet.
    pub change: SchemaChange,
    /// Whether a table in scope is touched, so that consumers must see it.
    pub in_scope: bool,
    /// Tables whose definition must be read from the source.
    pub reread: Vec<TableName>,
    /// Tables that it made or changed.
    pub touched: Vec<TableName>,
}

/// Applies statements to tables.
#[derive(Debug, Clone)]
pub struct Tracker {
    /// The tables.
    pub tables: Tables,
    filter: Arc<ObjectFilter>,
    dialect: Dialect,
}

/// The session's modes that change how a statement is read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Modes {
    /// ANSI_QUOTES.
    pub ansi_quotes: bool,
    /// NO_BACKSLASH_ESCAPES.
    pub no_backslash_escapes: bool,
}

impl Tracker {
    /// A tracker for these tables.
    pub fn new(tables: Tables, filter: Arc<ObjectFilter>, mut dialect: Dialect) -> Self {
        dialect.schemas.clone_from(&tables.defaults);
        Self {
            tables,
            filter,
            dialect,
        }
    }

    /// Takes over a change.
    pub fn take(&mut self, change: SchemaChange) {
        self.dialect.schemas.extend(change.defaults.clone());
        self.tables.take(change);
    }

    /// Reads a statement.
    pub fn parse(&self, sql: &str, schema: &str, modes: Modes) -> Ddl {
        let dialect = Dialect {
            ansi_quotes: modes.ansi_quotes,
            no_backslash_escapes: modes.no_backslash_escapes,
            ..self.dialect.clone()
        };
        // MySQL logs the first half of CREATE TABLE … SELECT with these words at its end
        let sql = strip_suffix_words(sql, "START TRANSACTION");
        ddl::parse_with(sql, schema, &dialect)
    }

    /// Whether tables of this database are tracked.
    pub fn watches(&self, schema: &str) -> bool {
        self.filter.matches_schema(schema) && !is_system(schema)
    }

    /// Whether changes of this table are kept.
    pub fn in_scope(&self, name: &TableName) -> bool {
        self.filter.matches(name) && !is_system(&name.schema)
    }

    /// What a statement does, from the definitions as they are now. Changes nothing.
    pub fn effect(&self, ddl: Ddl) -> Effect {
        let mut work = Work {
            tracker: self,
            overlay: HashMap::new(),
            order: Vec::new(),
            reread: Vec::new(),
            in_scope: false,
            defaults: BTreeMap::new(),
        };
        let ddl = match work.apply(&ddl) {
            Ok(()) => ddl,
            Err((tables, why)) => {
                work.overlay.clear();
                work.order.clear();
                work.unsupported(&tables);
                Ddl::Unsupported { tables, why }
            }
        };
        work.finish(ddl)
    }
}

/// The statement without these words at its end, whatever their case and the blanks around them.
fn strip_suffix_words<'a>(sql: &'a str, words: &str) -> &'a str {
    let mut rest = sql.trim_end_matches(|c: char| c.is_whitespace() || c == ';');
    for word in words.rsplit(' ') {
        match rest
            .len()
            .checked_sub(word.len())
            .and_then(|at| rest.split_at_checked(at))
        {
            Some((head, tail)) if tail.eq_ignore_ascii_case(word) => rest = head.trim_end(),
            _ => return sql,
        }
    }
    rest
}

/// A statement being applied: `None` in the overlay is a table that is gone.
struct Work<'t> {
    tracker: &'t Tracker,
    overlay: HashMap<TableName, Option<Table>>,
    order: Vec<TableName>,
    reread: Vec<TableName>,
    in_scope: bool,
    defaults: BTreeMap<String, CharsetDefault>,
}

/// Tables whose definition is lost, and why.
type Lost = (Vec<TableName>, String);

impl Work<'_> {
    fn apply(&mut self, ddl: &Ddl) -> Result<(), Lost> {
        match ddl {
            Ddl::CreateTable {
                table,
                if_not_exists,
            } => {
                self.touch(&table.name);
                if !(*if_not_exists && self.exists(&table.name)) {
                    self.set((**table).clone());
                }
            }
            Ddl::CreateTableLike {
                name,
                like,
                if_not_exists,
            } => {
                self.touch(name);
                if !(*if_not_exists && self.exists(name)) {
                    match self.current(like) {
                        Some(model) => {
                            let table = ddl::like(&model, name, &self.tracker.dialect);
                            self.set(table);
                        }
                        None => self.lose(name),
                    }
                }
            }
            Ddl::DropTable { names, .. } => {
                for name in names {
                    self.touch(name);
                    self.remove(name);
                }
            }
            Ddl::AlterTable { name, actions } => {
                self.touch(name);
                if !self.tracker.watches(&name.schema) {
                    return Ok(());
                }
                let Some(table) = self.current(name) else {
                    return Err((
                        vec![name.clone()],
                        format!("the definition of {name} is not known"),
                    ));
                };
                let altered = ddl::apply(&table, actions, &self.tracker.dialect)
                    .map_err(|why| (vec![name.clone()], why))?;
                if altered.name != *name {
                    self.touch(&altered.name);
                    self.remove(name);
                }
                self.set(altered);
            }
            Ddl::RenameTable(pairs) => {
                for (from, to) in pairs {
                    self.rename(from, to);
                }
            }
            Ddl::TruncateTable(name) => self.touch(name),
            Ddl::SchemaDefault { schema, default } => {
                if let Some(default) = default {
                    self.defaults.insert(schema.clone(), default.clone());
                }
            }
            Ddl::DropSchema(schema) => {
                let names: Vec<_> = self
                    .tracker
                    .tables
                    .known
                    .keys()
                    .filter(|name| name.schema == *schema)
                    .cloned()
                    .collect();
                for name in names {
                    self.touch(&name);
                    self.remove(&name);
                }
            }
            Ddl::Irrelevant => {}
            Ddl::Unsupported { tables, .. } => self.unsupported(tables),
        }
        Ok(())
    }

    fn rename(&mut self, from: &TableName, to: &TableName) {
        self.touch(from);
        self.touch(to);
        match self.current(from) {
            Some(mut table) => {
                table.name = to.clone();
                self.remove(from);
                self.set(table);
            }
            None => {
                self.remove(from);
                self.lose(to);
            }
        }
    }

    /// What it does is not known: definitions of the tables that it names, or of all, are lost.
    fn unsupported(&mut self, tables: &[TableName]) {
        if tables.is_empty() {
            self.in_scope = true;
            let all: Vec<_> = self.tracker.tables.known.keys().cloned().collect();
            for name in all {
                self.lose(&name);
            }
        }
        for name in tables {
            self.touch(name);
            self.lose(name);
        }
    }

    fn touch(&mut self, name: &TableName) {
        self.in_scope |= self.tracker.in_scope(name);
    }

    fn exists(&self, name: &TableName) -> bool {
        match self.overlay.get(name) {
            Some(table) => table.is_some(),
            None => self.tracker.tables.known.contains_key(name),
        }
    }

    fn current(&self, name: &TableName) -> Option<Table> {
        match self.overlay.get(name) {
            Some(table) => table.clone(),
            None => self.tracker.tables.version(name).map(|v| v.table.clone()),
        }
    }

    fn set(&mut self, table: Table) {
        if self.tracker.watches(&table.name.schema) {
            self.order.retain(|name| *name != table.name);
            self.order.push(table.name.clone());
            self.reread.retain(|name| *name != table.name);
            self.overlay.insert(table.name.clone(), Some(table));
        }
    }

    fn remove(&mut self, name: &TableName) {
        if self.tracker.watches(&name.schema) {
            self.order.retain(|other| other != name);
            self.reread.retain(|other| other != name);
            self.overlay.insert(name.clone(), None);
        }
    }

    fn lose(&mut self, name: &TableName) {
        if self.tracker.watches(&name.schema) && !self.reread.contains(name) {
            self.remove(name);
            self.reread.push(name.clone());
        }
    }

    fn finish(self, ddl: Ddl) -> Effect {
        let mut change = SchemaChange {
            defaults: self.defaults,
            ..SchemaChange::default()
        };
        let mut next = self.tracker.tables.next_version;
        let mut overlay = self.overlay;
        for name in &self.order {
            if let Some(Some(table)) = overlay.remove(name) {
                change.set.push((next, table));
                next += 1;
            }
        }
        let known = &self.tracker.tables.known;
        let mut gone: Vec<_> = overlay
            .into_keys()
            .filter(|name| known.contains_key(name))
            .collect();
        gone.sort();
        change.drop = gone;
        Effect {
            ddl,
            change,
            in_scope: self.in_scope,
            reread: self.reread,
            touched: self.order,
        }
    }
}

#[cfg(test)]
mod tests;
