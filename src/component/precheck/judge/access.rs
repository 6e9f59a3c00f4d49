//! What the accounts may do.

use super::{Verdict, failed, passed, warning};
use crate::component::precheck::facts::{Facts, ServerFacts, some_of};
use crate::datasource::mysql::Flavour;
use crate::datasource::mysql::privileges::May;
use crate::model::table::quote_ident;
use std::collections::BTreeMap;

/// Rights that were asked for: what lacks, by object, and what is not known.
#[derive(Default)]
struct Rights {
    lacking: BTreeMap<String, Vec<&'static str>>,
    unknown: BTreeMap<String, Vec<&'static str>>,
}

impl Rights {
    fn ask(&mut self, right: &'static str, on: &str, may: May) {
        let list = match may {
            May::Yes => return,
            May::No => &mut self.lacking,
            May::Unknown => &mut self.unknown,
        };
        list.entry(on.to_owned()).or_default().push(right);
    }

    fn verdict(self, server: &ServerFacts, fine: &str) -> Verdict {
        let grants = |rights: &BTreeMap<String, Vec<&str>>| -> Vec<String> {
            rights
                .iter()
                .map(|(on, rights)| {
                    format!("GRANT {} ON {on} TO {}", rights.join(", "), account(server))
                })
                .collect()
        };
        if !self.lacking.is_empty() {
            let what: Vec<String> = self
                .lacking
                .iter()
                .map(|(on, rights)| format!("{} on {on}", rights.join(", ")))
                .collect();
            return failed(
                format!("the account {} lacks {}", server.account, some_of(&what)),
                format!("{};", grants(&self.lacking).join("; ")),
            );
        }
        if !self.unknown.is_empty() {
            return warning(
                format!(
                    "the server does not show what the roles of {} may do",
                    server.account
                ),
                format!(
                    "Make sure that they hold what these would give: {};",
                    grants(&self.unknown).join("; ")
                ),
            );
        }
        passed(fine)
    }
}

/// `'user'@'host'`, quoted.
fn account(server: &ServerFacts) -> String {
    let quote = |text: &str| format!("'{}'", text.replace('\'', "''"));
    match server.account.rsplit_once('@') {
        Some((user, host)) => format!("{}@{}", quote(user), quote(host)),
        None => quote(&server.account),
    }
}

fn on_schema(schema: &str) -> String {
    format!("{}.*", quote_ident(schema))
}

/// SELECT on everything in scope; SHOW VIEW on the views.
pub fn full_read(facts: &Facts) -> Verdict {
    let grants = &facts.source.grants;
    let mut rights = Rights::default();
    if facts.tables.is_empty() && facts.views.is_empty() {
        // an account sees only what it has a right on
        for schema in &facts.named_schemas {
            rights.ask(
                "SELECT",
                &on_schema(schema),
                grants.on_schema("SELECT", schema),
            );
        }
    }
    for name in facts.tables.iter().map(|t| &t.name).chain(&facts.views) {
        let may = grants.on_table("SELECT", &name.schema, &name.name);
        rights.ask("SELECT", &name.quoted(), may);
    }
    for view in &facts.views {
        let may = grants.on_table("SHOW VIEW", &view.schema, &view.name);
        rights.ask("SHOW VIEW", &view.quoted(), may);
    }
    rights.verdict(&facts.source, "the account may read everything in scope")
}

/// MySQL says at which position a snapshot is only while the table is locked.
pub fn lock_tables(facts: &Facts) -> Verdict {
    let keyless: Vec<_> = facts.tables.iter().filter(|t| t.keyless).collect();
    if !facts.scope.full || facts.source.flavour != Flavour::MySql || keyless.is_empty() {
        return passed("no table has to be locked");
    }
    let mut rights = Rights::default();
    for schema in facts
        .schemas
        .iter()
        .filter(|s| keyless.iter().any(|t| t.name.schema == **s))
    {
        let may = facts.source.grants.on_schema("LOCK TABLES", schema);
        rights.ask("LOCK TABLES", &on_schema(schema), may);
    }
    let mut verdict = rights.verdict(
        &facts.source,
        "the account may lock the tables without a key for a moment",
    );
    if !verdict.remedy.is_empty() {
        let names = Facts::named(keyless.iter().map(|t| &t.name));
        verdict.message = format!(
            "{}; it is needed for tables without a key: {names}",
            verdict.message
        );
        verdict.remedy = format!("{} Or give the tables a primary key.", verdict.remedy);
    }
    verdict
}

/// To pull the log as a replica, and to ask for its end.
pub fn incr_read(facts: &Facts) -> Verdict {
    if !facts.scope.incr {
        return passed("the log is not needed");
    }
    let elsewhere = facts.log.elsewhere.as_ref();
    let grants = match elsewhere.map(|at| at.grants.as_ref()) {
        None => &facts.source.grants,
        Some(Some(grants)) => grants,
        // a service has no grants of its own, and whether it was reached is another item's business
        Some(None) => return passed("the binlog address says by itself who may read the log"),
    };
    let mut rights = Rights::default();
    rights.ask(
        "REPLICATION SLAVE",
        "*.*",
        grants.globally("REPLICATION SLAVE"),
    );
    // MariaDB calls it BINLOG MONITOR since 10.5 and takes both names
    let client =
        ["REPLICATION CLIENT", "BINLOG MONITOR", "SUPER"].map(|right| grants.globally(right));
    let may = if client.contains(&May::Yes) {
        May::Yes
    } else {
        client[0]
    };
    rights.ask("REPLICATION CLIENT", "*.*", may);
    rights.verdict(&facts.source, "the account may read the log")
}

/// The heartbeat row at the source.
pub fn heartbeat(facts: &Facts) -> Verdict {
    if !facts.scope.incr || !facts.scope.heartbeat {
        return passed("no heartbeat is written");
    }
    if let Some(why) = super::target::refuses_writes(&facts.source) {
        return failed(
            format!("the source takes no writes ({why}), so the heartbeat cannot be written"),
            "Point the source at the primary server, or make this server writable.",
        );
    }
    let grants = &facts.source.grants;
    let mut rights = Rights::default();
    if !facts.heartbeat_table {
        rights.ask("CREATE", "`drc`.*", grants.on_schema("CREATE", "drc"));
    }
    for right in ["SELECT", "INSERT", "UPDATE"] {
        rights.ask(right, "`drc`.*", grants.on_table(right, "drc", "heartbeat"));
    }
    rights.verdict(
        &facts.source,
        "the account may write the heartbeat (drc.heartbeat)",
    )
}

/// Making tables, keys and views, and what DDL in the log will do.
pub fn create(facts: &Facts) -> Verdict {
    if !facts.scope.structure && !facts.scope.incr {
        return passed("nothing is made at the target");
    }
    let mut wanted = vec!["CREATE", "ALTER", "INDEX", "DROP"];
    // OceanBase knows REFERENCES since its 4.2 only, and does not ask for it before
    if facts.tables.iter().any(|t| !t.foreign_keys.is_empty())
        && facts.target.flavour != Flavour::OceanBase
    {
        wanted.push("REFERENCES");
    }
    if !facts.views.is_empty() {
        wanted.push("CREATE VIEW");
    }
    on_target_schemas(
        facts,
        &wanted,
        "the account may make tables, keys and views",
    )
}

/// Writing rows, and reading them for the verification.
pub fn writer(facts: &Facts) -> Verdict {
    let wanted = ["SELECT", "INSERT", "UPDATE", "DELETE"];
    on_target_schemas(facts, &wanted, "the account may write and read rows")
}

fn on_target_schemas(facts: &Facts, wanted: &[&'static str], fine: &str) -> Verdict {
    let mut rights = Rights::default();
    for schema in &facts.schemas {
        for &right in wanted {
            let may = facts.target.grants.on_schema(right, schema);
            rights.ask(right, &on_schema(schema), may);
        }
    }
    rights.verdict(&facts.target, fine)
}

/// The database in which progress is kept together with the rows.
pub fn omstxndb(facts: &Facts) -> Verdict {
    let mut rights = Rights::default();
    for right in ["CREATE", "SELECT", "INSERT", "UPDATE", "DELETE"] {
        rights.ask(
            right,
            "`omstxndb`.*",
            facts.target.grants.on_schema(right, "omstxndb"),
        );
    }
    rights.verdict(
        &facts.target,
        "the account may keep the progress in omstxndb",
    )
}
