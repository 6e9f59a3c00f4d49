//! DDL statements of MySQL and MariaDB, as far as they are understood, and what they do to a
//! [`Table`].

use super::table::{Check, Column, DefaultValue, ForeignKey, Key, Table, TableName};

/// What a DDL statement does.
#[derive(Debug, Clone, PartialEq, Eq)]
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
        /// What is done, in order.
        actions: Vec<AlterAction>,
    },
    /// RENAME TABLE, or ALTER TABLE … RENAME alone.
    RenameTable(Vec<(TableName, TableName)>),
    /// TRUNCATE TABLE.
    TruncateTable(TableName),
    /// Does not touch a table's rows or definition (views, users, routines, databases made, …).
    Irrelevant,
    /// Touches tables in a way that is not understood.
    Unsupported {
        /// The tables it names, as far as they could be read; empty: unknown, so any.
        tables: Vec<TableName>,
        /// Why, in words.
        why: String,
    },
}

/// One action of ALTER TABLE.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlterAction {
    /// ADD COLUMN.
    AddColumn(Box<Column>, Place),
    /// DROP COLUMN.
    DropColumn(String),
    /// MODIFY COLUMN (the name stays) or CHANGE COLUMN.
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
    /// ADD KEY, ADD UNIQUE, ADD PRIMARY KEY, CREATE INDEX.
    AddKey(Key),
    /// DROP KEY, DROP PRIMARY KEY (its name is `PRIMARY`), DROP INDEX.
    DropKey(String),
    /// RENAME KEY a TO b.
    RenameKey(String, String),
    /// ADD FOREIGN KEY.
    AddForeignKey(ForeignKey),
    /// DROP FOREIGN KEY.
    DropForeignKey(String),
    /// ADD CHECK.
    AddCheck(Check),
    /// DROP CHECK or DROP CONSTRAINT of one.
    DropCheck(String),
    /// COMMENT = '…'.
    Comment(String),
    /// AUTO_INCREMENT = n.
    AutoIncrement(u64),
    /// Changes nothing that is kept (ENGINE, ALGORITHM, LOCK, FORCE, ENABLE KEYS, …).
    Nothing,
    /// RENAME TO, together with other actions.
    RenameTo(TableName),
}

/// Where a column goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Where it is; a new one at the end.
    Default,
    /// FIRST.
    First,
    /// AFTER this one.
    After(String),
}
