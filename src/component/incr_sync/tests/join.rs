//! A sub-project's Incr-Sync brings tables to where the parent's goes on with them: through kills and
//! faults, stops at random instants, attempts that are given up, and transactions that touch tables of
//! both. In the end the parent's target equals the source.

use super::*;
use crate::component::incr_sync::boundary;
use crate::component::incr_sync::target::{Claim, Taken, Target};

/// Tables in two halves: the parent's, and those that come.
fn halves(world: &World, mask: u8) -> [Vec<TableName>; 2] {
    let names: Vec<TableName> = world.states[0].keys().cloned().collect();
    let (mut old, mut new) = (Vec::new(), Vec::new());
    for (at, name) in names.into_iter().enumerate() {
        match mask >> at & 1 {
            0 => old.push(name),
            _ => new.push(name),
        }
    }
    [old, new]
}

fn only(tables: &[TableName]) -> ObjectFilter {
    ObjectFilter {
        include: tables.iter().map(ToString::to_string).collect(),
        exclude: Vec::new(),
    }
}

/// The log as a Store keeps it that keeps these tables only: how far it was read shows in between.
fn narrow(items: &[LogItem], tables: &[TableName]) -> Vec<LogItem> {
    let items = items.iter().map(|item| match item {
        LogItem::Txn(piece)
            if piece.is_whole()
                && !piece
                    .changes
                    .iter()
                    .any(|change| tables.contains(&change.table.table.name)) =>
        {
            LogItem::Heartbeat(item.end().expect("whole").clone())
        }
        item => item.clone(),
    });
    items.collect()
}

/// Follows for a while, through a kill or not, and is told to end.
async fn follow(setup: &Setup, epoch: i64, rng: &mut SmallRng) {
    setup.sim.arm(Faults {
        call: 3,
        commit: 10,
        crash_at: rng.random_bool(0.5).then(|| rng.random_range(1..80)),
    });
    let (context, token) = context(epoch);
    // long enough at times for a position to be kept behind which nothing was applied
    let millis = match rng.random_bool(0.7) {
        true => rng.random_range(0..400),
        false => rng.random_range(5000..8000),
    };
    let told = async {
        tokio::time::sleep(Duration::from_millis(millis)).await;
        token.cancel();
        std::future::pending::<()>().await;
    };
    let work = setup.work(rng.random_range(1..5), rng.random());
    tokio::select! {
        biased;
        () = setup.sim.crashed() => {}
        ended = work.run(context) => drop(ended.expect("only the kill ends it")),
        () = told => {}
    }
}

/// The progress, with whoever wrote it before fenced.
async fn fence(setup: &Setup, epoch: i64) -> Taken {
    let claim = Claim {
        epoch,
        lanes: 3,
        start: setup.start.clone(),
    };
    setup.sim.take_over(claim).await.expect("the newest epoch")
}

/// The last run of the sub-project, through kills: each begins with the boundary once more.
async fn drain(parent: &Setup, child: &mut Setup, epoch: &mut i64, rng: &mut SmallRng) -> Position {
    for attempt in 0.. {
        *epoch += 1;
        let boundary = boundary(&fence(parent, *epoch).await, &fence(child, *epoch).await);
        child.stop_at = Some(boundary.clone());
        child.sim.arm(Faults {
            call: 3,
            commit: 10,
            crash_at: (attempt < 4 && rng.random_bool(0.6)).then(|| rng.random_range(1..40)),
        });
        tokio::select! {
            biased;
            () = child.sim.crashed() => continue,
            done = child.run(rng.random_range(1..5), *epoch, rng.random()) => {
                assert_eq!(done.expect("faults are tried again"), Finish::Done);
                return boundary;
            }
        }
    }
    unreachable!("the last attempt is not killed")
}

async fn merge(parent: &mut Setup, child: &mut Setup, new: &[TableName], seed: u64) {
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut epoch = 1;
    for _ in 0..rng.random_range(1..4) {
        follow(parent, epoch, &mut rng).await;
        follow(child, epoch, &mut rng).await;
        epoch += 1;
    }
    // attempts that are given up: both go on by themselves, and the boundary says nothing any more
    for _ in 0..rng.random_range(0..3) {
        drain(parent, child, &mut epoch, &mut rng).await;
        child.stop_at = None;
        epoch += 1;
        follow(parent, epoch, &mut rng).await;
        follow(child, epoch, &mut rng).await;
    }
    let boundary = drain(parent, child, &mut epoch, &mut rng).await;
    // nothing of the sub-project is under way any more
    fence(child, epoch).await;
    let brought = child.sim.0.lock().tables.clone();
    let mut state = parent.sim.0.lock();
    for name in new {
        state.tables.insert(name.clone(), brought[name].clone());
    }
    drop(state);
    parent.filter = everything();
    for name in new {
        let copied = child.starts.get(name);
        let later = copied.filter(|at| at.txn_id() > boundary.txn_id());
        let start = later.unwrap_or(&boundary).clone();
        parent.starts.insert(name.clone(), start);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn tables_are_handed_over_just_where_they_are(
        seed in any::<u64>(),
        txns in 1_usize..120,
        mask in any::<u8>(),
        starts in (0_usize..40, 0_usize..40),
        kills in 0_u32..4,
        most_claims in 1_usize..20,
    ) {
        let world = world(seed, txns);
        let visible: Vec<usize> = (0..world.items.len()).filter(|&i| world.items[i].end().is_some()).collect();
        let at = |n: usize| visible[n.min(visible.len() - 1)];
        let [old, new] = halves(&world, mask);
        let mut parent = setup(&world, seed, at(starts.0), at(starts.0));
        let mut child = setup(&world, seed ^ 1, at(starts.1), at(starts.1));
        for (setup, tables) in [(&mut parent, &old), (&mut child, &new)] {
            setup.filter = only(tables);
            setup.stop_at = None;
            setup.most_claims = most_claims;
            setup.starts.retain(|name, _| tables.contains(name));
        }
        parent.items = Arc::new(narrow(&world.items, &old));
        runtime().block_on(async {
            merge(&mut parent, &mut child, &new, seed).await;
            // the sub-project's Store takes the place of the parent's
            parent.items = Arc::clone(&child.items);
            parent.stop_at = Some(world.end.clone());
            // later runs have newer epochs than every earlier one
            parent.sim.arm(Faults { call: 3, commit: 10, crash_at: None });
            let mut epoch = 1000;
            for kill in 0..kills {
                parent.sim.arm(Faults { call: 3, commit: 10, crash_at: Some(u64::from(kill) * 13 + 5) });
                tokio::select! {
                    biased;
                    () = parent.sim.crashed() => {}
                    done = parent.run(3, epoch, seed) => drop(done.expect("only the kill ends it")),
                }
                epoch += 1;
            }
            parent.sim.arm(Faults { call: 2, commit: 5, crash_at: None });
            let finish = parent.run(2, epoch, seed).await;
            assert_eq!(finish.expect("faults are tried again"), Finish::Done);
        });
        let state = parent.sim.0.lock();
        assert_equal(&state.tables, world.states.last().expect("states"));
    }
}
