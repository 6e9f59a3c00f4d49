//! The names of a pre-check's items, for whoever speaks of them without being able to check anything.

/// Every item, with its side, as it is named in order to skip it.
pub const ITEMS: &[&str] = &[
    "SOURCE-RDB_CONNECT",
    "DEST-RDB_CONNECT",
    "SOURCE-DB_VERSION",
    "DEST-DB_VERSION",
    "SOURCE-RDB_SCHEMA_EXIST",
    "SOURCE-RDB_TABLE_EXIST",
    "SOURCE-DB_ACCOUNT_FULL_READ_PRIVILEGE",
    "SOURCE-DB_ACCOUNT_LOCK_TABLES_PRIVILEGE",
    "SOURCE-DB_ACCOUNT_INCR_READ_PRIVILEGE",
    "SOURCE-DB_INCR_LOG",
    "SOURCE-DB_MASTER_SLAVE",
    "SOURCE-DB_MYSQL_UPDATE_HEARTBEAT_PRIVILEGE",
    "SOURCE-DB_SQL_MODE",
    "SOURCE-DB_ENGINE",
    "SOURCE-DB_DATA_TYPE",
    "SOURCE-DB_FOREIGN_REFERENCE",
    "DEST-LOGIC_TABLE_SAME_SOURCE_AND_DEST",
    "DEST-DB_SERVICE_STATUS",
    "DEST-DB_ACCOUNT_CREATE_PRIVILEGE",
    "DEST-DB_ACCOUNT_WRITER_PRIVILEGE",
    "DEST-DB_ACCOUNT_OMSTXNDB_PRIVILEGE",
    "DEST-RDB_TABLE_EXIST",
    "DEST-RDB_TABLE_EMPTY",
    "DEST-DB_TRIGGER",
    "DEST-DB_UK_INDEX",
    "DEST-DB_LOWER_CASE_TABLE_NAMES",
    "DEST-DB_CHARSET",
    "DEST-DB_TIMEZONE",
    "DEST-DB_TIME_SYNC",
    "DEST-DB_MAX_ALLOWED_PACKET",
];

/// Items that nobody can pass over: without them there is nothing to move, or it would be moved onto
/// itself.
pub const NEVER_SKIPPED: &[&str] = &[
    "SOURCE-RDB_CONNECT",
    "DEST-RDB_CONNECT",
    "SOURCE-RDB_SCHEMA_EXIST",
    "SOURCE-RDB_TABLE_EXIST",
    "DEST-LOGIC_TABLE_SAME_SOURCE_AND_DEST",
];

/// An item's name without its side.
pub fn bare(item: &str) -> &str {
    item.split_once('-').map_or(item, |(_, name)| name)
}

/// What a name in a parameter means: the items with this name, with or without their sides.
pub fn items_named(name: &str) -> impl Iterator<Item = &'static str> {
    ITEMS
        .iter()
        .copied()
        .filter(move |item| *item == name || bare(item) == name)
}
