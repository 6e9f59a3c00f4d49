//! Column definitions.

use super::charset::{canonical_charset, canonical_collation};
use super::constraint::{check_clause, references};
use super::cursor::{Cursor, Parsed};
use super::dialect::CharsetDefault;
use super::lexer::Tok;
use super::resolve::{BINARY_ATTRIBUTE, fill_charset, names_charset, text_bytes};
use super::types::{Type, column_type};
use crate::model::table::{
    Check, Column, ColumnType, DefaultValue, ForeignKey, Generated, Key, KeyKind, KeyPart, KeyWhat,
};

/// A column with what its definition says beyond it.
#[derive(Debug)]
pub(super) struct ColumnDef {
    pub column: Column,
    /// Length of a TEXT(n), which decides its size once the character set is known.
    text_length: Option<u64>,
    /// NULL is written.
    explicit_null: bool,
    pub keys: Vec<Key>,
    pub checks: Vec<Check>,
    pub foreign_key: Option<ForeignKey>,
}

/// A definition from the column's name on.
pub(super) fn column_def(cursor: &mut Cursor<'_>) -> Parsed<ColumnDef> {
    let name = cursor.ident()?;
    let (ty, implied) = column_type(cursor)?;
    let mut def = ColumnDef {
        column: Column {
            name,
            ty,
            nullable: true,
            default: None,
            on_update_now: None,
            auto_increment: false,
            generated: None,
            comment: String::new(),
            charset: implied.charset.clone(),
            collation: implied.collation.clone(),
            invisible: false,
        },
        text_length: implied.text_length,
        explicit_null: false,
        keys: Vec::new(),
        checks: Vec::new(),
        foreign_key: None,
    };
    def.imply(&implied);
    while attribute(cursor, &mut def)? {}
    def.settle(cursor);
    Ok(def)
}

impl ColumnDef {
    fn imply(&mut self, implied: &Type) {
        if implied.serial {
            self.column.nullable = false;
            self.column.auto_increment = true;
            self.own_key(KeyKind::Unique);
        }
        if implied.json_check {
            self.checks.push(Check {
                name: None,
                expression: format!(
                    "json_valid({})",
                    crate::model::table::quote_ident(&self.column.name)
                ),
                enforced: true,
            });
        }
        if implied.binary_attribute {
            self.column.collation = Some(BINARY_ATTRIBUTE.to_owned());
        }
    }

    fn own_key(&mut self, kind: KeyKind) {
        if self.keys.iter().any(|k| k.kind == kind) {
            return;
        }
        self.keys.push(Key {
            name: match kind {
                KeyKind::Primary => "PRIMARY".to_owned(),
                _ => String::new(),
            },
            kind,
            parts: vec![KeyPart {
                what: KeyWhat::Column(self.column.name.clone()),
                prefix: None,
                descending: false,
            }],
            comment: String::new(),
        });
    }

    /// What the definition means in this dialect, as far as the column alone decides it.
    fn settle(&mut self, cursor: &Cursor<'_>) {
        let column = &mut self.column;
        if self.keys.iter().any(|k| k.kind == KeyKind::Primary) || column.auto_increment {
            column.nullable = false;
        }
        let is_timestamp = matches!(column.ty, ColumnType::Timestamp(_));
        if is_timestamp
            && !cursor.dialect.explicit_timestamp_defaults
            && !self.explicit_null
            && column.generated.is_none()
        {
            column.nullable = false;
        }
        if !column.ty.is_character() {
            column.charset = None;
            column.collation = None;
        }
        if !column.nullable && column.default == Some(DefaultValue::Null) {
            column.default = None;
        }
    }

    /// Fills in the character set; `default` is the table's, None in an ALTER whose table is not
    /// known here: then `apply` does it.
    pub fn resolve(&mut self, default: Option<&CharsetDefault>, cursor: &Cursor<'_>) -> Parsed<()> {
        let known = default.is_some() || names_charset(&self.column);
        if let Some(length) = self.text_length {
            let charset = match (&self.column.charset, default) {
                (Some(charset), _) => Some(charset.clone()),
                (None, Some(default)) => Some(default.charset.clone()),
                (None, None) => None,
            };
            let bytes = text_bytes(length, charset.as_deref()).ok_or_else(|| {
                format!(
                    "the size of TEXT({length}) of column {} depends on its character set, which the statement does not name",
                    self.column.name
                )
            })?;
            self.column.ty = ColumnType::Text(bytes);
        }
        if known {
            fill_charset(&mut self.column, default, cursor.dialect);
        }
        Ok(())
    }
}

/// Takes one attribute; false where the definition ends.
fn attribute(cursor: &mut Cursor<'_>, def: &mut ColumnDef) -> Parsed<bool> {
    if matches!(cursor.peek(), None | Some(Tok::Sym(',' | ')'))) {
        return Ok(false);
    }
    if cursor.sees("FIRST") || cursor.sees("AFTER") {
        return Ok(false);
    }
    if nullability(cursor, def)
        || value(cursor, &mut def.column)?
        || charset_attribute(cursor, &mut def.column)?
        || generated(cursor, &mut def.column)?
        || key_attribute(cursor, def)?
        || storage(cursor, &mut def.column)?
    {
        return Ok(true);
    }
    cursor.unknown("an attribute of a column")
}

fn nullability(cursor: &mut Cursor<'_>, def: &mut ColumnDef) -> bool {
    if cursor.take("NOT NULL") {
        def.column.nullable = false;
    } else if cursor.take("NULL") {
        def.explicit_null = true;
        def.column.nullable = true;
    } else {
        return false;
    }
    true
}

fn value(cursor: &mut Cursor<'_>, column: &mut Column) -> Parsed<bool> {
    if cursor.take("SERIAL DEFAULT VALUE") {
        return Err("SERIAL DEFAULT VALUE is not supported".to_owned());
    }
    if cursor.take("DEFAULT") {
        column.default = Some(default_value(cursor)?);
    } else if cursor.take("ON UPDATE") {
        let fsp = now(cursor)?;
        column.on_update_now =
            Some(fsp.ok_or_else(|| format!("ON UPDATE {} is not known", cursor.here()))?);
    } else if cursor.take("AUTO_INCREMENT") {
        column.auto_increment = true;
    } else if cursor.take("COMMENT") {
        column.comment = cursor.text()?;
    } else {
        return Ok(false);
    }
    Ok(true)
}

fn charset_attribute(cursor: &mut Cursor<'_>, column: &mut Column) -> Parsed<bool> {
    if cursor.take("CHARACTER SET") || cursor.take("CHARSET") || cursor.take("CHAR SET") {
        column.charset = Some(canonical_charset(&cursor.name_or_text()?));
    } else if cursor.take("COLLATE") {
        column.collation = Some(canonical_collation(&cursor.name_or_text()?));
    } else {
        return Ok(false);
    }
    Ok(true)
}

fn generated(cursor: &mut Cursor<'_>, column: &mut Column) -> Parsed<bool> {
    if cursor.sees("GENERATED ALWAYS AS ROW") {
        return Err("system versioning is not supported".to_owned());
    }
    if cursor.take("GENERATED ALWAYS AS") || cursor.take("AS") {
        let expression = cursor.parenthesised()?;
        let stored = match cursor.take_any(&["VIRTUAL", "STORED", "PERSISTENT"]) {
            Some(word) => word != "VIRTUAL",
            None => false,
        };
        column.generated = Some(Generated { expression, stored });
        return Ok(true);
    }
    Ok(false)
}

fn key_attribute(cursor: &mut Cursor<'_>, def: &mut ColumnDef) -> Parsed<bool> {
    if cursor.take("UNIQUE") {
        let _ = cursor.take("KEY");
        def.own_key(KeyKind::Unique);
    } else if cursor.take("PRIMARY KEY") || cursor.take("PRIMARY") || cursor.take("KEY") {
        def.own_key(KeyKind::Primary);
    } else if cursor.sees("CHECK") || cursor.sees("CONSTRAINT") {
        let mut name = None;
        if cursor.take("CONSTRAINT") && !cursor.sees("CHECK") {
            name = Some(cursor.ident()?);
        }
        let mut check = check_clause(cursor)?;
        check.name = name;
        def.checks.push(check);
    } else if cursor.take("REFERENCES") {
        let foreign_key = references(cursor, vec![def.column.name.clone()])?;
        if cursor.dialect.inline_references {
            def.foreign_key = Some(foreign_key);
        }
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// Attributes about how, and whether, a column is shown or stored.
fn storage(cursor: &mut Cursor<'_>, column: &mut Column) -> Parsed<bool> {
    if cursor.take("INVISIBLE") {
        column.invisible = true;
    } else if cursor.take("VISIBLE") {
        column.invisible = false;
    } else if cursor.take("WITH SYSTEM VERSIONING") {
        return Err("system versioning is not supported".to_owned());
    } else if cursor.take("WITHOUT SYSTEM VERSIONING") || cursor.take("NOT SECONDARY") {
        // no effect on the rows
    } else if cursor.take_any(&["COLUMN_FORMAT", "STORAGE"]).is_some() {
        cursor.ident()?;
    } else if cursor
        .take_any(&["ENGINE_ATTRIBUTE", "SECONDARY_ENGINE_ATTRIBUTE"])
        .is_some()
    {
        let _ = cursor.take_sym('=');
        cursor.text()?;
    } else if cursor.take("COMPRESSED") {
        if cursor.take_sym('=') {
            cursor.ident()?;
        }
    } else if cursor.take("SRID") || cursor.take("REF_SYSTEM_ID") {
        let _ = cursor.take_sym('=');
        let srid: u32 = cursor.number()?;
        match &mut column.ty {
            ColumnType::Other(name) => name.push_str(&format!(" srid {srid}")),
            _ => {
                return Err(format!(
                    "column {} has an SRID but is no geometry",
                    column.name
                ));
            }
        }
    } else {
        return Ok(false);
    }
    Ok(true)
}

/// CURRENT_TIMESTAMP in any of its spellings: its precision; None where something else stands.
fn now(cursor: &mut Cursor<'_>) -> Parsed<Option<u8>> {
    if cursor
        .take_any(&["CURRENT_TIMESTAMP", "LOCALTIME", "LOCALTIMESTAMP"])
        .is_none()
    {
        if !(cursor.sees("NOW") && cursor.sees_sym_at(1, '(')) {
            return Ok(None);
        }
        cursor.next();
    }
    if cursor.sees_sym('(') && cursor.sees_sym_at(1, ')') {
        cursor.next();
        cursor.next();
        return Ok(Some(0));
    }
    Ok(Some(cursor.length()?.unwrap_or(0)))
}

/// What stands behind DEFAULT.
pub(super) fn default_value(cursor: &mut Cursor<'_>) -> Parsed<DefaultValue> {
    if cursor.take("NULL") {
        return Ok(DefaultValue::Null);
    }
    if let Some(fsp) = now(cursor)? {
        return Ok(DefaultValue::Now(fsp));
    }
    if let Some(word) = cursor.take_any(&["TRUE", "FALSE"]) {
        return Ok(DefaultValue::Literal(u8::from(word == "TRUE").to_string()));
    }
    let start = cursor.at();
    let sign = if cursor.take_sym('-') {
        "-"
    } else {
        let _ = cursor.take_sym('+');
        ""
    };
    match cursor.peek() {
        Some(Tok::Number(digits)) => {
            cursor.next();
            Ok(DefaultValue::Literal(format!("{sign}{digits}")))
        }
        Some(Tok::Text(_)) if sign.is_empty() => Ok(DefaultValue::Literal(cursor.text()?)),
        Some(Tok::Bits(bits)) if sign.is_empty() => {
            cursor.next();
            Ok(DefaultValue::Bits(bits.clone()))
        }
        Some(Tok::Sym('(')) if sign.is_empty() => {
            Ok(DefaultValue::Expression(cursor.parenthesised()?))
        }
        Some(Tok::Word(word)) if sign.is_empty() => word_default(cursor, word, start),
        _ => cursor.unknown("a default value"),
    }
}

/// Defaults that begin with a word: an introduced string, a typed literal, a function (MariaDB).
fn word_default(cursor: &mut Cursor<'_>, word: &str, start: usize) -> Parsed<DefaultValue> {
    cursor.next();
    let typed = ["DATE", "TIME", "TIMESTAMP"]
        .iter()
        .any(|t| word.eq_ignore_ascii_case(t));
    match cursor.peek() {
        Some(Tok::Text(_)) if typed || word.starts_with('_') => {
            Ok(DefaultValue::Literal(cursor.text()?))
        }
        Some(Tok::Bits(bits)) if word.starts_with('_') => {
            cursor.next();
            Ok(DefaultValue::Bits(bits.clone()))
        }
        Some(Tok::Sym('(')) => {
            cursor.parenthesised()?;
            Ok(DefaultValue::Expression(cursor.raw(start, cursor.at())))
        }
        _ if [
            "CURRENT_USER",
            "CURRENT_DATE",
            "CURRENT_TIME",
            "CURRENT_ROLE",
        ]
        .iter()
        .any(|f| word.eq_ignore_ascii_case(f)) =>
        {
            Ok(DefaultValue::Expression(word.to_owned()))
        }
        _ => Err(format!("the default value '{word}' is not known")),
    }
}
