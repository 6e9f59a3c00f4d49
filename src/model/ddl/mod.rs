//! DDL statements of MySQL, MariaDB and OceanBase, as far as they are understood, and what they
//! do to a [`Table`].
//!
//! [`parse`] reads any statement and never fails: what touches tables in a way that is not
//! understood is [`Ddl::Unsupported`], what doesn't touch them is [`Ddl::Irrelevant`].
//! [`parse_definition`] reads what `SHOW CREATE TABLE` prints. [`apply`] and [`like`] keep a
//! table's definition up to date while the log is read. A [`Dialect`] says which server spoke.

mod alter;
mod apply;
pub mod charset;
mod column;
mod constraint;
mod create;
mod cursor;
mod dialect;
mod finish;
mod lexer;
mod oceanbase;
mod options;
mod resolve;
mod statement;
#[cfg(test)]
mod tests;
mod types;

pub use apply::{apply, like};
pub use dialect::{CharsetDefault, Dialect, Family};
pub use statement::{parse, parse_definition, parse_with};

use super::table::{Check, Column, DefaultValue, ForeignKey, Key, Table, TableName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a DDL statement does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ddl {
    /// CREATE TABLE with its definition.
    CreateTable {
        /// The definition.
        table: Box<Table>,
        /// IF NOT EXISTS.
        if_not_exists: bool,
    },
    /// CREATE TABLE … LIKE.
    CreateTableLike {
        /// The new table.
        name: TableName,
        /// The model.
        like: TableName,
        /// IF NOT EXISTS.
        if_not_exists: bool,
    },
    /// DROP TABLE.
    DropTable {
        /// Tables.
        names: Vec<TableName>,
        /// IF EXISTS.
        if_exists: bool,
    },
    /// ALTER TABLE, CREATE INDEX, DROP INDEX.
    AlterTable {
        /// The table.
        name: TableName,
        /// What is done; all at once, so that every action names columns as they were before.
        actions: Vec<AlterAction>,
    },
    /// RENAME TABLE, or ALTER TABLE … RENAME alone.
    RenameTable(Vec<(TableName, TableName)>),
    /// TRUNCATE TABLE.
    TruncateTable(TableName),
    /// CREATE DATABASE or ALTER DATABASE: touches no table, but says what later ones get
    /// ([`Dialect::schemas`]).
    SchemaDefault {
        /// The database.
        schema: String,
        /// Its default from now on; None: not named, so the server's default for a new one, and
        /// unchanged for an old one.
        default: Option<CharsetDefault>,
    },
    /// DROP DATABASE: all its tables are gone.
    DropSchema(String),
    /// Does not touch a table's rows or definition (views, users, routines, …).
    Irrelevant,
    /// Touches tables in a way that is not understood.
    Unsupported {
        /// The tables it names, as far as they could be read; empty: unknown, so any.
        tables: Vec<TableName>,
        /// Why, in words.
        why: String,
    },
}

impl Ddl {
    /// The tables whose definition or rows it touches, as far as it names them.
    pub fn tables(&self) -> Vec<&TableName> {
        match self {
            Self::CreateTable { table, .. } => vec![&table.name],
            Self::CreateTableLike { name, .. } | Self::TruncateTable(name) => vec![name],
            Self::DropTable { names, .. } => names.iter().collect(),
            Self::AlterTable { name, actions } => {
                let renamed = actions.iter().filter_map(|action| match action {
                    AlterAction::RenameTo(to) => Some(to),
                    _ => None,
                });
                std::iter::once(name).chain(renamed).collect()
            }
            Self::RenameTable(pairs) => pairs.iter().flat_map(|(from, to)| [from, to]).collect(),
            Self::Unsupported { tables, .. } => tables.iter().collect(),
            Self::SchemaDefault { .. } | Self::DropSchema(_) | Self::Irrelevant => Vec::new(),
        }
    }
}

/// One action of ALTER TABLE.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AlterAction {
    /// ADD COLUMN. A character column that names no character set has none here, and gets the
    /// table's by [`apply`].
    AddColumn(Box<Column>, Place),
    /// DROP COLUMN.
    DropColumn(String),
    /// MODIFY COLUMN (the name stays) or CHANGE COLUMN; see [`AlterAction::AddColumn`].
    ChangeColumn {
        /// The old name.
        old: String,
        /// The new definition.
        column: Box<Column>,
        /// Where it goes.
        place: Place,
    },
    /// RENAME COLUMN a TO b.
    RenameColumn(String, String),
    /// ALTER COLUMN … SET DEFAULT / DROP DEFAULT.
    SetDefault(String, Option<DefaultValue>),
    /// ALTER COLUMN … SET INVISIBLE (true) / VISIBLE (false).
    SetInvisible(String, bool),
    /// ADD KEY, ADD UNIQUE, ADD PRIMARY KEY, CREATE INDEX. An empty name: the server names it.
    AddKey(Key),
    /// DROP KEY, DROP PRIMARY KEY (its name is `PRIMARY`), DROP INDEX.
    DropKey(String),
    /// RENAME KEY a TO b.
    RenameKey(String, String),
    /// ADD FOREIGN KEY. An empty name: the server names it.
    AddForeignKey(ForeignKey),
    /// DROP FOREIGN KEY.
    DropForeignKey(String),
    /// ADD CHECK.
    AddCheck(Check),
    /// DROP CHECK.
    DropCheck(String),
    /// ALTER CHECK … [NOT] ENFORCED.
    EnforceCheck(String, bool),
    /// DROP CONSTRAINT: a check, a foreign key, a unique or the primary key.
    DropConstraint(String),
    /// COMMENT = '…'.
    Comment(String),
    /// AUTO_INCREMENT = n.
    AutoIncrement(u64),
    /// DEFAULT CHARACTER SET: of columns that are added later.
    DefaultCharset(CharsetDefault),
    /// CONVERT TO CHARACTER SET: the default and all columns. None: the database's default.
    ConvertCharset(Option<CharsetDefault>),
    /// Changes nothing that is kept (ENGINE, ALGORITHM, LOCK, FORCE, ENABLE KEYS, …).
    Nothing,
    /// RENAME TO, together with other actions.
    RenameTo(TableName),
    /// With IF EXISTS or IF NOT EXISTS: nothing where it can't be done.
    IfPossible(Box<AlterAction>),
}

/// Where a column goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// Where it is; a new one at the end.
    Default,
    /// FIRST.
    First,
    /// AFTER this one.
    After(String),
}

/// What `SHOW CREATE TABLE` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// The table.
    pub table: Table,
    /// FULLTEXT parsers by the name of the key.
    pub parsers: BTreeMap<String, String>,
    /// Keys that the optimizer does not use (INVISIBLE, IGNORED).
    pub invisible_keys: Vec<String>,
    /// Storage engine.
    pub engine: Option<String>,
}
