//! ALTER TABLE, CREATE INDEX, DROP INDEX.

use super::charset::{canonical_charset, canonical_collation};
use super::column::{ColumnDef, column_def, default_value};
use super::constraint::{Constraint, constraint, key_option, key_parts, key_type};
use super::cursor::{Cursor, Parsed};
use super::finish::promote_first_timestamp;
use super::options::{TableOption, table_option};
use super::{AlterAction, Ddl, Place};
use crate::model::table::{Key, KeyKind, TableName};

/// From behind ALTER TABLE and the name on.
pub(super) fn alter_table(cursor: &mut Cursor<'_>, name: TableName) -> Parsed<Ddl> {
    cursor.home.clone_from(&name.schema);
    let mut actions = Vec::new();
    if !cursor.is_end() && !cursor.sees_sym(';') {
        loop {
            action(cursor, &mut actions)?;
            // table options follow each other without a comma
            if !cursor.take_sym(',') && (cursor.is_end() || cursor.sees_sym(';')) {
                break;
            }
        }
    }
    let columns = actions.iter_mut().filter_map(|action| match action {
        AlterAction::AddColumn(column, _) | AlterAction::ChangeColumn { column, .. } => {
            Some(&mut **column)
        }
        _ => None,
    });
    promote_first_timestamp(columns, cursor.dialect);
    let mut real = actions.iter().filter(|a| **a != AlterAction::Nothing);
    if let (Some(AlterAction::RenameTo(to)), None) = (real.next(), real.next()) {
        return Ok(Ddl::RenameTable(vec![(name, to.clone())]));
    }
    Ok(Ddl::AlterTable { name, actions })
}

fn action(cursor: &mut Cursor<'_>, out: &mut Vec<AlterAction>) -> Parsed<()> {
    match cursor.take_any(&["ADD", "DROP", "MODIFY", "CHANGE", "RENAME", "ALTER"]) {
        Some("ADD") => add(cursor, out),
        Some("DROP") => drop_action(cursor, out),
        Some("MODIFY") => change(cursor, out, false),
        Some("CHANGE") => change(cursor, out, true),
        Some("RENAME") => rename(cursor, out),
        Some(_) => alter_part(cursor, out),
        None => other(cursor, out),
    }
}

/// Wraps an action that is written with IF [NOT] EXISTS.
fn maybe(conditional: bool, action: AlterAction) -> AlterAction {
    if conditional {
        AlterAction::IfPossible(Box::new(action))
    } else {
        action
    }
}

fn add(cursor: &mut Cursor<'_>, out: &mut Vec<AlterAction>) -> Parsed<()> {
    if cursor.sees("PARTITION") {
        return Err("ADD PARTITION is not supported".to_owned());
    }
    if cursor.sees("SYSTEM VERSIONING") {
        return Err("system versioning is not supported".to_owned());
    }
    if !cursor.sees("COLUMN")
        && let Some((constraint, conditional)) = constraint(cursor)?
    {
        out.push(maybe(
            conditional,
            match constraint {
                Constraint::Key(key) => AlterAction::AddKey(key),
                Constraint::ForeignKey { foreign_key, .. } => {
                    AlterAction::AddForeignKey(foreign_key)
                }
                Constraint::Check(check) => AlterAction::AddCheck(check),
            },
        ));
        return Ok(());
    }
    let _ = cursor.take("COLUMN");
    let conditional = cursor.take("IF NOT EXISTS");
    if cursor.take_sym('(') {
        loop {
            match constraint(cursor)? {
                Some((Constraint::Key(key), _)) => out.push(AlterAction::AddKey(key)),
                Some((Constraint::ForeignKey { foreign_key, .. }, _)) => {
                    out.push(AlterAction::AddForeignKey(foreign_key));
                }
                Some((Constraint::Check(check), _)) => out.push(AlterAction::AddCheck(check)),
                None => {
                    let def = definition(cursor)?;
                    push_column(out, def, conditional, |column| {
                        AlterAction::AddColumn(Box::new(column), Place::Default)
                    });
                }
            }
            if !cursor.take_sym(',') {
                break;
            }
        }
        return cursor.expect_sym(')');
    }
    let def = definition(cursor)?;
    let place = place(cursor)?;
    push_column(out, def, conditional, |column| {
        AlterAction::AddColumn(Box::new(column), place)
    });
    Ok(())
}

fn definition(cursor: &mut Cursor<'_>) -> Parsed<ColumnDef> {
    let mut def = column_def(cursor)?;
    def.resolve(None, cursor)?;
    Ok(def)
}

/// A column's action, and those for what its definition brings along.
fn push_column(
    out: &mut Vec<AlterAction>,
    def: ColumnDef,
    conditional: bool,
    action: impl FnOnce(crate::model::table::Column) -> AlterAction,
) {
    out.push(maybe(conditional, action(def.column)));
    for key in def.keys {
        out.push(maybe(conditional, AlterAction::AddKey(key)));
    }
    for check in def.checks {
        out.push(maybe(conditional, AlterAction::AddCheck(check)));
    }
    if let Some(foreign_key) = def.foreign_key {
        out.push(maybe(conditional, AlterAction::AddForeignKey(foreign_key)));
    }
}

fn place(cursor: &mut Cursor<'_>) -> Parsed<Place> {
    if cursor.take("FIRST") {
        return Ok(Place::First);
    }
    if cursor.take("AFTER") {
        return Ok(Place::After(cursor.ident()?));
    }
    Ok(Place::Default)
}

fn change(cursor: &mut Cursor<'_>, out: &mut Vec<AlterAction>, renames: bool) -> Parsed<()> {
    let _ = cursor.take("COLUMN");
    let conditional = cursor.take("IF EXISTS");
    let old = if renames { Some(cursor.ident()?) } else { None };
    let def = definition(cursor)?;
    let place = place(cursor)?;
    push_column(out, def, conditional, |column| AlterAction::ChangeColumn {
        old: old.unwrap_or_else(|| column.name.clone()),
        column: Box::new(column),
        place,
    });
    Ok(())
}

fn drop_action(cursor: &mut Cursor<'_>, out: &mut Vec<AlterAction>) -> Parsed<()> {
    if cursor.sees("PARTITION") {
        return Err("DROP PARTITION is not supported".to_owned());
    }
    if cursor.sees("SYSTEM VERSIONING") || cursor.sees("PERIOD FOR") {
        return Err("system versioning and periods are not supported".to_owned());
    }
    if cursor.take("PRIMARY KEY") {
        out.push(AlterAction::DropKey("PRIMARY".to_owned()));
        return Ok(());
    }
    let make: fn(String) -> AlterAction = match cursor.take_any(&[
        "FOREIGN KEY",
        "KEY",
        "INDEX",
        "CHECK",
        "CONSTRAINT",
        "COLUMN",
    ]) {
        Some("FOREIGN KEY") => AlterAction::DropForeignKey,
        Some("KEY" | "INDEX") => AlterAction::DropKey,
        Some("CHECK") => AlterAction::DropCheck,
        Some("CONSTRAINT") => AlterAction::DropConstraint,
        _ => AlterAction::DropColumn,
    };
    let conditional = cursor.take("IF EXISTS");
    out.push(maybe(conditional, make(cursor.ident()?)));
    let _ = cursor.take_any(&["RESTRICT", "CASCADE"]);
    Ok(())
}

fn rename(cursor: &mut Cursor<'_>, out: &mut Vec<AlterAction>) -> Parsed<()> {
    let make: Option<fn(String, String) -> AlterAction> =
        match cursor.take_any(&["COLUMN", "INDEX", "KEY"]) {
            Some("COLUMN") => Some(AlterAction::RenameColumn),
            Some(_) => Some(AlterAction::RenameKey),
            None => None,
        };
    if let Some(make) = make {
        let conditional = cursor.take("IF EXISTS");
        let old = cursor.ident()?;
        cursor.expect("TO")?;
        out.push(maybe(conditional, make(old, cursor.ident()?)));
        return Ok(());
    }
    let _ = cursor.take_any(&["TO", "AS"]).is_some() || cursor.take_sym('=');
    out.push(AlterAction::RenameTo(cursor.table_name()?));
    Ok(())
}

fn alter_part(cursor: &mut Cursor<'_>, out: &mut Vec<AlterAction>) -> Parsed<()> {
    if cursor.take("INDEX") || cursor.take("KEY") {
        let _ = cursor.take("IF EXISTS");
        cursor.ident()?;
        let known = ["VISIBLE", "INVISIBLE", "NOT IGNORED", "IGNORED"];
        if cursor.take_any(&known).is_none() {
            return cursor.unknown("VISIBLE or INVISIBLE");
        }
        out.push(AlterAction::Nothing);
        return Ok(());
    }
    if cursor.take("CHECK") || cursor.take("CONSTRAINT") {
        let name = cursor.ident()?;
        let enforced = match cursor.take_any(&["NOT ENFORCED", "ENFORCED"]) {
            Some(word) => word == "ENFORCED",
            None => return cursor.unknown("ENFORCED"),
        };
        out.push(AlterAction::EnforceCheck(name, enforced));
        return Ok(());
    }
    let _ = cursor.take("COLUMN");
    let conditional = cursor.take("IF EXISTS");
    let column = cursor.ident()?;
    let action = if cursor.take("DROP DEFAULT") {
        AlterAction::SetDefault(column, None)
    } else if cursor.take("SET DEFAULT") {
        AlterAction::SetDefault(column, Some(default_value(cursor)?))
    } else if cursor.take("SET INVISIBLE") {
        AlterAction::SetInvisible(column, true)
    } else if cursor.take("SET VISIBLE") {
        AlterAction::SetInvisible(column, false)
    } else {
        return cursor.unknown("SET DEFAULT or DROP DEFAULT");
    };
    out.push(maybe(conditional, action));
    Ok(())
}

/// Clauses without consequence for what is kept.
const NOTHING: &[&str] = &[
    "FORCE",
    "ENABLE KEYS",
    "DISABLE KEYS",
    "WITH VALIDATION",
    "WITHOUT VALIDATION",
    "SECONDARY_LOAD",
    "SECONDARY_UNLOAD",
    "NOWAIT",
];

fn other(cursor: &mut Cursor<'_>, out: &mut Vec<AlterAction>) -> Parsed<()> {
    if cursor.take_any(NOTHING).is_some() || lock_or_algorithm(cursor)? || maintenance(cursor)? {
        out.push(AlterAction::Nothing);
        return Ok(());
    }
    if cursor.take("CONVERT TO") {
        return convert(cursor, out);
    }
    if cursor.take("ORDER BY") {
        loop {
            cursor.ident()?;
            let _ = cursor.take_any(&["ASC", "DESC"]);
            if !cursor.take_sym(',') {
                break;
            }
        }
        out.push(AlterAction::Nothing);
        return Ok(());
    }
    let (mut charset, mut collation) = (None, None);
    let start = cursor.at();
    match table_option(cursor)? {
        Some(TableOption::Charset(name)) => charset = Some(name),
        Some(TableOption::Collation(name)) => collation = Some(name),
        Some(TableOption::Comment(text)) => {
            out.push(AlterAction::Comment(text));
            return Ok(());
        }
        Some(TableOption::AutoIncrement(next)) => {
            out.push(AlterAction::AutoIncrement(next));
            return Ok(());
        }
        Some(TableOption::Other) => {
            out.push(AlterAction::Nothing);
            return Ok(());
        }
        None => return cursor.unknown("an action of ALTER TABLE"),
    }
    if charset.is_some() {
        // CHARACTER SET x COLLATE y belong together
        let behind = cursor.at();
        let _ = cursor.take("DEFAULT");
        if cursor.take("COLLATE") {
            let _ = cursor.take_sym('=');
            collation = Some(canonical_collation(&cursor.name_or_text()?));
        } else {
            cursor.back_to(behind);
        }
    }
    match cursor
        .dialect
        .resolve(charset.as_deref(), collation.as_deref())
    {
        Some(default) => out.push(AlterAction::DefaultCharset(default)),
        None => {
            cursor.back_to(start);
            return cursor.unknown("an action of ALTER TABLE");
        }
    }
    Ok(())
}

fn lock_or_algorithm(cursor: &mut Cursor<'_>) -> Parsed<bool> {
    if cursor.take("WAIT") {
        let _: u64 = cursor.number()?;
        return Ok(true);
    }
    let found = cursor.take_any(&["ALGORITHM", "LOCK"]).is_some();
    if found {
        let _ = cursor.take_sym('=');
        cursor.ident()?;
    }
    Ok(found)
}

/// Upkeep of partitions, which leaves rows and definition as they are.
fn maintenance(cursor: &mut Cursor<'_>) -> Parsed<bool> {
    const UPKEEP: &[&str] = &[
        "ANALYZE PARTITION",
        "CHECK PARTITION",
        "OPTIMIZE PARTITION",
        "REBUILD PARTITION",
        "REPAIR PARTITION",
    ];
    let found = cursor.take_any(UPKEEP).is_some();
    if found {
        let _ = cursor.ident()?;
        while cursor.take_sym(',') {
            cursor.ident()?;
        }
        while cursor
            .take_any(&[
                "QUICK",
                "FAST",
                "MEDIUM",
                "EXTENDED",
                "CHANGED",
                "FOR UPGRADE",
            ])
            .is_some()
        {}
    }
    Ok(found)
}

fn convert(cursor: &mut Cursor<'_>, out: &mut Vec<AlterAction>) -> Parsed<()> {
    if !(cursor.take("CHARACTER SET") || cursor.take("CHARSET") || cursor.take("CHAR SET")) {
        return cursor.unknown("CHARACTER SET");
    }
    let _ = cursor.take_sym('=');
    let charset = if cursor.take("DEFAULT") {
        None
    } else {
        Some(canonical_charset(&cursor.name_or_text()?))
    };
    let mut collation = None;
    if cursor.take("COLLATE") {
        let _ = cursor.take_sym('=');
        collation = Some(canonical_collation(&cursor.name_or_text()?));
    }
    let target = cursor
        .dialect
        .resolve(charset.as_deref(), collation.as_deref());
    out.push(AlterAction::ConvertCharset(target));
    Ok(())
}

/// From behind CREATE on, if it is an index.
pub(super) fn create_index(
    cursor: &mut Cursor<'_>,
    replace: bool,
    tables: &mut Vec<TableName>,
) -> Parsed<Option<Ddl>> {
    let start = cursor.at();
    let _ = cursor.take_any(&["ONLINE", "OFFLINE"]);
    let kind = match cursor.take_any(&["UNIQUE", "FULLTEXT", "SPATIAL", "VECTOR"]) {
        None => KeyKind::Index,
        Some("UNIQUE") => KeyKind::Unique,
        Some("FULLTEXT") => KeyKind::Fulltext,
        Some("SPATIAL") => KeyKind::Spatial,
        Some(_) => return Err("a vector index is not supported".to_owned()),
    };
    if !cursor.take("INDEX") {
        cursor.back_to(start);
        return Ok(None);
    }
    let conditional = cursor.take("IF NOT EXISTS");
    let key_name = cursor.ident()?;
    key_type(cursor)?;
    cursor.expect("ON")?;
    let name = cursor.table_name()?;
    tables.push(name.clone());
    if replace {
        return Err("CREATE OR REPLACE INDEX is not supported".to_owned());
    }
    let parts = key_parts(cursor)?;
    let mut key = Key {
        name: key_name,
        kind,
        parts,
        comment: String::new(),
    };
    while key_option(cursor, &mut key)? || lock_or_algorithm(cursor)? || cursor.take("NOWAIT") {}
    Ok(Some(Ddl::AlterTable {
        name,
        actions: vec![maybe(conditional, AlterAction::AddKey(key))],
    }))
}

/// From behind DROP INDEX on.
pub(super) fn drop_index(cursor: &mut Cursor<'_>, tables: &mut Vec<TableName>) -> Parsed<Ddl> {
    let conditional = cursor.take("IF EXISTS");
    let key = cursor.ident()?;
    cursor.expect("ON")?;
    let name = cursor.table_name()?;
    tables.push(name.clone());
    while lock_or_algorithm(cursor)? || cursor.take("NOWAIT") {}
    Ok(Ddl::AlterTable {
        name,
        actions: vec![maybe(conditional, AlterAction::DropKey(key))],
    })
}
