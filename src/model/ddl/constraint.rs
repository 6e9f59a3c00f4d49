//! Keys, foreign keys and CHECK constraints.

use super::cursor::{Cursor, Parsed};
use super::lexer::Tok;
use crate::model::table::{Check, ForeignKey, Key, KeyKind, KeyPart, KeyWhat, TableName};

/// A constraint or key of a table.
#[derive(Debug)]
pub(super) enum Constraint {
    Key(Key),
    ForeignKey {
        foreign_key: ForeignKey,
        /// The name that the key beneath it gets.
        index_name: Option<String>,
    },
    Check(Check),
}

/// A constraint or key and whether IF NOT EXISTS is written; None where a column stands.
pub(super) fn constraint(cursor: &mut Cursor<'_>) -> Parsed<Option<(Constraint, bool)>> {
    let mut symbol = None;
    let mut if_not_exists = false;
    let named = cursor.take("CONSTRAINT");
    if named {
        if_not_exists = cursor.take("IF NOT EXISTS");
        let keyword = ["PRIMARY", "UNIQUE", "FOREIGN", "CHECK"]
            .iter()
            .any(|k| cursor.sees(k));
        if !keyword {
            symbol = Some(cursor.ident()?);
        }
    }
    if cursor.take("PRIMARY KEY") {
        let (mut key, exists) = key(cursor, KeyKind::Primary)?;
        key.name = "PRIMARY".to_owned();
        return Ok(Some((Constraint::Key(key), exists || if_not_exists)));
    }
    if cursor.take("UNIQUE") {
        let _ = cursor.take_any(&["KEY", "INDEX"]);
        let (mut key, exists) = key(cursor, KeyKind::Unique)?;
        if key.name.is_empty() {
            key.name = symbol.unwrap_or_default();
        }
        return Ok(Some((Constraint::Key(key), exists || if_not_exists)));
    }
    if cursor.take("FOREIGN KEY") {
        let (constraint, exists) = foreign_key(cursor, symbol)?;
        return Ok(Some((constraint, exists || if_not_exists)));
    }
    if cursor.sees("CHECK") {
        let mut check = check_clause(cursor)?;
        check.name = symbol;
        return Ok(Some((Constraint::Check(check), if_not_exists)));
    }
    if named {
        return cursor.unknown("PRIMARY, UNIQUE, FOREIGN or CHECK");
    }
    plain_key(cursor)
}

/// KEY, INDEX, FULLTEXT, SPATIAL and what is refused.
fn plain_key(cursor: &mut Cursor<'_>) -> Parsed<Option<(Constraint, bool)>> {
    if (cursor.sees("VECTOR KEY") || cursor.sees("VECTOR INDEX"))
        || (cursor.sees("VECTOR") && cursor.sees_sym_at(1, '('))
    {
        return Err("a vector index is not supported".to_owned());
    }
    if cursor.sees("PERIOD FOR") {
        return Err("application-time periods are not supported".to_owned());
    }
    let kind = match cursor.take_any(&["KEY", "INDEX", "FULLTEXT", "SPATIAL"]) {
        None => return Ok(None),
        Some("FULLTEXT") => KeyKind::Fulltext,
        Some("SPATIAL") => KeyKind::Spatial,
        Some(_) => KeyKind::Index,
    };
    if kind != KeyKind::Index {
        let _ = cursor.take_any(&["KEY", "INDEX"]);
    }
    let (key, exists) = key(cursor, kind)?;
    Ok(Some((Constraint::Key(key), exists)))
}

/// From behind KEY on: name, type, parts, options.
fn key(cursor: &mut Cursor<'_>, kind: KeyKind) -> Parsed<(Key, bool)> {
    let exists = cursor.take("IF NOT EXISTS");
    let mut name = String::new();
    let using = |c: &Cursor<'_>| c.sees("USING") || c.sees("TYPE BTREE") || c.sees("TYPE HASH");
    if !cursor.sees_sym('(') && !using(cursor) {
        name = cursor.ident()?;
    }
    key_type(cursor)?;
    let parts = key_parts(cursor)?;
    let mut key = Key {
        name,
        kind,
        parts,
        comment: String::new(),
    };
    while key_option(cursor, &mut key)? {}
    Ok((key, exists))
}

/// USING BTREE.
pub(super) fn key_type(cursor: &mut Cursor<'_>) -> Parsed<()> {
    while cursor.take("USING") || cursor.take("TYPE") {
        cursor.ident()?;
    }
    Ok(())
}

/// `(a, b(10) DESC, (expression))`.
pub(super) fn key_parts(cursor: &mut Cursor<'_>) -> Parsed<Vec<KeyPart>> {
    cursor.expect_sym('(')?;
    let mut parts = Vec::new();
    loop {
        let what = if cursor.sees_sym('(') {
            KeyWhat::Expression(cursor.parenthesised()?)
        } else {
            KeyWhat::Column(cursor.ident()?)
        };
        let prefix = match what {
            KeyWhat::Column(_) => cursor.length()?,
            KeyWhat::Expression(_) => None,
        };
        if cursor.sees("WITHOUT OVERLAPS") {
            return Err("a key WITHOUT OVERLAPS is not supported".to_owned());
        }
        let descending = cursor.take_any(&["ASC", "DESC"]) == Some("DESC");
        parts.push(KeyPart {
            what,
            prefix,
            descending,
        });
        if !cursor.take_sym(',') {
            break;
        }
    }
    cursor.expect_sym(')')?;
    Ok(parts)
}

/// Takes one option of a key; false where there is none.
pub(super) fn key_option(cursor: &mut Cursor<'_>, key: &mut Key) -> Parsed<bool> {
    if cursor.sees("USING") || cursor.sees("TYPE") {
        key_type(cursor)?;
    } else if cursor.take("COMMENT") {
        key.comment = cursor.text()?;
    } else if cursor.take("WITH PARSER") {
        let parser = cursor.ident()?;
        cursor.extras.parsers.insert(key.name.clone(), parser);
    } else if cursor.take("INVISIBLE") || cursor.take("IGNORED") {
        cursor.extras.invisible_keys.push(key.name.clone());
    } else if cursor
        .take_any(&["VISIBLE", "NOT IGNORED", "LOCAL", "GLOBAL"])
        .is_some()
    {
        // the default, or a matter of storage
    } else if cursor
        .take_any(&[
            "KEY_BLOCK_SIZE",
            "BLOCK_SIZE",
            "ENGINE_ATTRIBUTE",
            "SECONDARY_ENGINE_ATTRIBUTE",
            "CLUSTERING",
        ])
        .is_some()
    {
        let _ = cursor.take_sym('=');
        if matches!(
            cursor.peek(),
            Some(Tok::Number(_) | Tok::Text(_) | Tok::Word(_))
        ) {
            cursor.next();
        } else {
            return cursor.unknown("the value of a key's option");
        }
    } else if cursor.take("PARSER_PROPERTIES") {
        let _ = cursor.take_sym('=');
        cursor.parenthesised()?;
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// `CHECK (…) [[NOT] ENFORCED]`.
pub(super) fn check_clause(cursor: &mut Cursor<'_>) -> Parsed<Check> {
    cursor.expect("CHECK")?;
    let expression = cursor.parenthesised()?;
    let enforced = match cursor.take_any(&["NOT ENFORCED", "ENFORCED"]) {
        Some(word) => word == "ENFORCED",
        None => true,
    };
    Ok(Check {
        name: None,
        expression,
        enforced,
    })
}

fn foreign_key(cursor: &mut Cursor<'_>, symbol: Option<String>) -> Parsed<(Constraint, bool)> {
    let exists = cursor.take("IF NOT EXISTS");
    let index_name = if cursor.sees_sym('(') {
        None
    } else {
        Some(cursor.ident()?)
    };
    let columns = cursor.names()?;
    cursor.expect("REFERENCES")?;
    let mut foreign_key = references(cursor, columns)?;
    // an index name is also the constraint's name where it has none, as MySQL has it
    let index_name = symbol.clone().or(index_name);
    foreign_key.name = symbol.unwrap_or_default();
    Ok((
        Constraint::ForeignKey {
            foreign_key,
            index_name,
        },
        exists,
    ))
}

/// From behind REFERENCES on.
pub(super) fn references(cursor: &mut Cursor<'_>, columns: Vec<String>) -> Parsed<ForeignKey> {
    let home = cursor.home.clone();
    let references: TableName = cursor.table_name_in(&home)?;
    let ref_columns = if cursor.sees_sym('(') {
        cursor.names()?
    } else {
        Vec::new()
    };
    let mut out = ForeignKey {
        name: String::new(),
        columns,
        references,
        ref_columns,
        on_delete: None,
        on_update: None,
    };
    loop {
        if cursor.take("MATCH") {
            cursor.ident()?;
        } else if cursor.take("ON DELETE") {
            out.on_delete = Some(action(cursor)?);
        } else if cursor.take("ON UPDATE") {
            out.on_update = Some(action(cursor)?);
        } else {
            return Ok(out);
        }
    }
}

fn action(cursor: &mut Cursor<'_>) -> Parsed<String> {
    const ACTIONS: &[&str] = &[
        "RESTRICT",
        "CASCADE",
        "SET NULL",
        "NO ACTION",
        "SET DEFAULT",
    ];
    match cursor.take_any(ACTIONS) {
        Some(action) => Ok(action.to_owned()),
        None => cursor.unknown("the action of a foreign key"),
    }
}
