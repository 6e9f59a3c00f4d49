//! What a statement in the log is for: transaction control, a change of data that should have
//! been rows, or something else (DDL).

/// A statement by its first words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    /// BEGIN, START TRANSACTION.
    Begin,
    /// COMMIT.
    Commit,
    /// ROLLBACK of the whole transaction.
    Rollback,
    /// SAVEPOINT with its name.
    Savepoint(String),
    /// ROLLBACK TO with the savepoint's name.
    RollbackTo(String),
    /// RELEASE SAVEPOINT, XA START, XA END: nothing to do.
    Nothing,
    /// XA COMMIT of what was prepared before.
    XaCommit,
    /// XA ROLLBACK of what was prepared before.
    XaRollback,
    /// INSERT, UPDATE, DELETE, REPLACE, LOAD: the source logs statements.
    Data,
    /// Anything else.
    Other,
}

/// Classifies a statement.
pub fn classify(sql: &str) -> Statement {
    let mut words = Words(sql);
    let Some(first) = words.next() else {
        return Statement::Nothing;
    };
    let mut next = || words.next().unwrap_or_default().to_ascii_uppercase();
    match first.to_ascii_uppercase().as_str() {
        "BEGIN" => Statement::Begin,
        "START" if next() == "TRANSACTION" => Statement::Begin,
        "COMMIT" => Statement::Commit,
        "ROLLBACK" => rollback(&mut words),
        "SAVEPOINT" => Statement::Savepoint(name(words.0)),
        "RELEASE" => Statement::Nothing,
        "XA" => match next().as_str() {
            "COMMIT" => Statement::XaCommit,
            "ROLLBACK" => Statement::XaRollback,
            _ => Statement::Nothing,
        },
        "INSERT" | "UPDATE" | "DELETE" | "REPLACE" | "LOAD" | "WITH" | "CALL" => Statement::Data,
        _ => Statement::Other,
    }
}

fn rollback(words: &mut Words<'_>) -> Statement {
    let mut word = words.next().unwrap_or_default();
    if word.eq_ignore_ascii_case("WORK") {
        word = words.next().unwrap_or_default();
    }
    if !word.eq_ignore_ascii_case("TO") {
        return Statement::Rollback;
    }
    let rest = words.0;
    match words.next() {
        Some(word) if word.eq_ignore_ascii_case("SAVEPOINT") => {
            Statement::RollbackTo(name(words.0))
        }
        _ => Statement::RollbackTo(name(rest)),
    }
}

/// A savepoint's name without its quotes, lower case: names ignore case.
fn name(rest: &str) -> String {
    rest.trim().trim_matches('`').to_lowercase()
}

/// The words of a statement; comments are skipped.
struct Words<'a>(&'a str);

impl<'a> Iterator for Words<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let text = skip_space(self.0);
        if text.is_empty() {
            self.0 = text;
            return None;
        }
        let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '$';
        let end = text.find(|c| !is_word(c)).unwrap_or(text.len());
        // a sign is a word of its own
        let end = if end == 0 {
            text.chars().next().map_or(0, char::len_utf8)
        } else {
            end
        };
        let (word, rest) = text.split_at(end);
        self.0 = rest;
        Some(word)
    }
}

/// Without the blanks, comments and opening parentheses at the start.
fn skip_space(mut text: &str) -> &str {
    loop {
        text = text.trim_start_matches(|c: char| c.is_whitespace() || c == '(' || c == ';');
        if let Some(rest) = text.strip_prefix("/*") {
            // the inside of an executable comment counts
            if let Some(inner) = rest.strip_prefix("M!").or_else(|| rest.strip_prefix('!')) {
                text = inner.trim_start_matches(|c: char| c.is_ascii_digit());
                continue;
            }
            text = rest.split_once("*/").map_or("", |(_, rest)| rest);
        } else if text.starts_with('#') || text.starts_with("-- ") || text.starts_with("--\n") {
            text = text.split_once('\n').map_or("", |(_, rest)| rest);
        } else {
            return text;
        }
    }
}

/// Whether a word of the statement is `name`, whatever its case; for finding out whether it may
/// touch a database.
pub fn mentions(sql: &str, name: &str) -> bool {
    Words(sql).any(|word| word.eq_ignore_ascii_case(name))
        || (!name
            .chars()
            .all(|c| c.is_alphanumeric() || c == '_' || c == '$')
            && sql.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_told_apart() {
        for (sql, statement) in [
            ("BEGIN", Statement::Begin),
            ("start transaction", Statement::Begin),
            ("COMMIT", Statement::Commit),
            ("ROLLBACK", Statement::Rollback),
            ("ROLLBACK TO `Sp1`", Statement::RollbackTo("sp1".into())),
            (
                "rollback work to savepoint a",
                Statement::RollbackTo("a".into()),
            ),
            ("SAVEPOINT `a b`", Statement::Savepoint("a b".into())),
            ("RELEASE SAVEPOINT a", Statement::Nothing),
            ("XA START X'61',X'',1", Statement::Nothing),
            ("XA END X'61',X'',1", Statement::Nothing),
            ("XA COMMIT X'61',X'',1", Statement::XaCommit),
            ("/* app */ insert into t values (1)", Statement::Data),
            ("-- x\nUPDATE t SET a=1", Statement::Data),
            ("(WITH x AS (SELECT 1) DELETE FROM t)", Statement::Data),
            ("/*!40000 ALTER TABLE t DISABLE KEYS */", Statement::Other),
            ("CREATE TABLE t (a int)", Statement::Other),
            ("", Statement::Nothing),
            ("/* open", Statement::Nothing),
        ] {
            assert_eq!(classify(sql), statement, "{sql}");
        }
    }

    #[test]
    fn a_database_is_found_by_whole_words() {
        assert!(mentions("INSERT INTO `Shop`.t VALUES (1)", "shop"));
        assert!(!mentions("INSERT INTO shop_log.t VALUES (1)", "shop"));
        assert!(mentions("INSERT INTO `my-shop`.t VALUES (1)", "my-shop"));
    }
}
