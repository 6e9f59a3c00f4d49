//! A source that lives while it is verified: a workload writes to it, and a copier follows behind.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use mysql_async::Conn;
use mysql_async::prelude::Queryable;
use oms::component::contract::Finish;
use oms::component::full_verification::{Passed, Progressed, ResultType};
use oms::error::Result;
use rand::RngExt;

use crate::fixture::{Verification, both, pair};
use crate::harness::{Kind, Server};

const TABLES: &str = "
CREATE DATABASE w;
CREATE TABLE w.accounts (id INT PRIMARY KEY, balance BIGINT, note VARCHAR(50));
INSERT INTO w.accounts SELECT seq, 1000, 'n' FROM seq_1_to_20000;
CREATE TABLE w.hot (id INT PRIMARY KEY, n BIGINT); INSERT INTO w.hot VALUES (1, 0), (2, 0);
CREATE TABLE w.names (k VARCHAR(30) COLLATE utf8mb4_unicode_ci PRIMARY KEY, v INT);
INSERT INTO w.names SELECT CONCAT('n', seq), seq FROM seq_1_to_5000;
CREATE TABLE w.events (a INT, b VARCHAR(20)); INSERT INTO w.events SELECT seq % 100, 'e' FROM seq_1_to_3000;
";

/// Statements applied to the source at once, and to the target in the same order, later.
struct Follower {
    written: Arc<AtomicU64>,
    applied: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Follower {
    async fn start(source: &Server, target: &Server, lag: Duration) -> Self {
        let (written, applied) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let stop = Arc::new(AtomicBool::new(false));
        let (queue, mut inbox) =
            tokio::sync::mpsc::unbounded_channel::<(tokio::time::Instant, String)>();
        let mut source = source.conn().await;
        let mut target = target.conn().await;
        let (count, stopped) = (written.clone(), stop.clone());
        let writer = tokio::spawn(async move {
            let mut next = 100_000;
            while !stopped.load(Ordering::Relaxed) {
                let statement = statement(&mut next);
                write(&mut source, &statement).await;
                queue
                    .send((tokio::time::Instant::now(), statement))
                    .expect("the copier lives");
                count.fetch_add(1, Ordering::SeqCst);
            }
        });
        let done = applied.clone();
        let copier = tokio::spawn(async move {
            while let Some((at, statement)) = inbox.recv().await {
                tokio::time::sleep_until(at + lag).await;
                write(&mut target, &statement).await;
                done.fetch_add(1, Ordering::SeqCst);
            }
        });
        Self {
            written,
            applied,
            stop,
            tasks: vec![writer, copier],
        }
    }

    fn progressed(&self) -> Arc<dyn Progressed> {
        Arc::new(Behind {
            written: self.written.clone(),
            applied: self.applied.clone(),
        })
    }

    async fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        for task in self.tasks {
            task.await.expect("no panic");
        }
        self.written.load(Ordering::SeqCst)
    }
}

/// One transaction: the statements between semicolons.
async fn write(conn: &mut Conn, statement: &str) {
    conn.query_drop(format!("START TRANSACTION; {statement}; COMMIT"))
        .await
        .expect(statement);
}

fn statement(next: &mut u64) -> String {
    let mut rng = rand::rng();
    let mut id = rng.random_range(1..20_000);
    if id == 5000 {
        // the key of a planted difference: it must stay as it is
        id += 1;
    }
    *next += 1;
    match rng.random_range(0..10) {
        0..=3 => format!(
            "UPDATE w.hot SET n = n + 1 WHERE id = {}",
            rng.random_range(1..=2)
        ),
        4 => format!(
            "UPDATE w.accounts SET balance = balance - 5 WHERE id = {id}; UPDATE w.accounts SET balance = balance + 5 WHERE id = {}",
            20_000 - id
        ),
        5 => format!("INSERT INTO w.accounts VALUES ({next}, 0, 'new')"),
        6 => format!("DELETE FROM w.accounts WHERE id = {}", *next - 50),
        7 => format!(
            "UPDATE w.names SET v = v + 1 WHERE k = 'n{}'; UPDATE w.names SET k = 'N{id}' WHERE k = 'n{id}'",
            id % 5000
        ),
        8 => format!(
            "INSERT INTO w.names VALUES ('x{next}', 1); DELETE FROM w.names WHERE k = 'x{}'",
            *next - 20
        ),
        _ => format!(
            "INSERT INTO w.events VALUES ({}, 'new'); DELETE FROM w.events WHERE a = {} ORDER BY b LIMIT 1",
            id % 100,
            (id + 1) % 100
        ),
    }
}

struct Behind {
    written: Arc<AtomicU64>,
    applied: Arc<AtomicU64>,
}

impl Progressed for Behind {
    fn passed_now(&self) -> BoxFuture<'_, Result<Passed>> {
        Box::pin(async move {
            // a statement that is committed may not be counted yet
            let position = self.written.load(Ordering::SeqCst) + 1;
            for _ in 0..200 {
                if self.applied.load(Ordering::SeqCst) >= position {
                    return Ok(Passed::Yes);
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Ok(Passed::NotYet)
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_in_flight_are_no_differences_and_real_ones_are_found() {
    let (source, target) = pair(Kind::MariaDb, Kind::MariaDb).await;
    both(&source, &target, TABLES).await;
    target.exec("DELETE FROM w.accounts WHERE id = 20000; UPDATE w.names SET v = -1 WHERE k = 'n5000'; INSERT INTO w.events VALUES (-1, 'extra')").await;
    let follower = Follower::start(&source, &target, Duration::from_millis(400)).await;
    let mut check = Verification::new(&source, &target, "w").await;
    check.options.reviewer_period_ms = 300;
    check.options.reviewer_rounds_max = 20;
    check.progressed = follower.progressed();
    let end = check.run().await;
    let statements = follower.stop().await;
    assert_eq!(end.expect("comparing"), Finish::Done);
    assert!(statements > 500, "the workload ran: {statements}");
    let found: HashMap<String, Vec<_>> = check
        .log
        .0
        .lock()
        .iter()
        .map(|(t, s)| (t.name.clone(), s.found()))
        .collect();
    let text: Vec<String> = found["accounts"].iter().map(|f| f.1.clone()).collect();
    assert_eq!(text, ["20000"]);
    assert_eq!(
        found["names"]
            .iter()
            .map(|f| f.1.as_str())
            .collect::<Vec<_>>(),
        ["n5000"]
    );
    assert_eq!(
        check.said("w.hot").result(),
        ResultType::Consistent,
        "{:?}",
        check.said("w.hot")
    );
    assert_eq!(
        check.said("w.events").outcome().counts.differences(),
        1,
        "{:?}",
        check.said("w.events").differences
    );
}

/// Corrections while the copier writes: nothing old is put over anything new.
#[tokio::test(flavor = "multi_thread")]
async fn corrections_do_not_disturb_the_copier() {
    let (source, target) = pair(Kind::MariaDb, Kind::MariaDb).await;
    both(&source, &target, TABLES).await;
    target.exec("UPDATE w.accounts SET note = 'bad' WHERE id % 20 = 0; DELETE FROM w.names WHERE v BETWEEN 4000 AND 4100; INSERT INTO w.names VALUES ('extra', 1)").await;
    let follower = Follower::start(&source, &target, Duration::from_millis(100)).await;
    let mut check = Verification::new(&source, &target, "w").await;
    check.options.correct = true;
    check.options.reviewer_period_ms = 300;
    check.options.reviewer_rounds_max = 20;
    check.progressed = follower.progressed();
    let end = check.run().await;
    follower.stop().await;
    end.expect("correcting");
    let rest = Verification::new(&source, &target, "w").await;
    rest.run().await.expect("comparing at rest");
    for (table, said) in rest.log.0.lock().iter() {
        // on a slow machine the copier may be too far behind for some; those it says
        let first = check.said(&table.to_string());
        let said_so = |id: &str| {
            first.differences.iter().any(|d| d.id == id) && !first.corrected.contains(id)
        };
        for difference in &said.differences {
            assert!(
                said_so(&difference.id),
                "{table}: {difference:?}; {:?}",
                first.outcome
            );
        }
        assert!(
            first.outcome().counts.corrected >= 100
                || table.name == "hot"
                || table.name == "events"
        );
    }
}

/// A target that never follows: without proof that Incr-Sync passed, nothing is called different.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_judged_while_incr_sync_is_behind() {
    struct NeverThere;
    impl Progressed for NeverThere {
        fn passed_now(&self) -> BoxFuture<'_, Result<Passed>> {
            Box::pin(async { Ok(Passed::NotYet) })
        }
    }
    let (source, target) = pair(Kind::MariaDb, Kind::MariaDb).await;
    both(&source, &target, TABLES).await;
    target
        .exec("DELETE FROM w.accounts WHERE id = 7; DELETE FROM w.events WHERE a = 7")
        .await;
    let mut check = Verification::new(&source, &target, "w").await;
    check.progressed = Arc::new(NeverThere);
    check
        .run()
        .await
        .expect_err("two tables could not be judged");
    for table in ["w.accounts", "w.events"] {
        assert_eq!(check.said(table).result(), ResultType::RuntimeException);
        assert!(check.said(table).outcome().message.contains("Incr-Sync"));
    }
    assert_eq!(check.said("w.names").result(), ResultType::Consistent);
    // where nobody can tell, the rounds are all there is
    let check = Verification::new(&source, &target, "w").await.unfollowed();
    check.run().await.expect("comparing");
    assert_eq!(check.said("w.accounts").outcome().counts.source_only, 1);
    assert_eq!(check.said("w.events").outcome().counts.source_only, 30);
}
