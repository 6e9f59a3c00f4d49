//! The target.

use super::{Verdict, failed, passed, warning};
use crate::component::precheck::facts::{Facts, ServerFacts, TargetTable, some_of};
use crate::datasource::mysql::Flavour;
use crate::datasource::mysql::ddl::map_charset;
use crate::datasource::mysql::privileges::May;
use crate::model::table::TableName;
use std::collections::BTreeSet;

/// Clocks that differ by more make the shown lag wrong, milliseconds.
const MAX_CLOCK_DIFFERENCE_MS: i64 = 5000;

/// A server that answered.
pub fn connected(server: &ServerFacts) -> Verdict {
    passed(format!("connected as {}", server.account))
}

/// Versions to which rows can be written.
pub fn version(facts: &Facts) -> Verdict {
    let target = &facts.target;
    let oldest = match target.flavour {
        Flavour::MySql => (5, 7, 0),
        Flavour::MariaDb => (10, 2, 0),
        Flavour::OceanBase if target.version.contains("seekdb") => (1, 0, 0),
        Flavour::OceanBase => (3, 1, 0),
    };
    if target.numbers < oldest {
        return failed(
            format!("{} is older than {}.{}", target.version, oldest.0, oldest.1),
            "Upgrade the target.",
        );
    }
    passed(format!("{} {}", target.flavour, target.version))
}

/// Source and target are two servers.
pub fn same_server(facts: &Facts) -> Verdict {
    match facts.same_server {
        Some(false) => passed("source and target are two servers"),
        Some(true) => failed(
            "source and target are the same server: every table would be copied onto itself",
            "Correct the URL of the source or of the target.",
        ),
        None => warning(
            "it could not be told whether source and target are two servers",
            "Make sure that they are.",
        ),
    }
}

/// Why a server takes no writes of its account.
pub fn refuses_writes(server: &ServerFacts) -> Option<&'static str> {
    let on = |name: &str| server.settings.is_on(name) == Some(true);
    for (name, why) in [
        ("offline_mode", "offline_mode is ON"),
        ("innodb_read_only", "innodb_read_only is ON"),
        ("super_read_only", "super_read_only is ON"),
    ] {
        if on(name) {
            return Some(why);
        }
    }
    let exempt = [
        "SUPER",
        "CONNECTION_ADMIN",
        "READ_ONLY ADMIN",
        "READ ONLY ADMIN",
    ]
    .iter()
    .any(|right| server.grants.globally(right) == May::Yes);
    (on("read_only") && !exempt).then_some("read_only is ON")
}

/// The target takes writes.
pub fn service_status(facts: &Facts) -> Verdict {
    if let Some(why) = refuses_writes(&facts.target) {
        return failed(
            format!("the target takes no writes: {why}"),
            "Make the target writable (SET GLOBAL read_only = OFF, super_read_only = OFF), or point at the primary server.",
        );
    }
    if facts.target.settings.is_on("read_only") == Some(true) {
        return warning(
            "read_only is ON at the target; only this account's rights let it write",
            "Make the target writable before the application is switched over.",
        );
    }
    passed("the target takes writes")
}

/// Tables that must be there, because nobody makes them.
pub fn table_exist(facts: &Facts) -> Verdict {
    if facts.scope.structure {
        return passed("missing tables are made");
    }
    let there: BTreeSet<_> = facts.target_tables.iter().map(|t| &t.name).collect();
    let missing = facts
        .tables
        .iter()
        .map(|t| &t.name)
        .filter(|name| !there.contains(name));
    let names: Vec<&TableName> = missing.collect();
    let missing: Vec<String> = names.iter().map(ToString::to_string).collect();
    if missing.is_empty() {
        return passed("the target has all tables");
    }
    failed(
        format!("the target lacks {}", some_of(&missing)),
        "Make the tables at the target, or choose schema migration.",
    )
    .about(names)
}

/// Tables that are copied to must hold no rows.
pub fn table_empty(facts: &Facts) -> Verdict {
    if !facts.scope.full {
        return passed("no rows are copied");
    }
    let with_rows: Vec<String> = facts
        .target_tables
        .iter()
        .filter(|t| t.has_rows == Some(true))
        .map(|t| t.name.to_string())
        .collect();
    if !with_rows.is_empty() {
        return failed(
            format!(
                "tables at the target hold rows already: {}",
                some_of(&with_rows)
            ),
            "Empty or drop them at the target, or exclude them.",
        )
        .about(named(facts, |t| t.has_rows == Some(true)));
    }
    let unread: Vec<String> = facts
        .target_tables
        .iter()
        .filter(|t| t.has_rows.is_none())
        .map(|t| t.name.to_string())
        .collect();
    if !unread.is_empty() {
        return failed(
            format!(
                "tables at the target cannot be looked into: {}",
                some_of(&unread)
            ),
            "Grant what DB_ACCOUNT_WRITER_PRIVILEGE names.",
        )
        .about(named(facts, |t| t.has_rows.is_none()));
    }
    passed("no table at the target holds rows")
}

/// The names of the tables at the target that a rule picks.
fn named(facts: &Facts, is: impl Fn(&TargetTable) -> bool) -> Vec<&TableName> {
    let picked = facts.target_tables.iter().filter(|table| is(table));
    picked.map(|table| &table.name).collect()
}

/// Triggers would run for rows whose effects are moved anyway.
pub fn trigger(facts: &Facts) -> Verdict {
    let with: Vec<String> = facts
        .target_tables
        .iter()
        .filter(|t| !t.triggers.is_empty())
        .map(|t| format!("{} on {}", t.triggers.join(", "), t.name))
        .collect();
    if with.is_empty() {
        return passed("no triggers at the target");
    }
    failed(
        format!("triggers on tables at the target: {}", some_of(&with)),
        "Drop them, and make them again when the application is switched over.",
    )
    .about(named(facts, |t| !t.triggers.is_empty()))
}

/// Servers that refuse tables without a primary key.
pub fn key_required(facts: &Facts) -> Verdict {
    let required = ["sql_require_primary_key", "innodb_force_primary_key"]
        .into_iter()
        .find(|name| facts.target.settings.is_on(name) == Some(true));
    let keyless: Vec<String> = facts
        .tables
        .iter()
        .filter(|t| t.keyless)
        .map(|t| t.name.to_string())
        .collect();
    match (required, keyless.is_empty()) {
        (Some(name), false) if facts.scope.structure => failed(
            format!(
                "{name} is ON at the target, which refuses tables without a key: {}",
                some_of(&keyless)
            ),
            format!(
                "SET GLOBAL {name} = OFF at the target, give the tables a primary key, or exclude them."
            ),
        )
        .about(facts.tables.iter().filter(|t| t.keyless).map(|t| &t.name)),
        (_, false) => warning(
            format!("tables without a key: {}", some_of(&keyless)),
            "They are moved correctly, but changes to them are applied one after another. A primary key makes them faster.",
        ),
        (_, true) => passed("every table has a key"),
    }
}

/// Names that differ by case only, or that change their case.
pub fn lower_case_table_names(facts: &Facts) -> Verdict {
    let of = |server: &ServerFacts| {
        server
            .settings
            .number("lower_case_table_names")
            .unwrap_or(0.0) as i64
    };
    let (source, target) = (of(&facts.source), of(&facts.target));
    if source == target {
        return passed(format!("lower_case_table_names is {target} on both sides"));
    }
    let what =
        format!("lower_case_table_names is {source} at the source and {target} at the target");
    if source == 0 {
        let collide = facts.names_that_collide();
        if !collide.is_empty() {
            return failed(
                format!(
                    "{what}: the target takes for the same {}",
                    some_of(&collide)
                ),
                "Rename one of each at the source, or exclude it.",
            );
        }
        let names = facts
            .tables
            .iter()
            .map(|t| &t.name)
            .chain(&facts.views)
            .map(ToString::to_string);
        let upper: Vec<String> = names.filter(|n| n.to_lowercase() != *n).collect();
        if upper.is_empty() {
            return passed(format!("{what}; all names are in lower case"));
        }
        return warning(
            format!("{what}: these names become lower case: {}", some_of(&upper)),
            "Nothing, if the application does not look at the case of names.",
        );
    }
    warning(
        what,
        "The application must write names in one case once it is switched over: the target tells cases apart.",
    )
}

/// Character sets and collations that the target lacks.
pub fn charset(facts: &Facts) -> Verdict {
    let all: BTreeSet<&(String, String)> =
        facts.tables.iter().flat_map(|t| &t.collations).collect();
    let changed: Vec<String> = all
        .into_iter()
        .filter_map(|(charset, collation)| {
            let to = map_charset(charset, collation, &facts.target_ddl);
            (to.collation != *collation).then(|| format!("{collation} becomes {}", to.collation))
        })
        .collect();
    if changed.is_empty() {
        return passed("the target has all character sets and collations");
    }
    warning(
        format!("the target lacks some collations: {}", some_of(&changed)),
        "Texts may sort otherwise there. Values of a unique key that the target's collation takes for the same are refused, which stops the move at the named table.",
    )
}

/// Sessions of the move are in UTC; the application's are not.
pub fn timezone(facts: &Facts) -> Verdict {
    let of = |server: &ServerFacts| {
        let text = |name| server.settings.text(name).unwrap_or("unknown").to_owned();
        match text("time_zone").as_str() {
            "SYSTEM" => text("system_time_zone"),
            zone => zone.to_owned(),
        }
    };
    let normal = |zone: &str| {
        if matches!(zone, "UTC" | "GMT" | "+00:00" | "Etc/UTC") {
            "UTC".to_owned()
        } else {
            zone.to_owned()
        }
    };
    let (source, target) = (of(&facts.source), of(&facts.target));
    if normal(&source) == normal(&target) {
        return passed(format!("time zone {target} on both sides"));
    }
    warning(
        format!("the time zone is {source} at the source and {target} at the target"),
        "The move itself is not concerned (its sessions use UTC). SET GLOBAL time_zone at the target before the application is switched over.",
    )
}

/// Clocks that agree.
pub fn time_sync(facts: &Facts) -> Verdict {
    let difference = facts.source.clock_ms - facts.target.clock_ms;
    if difference.abs() <= MAX_CLOCK_DIFFERENCE_MS {
        return passed(format!("the clocks differ by {} ms", difference.abs()));
    }
    warning(
        format!(
            "the clocks of source and target differ by {:.1} s",
            difference as f64 / 1000.0
        ),
        "Synchronise the clocks (NTP): defaults like CURRENT_TIMESTAMP jump when the application is switched over.",
    )
}

/// Rows that the source takes and the target might not.
pub fn max_allowed_packet(facts: &Facts) -> Verdict {
    let of =
        |server: &ServerFacts| server.settings.number("max_allowed_packet").unwrap_or(0.0) as u64;
    let (source, target) = (of(&facts.source), of(&facts.target));
    if target == 0 || target >= source {
        return passed(format!("{} MiB at the target", target >> 20));
    }
    warning(
        format!(
            "max_allowed_packet is {} MiB at the source and {} MiB at the target",
            source >> 20,
            target >> 20
        ),
        format!(
            "SET GLOBAL max_allowed_packet = {source} at the target: a row that does not fit stops the move."
        ),
    )
}
