//! What an account may do, read from `SHOW GRANTS`: nothing is tried out.
//!
//! Understood are the forms of MySQL (roles, partial revokes), MariaDB (roles) and OceanBase.
//! Rights on single columns are not counted, because every column is moved.

use super::connection::Connection;
use super::endpoint::Flavour;
use super::fault::fault;
use crate::error::Result;
use mysql_async::prelude::Queryable;
use std::collections::BTreeSet;

/// An answer about a right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum May {
    /// The account has it.
    Yes,
    /// The account lacks it.
    No,
    /// The account has roles whose rights the server does not show.
    Unknown,
}

/// Where a grant holds.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Scope {
    Global,
    /// Databases whose name matches, with `%`, `_` and `\`.
    Schemas(String),
    Table(String, String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Grant {
    scope: Scope,
    /// Upper case; `ALL PRIVILEGES` for all.
    rights: BTreeSet<String>,
}

/// The rights of the account of a session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants {
    grants: Vec<Grant>,
    /// Taken away again from what is granted globally.
    revoked: Vec<Grant>,
    /// Roles whose rights are not known.
    hidden_roles: Vec<String>,
    /// Names of databases and tables ignore case there.
    fold_case: bool,
}

impl Grants {
    /// Reads the grants of the session's account; `what` is said in errors.
    pub async fn read(
        conn: &mut Connection,
        flavour: Flavour,
        fold_case: bool,
        what: &str,
    ) -> Result<Self> {
        let failed = |e| fault(what.to_owned(), e);
        let mut lines: Vec<String> = conn.query("SHOW GRANTS").await.map_err(failed)?;
        let mut hidden_roles = Vec::new();
        if flavour == Flavour::OceanBase {
            // the others list what the active roles may do; OceanBase only names the roles
            for role in active_roles(conn).await {
                match conn.query(format!("SHOW GRANTS FOR {role}")).await {
                    Ok(more) => {
                        let more: Vec<String> = more;
                        lines.extend(more);
                    }
                    Err(mysql_async::Error::Server(_)) => hidden_roles.push(role),
                    Err(error) => return Err(failed(error)),
                }
            }
        }
        let mut grants = Self::parse(lines.iter().map(String::as_str));
        grants.hidden_roles = hidden_roles;
        grants.fold_case = fold_case;
        Ok(grants)
    }

    /// Reads the lines of `SHOW GRANTS`.
    pub fn parse<'a>(lines: impl IntoIterator<Item = &'a str>) -> Self {
        let mut out = Self::default();
        for line in lines {
            if let Some(rest) = strip_word(line, "GRANT") {
                out.grants.extend(parse_grant(rest));
            } else if let Some(rest) = strip_word(line, "REVOKE") {
                out.revoked.extend(parse_grant(rest));
            }
        }
        out
    }

    /// Whether the account has a right on all of a server (upper case: `REPLICATION SLAVE`).
    pub fn globally(&self, right: &str) -> May {
        self.answer(
            self.grants
                .iter()
                .any(|g| g.scope == Scope::Global && g.gives(right)),
        )
    }

    /// Whether the account has a right on a whole database.
    pub fn on_schema(&self, right: &str, schema: &str) -> May {
        self.answer(self.has_on_schema(right, schema))
    }

    /// Whether the account has a right on a table.
    pub fn on_table(&self, right: &str, schema: &str, table: &str) -> May {
        let same =
            |a: &str, b: &str| a == b || (self.fold_case && a.to_lowercase() == b.to_lowercase());
        let direct = self.grants.iter().any(|grant| {
            matches!(&grant.scope, Scope::Table(s, t) if same(s, schema) && same(t, table))
                && grant.gives(right)
        });
        self.answer(direct || self.has_on_schema(right, schema))
    }

    fn has_on_schema(&self, right: &str, schema: &str) -> bool {
        let matches = |pattern: &str| {
            like(pattern, schema)
                || (self.fold_case && like(&pattern.to_lowercase(), &schema.to_lowercase()))
        };
        let revoked = self.revoked.iter().any(|revoke| {
            matches!(&revoke.scope, Scope::Schemas(pattern) if matches(pattern))
                && revoke.gives(right)
        });
        self.grants.iter().any(|grant| match &grant.scope {
            Scope::Global => grant.gives(right) && !revoked,
            Scope::Schemas(pattern) => matches(pattern) && grant.gives(right),
            Scope::Table(..) => false,
        })
    }

    fn answer(&self, has: bool) -> May {
        match (has, self.hidden_roles.is_empty()) {
            (true, _) => May::Yes,
            (false, true) => May::No,
            (false, false) => May::Unknown,
        }
    }
}

impl Grant {
    fn gives(&self, right: &str) -> bool {
        self.rights.contains("ALL PRIVILEGES")
            || self.rights.contains("ALL")
            || self.rights.contains(right)
    }
}

async fn active_roles(conn: &mut Connection) -> Vec<String> {
    let roles: Option<Option<String>> = conn
        .query_first("SELECT CURRENT_ROLE()")
        .await
        .ok()
        .flatten();
    let list = roles.flatten().unwrap_or_default();
    split_top(&list, ',')
        .into_iter()
        .map(|role| role.trim().to_owned())
        .filter(|role| !role.is_empty() && !role.eq_ignore_ascii_case("NONE"))
        .collect()
}

fn strip_word<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let text = text.trim_start();
    let (head, rest) = text.split_at_checked(word.len())?;
    (head.eq_ignore_ascii_case(word) && rest.starts_with(char::is_whitespace))
        .then(|| rest.trim_start())
}

/// From behind GRANT or REVOKE; None for grants of roles, of PROXY and on routines.
fn parse_grant(rest: &str) -> Option<Grant> {
    let at = find_word(rest, "ON")?;
    let object = rest[at + 2..].trim_start();
    let object = strip_word(object, "TABLE").unwrap_or(object);
    let end = find_word(object, "TO").or_else(|| find_word(object, "FROM"))?;
    let scope = parse_scope(object[..end].trim())?;
    let rights: BTreeSet<String> = split_top(&rest[..at], ',')
        .into_iter()
        .map(|right| right.trim().to_ascii_uppercase())
        // with a list of columns
        .filter(|right| !right.contains('(') && !right.is_empty())
        .collect();
    if rights.contains("PROXY") {
        return None;
    }
    Some(Grant { scope, rights })
}

fn parse_scope(object: &str) -> Option<Scope> {
    let parts = split_top(object, '.');
    let [schema, table] = parts.as_slice() else {
        // ON PROCEDURE `a`.`b` has a word in front, which makes the name no identifier
        return None;
    };
    if schema.contains(' ') && !schema.starts_with(['`', '\'', '"']) {
        return None;
    }
    Some(match (schema.trim(), table.trim()) {
        ("*", "*") => Scope::Global,
        (schema, "*") => Scope::Schemas(identifier(schema)),
        (schema, table) => Scope::Table(identifier(schema), identifier(table)),
    })
}

fn identifier(text: &str) -> String {
    for quote in ['`', '"', '\''] {
        if let Some(inner) = text.strip_prefix(quote).and_then(|t| t.strip_suffix(quote)) {
            return inner.replace(&format!("{quote}{quote}"), &quote.to_string());
        }
    }
    text.to_owned()
}

/// Bytes of a text that stand outside of quotes and parentheses, with their places.
fn outside(text: &str) -> impl Iterator<Item = (usize, u8)> {
    let mut quote: Option<u8> = None;
    let mut depth = 0_i32;
    text.bytes().enumerate().filter(move |&(_, byte)| {
        if let Some(q) = quote {
            if byte == q {
                quote = None;
            }
            return false;
        }
        match byte {
            b'`' | b'\'' | b'"' => {
                quote = Some(byte);
                false
            }
            b'(' => {
                depth += 1;
                false
            }
            b')' => {
                depth -= 1;
                false
            }
            _ => depth == 0,
        }
    })
}

fn split_top(text: &str, separator: char) -> Vec<&str> {
    let mut out = Vec::new();
    let mut from = 0;
    for (at, byte) in outside(text) {
        if char::from(byte) == separator {
            out.push(&text[from..at]);
            from = at + 1;
        }
    }
    out.push(&text[from..]);
    out
}

/// The place of a word that stands alone, outside of quotes and parentheses.
fn find_word(text: &str, word: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let is_space = |at: usize| bytes.get(at).is_none_or(u8::is_ascii_whitespace);
    outside(text).map(|(at, _)| at).find(|&at| {
        text.get(at..at + word.len())
            .is_some_and(|w| w.eq_ignore_ascii_case(word))
            && (at == 0 || is_space(at - 1))
            && is_space(at + word.len())
    })
}

/// SQL's LIKE, case sensitive.
fn like(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) =
        (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        let escaped = pattern.get(p) == Some(&'\\') && p + 1 < pattern.len();
        let hit = match (escaped, pattern.get(p + usize::from(escaped))) {
            (false, Some('%')) => {
                star = Some((p + 1, t));
                p += 1;
                continue;
            }
            (false, Some('_')) => true,
            (_, Some(c)) => *c == text[t],
            (_, None) => false,
        };
        if hit {
            p += 1 + usize::from(escaped);
            t += 1;
        } else if let Some((behind, from)) = star {
            star = Some((behind, from + 1));
            (p, t) = (behind, from + 1);
        } else {
            return false;
        }
    }
    pattern[p.min(pattern.len())..].iter().all(|&c| c == '%')
}

#[cfg(test)]
mod tests {
    use super::*;
    use May::{No, Yes};

    const MYSQL: &[&str] = &[
        "GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO `ra`@`%`",
        "GRANT BACKUP_ADMIN,CLONE_ADMIN ON *.* TO `ra`@`%` WITH GRANT OPTION",
        "GRANT CREATE, LOCK TABLES ON `sh%`.* TO `ra`@`%`",
        "GRANT SELECT ON `sh\\_op`.* TO `ra`@`%`",
        "GRANT SELECT (`id`, `ON x`), UPDATE (`s`), DELETE ON `sh_op`.`t` TO `ra`@`%`",
        "GRANT EXECUTE ON PROCEDURE `other`.`p` TO `ra`@`%`",
        "GRANT `mover`@`%` TO `ra`@`%`",
    ];

    #[test]
    fn mysql() {
        let g = Grants::parse(MYSQL.iter().copied());
        assert_eq!(g.globally("REPLICATION SLAVE"), Yes);
        assert_eq!(g.globally("CLONE_ADMIN"), Yes);
        assert_eq!(g.globally("SELECT"), No);
        assert_eq!(g.on_schema("LOCK TABLES", "shop"), Yes);
        assert_eq!(g.on_schema("LOCK TABLES", "other"), No);
        assert_eq!(g.on_table("SELECT", "sh_op", "any"), Yes);
        assert_eq!(g.on_table("SELECT", "shXop", "any"), No);
        assert_eq!(g.on_table("DELETE", "sh_op", "t"), Yes);
        assert_eq!(g.on_table("DELETE", "sh_op", "u"), No);
        assert_eq!(g.on_table("UPDATE", "sh_op", "t"), No);
        assert_eq!(g.on_schema("EXECUTE", "other"), No);
    }

    #[test]
    fn partial_revokes() {
        let g = Grants::parse([
            "GRANT SELECT, INSERT ON *.* TO `u`@`%`",
            "REVOKE INSERT ON `shop`.* FROM `u`@`%`",
        ]);
        assert_eq!(g.on_schema("INSERT", "shop"), No);
        assert_eq!(g.on_schema("SELECT", "shop"), Yes);
        assert_eq!(g.on_schema("INSERT", "other"), Yes);
    }

    #[test]
    fn mariadb_with_roles_and_passwords() {
        let g = Grants::parse([
            "GRANT `mover` TO `ra`@`%`",
            "GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO `ra`@`%` IDENTIFIED BY PASSWORD '*B69027'",
            "GRANT USAGE ON *.* TO `mover`",
            "GRANT SELECT ON `sh\\_op`.* TO `mover`",
            "SET DEFAULT ROLE `mover` FOR `ra`@`%`",
            "GRANT PROXY ON ''@'%' TO 'root'@'localhost' WITH GRANT OPTION",
        ]);
        assert_eq!(g.globally("BINLOG MONITOR"), Yes);
        assert_eq!(g.on_table("SELECT", "sh_op", "t"), Yes);
        assert_eq!(g.globally("PROXY"), No);
        assert!(!format!("{g:?}").contains("B69027"));
    }

    #[test]
    fn oceanbase_and_all() {
        let g = Grants::parse([
            "GRANT ALL PRIVILEGES ON *.* TO 'root' WITH GRANT OPTION",
            "GRANT ALL PRIVILEGES ON `mysql`.* TO 'root'",
        ]);
        assert_eq!(g.globally("REPLICATION SLAVE"), Yes);
        assert_eq!(g.on_table("DROP", "any", "t"), Yes);
        let hidden = Grants {
            hidden_roles: vec!["r".into()],
            ..Grants::default()
        };
        assert_eq!(hidden.on_schema("SELECT", "a"), May::Unknown);
    }

    #[test]
    fn odd_names() {
        let g = Grants::parse([
            "GRANT SELECT ON `a``b`.* TO `x`@`%`",
            "GRANT SELECT ON ` ON TO `.`t.u` TO `x`@`%`",
            "GRANT SELECT ON bare.tab TO x",
        ]);
        assert_eq!(g.on_schema("SELECT", "a`b"), Yes);
        assert_eq!(g.on_table("SELECT", " ON TO ", "t.u"), Yes);
        assert_eq!(g.on_table("SELECT", "bare", "tab"), Yes);
        for nonsense in [
            "",
            "GRANT",
            "GRANT ON TO",
            "GRANT SELECT ON",
            "GRANT SELECT ON x",
            "grant `",
        ] {
            let _ = Grants::parse([nonsense]);
        }
    }

    #[test]
    fn like_patterns() {
        for (pattern, text, hit) in [
            ("a%c", "abbc", true),
            ("a\\%c", "abc", false),
            ("a\\%c", "a%c", true),
            ("a_c", "abc", true),
            ("a_c", "ac", false),
            ("%", "", true),
            ("a\\_b", "a_b", true),
            ("a\\_b", "axb", false),
            ("é_", "éx", true),
        ] {
            assert_eq!(like(pattern, text), hit, "{pattern} {text}");
        }
    }
}
