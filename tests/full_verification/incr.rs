//! The incremental verification on real servers: tables that are altered between a change and the look
//! at its row, when the target already has what the log says only later.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use oms::component::contract::{Assignment, Context, Finish, ProgressCell, Work};
use oms::component::full_verification::{
    AppliedAtTarget, Difference, Extent, IncrLog, IncrVerificationWork, Standing,
};
use oms::component::log_source::LogSource;
use oms::error::{Error, Kind as ErrorKind, Result};
use oms::model::change::{Change, LogItem, Op, TableVersion, TxnPiece};
use oms::model::filter::ObjectFilter;
use oms::model::ids::TxnId;
use oms::model::options::{FullVerificationOptions, IncrVerificationOptions};
use oms::model::position::Position;
use oms::model::row::{Cell, Row};
use oms::model::table::TableName;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::altered::Live;
use crate::fixture::{AtRest, both, definitions, endpoint, pair};
use crate::harness::{Kind, Server, wait_until};

const MINUTE: Duration = Duration::from_secs(60);

fn position(offset: u64) -> Position {
    Position {
        file: "binlog.000001".to_owned(),
        offset,
        gtid: None,
        time_ms: 0,
    }
}

/// A log that gives what the test puts into it.
struct Log(mpsc::UnboundedReceiver<LogItem>);

impl LogSource for Log {
    fn next(&mut self) -> BoxFuture<'_, Result<LogItem>> {
        Box::pin(async {
            let ended = || Error::new(ErrorKind::Interrupted, "reading the log");
            self.0.recv().await.ok_or_else(ended)
        })
    }

    fn tip(&self) -> Option<Position> {
        None
    }
}

/// As far as the test says.
struct Applied(Arc<Mutex<Extent>>);

impl AppliedAtTarget for Applied {
    fn extent(&self) -> BoxFuture<'_, Result<Option<Extent>>> {
        let extent = self.0.lock().clone();
        Box::pin(async move { Ok(Some(extent)) })
    }
}

/// Nobody keeps the results; the work's progress tells them.
struct Forgets;

impl IncrLog for Forgets {
    fn restore(&self) -> BoxFuture<'_, Result<Vec<(TableName, Standing)>>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn standing<'a>(&'a self, _: &'a TableName, _: &'a Standing) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn differences<'a>(
        &'a self,
        _: &'a TableName,
        _: &'a [Difference],
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }

    fn corrected<'a>(&'a self, _: &'a TableName, _: &'a [String]) -> BoxFuture<'a, Result<()>> {
        Box::pin(async { Ok(()) })
    }
}

/// A verification at work, and what it is fed with.
struct World {
    source: Arc<Server>,
    target: Arc<Server>,
    version: Arc<TableVersion>,
    items: mpsc::UnboundedSender<LogItem>,
    extent: Arc<Mutex<Extent>>,
    at: u64,
    progress: Arc<ProgressCell>,
    cancel: CancellationToken,
    running: tokio::task::JoinHandle<Result<Finish>>,
}

impl World {
    async fn new() -> Self {
        let (source, target) = pair(Kind::MariaDb, Kind::MariaDb).await;
        let table = "CREATE DATABASE a; CREATE TABLE a.t (id INT PRIMARY KEY, v INT, w INT, x INT); \
                     INSERT INTO a.t VALUES (1, 1, 1, 1), (2, 2, 2, 2), (3, 3, 3, 3), (4, 4, 4, 4)";
        both(&source, &target, table).await;
        let table = definitions(&source, "a").await.remove(0);
        let (items, log) = mpsc::unbounded_channel();
        let log = Mutex::new(Some(log));
        let at = 100;
        let extent = Arc::new(Mutex::new(Extent {
            watermark: TxnId(position(at).txn_id().0 - 1),
            position: position(at),
            newest: TxnId(position(at).txn_id().0 - 1),
        }));
        let work = IncrVerificationWork {
            source: endpoint(&source),
            target: endpoint(&target),
            filter: ObjectFilter {
                include: vec!["a.*".to_owned()],
                exclude: Vec::new(),
            },
            tables: Live::of(&source),
            review: FullVerificationOptions {
                reviewer_period_ms: 100,
                reviewer_rounds_max: 3,
                ..FullVerificationOptions::default()
            },
            options: IncrVerificationOptions::default(),
            open_log: Arc::new(move |_| {
                let log = log.lock().take().expect("it is opened once");
                Box::pin(async { Ok(Box::new(Log(log)) as Box<dyn LogSource>) })
            }),
            start: position(at),
            applied: Arc::new(Applied(Arc::clone(&extent))),
            progressed: Arc::new(AtRest),
            log: Arc::new(Forgets),
        };
        let assignment = Assignment {
            component: "127.0.0.1-9000:1:0000000001".into(),
            project: "np_test".into(),
            step: "s_test".into(),
            epoch: 1,
        };
        let (progress, cancel) = (Arc::default(), CancellationToken::new());
        let context = Context::new(assignment, cancel.clone(), Arc::clone(&progress));
        Self {
            source,
            target,
            version: Arc::new(TableVersion { id: 1, table }),
            items,
            extent,
            at,
            progress,
            cancel,
            running: tokio::spawn(Box::new(work).run(context)),
        }
    }

    async fn alter(&self, sql: &str) {
        for server in [&self.source, &self.target] {
            server.exec(sql).await;
        }
    }

    /// The log has a change of a row, by the table's first definition, and the target has it too.
    fn changed(&mut self, id: u64) {
        let row = |v: u64| {
            let cells = [id, v, id, id].map(|n| n.to_string());
            Row::from_cells(cells.iter().map(|cell| Cell::Value(cell.as_bytes())))
        };
        let txn = position(self.at).txn_id();
        self.at += 100;
        let end = position(self.at);
        let change = Change {
            table: Arc::clone(&self.version),
            op: Op::Update {
                old: row(0),
                new: row(id),
            },
        };
        let piece = TxnPiece {
            id: txn,
            piece: 0,
            end: Some(end.clone()),
            changes: vec![change],
        };
        self.items.send(LogItem::Txn(piece)).expect("it reads");
        *self.extent.lock() = Extent {
            watermark: txn,
            position: end,
            newest: txn,
        };
    }

    /// Waits until so many rows were found right, and so many are different.
    async fn knows(&self, checked: u64, different: u64) {
        let what = format!("{checked} rows right, {different} different");
        wait_until(&what, MINUTE, || async {
            let detail = self.progress.read().detail;
            let said = ["checked", "inconsistencies", "unchecked"]
                .map(|key| detail.get(key).and_then(|n| n.as_u64()).unwrap_or(0));
            match said == [checked, different, 0] {
                true => Ok(Some(())),
                false if self.running.is_finished() => Err(format!("it ended; {said:?}")),
                false => Err(format!("{said:?}")),
            }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_altered_meanwhile_is_read_anew() {
    let mut world = World::new().await;
    world.changed(1);
    world.knows(1, 0).await;
    // a column comes and one goes: the log's rows have it still
    world
        .alter("ALTER TABLE a.t DROP COLUMN v, ADD COLUMN y INT NOT NULL DEFAULT 5")
        .await;
    world.changed(2);
    world.knows(2, 0).await;
    // the same while rows are judged by those of the source
    world.alter("ALTER TABLE a.t DROP COLUMN w").await;
    world.changed(3);
    world.knows(3, 0).await;
    // the new column is one of those that are compared
    world.target.exec("UPDATE a.t SET y = 6 WHERE id = 4").await;
    world.changed(4);
    world.knows(3, 1).await;
    // and while rows that are different are looked at again
    world.alter("ALTER TABLE a.t DROP COLUMN x").await;
    world.target.exec("UPDATE a.t SET y = 5 WHERE id = 4").await;
    world.knows(3, 0).await;
    world.cancel.cancel();
    let ended = world.running.await.expect("no panic");
    assert_eq!(ended.expect("no error"), Finish::Cancelled);
}
