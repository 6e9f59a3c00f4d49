//! Schema tracking: what ALTER TABLE does to a definition.
//!
//! The actions of one statement happen at once, as the servers do it: each names columns and keys
//! as they were before the statement, `AFTER` names them as they are behind it.

use super::dialect::Dialect;
use super::finish::{
    add_foreign_key, add_key, find_foreign_key, find_key, finish_table, name_checks,
};
use super::resolve::{fill_charset, text_bytes};
use super::{AlterAction, CharsetDefault, Place, charset};
use crate::model::table::{Column, ColumnType, DefaultValue, KeyKind, KeyWhat, Table, TableName};

/// The definition after these actions; the error says which of them does not fit the table.
pub fn apply(table: &Table, actions: &[AlterAction], dialect: &Dialect) -> Result<Table, String> {
    let mut work = Altering {
        table: table.clone(),
        columns: table
            .columns
            .iter()
            .map(|column| Slot {
                old: Some(column.name.clone()),
                column: column.clone(),
            })
            .collect(),
        placed: Vec::new(),
        dialect,
    };
    // what is dropped makes room for what is added under the same name
    work.stage(actions, is_drop)?;
    work.stage(actions, is_charset)?;
    work.stage(actions, is_column)?;
    work.settle_columns()?;
    work.stage(actions, is_rest)?;
    let mut table = work.table;
    name_checks(&mut table, dialect);
    finish_table(&mut table, dialect)?;
    Ok(table)
}

/// The definition of `CREATE TABLE name LIKE table`.
pub fn like(table: &Table, name: &TableName, dialect: &Dialect) -> Table {
    let mut out = table.clone();
    out.name = name.clone();
    out.foreign_keys.clear();
    out.auto_increment = None;
    if dialect.family == super::Family::MySql {
        for check in &mut out.checks {
            check.name = None;
        }
        name_checks(&mut out, dialect);
    }
    out
}

fn is_drop(action: &AlterAction) -> bool {
    matches!(
        action,
        AlterAction::DropColumn(_)
            | AlterAction::DropKey(_)
            | AlterAction::DropForeignKey(_)
            | AlterAction::DropCheck(_)
            | AlterAction::DropConstraint(_)
    )
}

fn is_charset(action: &AlterAction) -> bool {
    matches!(
        action,
        AlterAction::DefaultCharset(_) | AlterAction::ConvertCharset(_)
    )
}

fn is_column(action: &AlterAction) -> bool {
    matches!(
        action,
        AlterAction::AddColumn(..)
            | AlterAction::ChangeColumn { .. }
            | AlterAction::RenameColumn(..)
            | AlterAction::SetDefault(..)
            | AlterAction::SetInvisible(..)
    )
}

fn is_rest(action: &AlterAction) -> bool {
    !is_drop(action) && !is_charset(action) && !is_column(action)
}

/// A column under way; `old` is its name before the statement.
#[derive(Debug)]
struct Slot {
    old: Option<String>,
    column: Column,
}

struct Altering<'a> {
    table: Table,
    columns: Vec<Slot>,
    /// Columns that FIRST or AFTER puts somewhere, in order.
    placed: Vec<(Slot, Place)>,
    dialect: &'a Dialect,
}

fn same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

impl Altering<'_> {
    fn stage(
        &mut self,
        actions: &[AlterAction],
        belongs: fn(&AlterAction) -> bool,
    ) -> Result<(), String> {
        for action in actions {
            let (inner, conditional) = match action {
                AlterAction::IfPossible(inner) => (&**inner, true),
                action => (action, false),
            };
            if !belongs(inner) {
                continue;
            }
            match self.step(inner) {
                Err(_) if conditional => {}
                result => result?,
            }
        }
        Ok(())
    }

    fn step(&mut self, action: &AlterAction) -> Result<(), String> {
        match action {
            AlterAction::AddColumn(column, place) => self.add_column(column, place),
            AlterAction::DropColumn(name) => self.drop_column(name),
            AlterAction::ChangeColumn { old, column, place } => {
                self.change_column(old, column, place)
            }
            AlterAction::RenameColumn(old, new) => {
                self.slot(old)?.column.name.clone_from(new);
                Ok(())
            }
            AlterAction::SetDefault(name, value) => {
                self.slot(name)?.column.default.clone_from(value);
                Ok(())
            }
            AlterAction::SetInvisible(name, invisible) => {
                self.slot(name)?.column.invisible = *invisible;
                Ok(())
            }
            AlterAction::ConvertCharset(target) => {
                self.convert(target.as_ref());
                Ok(())
            }
            AlterAction::IfPossible(inner) => {
                // nested only by hand
                let _ = self.step(inner);
                Ok(())
            }
            other => self.step_table(other),
        }
    }

    fn step_table(&mut self, action: &AlterAction) -> Result<(), String> {
        let table = &mut self.table;
        match action {
            AlterAction::AddKey(key) => return add_key(table, key.clone()),
            AlterAction::DropKey(name) => return drop_key(table, name),
            AlterAction::RenameKey(old, new) => {
                let at = find_key(table, old).ok_or_else(|| missing(table, "key", old))?;
                table.keys[at].name.clone_from(new);
            }
            AlterAction::AddForeignKey(key) => {
                return add_foreign_key(table, key.clone(), None, self.dialect);
            }
            AlterAction::DropForeignKey(name) => return drop_foreign_key(table, name),
            AlterAction::AddCheck(check) => {
                // MariaDB repeats a column's own check with every change of the column
                let known = table
                    .checks
                    .iter()
                    .any(|c| c.name.is_none() && c.expression == check.expression);
                if check.name.is_some() || !known {
                    table.checks.push(check.clone());
                }
            }
            AlterAction::DropCheck(name) => return drop_check(table, name),
            AlterAction::EnforceCheck(name, enforced) => {
                let at = find_check(table, name).ok_or_else(|| missing(table, "check", name))?;
                table.checks[at].enforced = *enforced;
            }
            AlterAction::DropConstraint(name) => {
                return drop_check(table, name)
                    .or_else(|_| drop_foreign_key(table, name))
                    .or_else(|_| drop_key(table, name))
                    .map_err(|_| missing(table, "constraint", name));
            }
            AlterAction::Comment(text) => table.comment.clone_from(text),
            AlterAction::AutoIncrement(next) => table.auto_increment = Some(*next),
            AlterAction::DefaultCharset(default) => {
                table.charset.clone_from(&default.charset);
                table.collation.clone_from(&default.collation);
            }
            AlterAction::RenameTo(name) => rename_table(table, name),
            _ => {}
        }
        Ok(())
    }

    fn slot(&mut self, old: &str) -> Result<&mut Slot, String> {
        let name = &self.table.name;
        self.columns
            .iter_mut()
            .find(|slot| slot.old.as_deref().is_some_and(|o| same(o, old)))
            .ok_or_else(|| format!("table {name} has no column '{old}'"))
    }

    fn filled(&self, column: &Column) -> Column {
        let mut column = column.clone();
        let default = CharsetDefault {
            charset: self.table.charset.clone(),
            collation: self.table.collation.clone(),
        };
        fill_charset(&mut column, Some(&default), self.dialect);
        column
    }

    fn add_column(&mut self, column: &Column, place: &Place) -> Result<(), String> {
        let exists = self
            .columns
            .iter()
            .chain(self.placed.iter().map(|(slot, _)| slot))
            .any(|slot| same(&slot.column.name, &column.name));
        if exists {
            return Err(format!(
                "table {} has a column '{}' already",
                self.table.name, column.name
            ));
        }
        let slot = Slot {
            old: None,
            column: self.filled(column),
        };
        self.placed.push((slot, place.clone()));
        Ok(())
    }

    fn drop_column(&mut self, name: &str) -> Result<(), String> {
        self.slot(name)?;
        self.columns
            .retain(|slot| !slot.old.as_deref().is_some_and(|o| same(o, name)));
        Ok(())
    }

    fn change_column(&mut self, old: &str, column: &Column, place: &Place) -> Result<(), String> {
        let new = self.filled(column);
        self.slot(old)?.column = new;
        if *place != Place::Default
            && let Some(at) = self
                .columns
                .iter()
                .position(|slot| slot.old.as_deref().is_some_and(|o| same(o, old)))
        {
            let slot = self.columns.remove(at);
            self.placed.push((slot, place.clone()));
        }
        Ok(())
    }

    fn convert(&mut self, target: Option<&CharsetDefault>) {
        let target = target.map_or_else(
            || self.dialect.schema_default(&self.table.name.schema).clone(),
            Clone::clone,
        );
        for slot in &mut self.columns {
            convert_column(&mut slot.column, &target, self.dialect);
        }
        self.table.charset = target.charset;
        self.table.collation = target.collation;
    }

    /// Puts the columns in order and carries their new names into keys.
    fn settle_columns(&mut self) -> Result<(), String> {
        for (slot, place) in std::mem::take(&mut self.placed) {
            let at = match &place {
                Place::Default => self.columns.len(),
                Place::First => 0,
                Place::After(name) => {
                    1 + self
                        .columns
                        .iter()
                        .position(|s| same(&s.column.name, name))
                        .ok_or_else(|| missing(&self.table, "column", name))?
                }
            };
            self.columns.insert(at, slot);
        }
        if self.columns.is_empty() {
            return Err(format!(
                "every column of table {} would be dropped",
                self.table.name
            ));
        }
        let new_name = |old: &str| {
            self.columns
                .iter()
                .find(|s| s.old.as_deref().is_some_and(|o| same(o, old)))
                .map(|s| s.column.name.clone())
        };
        for key in &mut self.table.keys {
            key.parts.retain_mut(|part| match &mut part.what {
                KeyWhat::Expression(_) => true,
                KeyWhat::Column(name) => match new_name(name) {
                    Some(new) => {
                        *name = new;
                        true
                    }
                    None => false,
                },
            });
        }
        self.table.keys.retain(|key| !key.parts.is_empty());
        let dropped: Vec<String> = self
            .table
            .columns
            .iter()
            .map(|c| c.name.clone())
            .filter(|name| new_name(name).is_none())
            .collect();
        let is_dropped = |name: &String| dropped.iter().any(|d| same(name, d));
        let own = self.table.name.clone();
        self.table
            .foreign_keys
            .retain(|key| !key.columns.iter().any(is_dropped));
        for foreign_key in &mut self.table.foreign_keys {
            let to_self = foreign_key.references == own;
            for name in &mut foreign_key.columns {
                *name = new_name(name).unwrap_or_else(|| name.clone());
            }
            if to_self {
                for name in &mut foreign_key.ref_columns {
                    *name = new_name(name).unwrap_or_else(|| name.clone());
                }
            }
        }
        self.table
            .checks
            .retain(|c| !dropped.iter().any(|d| mentions(&c.expression, d)));
        self.table.columns = self.columns.drain(..).map(|s| s.column).collect();
        self.require_primary();
        Ok(())
    }

    /// Columns of the primary key never take NULL, however they were changed.
    fn require_primary(&mut self) {
        let primary = self
            .table
            .primary_key()
            .and_then(|key| self.table.key_columns(key))
            .unwrap_or_default();
        for at in primary {
            let column = &mut self.table.columns[at];
            column.nullable = false;
            if column.default == Some(DefaultValue::Null) {
                column.default = None;
            }
        }
    }
}

fn missing(table: &Table, what: &str, name: &str) -> String {
    format!("table {} has no {what} '{name}'", table.name)
}

/// Whether an expression names a column.
fn mentions(expression: &str, column: &str) -> bool {
    super::lexer::lex(expression, &Dialect::default()).is_ok_and(|tokens| {
        tokens.iter().any(|token| match &token.tok {
            super::lexer::Tok::Word(name) | super::lexer::Tok::Quoted(name) => same(name, column),
            _ => false,
        })
    })
}

fn find_check(table: &Table, name: &str) -> Option<usize> {
    table
        .checks
        .iter()
        .position(|c| c.name.as_deref().is_some_and(|n| same(n, name)))
}

fn drop_check(table: &mut Table, name: &str) -> Result<(), String> {
    match find_check(table, name) {
        Some(at) => {
            table.checks.remove(at);
            Ok(())
        }
        None => Err(missing(table, "check", name)),
    }
}

fn drop_foreign_key(table: &mut Table, name: &str) -> Result<(), String> {
    match find_foreign_key(table, name) {
        Some(at) => {
            table.foreign_keys.remove(at);
            Ok(())
        }
        None => Err(missing(table, "foreign key", name)),
    }
}

fn drop_key(table: &mut Table, name: &str) -> Result<(), String> {
    let at = match name {
        "PRIMARY" => table.keys.iter().position(|k| k.kind == KeyKind::Primary),
        name => find_key(table, name),
    };
    match at {
        Some(at) => {
            table.keys.remove(at);
            Ok(())
        }
        None => Err(missing(table, "key", name)),
    }
}

/// Names that servers made from the table's name follow it.
fn rename_table(table: &mut Table, name: &TableName) {
    let follow = |text: &mut String, infix: &str| {
        if let Some(number) = text.strip_prefix(&format!("{}{infix}", table.name.name))
            && number.bytes().all(|b| b.is_ascii_digit())
        {
            *text = format!("{}{infix}{number}", name.name);
        }
    };
    for key in &mut table.foreign_keys {
        follow(&mut key.name, "_ibfk_");
        if key.references == table.name {
            key.references = name.clone();
        }
    }
    for check in table.checks.iter_mut().filter_map(|c| c.name.as_mut()) {
        follow(check, "_chk_");
    }
    table.name = name.clone();
}

/// CONVERT TO for one column: a TEXT grows where its characters may need more bytes.
fn convert_column(column: &mut Column, target: &CharsetDefault, dialect: &Dialect) {
    if !column.ty.is_character() {
        return;
    }
    let old = column.charset.as_deref().map_or(1, charset::max_bytes);
    let new = charset::max_bytes(&target.charset);
    if let ColumnType::Text(bytes) = column.ty
        && new > old
        && target.charset != "binary"
    {
        let characters = ((1_u64 << (8 * u32::from(bytes))) - 1) / u64::from(old);
        if let Some(grown) = text_bytes(characters, Some(&target.charset)) {
            column.ty = ColumnType::Text(grown.max(bytes));
        }
    }
    column.charset = Some(target.charset.clone());
    column.collation = Some(target.collation.clone());
    fill_charset(column, None, dialect);
}
