//! From a statement's first word to what it does.

use super::alter::{alter_table, create_index, drop_index};
use super::charset::{canonical_charset, canonical_collation};
use super::create::create_table;
use super::cursor::{Cursor, Parsed};
use super::dialect::{CharsetDefault, Dialect, Family};
use super::lexer::{Tok, lex};
use super::oceanbase::mended;
use super::{Ddl, Definition};
use crate::model::table::TableName;
use std::borrow::Cow;

/// Reads a statement of a MySQL 8 with the defaults of its installation; see [`parse_with`].
pub fn parse(sql: &str, default_schema: &str) -> Ddl {
    parse_with(sql, default_schema, &Dialect::default())
}

/// Reads a statement. Names without a database are of `default_schema`.
pub fn parse_with(sql: &str, default_schema: &str, dialect: &Dialect) -> Ddl {
    let tokens = match lex(sql, dialect) {
        Ok(tokens) => tokens,
        Err(why) => return unsupported(Vec::new(), why),
    };
    let mut cursor = Cursor::new(sql, &tokens, default_schema, dialect);
    let mut tables = Vec::new();
    match statement(&mut cursor, &mut tables) {
        Ok(ddl @ (Ddl::Irrelevant | Ddl::Unsupported { .. })) => ddl,
        Ok(ddl) => {
            let _ = cursor.take_sym(';');
            if cursor.is_end() {
                return ddl;
            }
            let why = format!("the clause at {} is not known", cursor.here());
            unsupported(tables, why)
        }
        Err(why) => unsupported(tables, why),
    }
}

/// Reads what `SHOW CREATE TABLE` prints for the table `name`; the error says what is not
/// understood.
pub fn parse_definition(
    sql: &str,
    name: &TableName,
    dialect: &Dialect,
) -> Result<Definition, String> {
    // what a server prints does not depend on the sql_mode of whoever made the table
    let dialect = Dialect {
        ansi_quotes: false,
        no_backslash_escapes: false,
        explicit_timestamp_defaults: true,
        ..dialect.clone()
    };
    let sql = match dialect.family {
        Family::OceanBase => mended(sql),
        _ => Cow::Borrowed(sql),
    };
    let tokens = lex(&sql, &dialect)?;
    let mut cursor = Cursor::new(&sql, &tokens, &name.schema, &dialect);
    cursor.expect("CREATE TABLE")?;
    let _ = cursor.table_name()?;
    match create_table(&mut cursor, name.clone(), false)? {
        Ddl::CreateTable { table, .. } if cursor.is_end() => Ok(Definition {
            table: *table,
            parsers: cursor.extras.parsers,
            invisible_keys: cursor.extras.invisible_keys,
            engine: cursor.extras.engine,
        }),
        Ddl::CreateTable { .. } => cursor.unknown("a table option"),
        _ => Err("it is not a table's definition".to_owned()),
    }
}

fn unsupported(tables: Vec<TableName>, why: String) -> Ddl {
    Ddl::Unsupported { tables, why }
}

/// First words of statements that don't touch tables, or whose effect is nothing that is kept.
const HARMLESS: &[&str] = &[
    "SAVEPOINT",
    "ROLLBACK",
    "RELEASE",
    "BEGIN",
    "COMMIT",
    "START",
    "XA",
    "FLUSH",
    "GRANT",
    "REVOKE",
    "SET",
    "ANALYZE",
    "OPTIMIZE",
    "REPAIR",
    "CHECK",
    "CHECKSUM",
    "INSTALL",
    "UNINSTALL",
    "DO",
    "USE",
    "SHOW",
    "KILL",
    "RESET",
    "CHANGE",
    "PURGE",
    "LOCK",
    "UNLOCK",
    "HANDLER",
    "PREPARE",
    "EXECUTE",
    "DEALLOCATE",
    "CACHE",
    "LOAD INDEX",
    "EXPLAIN",
    "DESCRIBE",
    "DESC",
    "HELP",
    "SHUTDOWN",
    "STOP",
    "BINLOG",
    "CLONE",
    "RESTART",
    "BACKUP",
    "SIGNAL",
    "RESIGNAL",
];

/// Objects that are not tables.
const OBJECTS: &[&str] = &[
    "VIEW",
    "TRIGGER",
    "PROCEDURE",
    "FUNCTION",
    "EVENT",
    "USER",
    "ROLE",
    "SERVER",
    "TABLESPACE",
    "UNDO",
    "LOGFILE",
    "SPATIAL REFERENCE",
    "RESOURCE",
    "SEQUENCE",
    "PACKAGE",
    "LIBRARY",
    "LOADABLE",
    "INSTANCE",
    "PREPARE",
    "DATABASE LINK",
    "OUTLINE",
    "TENANT",
    "JSON",
    "MATERIALIZED",
    "SYSTEM",
    "CATALOG",
];

fn statement(cursor: &mut Cursor<'_>, tables: &mut Vec<TableName>) -> Parsed<Ddl> {
    while cursor.take_sym(';') || cursor.take_sym('(') {}
    if cursor.is_end() || cursor.take_any(HARMLESS).is_some() {
        return Ok(Ddl::Irrelevant);
    }
    match cursor.take_any(&["CREATE", "ALTER", "DROP", "RENAME", "TRUNCATE"]) {
        Some("CREATE") => create(cursor, tables),
        Some("ALTER") => alter(cursor, tables),
        Some("DROP") => drop_statement(cursor, tables),
        Some("RENAME") => rename(cursor, tables),
        Some(_) => {
            let _ = cursor.take("TABLE");
            let name = named(cursor, tables)?;
            wait(cursor)?;
            Ok(Ddl::TruncateTable(name))
        }
        None => other(cursor, tables),
    }
}

/// A table's name, kept for messages.
fn named(cursor: &mut Cursor<'_>, tables: &mut Vec<TableName>) -> Parsed<TableName> {
    let name = cursor.table_name()?;
    tables.push(name.clone());
    Ok(name)
}

/// MariaDB's `WAIT n` and `NOWAIT`.
fn wait(cursor: &mut Cursor<'_>) -> Parsed<()> {
    if cursor.take("WAIT") {
        let _: u64 = cursor.number()?;
    } else {
        let _ = cursor.take("NOWAIT");
    }
    Ok(())
}

/// Words between CREATE or ALTER and the kind of object.
fn skip_definer(cursor: &mut Cursor<'_>) {
    while let Some(word) =
        cursor.take_any(&["ALGORITHM", "DEFINER", "SQL SECURITY", "AGGREGATE", "FORCE"])
    {
        if word == "AGGREGATE" || word == "FORCE" {
            continue;
        }
        let _ = cursor.take_sym('=');
        cursor.next();
        // 'user'@'host', CURRENT_USER()
        while cursor.take_sym('@') || cursor.take_sym('(') || cursor.take_sym(')') {
            if !cursor.sees_sym(')') && word == "DEFINER" && !is_object(cursor) {
                cursor.next();
            }
        }
    }
}

fn is_object(cursor: &Cursor<'_>) -> bool {
    OBJECTS.iter().any(|o| cursor.sees(o)) || cursor.sees("SQL") || cursor.sees("AGGREGATE")
}

fn create(cursor: &mut Cursor<'_>, tables: &mut Vec<TableName>) -> Parsed<Ddl> {
    let replace = cursor.take("OR REPLACE");
    skip_definer(cursor);
    if is_object(cursor) {
        return Ok(Ddl::Irrelevant);
    }
    if cursor.take("TEMPORARY TABLE") || cursor.take("TEMPORARY SEQUENCE") {
        return Ok(Ddl::Irrelevant);
    }
    if let Some(ddl) = create_index(cursor, replace, tables)? {
        return Ok(ddl);
    }
    if cursor.take("DATABASE") || cursor.take("SCHEMA") {
        let _ = cursor.take("IF NOT EXISTS");
        let schema = cursor.ident()?;
        return schema_default(cursor, schema);
    }
    if cursor.take("TABLE") {
        let if_not_exists = cursor.take("IF NOT EXISTS");
        let name = named(cursor, tables)?;
        if replace {
            return Err("CREATE OR REPLACE TABLE is not supported".to_owned());
        }
        return create_table(cursor, name, if_not_exists);
    }
    cursor.unknown("a known kind of object")
}

fn schema_default(cursor: &mut Cursor<'_>, schema: String) -> Parsed<Ddl> {
    let (mut charset, mut collation) = (None, None);
    loop {
        let _ = cursor.take("DEFAULT");
        if cursor.take("CHARACTER SET") || cursor.take("CHARSET") || cursor.take("CHAR SET") {
            let _ = cursor.take_sym('=');
            charset = Some(canonical_charset(&cursor.name_or_text()?));
        } else if cursor.take("COLLATE") {
            let _ = cursor.take_sym('=');
            collation = Some(canonical_collation(&cursor.name_or_text()?));
        } else if cursor.take("COMMENT") || cursor.take("ENCRYPTION") || cursor.take("READ ONLY") {
            let _ = cursor.take_sym('=');
            cursor.next();
        } else {
            break;
        }
    }
    let default: Option<CharsetDefault> = cursor
        .dialect
        .resolve(charset.as_deref(), collation.as_deref());
    Ok(Ddl::SchemaDefault { schema, default })
}

fn alter(cursor: &mut Cursor<'_>, tables: &mut Vec<TableName>) -> Parsed<Ddl> {
    skip_definer(cursor);
    if is_object(cursor) {
        return Ok(Ddl::Irrelevant);
    }
    if cursor.take("DATABASE") || cursor.take("SCHEMA") {
        let options = [
            "DEFAULT",
            "CHARACTER",
            "CHARSET",
            "COLLATE",
            "COMMENT",
            "ENCRYPTION",
            "READ",
        ];
        let named = !options.iter().any(|o| cursor.sees(o));
        let schema = if named {
            cursor.ident()?
        } else {
            cursor.schema.to_owned()
        };
        if cursor.take("UPGRADE") {
            return Ok(Ddl::Irrelevant);
        }
        return schema_default(cursor, schema);
    }
    while cursor.take_any(&["ONLINE", "OFFLINE", "IGNORE"]).is_some() {}
    cursor.expect("TABLE")?;
    let _ = cursor.take("IF EXISTS");
    let name = named(cursor, tables)?;
    wait(cursor)?;
    alter_table(cursor, name)
}

fn drop_statement(cursor: &mut Cursor<'_>, tables: &mut Vec<TableName>) -> Parsed<Ddl> {
    if is_object(cursor) || cursor.sees("TEMPORARY") {
        return Ok(Ddl::Irrelevant);
    }
    if cursor.take("DATABASE") || cursor.take("SCHEMA") {
        let _ = cursor.take("IF EXISTS");
        return Ok(Ddl::DropSchema(cursor.ident()?));
    }
    let _ = cursor.take_any(&["ONLINE", "OFFLINE"]);
    if cursor.take("INDEX") {
        return drop_index(cursor, tables);
    }
    if !(cursor.take("TABLE") || cursor.take("TABLES")) {
        return cursor.unknown("a known kind of object");
    }
    let if_exists = cursor.take("IF EXISTS");
    let mut names = vec![named(cursor, tables)?];
    while cursor.take_sym(',') {
        names.push(named(cursor, tables)?);
    }
    wait(cursor)?;
    let _ = cursor.take_any(&["RESTRICT", "CASCADE"]);
    Ok(Ddl::DropTable { names, if_exists })
}

fn rename(cursor: &mut Cursor<'_>, tables: &mut Vec<TableName>) -> Parsed<Ddl> {
    if cursor.sees("USER") {
        return Ok(Ddl::Irrelevant);
    }
    if !(cursor.take("TABLE") || cursor.take("TABLES")) {
        return cursor.unknown("TABLE");
    }
    let if_exists = cursor.take("IF EXISTS");
    let mut pairs = Vec::new();
    loop {
        let from = named(cursor, tables)?;
        wait(cursor)?;
        cursor.expect("TO")?;
        pairs.push((from, named(cursor, tables)?));
        if !cursor.take_sym(',') {
            break;
        }
    }
    if if_exists {
        return Err("RENAME TABLE IF EXISTS is not supported".to_owned());
    }
    Ok(Ddl::RenameTable(pairs))
}

/// Statements that change rows stand in the log as text only where its format is not ROW.
fn other(cursor: &mut Cursor<'_>, tables: &mut Vec<TableName>) -> Parsed<Ddl> {
    let word = match cursor.next() {
        Some(Tok::Word(word)) => word.to_ascii_uppercase(),
        _ => return Err("it is not a statement".to_owned()),
    };
    if ["INSERT", "REPLACE", "UPDATE", "DELETE"].contains(&word.as_str()) {
        const FILLERS: &[&str] = &[
            "LOW_PRIORITY",
            "DELAYED",
            "HIGH_PRIORITY",
            "QUICK",
            "IGNORE",
            "INTO",
            "FROM",
            "ONLY",
        ];
        while cursor.take_any(FILLERS).is_some() {}
        if let Ok(name) = cursor.table_name() {
            // one of several tables is not all of them
            if !cursor.sees_sym(',')
                && !cursor.sees("FROM")
                && !cursor.sees("USING")
                && word != "UPDATE"
            {
                tables.push(name);
            }
        }
        return Err(format!("{word} is in the log as a statement, not as rows"));
    }
    Err(format!("the statement {word} is not known"))
}
