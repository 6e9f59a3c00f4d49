//! Which tables a project moves: OMS's match rules.
//!
//! A rule is `db.table`; the table part takes `*`, `?`, `[abc]`, `[a-z]` and `[!abc]`; so does,
//! beyond OMS, the database part. A table is in scope if an include rule matches it and no
//! exclude rule does. Names are compared with their case.

use super::table::TableName;
use serde::{Deserialize, Serialize};

/// Include and exclude rules.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ObjectFilter {
    /// Rules of which one must match.
    pub include: Vec<String>,
    /// Rules of which none may match.
    #[serde(default)]
    pub exclude: Vec<String>,
}

impl ObjectFilter {
    /// Whether the table is in scope.
    pub fn matches(&self, table: &TableName) -> bool {
        let hit = |rule: &String| rule_matches(rule, table);
        self.include.iter().any(hit) && !self.exclude.iter().any(hit)
    }

    /// Whether an include rule could match a table of this database.
    pub fn matches_schema(&self, schema: &str) -> bool {
        self.include
            .iter()
            .filter_map(|rule| rule.split_once('.'))
            .any(|(db, _)| glob(db.as_bytes(), schema.as_bytes()))
    }

    /// A rule that matches this table and no other; None: there is none.
    pub fn rule_of(table: &TableName) -> Option<String> {
        let literal = |name: &str| {
            let plain = !name.is_empty() && !name.contains(['[', ']']);
            plain.then(|| name.replace('*', "[*]").replace('?', "[?]"))
        };
        let schema = literal(&table.schema).filter(|schema| !schema.contains('.'))?;
        Some(format!("{schema}.{}", literal(&table.name)?))
    }

    /// The tables that are in scope, where the rules are names of tables and nothing else.
    pub fn tables(&self) -> Option<Vec<TableName>> {
        if !self.exclude.is_empty() {
            return None;
        }
        let table = |rule: &String| {
            let (schema, name) = rule.split_once('.')?;
            (!rule.contains(['*', '?', '['])).then(|| TableName::new(schema, name))
        };
        self.include.iter().map(table).collect()
    }

    /// What is wrong with the rules, in words; None where they are well-formed.
    pub fn problem(&self) -> Option<String> {
        if self.include.is_empty() {
            return Some("no include rule is given".to_owned());
        }
        self.include
            .iter()
            .chain(&self.exclude)
            .find_map(|rule| match rule.split_once('.') {
                Some((db, table)) if !db.is_empty() && !table.is_empty() => {
                    let open = rule.matches('[').count();
                    (open != rule.matches(']').count())
                        .then(|| format!("rule '{rule}' has a '[' without its ']'"))
                }
                _ => Some(format!("rule '{rule}' is not of the form database.table")),
            })
    }
}

fn rule_matches(rule: &str, table: &TableName) -> bool {
    rule.split_once('.').is_some_and(|(db, name)| {
        glob(db.as_bytes(), table.schema.as_bytes()) && glob(name.as_bytes(), table.name.as_bytes())
    })
}

/// Matches bytes; `*` backtracks to its last position only, so the time is bounded by the product
/// of both lengths.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if p < pattern.len() && pattern[p] == b'*' {
            star = Some((p, t));
            p += 1;
            continue;
        }
        if let Some(width) = one(&pattern[p.min(pattern.len())..], text[t]) {
            p += width;
            t += 1;
            continue;
        }
        match star {
            Some((sp, st)) => {
                star = Some((sp, st + 1));
                p = sp + 1;
                t = st + 1;
            }
            None => return false,
        }
    }
    pattern[p.min(pattern.len())..].iter().all(|&c| c == b'*')
}

/// If the first element of `pattern` takes `byte`: the element's length.
fn one(pattern: &[u8], byte: u8) -> Option<usize> {
    match *pattern.first()? {
        b'?' => Some(1),
        b'[' => {
            let close = pattern.iter().skip(2).position(|&c| c == b']')? + 2;
            let (negated, class) = match &pattern[1..close] {
                [b'!', rest @ ..] => (true, rest),
                class => (false, class),
            };
            (in_class(class, byte) != negated).then_some(close + 1)
        }
        c => (c == byte).then_some(1),
    }
}

fn in_class(class: &[u8], byte: u8) -> bool {
    let mut at = 0;
    while at < class.len() {
        if at + 2 < class.len() && class[at + 1] == b'-' {
            if (class[at]..=class[at + 2]).contains(&byte) {
                return true;
            }
            at += 3;
        } else {
            if class[at] == byte {
                return true;
            }
            at += 1;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(include: &[&str], exclude: &[&str]) -> ObjectFilter {
        let own = |rules: &[&str]| rules.iter().map(|&r| r.to_owned()).collect();
        ObjectFilter {
            include: own(include),
            exclude: own(exclude),
        }
    }

    #[test]
    fn scope_is_include_minus_exclude() {
        let f = filter(&["shop.*"], &["shop.tmp_*"]);
        assert!(f.matches(&TableName::new("shop", "orders")));
        assert!(!f.matches(&TableName::new("shop", "tmp_1")));
        assert!(!f.matches(&TableName::new("Shop", "orders")));
        assert!(!f.matches(&TableName::new("shop2", "orders")));
    }

    #[test]
    fn a_rule_for_one_table() {
        for (schema, name) in [("shop", "orders"), ("s*", "a?b"), ("s", "a.b*")] {
            let table = TableName::new(schema, name);
            let rule = ObjectFilter::rule_of(&table).expect("a rule");
            let only = filter(&[&rule], &[]);
            assert_eq!(only.problem(), None, "{rule}");
            assert!(only.matches(&table), "{rule}");
            let other = TableName::new(schema.replace('*', "x"), name.replace(['?', '*'], "x"));
            assert_eq!(only.matches(&other), other == table, "{rule}");
        }
        for (schema, name) in [("a.b", "t"), ("s", "t[1]"), ("s", "]")] {
            assert_eq!(ObjectFilter::rule_of(&TableName::new(schema, name)), None);
        }
    }

    #[test]
    fn wildcards() {
        for (rule, name, hit) in [
            ("d.a?c", "abc", true),
            ("d.a?c", "ac", false),
            ("d.[ab]*", "b1", true),
            ("d.[!ab]*", "b1", false),
            ("d.[a-c]x", "cx", true),
            ("d.*_*_z", "a_b_c_z", true),
            ("d.*", "", true),
            ("d.a", "a*", false),
        ] {
            assert_eq!(
                filter(&[rule], &[]).matches(&TableName::new("d", name)),
                hit,
                "{rule} {name}"
            );
        }
    }

    #[test]
    fn rules_that_are_names_are_tables() {
        let tables = filter(&["a.b", "a.c"], &[]).tables();
        assert_eq!(
            tables,
            Some(vec![TableName::new("a", "b"), TableName::new("a", "c")])
        );
        assert_eq!(filter(&["a.b", "a.*"], &[]).tables(), None);
        assert_eq!(filter(&["a.b"], &["a.x"]).tables(), None);
    }

    #[test]
    fn malformed_rules_are_named() {
        assert!(filter(&[], &[]).problem().is_some());
        assert!(
            filter(&["shop"], &[])
                .problem()
                .is_some_and(|p| p.contains("'shop'"))
        );
        assert!(filter(&["a.[b"], &[]).problem().is_some());
        assert_eq!(filter(&["a.b"], &["c.*"]).problem(), None);
    }
}
