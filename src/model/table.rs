//! A table's definition, as the source declares it: pure data, made from `SHOW CREATE TABLE` and
//! kept up to date by DDL (see [`super::ddl`]).

use serde::{Deserialize, Serialize};
use std::fmt;

/// A table's full name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TableName {
    /// Database.
    pub schema: String,
    /// Table.
    pub name: String,
}

impl TableName {
    /// `schema`.`name`.
    pub fn new(schema: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            schema: schema.into(),
            name: name.into(),
        }
    }

    /// Quoted for SQL: `` `schema`.`name` ``.
    pub fn quoted(&self) -> String {
        format!("{}.{}", quote_ident(&self.schema), quote_ident(&self.name))
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.schema, self.name)
    }
}

/// An identifier in backticks.
pub fn quote_ident(name: &str) -> String {
    format!("`{}`", name.replace('`', "``"))
}

/// A base table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// Its name.
    pub name: TableName,
    /// Columns in order, generated and invisible ones included.
    pub columns: Vec<Column>,
    /// All keys; at most one is primary.
    pub keys: Vec<Key>,
    /// Foreign keys.
    #[serde(default)]
    pub foreign_keys: Vec<ForeignKey>,
    /// CHECK constraints.
    #[serde(default)]
    pub checks: Vec<Check>,
    /// Default character set, lower case (`utf8mb4`); always set.
    pub charset: String,
    /// Default collation, lower case; always set.
    pub collation: String,
    /// Table comment.
    #[serde(default)]
    pub comment: String,
    /// AUTO_INCREMENT table option.
    #[serde(default)]
    pub auto_increment: Option<u64>,
    /// The text of the partition clause from `PARTITION BY`, where there is one.
    #[serde(default)]
    pub partition: Option<String>,
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// Name as declared.
    pub name: String,
    /// Type.
    pub ty: ColumnType,
    /// Whether it takes NULL.
    pub nullable: bool,
    /// Default value.
    #[serde(default)]
    pub default: Option<DefaultValue>,
    /// ON UPDATE CURRENT_TIMESTAMP(n): n.
    #[serde(default)]
    pub on_update_now: Option<u8>,
    /// AUTO_INCREMENT.
    #[serde(default)]
    pub auto_increment: bool,
    /// GENERATED ALWAYS AS (…).
    #[serde(default)]
    pub generated: Option<Generated>,
    /// Comment.
    #[serde(default)]
    pub comment: String,
    /// Character set of a character column (always set for those), lower case.
    #[serde(default)]
    pub charset: Option<String>,
    /// Collation of a character column (always set for those), lower case.
    #[serde(default)]
    pub collation: Option<String>,
    /// INVISIBLE.
    #[serde(default)]
    pub invisible: bool,
}

impl Column {
    /// Whether its values are stored by an INSERT: generated columns are not.
    pub fn is_written(&self) -> bool {
        self.generated.is_none()
    }
}

/// A default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DefaultValue {
    /// DEFAULT NULL.
    Null,
    /// A literal's value, without quotes.
    Literal(String),
    /// CURRENT_TIMESTAMP(n): n.
    Now(u8),
    /// A bit or hexadecimal literal as written (`b'0'`, `0x41`).
    Bits(String),
    /// An expression, without the outer parentheses.
    Expression(String),
}

/// A generated column's definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generated {
    /// The expression, without the outer parentheses.
    pub expression: String,
    /// STORED (PERSISTENT) or VIRTUAL.
    pub stored: bool,
}

/// A column's type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ColumnType {
    /// TINYINT (1), SMALLINT (2), MEDIUMINT (3), INT (4), BIGINT (8).
    Int {
        /// Size in bytes.
        bytes: u8,
        /// UNSIGNED.
        unsigned: bool,
        /// Display width, where it is declared: TINYINT(1).
        width: Option<u8>,
        /// ZEROFILL.
        zerofill: bool,
    },
    /// DECIMAL(precision, scale).
    Decimal {
        /// All digits.
        precision: u8,
        /// Digits behind the point.
        scale: u8,
        /// UNSIGNED.
        unsigned: bool,
        /// ZEROFILL.
        zerofill: bool,
    },
    /// FLOAT, with the (M,D) that MySQL still takes.
    Float {
        /// UNSIGNED.
        unsigned: bool,
        /// (M, D).
        digits: Option<(u8, u8)>,
    },
    /// DOUBLE, with the (M,D) that MySQL still takes.
    Double {
        /// UNSIGNED.
        unsigned: bool,
        /// (M, D).
        digits: Option<(u8, u8)>,
    },
    /// BIT(n).
    Bit(u8),
    /// CHAR(n): n characters.
    Char(u32),
    /// VARCHAR(n): n characters.
    Varchar(u32),
    /// BINARY(n): n bytes.
    Binary(u32),
    /// VARBINARY(n): n bytes.
    Varbinary(u32),
    /// TINYTEXT (1), TEXT (2), MEDIUMTEXT (3), LONGTEXT (4): bytes of the length prefix.
    Text(u8),
    /// TINYBLOB (1), BLOB (2), MEDIUMBLOB (3), LONGBLOB (4): bytes of the length prefix.
    Blob(u8),
    /// ENUM.
    Enum(Vec<String>),
    /// SET.
    Set(Vec<String>),
    /// JSON of MySQL and OceanBase (MariaDB's is a LONGTEXT with a CHECK).
    Json,
    /// DATE.
    Date,
    /// TIME(fsp).
    Time(u8),
    /// DATETIME(fsp).
    Datetime(u8),
    /// TIMESTAMP(fsp).
    Timestamp(u8),
    /// YEAR.
    Year,
    /// A type that is recognised by name only (geometry, vectors, UUID, INET6, …).
    Other(String),
}

impl ColumnType {
    /// Character data: has a character set and a collation.
    pub fn is_character(&self) -> bool {
        matches!(
            self,
            Self::Char(_) | Self::Varchar(_) | Self::Text(_) | Self::Enum(_) | Self::Set(_)
        )
    }

    /// Raw bytes.
    pub fn is_binary(&self) -> bool {
        matches!(
            self,
            Self::Binary(_) | Self::Varbinary(_) | Self::Blob(_) | Self::Bit(_) | Self::Other(_)
        )
    }

    /// Its text is a number, to be written in SQL without quotes.
    pub fn is_numeric(&self) -> bool {
        matches!(
            self,
            Self::Int { .. }
                | Self::Decimal { .. }
                | Self::Float { .. }
                | Self::Double { .. }
                | Self::Year
        )
    }
}

/// What a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyKind {
    /// PRIMARY KEY.
    Primary,
    /// UNIQUE KEY.
    Unique,
    /// KEY.
    Index,
    /// FULLTEXT KEY.
    Fulltext,
    /// SPATIAL KEY.
    Spatial,
}

/// A key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// Name; `PRIMARY` for the primary key.
    pub name: String,
    /// Kind.
    pub kind: KeyKind,
    /// Parts in order.
    pub parts: Vec<KeyPart>,
    /// Comment.
    #[serde(default)]
    pub comment: String,
}

/// One part of a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyPart {
    /// Column name, or the expression of a functional part.
    pub what: KeyWhat,
    /// Prefix length, in characters or bytes as the column counts.
    #[serde(default)]
    pub prefix: Option<u32>,
    /// DESC.
    #[serde(default)]
    pub descending: bool,
}

/// What a key part covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyWhat {
    /// A column by name.
    Column(String),
    /// An expression, without the outer parentheses.
    Expression(String),
}

/// A foreign key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignKey {
    /// Constraint name.
    pub name: String,
    /// Columns of this table.
    pub columns: Vec<String>,
    /// The table that is referred to.
    pub references: TableName,
    /// Its columns.
    pub ref_columns: Vec<String>,
    /// ON DELETE action, upper case, where one is declared.
    #[serde(default)]
    pub on_delete: Option<String>,
    /// ON UPDATE action, upper case, where one is declared.
    #[serde(default)]
    pub on_update: Option<String>,
}

/// A CHECK constraint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Constraint name.
    pub name: Option<String>,
    /// Expression, without the outer parentheses.
    pub expression: String,
    /// NOT ENFORCED is false here.
    pub enforced: bool,
}

impl Table {
    /// Index of the column with this name; names of columns ignore case.
    pub fn column_index(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| {
            c.name.eq_ignore_ascii_case(name) || c.name.to_lowercase() == name.to_lowercase()
        })
    }

    /// The primary key.
    pub fn primary_key(&self) -> Option<&Key> {
        self.keys.iter().find(|k| k.kind == KeyKind::Primary)
    }

    /// Primary and unique keys.
    pub fn unique_keys(&self) -> impl Iterator<Item = &Key> {
        self.keys
            .iter()
            .filter(|k| matches!(k.kind, KeyKind::Primary | KeyKind::Unique))
    }

    /// Column indexes of a key; None where a part is an expression or its column is unknown.
    pub fn key_columns(&self, key: &Key) -> Option<Vec<usize>> {
        key.parts
            .iter()
            .map(|part| match &part.what {
                KeyWhat::Column(name) => self.column_index(name),
                KeyWhat::Expression(_) => None,
            })
            .collect()
    }

    /// Column indexes of the key that identifies a row: the primary key, else the first unique
    /// key over whole, written, NOT NULL columns. None: the table is keyless.
    pub fn row_key(&self) -> Option<Vec<usize>> {
        let identifies = |key: &&Key| {
            key.parts.iter().all(|p| p.prefix.is_none())
                && self.key_columns(key).is_some_and(|columns| {
                    columns.iter().all(|&c| {
                        let column = &self.columns[c];
                        column.is_written() && (!column.nullable || key.kind == KeyKind::Primary)
                    })
                })
        };
        self.primary_key()
            .filter(identifies)
            .or_else(|| {
                self.keys
                    .iter()
                    .filter(|k| k.kind == KeyKind::Unique)
                    .find(identifies)
            })
            .and_then(|key| self.key_columns(key))
    }

    /// Indexes of the columns that are written (all but generated ones).
    pub fn written_columns(&self) -> Vec<usize> {
        (0..self.columns.len())
            .filter(|&c| self.columns[c].is_written())
            .collect()
    }
}
