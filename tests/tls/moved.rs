//! A whole migration between servers that take nothing but TLS with a client certificate: copy, log,
//! apply and verification.

use std::time::Duration;

use mysql_async::prelude::Queryable;

use crate::harness::server::{start_all, wait_for_value};
use crate::harness::{Kind, Migration, Rm, Server, same_rows};
use crate::{file, with_certificate};

const MINUTES: Duration = Duration::from_secs(180);

const SCHEMA: &str = "CREATE DATABASE shop; \
    CREATE TABLE shop.orders (id INT PRIMARY KEY, v VARCHAR(40), t DATETIME(3)); \
    CREATE TABLE shop.loose (n INT, v VARCHAR(40)); \
    INSERT INTO shop.orders SELECT s.seq, CONCAT('v', s.seq), '2024-02-03 04:05:06.789' FROM \
      (SELECT a.n + 10 * b.n + 100 * c.n + 1000 * d.n AS seq FROM \
       (SELECT 0 n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 \
        UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9) a, \
       (SELECT 0 n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 \
        UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9) b, \
       (SELECT 0 n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4 \
        UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9) c, \
       (SELECT 0 n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3) d) s; \
    INSERT INTO shop.loose SELECT id % 50, v FROM shop.orders WHERE id < 300";

/// An account that needs a client certificate, at a server that takes no plain connection but the one
/// that is given back.
async fn strict(server: &Server) -> mysql_async::Conn {
    let mut operator = server.conn().await;
    for sql in [
        "CREATE USER mover IDENTIFIED BY 'moving-secret' REQUIRE X509",
        "GRANT ALL ON *.* TO mover WITH GRANT OPTION",
        "SET GLOBAL require_secure_transport = ON",
    ] {
        operator.query_drop(sql).await.expect(sql);
    }
    let plain = server.try_conn().await;
    plain.expect_err("nobody else gets in without TLS");
    operator
}

fn url(server: &Server, query: &str) -> String {
    let file = |name: &str| file(name).display().to_string();
    format!(
        "mysql://mover@127.0.0.1:{}?{query}&ssl-ca={}&ssl-cert={}&ssl-key={}",
        server.port(),
        file("ca.pem"),
        file("client.pem"),
        file("client.key")
    )
}

async fn moved(from: Kind, to: Kind) {
    let [source, target] = start_all([
        (from, with_certificate("server")),
        (to, with_certificate("stranger")),
    ])
    .await;
    source.exec(SCHEMA).await;
    let mut at_source = strict(&source).await;
    let mut at_target = strict(&target).await;
    let migration = Migration::new(
        url(&source, "ssl-mode=VERIFY_IDENTITY"),
        url(&target, "ssl-mode=VERIFY_CA"),
    )
    .include("shop.*")
    .env("OMS_SOURCE_PASSWORD", "moving-secret")
    .env("OMS_TARGET_PASSWORD", "moving-secret");
    let mut running = migration.start("forever");
    let rm = Rm::appears(&migration.rm()).await;
    rm.reaches("INCR_TRANSFER", &["MONITORING"], MINUTES).await;
    for sql in [
        "INSERT INTO shop.orders VALUES (100001, 'later', NOW(3))",
        "UPDATE shop.orders SET v = 'changed' WHERE id = 17",
        "DELETE FROM shop.orders WHERE id = 18",
        "DELETE FROM shop.loose WHERE n = 3",
    ] {
        at_source.query_drop(sql).await.expect(sql);
    }
    let all =
        "SELECT CONCAT(COUNT(*), ' ', SUM(v = 'changed'), ' ', SUM(v = 'later')) FROM shop.orders";
    let deadline = tokio::time::Instant::now() + MINUTES;
    let mut seen: Option<String> = None;
    while seen.as_deref() != Some("4000 1 1") {
        assert!(
            tokio::time::Instant::now() < deadline,
            "{seen:?}: {}",
            running.everything()
        );
        seen = at_target.query_first(all).await.expect("counted");
        tokio::task::yield_now().await;
    }
    rm.reaches("FULL_VERIFIER", &["FINISHED"], MINUTES).await;
    if from == Kind::MySql {
        // the server's own word for each of our connections, the log's among them
        let sql = "SELECT CONNECTION_TYPE, PROCESSLIST_COMMAND FROM performance_schema.threads \
                   WHERE PROCESSLIST_USER = 'mover'";
        let found: Vec<(String, String)> = at_source.query(sql).await.expect("threads");
        assert!(found.iter().all(|(kind, _)| kind == "SSL/TLS"), "{found:?}");
        let dumps = |command: &str| command.starts_with("Binlog Dump");
        assert!(found.iter().any(|(_, command)| dumps(command)), "{found:?}");
    }
    assert!(running.exited().is_none(), "oms ended: {}", running.said());
    running.signal("TERM");
    running.ended(MINUTES).await.expect(130);
    let rest = migration.caught_up().await.expect(0).json();
    assert_eq!(rest["differences"], 0, "{rest:#}");

    // the key is nowhere in plain text
    let key = std::fs::read_to_string(file("client.key")).expect("a key");
    let secret = key.lines().nth(1).expect("a line of the key").to_owned();
    for entry in std::fs::read_dir(migration.path())
        .expect("a folder")
        .flatten()
    {
        let bytes = std::fs::read(entry.path()).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        for hidden in [&secret[..], "moving-secret", "BEGIN PRIVATE"] {
            assert!(!text.contains(hidden), "{hidden} in {:?}", entry.path());
        }
    }
    for operator in [&mut at_source, &mut at_target] {
        let sql = "SET GLOBAL require_secure_transport = OFF";
        operator.query_drop(sql).await.expect(sql);
    }
    wait_for_value(&target, "SELECT COUNT(*) FROM shop.orders", "4000", MINUTES).await;
    same_rows(&source, &target, "shop").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_mysql_to_mariadb() {
    moved(Kind::MySql, Kind::MariaDb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn from_mariadb_to_mysql() {
    moved(Kind::MariaDb, Kind::MySql).await;
}
