//! A table that is altered at the source while it is copied.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures::future::BoxFuture;
use mysql_async::prelude::Queryable;
use oms::component::contract::Finish;
use oms::component::full_import::TableProvider;
use oms::error::{Kind as ErrorKind, Result};
use oms::model::table::Table;

use crate::fixture::{Copy, NUMBERS, int, table};
use crate::harness::server::start_all;
use crate::harness::{Kind, Options, Server};

/// Definitions that are out of date as soon as they were read, so often.
struct Altered {
    source: Arc<Server>,
    /// The definition at each reading, and the statement that runs behind it.
    readings: Vec<(Table, &'static str)>,
    read: AtomicU32,
}

impl TableProvider for Altered {
    fn tables(&self) -> BoxFuture<'_, Result<Vec<Table>>> {
        Box::pin(async {
            let at = self.read.fetch_add(1, Ordering::SeqCst) as usize;
            let (table, sql) = &self.readings[at.min(self.readings.len() - 1)];
            if at < self.readings.len() {
                self.source.exec(sql).await;
            }
            Ok(vec![table.clone()])
        })
    }
}

async fn servers() -> [Arc<Server>; 2] {
    let [source, target] = start_all([
        (Kind::MariaDb, Options::default()),
        (Kind::MariaDb, Options::default()),
    ])
    .await;
    let sql = "CREATE DATABASE d; CREATE TABLE d.t (id BIGINT PRIMARY KEY, v BIGINT, w BIGINT)";
    source.exec(sql).await;
    target.exec(sql).await;
    let rows = format!("INSERT INTO d.t SELECT x, x, x FROM {NUMBERS}");
    source.exec(&rows).await;
    [source, target]
}

fn definition(columns: &[&str]) -> Table {
    let columns: Vec<_> = columns.iter().map(|&name| (name, int())).collect();
    table("t", &columns, &["id"], &[])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_goes_in_the_midst_is_not_copied() {
    let [source, target] = servers().await;
    let readings = vec![
        (
            definition(&["id", "v", "w"]),
            "ALTER TABLE d.t DROP COLUMN v",
        ),
        (definition(&["id", "w"]), "DO 1"),
    ];
    let mut copy = Copy::new(&source, &target, vec![definition(&["id", "w"])]);
    copy.provider = Some(Arc::new(Altered {
        source: Arc::clone(&source),
        readings,
        read: AtomicU32::new(0),
    }));
    assert_eq!(copy.start().await.expect("copied"), Finish::Done);
    let mut conn = target.conn().await;
    let found: Option<(u64, u64)> = conn
        .query_first("SELECT COUNT(*), SUM(id = w AND v IS NULL) FROM d.t")
        .await
        .expect("counted");
    assert_eq!(found, Some((10_000, 10_000)));
}

/// What is not there and was not there at the last reading either ends the copy, as it did always.
#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_is_not_there_and_stays_so_is_an_error() {
    let [source, target] = servers().await;
    let readings = vec![(definition(&["id", "v", "gone"]), "DO 1")];
    let mut copy = Copy::new(&source, &target, vec![definition(&["id", "v", "gone"])]);
    let provider = Arc::new(Altered {
        source: Arc::clone(&source),
        readings,
        read: AtomicU32::new(0),
    });
    copy.provider = Some(provider.clone());
    let error = copy.start().await.expect_err("there is no such column");
    assert_eq!(error.kind(), ErrorKind::ObjectMissing, "{error}");
    assert_eq!(
        provider.read.load(Ordering::SeqCst),
        2,
        "it is looked once more"
    );
}
