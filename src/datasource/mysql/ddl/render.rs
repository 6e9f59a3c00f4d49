//! Definitions as SQL.

use super::target::Target;
use crate::datasource::mysql::literal::quoted;
use crate::model::ddl::CharsetDefault;
use crate::model::table::{
    Check, Column, ColumnType, DefaultValue, ForeignKey, Key, KeyKind, KeyPart, KeyWhat, Table,
    TableName, quote_ident,
};
use std::collections::BTreeMap;

/// The keys that can be made after the data: all but primary and unique ones and those that an
/// AUTO_INCREMENT column cannot do without.
pub fn deferred_keys(table: &Table) -> Vec<&Key> {
    let needed = key_of_auto_increment(table);
    table
        .keys
        .iter()
        .filter(|key| !is_unique(key) && Some(key.name.as_str()) != needed)
        .collect()
}

fn is_unique(key: &Key) -> bool {
    matches!(key.kind, KeyKind::Primary | KeyKind::Unique)
}

fn begins_with(key: &Key, column: &str) -> bool {
    matches!(key.parts.first().map(|p| &p.what), Some(KeyWhat::Column(name))
        if name.eq_ignore_ascii_case(column))
}

/// The non-unique key that makes an AUTO_INCREMENT column possible, where no unique one does.
fn key_of_auto_increment(table: &Table) -> Option<&str> {
    let column = &table.columns.iter().find(|c| c.auto_increment)?.name;
    let mut keys = table.keys.iter().filter(|k| begins_with(k, column));
    if keys.clone().any(is_unique) {
        return None;
    }
    keys.find(|k| k.kind == KeyKind::Index)
        .map(|k| k.name.as_str())
}

/// CREATE TABLE with the primary and unique keys only; the others are [`deferred_keys`].
pub fn create_table(table: &Table, target: &Target) -> String {
    let needed = key_of_auto_increment(table);
    let keys = table
        .keys
        .iter()
        .filter(|k| is_unique(k) || Some(k.name.as_str()) == needed);
    create(table, keys, &[], &BTreeMap::new(), target)
}

/// CREATE TABLE with all keys and foreign keys: for a table that the log brings.
pub fn create_table_like(
    table: &Table,
    parsers: &BTreeMap<String, String>,
    target: &Target,
) -> String {
    create(
        table,
        table.keys.iter(),
        &table.foreign_keys,
        parsers,
        target,
    )
}

fn create<'a>(
    table: &Table,
    keys: impl Iterator<Item = &'a Key>,
    foreign_keys: &[ForeignKey],
    parsers: &BTreeMap<String, String>,
    target: &Target,
) -> String {
    let mut lines: Vec<String> = table
        .columns
        .iter()
        .map(|c| column_with_check(c, table, target))
        .collect();
    lines.extend(keys.map(|key| key_sql(key, parsers.get(&key.name))));
    lines.extend(foreign_keys.iter().map(foreign_key_sql));
    let of_table = |check: &&Check| {
        !table
            .columns
            .iter()
            .any(|c| is_json_check(check, c, target))
    };
    lines.extend(table.checks.iter().filter(of_table).map(check_sql));
    let mut out = format!(
        "CREATE TABLE {} (\n  {}\n)",
        table.name.quoted(),
        lines.join(",\n  ")
    );
    if !target.is_oceanbase() {
        out.push_str(" ENGINE=InnoDB");
    }
    if let Some(next) = table.auto_increment {
        out.push_str(&format!(" AUTO_INCREMENT={next}"));
    }
    out.push_str(&charset_sql(&table.charset, &table.collation, target));
    if !table.comment.is_empty() {
        out.push_str(&format!(" COMMENT={}", quoted(&table.comment)));
    }
    if let Some(partition) = &table.partition {
        out.push('\n');
        out.push_str(partition);
    }
    out
}

/// ` DEFAULT CHARACTER SET x COLLATE y`.
pub(super) fn charset_sql(charset: &str, collation: &str, target: &Target) -> String {
    format!(
        " DEFAULT CHARACTER SET {} COLLATE {}",
        target.spelled(charset),
        target.spelled(collation)
    )
}

/// CREATE DATABASE; nothing happens where it exists.
pub fn create_database(name: &str, default: &CharsetDefault, target: &Target) -> String {
    format!(
        "CREATE DATABASE IF NOT EXISTS {}{}",
        quote_ident(name),
        charset_sql(&default.charset, &default.collation, target)
    )
}

/// One ALTER TABLE that adds these keys.
pub fn add_keys(name: &TableName, keys: &[&Key], parsers: &BTreeMap<String, String>) -> String {
    let clauses: Vec<String> = keys
        .iter()
        .map(|key| format!("ADD {}", key_sql(key, parsers.get(&key.name))))
        .collect();
    format!("ALTER TABLE {} {}", name.quoted(), clauses.join(", "))
}

/// ALTER TABLE that adds a foreign key.
pub fn add_foreign_key(name: &TableName, key: &ForeignKey) -> String {
    format!("ALTER TABLE {} ADD {}", name.quoted(), foreign_key_sql(key))
}

/// Whether the check is what makes a column of MariaDB a JSON column: it stands in the column's
/// own definition there, and goes with it.
fn is_json_check(check: &Check, column: &Column, target: &Target) -> bool {
    target.is_mariadb()
        && check.name.is_none()
        && check.expression == format!("json_valid({})", quote_ident(&column.name))
}

/// A column's definition with the check that belongs to it.
pub(super) fn column_with_check(column: &Column, table: &Table, target: &Target) -> String {
    let mut out = column_sql(column, target);
    let own = |check: &&Check| is_json_check(check, column, target);
    if let Some(check) = table.checks.iter().find(own) {
        out.push_str(&format!(" {}", check_sql(check)));
    }
    out
}

/// A column's definition, its name included.
fn column_sql(column: &Column, target: &Target) -> String {
    let mut out = format!(
        "{} {}",
        quote_ident(&column.name),
        type_sql(&column.ty, target)
    );
    if let (Some(charset), Some(collation)) = (&column.charset, &column.collation) {
        out.push_str(&format!(
            " CHARACTER SET {} COLLATE {}",
            target.spelled(charset),
            target.spelled(collation)
        ));
    }
    if let Some(generated) = &column.generated {
        let kind = if generated.stored {
            "STORED"
        } else {
            "VIRTUAL"
        };
        out.push_str(&format!(
            " GENERATED ALWAYS AS ({}) {kind}",
            generated.expression
        ));
        // MariaDB takes neither NULL nor NOT NULL here
        if !column.nullable && !target.is_mariadb() {
            out.push_str(" NOT NULL");
        }
    } else {
        out.push_str(if column.nullable {
            " NULL"
        } else {
            " NOT NULL"
        });
    }
    if let Some(default) = &column.default
        && column.generated.is_none()
    {
        out.push_str(&format!(" DEFAULT {}", default_sql(default)));
    }
    if let Some(fsp) = column.on_update_now {
        out.push_str(&format!(" ON UPDATE {}", now_sql(fsp)));
    }
    if column.auto_increment {
        out.push_str(" AUTO_INCREMENT");
    }
    if column.invisible {
        out.push_str(" INVISIBLE");
    }
    if !column.comment.is_empty() {
        out.push_str(&format!(" COMMENT {}", quoted(&column.comment)));
    }
    out
}

fn now_sql(fsp: u8) -> String {
    match fsp {
        0 => "CURRENT_TIMESTAMP".to_owned(),
        n => format!("CURRENT_TIMESTAMP({n})"),
    }
}

/// What stands behind DEFAULT.
pub(super) fn default_sql(default: &DefaultValue) -> String {
    match default {
        DefaultValue::Null => "NULL".to_owned(),
        DefaultValue::Literal(text) => quoted(text),
        DefaultValue::Now(fsp) => now_sql(*fsp),
        DefaultValue::Bits(bits) => bits.clone(),
        DefaultValue::Expression(expression) => format!("({expression})"),
    }
}

fn type_sql(ty: &ColumnType, target: &Target) -> String {
    match ty {
        ColumnType::Int {
            bytes,
            unsigned,
            width,
            zerofill,
        } => {
            let name = match bytes {
                1 => "tinyint",
                2 => "smallint",
                3 => "mediumint",
                4 => "int",
                _ => "bigint",
            };
            let width = width.map_or_else(String::new, |w| format!("({w})"));
            format!("{name}{width}{}", sign_sql(*unsigned, *zerofill))
        }
        ColumnType::Decimal {
            precision,
            scale,
            unsigned,
            zerofill,
        } => format!(
            "decimal({precision},{scale}){}",
            sign_sql(*unsigned, *zerofill)
        ),
        ColumnType::Float { unsigned, digits } => floating_sql("float", *unsigned, *digits),
        ColumnType::Double { unsigned, digits } => floating_sql("double", *unsigned, *digits),
        ColumnType::Bit(n) => format!("bit({n})"),
        ColumnType::Char(n) => format!("char({n})"),
        ColumnType::Varchar(n) => format!("varchar({n})"),
        ColumnType::Binary(n) => format!("binary({n})"),
        ColumnType::Varbinary(n) => format!("varbinary({n})"),
        ColumnType::Text(n) => format!("{}text", size_sql(*n)),
        ColumnType::Blob(n) => format!("{}blob", size_sql(*n)),
        ColumnType::Enum(values) => format!("enum({})", values_sql(values)),
        ColumnType::Set(values) => format!("set({})", values_sql(values)),
        ColumnType::Json => "json".to_owned(),
        ColumnType::Date => "date".to_owned(),
        ColumnType::Time(fsp) => temporal_sql("time", *fsp),
        ColumnType::Datetime(fsp) => temporal_sql("datetime", *fsp),
        ColumnType::Timestamp(fsp) => temporal_sql("timestamp", *fsp),
        ColumnType::Year => "year".to_owned(),
        ColumnType::Other(name) => other_sql(name, target),
    }
}

fn other_sql(name: &str, target: &Target) -> String {
    let (base, srid) = match name.split_once(" srid ") {
        Some((base, srid)) => (base, Some(srid)),
        None => (name, None),
    };
    let base = match base {
        "geomcollection" => "geometrycollection",
        other => other,
    };
    match srid {
        None => base.to_owned(),
        Some(srid) if target.is_mariadb() => format!("{base} REF_SYSTEM_ID={srid}"),
        Some(srid) => format!("{base} SRID {srid}"),
    }
}

fn sign_sql(unsigned: bool, zerofill: bool) -> &'static str {
    match (unsigned, zerofill) {
        (_, true) => " unsigned zerofill",
        (true, false) => " unsigned",
        (false, false) => "",
    }
}

fn floating_sql(name: &str, unsigned: bool, digits: Option<(u8, u8)>) -> String {
    let digits = digits.map_or_else(String::new, |(m, d)| format!("({m},{d})"));
    format!("{name}{digits}{}", sign_sql(unsigned, false))
}

fn temporal_sql(name: &str, fsp: u8) -> String {
    match fsp {
        0 => name.to_owned(),
        n => format!("{name}({n})"),
    }
}

fn size_sql(bytes: u8) -> &'static str {
    match bytes {
        1 => "tiny",
        2 => "",
        3 => "medium",
        _ => "long",
    }
}

fn values_sql(values: &[String]) -> String {
    let values: Vec<String> = values.iter().map(|v| quoted(v)).collect();
    values.join(",")
}

/// A key as it stands in CREATE TABLE, and behind ADD.
pub(super) fn key_sql(key: &Key, parser: Option<&String>) -> String {
    let parts: Vec<String> = key.parts.iter().map(part_sql).collect();
    let parts = parts.join(",");
    let name = quote_ident(&key.name);
    let mut out = match key.kind {
        KeyKind::Primary => format!("PRIMARY KEY ({parts})"),
        KeyKind::Unique => format!("UNIQUE KEY {name} ({parts})"),
        KeyKind::Index => format!("KEY {name} ({parts})"),
        KeyKind::Fulltext => format!("FULLTEXT KEY {name} ({parts})"),
        KeyKind::Spatial => format!("SPATIAL KEY {name} ({parts})"),
    };
    if let Some(parser) = parser {
        out.push_str(&format!(" WITH PARSER {}", quote_ident(parser)));
    }
    if !key.comment.is_empty() {
        out.push_str(&format!(" COMMENT {}", quoted(&key.comment)));
    }
    out
}

fn part_sql(part: &KeyPart) -> String {
    let mut out = match &part.what {
        KeyWhat::Column(name) => quote_ident(name),
        KeyWhat::Expression(expression) => format!("({expression})"),
    };
    if let Some(prefix) = part.prefix {
        out.push_str(&format!("({prefix})"));
    }
    if part.descending {
        out.push_str(" DESC");
    }
    out
}

fn names_sql(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|n| quote_ident(n)).collect();
    names.join(",")
}

/// A foreign key as it stands in CREATE TABLE, and behind ADD.
pub(super) fn foreign_key_sql(key: &ForeignKey) -> String {
    let mut out = String::new();
    if !key.name.is_empty() {
        out = format!("CONSTRAINT {} ", quote_ident(&key.name));
    }
    out.push_str(&format!(
        "FOREIGN KEY ({}) REFERENCES {} ({})",
        names_sql(&key.columns),
        key.references.quoted(),
        names_sql(&key.ref_columns)
    ));
    if let Some(action) = &key.on_delete {
        out.push_str(&format!(" ON DELETE {action}"));
    }
    if let Some(action) = &key.on_update {
        out.push_str(&format!(" ON UPDATE {action}"));
    }
    out
}

/// A check as it stands in CREATE TABLE, and behind ADD.
pub(super) fn check_sql(check: &Check) -> String {
    let mut out = String::new();
    if let Some(name) = &check.name {
        out = format!("CONSTRAINT {} ", quote_ident(name));
    }
    out.push_str(&format!("CHECK ({})", check.expression));
    if !check.enforced {
        out.push_str(" NOT ENFORCED");
    }
    out
}
