//! One direction of a project: a Store and an Incr-Sync, run as a Supervisor would run them, and killed
//! as a machine would.

use crate::harness::{Server, try_wait_until, wait_until};
use oms::component::contract::{Assignment, Context, ProgressCell, Work};
use oms::component::incr_sync::{
    DdlTaskState, DdlTasks, IncrSyncWork, MOST_CLAIMS, MySqlDdl, MySqlTarget, OpenLog, Reach,
    Reached, Retry, Settings,
};
use oms::component::log_source::LogSource;
use oms::component::store::{StoreHub, StoreWork};
use oms::datasource::mysql::binlog::status::position_now;
use oms::datasource::mysql::ddl::family;
use oms::datasource::mysql::{Endpoint, Server as Opened};
use oms::error::{Error, Result};
use oms::model::change::{DdlEvent, LogItem};
use oms::model::filter::ObjectFilter;
use oms::model::ids::TxnId;
use oms::model::options::{Compression, DdlMode, IncrSyncOptions, StoreOptions};
use oms::model::position::Position;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Each start of a work has a newer epoch than all before.
static EPOCH: AtomicI64 = AtomicI64::new(0);

/// Nothing here takes longer.
pub const LONG: Duration = Duration::from_secs(120);

/// DDL that waits for an operator.
#[derive(Default)]
pub struct Tasks {
    /// Why, one for each statement.
    pub whys: Mutex<Vec<(TxnId, String)>>,
    /// An operator has dealt with all of them.
    pub skipped: AtomicBool,
}

impl DdlTasks for Tasks {
    fn record<'a>(
        &'a self,
        id: TxnId,
        _: &'a str,
        why: &'a str,
    ) -> futures::future::BoxFuture<'a, Result<DdlTaskState>> {
        Box::pin(async move {
            self.whys.lock().push((id, why.to_owned()));
            Ok(match self.skipped.load(Ordering::SeqCst) {
                true => DdlTaskState::Skipped,
                false => DdlTaskState::Pending,
            })
        })
    }
}

/// How a direction is made.
#[derive(Clone)]
pub struct Plan {
    /// Name of the component in the progress rows at the target.
    pub component: &'static str,
    /// What the Store leaves out.
    pub leave_out: Vec<String>,
    pub include: String,
    pub ddl_mode: DdlMode,
    pub ddl_from: Option<Position>,
    /// Compare the definitions before writing.
    pub compare: bool,
    pub source: String,
    pub target: String,
    pub heartbeat: bool,
}

impl Plan {
    /// From one server to the other, as their `root`.
    pub fn new(component: &'static str, source: &Server, target: &Server) -> Self {
        Self {
            component,
            leave_out: Vec::new(),
            include: "d.*".to_owned(),
            ddl_mode: DdlMode::Apply,
            ddl_from: None,
            compare: false,
            source: source.url(),
            target: target.url(),
            heartbeat: true,
        }
    }

    /// Leaves out what these wrote.
    pub fn leaving_out(mut self, components: &[&str]) -> Self {
        self.leave_out = components.iter().map(|c| (*c).to_owned()).collect();
        self
    }
}

/// A direction.
pub struct Link {
    pub plan: Plan,
    pub hub: StoreHub,
    pub tasks: Arc<Tasks>,
    folder: tempfile::TempDir,
    pub store: Option<Running>,
    pub sync: Option<Running>,
}

impl Link {
    pub fn new(plan: Plan) -> Self {
        Self {
            plan,
            hub: StoreHub::new(),
            tasks: Arc::default(),
            folder: tempfile::tempdir().expect("folder"),
            store: None,
            sync: None,
        }
    }

    /// Starts both works, the Store first, and waits until it pulls.
    pub async fn started(plan: Plan) -> Self {
        let mut link = Self::new(plan);
        link.start_store();
        link.pulls().await;
        link.start_sync();
        link
    }

    pub fn start_store(&mut self) {
        let (plan, hub) = (self.plan.clone(), self.hub.clone());
        let folder: PathBuf = self.folder.path().join("store");
        let make = move || {
            let work = StoreWork::new(
                Endpoint::parse(&plan.source).expect("URL"),
                Arc::new(filter(&plan)),
                StoreOptions {
                    heartbeat_ms: 100,
                    piece_bytes: 4096,
                    segment_bytes: 1 << 20,
                    compression: Compression::Lz4,
                    ..StoreOptions::default()
                },
                folder.clone(),
                plan.component,
                hub.clone(),
                plan.heartbeat,
            )
            .leaving_out(plan.leave_out.clone());
            async move { Ok(Box::new(work) as Box<dyn Work>) }
        };
        self.store = Some(keep_running(make));
    }

    /// Waits until the Store holds a log.
    pub async fn pulls(&self) {
        let what = format!("the Store of {} to begin", self.plan.component);
        wait_until(&what, LONG, || async {
            self.require_running();
            Ok::<_, String>(self.hub.start(self.plan.component))
        })
        .await;
    }

    pub fn open_log(&self) -> OpenLog {
        let (hub, subtopic) = (self.hub.clone(), self.plan.component);
        Arc::new(move |from| {
            let hub = hub.clone();
            Box::pin(async move {
                let reader = hub.open(subtopic, &from).await?;
                Ok(Box::new(reader) as Box<dyn LogSource>)
            })
        })
    }

    pub fn start_sync(&mut self) {
        let (plan, hub, tasks) = (self.plan.clone(), self.hub.clone(), Arc::clone(&self.tasks));
        let open_log = self.open_log();
        let make = move || {
            let (plan, hub, tasks) = (plan.clone(), hub.clone(), Arc::clone(&tasks));
            let open_log = Arc::clone(&open_log);
            async move {
                let source = opened(&plan.source).await?;
                let target = opened(&plan.target).await?;
                let settings = Settings {
                    start: hub.start(plan.component).expect("the Store began"),
                    table_starts: HashMap::new(),
                    filter: filter(&plan),
                    options: IncrSyncOptions {
                        batch_rows: 50,
                        batch_bytes: 16 << 10,
                        ddl_mode: plan.ddl_mode,
                        ..IncrSyncOptions::default()
                    },
                    ddl: Arc::new(
                        MySqlDdl::new(target.clone(), family(source.flavour))
                            .marked(plan.component),
                    ),
                    ddl_from: plan.ddl_from.clone(),
                    ddl_tasks: tasks,
                    stop_at: None,
                    retry: Retry::default(),
                    throttle: Arc::default(),
                    most_claims: MOST_CLAIMS,
                };
                let mut target = MySqlTarget::new(target, plan.component, 16 << 10);
                if plan.compare {
                    target = target.comparing_definitions();
                }
                let work = IncrSyncWork::new(Arc::new(target), open_log, settings);
                Ok(Box::new(work) as Box<dyn Work>)
            }
        };
        self.sync = Some(keep_running(make));
    }

    /// Drops the Store where it is.
    pub async fn kill_store(&mut self) {
        if let Some(store) = self.store.take() {
            store.kill().await;
        }
    }

    /// Drops the Incr-Sync where it is.
    pub async fn kill_sync(&mut self) {
        if let Some(sync) = self.sync.take() {
            sync.kill().await;
        }
    }

    /// Tells both to end.
    pub async fn stop(&mut self) {
        self.stop_sync().await;
        self.stop_store().await;
    }

    /// Tells the Incr-Sync to end.
    pub async fn stop_sync(&mut self) {
        if let Some(sync) = self.sync.take() {
            sync.stop().await;
        }
    }

    /// Tells the Store to end.
    pub async fn stop_store(&mut self) {
        if let Some(store) = self.store.take() {
            store.stop().await;
        }
    }

    /// Fails where a work ended with an error that does not pass by itself.
    pub fn require_running(&self) {
        for work in [&self.store, &self.sync].into_iter().flatten() {
            if let Some(error) = &*work.failed.lock() {
                panic!("{}: {error}", self.plan.component);
            }
        }
    }

    /// Whether everything in front of a position is at the target.
    pub async fn reach(&self) -> Reach {
        let target = opened(&self.plan.target).await.expect("target");
        let target = MySqlTarget::new(target, self.plan.component, 0);
        Reach::new(target, self.open_log(), filter(&self.plan))
    }

    /// Waits until everything that the source has written by now is at the target; its position.
    pub async fn catch_up(&self) -> Position {
        let source = opened(&self.plan.source).await.expect("source");
        let goal = position_now(&source).await.expect("position");
        let reach = self.reach().await;
        let what = format!("{} to come to {goal}", self.plan.component);
        wait_until(&what, LONG, || async {
            self.require_running();
            match reach.look(&goal).await {
                Ok(Reached::Yes) => Ok(Some(())),
                Ok(other) => Err(format!("{other:?}")),
                Err(error) => Err(error.to_string()),
            }
        })
        .await;
        goal
    }

    /// What the Store's log holds in front of a position, heartbeats apart: the number of transactions,
    /// and the DDL statements.
    pub async fn log(&self, to: &Position) -> (u64, Vec<DdlEvent>) {
        let from = self.hub.start(self.plan.component).expect("start");
        self.log_between(&from, to).await
    }

    pub async fn log_between(&self, from: &Position, to: &Position) -> (u64, Vec<DdlEvent>) {
        let mut log = (self.open_log())(from.clone()).await.expect("log");
        let (mut transactions, mut ddl) = (0, Vec::new());
        let read = async {
            loop {
                let item = log.next().await.expect("item");
                let is_last = item.end().is_some_and(|end| end.txn_id() >= to.txn_id());
                match item {
                    LogItem::Txn(piece) if piece.id >= to.txn_id() => return,
                    LogItem::Ddl(event) if event.id >= to.txn_id() => return,
                    LogItem::Txn(piece) => transactions += u64::from(piece.end.is_some()),
                    LogItem::Ddl(event) => ddl.push(event),
                    LogItem::Heartbeat(_) => {}
                }
                if is_last {
                    return;
                }
            }
        };
        tokio::time::timeout(LONG, read)
            .await
            .unwrap_or_else(|_| panic!("{} comes to {to}", self.plan.component));
        (transactions, ddl)
    }

    /// Waits until a figure of the Incr-Sync's is this one.
    pub async fn figure_is(&self, name: &str, value: u64) {
        let what = format!("{name} of {} to be {value}", self.plan.component);
        let sync = self.sync.as_ref().expect("it runs");
        wait_until(&what, LONG, || async {
            let detail = sync.progress.read().detail;
            match detail.get(name).and_then(serde_json::Value::as_u64) {
                Some(found) if found == value => Ok(Some(())),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
    }

    /// Waits for the error with which the Incr-Sync ends.
    pub async fn error(&mut self) -> Error {
        let sync = self.sync.take().expect("it runs");
        let ended = try_wait_until("the Incr-Sync to give up", LONG, || async {
            match sync.failed.lock().take() {
                Some(error) => Ok(Some(error)),
                None => Err(format!("{:?}", sync.progress.read())),
            }
        })
        .await;
        ended.unwrap_or_else(|message| panic!("{message}"))
    }
}

pub async fn opened(url: &str) -> Result<Opened> {
    Opened::open(&Endpoint::parse(url).expect("URL")).await
}

fn filter(plan: &Plan) -> ObjectFilter {
    ObjectFilter {
        include: vec![plan.include.clone()],
        exclude: Vec::new(),
    }
}

/// What a work of the project `np_1` gets.
pub fn context(epoch: i64, progress: Arc<ProgressCell>) -> Context {
    let assignment = Assignment {
        component: "127.0.0.1-7100:test:0000000001".into(),
        project: "np_1".into(),
        step: "s_1".into(),
        epoch,
    };
    Context::new(assignment, CancellationToken::new(), progress)
}

/// A work that is started again after errors that may pass.
pub struct Running {
    token: CancellationToken,
    pub progress: Arc<ProgressCell>,
    pub failed: Arc<Mutex<Option<Error>>>,
    task: JoinHandle<()>,
}

impl Running {
    async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }

    async fn stop(self) {
        self.token.cancel();
        tokio::time::timeout(LONG, self.task)
            .await
            .expect("it ends soon")
            .expect("no panic");
    }
}

fn keep_running<F>(make: impl Fn() -> F + Send + Sync + 'static) -> Running
where
    F: Future<Output = Result<Box<dyn Work>>> + Send + 'static,
{
    let token = CancellationToken::new();
    let progress = Arc::new(ProgressCell::default());
    let failed = Arc::new(Mutex::new(None));
    let (cell, cancel, ended) = (Arc::clone(&progress), token.clone(), Arc::clone(&failed));
    let task = tokio::spawn(async move {
        loop {
            let epoch = EPOCH.fetch_add(1, Ordering::SeqCst) + 1;
            let assignment = context(epoch, Arc::clone(&cell)).assignment;
            let context = Context::new(assignment, cancel.clone(), Arc::clone(&cell));
            let run = async { make().await?.run(context).await };
            match run.await {
                Ok(_) => return,
                Err(error) if error.is_transient() => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Err(error) => {
                    *ended.lock() = Some(error);
                    return;
                }
            }
        }
    });
    Running {
        token,
        progress,
        failed,
        task,
    }
}
