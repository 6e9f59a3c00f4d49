//! JSON documents: one canonical form for each value.
//!
//! MySQL and OceanBase store JSON parsed, and give it back with their own spacing, order of
//! members and form of numbers; MariaDB keeps the text. Two documents are equal if their values
//! are: numbers are compared as exact decimals, never through a float.

use super::number::Number;

/// Deeper documents are compared as text; the servers refuse more than 100 levels.
const MAX_DEPTH: u32 = 200;

/// Bytes that are the same for the same value; None where the text is no JSON that has exactly one
/// meaning (duplicate names, lone surrogates).
pub fn canonical(text: &[u8]) -> Option<Vec<u8>> {
    let mut parser = Parser { rest: text };
    let mut out = Vec::with_capacity(text.len());
    parser.value(&mut out, 0)?;
    parser.space();
    parser.rest.is_empty().then_some(out)
}

struct Parser<'a> {
    rest: &'a [u8],
}

impl<'a> Parser<'a> {
    fn space(&mut self) {
        while let [b' ' | b'\t' | b'\n' | b'\r', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    fn take(&mut self, token: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(token)?;
        Some(())
    }

    fn value(&mut self, out: &mut Vec<u8>, depth: u32) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.space();
        match self.rest.first()? {
            b'{' => self.object(out, depth),
            b'[' => self.array(out, depth),
            b'"' => {
                let string = self.string()?;
                push_string(out, b's', &string);
                Some(())
            }
            b't' => self.word(b"true", out),
            b'f' => self.word(b"false", out),
            b'n' => self.word(b"null", out),
            _ => self.number(out),
        }
    }

    fn word(&mut self, word: &[u8], out: &mut Vec<u8>) -> Option<()> {
        self.take(word)?;
        out.push(word[0]);
        Some(())
    }

    fn number(&mut self, out: &mut Vec<u8>) -> Option<()> {
        let len = self
            .rest
            .iter()
            .take_while(|b| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
            .count();
        let (text, rest) = self.rest.split_at(len);
        let number = Number::parse(text)?;
        self.rest = rest;
        push_string(out, b'#', &number.canonical(true));
        Some(())
    }

    fn array(&mut self, out: &mut Vec<u8>, depth: u32) -> Option<()> {
        self.take(b"[")?;
        out.push(b'[');
        self.space();
        if self.take(b"]").is_none() {
            loop {
                self.value(out, depth + 1)?;
                self.space();
                if self.take(b",").is_none() {
                    self.take(b"]")?;
                    break;
                }
            }
        }
        out.push(b']');
        Some(())
    }

    fn object(&mut self, out: &mut Vec<u8>, depth: u32) -> Option<()> {
        self.take(b"{")?;
        let mut members: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        self.space();
        if self.take(b"}").is_none() {
            loop {
                self.space();
                let name = self.string()?;
                self.space();
                self.take(b":")?;
                let mut value = Vec::new();
                self.value(&mut value, depth + 1)?;
                members.push((name, value));
                self.space();
                if self.take(b",").is_none() {
                    self.take(b"}")?;
                    break;
                }
            }
        }
        members.sort();
        if members.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return None;
        }
        out.push(b'{');
        for (name, value) in members {
            push_string(out, b'k', &name);
            out.extend_from_slice(&value);
        }
        out.push(b'}');
        Some(())
    }

    fn string(&mut self) -> Option<Vec<u8>> {
        self.take(b"\"")?;
        let mut out = Vec::new();
        loop {
            let plain = self
                .rest
                .iter()
                .position(|b| matches!(b, b'"' | b'\\') || *b < 0x20)?;
            out.extend_from_slice(&self.rest[..plain]);
            let marker = self.rest[plain];
            self.rest = &self.rest[plain + 1..];
            match marker {
                b'"' => return Some(out),
                b'\\' => self.escape(&mut out)?,
                _ => return None,
            }
        }
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Option<()> {
        let (&code, rest) = self.rest.split_first()?;
        self.rest = rest;
        out.push(match code {
            b'"' | b'\\' | b'/' => code,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let mut unit = self.hex4()?;
                if (0xD800..0xDC00).contains(&unit) {
                    self.take(b"\\u")?;
                    let low = self.hex4()?;
                    if !(0xDC00..0xE000).contains(&low) {
                        return None;
                    }
                    unit = 0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
                }
                let c = char::from_u32(unit)?;
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                return Some(());
            }
            _ => return None,
        });
        Some(())
    }

    fn hex4(&mut self) -> Option<u32> {
        let (digits, rest) = self.rest.split_at_checked(4)?;
        self.rest = rest;
        if !digits.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
    }
}

/// A tag, the length, the bytes: no two different values give the same.
fn push_string(out: &mut Vec<u8>, tag: u8, bytes: &[u8]) {
    out.push(tag);
    out.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn same(a: &str, b: &str) -> bool {
        let form = |t: &str| canonical(t.as_bytes()).expect("valid JSON");
        form(a) == form(b)
    }

    #[test]
    fn forms_of_one_value_are_equal() {
        assert!(same(
            r#"{"a":1,"b":[1,2]}"#,
            r#" { "b" : [ 1 , 2 ], "a":1.0 } "#
        ));
        assert!(same(r#""\u00e9\n\/""#, "\"é\\n/\""));
        assert!(same(r#""\ud83d\ude00""#, "\"😀\""));
        assert!(same("1e2", "100"));
    }

    #[test]
    fn other_values_are_not() {
        for (a, b) in [
            ("9007199254740993", "9007199254740992"),
            ("12345678901234567890.1", "12345678901234567890.2"),
            ("\"1\"", "1"),
            ("null", "\"null\""),
            ("[1,2]", "[2,1]"),
            (r#"{"a":1}"#, r#"{"A":1}"#),
            ("[]", "{}"),
            ("[[],[]]", "[[[]]]"),
            (r#"["a,b"]"#, r#"["a","b"]"#),
            ("0.1", "0.10000000000000001"),
        ] {
            assert!(!same(a, b), "{a} {b}");
        }
    }

    #[test]
    fn what_has_no_single_meaning_is_left_as_text() {
        for text in [
            r#"{"a":1,"a":2}"#,
            r#""\ud800""#,
            "{",
            "[1,]",
            "1 2",
            "",
            "\"a\nb\"",
            "tru",
            "--1",
        ] {
            assert_eq!(canonical(text.as_bytes()), None, "{text}");
        }
        assert_eq!(canonical("[".repeat(100_000).as_bytes()), None);
    }

    proptest! {
        #[test]
        fn never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..60)) {
            let _ = canonical(&bytes);
        }

        #[test]
        fn spacing_and_escapes_do_not_matter(s in ".{0,12}", n in any::<i64>()) {
            let value = serde_json::json!({"k": s, "n": [n, null, true]});
            let tight = serde_json::to_vec(&value).expect("json");
            let wide = serde_json::to_vec_pretty(&value).expect("json");
            prop_assert_eq!(canonical(&tight), canonical(&wide));
            prop_assert!(canonical(&tight).is_some());
        }
    }
}
