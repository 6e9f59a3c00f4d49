//! DDL at the source while oms follows: tables are made, altered, renamed, emptied and dropped at
//! the target too; what is not understood stops with a task that a person can skip with SQL.

use std::time::Duration;

use entity::oms_task;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use crate::harness::server::start_all;
use crate::harness::{
    Kind, Migration, Options, Rm, Workload, WorkloadOptions, same_rows, wait_until,
};

const DDL: &[&str] = &[
    "CREATE TABLE shop.gifts (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(40) NOT NULL, KEY by_name (name))",
    "INSERT INTO shop.gifts (name) VALUES ('a'), ('b'), ('c')",
    "ALTER TABLE shop.gifts ADD COLUMN price DECIMAL(9,2) NOT NULL DEFAULT 1.50, ADD UNIQUE KEY u (name, price)",
    "INSERT INTO shop.gifts (name, price) VALUES ('d', 9.99)",
    "UPDATE shop.gifts SET price = price * 2 WHERE id = 1",
    "ALTER TABLE shop.gifts MODIFY name VARCHAR(80) NOT NULL, DROP KEY by_name",
    "CREATE INDEX by_price ON shop.gifts (price)",
    "CREATE TABLE shop.gifts_old LIKE shop.gifts",
    "INSERT INTO shop.gifts_old SELECT * FROM shop.gifts",
    "TRUNCATE TABLE shop.gifts_old",
    "INSERT INTO shop.gifts_old (name) VALUES ('after')",
    "RENAME TABLE shop.gifts_old TO shop.gifts_older",
    "ALTER TABLE shop.gifts_older ADD COLUMN note TEXT, DROP KEY u",
    "ALTER TABLE shop.gifts_older DROP KEY by_price, DROP COLUMN price",
    "INSERT INTO shop.gifts_older (name) VALUES ('last')",
    "CREATE TABLE shop.gone (id INT PRIMARY KEY)",
    "INSERT INTO shop.gone VALUES (1)",
    "DROP TABLE shop.gone",
    "CREATE TABLE shop.no_key (a INT, b VARCHAR(10))",
    "INSERT INTO shop.no_key VALUES (1, 'x'), (1, 'x'), (2, NULL)",
    "DELETE FROM shop.no_key WHERE a = 1 LIMIT 1",
];

async fn follows(source: Kind, target: Kind) {
    let options = Options::default;
    let [source, target] = start_all([(source, options()), (target, options())]).await;
    source.load_shop().await;
    let migration = Migration::shop(&source, &target).arg("--incr-verify");
    let running = migration.start("forever");
    let rm = Rm::appears(&migration.rm()).await;
    rm.reaches("INCR_TRANSFER", &["MONITORING"], Duration::from_secs(200))
        .await;
    let load = Workload::start(
        source.url(),
        WorkloadOptions {
            rate: Some(30.0),
            ..WorkloadOptions::default()
        },
    );
    for statement in DDL {
        source.exec(statement).await;
    }
    // what is in the log now is applied by the next process
    running.kill9();
    load.stop().await;
    migration.caught_up().await.expect(0);
    same_rows(&source, &target, "shop").await;

    // a statement that is not understood
    source
        .exec("ALTER TABLE shop.gifts_older PARTITION BY HASH (id) PARTITIONS 2")
        .await;
    source
        .exec("INSERT INTO shop.no_key VALUES (3, 'behind')")
        .await;
    let stopped = migration
        .start("caught-up")
        .ended(Duration::from_secs(120))
        .await
        .expect(3);
    assert_eq!(
        stopped.json()["error"]["errorCode"],
        "INC-0003",
        "{stopped}"
    );
    let db = rm.connection();
    let tasks = oms_task::Entity::find().filter(oms_task::Column::TaskType.eq("INCR_DDL"));
    let task = wait_until("the statement's task", Duration::from_secs(10), || async {
        let found = tasks.clone().one(db).await.map_err(|e| e.to_string())?;
        found.map(Some).ok_or_else(|| "no task".to_owned())
    })
    .await;
    assert!(task.task_info.contains("PARTITION BY HASH"), "{task:?}");
    let skip = sea_orm::sea_query::Expr::value("SKIPPED");
    oms_task::Entity::update_many()
        .col_expr(oms_task::Column::TaskStatus, skip)
        .filter(oms_task::Column::Id.eq(task.id))
        .exec(db)
        .await
        .expect("edited");
    migration.caught_up().await.expect(0);
    same_rows(&source, &target, "shop").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_to_mariadb() {
    follows(Kind::MySql, Kind::MariaDb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_to_oceanbase() {
    follows(Kind::MariaDb, Kind::OceanBase).await;
}
