//! What is applied is verified all the time: a source that is written to shows no difference; a row
//! that the target changes by itself is found, and when it is mended it is no difference any more.

use std::time::Duration;

use crate::harness::oms::announce;
use crate::harness::server::start_all;
use crate::harness::{Kind, Migration, Options, Rm, Server, Workload, WorkloadOptions, wait_until};
use entity::oms_component;
use mysql_async::prelude::Queryable;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde_json::Value;

const MINUTE: Duration = Duration::from_secs(60);

/// A component's detail, by its type.
async fn detail(rm: &Rm, kind: &str) -> Value {
    let row = oms_component::Entity::find()
        .filter(oms_component::Column::ComponentType.eq(kind))
        .one(rm.connection())
        .await
        .expect("rm")
        .expect("a component");
    let progress: Value = serde_json::from_str(&row.progress).expect("JSON");
    progress["detail"].clone()
}

/// Where a position stands in the log.
fn place(position: &Value) -> (String, u64) {
    let file = position["file"].as_str().unwrap_or_default().to_owned();
    (file, position["offset"].as_u64().unwrap_or(0))
}

/// The end of the source's log.
async fn log_end(source: &Server) -> (String, u64) {
    let sql = match source.kind() {
        Kind::MariaDb => "SHOW MASTER STATUS",
        _ => "SHOW BINARY LOG STATUS",
    };
    let row: Option<mysql_async::Row> = source.conn().await.query_first(sql).await.expect(sql);
    let row = row.expect("a log");
    let offset: u64 = row.get(1).expect("an offset");
    (row.get(0).expect("a file"), offset)
}

/// Waits until all that the source has committed is applied and verified; gives the verification's
/// detail.
async fn all_is_verified(source: &Server, rm: &Rm) -> Value {
    let status = log_end(source).await;
    wait_until(
        "the verification passes the log's end",
        2 * MINUTE,
        || async {
            let seen = detail(rm, "INCR_VERIFICATION").await;
            if place(&seen["checkpoint"]) >= status {
                Ok(Some(seen))
            } else {
                Err(format!("{status:?}: {seen:#}"))
            }
        },
    )
    .await
}

/// What `verify-result --incr` shows.
async fn shown(migration: &Migration, project: &str) -> Value {
    let arguments = ["verify-result", project, "--incr", "--output", "json"];
    migration.project(&arguments).await.json()
}

async fn verifies_while_it_follows(from: Kind, to: Kind) {
    let [source, target] = start_all([(from, Options::default()), (to, Options::default())]).await;
    source.load_shop().await;
    let migration = Migration::shop(&source, &target)
        .arg("--incr-verify")
        .config("options: {full_verification: {reviewer_period_ms: 500}}");
    let options = WorkloadOptions {
        rate: Some(200.0),
        ..WorkloadOptions::default()
    };
    let load = Workload::start(source.url(), options);
    let first = migration.caught_up().await.expect(0);
    let json = first.json();
    let checked = &json["incrVerification"]["checked"];
    assert!(checked.as_u64() > Some(0), "{first}");
    assert_eq!(json["incrVerification"]["differences"], 0, "{first}");
    let project = json["projectId"].as_str().expect("an id").to_owned();

    // it goes on from its checkpoint
    let running = migration.start("forever");
    let rm = Rm::appears(&migration.rm()).await;
    rm.reaches("FULL_VERIFIER", &["FINISHED"], 2 * MINUTE).await;
    let counters = load.stop().await;
    let seen = all_is_verified(&source, &rm).await;
    announce(&format!("{counters}; verification: {seen}"));
    // nothing that follows is taken for different, nor even suspected
    assert_eq!(seen["suspects"].as_u64().unwrap_or(0), 0, "{seen:#}");
    assert_eq!(seen["inconsistencies"], 0, "{seen:#}");

    // the target changes what is written to it, as a forgotten trigger does
    target
        .exec(
            "CREATE TRIGGER shop.rogue BEFORE UPDATE ON shop.warehouses FOR EACH ROW \
             SET NEW.city = CONCAT(NEW.city, '!'); \
             CREATE TRIGGER shop.rogue2 BEFORE INSERT ON shop.warehouses FOR EACH ROW \
             SET NEW.city = CONCAT(NEW.city, '!')",
        )
        .await;
    let touch = "UPDATE shop.warehouses SET capacity = capacity + 1";
    source.exec(touch).await;
    let found = wait_until("differences are found", 2 * MINUTE, || async {
        let seen = shown(&migration, &project).await;
        match seen["differentNumber"].as_i64() {
            Some(n) if n > 0 => Ok(Some(seen)),
            _ => Err(format!("{seen:#}")),
        }
    })
    .await;
    let row = &found["inconsistencies"][0];
    assert_eq!(row["type"], "MISMATCHED", "{found:#}");
    let sql = row["correctionSql"].as_str().unwrap_or_default();
    assert!(sql.starts_with("UPDATE"), "{found:#}");

    // a restart forgets nothing, and an exit code tells
    running.signal("INT");
    running.ended(MINUTE).await.expect(130);
    target
        .exec("DROP TRIGGER shop.rogue; DROP TRIGGER shop.rogue2")
        .await;
    let ended = migration.caught_up().await.expect(1);
    let open = ended.json()["incrVerification"]["differences"].clone();
    assert_eq!(open, found["differentNumber"], "{ended}");

    // mended, by the correction as by a change of the row
    for row in found["inconsistencies"].as_array().expect("a list") {
        target
            .exec(row["correctionSql"].as_str().expect("SQL"))
            .await;
    }
    source.exec(touch).await;
    let ended = migration.caught_up().await.expect(0);
    assert_eq!(
        ended.json()["incrVerification"]["differences"],
        0,
        "{ended}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_to_mariadb() {
    verifies_while_it_follows(Kind::MySql, Kind::MariaDb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_to_mysql() {
    verifies_while_it_follows(Kind::MariaDb, Kind::MySql).await;
}
