//! The objects in scope.

use super::{Verdict, failed, passed, warning};
use crate::component::precheck::facts::{Facts, TableFacts, some_of};
use crate::datasource::mysql::Flavour;
use crate::model::table::TableName;

/// Databases that the rules name in full.
pub fn schema_exist(facts: &Facts) -> Verdict {
    let missing: Vec<String> = facts
        .named_schemas
        .difference(&facts.schemas)
        .cloned()
        .collect();
    match missing.as_slice() {
        [] => passed(format!("{} database(s)", facts.schemas.len())),
        _ if facts.schemas.is_empty() => failed(
            format!("nothing in scope in database {}", some_of(&missing)),
            "Check the spelling and the case of the include rules, and that the account may see the database.",
        ),
        _ => warning(
            format!("nothing in scope in database {}", some_of(&missing)),
            "Check the spelling and the case of the include rules.",
        ),
    }
}

/// The rules match something.
pub fn table_exist(facts: &Facts) -> Verdict {
    match (facts.tables.len(), facts.views.len()) {
        (0, 0) => failed(
            "no table or view that the account may see matches the include and exclude rules",
            "Check the spelling and the case of the rules, and that the account may read the databases.",
        ),
        (tables, views) => passed(format!("{tables} table(s) and {views} view(s) in scope")),
    }
}

/// What a storage engine means for us.
#[derive(PartialEq, Eq)]
enum Engine {
    /// Transactions and consistent reads.
    Good,
    /// Rows are logged, but a read is not consistent.
    Unsafe,
    /// Its rows are elsewhere, or nowhere.
    None,
}

fn engine_of(table: &TableFacts) -> Engine {
    match table.engine.to_ascii_uppercase().as_str() {
        "INNODB" | "ROCKSDB" | "TOKUDB" | "OCEANBASE" | "" => Engine::Good,
        "MYISAM" | "ARIA" | "MEMORY" | "HEAP" | "CSV" | "ARCHIVE" => Engine::Unsafe,
        _ => Engine::None,
    }
}

/// InnoDB, or what behaves like it.
pub fn engine(facts: &Facts) -> Verdict {
    let shown = |t: &TableFacts| format!("{} ({})", t.name, t.engine);
    let none: Vec<String> = facts
        .tables
        .iter()
        .filter(|t| engine_of(t) == Engine::None)
        .map(shown)
        .collect();
    if !none.is_empty() {
        return failed(
            format!(
                "tables of a storage engine whose rows cannot be moved: {}",
                some_of(&none)
            ),
            "Exclude them, or ALTER TABLE … ENGINE=InnoDB.",
        )
        .about(named(facts, |t| engine_of(t) == Engine::None));
    }
    let at_risk = |t: &&TableFacts| engine_of(t) == Engine::Unsafe;
    let keyless: Vec<String> = facts
        .tables
        .iter()
        .filter(at_risk)
        .filter(|t| t.keyless)
        .map(shown)
        .collect();
    if facts.scope.incr && !keyless.is_empty() {
        return failed(
            format!(
                "tables without a key and without transactions, which cannot be read consistently: {}",
                some_of(&keyless)
            ),
            "ALTER TABLE … ENGINE=InnoDB, give them a primary key, or exclude them.",
        )
        .about(named(facts, |t| at_risk(&t) && t.keyless));
    }
    let others: Vec<String> = facts.tables.iter().filter(at_risk).map(shown).collect();
    if !others.is_empty() {
        return warning(
            format!("tables without transactions: {}", some_of(&others)),
            "ALTER TABLE … ENGINE=InnoDB before the move, or do not write to them while they are copied.",
        );
    }
    passed("all tables have transactions")
}

/// The names of the tables that a rule picks.
fn named(facts: &Facts, is: impl Fn(&TableFacts) -> bool) -> Vec<&TableName> {
    let picked = facts.tables.iter().filter(|table| is(table));
    picked.map(|table| &table.name).collect()
}

/// Definitions that the target can hold.
pub fn data_type(facts: &Facts) -> Verdict {
    let problems: Vec<String> = facts
        .tables
        .iter()
        .filter_map(|t| t.problem.clone())
        .collect();
    if problems.is_empty() {
        return passed("the target has a type for every column");
    }
    failed(
        some_of(&problems),
        "Exclude the tables, change the columns, or make the tables by hand at the target and skip this item.",
    )
    .about(named(facts, |t| t.problem.is_some()))
}

/// Foreign keys whose actions the log does not show.
///
/// InnoDB of MariaDB and of MySQL before 9.6 changes the child rows by itself, below the log. Since
/// 9.6 the SQL layer does it and logs them, unless `innodb_native_foreign_keys` is set. At the
/// target the action does not run, because rows are written without foreign key checks.
pub fn foreign_reference(facts: &Facts) -> Verdict {
    let source = &facts.source;
    let logged = source.flavour == Flavour::MySql
        && source.numbers >= (9, 6, 0)
        && source.settings.is_on("innodb_native_foreign_keys") != Some(true);
    if !facts.scope.incr || logged || source.flavour == Flavour::OceanBase {
        return passed("the log shows what foreign keys change");
    }
    let acts = |action: &Option<String>| {
        action
            .as_deref()
            .is_some_and(|a| !matches!(a.to_ascii_uppercase().as_str(), "RESTRICT" | "NO ACTION"))
    };
    let found: Vec<String> = facts
        .tables
        .iter()
        .flat_map(|table| table.foreign_keys.iter().map(move |key| (table, key)))
        .filter(|(_, key)| acts(&key.on_delete) || acts(&key.on_update))
        .map(|(table, key)| {
            let mut text = format!("{} of {}", key.name, table.name);
            for (event, action) in [("DELETE", &key.on_delete), ("UPDATE", &key.on_update)] {
                if acts(action) {
                    text.push_str(&format!(
                        " ON {event} {}",
                        action.as_deref().unwrap_or_default()
                    ));
                }
            }
            text
        })
        .collect();
    if found.is_empty() {
        return passed("no foreign key changes rows by itself");
    }
    failed(
        format!(
            "foreign keys that change rows by themselves, which {} {} does not write to its log: {}",
            source.flavour,
            source.version,
            some_of(&found)
        ),
        "Change them to RESTRICT for the time of the move and let the application delete or update the child rows, or exclude the child tables; MySQL 9.6 and later log these changes.",
    )
    .about(named(facts, |t| {
        let mut keys = t.foreign_keys.iter();
        keys.any(|key| acts(&key.on_delete) || acts(&key.on_update))
    }))
}
