//! A live workload on the sample shop: what an application does while its database is being moved.
//!
//! Needs only tokio, mysql_async and rand, so that the quickstart's example reuses it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Error, Opts, OptsBuilder};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

#[path = "workload_ops.rs"]
mod ops;

/// How to write.
#[derive(Clone, Debug)]
pub struct WorkloadOptions {
    /// The seed of the choices (unique names also carry the time); printed at the start. `None` takes one from the clock.
    pub seed: Option<u64>,
    /// Transactions a second over all workers; `None` is as fast as it goes.
    pub rate: Option<f64>,
    /// Connections that write at once.
    pub workers: usize,
    /// The schema of the shop.
    pub schema: String,
}

impl Default for WorkloadOptions {
    fn default() -> Self {
        Self {
            seed: None,
            rate: None,
            workers: 3,
            schema: "shop".into(),
        }
    }
}

/// What a workload has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Transactions committed, single statements included.
    pub committed: u64,
    /// Transactions rolled back on purpose.
    pub rolled_back: u64,
    /// Rows inserted (rolled back ones included).
    pub inserted: u64,
    /// Rows updated.
    pub updated: u64,
    /// Rows deleted.
    pub deleted: u64,
    /// Primary keys changed.
    pub key_changes: u64,
    /// Unique values moved between rows.
    pub swaps: u64,
    /// Transactions of hundreds of rows.
    pub big: u64,
    /// Transactions that the server refused: deadlocks, lock timeouts, duplicate keys.
    pub refused: u64,
    /// Connections lost or not made.
    pub reconnects: u64,
}

impl fmt::Display for Counters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} transactions committed, {} rolled back, {} refused; rows: {} inserted, {} updated, {} deleted; \
             {} key changes, {} swaps, {} big transactions; {} reconnects",
            self.committed,
            self.rolled_back,
            self.refused,
            self.inserted,
            self.updated,
            self.deleted,
            self.key_changes,
            self.swaps,
            self.big,
            self.reconnects
        )
    }
}

/// The counters while workers add to them.
#[derive(Debug, Default)]
struct Live {
    committed: AtomicU64,
    rolled_back: AtomicU64,
    inserted: AtomicU64,
    updated: AtomicU64,
    deleted: AtomicU64,
    key_changes: AtomicU64,
    swaps: AtomicU64,
    big: AtomicU64,
    refused: AtomicU64,
    reconnects: AtomicU64,
}

impl Live {
    fn counters(&self) -> Counters {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counters {
            committed: get(&self.committed),
            rolled_back: get(&self.rolled_back),
            inserted: get(&self.inserted),
            updated: get(&self.updated),
            deleted: get(&self.deleted),
            key_changes: get(&self.key_changes),
            swaps: get(&self.swaps),
            big: get(&self.big),
            refused: get(&self.refused),
            reconnects: get(&self.reconnects),
        }
    }
}

fn add(counter: &AtomicU64, rows: u64) {
    counter.fetch_add(rows, Ordering::Relaxed);
}

/// A running workload; dropping it ends it at once.
#[derive(Debug)]
pub struct Workload {
    seed: u64,
    live: Arc<Live>,
    stop: watch::Sender<bool>,
    workers: Vec<JoinHandle<()>>,
}

impl Workload {
    /// Starts writing to the shop at `url` (`mysql://user:password@host:port`).
    ///
    /// # Panics
    /// When the URL is malformed.
    pub fn start(url: impl AsRef<str>, options: WorkloadOptions) -> Self {
        let opts = match Opts::from_url(url.as_ref()) {
            Ok(opts) => opts,
            Err(error) => panic!("not a URL of a MySQL server: {error}"),
        };
        let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let run = clock.map_or(1, |now| now.as_micros() as u64);
        let seed = options.seed.unwrap_or(run % 1_000_000_007);
        announce(&format!(
            "workload: seed {seed}, {} workers",
            options.workers
        ));
        let (stop, stopped) = watch::channel(false);
        let live = Arc::new(Live::default());
        let pause = options
            .rate
            .map(|rate| Duration::from_secs_f64(options.workers as f64 / rate.max(0.001)));
        let workers = (0..options.workers as u64)
            .map(|number| {
                let opts: Opts = OptsBuilder::from_opts(opts.clone())
                    .db_name(Some(options.schema.clone()))
                    .prefer_socket(false)
                    .client_found_rows(false)
                    .into();
                let rng = StdRng::seed_from_u64(seed.wrapping_mul(1000).wrapping_add(number));
                let worker = Worker {
                    opts,
                    pause,
                    rng,
                    live: live.clone(),
                    number,
                    run,
                    serial: 0,
                };
                tokio::spawn(worker.run(stopped.clone()))
            })
            .collect();
        Self {
            seed,
            live,
            stop,
            workers,
        }
    }

    /// The seed in use.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// What has been done so far.
    pub fn counters(&self) -> Counters {
        self.live.counters()
    }

    /// Lets every worker end its transaction, and returns what has been done. A worker that hangs is
    /// cut off after 15 s.
    pub async fn stop(mut self) -> Counters {
        let _ = self.stop.send(true);
        let deadline = Instant::now() + Duration::from_secs(15);
        for mut worker in std::mem::take(&mut self.workers) {
            let left = deadline.saturating_duration_since(Instant::now());
            if timeout(left, &mut worker).await.is_err() {
                worker.abort();
            }
        }
        let counters = self.live.counters();
        announce(&format!("workload: seed {}: {counters}", self.seed));
        counters
    }
}

impl Drop for Workload {
    fn drop(&mut self) {
        for worker in &self.workers {
            worker.abort();
        }
    }
}

/// Writes a line to standard error, whatever the lints say about printing.
fn announce(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// One connection's worth of load.
struct Worker {
    opts: Opts,
    pause: Option<Duration>,
    rng: StdRng,
    live: Arc<Live>,
    number: u64,
    /// Makes the names of different runs different, those with the same seed included.
    run: u64,
    serial: u64,
}

/// How a transaction ended, when nothing failed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    Commit,
    Rollback,
}

impl Worker {
    async fn run(mut self, mut stopped: watch::Receiver<bool>) {
        let mut conn: Option<Conn> = None;
        let mut due = Instant::now();
        while !*stopped.borrow() {
            if let Some(pause) = self.pause {
                // After a stall it goes on at its rate; it does not catch up in a burst.
                due = (due + pause).max(Instant::now() - pause);
                tokio::select! {
                    () = tokio::time::sleep_until(due) => {}
                    _ = stopped.changed() => break,
                }
            }
            let mut open = match conn.take() {
                Some(open) => open,
                None => match self.connect().await {
                    Some(open) => open,
                    None => {
                        add(&self.live.reconnects, 1);
                        tokio::select! {
                            () = sleep(Duration::from_millis(100)) => {}
                            _ = stopped.changed() => break,
                        }
                        continue;
                    }
                },
            };
            match timeout(Duration::from_secs(30), self.transaction(&mut open)).await {
                Ok(Ok(())) => conn = Some(open),
                Ok(Err(Error::Server(_))) => {
                    add(&self.live.refused, 1);
                    if open.query_drop("ROLLBACK").await.is_ok() {
                        conn = Some(open);
                    }
                }
                Ok(Err(_)) | Err(_) => add(&self.live.reconnects, 1),
            }
        }
        if let Some(open) = conn {
            let _ = timeout(Duration::from_secs(5), open.disconnect()).await;
        }
    }

    async fn connect(&self) -> Option<Conn> {
        let connecting = Conn::new(self.opts.clone());
        let mut conn = timeout(Duration::from_secs(5), connecting)
            .await
            .ok()?
            .ok()?;
        conn.query_drop("SET time_zone = '+00:00', innodb_lock_wait_timeout = 5")
            .await
            .ok()?;
        Some(conn)
    }

    async fn transaction(&mut self, conn: &mut Conn) -> Result<(), Error> {
        let kind = self.below(100);
        conn.query_drop("START TRANSACTION").await?;
        let end = self.choose(kind, conn).await?;
        // A few good transactions are taken back at their end.
        if end == End::Rollback || self.below(40) == 0 {
            conn.query_drop("ROLLBACK").await?;
            add(&self.live.rolled_back, 1);
        } else {
            conn.query_drop("COMMIT").await?;
            add(&self.live.committed, 1);
        }
        Ok(())
    }

    fn below(&mut self, end: u64) -> u64 {
        self.rng.random_range(0..end.max(1))
    }

    /// A name that no other worker and no other run makes.
    fn unique(&mut self) -> String {
        self.serial += 1;
        format!("{:x}-{}-{:x}", self.run, self.number, self.serial)
    }
}
