//! A Store's work in this process, and a consumer of it.

use oms::component::contract::{Assignment, Context, Finish, ProgressCell, Work};
use oms::component::log_source::LogSource;
use oms::component::store::{StoreHub, StoreWork};
use oms::datasource::mysql::Endpoint;
use oms::error::{Error, Result};
use oms::model::change::{DdlEvent, LogItem, Op};
use oms::model::filter::ObjectFilter;
use oms::model::options::{Compression, StoreOptions};
use oms::model::position::Position;
use oms::model::table::TableName;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Name under which the tests' Stores stand in their hubs.
pub const SUBTOPIC: &str = "MYSQL_np_test-1-0";

/// How a Store is to run.
#[derive(Clone)]
pub struct Setup {
    pub url: String,
    pub dir: PathBuf,
    pub include: Vec<String>,
    pub options: StoreOptions,
    pub heartbeat: bool,
    pub hub: StoreHub,
}

impl Setup {
    pub fn new(url: String, dir: &Path, include: &str) -> Self {
        Self {
            url,
            dir: dir.join("store"),
            include: vec![include.to_owned()],
            options: StoreOptions {
                heartbeat_ms: 100,
                compression: Compression::Lz4,
                ..StoreOptions::default()
            },
            heartbeat: true,
            hub: StoreHub::new(),
        }
    }

    /// Starts the work.
    pub fn start(&self) -> Running {
        let filter = ObjectFilter {
            include: self.include.clone(),
            exclude: Vec::new(),
        };
        let work = StoreWork::new(
            Endpoint::parse(&self.url).expect("URL"),
            Arc::new(filter),
            self.options.clone(),
            self.dir.clone(),
            SUBTOPIC,
            self.hub.clone(),
            self.heartbeat,
        );
        let token = CancellationToken::new();
        let progress = Arc::new(ProgressCell::default());
        let assignment = Assignment {
            component: "127.0.0.1-7100:test:0000000001".into(),
            project: "np_test".into(),
            step: "s_test".into(),
            epoch: 1,
        };
        let context = Context::new(assignment, token.clone(), progress.clone());
        let task = tokio::spawn(Box::new(work).run(context));
        Running {
            token,
            progress,
            task,
        }
    }
}

/// A running work.
pub struct Running {
    token: CancellationToken,
    pub progress: Arc<ProgressCell>,
    task: JoinHandle<Result<Finish>>,
}

impl Running {
    /// Drops the work where it is.
    pub async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }

    /// Tells it to end.
    pub async fn stop(self) -> Finish {
        self.token.cancel();
        tokio::time::timeout(Duration::from_secs(20), self.task)
            .await
            .expect("the work ends soon")
            .expect("no panic")
            .expect("no error")
    }

    /// Waits for its error.
    pub async fn error(self) -> Error {
        tokio::time::timeout(Duration::from_secs(90), self.task)
            .await
            .expect("the work ends")
            .expect("no panic")
            .expect_err("an error")
    }

    /// Waits until the position is proved visible.
    pub async fn ready(&self) {
        let wait = async {
            while !self.progress.read().ready {
                assert!(!self.task.is_finished(), "the work ended");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), wait)
            .await
            .expect("ready");
    }
}

/// What a consumer has got.
#[derive(Debug, Default)]
pub struct Consumed {
    pub changes: Vec<(TableName, Op)>,
    pub ddl: Vec<DdlEvent>,
    pub transactions: usize,
    pub pieces: usize,
    pub position: Option<Position>,
}

/// Reads on until the position is reached. Begins again at its own position when the Store says
/// so; what it has of a transaction that is not complete is forgotten.
pub async fn consume(hub: &StoreHub, from: &Position, to: &Position) -> Consumed {
    let mut got = Consumed {
        position: Some(from.clone()),
        ..Consumed::default()
    };
    let work = async {
        while !reached(&got, to) {
            if let Err(error) = read(hub, to, &mut got).await {
                assert!(error.is_transient(), "{error}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(240), work)
        .await
        .expect("the position is reached");
    got
}

fn reached(got: &Consumed, to: &Position) -> bool {
    got.position
        .as_ref()
        .is_some_and(|p| p.txn_id() >= to.txn_id())
}

async fn read(hub: &StoreHub, to: &Position, got: &mut Consumed) -> Result<()> {
    let from = got.position.clone().expect("position");
    let mut reader = hub.open(SUBTOPIC, &from).await?;
    let mut open = Vec::new();
    while !reached(got, to) {
        let item = reader.next().await?;
        match &item {
            LogItem::Txn(piece) => {
                assert!(piece.id >= from.txn_id());
                if piece.piece == 0 {
                    assert!(open.is_empty(), "a transaction without an end");
                }
                got.pieces += 1;
                open.extend(
                    piece
                        .changes
                        .iter()
                        .map(|c| (c.table.table.name.clone(), c.op.clone())),
                );
                if piece.end.is_some() {
                    got.transactions += 1;
                    got.changes.append(&mut open);
                }
            }
            LogItem::Ddl(ddl) => got.ddl.push(ddl.clone()),
            LogItem::Heartbeat(_) => {}
        }
        if let Some(end) = item.end() {
            let old = got.position.replace(end.clone()).expect("position");
            assert!(old.txn_id() <= end.txn_id(), "{old} before {end}");
        }
    }
    Ok(())
}

/// The position at which a Store began.
pub async fn beginning(hub: &StoreHub) -> Position {
    let wait = async {
        loop {
            if let Some((first, _)) = hub.range(SUBTOPIC) {
                return first;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait)
        .await
        .expect("a start position")
}
