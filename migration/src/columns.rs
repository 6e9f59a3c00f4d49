//! Columns and tables as each database spells them.

use sea_orm_migration::prelude::*;
use sea_orm_migration::sea_orm::DbBackend;

/// Longest id of a project, step, task or data source.
pub const ID: u32 = 32;
/// Longest id of a component.
pub const COMPONENT_ID: u32 = 160;
/// Longest schema or table name of any source.
pub const OBJECT: u32 = 128;
/// Longest text of a state.
pub const STATE: u32 = 32;

/// Spells columns for one database.
#[derive(Clone, Copy)]
pub struct Columns(DbBackend);

impl Columns {
    /// For the database behind `manager`.
    pub fn of(manager: &SchemaManager<'_>) -> Self {
        Self(manager.get_database_backend())
    }

    /// A table that is made only when it is not there.
    ///
    /// On MySQL all text is `utf8mb4_bin`: ids and object names are equal only when their case is,
    /// and all of Unicode fits. The collation is one that OceanBase and MariaDB know too.
    pub fn table(self, name: &'static str) -> TableCreateStatement {
        let mut table = Table::create();
        table.table(name).if_not_exists();
        if self.0 == DbBackend::MySql {
            table.character_set("utf8mb4").collate("utf8mb4_bin");
        }
        table
    }

    /// Text up to a length, for ids, names and states. On MySQL an index has at most 3072 bytes,
    /// that is 768 characters over all of its columns.
    ///
    /// PostgreSQL compares and sorts it byte by byte, whatever the database's own collation is.
    pub fn text(self, name: &'static str, length: u32) -> ColumnDef {
        self.text_null(name, length).not_null().take()
    }

    /// As [`Columns::text`], and may be NULL.
    pub fn text_null(self, name: &'static str, length: u32) -> ColumnDef {
        let mut column = ColumnDef::new(name);
        match self.0 {
            DbBackend::Postgres => column.custom(format!("varchar({length}) COLLATE \"C\"")),
            _ => column.string_len(length),
        };
        column
    }

    /// Text of any length, for JSON and messages: MySQL's `TEXT` ends at 64 KB, `LONGTEXT` does not.
    pub fn long_text(self, name: &'static str) -> ColumnDef {
        self.long_text_null(name).not_null().take()
    }

    /// As [`Columns::long_text`], and may be NULL.
    pub fn long_text_null(self, name: &'static str) -> ColumnDef {
        let mut column = ColumnDef::new(name);
        match self.0 {
            DbBackend::MySql => column.custom("longtext"),
            DbBackend::Postgres => column.custom("text COLLATE \"C\""),
            _ => column.text(),
        };
        column
    }

    /// UTC without a zone, with milliseconds. `datetime(3)` on MySQL, `timestamp(3)`
    /// on PostgreSQL; on SQLite a text `YYYY-MM-DD HH:MM:SS.mmm`, which sorts as the time does.
    pub fn time(self, name: &'static str) -> ColumnDef {
        self.time_null(name).not_null().take()
    }

    /// As [`Columns::time`], and may be NULL.
    pub fn time_null(self, name: &'static str) -> ColumnDef {
        let mut column = ColumnDef::new(name);
        match self.0 {
            DbBackend::MySql => column.custom("datetime(3)"),
            DbBackend::Postgres => column.custom("timestamp(3)"),
            _ => column.date_time(),
        };
        column
    }

    /// A 64-bit number, 0 unless told.
    pub fn big(self, name: &'static str) -> ColumnDef {
        ColumnDef::new(name)
            .big_integer()
            .not_null()
            .default(0)
            .take()
    }

    /// A 32-bit number, 0 unless told.
    pub fn int(self, name: &'static str) -> ColumnDef {
        ColumnDef::new(name).integer().not_null().default(0).take()
    }

    /// A 32-bit number that may be NULL.
    pub fn int_null(self, name: &'static str) -> ColumnDef {
        ColumnDef::new(name).integer().null().take()
    }

    /// Yes or no, no unless told.
    pub fn flag(self, name: &'static str) -> ColumnDef {
        ColumnDef::new(name)
            .boolean()
            .not_null()
            .default(false)
            .take()
    }

    /// A number that the database gives.
    pub fn serial(self, name: &'static str) -> ColumnDef {
        ColumnDef::new(name)
            .big_integer()
            .not_null()
            .auto_increment()
            .primary_key()
            .take()
    }
}

/// A unique key, to be part of `CREATE TABLE`.
pub fn unique(name: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create();
    index.name(name).unique();
    for column in columns {
        index.col(*column);
    }
    index
}

/// A primary key of several columns, to be part of `CREATE TABLE`.
pub fn primary(columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create();
    for column in columns {
        index.col(*column);
    }
    index.primary();
    index
}

/// Makes an index when it is not there. (MySQL knows no `CREATE INDEX IF NOT EXISTS`.)
pub async fn create_index(
    manager: &SchemaManager<'_>,
    table: &'static str,
    name: &'static str,
    columns: &[&'static str],
) -> Result<(), DbErr> {
    if manager.has_index(table, name).await? {
        return Ok(());
    }
    let mut index = Index::create();
    index.name(name).table(table);
    for column in columns {
        index.col(*column);
    }
    match manager.create_index(index).await {
        // Another process made it between the look and the statement.
        Err(_) if manager.has_index(table, name).await? => Ok(()),
        outcome => outcome,
    }
}

/// Drops an index when it is there.
pub async fn drop_index(
    manager: &SchemaManager<'_>,
    table: &'static str,
    name: &'static str,
) -> Result<(), DbErr> {
    if !manager.has_index(table, name).await? {
        return Ok(());
    }
    let mut index = Index::drop();
    index.name(name).table(table);
    manager.drop_index(index).await
}

/// Adds a column when it is not there. It comes last, so the entity has it last too.
pub async fn add_column(
    manager: &SchemaManager<'_>,
    table: &'static str,
    name: &'static str,
    mut column: ColumnDef,
) -> Result<(), DbErr> {
    if manager.has_column(table, name).await? {
        return Ok(());
    }
    let mut alter = Table::alter();
    alter.table(table).add_column(&mut column);
    match manager.alter_table(alter).await {
        // Another process made it between the look and the statement.
        Err(_) if manager.has_column(table, name).await? => Ok(()),
        outcome => outcome,
    }
}

/// Drops a column when it is there.
pub async fn drop_column(
    manager: &SchemaManager<'_>,
    table: &'static str,
    name: &'static str,
) -> Result<(), DbErr> {
    if !manager.has_column(table, name).await? {
        return Ok(());
    }
    let mut alter = Table::alter();
    alter.table(table).drop_column(name);
    manager.alter_table(alter).await
}

/// Drops a table when it is there.
pub async fn drop_table(manager: &SchemaManager<'_>, name: &'static str) -> Result<(), DbErr> {
    manager
        .drop_table(Table::drop().table(name).if_exists().take())
        .await
}
