//! ALTER TABLE from the log, for the target.
//!
//! The definition before and the one after the statement are converted, and the clauses are made
//! from those: a column's clause is its definition as the target has it. OceanBase takes most
//! actions only by themselves, so for it one statement becomes several steps; after a kill in
//! between, [`AlterPlan::done`] says how many of them the target has behind it.

use super::compare::{Scope, differences};
use super::convert::convert;
use super::render::{
    charset_sql, check_sql, column_sql, default_sql, foreign_key_sql, key_sql, quoted,
};
use super::target::Target;
use crate::error::{Error, Kind, Result};
use crate::model::ddl::{AlterAction, Definition, Dialect, Place, apply};
use crate::model::table::{Column, Key, Table, quote_ident};
use std::collections::BTreeMap;

/// One statement for the target and the table behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlterStep {
    /// The statement.
    pub sql: String,
    /// The target's table behind it.
    pub after: Table,
}

/// What an ALTER TABLE of the source means at the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlterPlan {
    /// The target's table in front of it.
    pub before: Table,
    /// Statements in order; none: nothing changes there.
    pub steps: Vec<AlterStep>,
    /// What was changed on the way.
    pub notes: Vec<String>,
}

impl AlterPlan {
    /// How many steps a target whose table is now `now` has behind it; None: it has a table that
    /// fits none of them. The largest number that fits: steps that can't be seen in a definition
    /// (a comment, an expression) may be repeated.
    pub fn done(&self, now: &Table) -> Option<usize> {
        let fits = |wanted: &Table| differences(wanted, now, Scope::All).is_empty();
        let mut best = fits(&self.before).then_some(0);
        for (at, step) in self.steps.iter().enumerate() {
            if fits(&step.after) {
                best = Some(at + 1);
            }
        }
        best
    }
}

/// Plans `actions` on `before`, both as the source has them. The error is
/// [`Kind::SchemaUnsupported`].
pub fn plan_alter(
    before: &Table,
    actions: &[AlterAction],
    source: &Dialect,
    target: &Target,
) -> Result<AlterPlan> {
    let groups: Vec<Vec<AlterAction>> = if target.is_oceanbase() {
        one_by_one(actions)
    } else {
        vec![actions.to_vec()]
    };
    let mut current = before.clone();
    let mut converted = converted(&current, source, target)?;
    let mut plan = AlterPlan {
        before: converted.0.clone(),
        steps: Vec::new(),
        notes: Vec::new(),
    };
    for group in groups {
        let after = apply(&current, &group, source).map_err(|why| {
            Error::new(
                Kind::SchemaUnsupported,
                format!("following ALTER TABLE {}", before.name),
            )
            .detail(why)
        })?;
        let (table, notes) = self::converted(&after, source, target)?;
        for note in notes {
            if !converted.1.contains(&note) && !plan.notes.contains(&note) {
                plan.notes.push(note);
            }
        }
        let clauses = Clauses {
            source_before: &current,
            source_after: &after,
            before: &converted.0,
            after: &table,
            target,
        }
        .of(&group);
        if !clauses.is_empty() {
            plan.steps.push(AlterStep {
                sql: format!(
                    "ALTER TABLE {} {}",
                    current.name.quoted(),
                    clauses.join(", ")
                ),
                after: table.clone(),
            });
        }
        converted = self::converted(&after, source, target)?;
        current = after;
    }
    Ok(plan)
}

fn converted(table: &Table, source: &Dialect, target: &Target) -> Result<(Table, Vec<String>)> {
    let definition = Definition {
        table: table.clone(),
        parsers: BTreeMap::new(),
        invisible_keys: Vec::new(),
        engine: None,
    };
    convert(&definition, source.family, target).map(|c| (c.table, c.notes))
}

/// The actions by themselves: first what makes room, then columns, then what builds on them.
fn one_by_one(actions: &[AlterAction]) -> Vec<Vec<AlterAction>> {
    let rank = |action: &AlterAction| {
        let inner = match action {
            AlterAction::IfPossible(inner) => inner,
            other => other,
        };
        match inner {
            AlterAction::DropForeignKey(_)
            | AlterAction::DropCheck(_)
            | AlterAction::DropConstraint(_)
            | AlterAction::DropKey(_) => 0,
            AlterAction::DropColumn(_) => 1,
            AlterAction::AddKey(_) => 3,
            AlterAction::AddForeignKey(_) | AlterAction::AddCheck(_) => 4,
            AlterAction::RenameTo(_) => 5,
            _ => 2,
        }
    };
    let mut sorted: Vec<AlterAction> = actions
        .iter()
        .filter(|a| **a != AlterAction::Nothing)
        .cloned()
        .collect();
    sorted.sort_by_key(rank);
    sorted.into_iter().map(|action| vec![action]).collect()
}

struct Clauses<'a> {
    source_before: &'a Table,
    source_after: &'a Table,
    before: &'a Table,
    after: &'a Table,
    target: &'a Target,
}

impl Clauses<'_> {
    fn of(&self, actions: &[AlterAction]) -> Vec<String> {
        let mut out = Vec::new();
        for action in actions {
            match action {
                AlterAction::IfPossible(inner) if !self.happened(inner) => {}
                AlterAction::IfPossible(inner) => self.clause(inner, &mut out),
                action => self.clause(action, &mut out),
            }
        }
        if (&self.before.charset, &self.before.collation)
            != (&self.after.charset, &self.after.collation)
        {
            let charset = charset_sql(&self.after.charset, &self.after.collation, self.target);
            out.push(charset.trim_start().to_owned());
        }
        out
    }

    /// Whether a conditional action had an effect at the source.
    fn happened(&self, action: &AlterAction) -> bool {
        let (before, after) = (self.source_before, self.source_after);
        let key = |table: &Table, name: &str| {
            table.keys.iter().any(|k| k.name.eq_ignore_ascii_case(name))
        };
        let foreign = |table: &Table, name: &str| {
            table
                .foreign_keys
                .iter()
                .any(|k| k.name.eq_ignore_ascii_case(name))
        };
        let check = |table: &Table, name: &str| {
            table.checks.iter().any(|c| {
                c.name
                    .as_deref()
                    .is_some_and(|n| n.eq_ignore_ascii_case(name))
            })
        };
        match action {
            AlterAction::AddColumn(column, _) => before.column_index(&column.name).is_none(),
            AlterAction::DropColumn(name)
            | AlterAction::RenameColumn(name, _)
            | AlterAction::SetDefault(name, _)
            | AlterAction::ChangeColumn { old: name, .. } => before.column_index(name).is_some(),
            AlterAction::AddKey(k) => after.keys.len() > before.keys.len() || !key(before, &k.name),
            AlterAction::DropKey(name) | AlterAction::RenameKey(name, _) => key(before, name),
            AlterAction::AddForeignKey(k) => k.name.is_empty() || !foreign(before, &k.name),
            AlterAction::DropForeignKey(name) => foreign(before, name),
            AlterAction::AddCheck(c) => c.name.as_deref().is_none_or(|n| !check(before, n)),
            AlterAction::DropCheck(name) => check(before, name),
            AlterAction::DropConstraint(name) => {
                check(before, name) || foreign(before, name) || key(before, name)
            }
            _ => true,
        }
    }

    fn clause(&self, action: &AlterAction, out: &mut Vec<String>) {
        let named = |name: &str| self.column(name);
        match action {
            AlterAction::AddColumn(column, place) => {
                if let Some(column) = named(&column.name) {
                    out.push(format!(
                        "ADD COLUMN {}{}",
                        self.column_sql(column),
                        place_sql(place)
                    ));
                }
            }
            AlterAction::DropColumn(name) => {
                out.push(format!("DROP COLUMN {}", quote_ident(name)));
            }
            AlterAction::ChangeColumn { old, column, place } => {
                if let Some(new) = named(&column.name) {
                    let verb = if old.eq_ignore_ascii_case(&column.name) && *old == column.name {
                        "MODIFY COLUMN".to_owned()
                    } else {
                        format!("CHANGE COLUMN {}", quote_ident(old))
                    };
                    out.push(format!(
                        "{verb} {}{}",
                        self.column_sql(new),
                        place_sql(place)
                    ));
                }
            }
            AlterAction::RenameColumn(old, new) => {
                // older servers have no RENAME COLUMN
                if let Some(column) = named(new) {
                    out.push(format!(
                        "CHANGE COLUMN {} {}",
                        quote_ident(old),
                        self.column_sql(column)
                    ));
                }
            }
            AlterAction::SetDefault(name, _) => self.set_default(name, out),
            AlterAction::SetInvisible(name, _) => {
                if let Some(column) = named(name) {
                    out.push(format!("MODIFY COLUMN {}", self.column_sql(column)));
                }
            }
            AlterAction::ConvertCharset(_) => self.changed_columns(out),
            other => self.table_clause(other, out),
        }
    }

    fn column(&self, name: &str) -> Option<&Column> {
        self.after
            .column_index(name)
            .map(|at| &self.after.columns[at])
    }

    fn column_sql(&self, column: &Column) -> String {
        column_sql(column, self.target)
    }

    fn set_default(&self, name: &str, out: &mut Vec<String>) {
        let Some(column) = self.column(name) else {
            return;
        };
        let name = quote_ident(&column.name);
        out.push(match &column.default {
            None => format!("ALTER COLUMN {name} DROP DEFAULT"),
            Some(default) => format!("ALTER COLUMN {name} SET DEFAULT {}", default_sql(default)),
        });
    }

    fn changed_columns(&self, out: &mut Vec<String>) {
        for column in &self.after.columns {
            let old = self
                .before
                .column_index(&column.name)
                .map(|at| &self.before.columns[at]);
            if old.is_some_and(|old| old != column) {
                out.push(format!("MODIFY COLUMN {}", self.column_sql(column)));
            }
        }
    }

    fn table_clause(&self, action: &AlterAction, out: &mut Vec<String>) {
        match action {
            AlterAction::AddKey(key) => {
                if let Some(key) = self.added_key(key) {
                    out.push(format!("ADD {}", key_sql(key, None)));
                }
            }
            AlterAction::DropKey(name) => self.drop_key(name, out),
            AlterAction::RenameKey(old, new) => {
                if self.has_key(old) {
                    out.push(format!(
                        "RENAME KEY {} TO {}",
                        quote_ident(old),
                        quote_ident(new)
                    ));
                }
            }
            AlterAction::AddForeignKey(key) => {
                let added = self
                    .after
                    .foreign_keys
                    .iter()
                    .find(|k| self.is_new_foreign(&k.name) && k.columns == key.columns);
                if let Some(key) = added {
                    out.push(format!("ADD {}", foreign_key_sql(key)));
                }
            }
            AlterAction::DropForeignKey(name) => {
                out.push(format!("DROP FOREIGN KEY {}", quote_ident(name)));
            }
            AlterAction::AddCheck(check) => {
                let added =
                    self.after.checks.iter().find(|c| {
                        c.expression == check.expression && !self.before.checks.contains(c)
                    });
                if let Some(check) = added {
                    out.push(format!("ADD {}", check_sql(check)));
                }
            }
            AlterAction::DropCheck(name) => self.drop_check(name, out),
            AlterAction::EnforceCheck(name, enforced) => {
                let word = if *enforced {
                    "ENFORCED"
                } else {
                    "NOT ENFORCED"
                };
                if !self.target.is_mariadb() {
                    out.push(format!("ALTER CHECK {} {word}", quote_ident(name)));
                }
            }
            AlterAction::DropConstraint(name) => {
                let foreign = self
                    .before
                    .foreign_keys
                    .iter()
                    .any(|k| k.name.eq_ignore_ascii_case(name));
                if foreign {
                    out.push(format!("DROP FOREIGN KEY {}", quote_ident(name)));
                } else if self.has_key(name) {
                    self.drop_key(name, out);
                } else {
                    self.drop_check(name, out);
                }
            }
            AlterAction::Comment(text) => out.push(format!("COMMENT={}", quoted(text))),
            AlterAction::AutoIncrement(next) => out.push(format!("AUTO_INCREMENT={next}")),
            AlterAction::RenameTo(name) => out.push(format!("RENAME TO {}", name.quoted())),
            _ => {}
        }
    }

    fn has_key(&self, name: &str) -> bool {
        self.before
            .keys
            .iter()
            .any(|k| k.name.eq_ignore_ascii_case(name))
    }

    fn is_new_foreign(&self, name: &str) -> bool {
        !self
            .before
            .foreign_keys
            .iter()
            .any(|k| k.name.eq_ignore_ascii_case(name))
    }

    /// The key that an action added, under the name that the source gave it.
    fn added_key(&self, key: &Key) -> Option<&Key> {
        self.after.keys.iter().find(|k| {
            k.kind == key.kind
                && k.parts.len() == key.parts.len()
                && (k.name.eq_ignore_ascii_case(&key.name)
                    || (key.name.is_empty() && !self.has_key(&k.name) && same_parts(k, key)))
        })
    }

    fn drop_key(&self, name: &str, out: &mut Vec<String>) {
        if !self.has_key(name) {
            return;
        }
        out.push(if name == "PRIMARY" {
            "DROP PRIMARY KEY".to_owned()
        } else {
            format!("DROP KEY {}", quote_ident(name))
        });
    }

    fn drop_check(&self, name: &str, out: &mut Vec<String>) {
        let known = self.before.checks.iter().any(|c| {
            c.name
                .as_deref()
                .is_some_and(|n| n.eq_ignore_ascii_case(name))
        });
        if known {
            let verb = if self.target.is_mariadb() {
                "DROP CONSTRAINT"
            } else {
                "DROP CHECK"
            };
            out.push(format!("{verb} {}", quote_ident(name)));
        }
    }
}

fn same_parts(a: &Key, b: &Key) -> bool {
    use crate::model::table::KeyWhat;
    a.parts
        .iter()
        .zip(&b.parts)
        .all(|(a, b)| match (&a.what, &b.what) {
            (KeyWhat::Column(a), KeyWhat::Column(b)) => a.eq_ignore_ascii_case(b),
            (KeyWhat::Expression(a), KeyWhat::Expression(b)) => a == b,
            _ => false,
        })
}

fn place_sql(place: &Place) -> String {
    match place {
        Place::Default => String::new(),
        Place::First => " FIRST".to_owned(),
        Place::After(name) => format!(" AFTER {}", quote_ident(name)),
    }
}
