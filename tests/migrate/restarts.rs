//! Servers crash and come back while `oms migrate` runs: the same process goes on.

use std::time::Duration;

use crate::harness::server::start_all;
use crate::harness::{
    Kind, Migration, Options, Rm, Workload, WorkloadOptions, same_rows, wait_until,
};

async fn survives(from: Kind, to: Kind) {
    let [source, target] = start_all([(from, Options::default()), (to, Options::default())]).await;
    source.load_shop().await;
    let rate = Some(60.0);
    let load = Workload::start(
        source.url(),
        WorkloadOptions {
            rate,
            ..WorkloadOptions::default()
        },
    );
    // Small slices, so that a crash hits some in their midst.
    let migration =
        Migration::shop(&source, &target).config("options: {full_import: {slice_bytes: 262144}}");
    let mut running = migration.start("forever");
    let rm = Rm::appears(&migration.rm()).await;
    let minutes = |n: u64| Duration::from_secs(60 * n);

    rm.reaches("FULL_TRANSFER", &["RUNNING", "FINISHED"], minutes(2))
        .await;
    source.kill9();
    source.restart().await;
    rm.reaches("FULL_TRANSFER", &["RUNNING"], minutes(2)).await;
    target.kill9();
    target.restart().await;
    rm.reaches("INCR_TRANSFER", &["MONITORING"], minutes(4))
        .await;
    source.kill9();
    source.restart().await;
    target.kill9();
    target.restart().await;
    let before = load.counters().committed;
    let writes_on = || async {
        let done = load.counters().committed;
        if done > before + 50 {
            Ok(Some(()))
        } else {
            Err(done)
        }
    };
    wait_until("the workload to go on", minutes(1), writes_on).await;
    rm.reaches("FULL_VERIFIER", &["FINISHED"], minutes(4)).await;
    assert!(running.exited().is_none(), "oms ended: {}", running.said());
    load.stop().await;
    running.signal("TERM");
    running.ended(minutes(1)).await.expect(130);

    let rest = migration.caught_up().await.expect(0).json();
    assert_eq!(rest["differences"], 0, "{rest:#}");
    same_rows(&source, &target, "shop").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_and_oceanbase_crash() {
    survives(Kind::MySql, Kind::OceanBase).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_mariadbs_crash() {
    survives(Kind::MariaDb, Kind::MariaDb).await;
}
