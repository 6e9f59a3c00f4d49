//! Large transactions: what goes past them, and how long others wait for them.

use super::sim::{Sim, Tables, row};
use super::world::{World, position, tables, world};
use super::{from_nothing, runtime};
use crate::component::contract::Finish;
use crate::component::incr_sync::MOST_CLAIMS;
use crate::component::incr_sync::lane::{Body, Lane, Retry};
use crate::component::incr_sync::target::{Claim, Target, TargetSession};
use crate::component::incr_sync::window::{Applied, Watermark};
use crate::component::throttle::{Rates, Throttle};
use crate::error::{Error, Kind, Result};
use crate::model::change::{Change, LogItem, Op, TableVersion, TxnPiece};
use crate::model::ids::TxnId;
use crate::model::position::Position;
use futures::future::BoxFuture;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

const MANY: usize = 0;
const PARENT: usize = 5;
const PIECES: u32 = 100;

fn place(number: u64) -> (TxnId, Position) {
    let id = TxnId::from_file(1, 1000 + number * 100);
    (id, position(1000 + (number + 1) * 100))
}

/// A large transaction on `many`, behind it 19 small ones on `parent` and one on `many`.
fn history() -> World {
    let versions: Vec<Arc<TableVersion>> = tables()
        .into_iter()
        .zip(1..)
        .map(|(table, id)| Arc::new(TableVersion { id, table }))
        .collect();
    let insert = |table: usize, values: &[u32]| Change {
        table: Arc::clone(&versions[table]),
        op: Op::Insert(row(&values
            .iter()
            .map(|value| Some(value.to_string()))
            .collect::<Vec<_>>())),
    };
    let (id, end) = place(0);
    let pieces = (0..PIECES).map(|piece| TxnPiece {
        id,
        piece,
        end: (piece + 1 == PIECES).then(|| end.clone()),
        changes: vec![insert(MANY, &[piece, piece, piece, 1])],
    });
    let small = (1..=20).map(|number| {
        let (id, end) = place(u64::from(number));
        TxnPiece {
            id,
            piece: 0,
            end: Some(end),
            changes: vec![match number {
                7 => insert(MANY, &[1000, 1000, 1000, 1]),
                _ => insert(PARENT, &[number, number]),
            }],
        }
    });
    let items: Vec<LogItem> = pieces.chain(small).map(LogItem::Txn).collect();
    World {
        states: vec![world(1, 1).states[0].clone(); items.len()],
        items,
        end: place(20).1,
    }
}

/// What does not conflict is visible before the large one. Where that claims its whole table, small
/// ones on the table stay behind it.
#[test]
fn what_does_not_conflict_goes_past_a_large_transaction() {
    for most_claims in [MOST_CLAIMS, 5] {
        let mut setup = from_nothing(&history());
        setup.most_claims = most_claims;
        setup.sim.0.lock().seen = Some(Vec::new());
        runtime().block_on(async {
            assert_eq!(setup.run(3, 1, 1).await.expect("done"), Finish::Done);
        });
        let state = setup.sim.0.lock();
        let names = [MANY, PARENT].map(|table| tables()[table].name.clone());
        let rows = |tables: &Tables| names.each_ref().map(|name| tables[name].rows.len());
        let seen = state.seen.as_ref().expect("kept");
        let large = seen.iter().map(rows).find(|[many, _]| *many >= 100);
        assert_eq!(large.expect("the large one")[1], 19, "all went past it");
        let early = seen.iter().any(|tables| rows(tables)[0] == 1);
        assert_eq!(early, most_claims == MOST_CLAIMS, "its table is whole");
        assert_eq!(seen.last().map(rows), Some([101, 19]));
    }
}

/// A throttle that lets a piece through in half a minute does not let the open transaction look idle.
#[test]
fn a_throttled_large_transaction_is_kept_alive() {
    let mut setup = from_nothing(&history());
    setup.throttle = Arc::new(Throttle::new(Rates { rows: 1, bytes: 1 }));
    runtime().block_on(async {
        assert_eq!(setup.run(1, 1, 1).await.expect("done"), Finish::Done);
    });
    let many = tables()[MANY].name.clone();
    assert_eq!(setup.sim.0.lock().tables[&many].rows.len(), 101);
}

/// Fails as if somebody held a lock, until an instant.
struct Locked(Instant);

impl Body for Locked {
    fn run<'a>(&'a self, _: &'a mut dyn TargetSession, _: Duration) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            if Instant::now() < self.0 {
                return Err(Error::new(Kind::ServerBusy, "lock wait timeout"));
            }
            Ok(())
        })
    }
}

/// Waiting for a lock of a large transaction of ours is no failure, however long it takes.
#[test]
fn others_wait_for_the_locks_of_a_large_transaction() {
    runtime().block_on(async {
        for blocked in [true, false] {
            let sim: Arc<dyn Target> = Arc::new(Sim::new(Tables::new(), 1));
            let claim = Claim {
                epoch: 1,
                lanes: 1,
                start: position(1000),
            };
            let taken = sim.take_over(claim).await.expect("taken");
            let retry = Retry::default();
            let mut lane = Lane::new(0, 1, taken.commits[0], Applied::default(), sim, retry);
            let mark = lane.mark(&Watermark::at_start(position(1000)), &[]);
            let body = Locked(Instant::now() + retry.limit * 5);
            let result = lane.transact(&mark, &body, &|| blocked).await;
            assert_eq!(result.is_ok(), blocked, "{result:?}");
        }
    });
}
