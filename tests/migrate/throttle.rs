//! A copy that is held back, and let go while it runs by an operator's SQL.

use std::time::Duration;

use mysql_async::prelude::Queryable;
use sea_orm::{ConnectionTrait, Statement};

use crate::harness::server::start_all;
use crate::harness::{Kind, Migration, Options, Rm, same_rows, wait_until};

#[tokio::test(flavor = "multi_thread")]
async fn the_throttle_is_changed_while_the_copy_runs() {
    let [source, target] = start_all([
        (Kind::MariaDb, Options::default()),
        (Kind::MariaDb, Options::default()),
    ])
    .await;
    source
        .exec(
            "CREATE DATABASE slow; CREATE TABLE slow.t (id INT PRIMARY KEY, v VARCHAR(100)); \
             USE slow; INSERT INTO t SELECT seq, REPEAT('v', 90) FROM seq_1_to_20000",
        )
        .await;
    // at this rate the copy would take minutes
    let migration = Migration::new(source.url(), target.url())
        .include("slow.*")
        .config("options: {full_import: {throttle_rps: 100, batch_bytes: 16384}}");
    let running = migration.start("caught-up");
    let rm = Rm::appears(&migration.rm()).await;
    let minute = Duration::from_secs(60);
    rm.reaches("FULL_TRANSFER", &["RUNNING"], minute).await;
    let first_rows = || async {
        let mut conn = target.conn().await;
        let rows: Option<u64> = conn
            .query_first("SELECT COUNT(*) FROM slow.t")
            .await
            .expect("the table is there");
        match rows.unwrap_or(0) {
            0 => Err("none"),
            rows => Ok(Some(rows)),
        }
    };
    wait_until("the first rows at the target", minute, first_rows).await;
    let sql =
        "UPDATE oms_project SET config = json_set(config, '$.options.full_import.throttle_rps', 0)";
    let database = rm.connection();
    let statement = Statement::from_string(database.get_database_backend(), sql);
    database.execute_raw(statement).await.expect("changed");
    running.ended(2 * minute).await.expect(0);
    same_rows(&source, &target, "slow").await;
}
