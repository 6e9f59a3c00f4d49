//! The work ends at random instants, as if the process was killed, and goes on until it is finished.

use std::time::Duration;

use oms::component::contract::Finish;
use oms::component::full_import::SliceState;
use rand::{Rng, RngExt, SeedableRng};

use crate::fixture::{Copy, assert_equal, make_zoo};
use crate::harness::server::start_all;
use crate::harness::{Kind, Options, Server};

async fn killed_until_done(source: &Server, target: &Server, at_least: u32) {
    let seed = rand::random();
    tracing::info!(seed, "instants of the kills");
    let mut random = rand::rngs::StdRng::seed_from_u64(seed);
    let mut kills = 0;
    let mut epoch = 0;
    while kills < at_least {
        let tables = make_zoo(source, target).await;
        let mut copy = Copy::new(source, target, tables);
        copy.epoch = epoch;
        kills += kill_one(&mut copy, &mut random).await;
        epoch = copy.epoch;
        assert_equal(source, target, &copy.tables).await;
        for table in &copy.tables {
            let slices = copy.slices.of(&table.name);
            let unfinished = slices.iter().find(|s| s.state != SliceState::Finished);
            assert_eq!(unfinished, None);
        }
    }
}

/// Runs one copy to its end; returns how often it was killed.
async fn kill_one(copy: &mut Copy, random: &mut impl Rng) -> u32 {
    let mut kills = 0;
    loop {
        let life = Duration::from_millis(random.random_range(1..250));
        let run = tokio::spawn(copy.start());
        let handle = run.abort_handle();
        match tokio::time::timeout(life, run).await {
            Ok(finish) => {
                let finish = finish.expect("no panic").expect("no error");
                assert_eq!(finish, Finish::Done);
                return kills;
            }
            Err(_) => {
                handle.abort();
                kills += 1;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_to_mariadb() {
    let [source, target] = start_all([
        (Kind::MariaDb, Options::default()),
        (Kind::MariaDb, Options::default().no_binlog()),
    ])
    .await;
    killed_until_done(&source, &target, 40).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_to_oceanbase() {
    let [source, target] = start_all([
        (Kind::MySql, Options::default()),
        (Kind::OceanBase, Options::default()),
    ])
    .await;
    killed_until_done(&source, &target, 15).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_to_mysql() {
    let [source, target] = start_all([
        (Kind::MySql, Options::default()),
        (Kind::MySql, Options::default().no_binlog()),
    ])
    .await;
    killed_until_done(&source, &target, 15).await;
}
