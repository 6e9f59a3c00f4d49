//! Sources and targets of every kind.

use oms::component::contract::Finish;
use oms::component::precheck::{ItemStatus, Scope};
use oms::error::Kind as ErrorKind;

use crate::fixture::{check, state};
use crate::harness::server::start_all;
use crate::harness::{Kind, Options, Server};

const SHOP: &str = "CREATE DATABASE shop; CREATE TABLE shop.orders (id INT PRIMARY KEY, v VARCHAR(20)); CREATE VIEW shop.v AS SELECT id FROM shop.orders";

#[tokio::test(flavor = "multi_thread")]
async fn good_servers_pass_and_nothing_is_touched() {
    let [mysql, mariadb, oceanbase] = start_all([
        (Kind::MySql, Options::default()),
        (Kind::MariaDb, Options::default()),
        (Kind::OceanBase, Options::default()),
    ])
    .await;
    mysql.exec(SHOP).await;
    mariadb.exec(SHOP.replace("shop", "store").as_str()).await;
    for (source, target, include) in [
        (&mysql, &oceanbase, "shop.*"),
        (&mysql, &mariadb, "shop.*"),
        (&mariadb, &oceanbase, "store.*"),
        (&mariadb, &mysql, "store.*"),
    ] {
        let before = (state(source).await, state(target).await);
        let (end, log) = check(
            &source.url_with_password(),
            &target.url_with_password(),
            include,
            Scope::default(),
        )
        .await;
        assert_eq!(end.expect("it passes"), Finish::Done);
        assert_eq!(log.with(ItemStatus::Failed), [""; 0]);
        assert_eq!(log.with(ItemStatus::Pending), [""; 0]);
        assert_eq!(
            (state(source).await, state(target).await),
            before,
            "nothing is touched"
        );
    }
    // the warnings say what differs
    let (_, log) = check(&mysql.url(), &oceanbase.url(), "shop.*", Scope::default()).await;
    assert!(
        log.item("DEST-DB_CHARSET")
            .message
            .contains("utf8mb4_0900_ai_ci")
    );
    assert_eq!(
        log.item("DEST-DB_MAX_ALLOWED_PACKET").status,
        ItemStatus::Warning
    );
    // a server is not moved onto itself, whatever its name is
    for server in [&mysql, &mariadb, &oceanbase] {
        let other = server.url().replace("127.0.0.1", "localhost");
        let (end, log) = check(&server.url(), &other, "*.*", Scope::default()).await;
        let error = end.expect_err("the same server");
        assert_eq!(error.kind(), ErrorKind::PrecheckFailed);
        assert_eq!(
            log.item("DEST-LOGIC_TABLE_SAME_SOURCE_AND_DEST").status,
            ItemStatus::Failed
        );
    }
    // OceanBase without its Binlog Service has no log to follow
    oceanbase.exec(SHOP).await;
    let (end, log) = check(
        &oceanbase.url(),
        &mysql.url(),
        "shop.*",
        Scope {
            structure: false,
            full: false,
            ..Scope::default()
        },
    )
    .await;
    assert!(end.is_err());
    assert!(log.item("SOURCE-DB_INCR_LOG").message.contains("OceanBase"));
}

async fn mariadb_source(options: Options) -> (std::sync::Arc<Server>, std::sync::Arc<Server>) {
    let [source, target] = start_all([
        (Kind::MariaDb, options),
        (Kind::MariaDb, Options::default()),
    ])
    .await;
    source.exec(SHOP).await;
    (source, target)
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_that_cannot_be_followed() {
    for (options, says) in [
        (Options::default().no_binlog(), "log_bin is OFF"),
        (
            Options::default().arg("--binlog-format=STATEMENT"),
            "binlog_format is STATEMENT",
        ),
        (
            Options::default().arg("--binlog-row-image=MINIMAL"),
            "binlog_row_image is MINIMAL",
        ),
        (
            Options::default().arg("--binlog-ignore-db=shop"),
            "leaves out the database(s) shop",
        ),
    ] {
        let (source, target) = mariadb_source(options).await;
        let (end, log) = check(&source.url(), &target.url(), "shop.*", Scope::default()).await;
        let error = end.expect_err(says);
        assert_eq!(error.kind(), ErrorKind::PrecheckFailed);
        assert_eq!(
            log.with(ItemStatus::Failed),
            ["SOURCE-DB_INCR_LOG"],
            "{error}"
        );
        assert!(error.to_string().contains(says), "{error}");
        assert!(error.to_string().contains("SOURCE-DB_INCR_LOG"), "{error}");
        // without following, it does not matter
        let scope = Scope {
            incr: false,
            ..Scope::default()
        };
        let (end, _) = check(&source.url(), &target.url(), "shop.*", scope).await;
        assert_eq!(end.expect(says), Finish::Done);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_that_may_too_little() {
    for kind in [Kind::MariaDb, Kind::MySql] {
        let [source, target] =
            start_all([(kind, Options::default()), (kind, Options::default())]).await;
        source.exec(SHOP).await;
        source.exec("CREATE TABLE shop.keyless (a INT); CREATE USER poor@'%' IDENTIFIED BY 'pw'; GRANT SELECT ON shop.orders TO poor@'%'").await;
        target
            .exec("CREATE USER poor@'%' IDENTIFIED BY 'pw'; GRANT SELECT ON shop.* TO poor@'%'")
            .await;
        let poor = |server: &Server| server.url().replace("root@", "poor:pw@");
        let (end, log) = check(&poor(&source), &poor(&target), "shop.*", Scope::default()).await;
        let error = end.expect_err("too few rights");
        assert_eq!(error.kind(), ErrorKind::PrecheckFailed, "{error}");
        let expected = [
            "DEST-DB_ACCOUNT_CREATE_PRIVILEGE",
            "DEST-DB_ACCOUNT_OMSTXNDB_PRIVILEGE",
            "DEST-DB_ACCOUNT_WRITER_PRIVILEGE",
            "SOURCE-DB_ACCOUNT_INCR_READ_PRIVILEGE",
            "SOURCE-DB_INCR_LOG",
            "SOURCE-DB_MYSQL_UPDATE_HEARTBEAT_PRIVILEGE",
        ];
        assert_eq!(log.with(ItemStatus::Failed), expected, "{error}");
        // what the remedies say is enough
        let remedies = |names: &[&str]| -> String {
            names
                .iter()
                .map(|name| log.item(name).remedy)
                .collect::<Vec<_>>()
                .join("\n")
        };
        source.exec(&remedies(&[expected[3], expected[5]])).await;
        target.exec(&remedies(&expected[..3])).await;
        let (end, log) = check(&poor(&source), &poor(&target), "shop.*", Scope::default()).await;
        assert_eq!(end.expect("enough rights"), Finish::Done, "{kind:?}");
        assert_eq!(log.with(ItemStatus::Failed), [""; 0]);
        // an account that sees nothing of the database
        source
            .exec("REVOKE SELECT ON shop.orders FROM poor@'%'")
            .await;
        let (end, _) = check(&poor(&source), &poor(&target), "shop.*", Scope::default()).await;
        let error = end.expect_err("nothing to see");
        assert!(
            error
                .to_string()
                .contains("SOURCE-DB_ACCOUNT_FULL_READ_PRIVILEGE"),
            "{error}"
        );
        // rights through a role; now the account sees the view, too
        target.exec("GRANT CREATE VIEW ON shop.* TO poor@'%'").await;
        source.exec("CREATE ROLE mover; GRANT SELECT, SHOW VIEW, LOCK TABLES ON `sh%`.* TO mover; GRANT mover TO poor@'%'").await;
        let default = if kind == Kind::MySql { "TO" } else { "FOR" };
        let role = if kind == Kind::MySql {
            "'mover'"
        } else {
            "mover"
        };
        source
            .exec(&format!("SET DEFAULT ROLE {role} {default} poor@'%'"))
            .await;
        let (end, _) = check(&poor(&source), &poor(&target), "shop.*", Scope::default()).await;
        assert_eq!(
            end.expect("enough rights by a role"),
            Finish::Done,
            "{kind:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_and_targets_that_do_not_fit() {
    let (source, target) = mariadb_source(Options::default()).await;
    source.exec("CREATE TABLE shop.Orders (id INT PRIMARY KEY) ENGINE=MyISAM; CREATE TABLE shop.far (id INT) ENGINE=MERGE;
        CREATE TABLE shop.child (id INT PRIMARY KEY, o INT, CONSTRAINT cas FOREIGN KEY (o) REFERENCES shop.orders (id) ON DELETE CASCADE)").await;
    target.exec("CREATE DATABASE shop; CREATE TABLE shop.orders (id INT PRIMARY KEY, v VARCHAR(20)); INSERT INTO shop.orders VALUES (1, ''); CREATE TABLE shop.child (id INT PRIMARY KEY, o INT);
        CREATE TRIGGER shop.trg BEFORE INSERT ON shop.child FOR EACH ROW SET NEW.o = 1; SET GLOBAL read_only = 1").await;
    target
        .exec("CREATE USER w@'%'; GRANT ALL ON shop.* TO w@'%'; GRANT ALL ON omstxndb.* TO w@'%'")
        .await;
    let writer = target.url().replace("root@", "w@");
    let (end, log) = check(&source.url(), &writer, "shop.*", Scope::default()).await;
    let error = end.expect_err("much is wrong");
    let failed = log.with(ItemStatus::Failed);
    for name in [
        "DEST-DB_SERVICE_STATUS",
        "DEST-RDB_TABLE_EMPTY",
        "DEST-DB_TRIGGER",
        "SOURCE-DB_ENGINE",
        "SOURCE-DB_FOREIGN_REFERENCE",
    ] {
        assert!(failed.contains(&name.to_owned()), "{name}: {error}");
    }
    assert_eq!(failed.len(), 5, "{failed:?}");
    assert!(
        log.item("SOURCE-DB_FOREIGN_REFERENCE")
            .message
            .contains("cas of shop.child ON DELETE CASCADE")
    );
    assert!(
        log.item("DEST-DB_TRIGGER")
            .message
            .contains("trg on shop.child")
    );
    assert!(log.item("SOURCE-DB_ENGINE").message.contains("shop.far"));
    assert!(log.item("SOURCE-DB_FOREIGN_REFERENCE").skippable);
}

/// The log's settings and rights are those of who serves it.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_served_elsewhere_is_looked_at_there() {
    let [primary, log, target] = start_all([
        (Kind::MySql, Options::default().no_binlog()),
        (Kind::MySql, Options::default()),
        (Kind::MariaDb, Options::default()),
    ])
    .await;
    primary.exec(SHOP).await;
    let source = format!("{}?binlog-address=127.0.0.1:{}", primary.url(), log.port());
    let state_of = || async { (state(&primary).await, state(&log).await) };
    let before = state_of().await;
    let (end, items) = check(&source, &target.url(), "shop.*", Scope::default()).await;
    assert_eq!(end.expect("it passes"), Finish::Done);
    let item = items.item("SOURCE-DB_INCR_LOG");
    let says = format!("from the log at 127.0.0.1:{}", log.port());
    assert!(item.message.contains(&says), "{item:?}");
    assert_eq!(state_of().await, before, "nothing is touched");

    let failed = async |says: &str| {
        let (end, items) = check(&source, &target.url(), "shop.*", Scope::default()).await;
        assert_eq!(end.expect_err(says).kind(), ErrorKind::PrecheckFailed);
        let item = items.item("SOURCE-DB_INCR_LOG");
        assert_eq!(item.status, ItemStatus::Failed, "{item:?}");
        assert!(item.message.contains(says), "{item:?}");
    };
    log.exec("SET GLOBAL binlog_row_image = 'MINIMAL'").await;
    failed("binlog_row_image is MINIMAL").await;
    log.kill9();
    failed("at the binlog address").await;
}
