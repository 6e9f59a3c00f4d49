//! Cuts a statement into tokens.
//!
//! Comments vanish, except those that servers execute (`/*!50100 … */`, `/*M!100301 … */`): their
//! content counts. Servers disarm a versioned comment that they did not execute before they write
//! the statement to their log, so what still carries its `!` was executed.

use super::dialect::Dialect;

/// A token's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tok {
    /// A bare word: a keyword or an identifier.
    Word(String),
    /// An identifier in quotes, without them.
    Quoted(String),
    /// A string's value.
    Text(String),
    /// A number as written.
    Number(String),
    /// A bit or hexadecimal literal as written.
    Bits(String),
    /// Any other character.
    Sym(char),
}

/// A token and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub tok: Tok,
    pub start: usize,
    pub end: usize,
    /// A comment, or the edge of an executed one, stands between this and the previous token.
    pub after_comment: bool,
}

/// Cuts `sql` into tokens; the error says what is not closed.
pub(super) fn lex(sql: &str, dialect: &Dialect) -> Result<Vec<Token>, String> {
    let mut lexer = Lexer {
        sql,
        bytes: sql.as_bytes(),
        at: 0,
        executed: 0,
        after_comment: false,
        dialect,
    };
    let mut out = Vec::new();
    while let Some(token) = lexer.next_token()? {
        out.push(token);
    }
    Ok(out)
}

struct Lexer<'a> {
    sql: &'a str,
    bytes: &'a [u8],
    at: usize,
    /// Executed comments that are open.
    executed: usize,
    after_comment: bool,
    dialect: &'a Dialect,
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

impl Lexer<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn next_token(&mut self) -> Result<Option<Token>, String> {
        self.after_comment = false;
        self.skip_blanks()?;
        let start = self.at;
        let Some(&first) = self.bytes.get(start) else {
            return Ok(None);
        };
        let tok = match first {
            b'`' => Tok::Quoted(self.quoted('`', false)?),
            b'"' if self.dialect.ansi_quotes => Tok::Quoted(self.quoted('"', false)?),
            b'\'' | b'"' => Tok::Text(self.quoted(first as char, true)?),
            b'n' | b'N' if self.peek(1) == b'\'' => {
                self.at += 1;
                Tok::Text(self.quoted('\'', true)?)
            }
            b'b' | b'B' | b'x' | b'X' if self.peek(1) == b'\'' => self.bits()?,
            b'0'..=b'9' => self.number(),
            b'.' if self.peek(1).is_ascii_digit() && !self.follows_name() => self.number(),
            byte if is_word(byte) => Tok::Word(self.word()),
            _ => {
                self.at += 1;
                Tok::Sym(first as char)
            }
        };
        Ok(Some(Token {
            tok,
            start,
            end: self.at,
            after_comment: self.after_comment,
        }))
    }

    /// Whether the byte in front belongs to a name, so that a '.' here separates its parts.
    fn follows_name(&self) -> bool {
        self.at > 0 && {
            let before = self.bytes[self.at - 1];
            is_word(before) || before == b'`' || before == b'"'
        }
    }

    fn skip_blanks(&mut self) -> Result<(), String> {
        loop {
            match self.peek(0) {
                0 if self.at >= self.bytes.len() => return Ok(()),
                0 | b' ' | b'\t' | b'\r' | b'\n' | 0x0B | 0x0C => self.at += 1,
                b'#' => self.skip_line(),
                b'-' if self.peek(1) == b'-' && self.peek(2) <= b' ' => self.skip_line(),
                b'/' if self.peek(1) == b'*' => self.comment()?,
                b'*' if self.peek(1) == b'/' && self.executed > 0 => {
                    self.executed -= 1;
                    self.at += 2;
                    self.after_comment = true;
                }
                _ => return Ok(()),
            }
        }
    }

    fn skip_line(&mut self) {
        self.after_comment = true;
        while self.at < self.bytes.len() && self.bytes[self.at] != b'\n' {
            self.at += 1;
        }
    }

    fn comment(&mut self) -> Result<(), String> {
        self.after_comment = true;
        let mark = if self.peek(2) == b'!' {
            3
        } else if self.peek(2) == b'M' && self.peek(3) == b'!' && self.dialect.is_mariadb() {
            4
        } else {
            0
        };
        let digits = (0..6)
            .take_while(|&d| self.peek(mark + d).is_ascii_digit())
            .count();
        let version = &self.bytes[(self.at + mark).min(self.bytes.len())..][..digits];
        // 999999 is how dumps write a comment that no server executes
        if mark > 0 && version != b"999999" {
            self.executed += 1;
            self.at += mark + if digits >= 5 { digits } else { 0 };
            return Ok(());
        }
        match self.sql[self.at + 2..].find("*/") {
            Some(length) => {
                self.at += 2 + length + 2;
                Ok(())
            }
            None => Err("a comment is not closed".to_owned()),
        }
    }

    fn word(&mut self) -> String {
        let start = self.at;
        while self.at < self.bytes.len() && is_word(self.bytes[self.at]) {
            self.at += 1;
        }
        self.sql[start..self.at].to_owned()
    }

    fn number(&mut self) -> Tok {
        let start = self.at;
        let radix = self.peek(1) | 0x20;
        if self.peek(0) == b'0' && (radix == b'x' || radix == b'b') {
            let digits_ok = |d: u8| match radix {
                b'x' => d.is_ascii_hexdigit(),
                _ => d == b'0' || d == b'1',
            };
            if digits_ok(self.peek(2)) {
                let text = self.word();
                return if text.bytes().skip(2).all(digits_ok) {
                    Tok::Bits(text)
                } else {
                    Tok::Word(text)
                };
            }
        }
        self.digits();
        if self.peek(0) == b'.' {
            self.at += 1;
            self.digits();
        }
        if self.peek(0) | 0x20 == b'e' {
            let sign = usize::from(matches!(self.peek(1), b'+' | b'-'));
            if self.peek(1 + sign).is_ascii_digit() {
                self.at += 1 + sign;
                self.digits();
            }
        }
        // a name may begin with digits
        if is_word(self.peek(0)) && !self.sql[start..self.at].contains('.') {
            self.word();
            return Tok::Word(self.sql[start..self.at].to_owned());
        }
        Tok::Number(self.sql[start..self.at].to_owned())
    }

    fn digits(&mut self) {
        while self.peek(0).is_ascii_digit() {
            self.at += 1;
        }
    }

    fn bits(&mut self) -> Result<Tok, String> {
        let start = self.at;
        self.at += 1;
        self.quoted('\'', false)?;
        Ok(Tok::Bits(self.sql[start..self.at].to_owned()))
    }

    fn quoted(&mut self, quote: char, escapes: bool) -> Result<String, String> {
        let escapes = escapes && !self.dialect.no_backslash_escapes;
        let mut out = String::new();
        let mut chars = self.sql[self.at + 1..].char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            if c == quote {
                if chars.peek().is_some_and(|&(_, next)| next == quote) {
                    chars.next();
                    out.push(quote);
                    continue;
                }
                self.at += 1 + at + c.len_utf8();
                return Ok(out);
            }
            if c == '\\' && escapes {
                match chars.next() {
                    Some((_, escaped)) => push_escaped(&mut out, escaped),
                    None => break,
                }
                continue;
            }
            out.push(c);
        }
        Err(format!("a {quote} is not closed"))
    }
}

fn push_escaped(out: &mut String, escaped: char) {
    if matches!(escaped, '%' | '_') {
        out.push('\\');
    }
    out.push(match escaped {
        '0' => '\0',
        'b' => '\u{8}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'Z' => '\u{1A}',
        other => other,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn toks(sql: &str) -> Vec<Tok> {
        lex(sql, &Dialect::mariadb())
            .unwrap()
            .into_iter()
            .map(|t| t.tok)
            .collect()
    }

    #[test]
    fn executed_comments_count_and_others_do_not() {
        let word = |w: &str| Tok::Word(w.to_owned());
        assert_eq!(
            toks("a /*!50100 b /* c */ d */ e -- f\n # g\n/*M!100301 h*/ /*M!999999\\- i */ j--k"),
            [
                word("a"),
                word("b"),
                word("d"),
                word("e"),
                word("h"),
                word("j"),
                Tok::Sym('-'),
                Tok::Sym('-'),
                word("k")
            ]
        );
    }

    #[test]
    fn literals() {
        assert_eq!(
            toks(r#"'it''s' "a\"b" 'x\ny\%' b'01' 0x4A 1.5e-3 .5 N'n' `a``b` 1a t.1"#),
            [
                Tok::Text("it's".into()),
                Tok::Text("a\"b".into()),
                Tok::Text("x\ny\\%".into()),
                Tok::Bits("b'01'".into()),
                Tok::Bits("0x4A".into()),
                Tok::Number("1.5e-3".into()),
                Tok::Number(".5".into()),
                Tok::Text("n".into()),
                Tok::Quoted("a`b".into()),
                Tok::Word("1a".into()),
                Tok::Word("t".into()),
                Tok::Sym('.'),
                Tok::Number("1".into()),
            ]
        );
    }

    #[test]
    fn what_is_not_closed_is_an_error() {
        for sql in ["'a", "`a", "/* a", "\"a\\", "b'1"] {
            assert!(lex(sql, &Dialect::default()).is_err(), "{sql}");
        }
    }
}
