//! How soon it is known that everything up to the source's last position is applied, also where the
//! source is idle and nothing beats.

use crate::harness::server::start_all;
use crate::harness::{Kind, Options, Server};
use crate::link::{LONG, Link, Plan, opened};
use oms::component::incr_sync::Reached;
use oms::datasource::mysql::binlog::status::position_now;
use std::sync::Arc;
use std::time::Instant;

const ROUNDS: usize = 20;

async fn servers(kind: Kind) -> [Arc<Server>; 2] {
    let servers = start_all([(kind, Options::default()), (kind, Options::default())]).await;
    for server in &servers {
        server
            .exec("CREATE DATABASE d; CREATE TABLE d.t (id int NOT NULL PRIMARY KEY); CREATE DATABASE other; CREATE TABLE other.t (id int)")
            .await;
    }
    servers
}

/// The log goes on in ways of which a consumer hears nothing else: a new file, a transaction out of
/// scope, DDL out of scope, a transaction of ours.
async fn an_idle_source_is_known_to_be_applied(kind: Kind) {
    let [a, b] = servers(kind).await;
    let mut plan = Plan::new("np_1/incr_sync", &a, &b).leaving_out(&["np_1/"]);
    plan.heartbeat = false;
    let mut link = Link::started(plan).await;
    for sql in [
        "INSERT INTO d.t VALUES (1)",
        "FLUSH BINARY LOGS",
        "INSERT INTO other.t VALUES (1)",
        "CREATE TABLE other.n (id int)",
        "FLUSH BINARY LOGS",
        "DELETE FROM d.t",
        "FLUSH BINARY LOGS; FLUSH BINARY LOGS",
    ] {
        a.exec(sql).await;
        link.catch_up().await;
    }
    // while Incr-Sync rests, nothing that is left is taken for applied
    link.stop_sync().await;
    a.exec("INSERT INTO d.t VALUES (2)").await;
    let source = opened(&a.url()).await.expect("source");
    let goal = position_now(&source).await.expect("position");
    let reach = link.reach().await;
    let found = reach.wait(&goal, std::time::Duration::from_secs(1)).await;
    let found = found.expect("an answer");
    assert!(matches!(found, Reached::AppliedTo(_)), "{found:?}");
    link.start_sync();
    let found = reach.wait(&goal, LONG).await.expect("an answer");
    assert_eq!(found, Reached::Yes);
    link.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_mysql_is_known_to_be_applied() {
    an_idle_source_is_known_to_be_applied(Kind::MySql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_mariadb_is_known_to_be_applied() {
    an_idle_source_is_known_to_be_applied(Kind::MariaDb).await;
}

/// From the last write to the word that it is applied.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_write_is_known_soon() {
    for kind in [Kind::MySql, Kind::MariaDb] {
        let [a, b] = servers(kind).await;
        let mut link =
            Link::started(Plan::new("np_1/incr_sync", &a, &b).leaving_out(&["np_1/"])).await;
        let source = opened(&a.url()).await.expect("source");
        let reach = link.reach().await;
        let mut took = Vec::new();
        for id in 0..ROUNDS {
            a.exec(&format!("INSERT INTO d.t VALUES ({id})")).await;
            let begun = Instant::now();
            let goal = position_now(&source).await.expect("position");
            let found = reach.wait(&goal, LONG).await.expect("an answer");
            assert_eq!(found, Reached::Yes);
            took.push(begun.elapsed().as_millis());
        }
        took.sort_unstable();
        println!(
            "{kind:?}: from the last write to applied: p50 {} ms, longest {} ms",
            took[ROUNDS / 2],
            took[ROUNDS - 1]
        );
        link.stop().await;
    }
}
