//! The whole of Incr-Sync against a simulated target: random histories, random schedules, random
//! failures, kills at random instants. In the end the target equals the source.

mod join;
mod large;
mod sim;
pub mod world;

use super::ddl::{DdlApplier, DdlTaskState, DdlTasks};
use super::settings::Settings;
use super::work::IncrSyncWork;
use super::{MOST_CLAIMS, OpenLog, Retry};
use crate::component::contract::{Assignment, Context, Finish, ProgressCell, Work};
use crate::component::log_source::LogSource;
use crate::component::throttle::Throttle;
use crate::error::{Kind, Result};
use crate::model::change::{DdlEvent, LogItem};
use crate::model::ddl::Ddl;
use crate::model::filter::ObjectFilter;
use crate::model::ids::TxnId;
use crate::model::options::{IncrSyncOptions, TransactionMode};
use crate::model::position::Position;
use crate::model::table::TableName;
use futures::future::BoxFuture;
use proptest::prelude::*;
use rand::rngs::SmallRng;
use rand::{RngExt, SeedableRng};
use sim::{Faults, Sim, Tables};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use world::{MemoryLog, World, has_orphans, position, world};

struct SimDdl(Sim);

impl DdlApplier for SimDdl {
    fn apply<'a>(&'a self, event: &'a DdlEvent) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            if let Ddl::TruncateTable(name) = &event.ddl {
                let mut state = self.0.0.lock();
                state.tables.get_mut(name).expect("table").rows.clear();
            }
            Ok(())
        })
    }
}

struct Tasks(DdlTaskState);

impl DdlTasks for Tasks {
    fn record<'a>(
        &'a self,
        _: TxnId,
        _: &'a str,
        _: &'a str,
    ) -> BoxFuture<'a, Result<DdlTaskState>> {
        let state = self.0;
        Box::pin(async move { Ok(state) })
    }
}

fn options(lanes: usize) -> IncrSyncOptions {
    IncrSyncOptions {
        lanes,
        batch_rows: 7,
        batch_bytes: 4096,
        window_bytes: 2000,
        ..IncrSyncOptions::default()
    }
}

struct Setup {
    sim: Sim,
    items: Arc<Vec<LogItem>>,
    start: Position,
    starts: HashMap<TableName, Position>,
    stop_at: Option<Position>,
    filter: ObjectFilter,
    tasks: DdlTaskState,
    mode: TransactionMode,
    most_claims: usize,
    throttle: Arc<Throttle>,
}

impl Setup {
    fn work(&self, lanes: usize, seed: u64) -> Box<IncrSyncWork> {
        let items = Arc::clone(&self.items);
        let open: OpenLog = Arc::new(move |from: Position| {
            let log: Box<dyn LogSource> = Box::new(MemoryLog::new(&items, &from, seed));
            Box::pin(async move { Ok(log) })
        });
        let settings = Settings {
            start: self.start.clone(),
            table_starts: self.starts.clone(),
            filter: self.filter.clone(),
            options: IncrSyncOptions {
                transaction_mode: self.mode,
                ..options(lanes)
            },
            ddl: Arc::new(SimDdl(self.sim.clone())),
            ddl_from: None,
            ddl_tasks: Arc::new(Tasks(self.tasks)),
            stop_at: self.stop_at.clone(),
            retry: Retry::default(),
            throttle: Arc::clone(&self.throttle),
            most_claims: self.most_claims,
        };
        Box::new(IncrSyncWork::new(
            Arc::new(self.sim.clone()),
            open,
            settings,
        ))
    }

    async fn run(&self, lanes: usize, epoch: i64, seed: u64) -> Result<Finish> {
        let (context, _) = context(epoch);
        self.work(lanes, seed).run(context).await
    }
}

fn everything() -> ObjectFilter {
    ObjectFilter {
        include: vec!["d.*".to_owned()],
        exclude: Vec::new(),
    }
}

fn context(epoch: i64) -> (Context, CancellationToken) {
    let assignment = Assignment {
        component: "127.0.0.1-1:incr:0000000001".into(),
        project: "np_x".into(),
        step: "s_x".into(),
        epoch,
    };
    let token = CancellationToken::new();
    let context = Context::new(assignment, token.clone(), Arc::new(ProgressCell::default()));
    (context, token)
}

fn assert_equal(target: &Tables, source: &Tables) {
    for (name, rows) in source {
        assert_eq!(target[name].sorted(), rows.sorted(), "{name}");
    }
}

fn setup(world: &World, seed: u64, from: usize, to: usize) -> Setup {
    let (copy, starts) = world.copy(from, to, seed);
    Setup {
        sim: Sim::new(copy, seed),
        items: Arc::new(world.items.clone()),
        start: world.items[from].end().expect("visible").clone(),
        starts,
        stop_at: Some(world.end.clone()),
        filter: everything(),
        tasks: DdlTaskState::Pending,
        mode: TransactionMode::Eventual,
        most_claims: MOST_CLAIMS,
        throttle: Arc::default(),
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .expect("runtime")
}

/// Runs to the end through so many kills; each run has another number of lanes.
async fn through_kills(setup: &Setup, kills: u32, seed: u64) {
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut epoch = 1;
    for _ in 0..kills {
        setup.sim.arm(Faults {
            call: 4,
            commit: 10,
            crash_at: Some(rng.random_range(1..60)),
        });
        tokio::select! {
            biased;
            () = setup.sim.crashed() => {}
            done = setup.run(rng.random_range(1..5), epoch, rng.random()) => {
                // faults are tried again, those in large transactions too
                done.expect("only the kill ends it");
            }
        }
        epoch += i64::from(rng.random_bool(0.7));
    }
    setup.sim.arm(Faults {
        call: 2,
        commit: 5,
        crash_at: None,
    });
    let finish = setup.run(rng.random_range(1..5), epoch, rng.random()).await;
    assert_eq!(finish.expect("faults are tried again"), Finish::Done);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 200, ..ProptestConfig::default() })]

    /// Through kills and faults, over a copy that was made while the source went on, the target
    /// ends equal to the source.
    #[test]
    fn the_target_ends_equal(seed in any::<u64>(), txns in 1_usize..120, kills in 0_u32..6, from in 0_usize..60, width in 0_usize..40, most_claims in 1_usize..20) {
        let world = world(seed, txns);
        let visible: Vec<usize> = (0..world.items.len()).filter(|&i| world.items[i].end().is_some()).collect();
        let from = visible[from.min(visible.len() - 1)];
        // the copy begins behind an item that is not inside of a transaction
        let to = visible.iter().copied().filter(|&i| i <= from + width).max().unwrap_or(from).max(from);
        let mut setup = setup(&world, seed, from, to);
        // a few: large transactions claim whole tables
        setup.most_claims = most_claims;
        runtime().block_on(through_kills(&setup, kills, seed));
        let state = setup.sim.0.lock();
        assert_equal(&state.tables, world.states.last().expect("states"));
    }

    /// In atomic mode a reader of the target sees one state of the source after another, and no
    /// other, through kills and faults.
    #[test]
    fn atomic_mode_shows_the_states_of_the_source_in_their_order(seed in any::<u64>(), txns in 1_usize..60, kills in 0_u32..4) {
        let world = world(seed, txns);
        let mut setup = from_nothing(&world);
        setup.mode = TransactionMode::Atomic;
        setup.sim.0.lock().seen = Some(Vec::new());
        runtime().block_on(through_kills(&setup, kills, seed));
        let state = setup.sim.0.lock();
        assert_equal(&state.tables, world.states.last().expect("states"));
        let equal = |a: &Tables, b: &Tables| a.iter().all(|(name, rows)| rows.sorted() == b[name].sorted());
        let before = from_nothing(&world).sim.0.lock().tables.clone();
        let mut states = std::iter::once(&before).chain(&world.states);
        for (at, seen) in state.seen.as_ref().expect("kept").iter().enumerate() {
            prop_assert!(!has_orphans(seen), "commit {} shows a child without its parent", at);
            prop_assert!(states.clone().any(|state| equal(seen, state)), "commit {} shows no state that the source had by then", at);
            // not behind what was seen before
            while !states.clone().next().is_some_and(|state| equal(seen, state)) {
                states.next();
            }
        }
    }
}

fn cases() -> u32 {
    std::env::var("PROPTEST_CASES")
        .ok()
        .and_then(|n| n.parse().ok())
        .unwrap_or(500)
}

/// An empty target, and the log from its beginning.
fn from_nothing(world: &World) -> Setup {
    let mut empty = world.states[0].clone();
    for rows in empty.values_mut() {
        rows.rows.clear();
    }
    Setup {
        sim: Sim::new(empty, 1),
        items: Arc::new(world.items.clone()),
        start: position(1000),
        starts: HashMap::new(),
        stop_at: Some(world.end.clone()),
        filter: everything(),
        tasks: DdlTaskState::Pending,
        mode: TransactionMode::Eventual,
        most_claims: MOST_CLAIMS,
        throttle: Arc::default(),
    }
}

#[test]
fn an_older_epoch_is_fenced() {
    let world = world(7, 60);
    let setup = from_nothing(&world);
    runtime().block_on(async {
        let old = setup.run(3, 1, 1);
        let new = async {
            // the older one is in its midst
            for look in 0.. {
                if setup.sim.0.lock().commits > 0 {
                    break;
                }
                assert!(look < 10_000, "it commits nothing");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            setup.run(2, 2, 2).await
        };
        let (old, new) = tokio::join!(old, new);
        assert_eq!(old.expect_err("fenced").kind(), Kind::Fenced);
        assert_eq!(new.expect("the newer one"), Finish::Done);
        let again = setup.run(2, 1, 3).await;
        assert_eq!(again.expect_err("fenced").kind(), Kind::Fenced);
    });
    assert_equal(
        &setup.sim.0.lock().tables,
        world.states.last().expect("states"),
    );
}

#[test]
fn a_read_only_target_is_reported_and_nothing_is_lost() {
    let world = world(9, 60);
    let setup = from_nothing(&world);
    runtime().block_on(async {
        setup.sim.0.lock().read_only = true;
        let error = setup.run(3, 1, 1).await.expect_err("read-only");
        assert_eq!(error.kind(), Kind::ReadOnly);
        setup.sim.0.lock().read_only = false;
        assert_eq!(setup.run(3, 1, 1).await.expect("done"), Finish::Done);
    });
    assert_equal(
        &setup.sim.0.lock().tables,
        world.states.last().expect("states"),
    );
}

#[test]
fn being_told_to_end_ends_soon_and_loses_nothing() {
    let world = world(11, 100);
    let setup = from_nothing(&world);
    runtime().block_on(async {
        for millis in [5_u64, 60, 110, 160] {
            let (context, token) = context(1);
            let ends = async {
                tokio::time::sleep(Duration::from_millis(millis)).await;
                token.cancel();
                tokio::time::Instant::now()
            };
            let (finish, told) = tokio::join!(setup.work(3, millis).run(context), ends);
            assert!(told.elapsed() < Duration::from_secs(1));
            if finish.expect("no error") == Finish::Done {
                break;
            }
        }
        assert_eq!(setup.run(3, 1, 1).await.expect("done"), Finish::Done);
    });
    assert_equal(
        &setup.sim.0.lock().tables,
        world.states.last().expect("states"),
    );
}

#[test]
fn drift_of_a_keyless_table_names_the_transaction() {
    let world = world(13, 80);
    let setup = from_nothing(&world);
    let at = world.items.len() / 2;
    runtime().block_on(async {
        let mut first = from_nothing(&world);
        first.sim = setup.sim.clone();
        first.stop_at = world.items[..at]
            .iter()
            .rev()
            .find_map(|i| i.end().cloned());
        assert_eq!(first.run(2, 1, 1).await.expect("done"), Finish::Done);
        // somebody else deletes the rows
        let name = TableName::new("d", "none");
        setup
            .sim
            .0
            .lock()
            .tables
            .get_mut(&name)
            .expect("table")
            .rows
            .clear();
        let error = setup.run(2, 1, 1).await.expect_err("drift");
        assert_eq!(error.kind(), Kind::ApplyDrift);
        assert!(
            error.to_string().contains("d.none") && error.to_string().contains("1:"),
            "{error}"
        );
    });
}

#[test]
fn ddl_that_cannot_be_applied_waits_for_its_task() {
    let mut world = world(15, 30);
    let at = world
        .items
        .iter()
        .position(|i| matches!(i, LogItem::Txn(p) if p.is_whole()))
        .expect("one");
    let LogItem::Txn(piece) = world.items[at].clone() else {
        unreachable!()
    };
    // its own place is free: the transaction moves a little
    let ddl = LogItem::Ddl(DdlEvent {
        id: piece.id,
        end: position(piece.id.offset() + 10),
        schema: "d".to_owned(),
        sql: "ALTER TABLE many …".to_owned(),
        ddl: Ddl::Unsupported {
            tables: vec![],
            why: "not understood".to_owned(),
        },
        after: Vec::new(),
    });
    let mut moved = piece.clone();
    moved.id = TxnId(piece.id.0 + 10);
    world.items[at] = LogItem::Txn(moved);
    world.items.insert(at, ddl);
    let mut setup = from_nothing(&world);
    runtime().block_on(async {
        let error = setup.run(2, 1, 1).await.expect_err("stopped");
        assert_eq!(error.kind(), Kind::DdlUnsupported);
        setup.tasks = DdlTaskState::Skipped;
        assert_eq!(setup.run(2, 1, 1).await.expect("done"), Finish::Done);
    });
    assert_equal(
        &setup.sim.0.lock().tables,
        world.states.last().expect("states"),
    );
}

#[test]
fn a_log_that_goes_back_is_refused() {
    let mut world = world(17, 40);
    let whole: Vec<usize> = (0..world.items.len())
        .filter(|&i| matches!(&world.items[i], LogItem::Txn(p) if p.is_whole()))
        .collect();
    let repeated = world.items[whole[0]].clone();
    world.items.insert(whole[3], repeated);
    let setup = from_nothing(&world);
    let error = runtime().block_on(setup.run(2, 1, 1)).expect_err("refused");
    assert_eq!(error.kind(), Kind::SourceChanged);
}
