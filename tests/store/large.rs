//! Large things in little memory, many readers at once, and a broken file that is mended.

use crate::follow;
use crate::harness::{Kind, Options, Server as TestServer};
use crate::run::{self, SUBTOPIC, Setup, consume};
use oms::component::log_source::LogSource;
use oms::error::Kind as ErrorKind;
use oms::model::change::LogItem;
use std::os::unix::fs::FileExt;
use std::time::Duration;

/// The process's peak memory, bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("status");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM"))
        .expect("peak");
    let digits: String = line.chars().filter(char::is_ascii_digit).collect();
    digits.parse::<u64>().expect("number") * 1024
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_transaction_passes_in_pieces() {
    for kind in [Kind::MariaDb, Kind::MySql] {
        let source = TestServer::start(kind, Options::default()).await;
        source
            .exec(
                "CREATE DATABASE a; USE a; CREATE TABLE t (id BIGINT AUTO_INCREMENT PRIMARY KEY, v VARBINARY(4000)); \
                 INSERT INTO t (v) VALUES (REPEAT('x', 1000))",
            )
            .await;
        let folder = tempfile::tempdir().expect("folder");
        let mut setup = Setup::new(source.url(), folder.path(), "a.*");
        setup.options.segment_bytes = 10 << 20;
        let running = setup.start();
        running.ready().await;
        let from = run::beginning(&setup.hub).await;
        // 2^17 rows of 1 KB in one transaction
        let mut sql = "USE a; BEGIN;".to_owned();
        for _ in 0..17 {
            sql.push_str("INSERT INTO t (v) SELECT v FROM t;");
        }
        sql.push_str("COMMIT");
        std::fs::write("/proc/self/clear_refs", "5").expect("reset of the peak");
        let before = peak();
        source.exec(&sql).await;
        let server = follow::open(&source.url()).await;
        let end = follow::position(&server).await;
        let read = async {
            let mut reader = setup.hub.open(SUBTOPIC, &from).await.expect("reader");
            let (mut rows, mut pieces) = (0, 0);
            loop {
                let item = reader.next().await.expect("item");
                if let LogItem::Txn(piece) = &item {
                    rows += piece.changes.len();
                    pieces += 1;
                }
                if item.end().is_some_and(|p| p.txn_id() >= end.txn_id()) {
                    return (rows, pieces);
                }
            }
        };
        let (rows, pieces) = tokio::time::timeout(Duration::from_secs(120), read)
            .await
            .expect("the transaction comes");
        assert_eq!(rows, (1 << 17) - 1);
        assert!(pieces > 100, "{pieces} pieces");
        let grown = peak() - before;
        assert!(grown < 48 << 20, "{} MB more memory", grown >> 20);
        running.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_readers_read_at_once_and_a_broken_frame_is_pulled_again() {
    let source = TestServer::start(Kind::MariaDb, Options::default()).await;
    source
        .exec("CREATE DATABASE a; CREATE TABLE a.t (id INT PRIMARY KEY, v VARCHAR(100))")
        .await;
    let folder = tempfile::tempdir().expect("folder");
    let mut setup = Setup::new(source.url(), folder.path(), "a.*");
    setup.options.segment_bytes = 20_000;
    let running = setup.start();
    running.ready().await;
    let from = run::beginning(&setup.hub).await;
    let missing = setup.hub.open("no_such_topic", &from).await;
    assert_eq!(
        missing.expect_err("missing").kind(),
        ErrorKind::StoreMissing
    );
    let mut older = from.clone();
    older.offset -= 1;
    let too_old = setup.hub.open(SUBTOPIC, &older).await;
    assert_eq!(
        too_old.expect_err("too old").kind(),
        ErrorKind::StorePosition
    );
    let mut sql = String::new();
    for id in 0..1000 {
        sql.push_str(&format!(
            "INSERT INTO a.t VALUES ({id}, REPEAT('{}', 90));",
            id % 10
        ));
    }
    source.exec(&sql).await;
    let server = follow::open(&source.url()).await;
    let end = follow::position(&server).await;
    let readers: Vec<_> = (0..10)
        .map(|_| {
            let (hub, from, end) = (setup.hub.clone(), from.clone(), end.clone());
            tokio::spawn(async move { consume(&hub, &from, &end).await })
        })
        .collect();
    for reader in readers {
        assert_eq!(reader.await.expect("reader").changes.len(), 1000);
    }
    // break a frame in the middle of the third segment
    let file = std::fs::OpenOptions::new()
        .write(true)
        .read(true)
        .open(setup.dir.join("0000000003.seg"))
        .expect("segment");
    let mut byte = [0];
    file.read_exact_at(&mut byte, 9000).expect("read");
    file.write_all_at(&[byte[0] ^ 1], 9000).expect("break");
    let mut reader = setup.hub.open(SUBTOPIC, &from).await.expect("reader");
    let mut seen = 0;
    let error = loop {
        match reader.next().await {
            Ok(LogItem::Txn(piece)) => seen += piece.changes.len(),
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::StoreCorrupt, "{error}");
    assert!(seen > 0 && seen < 1000);
    // the Store pulls again from there; nothing is missing
    let again = consume_after_repair(&setup, &from, &end).await;
    assert_eq!(again, 1000);
    running.stop().await;
}

/// Opens readers until one gets all.
async fn consume_after_repair(
    setup: &Setup,
    from: &oms::model::position::Position,
    end: &oms::model::position::Position,
) -> usize {
    let repaired = async {
        loop {
            let (_, tip) = setup.hub.range(SUBTOPIC).expect("range");
            let mut reader = setup.hub.open(SUBTOPIC, from).await.expect("reader");
            let mut rows = 0;
            let done = loop {
                match reader.next().await {
                    Ok(item) => {
                        if let LogItem::Txn(piece) = &item {
                            rows += piece.changes.len();
                        }
                        if item.end().is_some_and(|p| p.txn_id() >= end.txn_id()) {
                            break true;
                        }
                    }
                    Err(_) => break false,
                }
            };
            if done && tip.txn_id() >= end.txn_id() {
                return rows;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), repaired)
        .await
        .expect("repaired")
}

/// A device that takes nothing stands where the next segment is made.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_loses_nothing() {
    let source = TestServer::start(Kind::MariaDb, Options::default()).await;
    source
        .exec("CREATE DATABASE a; CREATE TABLE a.t (id INT PRIMARY KEY, v VARCHAR(100))")
        .await;
    let folder = tempfile::tempdir().expect("folder");
    let mut setup = Setup::new(source.url(), folder.path(), "a.*");
    setup.options.segment_bytes = 10_000;
    let running = setup.start();
    running.ready().await;
    let from = run::beginning(&setup.hub).await;
    let full = setup.dir.join("0000000002.seg");
    if !full.exists() {
        std::os::unix::fs::symlink("/dev/full", &full).expect("link");
    }
    let mut sql = String::new();
    for id in 0..500 {
        sql.push_str(&format!("INSERT INTO a.t VALUES ({id}, REPEAT('x', 90));"));
    }
    source.exec(&sql).await;
    // the work ends, and whoever supervises it starts it again
    let error = running.error().await;
    assert_eq!(error.kind(), ErrorKind::StoreIo, "{error}");
    assert!(error.is_transient());
    let running = setup.start();
    let server = follow::open(&source.url()).await;
    let end = follow::position(&server).await;
    let got = consume(&setup.hub, &from, &end).await;
    assert_eq!(got.changes.len(), 500);
    running.stop().await;
}
