//! Each judge on facts that pass, warn and fail.

use super::super::facts::{LogFacts, Scope, ServerFacts, TableFacts, TargetTable};
use super::*;
use crate::datasource::mysql::Flavour::{self, MariaDb, MySql, OceanBase};
use crate::datasource::mysql::ddl::Target;
use crate::datasource::mysql::privileges::Grants;
use crate::datasource::mysql::settings::Settings;
use crate::model::table::{ForeignKey, TableName};
use ItemStatus::{Failed, Passed, Warning};
use std::collections::{BTreeMap, BTreeSet};

mod elsewhere;
mod flags;

fn server(flavour: Flavour, settings: &[(&str, &str)]) -> ServerFacts {
    let (version, numbers) = match flavour {
        MySql => ("9.7.0", (9, 7, 0)),
        MariaDb => ("10.11.6-MariaDB", (10, 11, 6)),
        OceanBase => ("5.7.25-OceanBase-v4.3.5.1", (4, 3, 5)),
    };
    ServerFacts {
        flavour,
        version: version.to_owned(),
        numbers,
        account: "app@%".to_owned(),
        settings: variables(settings),
        grants: Grants::parse(["GRANT ALL PRIVILEGES ON *.* TO `app`@`%`"]),
        clock_ms: 3,
    }
}

fn variables(changes: &[(&str, &str)]) -> Settings {
    let mut all: BTreeMap<String, String> = [
        ("log_bin", "ON"),
        ("binlog_format", "ROW"),
        ("binlog_row_image", "FULL"),
        ("binlog_row_value_options", ""),
        ("binlog_expire_logs_seconds", "2592000"),
        ("gtid_mode", "ON"),
        ("server_id", "1"),
        ("log_replica_updates", "ON"),
        ("lower_case_table_names", "0"),
        ("max_allowed_packet", "67108864"),
        ("sql_mode", "STRICT_TRANS_TABLES"),
        ("time_zone", "SYSTEM"),
        ("system_time_zone", "UTC"),
        ("read_only", "OFF"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into();
    for (name, value) in changes {
        all.insert((*name).to_owned(), (*value).to_owned());
    }
    all.into_iter().collect()
}

fn table(name: &str) -> TableFacts {
    TableFacts {
        name: TableName::new("shop", name),
        engine: "InnoDB".into(),
        keyless: false,
        foreign_keys: Vec::new(),
        collations: BTreeSet::from([("utf8mb4".to_owned(), "utf8mb4_general_ci".to_owned())]),
        problem: None,
    }
}

/// Everything as it should be: MySQL 9.7 to OceanBase.
fn good() -> Facts {
    Facts {
        scope: Scope::default(),
        named_schemas: BTreeSet::from(["shop".to_owned()]),
        source: server(MySql, &[]),
        target: server(OceanBase, &[]),
        target_ddl: Target::typical(OceanBase, (4, 3, 5)),
        log: LogFacts {
            is_replica: Some(false),
            ..LogFacts::default()
        },
        schemas: BTreeSet::from(["shop".to_owned()]),
        tables: vec![table("orders"), table("items")],
        views: Vec::new(),
        target_tables: Vec::new(),
        heartbeat_table: false,
        same_server: Some(false),
    }
}

fn item(facts: &Facts, name: &str) -> Item {
    judge(facts)
        .into_iter()
        .find(|item| item.full_name() == name)
        .unwrap_or_else(|| panic!("no item {name}"))
}

/// Changes the good facts; then this item stands so and says this.
#[track_caller]
fn case(name: &str, status: ItemStatus, says: &str, change: impl FnOnce(&mut Facts)) {
    let mut facts = good();
    change(&mut facts);
    let found = item(&facts, name);
    assert_eq!(found.status, status, "{found:?}");
    assert!(found.message.contains(says), "{found:?}");
    assert_eq!(found.remedy.is_empty(), status == Passed, "{found:?}");
}

fn cascade() -> ForeignKey {
    ForeignKey {
        name: "fk".into(),
        columns: vec!["a".into()],
        references: TableName::new("shop", "orders"),
        ref_columns: vec!["id".into()],
        on_delete: Some("CASCADE".into()),
        on_update: Some("RESTRICT".into()),
    }
}

#[test]
fn all_is_well() {
    for item in judge(&good()) {
        assert_eq!(item.status, Passed, "{item:?}");
        assert!(!item.message.is_empty(), "{item:?}");
    }
    let names: BTreeSet<String> = pending(&SkippableFlags::default())
        .iter()
        .map(Item::full_name)
        .collect();
    assert_eq!(
        names.len(),
        pending(&SkippableFlags::default()).len(),
        "names are unique"
    );
}

#[test]
fn the_log() {
    let name = "SOURCE-DB_INCR_LOG";
    for (variable, value, status, says) in [
        ("log_bin", "OFF", Failed, "log_bin is OFF"),
        (
            "binlog_format",
            "STATEMENT",
            Failed,
            "binlog_format is STATEMENT",
        ),
        ("binlog_format", "MIXED", Failed, "MIXED"),
        ("binlog_format", "row", Passed, "gtid_mode is ON"),
        ("binlog_row_image", "MINIMAL", Failed, "MINIMAL"),
        (
            "binlog_row_value_options",
            "PARTIAL_JSON",
            Failed,
            "PARTIAL_JSON",
        ),
        ("server_id", "0", Failed, "server_id"),
        ("binlog_expire_logs_seconds", "3600", Warning, "1.0 hours"),
        ("binlog_expire_logs_seconds", "0", Passed, "for ever"),
    ] {
        case(name, status, says, |f| {
            f.source.settings = variables(&[(variable, value)])
        });
    }
    case(name, Failed, "shop", |f| {
        f.log.without = vec!["shop".into()]
    });
    case(name, Failed, "drc", |f| f.log.only = vec!["shop".into()]);
    case(name, Passed, "", |f| {
        f.log.only = vec!["shop".into(), "drc".into()]
    });
    case(name, Failed, "denied", |f| {
        f.log.refusal = Some("denied".into())
    });
    case(name, Failed, "OceanBase", |f| {
        f.source = server(OceanBase, &[]);
        f.log.refusal = Some("syntax".into());
    });
    case(name, Passed, "not needed", |f| {
        f.scope.incr = false;
        f.source.settings = variables(&[("log_bin", "OFF")]);
    });
}

#[test]
fn replicas() {
    let name = "SOURCE-DB_MASTER_SLAVE";
    let off = || variables(&[("log_replica_updates", "OFF")]);
    case(name, Failed, "replica", |f| {
        f.source.settings = off();
        f.log.is_replica = Some(true);
    });
    case(name, Warning, "may not ask", |f| {
        f.source.settings = off();
        f.log.is_replica = None;
    });
    case(name, Passed, "", |f| f.source.settings = off());
    case(name, Passed, "", |f| f.log.is_replica = Some(true));
}

#[test]
fn privileges() {
    let grants = |lines: &[&str]| Grants::parse(lines.iter().copied());
    let read = &["GRANT SELECT ON `shop`.* TO `app`@`%`"][..];
    case("SOURCE-DB_ACCOUNT_FULL_READ_PRIVILEGE", Passed, "", |f| {
        f.source.grants = grants(read)
    });
    case(
        "SOURCE-DB_ACCOUNT_FULL_READ_PRIVILEGE",
        Failed,
        "SELECT on `shop`.`items`",
        |f| {
            f.source.grants = grants(&["GRANT SELECT ON `shop`.`orders` TO `app`@`%`"]);
        },
    );
    case(
        "SOURCE-DB_ACCOUNT_FULL_READ_PRIVILEGE",
        Failed,
        "SHOW VIEW",
        |f| {
            f.views = vec![TableName::new("shop", "v")];
            f.source.grants = grants(read);
        },
    );
    case(
        "SOURCE-DB_ACCOUNT_INCR_READ_PRIVILEGE",
        Failed,
        "REPLICATION SLAVE, REPLICATION CLIENT on *.*",
        |f| f.source.grants = grants(read),
    );
    case("SOURCE-DB_ACCOUNT_INCR_READ_PRIVILEGE", Passed, "", |f| {
        f.source.grants = grants(&["GRANT REPLICATION SLAVE, BINLOG MONITOR ON *.* TO `app`@`%`"]);
    });
    case(
        "SOURCE-DB_MYSQL_UPDATE_HEARTBEAT_PRIVILEGE",
        Failed,
        "CREATE, SELECT, INSERT, UPDATE on `drc`.*",
        |f| f.source.grants = grants(read),
    );
    case(
        "SOURCE-DB_MYSQL_UPDATE_HEARTBEAT_PRIVILEGE",
        Passed,
        "",
        |f| {
            f.heartbeat_table = true;
            f.source.grants =
                grants(&["GRANT SELECT, INSERT, UPDATE ON `drc`.`heartbeat` TO `app`@`%`"]);
        },
    );
    case(
        "SOURCE-DB_MYSQL_UPDATE_HEARTBEAT_PRIVILEGE",
        Failed,
        "takes no writes",
        |f| {
            f.source.settings = variables(&[("super_read_only", "ON")]);
        },
    );
    case(
        "SOURCE-DB_ACCOUNT_LOCK_TABLES_PRIVILEGE",
        Failed,
        "shop.items",
        |f| {
            f.tables[1].keyless = true;
            f.source.grants = grants(read);
        },
    );
    case("SOURCE-DB_ACCOUNT_LOCK_TABLES_PRIVILEGE", Passed, "", |f| {
        f.source.grants = grants(read)
    });
    case(
        "DEST-DB_ACCOUNT_CREATE_PRIVILEGE",
        Failed,
        "CREATE, ALTER, INDEX, DROP on `shop`.*",
        |f| f.target.grants = grants(read),
    );
    case(
        "DEST-DB_ACCOUNT_WRITER_PRIVILEGE",
        Failed,
        "INSERT, UPDATE, DELETE on `shop`.*",
        |f| f.target.grants = grants(read),
    );
    case(
        "DEST-DB_ACCOUNT_OMSTXNDB_PRIVILEGE",
        Failed,
        "omstxndb",
        |f| f.target.grants = grants(read),
    );
    // a remedy can be pasted
    let mut facts = good();
    facts.target.grants = grants(read);
    let remedy = item(&facts, "DEST-DB_ACCOUNT_WRITER_PRIVILEGE").remedy;
    assert_eq!(
        remedy,
        "GRANT INSERT, UPDATE, DELETE ON `shop`.* TO 'app'@'%';"
    );
}

#[test]
fn objects() {
    case("SOURCE-RDB_TABLE_EXIST", Failed, "no table", |f| {
        f.tables.clear()
    });
    case("SOURCE-RDB_SCHEMA_EXIST", Failed, "shop", |f| {
        f.tables.clear();
        f.schemas.clear();
    });
    case("SOURCE-RDB_SCHEMA_EXIST", Warning, "typo", |f| {
        f.named_schemas.insert("typo".into());
    });
    case("SOURCE-DB_ENGINE", Warning, "MyISAM", |f| {
        f.tables[0].engine = "MyISAM".into()
    });
    case("SOURCE-DB_ENGINE", Failed, "MyISAM", |f| {
        f.tables[0].engine = "MyISAM".into();
        f.tables[0].keyless = true;
    });
    case("SOURCE-DB_ENGINE", Failed, "FEDERATED", |f| {
        f.tables[0].engine = "FEDERATED".into()
    });
    case("SOURCE-DB_DATA_TYPE", Failed, "uuid", |f| {
        f.tables[0].problem = Some("uuid".into())
    });
    case("DEST-DB_UK_INDEX", Warning, "shop.items", |f| {
        f.tables[1].keyless = true
    });
    case("DEST-DB_UK_INDEX", Failed, "sql_require_primary_key", |f| {
        f.tables[1].keyless = true;
        f.target.settings = variables(&[("sql_require_primary_key", "ON")]);
    });
}

#[test]
fn cascades_that_the_log_does_not_show() {
    let name = "SOURCE-DB_FOREIGN_REFERENCE";
    let with = |source: ServerFacts| {
        move |f: &mut Facts| {
            f.source = source;
            f.tables[1].foreign_keys = vec![cascade()];
        }
    };
    let mut old = server(MySql, &[]);
    old.numbers = (8, 4, 3);
    case(
        name,
        Failed,
        "fk of shop.items ON DELETE CASCADE",
        with(old.clone()),
    );
    case(name, Failed, "fk", with(server(MariaDb, &[])));
    case(
        name,
        Passed,
        "",
        with(server(MySql, &[("innodb_native_foreign_keys", "OFF")])),
    );
    case(
        name,
        Failed,
        "fk",
        with(server(MySql, &[("innodb_native_foreign_keys", "ON")])),
    );
    case(name, Passed, "", |f| {
        with(old.clone())(f);
        f.scope.incr = false;
    });
    case(name, Passed, "", |f| {
        with(old.clone())(f);
        f.tables[1].foreign_keys[0].on_delete = Some("no action".into());
    });
    case(name, Failed, "ON UPDATE SET NULL", |f| {
        with(old.clone())(f);
        f.tables[1].foreign_keys[0].on_update = Some("SET NULL".into());
    });
}

#[test]
fn the_target() {
    let there = |has_rows| TargetTable {
        name: TableName::new("shop", "orders"),
        has_rows,
        triggers: Vec::new(),
    };
    case(
        "DEST-LOGIC_TABLE_SAME_SOURCE_AND_DEST",
        Failed,
        "same server",
        |f| f.same_server = Some(true),
    );
    case("DEST-LOGIC_TABLE_SAME_SOURCE_AND_DEST", Warning, "", |f| {
        f.same_server = None
    });
    case("DEST-RDB_TABLE_EMPTY", Failed, "shop.orders", |f| {
        f.target_tables = vec![there(Some(true))]
    });
    case("DEST-RDB_TABLE_EMPTY", Failed, "looked into", |f| {
        f.target_tables = vec![there(None)]
    });
    case("DEST-RDB_TABLE_EMPTY", Passed, "", |f| {
        f.target_tables = vec![there(Some(false))]
    });
    case("DEST-RDB_TABLE_EXIST", Failed, "shop.items", |f| {
        f.scope.structure = false;
        f.target_tables = vec![there(Some(false))];
    });
    case("DEST-DB_TRIGGER", Failed, "t1 on shop.orders", |f| {
        f.target_tables = vec![there(Some(false))];
        f.target_tables[0].triggers = vec!["t1".into()];
    });
    for (variable, status) in [
        ("super_read_only", Failed),
        ("offline_mode", Failed),
        ("read_only", Warning),
    ] {
        case("DEST-DB_SERVICE_STATUS", status, variable, |f| {
            f.target.settings = variables(&[(variable, "ON")])
        });
    }
    case("DEST-DB_SERVICE_STATUS", Failed, "read_only", |f| {
        f.target.settings = variables(&[("read_only", "ON")]);
        f.target.grants = Grants::parse(["GRANT INSERT ON *.* TO `app`@`%`"]);
    });
    case("DEST-DB_TIMEZONE", Warning, "+08:00", |f| {
        f.target.settings = variables(&[("time_zone", "+08:00")])
    });
    case("DEST-DB_TIMEZONE", Passed, "", |f| {
        f.target.settings = variables(&[("time_zone", "+00:00")])
    });
    case("DEST-DB_TIME_SYNC", Warning, "-60.0 s", |f| {
        f.target.clock_ms = 60_003
    });
    case("DEST-DB_MAX_ALLOWED_PACKET", Warning, "16 MiB", |f| {
        f.target.settings = variables(&[("max_allowed_packet", "16777216")])
    });
    case(
        "DEST-DB_CHARSET",
        Warning,
        "utf8mb4_0900_ai_ci becomes",
        |f| {
            f.tables[0]
                .collations
                .insert(("utf8mb4".into(), "utf8mb4_0900_ai_ci".into()));
        },
    );
    case("DEST-DB_VERSION", Failed, "older", |f| {
        f.target.numbers = (2, 2, 0)
    });
    case("SOURCE-DB_VERSION", Failed, "older", |f| {
        f.source.numbers = (5, 5, 62)
    });
    case("SOURCE-DB_SQL_MODE", Warning, "STRICT", |f| {
        f.source.settings = variables(&[("sql_mode", "")])
    });
    case("SOURCE-DB_SQL_MODE", Warning, "NO_BACKSLASH_ESCAPES", |f| {
        f.source.settings = variables(&[("sql_mode", "STRICT_TRANS_TABLES,NO_BACKSLASH_ESCAPES")]);
    });
}

#[test]
fn names_in_lower_case() {
    let name = "DEST-DB_LOWER_CASE_TABLE_NAMES";
    let folds = |f: &mut Facts| f.target.settings = variables(&[("lower_case_table_names", "1")]);
    case(name, Passed, "all names are in lower case", folds);
    case(name, Warning, "shop.Orders", |f| {
        folds(f);
        f.tables[0] = table("Orders");
    });
    case(name, Failed, "shop.items and shop.Items", |f| {
        folds(f);
        f.tables.push(table("Items"));
    });
    case(name, Warning, "is 1 at the source", |f| {
        f.source.settings = variables(&[("lower_case_table_names", "1")])
    });
}

#[test]
fn what_may_be_skipped_says_its_price() {
    let skip = |names: &[&str]| names.iter().map(|&n| n.to_owned()).collect::<BTreeSet<_>>();
    case(
        "SOURCE-DB_FOREIGN_REFERENCE",
        Warning,
        "by a cascade stay",
        |f| {
            f.source = server(MariaDb, &[]);
            f.tables[0].foreign_keys = vec![cascade()];
            f.scope.skip = skip(&["SOURCE-DB_FOREIGN_REFERENCE"]);
        },
    );
    // what cannot be skipped fails all the same
    case("SOURCE-DB_INCR_LOG", Failed, "OFF", |f| {
        f.source.settings = variables(&[("log_bin", "OFF")]);
        f.scope.skip = skip(&["SOURCE-DB_INCR_LOG"]);
    });
}
