//! A server's settings, as far as a migration depends on them.

use super::connection::Connection;
use super::fault::fault;
use crate::error::Result;
use mysql_async::prelude::Queryable;
use std::collections::BTreeMap;

/// The variables that are asked for; a server that has no such variable leaves it out.
const VARIABLES: &[&str] = &[
    "binlog_expire_logs_auto_purge",
    "binlog_expire_logs_seconds",
    "binlog_format",
    "binlog_row_image",
    "binlog_row_value_options",
    "expire_logs_days",
    "gtid_mode",
    "innodb_force_primary_key",
    "innodb_native_foreign_keys",
    "innodb_read_only",
    "log_bin",
    "log_replica_updates",
    "log_slave_updates",
    "lower_case_table_names",
    "max_allowed_packet",
    "offline_mode",
    "read_only",
    "server_id",
    "server_uid",
    "server_uuid",
    "sql_mode",
    "sql_require_primary_key",
    "super_read_only",
    "system_time_zone",
    "time_zone",
];

/// Global variables by their lower-case name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings(BTreeMap<String, String>);

impl Settings {
    /// Reads the variables; `what` is said in errors. No privilege is needed.
    pub async fn read(conn: &mut Connection, what: &str) -> Result<Self> {
        let names: Vec<String> = VARIABLES.iter().map(|name| format!("'{name}'")).collect();
        let sql = format!(
            "SHOW GLOBAL VARIABLES WHERE Variable_name IN ({})",
            names.join(",")
        );
        let rows: Vec<(String, String)> = conn
            .query(sql)
            .await
            .map_err(|e| fault(what.to_owned(), e))?;
        Ok(rows.into_iter().collect())
    }

    /// A variable's text; None where the server has no such variable.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Whether a switch is on; None where the server has no such variable.
    pub fn is_on(&self, name: &str) -> Option<bool> {
        self.text(name)
            .map(|text| matches!(text.to_ascii_uppercase().as_str(), "ON" | "1" | "YES"))
    }

    /// A variable's number; None where there is none.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.text(name)?.parse().ok()
    }

    /// Whether a mode is part of a list like `sql_mode`.
    pub fn has_mode(&self, name: &str, mode: &str) -> bool {
        self.text(name)
            .is_some_and(|list| list.split(',').any(|m| m.eq_ignore_ascii_case(mode)))
    }

    /// How long the binlog is kept, in hours: 0 means for ever, None that the server does not say.
    pub fn log_retention_hours(&self) -> Option<f64> {
        if self.is_on("binlog_expire_logs_auto_purge") == Some(false) {
            return Some(0.0);
        }
        let hours = |seconds: f64| seconds / 3600.0;
        match self.number("binlog_expire_logs_seconds").map(hours) {
            Some(seconds) if seconds > 0.0 => Some(seconds),
            seconds => self
                .number("expire_logs_days")
                .map(|days| days * 24.0)
                .or(seconds),
        }
    }
}

impl FromIterator<(String, String)> for Settings {
    fn from_iter<T: IntoIterator<Item = (String, String)>>(variables: T) -> Self {
        let lower = |(name, value): (String, String)| (name.to_ascii_lowercase(), value);
        Self(variables.into_iter().map(lower).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(variables: &[(&str, &str)]) -> Settings {
        let own = |&(n, v): &(&str, &str)| (n.to_owned(), v.to_owned());
        variables.iter().map(own).collect()
    }

    #[test]
    fn switches_lists_and_numbers() {
        let s = settings(&[
            ("LOG_BIN", "ON"),
            ("read_only", "0"),
            ("sql_mode", "A,No_Backslash_Escapes"),
        ]);
        assert_eq!(s.is_on("log_bin"), Some(true));
        assert_eq!(s.is_on("read_only"), Some(false));
        assert_eq!(s.is_on("gtid_mode"), None);
        assert!(s.has_mode("sql_mode", "NO_BACKSLASH_ESCAPES"));
        assert!(!s.has_mode("sql_mode", "BACKSLASH"));
    }

    #[test]
    fn retention_of_every_flavour() {
        for (variables, hours) in [
            (
                &[("binlog_expire_logs_seconds", "2592000")][..],
                Some(720.0),
            ),
            (
                &[
                    ("binlog_expire_logs_seconds", "0"),
                    ("expire_logs_days", "0.000000"),
                ],
                Some(0.0),
            ),
            (
                &[
                    ("binlog_expire_logs_seconds", "0"),
                    ("expire_logs_days", "0.500000"),
                ],
                Some(12.0),
            ),
            (&[("expire_logs_days", "10")], Some(240.0)),
            (
                &[
                    ("binlog_expire_logs_seconds", "3600"),
                    ("binlog_expire_logs_auto_purge", "OFF"),
                ],
                Some(0.0),
            ),
            (&[("binlog_expire_logs_seconds", "0")], Some(0.0)),
            (&[], None),
        ] {
            assert_eq!(
                settings(variables).log_retention_hours(),
                hours,
                "{variables:?}"
            );
        }
    }
}
