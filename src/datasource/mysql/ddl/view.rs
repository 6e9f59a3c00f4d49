//! Views: `SHOW CREATE VIEW` as a statement for the target.

use super::collation::map_charset;
use super::target::Target;
use crate::model::ddl::charset::{canonical_collation, of_collation};
use crate::model::table::TableName;

/// CREATE VIEW for the target. The DEFINER is left out, so that the account that creates the view
/// becomes its definer; ALGORITHM and SQL SECURITY stay where the target knows them. Collations
/// in the text become the target's; what was changed is noted. None: the text has no `AS`.
pub fn create_view(
    name: &TableName,
    shown: &str,
    target: &Target,
) -> Option<(String, Vec<String>)> {
    let at = find_word(shown, "VIEW", 0)?;
    let head = &shown[..at];
    let as_at = find_word(shown, "AS", at)?;
    let behind = as_at + 2;
    let columns = without_name(shown[at + 4..as_at].trim());
    let mut notes = vec!["the definer is the account that makes the view".to_owned()];
    if !head.to_ascii_uppercase().contains("DEFINER=") {
        notes.clear();
    }
    let body = with_known_collations(shown[behind..].trim(), target, &mut notes);
    let mut modifiers = String::new();
    if !target.is_oceanbase() {
        for (option, known) in [
            ("ALGORITHM=", ["UNDEFINED", "MERGE", "TEMPTABLE"].as_slice()),
            ("SQL SECURITY ", &["DEFINER", "INVOKER"]),
        ] {
            if let Some(value) = known
                .iter()
                .find(|value| head.contains(&format!("{option}{value}")))
            {
                modifiers.push_str(&format!("{option}{value} "));
            }
        }
    } else if head.contains("SQL SECURITY INVOKER") {
        notes.push("SQL SECURITY INVOKER is not known there".to_owned());
    }
    Some((
        format!(
            "CREATE {modifiers}VIEW {}{columns} AS {body}",
            name.quoted()
        ),
        notes,
    ))
}

/// What follows a quoted name with or without its database: nothing, or the column list.
fn without_name(text: &str) -> String {
    let mut rest = text;
    while let Some(behind) = rest.trim_start_matches('.').strip_prefix('`') {
        let mut at = 0;
        while let Some(quote) = behind[at..].find('`') {
            at += quote + 1;
            match behind[at..].strip_prefix('`') {
                Some(_) => at += 1,
                None => break,
            }
        }
        if at == 0 {
            break;
        }
        rest = &behind[at..];
    }
    match rest.trim() {
        columns if columns.starts_with('(') => format!(" {columns}"),
        _ => String::new(),
    }
}

/// Where the bare word stands outside of quotes, from `from` on.
fn find_word(text: &str, word: &str, from: usize) -> Option<usize> {
    words(text)
        .find(|&(start, end)| start >= from && text[start..end].eq_ignore_ascii_case(word))
        .map(|(start, _)| start)
}

/// Bare words outside of quotes as (start, end).
fn words(text: &str) -> impl Iterator<Item = (usize, usize)> {
    let bytes = text.as_bytes();
    let mut at = 0;
    std::iter::from_fn(move || {
        while at < bytes.len() {
            let byte = bytes[at];
            if matches!(byte, b'\'' | b'"' | b'`') {
                at += 1;
                while at < bytes.len() && bytes[at] != byte {
                    at += if bytes[at] == b'\\' && byte != b'`' {
                        2
                    } else {
                        1
                    };
                }
                at += 1;
                continue;
            }
            if byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80 {
                let start = at;
                while at < bytes.len()
                    && (bytes[at].is_ascii_alphanumeric() || bytes[at] == b'_' || bytes[at] >= 0x80)
                {
                    at += 1;
                }
                return Some((start, at));
            }
            at += 1;
        }
        None
    })
}

fn with_known_collations(body: &str, target: &Target, notes: &mut Vec<String>) -> String {
    let mut out = String::with_capacity(body.len());
    let mut done = 0;
    let mut after_collate = false;
    for (start, end) in words(body) {
        let word = &body[start..end];
        if after_collate {
            let from = canonical_collation(word);
            if !target.knows(&from) {
                let to = map_charset(of_collation(&from), &from, target).collation;
                notes.push(format!("collation {from} becomes {to}"));
                out.push_str(&body[done..start]);
                out.push_str(&target.spelled(&to));
                done = end;
            }
        }
        after_collate = word.eq_ignore_ascii_case("COLLATE");
    }
    out.push_str(&body[done..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasource::mysql::Flavour;

    #[test]
    fn definer_goes_and_security_stays() {
        let shown = "CREATE ALGORITHM=MERGE DEFINER=`VIEW as`@`%` SQL SECURITY INVOKER VIEW `s`.`v``(` (`x`) AS select 'a as b' collate utf8mb4_0900_ai_ci AS `x` from `s`.`t`";
        let name = TableName::new("s", "v");
        let (sql, notes) =
            create_view(&name, shown, &Target::typical(Flavour::MySql, (9, 7, 0))).unwrap();
        assert_eq!(
            sql,
            "CREATE ALGORITHM=MERGE SQL SECURITY INVOKER VIEW `s`.`v` (`x`) AS select 'a as b' collate utf8mb4_0900_ai_ci AS `x` from `s`.`t`"
        );
        assert_eq!(notes.len(), 1);
        let (sql, notes) = create_view(
            &name,
            shown,
            &Target::typical(Flavour::OceanBase, (1, 4, 0)),
        )
        .unwrap();
        assert_eq!(
            sql,
            "CREATE VIEW `s`.`v` (`x`) AS select 'a as b' collate utf8mb4_general_ci AS `x` from `s`.`t`"
        );
        assert_eq!(notes.len(), 3);
    }
}
