//! CREATE TABLE.

use super::Ddl;
use super::column::{ColumnDef, column_def};
use super::constraint::{Constraint, constraint};
use super::cursor::{Cursor, Parsed};
use super::dialect::CharsetDefault;
use super::finish::{PendingKey, add_pending, finish_table, promote_first_timestamp};
use super::options::{TableOption, table_option};
use crate::model::table::{Check, Table, TableName};

/// From behind CREATE TABLE [IF NOT EXISTS] and the name on.
pub(super) fn create_table(
    cursor: &mut Cursor<'_>,
    name: TableName,
    if_not_exists: bool,
) -> Parsed<Ddl> {
    let bracketed = cursor.sees_sym('(');
    if cursor.take("LIKE") || (bracketed && like_in_brackets(cursor)) {
        let like = cursor.table_name()?;
        if bracketed {
            cursor.expect_sym(')')?;
        }
        return Ok(Ddl::CreateTableLike {
            name,
            like,
            if_not_exists,
        });
    }
    if !bracketed {
        return Err("CREATE TABLE … SELECT is not supported".to_owned());
    }
    cursor.home.clone_from(&name.schema);
    let body = body(cursor)?;
    let tail = tail(cursor)?;
    let table = assemble(cursor, name, body, tail)?;
    Ok(Ddl::CreateTable {
        table: Box::new(table),
        if_not_exists,
    })
}

fn like_in_brackets(cursor: &mut Cursor<'_>) -> bool {
    let start = cursor.at();
    cursor.next();
    if cursor.take("LIKE") {
        return true;
    }
    cursor.back_to(start);
    false
}

/// What stands in the parentheses, in order.
#[derive(Debug, Default)]
struct Body {
    columns: Vec<ColumnDef>,
    keys: Vec<PendingKey>,
    checks: Vec<Check>,
}

fn body(cursor: &mut Cursor<'_>) -> Parsed<Body> {
    cursor.expect_sym('(')?;
    if cursor.sees("SELECT") || cursor.sees("WITH") || cursor.sees("VALUES") {
        return Err("CREATE TABLE … SELECT is not supported".to_owned());
    }
    let mut out = Body::default();
    loop {
        match constraint(cursor)? {
            Some((Constraint::Key(key), _)) => out.keys.push(PendingKey::Key(key)),
            Some((
                Constraint::ForeignKey {
                    foreign_key,
                    index_name,
                },
                _,
            )) => out
                .keys
                .push(PendingKey::ForeignKey(foreign_key, index_name)),
            Some((Constraint::Check(check), _)) => out.checks.push(check),
            None => {
                let mut def = column_def(cursor)?;
                out.keys.extend(def.keys.drain(..).map(PendingKey::Key));
                out.checks.append(&mut def.checks);
                if let Some(foreign_key) = def.foreign_key.take() {
                    out.keys.push(PendingKey::ForeignKey(foreign_key, None));
                }
                out.columns.push(def);
            }
        }
        if !cursor.take_sym(',') {
            break;
        }
    }
    cursor.expect_sym(')')?;
    Ok(out)
}

#[derive(Debug, Default)]
struct Tail {
    charset: Option<String>,
    collation: Option<String>,
    comment: String,
    auto_increment: Option<u64>,
    partition: Option<String>,
}

fn tail(cursor: &mut Cursor<'_>) -> Parsed<Tail> {
    let mut out = Tail::default();
    loop {
        let _ = cursor.take_sym(',');
        match table_option(cursor)? {
            None => break,
            Some(TableOption::Charset(name)) => out.charset = Some(name),
            Some(TableOption::Collation(name)) => out.collation = Some(name),
            Some(TableOption::Comment(text)) => out.comment = text,
            Some(TableOption::AutoIncrement(next)) => out.auto_increment = Some(next),
            Some(TableOption::Other) => {}
        }
    }
    if cursor.sees("PARTITION BY") {
        out.partition = Some(partition(cursor)?);
    }
    if [
        "AS", "SELECT", "IGNORE", "REPLACE", "WITH", "VALUES", "TABLE",
    ]
    .iter()
    .any(|k| cursor.sees(k))
        || cursor.sees_sym('(')
    {
        return Err("CREATE TABLE … SELECT is not supported".to_owned());
    }
    Ok(out)
}

/// The raw text from PARTITION BY to the end.
fn partition(cursor: &mut Cursor<'_>) -> Parsed<String> {
    let start = cursor.at();
    while !cursor.is_end() && !cursor.sees_sym(';') {
        if cursor.sees_sym('(') {
            cursor.parenthesised()?;
            continue;
        }
        if cursor.sees("SELECT") || cursor.sees("AS") {
            return Err("CREATE TABLE … SELECT is not supported".to_owned());
        }
        cursor.next();
    }
    Ok(cursor.raw(start, cursor.at()))
}

fn assemble(cursor: &Cursor<'_>, name: TableName, body: Body, tail: Tail) -> Parsed<Table> {
    let default: CharsetDefault = cursor
        .dialect
        .resolve(tail.charset.as_deref(), tail.collation.as_deref())
        .unwrap_or_else(|| cursor.dialect.schema_default(&name.schema).clone());
    let mut columns = Vec::with_capacity(body.columns.len());
    for mut def in body.columns {
        def.resolve(Some(&default), cursor)?;
        columns.push(def.column);
    }
    promote_first_timestamp(columns.iter_mut(), cursor.dialect);
    let mut table = Table {
        name,
        columns,
        keys: Vec::new(),
        foreign_keys: Vec::new(),
        checks: Vec::new(),
        charset: default.charset,
        collation: default.collation,
        comment: tail.comment,
        auto_increment: tail.auto_increment,
        partition: tail.partition,
    };
    add_pending(&mut table, body.keys, cursor.dialect)?;
    table.checks = body.checks;
    finish_table(&mut table, cursor.dialect)?;
    Ok(table)
}
