//! An application that writes to old and new tables in the same transactions, tables without a key
//! among them, with transactions that come in pieces and changes of the tables.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinHandle;

use crate::harness::Server;

/// Old tables, new ones, and one in a database of its own.
pub const SCHEMA: &str = "CREATE DATABASE shop; CREATE DATABASE extra; \
    CREATE TABLE shop.old_a (id INT PRIMARY KEY AUTO_INCREMENT, v INT, u INT UNIQUE, pad TEXT); \
    CREATE TABLE shop.old_loose (v INT, w VARCHAR(20)); \
    CREATE TABLE shop.new_a (id INT PRIMARY KEY AUTO_INCREMENT, v INT, u INT UNIQUE, pad TEXT); \
    CREATE TABLE shop.new_loose (v INT, w VARCHAR(20)); \
    CREATE TABLE extra.e (k VARCHAR(20) PRIMARY KEY, v INT); \
    INSERT INTO shop.old_a (v, u) VALUES (1, 1), (2, 2), (3, NULL); \
    INSERT INTO shop.old_loose VALUES (1, 'a'), (1, 'a'), (NULL, 'b'); \
    INSERT INTO shop.new_a (v, u) VALUES (1, 1), (2, 2), (3, NULL); \
    INSERT INTO shop.new_loose VALUES (1, 'a'), (1, 'a'), (NULL, 'b'); \
    INSERT INTO extra.e VALUES ('x', 1)";

/// A load that runs until it is stopped.
pub struct Load {
    stop: Arc<AtomicBool>,
    alter: Arc<AtomicU8>,
    done: Arc<AtomicU64>,
    workers: Vec<JoinHandle<()>>,
}

impl Load {
    /// Three writers with choices that this seed gives.
    pub fn start(source: &Arc<Server>, seed: u64) -> Self {
        let load = Self {
            stop: Arc::default(),
            alter: Arc::default(),
            done: Arc::default(),
            workers: Vec::new(),
        };
        let workers = (0..3_u64).map(|worker| {
            let (source, stop) = (Arc::clone(source), Arc::clone(&load.stop));
            let (alter, done) = (Arc::clone(&load.alter), Arc::clone(&load.done));
            tokio::spawn(async move {
                let mut rng = StdRng::seed_from_u64(seed * 10 + worker);
                let mut conn = source.conn().await;
                while !stop.load(Ordering::Relaxed) {
                    let alter = alter.load(Ordering::Relaxed);
                    if worker == 0 && alter > 0 && rng.random_range(0..40) == 0 {
                        change_table(&mut conn, &mut rng, alter > 1).await;
                    }
                    // two that wait for each other: one is rolled back, as an application has it
                    if transaction(&mut conn, &mut rng).await.is_err() {
                        let _ = conn.query_drop("ROLLBACK").await;
                    }
                    done.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_millis(rng.random_range(5..40))).await;
                }
            })
        });
        let workers = workers.collect();
        Self { workers, ..load }
    }

    /// The old table's definition is changed too from now on, and that of the new one where `new` says
    /// so. While a table is copied or compared as a whole, its definition must not change.
    pub fn alter(&self, new: bool) {
        self.alter.store(1 + u8::from(new), Ordering::Relaxed);
    }

    /// Ends it; gives the number of transactions.
    pub async fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        for worker in self.workers {
            worker.await.expect("no panic");
        }
        self.done.load(Ordering::Relaxed)
    }
}

async fn change_table(conn: &mut Conn, rng: &mut StdRng, new: bool) {
    let table = match new && rng.random_bool(0.7) {
        true => "shop.new_a",
        false => "shop.old_a",
    };
    // the other of the two does nothing, and is refused
    let column = format!("c{}", rng.random_range(0..3));
    let sql = match rng.random_bool(0.6) {
        true => format!("ALTER TABLE {table} ADD COLUMN {column} INT DEFAULT 7"),
        false => format!("ALTER TABLE {table} DROP COLUMN {column}"),
    };
    let _ = conn.query_drop(sql).await;
}

async fn transaction(conn: &mut Conn, rng: &mut StdRng) -> Result<(), mysql_async::Error> {
    conn.query_drop("START TRANSACTION").await?;
    for _ in 0..rng.random_range(1..4) {
        statement(conn, rng).await?;
    }
    conn.query_drop(match rng.random_range(0..12) {
        0 => "ROLLBACK",
        _ => "COMMIT",
    })
    .await
}

/// Something that changes an old and a new table.
async fn statement(conn: &mut Conn, rng: &mut StdRng) -> Result<(), mysql_async::Error> {
    let (n, m) = (rng.random_range(0..200), rng.random_range(0..1000));
    let both = |sql: &str| {
        ["old", "new"]
            .map(|which| sql.replace("{}", which))
            .join("; ")
    };
    let sql = match rng.random_range(0..400) {
        0..=139 => both(&format!(
            "INSERT INTO shop.{{}}_a (v, pad) VALUES ({n}, REPEAT('x', {m})), ({m}, NULL)"
        )),
        140..=209 => both(&format!(
            "UPDATE shop.{{}}_a SET v = v + {n} ORDER BY id DESC LIMIT 5"
        )),
        210..=249 => both(&format!(
            "REPLACE INTO shop.{{}}_a (v, u) VALUES ({m}, {n})"
        )),
        250..=279 => both(&format!(
            "DELETE FROM shop.{{}}_a WHERE v % 200 = {n} LIMIT 3"
        )),
        280..=309 => both(&format!(
            "INSERT INTO shop.{{}}_loose VALUES ({n}, 'a'), ({n}, 'a')"
        )),
        310..=329 => both(&format!("UPDATE shop.{{}}_loose SET w = 'b' WHERE v = {n}")),
        330..=345 => both(&format!(
            "DELETE FROM shop.{{}}_loose WHERE v > {n} LIMIT 2"
        )),
        // comes in pieces
        346 | 347 => both(
            "INSERT INTO shop.{}_a (v, pad) SELECT a.v, REPEAT('y', 9000) FROM (SELECT v FROM shop.old_a LIMIT 15) a, (SELECT 1 FROM shop.old_a LIMIT 10) b",
        ),
        _ => format!(
            "REPLACE INTO extra.e VALUES ('k{n}', {m}); UPDATE shop.old_a SET v = {m} ORDER BY id LIMIT 2"
        ),
    };
    for sql in sql.split("; ") {
        conn.query_drop(sql).await?;
    }
    Ok(())
}
