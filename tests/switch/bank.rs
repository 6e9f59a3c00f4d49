//! A bank: accounts whose balances always sum to the same, whoever moves money; a ledger with a row for each
//! transfer, and notes without a key.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::task::JoinHandle;

use crate::harness::Server;

/// Accounts.
const ACCOUNTS: u32 = 200;
/// What each has at the beginning.
const BALANCE: i64 = 1000;

/// The tables, filled.
pub async fn fill(server: &Server) {
    server
        .exec(
            "CREATE DATABASE bank;
             CREATE TABLE bank.accounts (id INT PRIMARY KEY, balance BIGINT NOT NULL, changed TIMESTAMP(3) NULL, \
                note VARCHAR(80) CHARACTER SET utf8mb4);
             CREATE TABLE bank.ledger (id BIGINT AUTO_INCREMENT PRIMARY KEY, payer INT NOT NULL, payee INT NOT NULL, \
                amount DECIMAL(12,2) NOT NULL, at DATETIME(3) NOT NULL, proof VARBINARY(32), KEY (payer));",
        )
        .await;
    let rows: Vec<String> = (0..ACCOUNTS)
        .map(|id| format!("({id}, {BALANCE}, NULL, 'Konto № {id}')"))
        .collect();
    let sql = format!("INSERT INTO bank.accounts VALUES {}", rows.join(","));
    server.exec(&sql).await;
}

/// An account of the application, which has no rights but to its tables.
pub async fn account(server: &Server) {
    server
        .exec(
            "CREATE USER 'app'@'%' IDENTIFIED BY 'app'; \
             GRANT SELECT, INSERT, UPDATE, DELETE ON bank.* TO 'app'@'%'",
        )
        .await;
}

/// That no money is lost or made.
pub async fn require_sum(server: &Server) {
    let mut conn = server.conn().await;
    let sum: Option<i64> = conn
        .query_first("SELECT CAST(SUM(balance) AS SIGNED) FROM bank.accounts")
        .await
        .expect("a sum");
    assert_eq!(
        sum,
        Some(i64::from(ACCOUNTS) * BALANCE),
        "at {}",
        server.url()
    );
}

/// Clients that move money until they are told to stop.
pub struct Load {
    stop: Arc<AtomicBool>,
    done: Arc<AtomicU64>,
    tasks: Vec<JoinHandle<()>>,
}

impl Load {
    /// Begins at a server; `range` is where the ledger's new ids begin, so that the two sides never make
    /// the same.
    pub fn start(server: &Arc<Server>, seed: u64, clients: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let done = Arc::new(AtomicU64::new(0));
        let tasks = (0..clients)
            .map(|client| {
                let (server, stop, done) =
                    (Arc::clone(server), Arc::clone(&stop), Arc::clone(&done));
                let rng = StdRng::seed_from_u64(seed.wrapping_mul(31) + client);
                tokio::spawn(run(server, rng, stop, done))
            })
            .collect();
        Self { stop, done, tasks }
    }

    /// Transfers so far.
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Ends when the last transfer is committed; gives how many there were.
    pub async fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.expect("a client");
        }
        self.done.load(Ordering::Relaxed)
    }
}

async fn run(server: Arc<Server>, mut rng: StdRng, stop: Arc<AtomicBool>, done: Arc<AtomicU64>) {
    let account = server.opts().user(Some("app")).pass(Some("app"));
    let mut conn = Conn::new(account).await.expect("the application's account");
    while !stop.load(Ordering::Relaxed) {
        let from = rng.random_range(0..ACCOUNTS);
        let to = (from + rng.random_range(1..ACCOUNTS)) % ACCOUNTS;
        let amount = rng.random_range(1..50_u32);
        // in the order of the ids, so that two clients do not wait for each other
        let (first, second) = (from.min(to), from.max(to));
        let change = |id: u32| match id == from {
            true => -i64::from(amount),
            false => i64::from(amount),
        };
        let mut statements = vec!["BEGIN".to_owned()];
        for id in [first, second] {
            statements.push(format!(
                "UPDATE bank.accounts SET balance = balance + ({}), changed = NOW(3) WHERE id = {id}",
                change(id)
            ));
        }
        statements.push(format!(
            "INSERT INTO bank.ledger (payer, payee, amount, at, proof) VALUES ({from}, {to}, {amount}, NOW(3), X'{:016X}')",
            rng.random::<u64>()
        ));
        if rng.random_ratio(1, 10) {
            statements.push("DELETE FROM bank.ledger ORDER BY id LIMIT 1".to_owned());
        }
        statements.push("COMMIT".to_owned());
        let mut failed = None;
        for sql in statements {
            if let Err(error) = conn.query_drop(sql).await {
                failed = Some(error);
                break;
            }
        }
        match failed {
            None => {
                done.fetch_add(1, Ordering::Relaxed);
            }
            // locks, and a read-only server
            Some(error) => {
                if conn.query_drop("ROLLBACK").await.is_err() {
                    panic!("the load at {}: {error}", server.url());
                }
            }
        }
    }
}
