//! A log in memory, and the pre-check as tests start it.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::future::BoxFuture;
use mysql_async::prelude::Queryable;
use oms::component::contract::{Assignment, Context, Finish, ProgressCell, Work};
use oms::component::precheck::{Item, ItemStatus, PrecheckLog, PrecheckWork, Scope};
use oms::datasource::mysql::Endpoint;
use oms::error::Result;
use oms::model::filter::ObjectFilter;
use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

use crate::harness::{Kind, Server};

/// The items as they stand.
#[derive(Default)]
pub struct MemoryLog(pub Mutex<BTreeMap<String, Item>>);

impl PrecheckLog for MemoryLog {
    fn skipped(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn items<'a>(&'a self, items: &'a [Item]) -> BoxFuture<'a, Result<()>> {
        let new = items.iter().map(|item| (item.full_name(), item.clone()));
        self.0.lock().extend(new);
        Box::pin(async { Ok(()) })
    }
}

impl MemoryLog {
    pub fn item(&self, name: &str) -> Item {
        let items = self.0.lock();
        items
            .get(name)
            .cloned()
            .unwrap_or_else(|| panic!("no item {name}"))
    }

    /// Names of the items that stand so.
    pub fn with(&self, status: ItemStatus) -> Vec<String> {
        let items = self.0.lock();
        items
            .values()
            .filter(|i| i.status == status)
            .map(Item::full_name)
            .collect()
    }
}

/// Checks two URLs for the tables of `shop`.
pub async fn check(
    source: &str,
    target: &str,
    include: &str,
    scope: Scope,
) -> (Result<Finish>, Arc<MemoryLog>) {
    let endpoint = |url: &str| Endpoint::parse(url).expect("a valid URL");
    let log = Arc::new(MemoryLog::default());
    let filter = ObjectFilter {
        include: vec![include.to_owned()],
        exclude: Vec::new(),
    };
    let work =
        PrecheckWork::new(endpoint(source), endpoint(target), filter, log.clone()).scope(scope);
    let assignment = Assignment {
        component: "127.0.0.1-9000:precheck:np_test".into(),
        project: "np_test".into(),
        step: "s_test".into(),
        epoch: 1,
    };
    let context = Context::new(
        assignment,
        CancellationToken::new(),
        Arc::<ProgressCell>::default(),
    );
    let end = Box::new(work).run(context).await;
    (end, log)
}

/// The end of a server's log, and its databases: what a write would change.
pub async fn state(server: &Server) -> String {
    let mut conn = server.conn().await;
    let sql = match server.kind() {
        Kind::MySql => "SHOW BINARY LOG STATUS",
        Kind::MariaDb => "SHOW MASTER STATUS",
        Kind::OceanBase => "SELECT COUNT(*), COUNT(*) FROM information_schema.tables",
    };
    let end: Option<mysql_async::Row> = conn.query_first(sql).await.expect("the state of the log");
    let end = end.map(|mut row| {
        (
            row.take::<mysql_async::Value, _>(0),
            row.take::<mysql_async::Value, _>(1),
        )
    });
    let schemas: Vec<String> = conn.query("SHOW DATABASES").await.expect("databases");
    format!("{end:?} {schemas:?}")
}
