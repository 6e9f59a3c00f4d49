//! Tables that are altered at the source, and a moment later at the target, while they are compared.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures::future::BoxFuture;
use oms::component::contract::Finish;
use oms::component::full_verification::{
    Counts, Difference, Passed, Progressed, ResultType, TableOutcome, TablePair, TableProvider,
    VerifyLog,
};
use oms::error::Result;
use oms::model::table::{Table, TableName};

use crate::fixture::{MemoryLog, Verification, both, definitions, pair};
use crate::harness::{Kind, Server};

/// A statement that the application runs at the source; Incr-Sync brings it to the target.
struct Alter {
    servers: Vec<Arc<Server>>,
    sql: &'static str,
    done: AtomicBool,
}

impl Alter {
    fn at(servers: &[&Arc<Server>], sql: &'static str) -> Arc<Self> {
        Arc::new(Self {
            servers: servers.iter().map(|&server| Arc::clone(server)).collect(),
            sql,
            done: AtomicBool::new(false),
        })
    }

    async fn once(&self) {
        if !self.done.swap(true, Ordering::SeqCst) {
            for server in &self.servers {
                server.exec(self.sql).await;
            }
        }
    }
}

/// The source's definitions, of which the first are out of date as soon as they were read.
pub struct Live {
    server: Arc<Server>,
    altered: Option<Arc<Alter>>,
}

impl Live {
    /// The tables of the schema `a` as they are.
    pub fn of(server: &Arc<Server>) -> Arc<Self> {
        let server = Arc::clone(server);
        Arc::new(Self {
            server,
            altered: None,
        })
    }
}

impl TableProvider for Live {
    fn tables(&self) -> BoxFuture<'_, Result<Vec<TablePair>>> {
        let pair = |table: Table| TablePair {
            target: table.name.clone(),
            source: Arc::new(table),
        };
        Box::pin(async move {
            let tables = definitions(&self.server, "a").await;
            if let Some(altered) = &self.altered {
                altered.once().await;
            }
            Ok(tables.into_iter().map(pair).collect())
        })
    }
}

/// Incr-Sync, which applies the statement when somebody waits for it.
struct Follows(Arc<Alter>);

impl Progressed for Follows {
    fn passed_now(&self) -> BoxFuture<'_, Result<Passed>> {
        Box::pin(async {
            self.0.once().await;
            Ok(Passed::Yes)
        })
    }
}

/// A log in whose midst the statement runs: behind the first slice that was compared.
struct Midst(Arc<MemoryLog>, Arc<Alter>);

impl VerifyLog for Midst {
    fn finished(&self) -> BoxFuture<'_, Result<Vec<TableOutcome>>> {
        self.0.finished()
    }

    fn begin<'a>(&'a self, pair: &'a TablePair) -> BoxFuture<'a, Result<()>> {
        self.0.begin(pair)
    }

    fn progress<'a>(
        &'a self,
        source: &'a TableName,
        counts: Counts,
        estimate: u64,
    ) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            self.1.once().await;
            self.0.progress(source, counts, estimate).await
        })
    }

    fn differences<'a>(
        &'a self,
        source: &'a TableName,
        differences: &'a [Difference],
    ) -> BoxFuture<'a, Result<()>> {
        self.0.differences(source, differences)
    }

    fn corrected<'a>(
        &'a self,
        source: &'a TableName,
        ids: &'a [String],
    ) -> BoxFuture<'a, Result<()>> {
        self.0.corrected(source, ids)
    }

    fn finish<'a>(&'a self, outcome: &'a TableOutcome) -> BoxFuture<'a, Result<()>> {
        self.0.finish(outcome)
    }
}

const TABLES: &str = "CREATE DATABASE a; CREATE TABLE a.t (id INT PRIMARY KEY, v INT, w INT); \
                      INSERT INTO a.t SELECT seq, seq, seq FROM seq_1_to_20000";
const ADD: &str = "ALTER TABLE a.t ADD COLUMN c INT NOT NULL DEFAULT 5";

async fn servers() -> [Arc<Server>; 2] {
    let (source, target) = pair(Kind::MariaDb, Kind::MariaDb).await;
    both(&source, &target, TABLES).await;
    [source, target]
}

/// Whether the comparison sees what differs in the new column.
async fn sees_the_new_column(check: &Verification) {
    assert_eq!(check.run().await.expect("comparing"), Finish::Done);
    let said = check.said("a.t");
    assert_eq!(
        said.result(),
        ResultType::Inconsistent,
        "{:?}",
        said.outcome
    );
    assert_eq!(said.outcome().counts.mismatched, 1);
    assert_eq!(said.outcome().counts.source_rows, 20_000);
    assert_eq!(said.differences.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_comes_when_the_definitions_were_read_is_compared() {
    let [source, target] = servers().await;
    let mut check = Verification::new(&source, &target, "a").await;
    let altered = Alter::at(&[&source, &target], ADD);
    let stale = Live {
        server: Arc::clone(&source),
        altered: Some(Arc::clone(&altered)),
    };
    check.tables = Arc::new(stale);
    assert_eq!(check.run().await.expect("comparing"), Finish::Done);
    assert!(altered.done.load(Ordering::SeqCst));
    let said = check.said("a.t");
    assert_eq!(said.result(), ResultType::Consistent, "{:?}", said.outcome);
    // and it is one of the columns that are compared
    target.exec("UPDATE a.t SET c = 6 WHERE id = 7").await;
    check.log = Arc::default();
    sees_the_new_column(&check).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_is_on_its_way_to_the_target_is_waited_for() {
    let [source, target] = servers().await;
    source.exec(ADD).await;
    let mut check = Verification::new(&source, &target, "a").await;
    check.tables = Live::of(&source);
    check.progressed = Arc::new(Follows(Alter::at(&[&target], ADD)));
    assert_eq!(check.run().await.expect("comparing"), Finish::Done);
    let said = check.said("a.t");
    assert_eq!(said.result(), ResultType::Consistent, "{:?}", said.outcome);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_altered_in_the_midst_is_compared_as_it_is_then() {
    for sql in [
        ADD,
        "ALTER TABLE a.t DROP COLUMN v, ADD COLUMN c INT NOT NULL DEFAULT 5",
    ] {
        let [source, target] = servers().await;
        let mut check = Verification::new(&source, &target, "a").await;
        check.tables = Live::of(&source);
        check.options.workers = 1;
        check.options.slice_bytes = 16 << 10;
        let altered = Alter::at(&[&source, &target], sql);
        check.kept = Some(Arc::new(Midst(check.log.clone(), Arc::clone(&altered))));
        assert_eq!(check.run().await.expect("comparing"), Finish::Done, "{sql}");
        assert!(altered.done.load(Ordering::SeqCst));
        let said = check.said("a.t");
        assert_eq!(said.result(), ResultType::Consistent, "{:?}", said.outcome);
        assert_eq!(said.begun, 2, "{sql}: it is compared with the new column");
        assert_eq!(said.outcome().counts.source_rows, 20_000);
    }
}
