//! Walks over the tokens of one statement.

use super::dialect::Dialect;
use super::lexer::{Tok, Token};
use crate::model::table::TableName;
use std::collections::BTreeMap;

/// What a piece of a statement says, or why it is not understood.
pub(super) type Parsed<T> = Result<T, String>;

/// What a definition says beyond the model; see [`super::Definition`].
#[derive(Debug, Default)]
pub(super) struct Extras {
    pub parsers: BTreeMap<String, String>,
    pub invisible_keys: Vec<String>,
    pub engine: Option<String>,
}

/// A place in the tokens.
pub(super) struct Cursor<'a> {
    sql: &'a str,
    tokens: &'a [Token],
    at: usize,
    pub dialect: &'a Dialect,
    /// The session's default database.
    pub schema: &'a str,
    /// The database of the table that the statement is about: a foreign key's target is there
    /// unless it says otherwise.
    pub home: String,
    pub extras: Extras,
}

impl<'a> Cursor<'a> {
    pub fn new(sql: &'a str, tokens: &'a [Token], schema: &'a str, dialect: &'a Dialect) -> Self {
        Self {
            sql,
            tokens,
            at: 0,
            dialect,
            schema,
            home: schema.to_owned(),
            extras: Extras::default(),
        }
    }

    pub fn at(&self) -> usize {
        self.at
    }

    pub fn back_to(&mut self, at: usize) {
        self.at = at;
    }

    pub fn peek(&self) -> Option<&'a Tok> {
        self.peek_at(0)
    }

    pub fn peek_at(&self, ahead: usize) -> Option<&'a Tok> {
        self.tokens.get(self.at + ahead).map(|t| &t.tok)
    }

    pub fn next(&mut self) -> Option<&'a Tok> {
        let tok = self.peek();
        self.at += usize::from(tok.is_some());
        tok
    }

    pub fn is_end(&self) -> bool {
        self.peek().is_none()
    }

    /// What stands here, for messages.
    pub fn here(&self) -> String {
        match self.tokens.get(self.at) {
            None => "the end".to_owned(),
            Some(token) => {
                let text: String = self.sql[token.start..].chars().take(40).collect();
                format!("'{}'", text.split('\n').next().unwrap_or_default())
            }
        }
    }

    /// An error that names what stands here.
    pub fn unknown<T>(&self, wanted: &str) -> Parsed<T> {
        Err(format!("{wanted} was expected at {}", self.here()))
    }

    fn is_word_at(&self, ahead: usize, keyword: &str) -> bool {
        matches!(self.peek_at(ahead), Some(Tok::Word(word)) if word.eq_ignore_ascii_case(keyword))
    }

    /// Whether these keywords stand here.
    pub fn sees(&self, keywords: &str) -> bool {
        keywords
            .split(' ')
            .enumerate()
            .all(|(ahead, keyword)| self.is_word_at(ahead, keyword))
    }

    /// Takes these keywords if they stand here.
    pub fn take(&mut self, keywords: &str) -> bool {
        let found = self.sees(keywords);
        if found {
            self.at += keywords.split(' ').count();
        }
        found
    }

    /// Takes the first of these alternatives that stands here.
    pub fn take_any(&mut self, alternatives: &[&'static str]) -> Option<&'static str> {
        alternatives.iter().copied().find(|a| self.take(a))
    }

    pub fn expect(&mut self, keywords: &str) -> Parsed<()> {
        if self.take(keywords) {
            Ok(())
        } else {
            self.unknown(keywords)
        }
    }

    pub fn sees_sym(&self, sym: char) -> bool {
        self.peek() == Some(&Tok::Sym(sym))
    }

    pub fn sees_sym_at(&self, ahead: usize, sym: char) -> bool {
        self.peek_at(ahead) == Some(&Tok::Sym(sym))
    }

    pub fn take_sym(&mut self, sym: char) -> bool {
        let found = self.sees_sym(sym);
        self.at += usize::from(found);
        found
    }

    pub fn expect_sym(&mut self, sym: char) -> Parsed<()> {
        if self.take_sym(sym) {
            Ok(())
        } else {
            self.unknown(&format!("'{sym}'"))
        }
    }

    /// An identifier.
    pub fn ident(&mut self) -> Parsed<String> {
        match self.peek() {
            Some(Tok::Word(name) | Tok::Quoted(name)) => {
                self.at += 1;
                Ok(name.clone())
            }
            _ => self.unknown("a name"),
        }
    }

    /// An identifier or a string: character sets and the like are written as either.
    pub fn name_or_text(&mut self) -> Parsed<String> {
        match self.peek() {
            Some(Tok::Text(text)) => {
                self.at += 1;
                Ok(text.clone())
            }
            _ => self.ident(),
        }
    }

    /// A table's name, with the default database where it names none.
    pub fn table_name(&mut self) -> Parsed<TableName> {
        self.table_name_in(self.schema)
    }

    /// A table's name, with `schema` where it names none.
    pub fn table_name_in(&mut self, schema: &str) -> Parsed<TableName> {
        let first = self.ident()?;
        if self.take_sym('.') {
            let name = match self.peek() {
                // after a dot a name may be all digits
                Some(Tok::Number(digits)) => {
                    self.at += 1;
                    digits.clone()
                }
                _ => self.ident()?,
            };
            return Ok(TableName::new(first, name));
        }
        Ok(TableName::new(schema, first))
    }

    /// A string, and those that follow it directly.
    pub fn text(&mut self) -> Parsed<String> {
        let Some(Tok::Text(text)) = self.peek() else {
            return self.unknown("a string");
        };
        let mut out = text.clone();
        self.at += 1;
        while let Some(Tok::Text(more)) = self.peek() {
            out.push_str(more);
            self.at += 1;
        }
        Ok(out)
    }

    /// A whole number.
    pub fn number<N: std::str::FromStr>(&mut self) -> Parsed<N> {
        if let Some(Tok::Number(digits)) = self.peek()
            && let Ok(number) = digits.parse()
        {
            self.at += 1;
            return Ok(number);
        }
        self.unknown("a whole number")
    }

    /// `(n)` if it stands here.
    pub fn length<N: std::str::FromStr>(&mut self) -> Parsed<Option<N>> {
        if !self.take_sym('(') {
            return Ok(None);
        }
        let number = self.number()?;
        self.expect_sym(')')?;
        Ok(Some(number))
    }

    /// Names in parentheses.
    pub fn names(&mut self) -> Parsed<Vec<String>> {
        self.expect_sym('(')?;
        let mut out = vec![self.ident()?];
        while self.take_sym(',') {
            out.push(self.ident()?);
        }
        self.expect_sym(')')?;
        Ok(out)
    }

    /// The text inside balanced parentheses that stand here.
    pub fn parenthesised(&mut self) -> Parsed<String> {
        let open = self.at;
        self.expect_sym('(')?;
        let mut depth = 1_usize;
        while let Some(tok) = self.next() {
            match tok {
                Tok::Sym('(') => depth += 1,
                Tok::Sym(')') => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Ok(self.raw(open + 1, self.at - 1));
            }
        }
        Err("a '(' is not closed".to_owned())
    }

    /// The text of the tokens from `from` up to, and without, `to`; comments between them vanish.
    pub fn raw(&self, from: usize, to: usize) -> String {
        let tokens = &self.tokens[from.min(to)..to];
        let (Some(first), Some(last)) = (tokens.first(), tokens.last()) else {
            return String::new();
        };
        if tokens.iter().skip(1).any(|t| t.after_comment) {
            let pieces: Vec<_> = tokens.iter().map(|t| &self.sql[t.start..t.end]).collect();
            return pieces.join(" ");
        }
        self.sql[first.start..last.end].to_owned()
    }
}
