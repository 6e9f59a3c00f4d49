//! Coordinator and Supervisor over a real SQLite rm, with works that finish, fail and panic by
//! chance, and a process that is cut off at any await and begins anew, sometimes over rows in which
//! somebody mistyped: every project ends with all its steps done, and no component ever has two
//! works at once.

mod ending;
mod om;
mod settings;

use futures::future::BoxFuture;
use oms::actor::shell::WorkFactory;
use oms::actor::system;
use oms::actor::work::{Assignment, Context, Finish, Work};
use oms::coordinator::Reconciler;
use oms::error::{Error, Kind, Result};
use oms::metadata::{
    AlarmLevel, Component, ComponentStatus, ComponentType, Metadata, ModifyStatus, ModifyType,
    NewModifyRecord, NewProject, NewStep, ProjectStatus, ProjectType, StepName, StepStatus,
    StepUpdate,
};
use oms::model::filter::ObjectFilter;
use oms::model::objects::Modified;
use oms::model::options::Options;
use oms::model::project::{ProjectConfig, Stages};
use oms::supervisor::{EPOCH_STRIDE, Maker, Node};
use oms::workflow::steps::{Goal, component_of, migration};
use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection};
use serde_json::json;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// What the toys did, over all lives of the process.
#[derive(Default)]
struct Diary {
    alive: Mutex<HashMap<String, u32>>,
    works: Mutex<u32>,
    ends: Mutex<Vec<ComponentType>>,
}

struct ToyMaker {
    diary: Arc<Diary>,
    rng: Arc<Mutex<StdRng>>,
    /// Probability in percent of each: failing in a way that may pass, failing for good, panic.
    trouble: [u32; 3],
}

struct Toy {
    kind: ComponentType,
    id: String,
    diary: Arc<Diary>,
    fate: u32,
    trouble: [u32; 3],
}

struct Alive(Arc<Diary>, String);

impl Drop for Alive {
    fn drop(&mut self) {
        if let Some(n) = self.0.alive.lock().get_mut(&self.1) {
            *n -= 1;
        }
    }
}

impl Work for Toy {
    fn run(self: Box<Self>, context: Context) -> BoxFuture<'static, Result<Finish>> {
        Box::pin(async move {
            *self.diary.works.lock() += 1;
            {
                let mut alive = self.diary.alive.lock();
                let n = alive.entry(self.id.clone()).or_default();
                *n += 1;
                assert_eq!(*n, 1, "two works of {} at once", self.id);
            }
            let _alive = Alive(self.diary.clone(), self.id.clone());
            tokio::task::yield_now().await;
            let [passing, lasting, panics] = self.trouble;
            if self.fate < passing {
                return Err(Error::new(Kind::ServerBusy, "toy"));
            } else if self.fate < passing + lasting {
                return Err(Error::new(Kind::StatementFailed, "toy"));
            } else if self.fate < passing + lasting + panics {
                panic!("toy");
            }
            let goal = migration(&Stages::default(), true)
                .into_iter()
                .filter_map(component_of)
                .find(|(kind, _)| *kind == self.kind)
                .map(|(_, goal)| goal);
            if goal == Some(Goal::Finishes) {
                self.diary.ends.lock().push(self.kind);
                return Ok(Finish::Done);
            }
            context.progress().set_ready(true);
            context.cancelled().await;
            Ok(Finish::Cancelled)
        })
    }
}

impl Maker for ToyMaker {
    fn maker<'a>(
        &'a self,
        component: &'a Component,
        _: &'a Assignment,
    ) -> BoxFuture<'a, Result<WorkFactory>> {
        let (kind, id) = (component.kind, component.id.clone());
        let (diary, rng, trouble) = (self.diary.clone(), self.rng.clone(), self.trouble);
        Box::pin(async move {
            let factory: WorkFactory = Box::new(move || {
                Ok(Box::new(Toy {
                    kind,
                    id: id.clone(),
                    diary: diary.clone(),
                    fate: rng.lock().random_range(0..100),
                    trouble,
                }))
            });
            Ok(factory)
        })
    }
}

struct World {
    dir: tempfile::TempDir,
    metadata: Metadata,
    diary: Arc<Diary>,
    rng: Arc<Mutex<StdRng>>,
    epoch: i64,
}

const PROJECT: &str = "np_test";

/// What somebody mistypes while no process runs.
const SLIPS: [&str; 8] = [
    "UPDATE oms_step SET step_status = 'RUNING' WHERE step_status <> 'INIT'",
    "UPDATE oms_step SET step_status = 'DONE'",
    "UPDATE oms_step SET step_info = '{'",
    "UPDATE oms_step SET progress = 'half', extra_info = 'none'",
    "UPDATE oms_project SET project_status = 'RUN'",
    "UPDATE oms_project SET alarm_level = 'LOUD', extra_info = '['",
    "UPDATE oms_component SET desired_status = 'RUNING', status = 'RUN'",
    "UPDATE oms_task SET task_status = 'PENDIN', task_info = '{'",
];

impl World {
    async fn new(seed: u64) -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("rm.db");
        let metadata = Metadata::open(&path.to_string_lossy())
            .await
            .expect("opened");
        metadata.migrate().await.expect("migrated");
        let new = NewProject {
            id: PROJECT.to_owned(),
            name: "test".to_owned(),
            kind: ProjectType::Migration,
            source_id: "e_s".to_owned(),
            target_id: "e_t".to_owned(),
            config: json!({}),
            alarm_level: AlarmLevel::Low,
        };
        metadata.projects().create(new).await.expect("created");
        let steps = migration(&Stages::default(), true)
            .into_iter()
            .zip(1..)
            .map(|(name, order)| NewStep {
                id: None,
                order,
                name,
                interactive: false,
            });
        metadata
            .steps()
            .create_all(PROJECT, steps.collect())
            .await
            .expect("created");
        Self {
            dir,
            metadata,
            diary: Arc::default(),
            rng: Arc::new(Mutex::new(StdRng::seed_from_u64(seed))),
            epoch: 0,
        }
    }

    /// A new life of the process: a higher epoch, nothing in memory.
    async fn life(&mut self, trouble: [u32; 3]) -> (Reconciler, Node) {
        self.epoch += EPOCH_STRIDE;
        let claimed = self
            .metadata
            .projects()
            .claim(PROJECT, self.epoch)
            .await
            .expect("claimed");
        assert!(claimed.applied());
        let maker = ToyMaker {
            diary: self.diary.clone(),
            rng: self.rng.clone(),
            trouble,
        };
        let node = Node::new(
            self.metadata.clone(),
            Box::new(maker),
            "n",
            self.epoch,
            None,
        );
        let reconciler = Reconciler::new(self.metadata.clone(), self.epoch, "n");
        reconciler.resume(PROJECT).await.expect("resumed");
        (reconciler, node)
    }

    /// A person's connection.
    async fn raw(&self) -> DatabaseConnection {
        let path = self.dir.path().join("rm.db");
        let mut options = ConnectOptions::new(format!("sqlite://{}", path.display()));
        // else sqlx's task for them may outlive the test without an end
        options
            .max_connections(1)
            .idle_timeout(None)
            .max_lifetime(None);
        Database::connect(options).await.expect("connected")
    }

    /// Somebody mistypes, now and then.
    async fn slip(&self) {
        let slip = self.rng.lock().random_range(0..SLIPS.len() * 3);
        if let Some(sql) = SLIPS.get(slip) {
            let raw = self.raw().await;
            raw.execute_unprepared(sql).await.expect(sql);
            raw.close().await.expect("closed");
        }
    }

    async fn steps(&self) -> HashMap<StepName, StepStatus> {
        let rows = self.metadata.steps().list(PROJECT).await.expect("listed");
        rows.into_iter()
            .map(|row| row.expect("good"))
            .map(|s| (s.name, s.status))
            .collect()
    }
}

async fn rounds(reconciler: &Reconciler, node: &mut Node, most: usize) -> bool {
    for _ in 0..most {
        reconciler.reconcile(PROJECT).await.expect("reconciled");
        node.supervise().await.expect("supervised");
        let rows = reconciler.rows(PROJECT).await.expect("rows");
        if rows
            .steps
            .iter()
            .any(|s| s.name == StepName::FullVerifier && s.status == StepStatus::Finished)
        {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    false
}

#[test]
fn all_steps_in_order() {
    system::run(async {
        let mut world = World::new(1).await;
        let (reconciler, mut node) = world.life([0, 0, 0]).await;
        assert!(
            rounds(&reconciler, &mut node, 2000).await,
            "{:?}",
            world.steps().await
        );
        assert_eq!(
            *world.diary.ends.lock(),
            [
                ComponentType::Precheck,
                ComponentType::StructTransfer,
                ComponentType::FullImport,
                ComponentType::IndexTransfer,
                ComponentType::FullVerification,
            ]
        );
        assert_eq!(
            world.steps().await[&StepName::IncrTransfer],
            StepStatus::Monitoring
        );
        // a pause ends every work, and going on verifies again only when asked
        reconciler
            .suspend(PROJECT, "test")
            .await
            .expect("suspended");
        for _ in 0..50 {
            reconciler.reconcile(PROJECT).await.expect("reconciled");
            node.supervise().await.expect("supervised");
        }
        assert_eq!(node.running(), 0);
        assert_eq!(
            world.steps().await[&StepName::IncrTransfer],
            StepStatus::Suspend
        );
        reconciler.resume(PROJECT).await.expect("resumed");
        assert!(rounds(&reconciler, &mut node, 10).await);
        node.stop_all().await;
    })
    .expect("a runtime");
}

#[test]
fn cut_off_anywhere_it_goes_on() {
    let seed: u64 = std::env::var("OMS_SEED")
        .ok()
        .and_then(|s| s.parse().ok())
        .unwrap_or_else(rand::random);
    println!("OMS_SEED={seed}");
    system::run(async move {
        let mut world = World::new(seed).await;
        let mut lives = 0;
        loop {
            lives += 1;
            assert!(lives < 2000, "it does not end: {:?}", world.steps().await);
            let (reconciler, mut node) = world.life([10, 3, 3]).await;
            let life = Duration::from_micros(world.rng.lock().random_range(100..25_000));
            let done = tokio::time::timeout(life, rounds(&reconciler, &mut node, 10_000)).await;
            // the process is gone: its works too, without a word
            drop(node);
            while world.diary.alive.lock().values().any(|&n| n > 0) {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            if done == Ok(true) {
                break;
            }
            world.slip().await;
        }
        println!("{lives} lives, {} works", world.diary.works.lock());
        let steps = world.steps().await;
        for name in migration(&Stages::default(), true) {
            let done = matches!(steps[&name], StepStatus::Finished | StepStatus::Monitoring);
            assert!(done, "{name}: {:?}", steps[&name]);
        }
    })
    .expect("a runtime");
}

#[test]
fn a_step_set_back_by_sql_makes_its_component_anew() {
    system::run(async {
        let mut world = World::new(2).await;
        let (reconciler, mut node) = world.life([0, 0, 0]).await;
        assert!(rounds(&reconciler, &mut node, 2000).await);
        let before = reconciler.rows(PROJECT).await.expect("rows");
        let pull = |rows: &oms::coordinator::Rows| {
            rows.steps
                .iter()
                .find(|s| s.name == StepName::TransferIncrLogPull)
                .cloned()
                .expect("step")
        };
        let old = pull(&before);
        let set_back = StepUpdate {
            status: Some(StepStatus::Failed),
            step_info: Some(json!({})),
            ..StepUpdate::default()
        };
        let written = world
            .metadata
            .steps()
            .update(&old.id, set_back, world.epoch)
            .await
            .expect("written");
        assert!(written.applied());
        for _ in 0..200 {
            reconciler.reconcile(PROJECT).await.expect("reconciled");
            node.supervise().await.expect("supervised");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let after = reconciler.rows(PROJECT).await.expect("rows");
        let new = pull(&after);
        assert_eq!(new.status, StepStatus::Finished);
        assert_ne!(new.step_info["component"], old.step_info["component"]);
        let stopped = after
            .components
            .iter()
            .find(|c| c.id == old.step_info["component"])
            .expect("kept");
        assert_eq!(stopped.status, ComponentStatus::Stopped);
        assert_eq!(after.project.status, ProjectStatus::Running);
        node.stop_all().await;
    })
    .expect("a runtime");
}

#[test]
fn a_work_whose_row_is_gone_ends_and_one_that_is_called_finished_goes_on() {
    system::run(async {
        let mut world = World::new(3).await;
        let (reconciler, mut node) = world.life([0, 0, 0]).await;
        assert!(rounds(&reconciler, &mut node, 2000).await);
        let rows = reconciler.rows(PROJECT).await.expect("rows");
        let of = |kind| {
            let found = rows.components.iter().find(|c| c.kind == kind);
            found.expect("a component").clone()
        };
        let (sync, store) = (of(ComponentType::IncrSync), of(ComponentType::Store));
        let running = node.running();
        let components = world.metadata.components();
        // the list of the living does not have it any more; the work goes on, and says so
        let finished = oms::metadata::Report {
            status: Some(ComponentStatus::Finished),
            ..oms::metadata::Report::default()
        };
        let written = components.report(&store.id, store.epoch, finished).await;
        assert!(written.expect("written").applied());
        node.supervise().await.expect("supervised");
        assert_eq!(node.running(), running);
        assert!(components.delete(&sync.id, sync.epoch).await.expect("gone"));
        node.supervise().await.expect("supervised");
        assert_eq!(node.running(), running - 1);
        let alive = world.diary.alive.lock().clone();
        assert_eq!(alive.get(&sync.id), Some(&0), "{alive:?}");
        node.stop_all().await;
    })
    .expect("a runtime");
}

/// Cut off between the project's state and the record's, a change is done once more to its end.
#[test]
fn a_change_of_objects_that_was_cut_off_leaves_the_project_running() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for status in [
        ProjectStatus::Running,
        ProjectStatus::RunningModifying,
        ProjectStatus::RunningMerging,
    ] {
        runtime.block_on(async {
            let mut world = World::new(1).await;
            let (reconciler, _) = world.life([0; 3]).await;
            let config = ProjectConfig {
                filter: ObjectFilter {
                    include: vec!["a.old".to_owned(), "a.new".to_owned()],
                    exclude: Vec::new(),
                },
                options: Options::default(),
                data_dir: "/nowhere".into(),
                stages: Stages::default(),
                modified: Modified::default(),
                reverse_incr_sync: None,
            };
            let (projects, epoch) = (world.metadata.projects(), world.epoch);
            let set = projects.set_config(PROJECT, &config.to_json(), epoch).await;
            assert!(set.expect("written").applied());
            let set = projects.set_status(PROJECT, status, None, epoch).await;
            assert!(set.expect("written").applied());
            let record = NewModifyRecord {
                id: "mr_1".to_owned(),
                project_id: PROJECT.to_owned(),
                sub_project_id: None,
                kind: ModifyType::IncreaseObject,
                status: ModifyStatus::Merging,
                tables: vec![("a".to_owned(), "new".to_owned())],
            };
            let records = world.metadata.modify_records();
            records.create(record).await.expect("a record");
            assert!(reconciler.change_objects().await.expect("a look"));
            let record = records.get("mr_1").await.expect("a record");
            assert_eq!(record.status, ModifyStatus::Success);
            let project = projects.get(PROJECT).await.expect("a project");
            assert_eq!(project.status, ProjectStatus::Running, "from {status}");
            assert!(!reconciler.change_objects().await.expect("a look"));
        });
    }
}
