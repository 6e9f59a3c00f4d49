//! kill -9 of `oms migrate` in every step and at random instants, while the application writes; then it
//! goes on, and at the end both sides are equal, row by row, the tables without a key included.
//!
//! `OMS_KILLS=N` kills so often in all (default 30); `OMS_SEED=N` makes the same choices again.

#[path = "../harness/mod.rs"]
mod harness;

mod plan;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use harness::oms::{Running, announce};
use harness::server::start_all;
use harness::{Kind, Migration, Options, Rm, Server, Workload, WorkloadOptions, same_rows};
use mysql_async::Row;
use mysql_async::prelude::Queryable;
use plan::{Kill, Plan, STEPS};

/// Small pieces of everything, so that a kill hits something half done.
const SETTINGS: &str = "options:
  full_import: {workers: 2, slice_bytes: 131072, batch_bytes: 16384}
  store: {piece_bytes: 4096, heartbeat_ms: 200}
  incr_sync: {batch_rows: 50}
  full_verification: {workers: 2}
";

/// One pair of servers and the kills on it.
struct Victim<'a> {
    name: String,
    migration: &'a Migration,
    target: &'a Server,
    plan: Plan,
    landed: BTreeMap<String, usize>,
}

impl Victim<'_> {
    /// Starts oms, kills it, and notes in which step that was.
    async fn kill(&mut self, number: usize, kill: Kill) {
        let mut running = self.migration.start("forever");
        let started = Instant::now();
        if let Kill::In(step) = kill {
            self.wait_for(step, &mut running).await;
        }
        tokio::time::sleep(self.plan.pause(kill)).await;
        assert!(
            running.exited().is_none(),
            "oms ended by itself: {}",
            running.said()
        );
        running.kill9();
        let step = self.current().await;
        announce(&format!(
            "{}: kill {number} after {:.1} s, {kill}, landed in {step}",
            self.name,
            started.elapsed().as_secs_f64()
        ));
        *self.landed.entry(step).or_default() += 1;
    }

    /// Waits until a step runs, or has passed.
    async fn wait_for(&self, step: &str, running: &mut Running) {
        let deadline = Instant::now() + Duration::from_secs(150);
        let mut rm = None;
        let mut seen = Ok(String::new());
        while Instant::now() < deadline {
            if seen.is_err() {
                rm = None;
            }
            if rm.is_none() {
                rm = Rm::open(&self.migration.rm()).await.ok();
            }
            if let Some(rm) = &rm {
                seen = rm.status(step).await.map_err(|e| e.to_string());
                if let Ok("RUNNING" | "FINISHED" | "MONITORING") = seen.as_deref() {
                    return;
                }
            }
            assert!(
                running.exited().is_none(),
                "{}: oms ended by itself before {step}: {}",
                self.name,
                running.everything()
            );
            tokio::time::sleep(Duration::from_millis(4)).await;
        }
        let steps = match &rm {
            Some(rm) => rm.steps().await.unwrap_or_default(),
            None => Vec::new(),
        };
        panic!(
            "{}: {step} did not begin within 150 s: {seen:?}\nsteps: {steps:?}\nat the target: {}\noms: {}",
            self.name,
            processes(self.target).await,
            running.everything()
        );
    }

    /// The step that was being worked on, as the rm database says after the kill.
    async fn current(&self) -> String {
        let Ok(rm) = Rm::open(&self.migration.rm()).await else {
            return "(before the rm database)".into();
        };
        let steps = rm.steps().await.unwrap_or_default();
        let working = steps.iter().find(|(_, status)| status == "RUNNING");
        let following = steps.iter().find(|(_, status)| status == "MONITORING");
        match working.or(following) {
            Some((name, _)) => name.clone(),
            None => "(between steps)".into(),
        }
    }
}

/// What the server's sessions are at, for the message of a failure.
async fn processes(server: &Server) -> String {
    let mut conn = server.conn().await;
    let rows: Vec<Row> = conn
        .query("SHOW FULL PROCESSLIST")
        .await
        .unwrap_or_default();
    let lines: Vec<String> = rows
        .into_iter()
        .map(|row| format!("{:?}", row.unwrap()))
        .collect();
    lines.join("\n")
}

/// Removes what a migration left at the target, so that another one can begin.
async fn empty(target: &Server) {
    target.exec("DROP DATABASE IF EXISTS shop").await;
    target.exec("DROP DATABASE IF EXISTS omstxndb").await;
}

async fn survives_kills(pair: usize, from: Kind, to: Kind) {
    let [source, target] = start_all([(from, Options::default()), (to, Options::default())]).await;
    source.load_shop().await;
    let name = format!("{} to {}", from.name(), to.name());
    let (seed, rounds) = plan::rounds(pair);
    announce(&format!("{name}: OMS_SEED={seed}, {} rounds", rounds.len()));
    for (round, kills) in rounds.into_iter().enumerate() {
        empty(&target).await;
        let options = WorkloadOptions {
            seed: Some(seed + round as u64),
            rate: Some(120.0),
            ..WorkloadOptions::default()
        };
        let load = Workload::start(source.url(), options);
        let migration = Migration::shop(&source, &target)
            .arg("--incr-verify")
            .config(SETTINGS);
        let mut victim = Victim {
            name: name.clone(),
            migration: &migration,
            target: &target,
            plan: Plan::new(seed, round),
            landed: BTreeMap::new(),
        };
        let mut number = 0;
        for kill in victim.plan.kills(kills) {
            number += 1;
            victim.kill(number, kill).await;
        }
        let landed = victim.landed.clone();
        // The last part under load, to its end; then what came meanwhile.
        migration.caught_up().await.expect(0);
        load.stop().await;
        let ended = migration.caught_up().await.expect(0);
        assert_eq!(ended.json()["differences"], 0, "{ended}");
        same_rows(&source, &target, "shop").await;
        announce(&format!(
            "{name}: round {}: {number} kills: {landed:?}; both sides are equal",
            round + 1
        ));
        let missed: Vec<_> = STEPS
            .iter()
            .filter(|step| !landed.contains_key(**step))
            .collect();
        assert!(
            missed.is_empty(),
            "no kill landed in {missed:?}: {landed:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_to_oceanbase() {
    survives_kills(0, Kind::MySql, Kind::OceanBase).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_to_mariadb() {
    survives_kills(1, Kind::MariaDb, Kind::MariaDb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_to_mariadb() {
    survives_kills(2, Kind::MySql, Kind::MariaDb).await;
}
