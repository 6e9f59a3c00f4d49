//! Marks: by what a reader of a server's log knows what `oms` itself wrote there.
//!
//! Each transaction in which `oms` writes rows of the application's tables begins with a write to a
//! table of its own in [`TARGET_SCHEMA`], whose first column names the component: Incr-Sync's
//! progress row, or the fence's row of the copy and of corrections. A DDL statement carries the name
//! in a comment, as far as the server keeps it: MySQL and MariaDB write most statements to the log as
//! they came, but make a text of their own for CREATE VIEW and DROP TABLE; of the latter MariaDB
//! keeps a comment that stands right behind the words, and MySQL keeps none.
//!
//! The Store of a project's other direction leaves out what is so marked ([`LeaveOut`]), or what was
//! carried over would come back. Marks of other projects mean nothing to it: a chain of projects
//! carries on what the one before it wrote.

use super::endpoint::Flavour;
use super::fence::TARGET_SCHEMA;
use std::borrow::Cow;

/// Incr-Sync's progress, in [`TARGET_SCHEMA`].
pub const PROGRESS_TABLE: &str = "oms_txn_progress";
/// The fences of the copy and of corrections, in [`TARGET_SCHEMA`].
pub const FENCE_TABLE: &str = "oms_fence";

/// What stands in front of the name in a statement's comment, and behind it.
const OPEN: &str = "/* oms ";
const CLOSE: &str = " */";

/// Whether rows of this table are marks; their first column names who wrote the transaction.
pub fn is_mark_table(schema: &str, table: &str) -> bool {
    schema == TARGET_SCHEMA && (table == PROGRESS_TABLE || table == FENCE_TABLE)
}

/// The components whose writes are left out.
///
/// An entry is a component's name (`np_x/incr_sync`), or that of a project with a slash at its end
/// (`np_x/`), which stands for all of the project's components.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LeaveOut(Vec<String>);

impl LeaveOut {
    /// Leaves out these.
    pub fn new(components: Vec<String>) -> Self {
        Self(components)
    }

    /// Whether nothing is left out.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether what this component wrote is left out.
    pub fn has(&self, component: &[u8]) -> bool {
        self.0.iter().any(|entry| match entry.ends_with('/') {
            true => component.starts_with(entry.as_bytes()),
            false => component == entry.as_bytes(),
        })
    }

    /// Whether a statement carries the mark of one that is left out.
    pub fn has_statement(&self, sql: &str) -> bool {
        !self.is_empty() && named_in(sql).is_some_and(|component| self.has(component.as_bytes()))
    }
}

/// The component that a statement's mark names.
fn named_in(sql: &str) -> Option<&str> {
    let text = sql.trim_start();
    let rest = match text.strip_prefix(OPEN) {
        Some(rest) => rest,
        // MariaDB's DROP TABLE has it behind its words
        None => drop_words(text)?.strip_prefix(OPEN)?,
    };
    let (name, _) = rest.split_once(CLOSE)?;
    Some(name)
}

/// What follows `DROP TABLE [IF EXISTS]`.
fn drop_words(sql: &str) -> Option<&str> {
    let word = |text: &str, word: &str| -> Option<usize> {
        let rest = text.trim_start();
        let (head, behind) = rest.split_at_checked(word.len())?;
        let whole = !behind.starts_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$');
        (whole && head.eq_ignore_ascii_case(word)).then(|| text.len() - rest.len() + word.len())
    };
    let mut rest = sql;
    for wanted in ["DROP", "TABLE"] {
        rest = &rest[word(rest, wanted)?..];
    }
    if let Some(at) = word(rest, "IF") {
        rest = &rest[at..];
        rest = &rest[word(rest, "EXISTS")?..];
    }
    Some(rest.trim_start())
}

/// The mark of a component's DDL statements.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mark(Option<String>);

impl Mark {
    /// The mark of a component. A name that would not fit into a comment marks nothing.
    pub fn of(component: &str) -> Self {
        let fits = !component.is_empty()
            && component
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/' | '.' | ':'));
        Self(fits.then(|| format!("{OPEN}{component}{CLOSE}")))
    }

    /// The statement with the mark where this server keeps it, if it keeps it.
    pub fn put<'s>(&self, sql: &'s str, flavour: Flavour) -> Cow<'s, str> {
        let Some(mark) = &self.0 else {
            return Cow::Borrowed(sql);
        };
        let names = match flavour {
            Flavour::MariaDb => drop_words(sql),
            _ => None,
        };
        Cow::Owned(match names {
            Some(names) => {
                let words = sql[..sql.len() - names.len()].trim_end();
                format!("{words} {mark} {names}")
            }
            None => format!("{mark} {sql}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn out(names: &[&str]) -> LeaveOut {
        LeaveOut::new(names.iter().map(|n| (*n).to_owned()).collect())
    }

    #[test]
    fn components_are_left_out_by_name_or_by_project() {
        let one = out(&["np_1/incr_sync"]);
        assert!(one.has(b"np_1/incr_sync"));
        assert!(!one.has(b"np_1/incr_sync2"));
        assert!(!one.has(b"np_11/incr_sync"));
        let project = out(&["np_1/"]);
        assert!(project.has(b"np_1/full_import"));
        assert!(!project.has(b"np_11/full_import"));
        assert!(!project.has(b"np_1"));
        assert!(!out(&[]).has(b""));
    }

    #[test]
    fn marks_stand_where_the_server_keeps_them() {
        let mark = Mark::of("np_1/incr_sync");
        for (sql, flavour, marked) in [
            (
                "ALTER TABLE t ADD a int",
                Flavour::MySql,
                "/* oms np_1/incr_sync */ ALTER TABLE t ADD a int",
            ),
            (
                "DROP TABLE IF EXISTS `a`.`b`, c",
                Flavour::MariaDb,
                "DROP TABLE IF EXISTS /* oms np_1/incr_sync */ `a`.`b`, c",
            ),
            (
                "drop table `if`.b",
                Flavour::MariaDb,
                "drop table /* oms np_1/incr_sync */ `if`.b",
            ),
            (
                "DROP TABLE t",
                Flavour::MySql,
                "/* oms np_1/incr_sync */ DROP TABLE t",
            ),
        ] {
            assert_eq!(mark.put(sql, flavour), marked);
            assert!(out(&["np_1/incr_sync"]).has_statement(marked), "{marked}");
            assert!(!out(&["np_2/incr_sync"]).has_statement(marked), "{marked}");
        }
        // as MariaDB logs it
        let logged = "DROP TABLE IF EXISTS /* oms np_1/x */ `d`.`t` /* generated by server */";
        assert!(out(&["np_1/x"]).has_statement(logged));
    }

    #[test]
    fn what_is_no_mark_is_none() {
        for sql in [
            "",
            "/* oms np_1/x",
            "/* oms */ ALTER TABLE t ADD a int",
            "ALTER TABLE t COMMENT '/* oms np_1/x */'",
            "ALTER TABLE t /* oms np_1/x */ ADD a int",
            "DROP TABLE `/* oms np_1/x */`",
            "DROP TABLE `d`.`t` /* oms np_1/x */",
            "DROP",
            "DROP TABLE IF",
        ] {
            assert!(!out(&["np_1/x"]).has_statement(sql), "{sql}");
        }
        let odd = Mark::of("x */ DROP DATABASE y");
        assert_eq!(odd.put("ALTER", Flavour::MySql), "ALTER");
    }

    proptest! {
        #[test]
        fn any_text_is_looked_at(sql in "\\PC{0,60}", tail in "[dD][rR][oO][pP] ?(TABLE)? ?(IF)? ?(EXISTS)?\\PC{0,8}") {
            let leave = out(&["np_1/"]);
            leave.has_statement(&sql);
            leave.has_statement(&tail);
            for flavour in [Flavour::MySql, Flavour::MariaDb, Flavour::OceanBase] {
                let marked = Mark::of("np_1/x").put(&tail, flavour).into_owned();
                prop_assert!(leave.has_statement(&marked), "{}", marked);
            }
        }
    }
}
