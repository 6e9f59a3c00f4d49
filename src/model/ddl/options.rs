//! Table options.

use super::charset::{canonical_charset, canonical_collation};
use super::cursor::{Cursor, Parsed};
use super::lexer::Tok;

/// One table option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum TableOption {
    Charset(String),
    Collation(String),
    Comment(String),
    AutoIncrement(u64),
    /// Changes neither rows nor the definition as it is kept.
    Other,
}

/// Options with one value that are of no consequence for rows and definitions.
const WITH_VALUE: &[&str] = &[
    "TYPE",
    "AVG_ROW_LENGTH",
    "CHECKSUM",
    "TABLE_CHECKSUM",
    "COMPRESSION",
    "CONNECTION",
    "DATA DIRECTORY",
    "INDEX DIRECTORY",
    "DELAY_KEY_WRITE",
    "ENCRYPTION",
    "ENGINE_ATTRIBUTE",
    "SECONDARY_ENGINE_ATTRIBUTE",
    "SECONDARY_ENGINE",
    "INSERT_METHOD",
    "KEY_BLOCK_SIZE",
    "MAX_ROWS",
    "MIN_ROWS",
    "PACK_KEYS",
    "PASSWORD",
    "ROW_FORMAT",
    "STATS_AUTO_RECALC",
    "STATS_PERSISTENT",
    "STATS_SAMPLE_PAGES",
    "TABLESPACE",
    "STORAGE",
    "AUTOEXTEND_SIZE",
    // MariaDB
    "PAGE_CHECKSUM",
    "TRANSACTIONAL",
    "PAGE_COMPRESSED",
    "PAGE_COMPRESSION_LEVEL",
    "ENCRYPTED",
    "ENCRYPTION_KEY_ID",
    "IETF_QUOTES",
    // OceanBase
    "ORGANIZATION",
    "REPLICA_NUM",
    "BLOCK_SIZE",
    "TABLET_SIZE",
    "PCTFREE",
    "USE_BLOOM_FILTER",
    "TABLE_MODE",
    "DUPLICATE_SCOPE",
    "DUPLICATE_READ_CONSISTENCY",
    "LOCALITY",
    "PRIMARY_ZONE",
    "TABLEGROUP",
    "PROGRESSIVE_MERGE_NUM",
    "PROGRESSIVE_MERGE_ROUND",
    "LOB_INROW_THRESHOLD",
    "ENABLE_MACRO_BLOCK_BLOOM_FILTER",
    "STORAGE_FORMAT_VERSION",
    "AUTO_INCREMENT_MODE",
    "AUTO_INCREMENT_CACHE_SIZE",
    "MICRO_INDEX_CLUSTERED",
    "MERGE_ENGINE",
];

/// Takes one table option; None where there is none.
pub(super) fn table_option(cursor: &mut Cursor<'_>) -> Parsed<Option<TableOption>> {
    let start = cursor.at();
    let _ = cursor.take("DEFAULT");
    if cursor.take("CHARACTER SET") || cursor.take("CHARSET") || cursor.take("CHAR SET") {
        let _ = cursor.take_sym('=');
        let name = cursor.name_or_text()?;
        return Ok(Some(TableOption::Charset(canonical_charset(&name))));
    }
    if cursor.take("COLLATE") {
        let _ = cursor.take_sym('=');
        let name = cursor.name_or_text()?;
        return Ok(Some(TableOption::Collation(canonical_collation(&name))));
    }
    cursor.back_to(start);
    if cursor.take("COMMENT") {
        let _ = cursor.take_sym('=');
        return Ok(Some(TableOption::Comment(cursor.text()?)));
    }
    if cursor.take("AUTO_INCREMENT") {
        let _ = cursor.take_sym('=');
        return Ok(Some(TableOption::AutoIncrement(cursor.number()?)));
    }
    if cursor.take("ENGINE") {
        let _ = cursor.take_sym('=');
        cursor.extras.engine = Some(cursor.name_or_text()?);
        return Ok(Some(TableOption::Other));
    }
    refused(cursor)?;
    if cursor.take("START TRANSACTION") || cursor.take("WITH COLUMN GROUP") {
        // MySQL's atomic CREATE TABLE … SELECT: the rows follow as row events
        if cursor.sees_sym('(') {
            cursor.parenthesised()?;
        }
        return Ok(Some(TableOption::Other));
    }
    if cursor.take_any(WITH_VALUE).is_some() {
        let _ = cursor.take_sym('=');
        option_value(cursor)?;
        return Ok(Some(TableOption::Other));
    }
    // MariaDB's options of an engine: `name`=value
    if matches!(cursor.peek(), Some(Tok::Quoted(_))) && cursor.sees_sym_at(1, '=') {
        cursor.next();
        cursor.next();
        option_value(cursor)?;
        return Ok(Some(TableOption::Other));
    }
    Ok(None)
}

fn refused(cursor: &Cursor<'_>) -> Parsed<()> {
    if cursor.sees("UNION") {
        return Err("a MERGE table is not supported".to_owned());
    }
    if cursor.sees("SEQUENCE") {
        return Err("it is a sequence".to_owned());
    }
    if cursor.sees("WITH SYSTEM VERSIONING") {
        return Err("system versioning is not supported".to_owned());
    }
    Ok(())
}

fn option_value(cursor: &mut Cursor<'_>) -> Parsed<()> {
    match cursor.peek() {
        Some(Tok::Word(_) | Tok::Quoted(_) | Tok::Text(_) | Tok::Number(_)) => {
            cursor.next();
            Ok(())
        }
        Some(Tok::Sym('(')) => cursor.parenthesised().map(drop),
        _ => cursor.unknown("the value of a table option"),
    }
}
