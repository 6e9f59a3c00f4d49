//! What may go wrong under a comparison: a stream that breaks is never taken for one that ended.

use std::collections::BTreeMap;
use std::time::Duration;

use mysql_async::prelude::Queryable;
use oms::component::contract::Finish;
use oms::component::full_verification::ResultType;
use oms::datasource::mysql::compare::RowStream;
use oms::datasource::mysql::{Server as Source, Session};

use crate::fixture::{Verification, both, endpoint, pair};
use crate::harness::{Kind, Options, Server, wait_until};

/// The rows of a big result are on their way when the server kills the query (vitess 19008: such a
/// stream was taken for one that had ended).
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_ends_with_an_error_is_not_an_end() {
    for kind in [Kind::MariaDb, Kind::MySql] {
        let server = Server::start(kind, Options::default()).await;
        let source = Source::open(&endpoint(&server)).await.expect("it answers");
        let mut conn = source.session(Session::Read).await.expect("a session");
        let id = conn.id();
        // far more than what fits into the buffers between
        let sql = "SELECT REPEAT('x', 1000) FROM information_schema.columns a, information_schema.columns b";
        let mut stream = RowStream::start(&mut conn, sql.into(), 1, "reading")
            .await
            .expect("started");
        for _ in 0..1000 {
            stream.next().await.expect("a row").expect("there are more");
        }
        server.exec(&format!("KILL QUERY {id}")).await;
        let error = loop {
            match stream.next().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("{kind:?}: the broken stream looks as if it had ended"),
                Err(error) => break error,
            }
        };
        assert!(error.is_transient(), "{error}");
        // asked again, it does not pretend to have ended either
        assert!(stream.next().await.is_err());
        assert!(stream.next().await.is_err());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_connections_are_made_again() {
    let (source, target) = pair(Kind::MariaDb, Kind::MariaDb).await;
    both(&source, &target, "
        CREATE DATABASE k; CREATE TABLE k.big (id INT PRIMARY KEY, v VARCHAR(200));
        INSERT INTO k.big SELECT seq, REPEAT('x', 150) FROM seq_1_to_300000;
        CREATE TABLE k.texts (id VARCHAR(20) PRIMARY KEY, v VARCHAR(200)); INSERT INTO k.texts SELECT * FROM k.big WHERE id <= 30000;
        CREATE TABLE k.keyless (id INT, v VARCHAR(200)); INSERT INTO k.keyless SELECT * FROM k.big").await;
    target.exec("DELETE FROM k.big WHERE id = 299999; DELETE FROM k.texts WHERE id = '29999'; DELETE FROM k.keyless WHERE id = 299999").await;
    let check = Verification::new(&source, &target, "k").await;
    let running = tokio::spawn(check.start());
    // a comparison bears three failures of one read; what fails more often is the Supervisor's
    let mut kills = BTreeMap::from([("`big`", 0), ("`texts`", 0), ("`keyless`", 0)]);
    let (mut s, mut t) = (source.conn().await, target.conn().await);
    while !running.is_finished() {
        for conn in [&mut s, &mut t] {
            let queries: Vec<(u64, String)> = conn
                .query("SELECT id, info FROM information_schema.processlist WHERE info LIKE 'SELECT%k`.`%' AND id <> CONNECTION_ID() ORDER BY RAND() LIMIT 1")
                .await
                .expect("the list of connections");
            for (id, query) in queries {
                let (_, killed) = kills
                    .iter_mut()
                    .find(|(table, _)| query.contains(*table))
                    .expect("a query of one of the three tables");
                if *killed < 3 {
                    // it may be gone already
                    *killed += u32::from(conn.query_drop(format!("KILL {id}")).await.is_ok());
                }
            }
        }
        // the pace of the kills, until the comparison is over: between two of them something is read
        tokio::time::sleep(Duration::from_millis(120)).await;
    }
    assert_eq!(
        running.await.expect("no panic").expect("comparing"),
        Finish::Done
    );
    assert!(kills.values().sum::<u32>() > 0, "{kills:?}");
    for (table, rows) in [
        ("k.big", 300_000),
        ("k.texts", 30_000),
        ("k.keyless", 300_000),
    ] {
        let said = check.said(table);
        assert_eq!(
            said.result(),
            ResultType::Inconsistent,
            "{table}: {:?}",
            said.outcome
        );
        let counts = said.outcome().counts;
        assert_eq!(
            (counts.source_only, counts.differences(), counts.source_rows),
            (1, 1, rows),
            "{table}"
        );
        assert_eq!(said.differences.len(), 1, "{table}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_goes_away_ends_the_work_with_an_error_that_may_pass() {
    let (source, target) = pair(Kind::MariaDb, Kind::MariaDb).await;
    both(
        &source,
        &target,
        "
        CREATE DATABASE k; CREATE TABLE k.a (id INT PRIMARY KEY, v VARCHAR(200));
        INSERT INTO k.a SELECT seq, REPEAT('x', 150) FROM seq_1_to_300000;
        CREATE TABLE k.small (id INT PRIMARY KEY); INSERT INTO k.small VALUES (1)",
    )
    .await;
    let check = Verification::new(&source, &target, "k").await;
    let running = tokio::spawn(check.start());
    let begun = || async { Ok::<_, String>((check.progress.read().done > 1000).then_some(())) };
    wait_until("rows compared", Duration::from_secs(60), begun).await;
    target.kill9();
    let error = running
        .await
        .expect("no panic")
        .expect_err("the target is gone");
    assert!(error.is_transient(), "{error}");
    let outcome = check.said("k.a").outcome;
    assert!(outcome.is_none_or(|o| o.result == ResultType::RuntimeException));
    target.restart().await;
    assert_eq!(check.run().await.expect("comparing"), Finish::Done);
    assert_eq!(check.said("k.a").outcome().counts.consistent, 300_000);
}
