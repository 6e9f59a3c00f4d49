//! Mends what OceanBase prints: `SHOW CREATE TABLE` there (seekdb 1.4) leaves quotes and
//! backslashes in the values of ENUM and SET as they are, so `enum('b''c')` comes out as
//! `enum('b'c')`.

use std::borrow::Cow;

/// The text with its ENUM and SET values written as literals again.
pub(super) fn mended(shown: &str) -> Cow<'_, str> {
    let mut out = String::new();
    let mut done = 0;
    while let Some(open) = find_values(shown, done) {
        out.push_str(&shown[done..open]);
        match values(&shown[open..]) {
            Some((values, length)) => {
                let literals: Vec<String> = values.iter().map(|v| literal(v)).collect();
                out.push_str(&literals.join(","));
                done = open + length;
            }
            None => done = open,
        }
        if done == open {
            break;
        }
    }
    if done == 0 {
        return Cow::Borrowed(shown);
    }
    out.push_str(&shown[done..]);
    Cow::Owned(out)
}

/// Where the first value of the next ENUM or SET of a column begins: behind `` ` enum( ``.
fn find_values(shown: &str, from: usize) -> Option<usize> {
    ["` enum(", "` set("]
        .iter()
        .filter_map(|head| shown[from..].find(head).map(|at| from + at + head.len()))
        .min()
}

/// The values and how many bytes they take. A value ends at a quote that is followed by a comma
/// and a quote, or by the closing parenthesis.
fn values(text: &str) -> Option<(Vec<String>, usize)> {
    let mut out = Vec::new();
    let mut at = 0;
    loop {
        let rest = text[at..].strip_prefix('\'')?;
        let end = rest
            .match_indices('\'')
            .map(|(i, _)| i)
            .find(|&i| rest[i + 1..].starts_with(')') || rest[i + 1..].starts_with(",'"))?;
        // a server that escapes writes quotes twice
        out.push(rest[..end].replace("''", "'"));
        at += 1 + end + 1;
        if text[at..].starts_with(')') {
            return Some((out, at));
        }
        at += 1;
    }
}

fn literal(value: &str) -> String {
    format!("'{}'", value.replace('\\', "\\\\").replace('\'', "''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_literals_again() {
        assert_eq!(
            mended(
                "`a` enum('x\\y','it's','') DEFAULT NULL,\n `b` set('1','2,3') COMMENT '` enum('"
            ),
            "`a` enum('x\\\\y','it''s','') DEFAULT NULL,\n `b` set('1','2,3') COMMENT '` enum('"
        );
        assert_eq!(mended("`a` int"), "`a` int");
    }
}
