//! Partition clauses from one flavour to another.

use super::target::Target;

/// The clause as the target takes it; None: it has none like it, so the table stays whole.
pub(super) fn convert(clause: &str, target: &Target) -> Option<String> {
    let upper = clause.to_ascii_uppercase();
    if target.is_oceanbase() && (upper.contains("LINEAR") || upper.contains("SUBPARTITION")) {
        return None;
    }
    // what MariaDB partitions by system time has no rows to divide elsewhere
    if upper.contains("SYSTEM_TIME") {
        return None;
    }
    let mut out = clause.to_owned();
    for option in [
        "ENGINE",
        "COMMENT",
        "DATA DIRECTORY",
        "INDEX DIRECTORY",
        "TABLESPACE",
        "NODEGROUP",
    ] {
        out = without_option(&out, option);
    }
    Some(out)
}

/// Takes ` NAME = value` out wherever it stands outside of quotes.
fn without_option(clause: &str, option: &str) -> String {
    let mut out = String::with_capacity(clause.len());
    let mut rest = clause;
    while let Some(at) = find_outside_quotes(rest, option) {
        let behind = rest[at + option.len()..].trim_start();
        let value = behind.strip_prefix('=').unwrap_or(behind).trim_start();
        let length = value_length(value);
        out.push_str(rest[..at].trim_end());
        rest = &value[length..];
    }
    out.push_str(rest);
    out
}

/// Where the word stands, by itself and outside of quotes.
fn find_outside_quotes(text: &str, word: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut quote = None;
    let mut at = 0;
    while at < bytes.len() {
        let byte = bytes[at];
        match quote {
            Some(_) if byte == b'\\' => at += 1,
            Some(open) => {
                if byte == open {
                    quote = None;
                }
            }
            None if matches!(byte, b'\'' | b'"' | b'`') => quote = Some(byte),
            None => {
                let starts_word =
                    at == 0 || !(bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_');
                let fits = bytes[at..].len() >= word.len()
                    && bytes[at..at + word.len()].eq_ignore_ascii_case(word.as_bytes());
                let ends_word = bytes
                    .get(at + word.len())
                    .is_none_or(|b| !(b.is_ascii_alphanumeric() || *b == b'_'));
                if starts_word && fits && ends_word {
                    return Some(at);
                }
            }
        }
        at += 1;
    }
    None
}

/// Length of the word or string at the start.
fn value_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    let Some(&first) = bytes.first() else {
        return 0;
    };
    if !matches!(first, b'\'' | b'"' | b'`') {
        return text
            .find(|c: char| !(c.is_alphanumeric() || c == '_'))
            .unwrap_or(text.len());
    }
    let mut at = 1;
    while at < bytes.len() {
        if bytes[at] == b'\\' {
            at += 2;
            continue;
        }
        if bytes[at] == first {
            if bytes.get(at + 1) == Some(&first) {
                at += 2;
                continue;
            }
            return at + 1;
        }
        at += 1;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::datasource::mysql::Flavour;

    #[test]
    fn options_of_partitions_are_left_out() {
        let clause = "PARTITION BY RANGE (`engine`)\n(PARTITION p0 VALUES LESS THAN (10) ENGINE = InnoDB,\n PARTITION p1 VALUES LESS THAN MAXVALUE COMMENT = 'x; ''ENGINE = y' ENGINE = InnoDB)";
        let target = Target::typical(Flavour::OceanBase, (1, 4, 0));
        assert_eq!(
            convert(clause, &target).as_deref(),
            Some(
                "PARTITION BY RANGE (`engine`)\n(PARTITION p0 VALUES LESS THAN (10),\n PARTITION p1 VALUES LESS THAN MAXVALUE)"
            )
        );
        assert_eq!(convert("PARTITION BY LINEAR HASH(a)", &target), None);
    }
}
