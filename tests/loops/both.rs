//! Both directions at once, under load at both sides, while every work is killed now and then.

use crate::harness::server::start_all;
use crate::harness::{Kind, Options, Server, same_rows, wait_until};
use crate::link::{LONG, Link, Plan, opened};
use crate::load::{Load, SCHEMA};
use oms::datasource::mysql::binlog::status::position_now;
use oms::model::options::DdlMode;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use std::time::Duration;

const FORWARD: &str = "np_1/incr_sync";
const REVERSE: &str = "np_1/reverse_incr_sync";

pub fn seed() -> u64 {
    std::env::var("OMS_SEED")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or_else(rand::random)
}

fn kills() -> u32 {
    std::env::var("OMS_KILLS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(16)
}

/// DDL at the side from which DDL is carried over, one statement after another.
const DDL: [&str; 10] = [
    "ALTER TABLE d.k ADD COLUMN x int DEFAULT 7",
    "CREATE TABLE d.made (id int NOT NULL PRIMARY KEY, v varchar(20)); INSERT INTO d.made VALUES (1, 'a'), (2, 'b')",
    "UPDATE d.k SET x = 8 WHERE id % 100 = 1 LIMIT 20",
    "TRUNCATE TABLE d.made",
    "INSERT INTO d.made VALUES (3, 'c')",
    "DROP TABLE d.made",
    "CREATE TABLE d.made (id int NOT NULL PRIMARY KEY, other int); INSERT INTO d.made VALUES (4, 4)",
    "CREATE INDEX n ON d.k (n)",
    "RENAME TABLE d.made TO d.kept",
    "ALTER TABLE d.c MODIFY v varchar(80)",
];

/// How many of [`DDL`] are transactions of rows.
const ROWS_AMONG_DDL: u64 = 4;

async fn both(a: (Kind, Options), b: (Kind, Options)) {
    let seed = seed();
    let name = format!("{} and {}", a.0.name(), b.0.name());
    println!("{name}: OMS_SEED={seed}");
    let mut rng = SmallRng::seed_from_u64(seed);
    let [a, b] = start_all([a, b]).await;
    for side in [&a, &b] {
        side.exec(SCHEMA).await;
    }
    let everything = "*.*".to_owned();
    let mut links = [
        Link::started(Plan {
            include: everything.clone(),
            ..Plan::new(FORWARD, &a, &b).leaving_out(&["np_1/"])
        })
        .await,
        Link::started(Plan {
            include: everything,
            ddl_mode: DdlMode::Ignore,
            compare: true,
            ..Plan::new(REVERSE, &b, &a).leaving_out(&[FORWARD])
        })
        .await,
    ];
    let loads = [Load::start(&a, 0, seed), Load::start(&b, 1, seed)];
    let mut ddl = DDL.iter();
    for kill in 0..kills() {
        tokio::time::sleep(Duration::from_millis(rng.random_range(50..600))).await;
        if let Some(sql) = (kill % 2 == 1).then(|| ddl.next()).flatten() {
            a.exec(sql).await;
        }
        let link = &mut links[rng.random_range(0..2)];
        link.require_running();
        match rng.random_range(0..5) {
            0 | 1 => link.kill_sync().await,
            2 => link.stop_sync().await,
            3 => link.kill_store().await,
            _ => link.stop_store().await,
        }
        tokio::time::sleep(Duration::from_millis(rng.random_range(0..100))).await;
        if link.store.is_none() {
            link.start_store();
        }
        if link.sync.is_none() {
            link.start_sync();
        }
    }
    for sql in ddl {
        a.exec(sql).await;
    }
    let [at_a, at_b] = loads;
    let written = [at_a.stop().await + ROWS_AMONG_DDL, at_b.stop().await];
    settle(&name, &a, &b, &links, written).await;
    println!("{name}: {written:?} transactions");
    for link in &mut links {
        link.stop().await;
    }
}

/// Waits until each side has what the other wrote; then both are equal, each log held just what the
/// application wrote there, and nothing more comes.
async fn settle(name: &str, a: &Server, b: &Server, links: &[Link; 2], written: [u64; 2]) {
    let mut ends = Vec::new();
    for link in links {
        ends.push(link.catch_up().await);
    }
    same_rows(a, b, "d").await;
    for (link, (end, written)) in links.iter().zip(ends.iter().zip(written)) {
        let (transactions, ddl) = link.log(end).await;
        assert_eq!(
            transactions, written,
            "{name}: transactions in the log of {}",
            link.plan.component
        );
        println!(
            "{name}: {}: {} DDL statements",
            link.plan.component,
            ddl.len()
        );
    }
    // heartbeats come and go, and nothing else
    for (link, end) in links.iter().zip(&ends) {
        let source = opened(&link.plan.source).await.expect("source");
        let mut last = end.clone();
        for _ in 0..3 {
            let what = format!("a heartbeat behind {last}");
            last = wait_until(&what, LONG, || async {
                let now = position_now(&source).await.map_err(|e| e.to_string())?;
                match now.txn_id() > last.txn_id() {
                    true => Ok(Some(now)),
                    false => Err(now.to_string()),
                }
            })
            .await;
        }
        let (transactions, ddl) = link.log_between(end, &last).await;
        assert_eq!((transactions, ddl.len()), (0, 0), "{name}: at rest");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_and_mysql() {
    // one of them with compressed transactions, the other without GTIDs
    let packed = Options::default().arg("--binlog-transaction-compression=ON");
    both(
        (Kind::MySql, packed),
        (Kind::MySql, Options::default().no_gtid()),
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_and_mariadb() {
    let packed = Options::default()
        .arg("--log-bin-compress=1")
        .arg("--log-bin-compress-min-len=10");
    both((Kind::MySql, Options::default()), (Kind::MariaDb, packed)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_and_mariadb() {
    both(
        (Kind::MariaDb, Options::default()),
        (Kind::MariaDb, Options::default()),
    )
    .await;
}
