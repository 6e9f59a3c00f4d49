//! ALTER TABLE from the log, for the target.
//!
//! The plan is made from the target's own table as it is now and from the source's table behind
//! the statement: what the target has behind it already is left out, and a column's clause is its
//! definition as the target has it. So a plan that was carried out in part, or wholly, is made
//! again as what is left; repeating the rest changes nothing. OceanBase takes most actions only by
//! themselves, so for it one statement becomes several.

use super::convert::convert;
use super::render::{
    charset_sql, check_sql, column_with_check, default_sql, foreign_key_sql, key_sql,
};
use super::target::Target;
use crate::datasource::mysql::literal::quoted;
use crate::error::{Error, Kind, Result};
use crate::model::ddl::{AlterAction, Definition, Family, Place};
use crate::model::table::{Check, Column, Key, KeyPart, KeyWhat, Table, TableName, quote_ident};
use std::collections::{BTreeMap, BTreeSet};

/// What an ALTER TABLE of the source means at the target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlterPlan {
    /// Statements in order; none: nothing is left to do.
    pub statements: Vec<String>,
    /// What was changed on the way.
    pub notes: Vec<String>,
}

/// Plans `actions`: `now` is the target's table, `after` the source's behind the statement, `from`
/// the source's family. The error is [`Kind::SchemaUnsupported`].
pub fn plan_alter(
    now: &Table,
    actions: &[AlterAction],
    after: &Table,
    from: Family,
    target: &Target,
) -> Result<AlterPlan> {
    refuse_chains(actions, now)?;
    let definition = Definition {
        table: after.clone(),
        parsers: BTreeMap::new(),
        invisible_keys: Vec::new(),
        engine: None,
    };
    let wanted = convert(&definition, from, target)?;
    let mut work = Clauses {
        now,
        wanted: &wanted.table,
        from,
        target,
        gone: BTreeSet::new(),
        out: Vec::new(),
    };
    for action in in_order(actions) {
        work.clause(action);
    }
    let clauses = work.out;
    let statement =
        |clauses: &[String]| format!("ALTER TABLE {} {}", now.name.quoted(), clauses.join(", "));
    let statements = if clauses.is_empty() {
        Vec::new()
    } else if target.is_oceanbase() {
        clauses.chunks(1).map(statement).collect()
    } else {
        vec![statement(&clauses)]
    };
    Ok(AlterPlan {
        statements,
        notes: wanted.notes,
    })
}

/// Columns that swap names: whether that was done already can't be seen afterwards.
fn refuse_chains(actions: &[AlterAction], now: &Table) -> Result<()> {
    let renames: Vec<(&str, &str)> = actions
        .iter()
        .filter_map(|action| match bare(action) {
            AlterAction::ChangeColumn { old, column, .. } if !same(old, &column.name) => {
                Some((old.as_str(), column.name.as_str()))
            }
            AlterAction::RenameColumn(old, new) => Some((old, new)),
            _ => None,
        })
        .collect();
    let chained = renames
        .iter()
        .any(|(_, new)| renames.iter().any(|(old, _)| same(old, new)));
    if chained {
        return Err(Error::new(
            Kind::SchemaUnsupported,
            format!("repeating ALTER TABLE {}", now.name),
        )
        .detail("columns take over each other's names"));
    }
    Ok(())
}

fn same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

fn bare(action: &AlterAction) -> &AlterAction {
    match action {
        AlterAction::IfPossible(inner) => inner,
        other => other,
    }
}

/// First what makes room, then columns, then what builds on them.
fn in_order(actions: &[AlterAction]) -> Vec<&AlterAction> {
    let rank = |action: &&AlterAction| match action {
        AlterAction::DropForeignKey(_) | AlterAction::DropCheck(_) => 0,
        AlterAction::DropConstraint(_) | AlterAction::DropKey(_) => 1,
        AlterAction::DropColumn(_) => 2,
        AlterAction::AddKey(_) => 4,
        AlterAction::AddForeignKey(_) | AlterAction::AddCheck(_) => 5,
        AlterAction::RenameTo(_) => 6,
        _ => 3,
    };
    let mut sorted: Vec<&AlterAction> = actions.iter().map(bare).collect();
    sorted.sort_by_key(rank);
    sorted
}

struct Clauses<'a> {
    /// The target's table.
    now: &'a Table,
    /// As it shall be.
    wanted: &'a Table,
    from: Family,
    target: &'a Target,
    /// Columns and keys that an earlier clause drops or renames, in lower case.
    gone: BTreeSet<String>,
    out: Vec<String>,
}

impl Clauses<'_> {
    fn push(&mut self, clause: String) {
        self.out.push(clause);
    }

    /// The default for columns that come later.
    fn default_charset(&mut self) {
        let charset = |t: &Table| (t.charset.clone(), t.collation.clone());
        if charset(self.now) != charset(self.wanted) {
            let sql = charset_sql(&self.wanted.charset, &self.wanted.collation, self.target);
            self.push(sql.trim_start().to_owned());
        }
    }

    fn has_column(&self, name: &str) -> bool {
        self.now.column_index(name).is_some()
            && !self.gone.contains(&format!("c {}", name.to_lowercase()))
    }

    /// Whether the key is there when the clauses so far are done: it goes with its last column.
    fn has_key(&self, name: &str) -> bool {
        let column_stays = |part: &KeyPart| match &part.what {
            KeyWhat::Column(column) => self.has_column(column),
            KeyWhat::Expression(_) => true,
        };
        let key = self.now.keys.iter().find(|k| same(&k.name, name));
        key.is_some_and(|k| k.parts.iter().any(column_stays))
            && !self.gone.contains(&format!("k {}", name.to_lowercase()))
    }

    fn has_foreign_key(&self, name: &str) -> bool {
        self.now.foreign_keys.iter().any(|k| same(&k.name, name))
            && !self.gone.contains(&format!("f {}", name.to_lowercase()))
    }

    /// The target's name of a check. One of MariaDB carries the name that its table had when it
    /// was made in front.
    fn check_name(&self, name: &str) -> Option<String> {
        let names = || self.now.checks.iter().filter_map(|c| c.name.as_ref());
        let prefixed = self.from == Family::MariaDb && !self.target.is_mariadb();
        let behind = format!("_{}", name.to_lowercase());
        names()
            .find(|n| same(n, name))
            .or_else(|| names().find(|n| prefixed && n.to_lowercase().ends_with(&behind)))
            .cloned()
    }

    fn wanted_column(&self, name: &str) -> Option<&Column> {
        self.wanted
            .column_index(name)
            .map(|at| &self.wanted.columns[at])
    }

    fn clause(&mut self, action: &AlterAction) {
        match action {
            AlterAction::AddColumn(column, place) => {
                if !self.has_column(&column.name)
                    && let Some(sql) = self.column_sql(&column.name)
                {
                    self.push(format!("ADD COLUMN {sql}{}", place_sql(place)));
                }
            }
            AlterAction::DropColumn(name) => {
                if self.has_column(name) {
                    self.push(format!("DROP COLUMN {}", quote_ident(name)));
                    self.gone.insert(format!("c {}", name.to_lowercase()));
                }
            }
            AlterAction::ChangeColumn { old, column, place } => {
                self.change(old, &column.name, place);
            }
            AlterAction::RenameColumn(old, new) => {
                if self.has_column(old) {
                    self.change(old, new, &Place::Default);
                }
            }
            AlterAction::SetDefault(name, _) => self.set_default(name),
            AlterAction::SetInvisible(name, _) => self.change(name, name, &Place::Default),
            AlterAction::DefaultCharset(_) => self.default_charset(),
            AlterAction::ConvertCharset(_) => {
                self.changed_columns();
                self.default_charset();
            }
            other => self.table_clause(other),
        }
    }

    fn column_sql(&self, name: &str) -> Option<String> {
        self.wanted_column(name)
            .map(|column| column_with_check(column, self.wanted, self.target))
    }

    fn change(&mut self, old: &str, new: &str, place: &Place) {
        let Some(sql) = self.column_sql(new) else {
            return;
        };
        let place = place_sql(place);
        if old != new && self.has_column(old) {
            self.push(format!("CHANGE COLUMN {} {sql}{place}", quote_ident(old)));
        } else if self.has_column(new) {
            self.push(format!("MODIFY COLUMN {sql}{place}"));
        }
    }

    fn set_default(&mut self, name: &str) {
        let Some(column) = self.wanted_column(name) else {
            return;
        };
        let name = quote_ident(&column.name);
        let clause = match &column.default {
            None => format!("ALTER COLUMN {name} DROP DEFAULT"),
            Some(default) => format!("ALTER COLUMN {name} SET DEFAULT {}", default_sql(default)),
        };
        self.push(clause);
    }

    fn changed_columns(&mut self) {
        let charset = |c: &Column| (c.ty.clone(), c.charset.clone(), c.collation.clone());
        let changed: Vec<String> = self
            .wanted
            .columns
            .iter()
            .filter(|column| column.charset.is_some())
            .filter(|column| {
                self.now
                    .column_index(&column.name)
                    .is_some_and(|at| charset(&self.now.columns[at]) != charset(column))
            })
            .map(|column| {
                let sql = column_with_check(column, self.wanted, self.target);
                format!("MODIFY COLUMN {sql}")
            })
            .collect();
        self.out.extend(changed);
    }

    fn table_clause(&mut self, action: &AlterAction) {
        match action {
            AlterAction::AddKey(key) => self.add_key(key),
            AlterAction::DropKey(name) => self.drop_key(name),
            AlterAction::RenameKey(old, new) if self.has_key(old) => {
                let (old, new) = (quote_ident(old), quote_ident(new));
                self.push(format!("RENAME KEY {old} TO {new}"));
            }
            AlterAction::AddForeignKey(key) => {
                let added = self.wanted.foreign_keys.iter().find(|k| {
                    !self.has_foreign_key(&k.name)
                        && k.columns == key.columns
                        && (key.name.is_empty() || same(&k.name, &key.name))
                });
                if let Some(key) = added {
                    self.push(format!("ADD {}", foreign_key_sql(key)));
                }
            }
            AlterAction::DropForeignKey(name) => self.drop_foreign_key(name),
            AlterAction::AddCheck(check) => self.add_check(check),
            AlterAction::DropCheck(name) => self.drop_check(name),
            AlterAction::EnforceCheck(name, enforced) => {
                if let (Some(name), false) = (self.check_name(name), self.target.is_mariadb()) {
                    let word = if *enforced { "" } else { "NOT " };
                    self.push(format!("ALTER CHECK {} {word}ENFORCED", quote_ident(&name)));
                }
            }
            AlterAction::DropConstraint(name) => {
                if self.has_foreign_key(name) {
                    self.drop_foreign_key(name);
                } else if self.has_key(name) {
                    self.drop_key(name);
                } else {
                    self.drop_check(name);
                }
            }
            AlterAction::Comment(text) => self.push(format!("COMMENT={}", quoted(text))),
            AlterAction::AutoIncrement(next) => self.push(format!("AUTO_INCREMENT={next}")),
            AlterAction::RenameTo(name) => self.rename(name),
            _ => {}
        }
    }

    /// Adds the check under the name that the source gave it. One without any name can't be found
    /// again at the target: the number of checks says whether it is there.
    fn add_check(&mut self, check: &Check) {
        let added = self.wanted.checks.iter().find(|c| match &check.name {
            Some(name) => c.name.as_deref().is_some_and(|n| {
                same(n, name) || (n.ends_with(&format!("_{name}")) && self.from == Family::MariaDb)
            }),
            None => c.expression == check.expression,
        });
        let done = added.is_some_and(|c| match &c.name {
            Some(name) => self.check_name(name).is_some(),
            None => self.now.checks.len() >= self.wanted.checks.len(),
        });
        // one that stands in a column's definition comes with it
        let sql = added.map(check_sql).unwrap_or_default();
        let inline = self.out.iter().any(|clause| clause.contains(&sql));
        if added.is_some() && !done && !inline {
            self.push(format!("ADD {sql}"));
        }
    }

    fn rename(&mut self, name: &TableName) {
        if *name != self.now.name {
            self.push(format!("RENAME TO {}", name.quoted()));
        }
    }

    /// Adds the key under the name that the source gave it.
    fn add_key(&mut self, key: &Key) {
        let added = self.wanted.keys.iter().find(|k| {
            k.kind == key.kind
                && !self.has_key(&k.name)
                && (same(&k.name, &key.name) || (key.name.is_empty() && same_parts(k, key)))
        });
        if let Some(added) = added {
            let clause = format!("ADD {}", key_sql(added, None));
            if !self.out.contains(&clause) {
                self.push(clause);
            }
        }
    }

    fn drop_key(&mut self, name: &str) {
        if !self.has_key(name) {
            return;
        }
        self.push(if name == "PRIMARY" {
            "DROP PRIMARY KEY".to_owned()
        } else {
            format!("DROP KEY {}", quote_ident(name))
        });
        self.gone.insert(format!("k {}", name.to_lowercase()));
    }

    fn drop_foreign_key(&mut self, name: &str) {
        if self.has_foreign_key(name) {
            self.push(format!("DROP FOREIGN KEY {}", quote_ident(name)));
            self.gone.insert(format!("f {}", name.to_lowercase()));
        }
    }

    fn drop_check(&mut self, name: &str) {
        if let Some(name) = self.check_name(name) {
            let verb = if self.target.is_mariadb() {
                "DROP CONSTRAINT"
            } else {
                "DROP CHECK"
            };
            self.push(format!("{verb} {}", quote_ident(&name)));
        }
    }
}

fn same_parts(a: &Key, b: &Key) -> bool {
    a.parts.len() == b.parts.len()
        && a.parts
            .iter()
            .zip(&b.parts)
            .all(|(a, b)| match (&a.what, &b.what) {
                (KeyWhat::Column(a), KeyWhat::Column(b)) => same(a, b),
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
