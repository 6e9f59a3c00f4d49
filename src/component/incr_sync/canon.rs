//! When are two key values the same value? A unique key asks its collation; the conflict matrix
//! must never call two values different that a server calls equal, be it the source or the
//! target, and may call equal what is different (that costs only time).
//!
//! So each key column has a [`Rule`] that turns a value into canonical bytes: equal values have
//! equal bytes. Where that can't be promised (letters beyond ASCII, control characters, tailored
//! collations) the value is *wild*: it may equal any other value of its index.

use crate::model::table::{Column, ColumnType};

/// How a column's values become canonical.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Equal values have equal bytes.
    Bytes,
    /// A number or a time: the sign of zero does not count.
    Signed,
    /// Characters under a `_bin` collation: trailing spaces do not count.
    Trimmed,
    /// Characters under a known collation: letter case and trailing spaces do not count in
    /// printable ASCII; all else is wild.
    Folded,
    /// Every value is wild.
    Wild,
}

/// Whether a value could be made canonical.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Canon {
    /// Its canonical bytes were appended.
    Known,
    /// It may equal any value of its index.
    Wild,
}

/// The rule of a column.
pub fn rule_of(column: &Column) -> Rule {
    // the target computes generated values itself, perhaps in another form
    if column.generated.is_some() {
        return Rule::Wild;
    }
    match &column.ty {
        ColumnType::Int { .. }
        | ColumnType::Year
        | ColumnType::Bit(_)
        | ColumnType::Binary(_)
        | ColumnType::Varbinary(_)
        | ColumnType::Blob(_)
        | ColumnType::Enum(_)
        | ColumnType::Set(_)
        | ColumnType::Date
        | ColumnType::Datetime(_)
        | ColumnType::Timestamp(_) => Rule::Bytes,
        ColumnType::Decimal { .. }
        | ColumnType::Float { .. }
        | ColumnType::Double { .. }
        | ColumnType::Time(_) => Rule::Signed,
        ColumnType::Char(_) | ColumnType::Varchar(_) | ColumnType::Text(_) => {
            rule_of_collation(column.collation.as_deref().unwrap_or_default())
        }
        ColumnType::Json | ColumnType::Other(_) => Rule::Wild,
    }
}

/// The rule of a collation. Tailored ones (`…_hungarian_ci`, `…_lithuanian_ci`) have letters of
/// ASCII that equal other letters or pairs of them, so every collation that is not known to leave
/// ASCII alone is wild.
pub fn rule_of_collation(collation: &str) -> Rule {
    if collation == "binary" {
        return Rule::Bytes;
    }
    let Some((charset, rest)) = collation.split_once('_') else {
        return Rule::Wild;
    };
    // MariaDB also has names without a character set: uca1400_ai_ci
    let rest = if charset == "uca1400" {
        collation
    } else {
        rest
    };
    match rest {
        "bin" | "nopad_bin" | "0900_bin" => Rule::Trimmed,
        "general_ci"
        | "general_nopad_ci"
        | "unicode_ci"
        | "unicode_nopad_ci"
        | "unicode_520_ci"
        | "unicode_520_nopad_ci"
        | "0900_ai_ci"
        | "0900_as_ci"
        | "0900_as_cs"
        | "uca1400_ai_ci"
        | "uca1400_ai_cs"
        | "uca1400_as_ci"
        | "uca1400_as_cs"
        | "uca1400_nopad_ai_ci"
        | "uca1400_nopad_ai_cs"
        | "uca1400_nopad_as_ci"
        | "uca1400_nopad_as_cs" => Rule::Folded,
        "swedish_ci" | "swedish_nopad_ci" | "general_cs" if charset == "latin1" => Rule::Folded,
        _ => Rule::Wild,
    }
}

/// Appends the canonical form of a value to `out`; `prefix` is the key part's length, in
/// characters for character data and in bytes for others.
pub fn push_canonical(out: &mut Vec<u8>, rule: Rule, prefix: Option<u32>, value: &[u8]) -> Canon {
    let value = match prefix {
        None => value,
        Some(length) => first(value, length as usize, rule),
    };
    match rule {
        Rule::Bytes => out.extend_from_slice(value),
        Rule::Signed => out.extend_from_slice(without_sign_of_zero(value)),
        Rule::Trimmed => out.extend_from_slice(trimmed(value)),
        Rule::Folded => {
            if !value.iter().all(|b| (b' '..=b'~').contains(b)) {
                return Canon::Wild;
            }
            out.extend(trimmed(value).iter().map(u8::to_ascii_uppercase));
        }
        Rule::Wild => return Canon::Wild,
    }
    Canon::Known
}

fn first(value: &[u8], length: usize, rule: Rule) -> &[u8] {
    match rule {
        Rule::Trimmed | Rule::Folded => {
            // the byte after `length` characters: the one that starts character number `length`
            let end = value
                .iter()
                .enumerate()
                .filter(|(_, byte)| **byte & 0xC0 != 0x80)
                .nth(length)
                .map_or(value.len(), |(at, _)| at);
            &value[..end]
        }
        _ => &value[..length.min(value.len())],
    }
}

fn trimmed(value: &[u8]) -> &[u8] {
    let end = value
        .iter()
        .rposition(|&b| b != b' ')
        .map_or(0, |at| at + 1);
    &value[..end]
}

fn without_sign_of_zero(value: &[u8]) -> &[u8] {
    match value.split_first() {
        // the exponent of a zero is a zero as well
        Some((b'-', rest)) if !rest.iter().any(|b| (b'1'..=b'9').contains(b)) => rest,
        _ => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn canon(rule: Rule, prefix: Option<u32>, value: &str) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        match push_canonical(&mut out, rule, prefix, value.as_bytes()) {
            Canon::Known => Some(out),
            Canon::Wild => None,
        }
    }

    #[test]
    fn collations() {
        for (collation, rule) in [
            ("utf8mb4_general_ci", Rule::Folded),
            ("utf8mb4_0900_ai_ci", Rule::Folded),
            ("utf8mb3_unicode_ci", Rule::Folded),
            ("uca1400_ai_ci", Rule::Folded),
            ("utf8mb4_uca1400_ai_ci", Rule::Folded),
            ("latin1_swedish_ci", Rule::Folded),
            ("utf8mb4_bin", Rule::Trimmed),
            ("utf8mb4_0900_bin", Rule::Trimmed),
            ("latin1_bin", Rule::Trimmed),
            ("binary", Rule::Bytes),
            ("utf8mb4_swedish_ci", Rule::Wild),
            ("utf8mb4_lithuanian_ci", Rule::Wild),
            ("utf8mb4_hungarian_ci", Rule::Wild),
            ("utf8mb4_hu_0900_ai_ci", Rule::Wild),
            ("uca1400_hungarian_ai_ci", Rule::Wild),
            ("latin1_german2_ci", Rule::Wild),
            ("", Rule::Wild),
        ] {
            assert_eq!(rule_of_collation(collation), rule, "{collation}");
        }
    }

    #[test]
    fn equal_values_have_equal_bytes() {
        let folded = |v| canon(Rule::Folded, None, v);
        assert_eq!(folded("Ab "), folded("aB"));
        assert_ne!(folded("a"), folded("b"));
        assert_eq!(folded("ä"), None);
        assert_eq!(folded("a\t"), None);
        assert_eq!(folded("   "), folded(""));
        assert_eq!(
            canon(Rule::Trimmed, None, "ä "),
            canon(Rule::Trimmed, None, "ä")
        );
        assert_ne!(
            canon(Rule::Trimmed, None, "A"),
            canon(Rule::Trimmed, None, "a")
        );
        for (a, b) in [("-0", "0"), ("-0.00", "0.00"), ("-00:00:00", "00:00:00")] {
            assert_eq!(canon(Rule::Signed, None, a), canon(Rule::Signed, None, b));
        }
        assert_ne!(
            canon(Rule::Signed, None, "-0.1"),
            canon(Rule::Signed, None, "0.1")
        );
    }

    #[test]
    fn prefixes_count_characters() {
        assert_eq!(
            canon(Rule::Trimmed, Some(2), "äbcd"),
            canon(Rule::Trimmed, Some(2), "äbxy")
        );
        assert_eq!(
            canon(Rule::Folded, Some(2), "abä"),
            canon(Rule::Folded, Some(2), "ABc")
        );
        assert_eq!(canon(Rule::Folded, Some(3), "abä"), None);
        assert_eq!(canon(Rule::Bytes, Some(1), "ab"), Some(b"a".to_vec()));
        assert_eq!(canon(Rule::Trimmed, Some(9), "ab"), Some(b"ab".to_vec()));
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..20), prefix in proptest::option::of(0_u32..9)) {
            for rule in [Rule::Bytes, Rule::Signed, Rule::Trimmed, Rule::Folded, Rule::Wild] {
                let mut out = Vec::new();
                push_canonical(&mut out, rule, prefix, &bytes);
            }
        }
    }
}
