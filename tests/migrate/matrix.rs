//! Every pair of servers: the shop moves while the application writes to it.

use std::time::Duration;

use crate::equal::same_schema;
use crate::harness::server::start_all;
use crate::harness::{Kind, Migration, Options, Workload, WorkloadOptions, same_rows, wait_until};

async fn moves(from: Kind, to: Kind) {
    let [source, target] = start_all([(from, Options::default()), (to, Options::default())]).await;
    source.load_shop().await;
    let load = Workload::start(
        source.url(),
        WorkloadOptions {
            rate: Some(120.0),
            ..WorkloadOptions::default()
        },
    );
    let migration = Migration::shop(&source, &target).arg("--incr-verify");

    let live = migration.caught_up().await.expect(0).json();
    assert_eq!(live["result"], "VERIFIED", "{live:#}");
    assert_eq!(live["differences"], 0, "{live:#}");
    assert_eq!(live["tablesCompared"], 17, "{live:#}");
    assert_eq!(
        live["objectsConverted"], 19,
        "a database, 17 tables, a view: {live:#}"
    );
    assert!(live["rowsCopied"].as_u64() > Some(300_000), "{live:#}");

    // Some more changes while nobody follows.
    let before = load.counters().committed;
    let more = || async {
        let done = load.counters().committed;
        if done > before + 100 {
            Ok(Some(()))
        } else {
            Err(done)
        }
    };
    wait_until("100 more transactions", Duration::from_secs(60), more).await;
    let done = load.stop().await;
    assert!(done.committed > 200, "the workload hardly wrote: {done}");

    let rest = migration.caught_up().await.expect(0).json();
    assert_eq!(rest["differences"], 0, "{rest:#}");
    assert_eq!(
        rest["rowsCopied"], live["rowsCopied"],
        "nothing is copied twice"
    );
    same_rows(&source, &target, "shop").await;
    same_schema(&source, &target).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_to_oceanbase() {
    moves(Kind::MySql, Kind::OceanBase).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_to_mysql() {
    moves(Kind::MySql, Kind::MySql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_to_mariadb() {
    moves(Kind::MySql, Kind::MariaDb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_to_oceanbase() {
    moves(Kind::MariaDb, Kind::OceanBase).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_to_mariadb() {
    moves(Kind::MariaDb, Kind::MariaDb).await;
}
