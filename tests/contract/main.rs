//! Every component through the contract (`docs/component-contract.md`), on real servers: it is
//! paused, resumed, stopped, made to panic, made to fail and forgotten at random instants, until
//! its goal is reached; after a pause it holds no connection; and what the eight did together is
//! right, row by row.

#![allow(
    clippy::print_stdout,
    reason = "the seed and the counters of a run are for people"
)]

#[path = "../harness/mod.rs"]
mod harness;
mod world;

use harness::compare::same_rows;
use harness::{Kind, Workload, WorkloadOptions};
use oms::actor::ShellState;
use oms::metadata::ComponentType;
use std::time::Duration;
use world::{Ending, World};

/// How often each component is disturbed before it may work in peace.
const DISTURBANCES: u32 = 6;

fn seed() -> u64 {
    let given = std::env::var("OMS_SEED").ok().and_then(|s| s.parse().ok());
    let seed = given.unwrap_or_else(rand::random);
    println!("OMS_SEED={seed}");
    seed
}

async fn all_components(source: Kind, target: Kind) {
    let mut world = World::new(source, target, seed()).await;
    let options = WorkloadOptions {
        seed: Some(world.seed),
        rate: Some(25.0),
        ..WorkloadOptions::default()
    };
    let load = Workload::start(world.source.url(), options);
    for kind in [ComponentType::Precheck, ComponentType::StructTransfer] {
        world.torment(kind, DISTURBANCES).await;
        assert_eq!(world.finish(kind).await, Ending::Finished, "{kind}");
    }
    // the Store goes on beside the others from here on
    world.torment(ComponentType::Store, DISTURBANCES).await;
    assert_eq!(world.finish(ComponentType::Store).await, Ending::Ready);
    for kind in [ComponentType::FullImport, ComponentType::IndexTransfer] {
        world.torment(kind, DISTURBANCES).await;
        assert_eq!(world.finish(kind).await, Ending::Finished, "{kind}");
    }
    world.torment(ComponentType::IncrSync, DISTURBANCES).await;
    world.disturb_running(ComponentType::Store).await;
    assert_eq!(world.finish(ComponentType::Store).await, Ending::Ready);
    assert_eq!(world.finish(ComponentType::IncrSync).await, Ending::Ready);
    let verifies = ComponentType::IncrVerification;
    world.torment(verifies, DISTURBANCES).await;
    assert_eq!(world.finish(verifies).await, Ending::Ready);
    world
        .torment(ComponentType::FullVerification, DISTURBANCES)
        .await;
    assert_eq!(
        world.finish(ComponentType::FullVerification).await,
        Ending::Finished
    );

    let counters = load.stop().await;
    println!("{counters:?}");
    world.wait_until_followed().await;
    same_rows(&world.source, &world.target, "shop").await;
    assert_eq!(world.inconsistencies().await, 0);
    assert_eq!(world.wait_until_verified().await, 0);

    for kind in [verifies, ComponentType::IncrSync, ComponentType::Store] {
        world.stop(kind).await;
        assert_eq!(world.state(kind).await, ShellState::Stopped);
    }
    world.no_connections_are_left(Duration::from_secs(10)).await;
}

#[test]
fn mariadb_to_mariadb() {
    oms::actor::system::run(all_components(Kind::MariaDb, Kind::MariaDb)).expect("a runtime");
}

#[test]
fn mysql_to_oceanbase() {
    oms::actor::system::run(all_components(Kind::MySql, Kind::OceanBase)).expect("a runtime");
}
