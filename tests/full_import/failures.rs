//! Connections that break, a work that is told to end, a newer generation, the application that
//! writes meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mysql_async::prelude::Queryable;
use oms::component::contract::{Finish, ProgressCell};
use oms::error::Kind as ErrorKind;

use crate::fixture::{Copy, assert_equal, make_zoo};
use crate::harness::server::start_all;
use crate::harness::{Kind, Options, Server, wait_until};

async fn pair() -> [Arc<Server>; 2] {
    start_all([
        (Kind::MariaDb, Options::default()),
        (Kind::MariaDb, Options::default().no_binlog()),
    ])
    .await
}

/// Kills every other session of a server; returns how many.
async fn kill_sessions(server: &Server) -> u32 {
    let mut conn = server.conn().await;
    let ids: Vec<u64> = conn
        .query("SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND user = 'root'")
        .await
        .expect("sessions");
    let mut killed = 0;
    for id in ids {
        killed += u32::from(conn.query_drop(format!("KILL {id}")).await.is_ok());
    }
    killed
}

async fn first_rows(progress: &ProgressCell) {
    wait_until("the first rows", Duration::from_secs(20), || async {
        let done = progress.read().done;
        if done > 0 { Ok(Some(())) } else { Err(done) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_connections_are_made_anew() {
    let [source, target] = pair().await;
    let tables = make_zoo(&source, &target).await;
    let mut copy = Copy::new(&source, &target, tables);
    copy.options.workers = 2;
    let run = tokio::spawn(copy.start());
    first_rows(&copy.progress).await;
    let mut killed = 0;
    for round in 0..6 {
        let server = if round % 2 == 0 { &source } else { &target };
        killed += wait_until("sessions to kill", Duration::from_secs(20), || async {
            let killed = kill_sessions(server).await;
            let some = killed > 0 || run.is_finished();
            Ok::<_, String>(some.then_some(killed))
        })
        .await;
    }
    assert!(killed > 0);
    assert_eq!(
        run.await.expect("no panic").expect("no error"),
        Finish::Done
    );
    assert_equal(&source, &target, &copy.tables).await;
    for table in &copy.tables {
        let slices = copy.slices.of(&table.name);
        let copied: u64 = slices.iter().map(|s| s.rows).sum();
        let there: Option<u64> = target
            .conn()
            .await
            .query_first(format!("SELECT COUNT(*) FROM {}", table.name.quoted()))
            .await
            .expect("count");
        assert_eq!(Some(copied), there, "{}: {slices:#?}", table.name);
    }
    let progress = copy.progress.read();
    assert_eq!(progress.done, 9000 + 6000 + 3000 + 600 + 3 + 5000 + 8000);
    assert_eq!(progress.total, progress.done);
    assert_eq!(progress.detail["tablesFinished"], 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn told_to_end_it_ends_soon_and_goes_on_later() {
    let [source, target] = pair().await;
    let tables = make_zoo(&source, &target).await;
    let mut copy = Copy::new(&source, &target, tables);
    copy.options.workers = 1;
    let run = tokio::spawn(copy.start());
    let (progress, cancel) = (copy.progress.clone(), copy.cancel.clone());
    first_rows(&progress).await;
    cancel.cancel();
    let ended = tokio::time::timeout(Duration::from_secs(1), run)
        .await
        .expect("soon");
    assert_eq!(
        ended.expect("no panic").expect("no error"),
        Finish::Cancelled
    );
    // the same generation may go on
    copy.cancel = tokio_util::sync::CancellationToken::new();
    let again = copy.same_generation(copy.epoch).await;
    assert_eq!(again.expect("no error"), Finish::Done);
    assert_equal(&source, &target, &copy.tables).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_generation_fences_the_older() {
    let [source, target] = pair().await;
    let tables = make_zoo(&source, &target).await;
    let mut copy = Copy::new(&source, &target, tables);
    copy.options.workers = 1;
    let old = tokio::spawn(copy.start());
    let progress = copy.progress.clone();
    first_rows(&progress).await;
    let new = copy.start().await;
    assert_eq!(new.expect("no error"), Finish::Done);
    match old.await.expect("no panic") {
        Ok(finish) => assert_eq!(finish, Finish::Done),
        Err(error) => assert_eq!(error.kind(), ErrorKind::Fenced, "{error}"),
    }
    assert_equal(&source, &target, &copy.tables).await;
    let late = copy.same_generation(1).await.expect_err("fenced");
    assert_eq!(late.kind(), ErrorKind::Fenced);
}

/// Unique values that move between rows while the copy reads them: the copy must not stumble. What
/// it leaves is not equal yet; the log makes it so.
#[tokio::test(flavor = "multi_thread")]
async fn unique_values_move_while_the_copy_runs() {
    let [source, target] = pair().await;
    let tables = make_zoo(&source, &target).await;
    let only = tables
        .into_iter()
        .filter(|t| t.name.name == "uniq")
        .collect();
    let mut copy = Copy::new(&source, &target, only);
    let stop = Arc::new(AtomicBool::new(false));
    let (writer, flag) = (source.clone(), stop.clone());
    let writer = tokio::spawn(async move {
        let mut conn = writer.conn().await;
        let mut round = 0_u64;
        while !flag.load(Ordering::Relaxed) {
            let (low, high) = (round % 2000, 4999 - round % 2000);
            conn.query_drop(format!(
                "BEGIN; SELECT u INTO @a FROM d.uniq WHERE id = {low}; SELECT u INTO @b FROM d.uniq WHERE id = {high}; \
                 UPDATE d.uniq SET u = NULL WHERE id = {low}; UPDATE d.uniq SET u = @a WHERE id = {high}; \
                 UPDATE d.uniq SET u = @b WHERE id = {low}; COMMIT"
            ))
            .await
            .expect("swap");
            round += 1;
        }
    });
    for _ in 0..10 {
        target.exec("TRUNCATE TABLE d.uniq").await;
        copy.slices.tables.lock().clear();
        assert_eq!(copy.start().await.expect("copied"), Finish::Done);
    }
    stop.store(true, Ordering::Relaxed);
    writer.await.expect("no panic");
}
