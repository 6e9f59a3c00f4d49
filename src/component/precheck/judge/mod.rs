//! From facts to items: pure functions, one for each row of a table.

mod access;
mod objects;
mod source_log;
mod target;

use super::facts::Facts;
use super::item::{EndpointType, Item, ItemStatus};
use crate::model::params::SkippableFlags;
use crate::model::precheck::NEVER_SKIPPED;
use crate::model::table::TableName;
use EndpointType::{Dest, Source};

/// What a judge says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    status: ItemStatus,
    message: String,
    remedy: String,
    /// The objects without which it would pass, where it is about single ones.
    objects: Vec<TableName>,
}

impl Verdict {
    /// Names the objects without which it would pass.
    fn about<'a>(mut self, objects: impl IntoIterator<Item = &'a TableName>) -> Self {
        self.objects = objects.into_iter().cloned().collect();
        self
    }
}

fn passed(message: impl Into<String>) -> Verdict {
    Verdict {
        status: ItemStatus::Passed,
        message: message.into(),
        remedy: String::new(),
        objects: Vec::new(),
    }
}

fn warning(message: impl Into<String>, remedy: impl Into<String>) -> Verdict {
    Verdict {
        status: ItemStatus::Warning,
        message: message.into(),
        remedy: remedy.into(),
        objects: Vec::new(),
    }
}

fn failed(message: impl Into<String>, remedy: impl Into<String>) -> Verdict {
    Verdict {
        status: ItemStatus::Failed,
        message: message.into(),
        remedy: remedy.into(),
        objects: Vec::new(),
    }
}

/// A row of the table: name, side, what happens where it is skipped (empty: it cannot be), judge.
struct Check(
    &'static str,
    EndpointType,
    &'static str,
    fn(&Facts) -> Verdict,
);

/// The item that says whether a side can be reached.
pub const CONNECT: &str = "RDB_CONNECT";
/// The item that says whether a rule matches anything.
pub const TABLE_EXIST: &str = "RDB_TABLE_EXIST";

const CHECKS: &[Check] = &[
    Check(CONNECT, Source, "", |f| target::connected(&f.source)),
    Check(CONNECT, Dest, "", |f| target::connected(&f.target)),
    Check("DB_VERSION", Source, "", source_log::version),
    Check("DB_VERSION", Dest, "", target::version),
    Check("RDB_SCHEMA_EXIST", Source, "", objects::schema_exist),
    Check(TABLE_EXIST, Source, "", objects::table_exist),
    Check(
        "DB_ACCOUNT_FULL_READ_PRIVILEGE",
        Source,
        "",
        access::full_read,
    ),
    Check(
        "DB_ACCOUNT_LOCK_TABLES_PRIVILEGE",
        Source,
        "The copy of tables without a key stops until they have one or the right is granted.",
        access::lock_tables,
    ),
    Check(
        "DB_ACCOUNT_INCR_READ_PRIVILEGE",
        Source,
        "",
        access::incr_read,
    ),
    Check("DB_INCR_LOG", Source, "", source_log::incr_log),
    Check("DB_MASTER_SLAVE", Source, "", source_log::master_slave),
    Check(
        "DB_MYSQL_UPDATE_HEARTBEAT_PRIVILEGE",
        Source,
        "",
        access::heartbeat,
    ),
    Check("DB_SQL_MODE", Source, "", source_log::sql_mode),
    Check(
        "DB_ENGINE",
        Source,
        "Rows of tables without transactions are copied while they change; what the copy misses is found by the verification only.",
        objects::engine,
    ),
    Check(
        "DB_DATA_TYPE",
        Source,
        "The named tables are not made; their tasks fail in STRUCT_TRANSFER and can be skipped there.",
        objects::data_type,
    ),
    Check(
        "DB_FOREIGN_REFERENCE",
        Source,
        "Rows that the source deletes or changes by a cascade stay as they are at the target.",
        objects::foreign_reference,
    ),
    Check(
        "LOGIC_TABLE_SAME_SOURCE_AND_DEST",
        Dest,
        "",
        target::same_server,
    ),
    Check("DB_SERVICE_STATUS", Dest, "", target::service_status),
    Check("DB_ACCOUNT_CREATE_PRIVILEGE", Dest, "", access::create),
    Check("DB_ACCOUNT_WRITER_PRIVILEGE", Dest, "", access::writer),
    Check("DB_ACCOUNT_OMSTXNDB_PRIVILEGE", Dest, "", access::omstxndb),
    Check(TABLE_EXIST, Dest, "", target::table_exist),
    Check("RDB_TABLE_EMPTY", Dest, "", target::table_empty),
    Check(
        "DB_TRIGGER",
        Dest,
        "The triggers run again for every row that is moved, and make differences.",
        target::trigger,
    ),
    Check("DB_UK_INDEX", Dest, "", target::key_required),
    Check(
        "DB_LOWER_CASE_TABLE_NAMES",
        Dest,
        "",
        target::lower_case_table_names,
    ),
    Check("DB_CHARSET", Dest, "", target::charset),
    Check("DB_TIMEZONE", Dest, "", target::timezone),
    Check("DB_TIME_SYNC", Dest, "", target::time_sync),
    Check(
        "DB_MAX_ALLOWED_PACKET",
        Dest,
        "",
        target::max_allowed_packet,
    ),
];

/// What happens where an item is skipped that only the parameter `precheck.skippable_flags` makes
/// skippable.
const FLAGGED: &str =
    "What the item would have prevented happens later: a step fails, or both sides differ.";

/// The items before anything is known.
pub fn pending(flags: &SkippableFlags) -> Vec<Item> {
    let item = |Check(name, side, consequence, _): &Check| {
        let mut item = Item {
            name,
            endpoint_type: *side,
            status: ItemStatus::Pending,
            message: String::new(),
            remedy: String::new(),
            skippable: !consequence.is_empty(),
            skip_consequence: consequence,
            objects: Vec::new(),
        };
        let full_name = item.full_name();
        if let Some(skippable) = flags.of(&full_name) {
            item.skippable = skippable && !NEVER_SKIPPED.contains(&full_name.as_str());
        }
        if item.skippable && item.skip_consequence.is_empty() {
            item.skip_consequence = FLAGGED;
        }
        item
    };
    CHECKS.iter().map(item).collect()
}

/// Judges the facts.
pub fn judge(facts: &Facts) -> Vec<Item> {
    CHECKS
        .iter()
        .zip(pending(&facts.scope.flags))
        .map(|(Check(.., judge), mut item)| {
            let verdict = judge(facts);
            item.status = verdict.status;
            item.message = verdict.message;
            item.remedy = verdict.remedy;
            item.objects = verdict.objects;
            if item.status == ItemStatus::Failed
                && item.skippable
                && facts.scope.skip.contains(&item.full_name())
            {
                item.status = ItemStatus::Warning;
                item.message = format!("skipped: {}; {}", item.message, item.skip_consequence);
            }
            item
        })
        .collect()
}

#[cfg(test)]
mod tests;
