//! The target becomes read-only under way: a clear end, and it goes on when it is writable again.

use std::time::Duration;

use crate::harness::server::start_all;
use crate::harness::{Kind, Migration, Options, Rm, Workload, WorkloadOptions, same_rows};

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_becomes_read_only() {
    let options = Options::default;
    let [source, target] = start_all([(Kind::MariaDb, options()), (Kind::MySql, options())]).await;
    source.load_shop().await;
    let migration = Migration::shop(&source, &target);
    let running = migration.start("forever");
    let rm = Rm::appears(&migration.rm()).await;
    rm.reaches("INCR_TRANSFER", &["MONITORING"], Duration::from_secs(200))
        .await;
    target.exec("SET GLOBAL super_read_only = 1").await;
    let load = Workload::start(
        source.url(),
        WorkloadOptions {
            rate: Some(60.0),
            ..WorkloadOptions::default()
        },
    );

    let failed = running.ended(Duration::from_secs(120)).await.expect(3);
    let error = failed.json()["error"].clone();
    assert_eq!(error["errorCode"], "SRC-0007", "{failed}");
    assert!(
        error["proposal"]
            .as_str()
            .is_some_and(|p| p.contains("writable")),
        "{failed}"
    );
    let again = migration
        .start("caught-up")
        .ended(Duration::from_secs(120))
        .await;
    assert!(
        matches!(again.code, Some(2 | 3)),
        "still read-only: {again}"
    );

    target
        .exec("SET GLOBAL super_read_only = 0, read_only = 0")
        .await;
    load.stop().await;
    migration.caught_up().await.expect(0);
    same_rows(&source, &target, "shop").await;
}
