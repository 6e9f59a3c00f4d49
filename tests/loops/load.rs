//! An application that writes at one side: rows of its own, in transactions of all kinds.

use crate::harness::Server;
use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error};
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The tables, the same at every side.
pub const SCHEMA: &str = "CREATE DATABASE d DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci; \
    CREATE TABLE d.k (id bigint NOT NULL PRIMARY KEY, u varchar(40) NOT NULL, n int, txt text, UNIQUE KEY u (u)); \
    CREATE TABLE d.c (a int NOT NULL, b bigint NOT NULL, v varchar(60), PRIMARY KEY (a, b)); \
    CREATE TABLE d.h (side int NOT NULL, n int, v varchar(60), KEY s (side, n))";

/// Sessions of one application.
const WRITERS: u64 = 3;
/// Rows of a large transaction: several pieces, and more than a batch.
const LARGE: u64 = 300;

/// A running application.
pub struct Load {
    stop: CancellationToken,
    committed: Arc<AtomicU64>,
    tasks: JoinSet<()>,
}

impl Load {
    /// Writes at a server until it is stopped; `side` tells its rows from those of other sides.
    pub fn start(server: &Server, side: u64, seed: u64) -> Self {
        let stop = CancellationToken::new();
        let committed = Arc::new(AtomicU64::new(0));
        let mut tasks = JoinSet::new();
        for number in 0..WRITERS {
            let writer = Writer {
                opts: server.opts().into(),
                rng: SmallRng::seed_from_u64(seed ^ (side * 100 + number)),
                lane: side * WRITERS + number,
                next: 0,
                committed: Arc::clone(&committed),
                stop: stop.clone(),
            };
            tasks.spawn(writer.run());
        }
        Self {
            stop,
            committed,
            tasks,
        }
    }

    /// Transactions committed by now.
    pub fn committed(&self) -> u64 {
        self.committed.load(Ordering::SeqCst)
    }

    /// Ends it; the number of transactions that it committed.
    pub async fn stop(mut self) -> u64 {
        self.stop.cancel();
        while let Some(ended) = self.tasks.join_next().await {
            ended.expect("no panic");
        }
        self.committed.load(Ordering::SeqCst)
    }
}

struct Writer {
    opts: mysql_async::Opts,
    rng: SmallRng,
    /// Tells the rows of all writers of all sides apart.
    lane: u64,
    next: u64,
    committed: Arc<AtomicU64>,
    stop: CancellationToken,
}

impl Writer {
    async fn run(mut self) {
        let mut conn = Conn::new(self.opts.clone()).await.expect("connection");
        conn.query_drop("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
            .await
            .expect("isolation");
        while !self.stop.is_cancelled() {
            match self.transaction(&mut conn).await {
                Ok(true) => {
                    self.committed.fetch_add(1, Ordering::SeqCst);
                }
                Ok(false) => {}
                // lost against Incr-Sync: the server rolled it back
                Err(Error::Server(error)) if matches!(error.code, 1205 | 1213) => {
                    conn.query_drop("ROLLBACK").await.expect("rollback");
                }
                Err(error) => panic!("writer {}: {error}", self.lane),
            }
            let pause = Duration::from_millis(self.rng.random_range(1..15));
            tokio::time::sleep(pause).await;
        }
    }

    /// A new key: no other writer has it.
    fn fresh(&mut self) -> u64 {
        self.next += 1;
        self.next * 100 + self.lane
    }

    /// A key that may be there.
    fn known(&mut self) -> u64 {
        self.rng.random_range(0..=self.next) * 100 + self.lane
    }

    /// One transaction; whether it was committed. Each has a row that is new.
    async fn transaction(&mut self, conn: &mut Conn) -> Result<bool, Error> {
        let kind = self.rng.random_range(0..100);
        conn.query_drop("BEGIN").await?;
        let id = self.fresh();
        self.insert(conn, id).await?;
        match kind {
            0..40 => self.small(conn).await?,
            40..60 => self.keyless(conn).await?,
            60..66 => self.large(conn).await?,
            66..80 => {
                conn.query_drop("SAVEPOINT one").await?;
                self.small(conn).await?;
                conn.query_drop("SAVEPOINT two").await?;
                self.keyless(conn).await?;
                let back = ["one", "two"][self.rng.random_range(0..2)];
                conn.query_drop(format!("ROLLBACK TO SAVEPOINT {back}"))
                    .await?;
                self.small(conn).await?;
            }
            80..86 => {
                self.small(conn).await?;
                conn.query_drop("ROLLBACK").await?;
                return Ok(false);
            }
            _ => self.composite(conn).await?,
        }
        conn.query_drop("COMMIT").await?;
        Ok(true)
    }

    async fn insert(&mut self, conn: &mut Conn, id: u64) -> Result<(), Error> {
        let n: u32 = self.rng.random();
        let text = "x".repeat(self.rng.random_range(0..200));
        let sql = format!(
            "INSERT INTO d.k (id, u, n, txt) VALUES ({id}, 'u{id}', {}, '{text}')",
            n >> 1
        );
        conn.query_drop(sql).await
    }

    async fn small(&mut self, conn: &mut Conn) -> Result<(), Error> {
        for _ in 0..self.rng.random_range(0..4) {
            let (id, other) = (self.known(), self.known());
            let n: u16 = self.rng.random();
            let sql = match self.rng.random_range(0..4) {
                0 => format!("DELETE FROM d.k WHERE id = {id}"),
                1 => format!("UPDATE d.k SET u = 'v{n}-{id}' WHERE id = {id}"),
                2 => format!(
                    "UPDATE d.k SET n = {n}, txt = REPEAT('y', {}) WHERE id IN ({id}, {other})",
                    n % 300
                ),
                _ => format!("UPDATE d.k SET id = {} WHERE id = {id}", self.fresh()),
            };
            conn.query_drop(sql).await?;
        }
        Ok(())
    }

    async fn keyless(&mut self, conn: &mut Conn) -> Result<(), Error> {
        for _ in 0..self.rng.random_range(1..5) {
            let (lane, n) = (self.lane, self.rng.random_range(0..6));
            let sql = match self.rng.random_range(0..5) {
                0 => format!("DELETE FROM d.h WHERE side = {lane} AND n = {n} LIMIT 1"),
                1 => format!("UPDATE d.h SET v = 'w{n}' WHERE side = {lane} AND n = {n} LIMIT 2"),
                _ => format!("INSERT INTO d.h VALUES ({lane}, {n}, 'v'), ({lane}, {n}, 'v')"),
            };
            conn.query_drop(sql).await?;
        }
        Ok(())
    }

    async fn composite(&mut self, conn: &mut Conn) -> Result<(), Error> {
        let (lane, b) = (self.lane, self.rng.random_range(0..50));
        let text: u32 = self.rng.random();
        let sql = format!(
            "INSERT INTO d.c VALUES ({lane}, {b}, 'v{text}') ON DUPLICATE KEY UPDATE v = 'w{text}'"
        );
        conn.query_drop(sql).await
    }

    async fn large(&mut self, conn: &mut Conn) -> Result<(), Error> {
        let first = self.fresh();
        let ids: Vec<u64> = std::iter::once(first)
            .chain((1..LARGE).map(|_| self.fresh()))
            .collect();
        let rows: Vec<String> = ids
            .iter()
            .map(|id| format!("({id}, 'u{id}', 1, REPEAT('z', 100))"))
            .collect();
        let sql = format!("INSERT INTO d.k (id, u, n, txt) VALUES {}", rows.join(","));
        conn.query_drop(sql).await?;
        let list: Vec<String> = ids.iter().map(u64::to_string).collect();
        let list = list.join(",");
        conn.query_drop(format!("UPDATE d.k SET n = n + 1 WHERE id IN ({list})"))
            .await?;
        // so that the tables do not grow for ever
        conn.query_drop(format!(
            "DELETE FROM d.k WHERE id IN ({list}) AND id % 3 > 0"
        ))
        .await
    }
}
