//! Incr-Sync against real targets: random histories through kills of the work and of the server,
//! and changes of keyless tables with every column type.

#![allow(
    clippy::print_stdout,
    reason = "a failed run is repeated with its seed"
)]

use oms::{component, error, model};

mod faults;
#[path = "../harness/mod.rs"]
mod harness;
mod keyless;
#[path = "../../src/component/incr_sync/tests/sim.rs"]
#[allow(dead_code, reason = "the unit tests use the rest")]
mod sim;
#[path = "../../src/component/incr_sync/tests/world.rs"]
#[allow(dead_code, reason = "the unit tests use the rest")]
mod world;

use component::contract::{Assignment, Context, ProgressCell};
use component::incr_sync::{
    DdlApplier, DdlTaskState, DdlTasks, IncrSyncWork, MOST_CLAIMS, MySqlTarget, OpenLog, Retry,
    Settings,
};
use error::{Error, Kind, Result};
use futures::future::BoxFuture;
use model::change::{DdlEvent, LogItem};
use model::ddl::Ddl;
use model::filter::ObjectFilter;
use model::ids::TxnId;
use model::options::IncrSyncOptions;
use model::position::Position;
use model::table::{ColumnType, Table, TableName};
use mysql_async::prelude::Queryable;
use oms::component::log_source::LogSource;
use oms::datasource::mysql::{Endpoint, Server as Target, Session, select};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Applies TRUNCATE, all that the histories have.
struct Truncate(Target);

impl DdlApplier for Truncate {
    fn apply<'a>(&'a self, event: &'a DdlEvent) -> BoxFuture<'a, Result<()>> {
        Box::pin(async move {
            let Ddl::TruncateTable(name) = &event.ddl else {
                return Err(Error::new(Kind::DdlUnsupported, "applying DDL"));
            };
            let mut conn = self.0.session(Session::Write).await?;
            conn.query_drop(format!("TRUNCATE TABLE {}", name.quoted()))
                .await
                .map_err(|e| Error::new(Kind::Unreachable, "truncating").caused_by(e))
        })
    }
}

struct NoTasks;

impl DdlTasks for NoTasks {
    fn record<'a>(
        &'a self,
        _: TxnId,
        _: &'a str,
        _: &'a str,
    ) -> BoxFuture<'a, Result<DdlTaskState>> {
        Box::pin(async { Ok(DdlTaskState::Pending) })
    }
}

/// A log, where it is followed from, and to where.
struct Follow {
    target: Target,
    items: Arc<Vec<LogItem>>,
    start: Position,
    starts: HashMap<TableName, Position>,
    stop_at: Position,
    lanes: usize,
}

impl Follow {
    fn work(&self, seed: u64) -> (Box<IncrSyncWork>, Arc<ProgressCell>) {
        let items = Arc::clone(&self.items);
        let open: OpenLog = Arc::new(move |from: Position| {
            let log: Box<dyn LogSource> = Box::new(world::MemoryLog::new(&items, &from, seed));
            Box::pin(async move { Ok(log) })
        });
        let options = IncrSyncOptions {
            lanes: self.lanes,
            batch_rows: 20,
            ..IncrSyncOptions::default()
        };
        let settings = Settings {
            start: self.start.clone(),
            table_starts: self.starts.clone(),
            filter: ObjectFilter {
                include: vec!["d.*".to_owned()],
                exclude: Vec::new(),
            },
            options,
            ddl: Arc::new(Truncate(self.target.clone())),
            ddl_from: None,
            ddl_tasks: Arc::new(NoTasks),
            stop_at: Some(self.stop_at.clone()),
            retry: Retry {
                limit: Duration::from_secs(30),
                ..Retry::default()
            },
            throttle: Arc::default(),
            // with few claims, large transactions take whole tables
            most_claims: if seed.is_multiple_of(2) {
                4
            } else {
                MOST_CLAIMS
            },
        };
        let target = MySqlTarget::new(self.target.clone(), "np_x/incr_sync", 1 << 20);
        let work = IncrSyncWork::new(Arc::new(target), open, settings);
        (Box::new(work), Arc::default())
    }
}

fn context(epoch: i64, progress: Arc<ProgressCell>) -> Context {
    let assignment = Assignment {
        component: "127.0.0.1-1:incr:0000000001".into(),
        project: "np_x".into(),
        step: "s_x".into(),
        epoch,
    };
    Context::new(assignment, CancellationToken::new(), progress)
}

async fn open(server: &harness::Server) -> Target {
    let endpoint = Endpoint::parse(&server.url()).expect("url");
    Target::open(&endpoint).await.expect("open")
}

/// Makes a table, simple ones only.
fn create(table: &Table) -> String {
    let mut parts: Vec<String> = table
        .columns
        .iter()
        .map(|c| {
            let ty = match &c.ty {
                ColumnType::Varchar(n) => {
                    format!("varchar({n}) CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
                }
                _ => "int".to_owned(),
            };
            let null = if c.nullable { "NULL" } else { "NOT NULL" };
            format!("`{}` {ty} {null}", c.name)
        })
        .collect();
    for key in &table.keys {
        let columns: Vec<&str> = table
            .key_columns(key)
            .expect("columns")
            .into_iter()
            .map(|c| table.columns[c].name.as_str())
            .collect();
        let kind = if key.name == "PRIMARY" {
            "PRIMARY KEY".to_owned()
        } else {
            format!("UNIQUE KEY `{}`", key.name)
        };
        parts.push(format!("{kind} ({})", columns.join(",")));
    }
    format!("CREATE TABLE {} ({})", table.name.quoted(), parts.join(","))
}

/// All rows of a table, sorted.
async fn rows(target: &Target, table: &Table) -> Vec<Vec<sim::Text>> {
    let columns: Vec<usize> = (0..table.columns.len()).collect();
    let list = select::select_list(table, &columns);
    let mut conn = target.session(Session::Read).await.expect("session");
    let rows: Vec<mysql_async::Row> = conn
        .query(format!("SELECT {list} FROM {}", table.name.quoted()))
        .await
        .expect("rows");
    let mut rows: Vec<_> = rows
        .into_iter()
        .map(|r| sim::texts(&select::encode(r)))
        .collect();
    rows.sort();
    rows
}
