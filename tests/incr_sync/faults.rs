//! Random histories over a copy that was made while the source went on, applied through kills: of
//! the work at random instants, of the server at random instants. The target ends equal to the
//! source, keyless tables included.

use super::component::contract::{Finish, ProgressCell, Work};
use super::harness::{Kind, Options, Server};
use super::sim::Tables;
use super::world::{World, world};
use super::{Follow, context, create, open, rows};
use mysql_async::prelude::Queryable;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use std::sync::Arc;
use std::time::Duration;

/// Kills of the work in one test.
fn kills() -> u32 {
    std::env::var("OMS_KILLS")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(30)
}

async fn fill(server: &Server, copy: &Tables) {
    server
        .exec("DROP DATABASE IF EXISTS d; DROP DATABASE IF EXISTS omstxndb; CREATE DATABASE d")
        .await;
    let mut conn = server.conn().await;
    for table in copy.values() {
        conn.query_drop(create(&table.table)).await.expect("create");
        for row in &table.rows {
            let values: Vec<String> = row
                .iter()
                .map(|v| v.as_ref().map_or("NULL".to_owned(), |v| format!("'{v}'")))
                .collect();
            let name = table.table.name.quoted();
            conn.query_drop(format!("INSERT INTO {name} VALUES ({})", values.join(",")))
                .await
                .expect("insert");
        }
    }
}

async fn follow(server: &Server, seed: u64, txns: usize) -> (World, Follow) {
    let world = world(seed, txns);
    let visible: Vec<usize> = (0..world.items.len())
        .filter(|&i| world.items[i].end().is_some())
        .collect();
    let (from, to) = (visible[20], visible[80]);
    let (copy, starts) = world.copy(from, to, seed);
    fill(server, &copy).await;
    let follow = Follow {
        target: open(server).await,
        items: Arc::new(world.items.clone()),
        start: world.items[from].end().expect("end").clone(),
        starts,
        stop_at: world.end.clone(),
        lanes: 4,
    };
    (world, follow)
}

/// Kills the work `kills` times, and the server each tenth time, then lets it end.
async fn through_kills(server: &Server, kind: Kind, server_kills: bool) {
    let seed: u64 = std::env::var("OMS_SEED")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or_else(rand::random);
    println!("{}: OMS_SEED={seed}", kind.name());
    let mut rng = SmallRng::seed_from_u64(seed);
    let kills = kills();
    let (world, mut follow) = follow(server, seed, 200 + 60 * kills as usize).await;
    let mut finished = false;
    let (mut epoch, mut done) = (1, 0);
    for kill in 0..kills {
        follow.lanes = rng.random_range(1..6);
        let (work, progress) = follow.work(rng.random());
        let running = tokio::spawn(work.run(context(epoch, Arc::clone(&progress))));
        tokio::time::sleep(Duration::from_millis(rng.random_range(5..250))).await;
        if server_kills && kill % 10 == 9 {
            server.kill9();
            tokio::time::sleep(Duration::from_millis(rng.random_range(5..50))).await;
            server.restart().await;
            tokio::time::sleep(Duration::from_millis(rng.random_range(5..200))).await;
        }
        running.abort();
        match running.await {
            Ok(Ok(Finish::Done)) => finished = true,
            Ok(Ok(Finish::Cancelled)) => panic!("nobody told it to end"),
            Ok(Err(error)) => assert!(error.is_transient(), "{error}"),
            Err(aborted) => assert!(aborted.is_cancelled(), "{aborted}"),
        }
        done += progress.read().done;
        epoch += i64::from(rng.random_bool(0.7));
    }
    let (work, progress) = follow.work(rng.random());
    let last = work.run(context(epoch, Arc::clone(&progress))).await;
    assert_eq!(last.expect("the last run"), Finish::Done);
    done += progress.read().done;
    println!(
        "{}: finished early: {finished}, changes told as done: {done}",
        kind.name()
    );
    assert_same(&follow, &world, &progress).await;
}

async fn assert_same(follow: &Follow, world: &World, progress: &ProgressCell) {
    for (name, table) in world.states.last().expect("states") {
        let found = rows(&follow.target, &table.table).await;
        assert_eq!(found, table.sorted(), "{name}, {:?}", progress.read());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_ends_equal_through_kills() {
    let server = Server::start(Kind::MariaDb, Options::default()).await;
    through_kills(&server, Kind::MariaDb, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_ends_equal_through_kills() {
    let server = Server::start(Kind::MySql, Options::default()).await;
    through_kills(&server, Kind::MySql, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn oceanbase_ends_equal_through_kills() {
    let server = Server::start(Kind::OceanBase, Options::default()).await;
    // A seekdb 1.4 that is killed in the midst of a TRUNCATE comes back with the table locked for
    // good: every later DDL on it waits for ever, whoever sends it. So only the work is killed.
    through_kills(&server, Kind::OceanBase, false).await;
}
