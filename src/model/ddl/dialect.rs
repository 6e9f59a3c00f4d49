//! What must be known about a server to understand its statements: its family, its session's
//! `sql_mode`, and the character sets that apply where a statement names none.

use super::charset;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Families of servers with a grammar and defaults of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Family {
    /// MySQL.
    #[default]
    MySql,
    /// MariaDB.
    MariaDb,
    /// OceanBase in MySQL mode.
    OceanBase,
}

/// A default character set and its collation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CharsetDefault {
    /// Character set, lower case.
    pub charset: String,
    /// Collation, lower case.
    pub collation: String,
}

/// How a server reads a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dialect {
    /// The server's family.
    pub family: Family,
    /// sql_mode has ANSI_QUOTES: `"a"` is an identifier.
    pub ansi_quotes: bool,
    /// sql_mode has NO_BACKSLASH_ESCAPES.
    pub no_backslash_escapes: bool,
    /// The collation that `utf8mb4` means where none is named.
    pub utf8mb4_collation: String,
    /// Defaults of databases whose defaults are known.
    pub schemas: BTreeMap<String, CharsetDefault>,
    /// Default of all other databases (`character_set_server`, `collation_server`).
    pub server: CharsetDefault,
    /// `explicit_defaults_for_timestamp`; off: TIMESTAMP columns get NOT NULL and defaults.
    pub explicit_timestamp_defaults: bool,
    /// `col … REFERENCES t (c)` makes a foreign key (MariaDB, MySQL 9); off: it is ignored.
    pub inline_references: bool,
}

impl Default for Dialect {
    /// MySQL 8 as it is installed.
    fn default() -> Self {
        Self::new(Family::MySql, "utf8mb4_0900_ai_ci")
    }
}

impl Dialect {
    /// A family's dialect with its modern defaults; `utf8mb4_collation` is the server's default
    /// collation of utf8mb4.
    pub fn new(family: Family, utf8mb4_collation: &str) -> Self {
        Self {
            family,
            ansi_quotes: false,
            no_backslash_escapes: false,
            utf8mb4_collation: utf8mb4_collation.to_owned(),
            schemas: BTreeMap::new(),
            server: CharsetDefault {
                charset: "utf8mb4".to_owned(),
                collation: utf8mb4_collation.to_owned(),
            },
            explicit_timestamp_defaults: true,
            inline_references: family == Family::MariaDb,
        }
    }

    /// MariaDB up to 11.5.
    pub fn mariadb() -> Self {
        Self::new(Family::MariaDb, "utf8mb4_general_ci")
    }

    /// OceanBase.
    pub fn oceanbase() -> Self {
        Self::new(Family::OceanBase, "utf8mb4_general_ci")
    }

    /// Whether the server is a MariaDB.
    pub fn is_mariadb(&self) -> bool {
        self.family == Family::MariaDb
    }

    /// The default of a database.
    pub fn schema_default(&self, schema: &str) -> &CharsetDefault {
        self.schemas.get(schema).unwrap_or(&self.server)
    }

    /// The default collation of a character set.
    pub fn default_collation(&self, charset: &str) -> String {
        if charset == "utf8mb4" {
            return self.utf8mb4_collation.clone();
        }
        charset::default_collation(charset)
    }

    /// Character set and collation from what a clause names; None where it names neither.
    pub fn resolve(
        &self,
        charset: Option<&str>,
        collation: Option<&str>,
    ) -> Option<CharsetDefault> {
        let charset = match (charset, collation) {
            (Some(charset), _) => charset.to_owned(),
            (None, Some(collation)) => charset::of_collation(collation).to_owned(),
            (None, None) => return None,
        };
        let collation = match collation {
            Some(collation) => collation.to_owned(),
            None => self.default_collation(&charset),
        };
        Some(CharsetDefault { charset, collation })
    }
}
