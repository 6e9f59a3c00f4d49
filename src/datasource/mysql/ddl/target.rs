//! What must be known about a target to write definitions for it.

use crate::datasource::mysql::Flavour;
use crate::model::ddl::charset::of_collation;
use crate::model::ddl::{Dialect, Family};
use std::collections::BTreeSet;

/// A target: its flavour and version, and the collations that it knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// Flavour.
    pub flavour: Flavour,
    /// Version; of an OceanBase its own, not MySQL's.
    pub version: (u32, u32, u32),
    /// Names of all collations, lower case, `utf8_…` as `utf8mb3_…`.
    pub collations: BTreeSet<String>,
    /// Whether it calls the old character set `utf8` only (MySQL before 8.0.29).
    pub says_utf8: bool,
    /// Whether it keeps names of tables in lower case (`lower_case_table_names` is not 0).
    pub lower_case_names: bool,
    /// How it reads statements.
    pub dialect: Dialect,
}

impl Target {
    /// A target of this flavour and version with the collations that such a server has; for
    /// tests and for plans without a connection.
    pub fn typical(flavour: Flavour, version: (u32, u32, u32)) -> Self {
        let names: &[&str] = match flavour {
            Flavour::OceanBase => &["utf8mb4_general_ci", "utf8mb4_bin", "binary"],
            Flavour::MariaDb => &[
                "utf8mb4_general_ci",
                "utf8mb4_bin",
                "utf8mb4_unicode_ci",
                "utf8mb4_unicode_520_ci",
                "utf8mb4_nopad_bin",
                "utf8mb4_uca1400_ai_ci",
                "utf8mb4_uca1400_nopad_ai_ci",
                "utf8mb4_uca1400_nopad_as_ci",
                "utf8mb4_uca1400_nopad_as_cs",
                "utf8mb4_uca1400_swedish_nopad_ai_ci",
                "utf8mb3_general_ci",
                "utf8mb3_bin",
                "latin1_swedish_ci",
                "latin1_bin",
                "ucs2_general_ci",
                "ascii_general_ci",
                "binary",
            ],
            Flavour::MySql => &[
                "utf8mb4_general_ci",
                "utf8mb4_bin",
                "utf8mb4_unicode_ci",
                "utf8mb4_unicode_520_ci",
                "utf8mb4_0900_ai_ci",
                "utf8mb4_0900_as_ci",
                "utf8mb4_0900_as_cs",
                "utf8mb4_0900_bin",
                "utf8mb4_sv_0900_ai_ci",
                "utf8mb3_general_ci",
                "utf8mb3_bin",
                "latin1_swedish_ci",
                "latin1_bin",
                "ucs2_general_ci",
                "ascii_general_ci",
                "binary",
            ],
        };
        let old = flavour == Flavour::MySql && version < (8, 0, 0);
        let default = if flavour == Flavour::MySql && !old {
            "utf8mb4_0900_ai_ci"
        } else {
            "utf8mb4_general_ci"
        };
        Self {
            flavour,
            version,
            collations: names
                .iter()
                .filter(|n| !(old && n.contains("0900")))
                .map(|&n| n.to_owned())
                .collect(),
            says_utf8: flavour == Flavour::MySql && version < (8, 0, 29),
            lower_case_names: flavour == Flavour::OceanBase,
            dialect: Dialect::new(family(flavour), default),
        }
    }

    /// Whether it knows the collation.
    pub fn knows(&self, collation: &str) -> bool {
        self.collations.contains(collation)
    }

    /// Whether it knows the character set.
    pub fn knows_charset(&self, charset: &str) -> bool {
        self.collations.iter().any(|c| of_collation(c) == charset)
    }

    /// Whether it is a MySQL of this version or later.
    pub fn is_mysql(&self, since: (u32, u32, u32)) -> bool {
        self.flavour == Flavour::MySql && self.version >= since
    }

    /// Whether it is a MariaDB.
    pub fn is_mariadb(&self) -> bool {
        self.flavour == Flavour::MariaDb
    }

    /// Whether it is an OceanBase.
    pub fn is_oceanbase(&self) -> bool {
        self.flavour == Flavour::OceanBase
    }

    /// A character set or collation as the target calls it.
    pub fn spelled(&self, name: &str) -> String {
        if self.says_utf8
            && let Some(rest) = name.strip_prefix("utf8mb3")
        {
            return format!("utf8{rest}");
        }
        name.to_owned()
    }
}

/// The grammar that a flavour speaks.
pub fn family(flavour: Flavour) -> Family {
    match flavour {
        Flavour::MySql => Family::MySql,
        Flavour::MariaDb => Family::MariaDb,
        Flavour::OceanBase => Family::OceanBase,
    }
}
