//! The source: its version, its log, and whether it has all changes in it.

use super::{Verdict, failed, passed, warning};
use crate::component::precheck::facts::{Facts, some_of};
use crate::datasource::mysql::Flavour;

/// A log that is kept for a shorter time may be purged while the copy runs, hours.
const MIN_RETENTION_HOURS: f64 = 24.0;

/// Versions whose log and catalogue are understood.
pub fn version(facts: &Facts) -> Verdict {
    let source = &facts.source;
    let oldest = match source.flavour {
        Flavour::MySql => (5, 7, 0),
        Flavour::MariaDb => (10, 2, 0),
        Flavour::OceanBase => (0, 0, 0),
    };
    if source.numbers < oldest {
        return failed(
            format!("{} is older than {}.{}", source.version, oldest.0, oldest.1),
            "Upgrade the source.",
        );
    }
    passed(format!("{} {}", source.flavour, source.version))
}

/// Everything that reading rows from the log needs.
pub fn incr_log(facts: &Facts) -> Verdict {
    if !facts.scope.incr {
        return passed("the log is not needed");
    }
    if facts.source.flavour == Flavour::OceanBase && facts.log.elsewhere.is_none() {
        return failed(
            "this OceanBase gives no MySQL log",
            "Deploy OceanBase's Binlog Service and give the data source its address (binlogAddress), or move without following.",
        );
    }
    if let (Some(at), Some(refusal)) = (&facts.log.elsewhere, &facts.log.refusal) {
        return failed(
            format!(
                "the log cannot be read at the binlog address {}: {refusal}",
                at.address
            ),
            "See that the address serves the log of this database, and that the account may read it there; or make the data source anew without the address.",
        );
    }
    let settings = facts.log_settings();
    let mut wrong = Vec::new();
    if settings.is_on("log_bin") == Some(false) {
        return failed(
            "log_bin is OFF: the source writes no binary log",
            "Set log_bin, binlog_format=ROW, binlog_row_image=FULL and a server_id in the server's configuration, and restart it.",
        );
    }
    for (name, wanted) in [
        ("binlog_format", "ROW"),
        ("binlog_row_image", "FULL"),
        ("binlog_row_value_options", ""),
    ] {
        match settings.text(name) {
            Some(value) if !value.eq_ignore_ascii_case(wanted) => wrong.push((
                format!("{name} is {value}"),
                format!("SET GLOBAL {name} = '{wanted}';"),
            )),
            _ => {}
        }
    }
    if settings.text("server_id") == Some("0") {
        wrong.push((
            "server_id is 0, so that no replica is served".to_owned(),
            "SET GLOBAL server_id = 1;".to_owned(),
        ));
    }
    if !wrong.is_empty() {
        let (what, remedy): (Vec<String>, Vec<String>) = wrong.into_iter().unzip();
        return failed(
            what.join("; "),
            format!(
                "{} Sessions that are open keep the old value: let the application connect anew.",
                remedy.join(" ")
            ),
        );
    }
    filtered(facts)
        .or_else(|| unseen(facts))
        .or_else(|| purged(facts))
        .unwrap_or_else(|| passed(described(facts)))
}

/// A log that leaves out databases in scope.
fn filtered(facts: &Facts) -> Option<Verdict> {
    let mut needed: Vec<String> = facts.schemas.iter().cloned().collect();
    if facts.scope.heartbeat {
        needed.push("drc".to_owned());
    }
    let is_out = |schema: &String| {
        facts.log.without.contains(schema)
            || (!facts.log.only.is_empty() && !facts.log.only.contains(schema))
    };
    let out: Vec<String> = needed.into_iter().filter(is_out).collect();
    (!out.is_empty()).then(|| {
        failed(
            format!("the log leaves out the database(s) {}", some_of(&out)),
            "Take them out of binlog_ignore_db, or add them to binlog_do_db, in the server's configuration, and restart it.",
        )
    })
}

fn unseen(facts: &Facts) -> Option<Verdict> {
    let refusal = facts.log.refusal.as_ref()?;
    Some(failed(
        format!("the end of the log cannot be seen: {refusal}"),
        "Grant what DB_ACCOUNT_INCR_READ_PRIVILEGE names, and check again.",
    ))
}

fn purged(facts: &Facts) -> Option<Verdict> {
    let hours = facts.log_settings().log_retention_hours()?;
    (hours > 0.0 && hours < MIN_RETENTION_HOURS).then(|| {
        warning(
            format!("the source keeps its log for {hours:.1} hours only"),
            "Keep it for 24 hours or more (binlog_expire_logs_seconds, expire_logs_days): what is purged before it was pulled cannot be followed.",
        )
    })
}

fn described(facts: &Facts) -> String {
    let settings = facts.log_settings();
    let gtid = match (facts.source.flavour, settings.text("gtid_mode")) {
        (Flavour::MariaDb, _) => "positions with GTIDs".to_owned(),
        (_, Some(mode)) => format!("gtid_mode is {mode}"),
        _ => "no GTIDs".to_owned(),
    };
    let kept = match settings.log_retention_hours() {
        Some(0.0) => "kept for ever".to_owned(),
        Some(hours) => format!("kept for {hours:.0} hours"),
        None => "kept for a time that the server does not say".to_owned(),
    };
    let from = match &facts.log.elsewhere {
        Some(at) if at.is_service => format!("from the Binlog Service at {}, ", at.address),
        Some(at) => format!("from the log at {}, ", at.address),
        None => String::new(),
    };
    format!("{from}rows with full images, {gtid}, {kept}")
}

/// A replica's log has what it replicates only with `log_slave_updates`.
pub fn master_slave(facts: &Facts) -> Verdict {
    let settings = facts.log_settings();
    if !facts.scope.incr || facts.source.flavour == Flavour::OceanBase {
        return passed("not a replica whose log is read");
    }
    let logs = settings
        .is_on("log_replica_updates")
        .or_else(|| settings.is_on("log_slave_updates"))
        .unwrap_or(true);
    // what serves another server's log has it by replication
    let is_replica = match &facts.log.elsewhere {
        Some(_) => Some(true),
        None => facts.log.is_replica,
    };
    match (is_replica, logs) {
        (_, true) | (Some(false), _) => passed("the log has all changes"),
        (Some(true), false) => failed(
            "the log is a replica's, and has not what it replicates (log_slave_updates is OFF)",
            "Set log_slave_updates=ON in the server's configuration and restart it, or point the source at the primary server.",
        ),
        (None, false) => warning(
            "log_slave_updates is OFF, and the account may not ask whether the source is a replica",
            "Make sure that the source is no replica of another server.",
        ),
    }
}

/// What the application will meet at the target.
pub fn sql_mode(facts: &Facts) -> Verdict {
    let strict = |settings: &crate::datasource::mysql::settings::Settings| {
        settings.has_mode("sql_mode", "STRICT_TRANS_TABLES")
            || settings.has_mode("sql_mode", "STRICT_ALL_TABLES")
    };
    if strict(&facts.target.settings) && !strict(&facts.source.settings) {
        return warning(
            "the source cuts values that do not fit (no STRICT mode in sql_mode), the target refuses them",
            "The move itself is not concerned. Set the application's sql_mode before it is switched over.",
        );
    }
    for mode in ["ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "PIPES_AS_CONCAT"] {
        if facts.source.settings.has_mode("sql_mode", mode)
            && !facts.target.settings.has_mode("sql_mode", mode)
        {
            return warning(
                format!("sql_mode has {mode} at the source but not at the target"),
                "The move itself is not concerned. Set the application's sql_mode before it is switched over.",
            );
        }
    }
    passed("sessions of the move set their own sql_mode")
}
