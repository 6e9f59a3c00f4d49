//! A project on real servers whose components are run one shell at a time, by hand.

use crate::harness::server::{Kind, Options, Server};
use crate::harness::wait_until;
use actix::{Actor, Addr};
use futures::future::BoxFuture;
use oms::actor::pace::Bell;
use oms::actor::shell::{Observe, Pause, Resume, Start, Stop, WorkFactory};
use oms::actor::work::{Assignment, Context, Finish, Work};
use oms::actor::{Observation, Shell, ShellState};
use oms::cli::migrate::prepare;
use oms::component::full_verification::{Passed, Progressed, RmProgressed};
use oms::config::migrate::{MigrateArgs, MigrateConfig};
use oms::config::secret_store::SecretStore;
use oms::error::{Error, Kind as Fault, Result};
use oms::metadata::{
    Component, ComponentType, DesiredStatus, Metadata, NewComponent, Project, Report, Step,
};
use oms::model::position::Position;
use oms::supervisor::works::Works;
use oms::supervisor::{EPOCH_STRIDE, Maker};
use oms::workflow::steps::component_of;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// How a component that was left in peace ended up.
#[derive(Debug, PartialEq, Eq)]
pub enum Ending {
    /// Its work is done.
    Finished,
    /// Its goal is reached, and it goes on.
    Ready,
}

/// What happens to a work.
#[derive(Clone, Copy)]
enum Fate {
    Peace,
    Panic(Duration),
    Fail(Duration),
}

/// A component's own work, cut off by its fate.
struct Fated {
    inner: Box<dyn Work>,
    fate: Fate,
    alive: Arc<AtomicU32>,
}

struct Alive(Arc<AtomicU32>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Work for Fated {
    fn run(self: Box<Self>, context: Context) -> BoxFuture<'static, Result<Finish>> {
        Box::pin(async move {
            let before = self.alive.fetch_add(1, Ordering::SeqCst);
            let _alive = Alive(self.alive.clone());
            assert_eq!(before, 0, "two works of one component at once");
            let work = self.inner.run(context);
            match self.fate {
                Fate::Peace => work.await,
                Fate::Panic(after) => match tokio::time::timeout(after, work).await {
                    Ok(result) => result,
                    Err(_) => panic!("fate"),
                },
                Fate::Fail(after) => match tokio::time::timeout(after, work).await {
                    Ok(result) => result,
                    Err(_) => Err(Error::new(Fault::ServerBusy, "fate")),
                },
            }
        })
    }
}

/// The project, its servers and its shells.
pub struct World {
    pub source: Server,
    pub target: Server,
    pub seed: u64,
    rng: StdRng,
    _dir: tempfile::TempDir,
    metadata: Metadata,
    config: MigrateConfig,
    works: Works,
    project: Project,
    steps: Vec<Step>,
    rows: HashMap<ComponentType, Component>,
    shells: HashMap<ComponentType, Addr<Shell>>,
    alive: HashMap<ComponentType, Arc<AtomicU32>>,
    starts: i64,
}

impl World {
    pub async fn new(source: Kind, target: Kind, seed: u64) -> Self {
        let source = Server::start(source, Options::default()).await;
        let target = Server::start(target, Options::default()).await;
        source.load_shop().await;
        let dir = tempfile::tempdir().expect("a folder");
        let rm = dir.path().join("rm.db").display().to_string();
        let metadata = Metadata::open(&rm).await.expect("rm");
        metadata.migrate().await.expect("migrated");
        let options = dir.path().join("project.yaml");
        // small slices, so that the copy can be disturbed in its midst
        let yaml = "options: {full_import: {slice_bytes: 262144, workers: 2}, store: {heartbeat_ms: 200}, \
             incr_verification: {enabled: true}}";
        std::fs::write(&options, yaml).expect("written");
        let args = MigrateArgs {
            config: Some(options),
            source: Some(source.url_with_password()),
            target: Some(target.url_with_password()),
            include: vec!["shop.*".to_owned()],
            rm: Some(rm),
            ..MigrateArgs::default()
        };
        let mut config = MigrateConfig::load(args, |_| None).expect("a configuration");
        let secrets = SecretStore::open(&dir.path().join("oms.key")).expect("a key");
        let s = prepare::open_side("source", &mut config.source)
            .await
            .expect("source");
        let t = prepare::open_side("target", &mut config.target)
            .await
            .expect("target");
        let project = prepare::project(&metadata, &secrets, &config, &s, &t)
            .await
            .expect("a project")
            .project;
        metadata
            .projects()
            .claim(&project.id, EPOCH_STRIDE)
            .await
            .expect("claimed")
            .applied();
        let steps = metadata.steps().list(&project.id).await.expect("steps");
        Self {
            works: Works::new(metadata.clone(), secrets, EPOCH_STRIDE),
            steps: steps.into_iter().map(|s| s.expect("good")).collect(),
            rng: StdRng::seed_from_u64(seed),
            rows: HashMap::new(),
            shells: HashMap::new(),
            alive: HashMap::new(),
            starts: 0,
            _dir: dir,
            metadata,
            config,
            project,
            source,
            target,
            seed,
        }
    }

    async fn row(&mut self, kind: ComponentType) -> Component {
        if let Some(row) = self.rows.get(&kind) {
            return row.clone();
        }
        let step = self
            .steps
            .iter()
            .find(|s| component_of(s.name).is_some_and(|(k, _)| k == kind))
            .expect("a step");
        let new = NewComponent {
            id: format!("127.0.0.1-9000:{kind}:0000000001"),
            project_id: self.project.id.clone(),
            step_id: step.id.clone(),
            kind,
            desired_status: DesiredStatus::Running,
            node: "127.0.0.1".to_owned(),
            config: serde_json::json!({}),
            checkpoint: serde_json::json!({}),
        };
        let row = self
            .metadata
            .components()
            .create(new)
            .await
            .expect("created");
        self.rows.insert(kind, row.clone());
        row
    }

    /// A new shell, not started, whose first work has this fate.
    async fn shell(&mut self, kind: ComponentType, fate: Fate) -> Addr<Shell> {
        let row = self.row(kind).await;
        self.starts += 1;
        let assignment = Assignment {
            component: row.id.as_str().into(),
            project: row.project_id.as_str().into(),
            step: row.step_id.as_str().into(),
            epoch: EPOCH_STRIDE + self.starts,
        };
        let inner = self.works.maker(&row, &assignment).await.expect("a work");
        let alive = self.alive.entry(kind).or_default().clone();
        // the one before may still be on its way out
        wait_until("the work before ends", Duration::from_secs(30), || {
            let n = alive.load(Ordering::SeqCst);
            async move {
                if n == 0 {
                    Ok(Some(()))
                } else {
                    Err(format!("{n} alive"))
                }
            }
        })
        .await;
        let factory: WorkFactory = Box::new(move || {
            Ok(Box::new(Fated {
                inner: inner()?,
                fate,
                alive: alive.clone(),
            }))
        });
        let shell = Shell::new(assignment, factory, Bell::default()).start();
        self.shells.insert(kind, shell.clone());
        shell
    }

    /// The random instant at which a component is disturbed comes: it is in whatever it is in.
    async fn pass(&mut self) {
        let wait = self.rng.random_range(0..700);
        tokio::time::sleep(Duration::from_millis(wait)).await;
    }

    /// Disturbs a component so often.
    pub async fn torment(&mut self, kind: ComponentType, times: u32) {
        for _ in 0..times {
            let after = Duration::from_millis(self.rng.random_range(0..900));
            match self.rng.random_range(0..5) {
                0 => {
                    let shell = self.shell(kind, Fate::Peace).await;
                    shell.send(Start).await.expect("alive").expect("started");
                    self.pass().await;
                    shell.send(Pause).await.expect("alive").expect("paused");
                    let state = observe(&shell).await.state;
                    assert!(
                        matches!(
                            state,
                            ShellState::Paused | ShellState::Finished | ShellState::Failed
                        ),
                        "{kind} is {state} after a pause"
                    );
                    if state == ShellState::Paused {
                        shell.send(Resume).await.expect("alive").expect("resumed");
                        self.pass().await;
                    }
                    shell.send(Stop).await.expect("alive").expect("stopped");
                    assert_eq!(observe(&shell).await.state, ShellState::Stopped);
                }
                1 => {
                    let shell = self.shell(kind, Fate::Peace).await;
                    shell.send(Start).await.expect("alive").expect("started");
                    self.pass().await;
                    shell.send(Stop).await.expect("alive").expect("stopped");
                }
                2 => self.doomed(kind, Fate::Panic(after), Fault::Panicked).await,
                3 => {
                    self.doomed(kind, Fate::Fail(after), Fault::ServerBusy)
                        .await
                }
                _ => {
                    // forgotten: nobody has its address any more
                    let shell = self.shell(kind, Fate::Peace).await;
                    shell.send(Start).await.expect("alive").expect("started");
                    self.pass().await;
                    self.shells.remove(&kind);
                }
            }
        }
    }

    async fn doomed(&mut self, kind: ComponentType, fate: Fate, fault: Fault) {
        let shell = self.shell(kind, fate).await;
        shell.send(Start).await.expect("alive").expect("started");
        let seen = settled(&shell, kind).await;
        if seen.state == ShellState::Failed {
            let error = seen.error.expect("an error");
            assert_eq!(error.kind(), fault, "{kind}: {error}");
        }
    }

    /// Leaves a component in peace until its goal is reached.
    pub async fn finish(&mut self, kind: ComponentType) -> Ending {
        for _ in 0..20 {
            let shell = match self.shells.get(&kind) {
                Some(shell) if observe(shell).await.state == ShellState::Running => shell.clone(),
                _ => {
                    let shell = self.shell(kind, Fate::Peace).await;
                    shell.send(Start).await.expect("alive").expect("started");
                    shell
                }
            };
            self.report(kind, &shell);
            let seen = settled_or_ready(&shell, kind).await;
            match seen.state {
                ShellState::Finished => return Ending::Finished,
                ShellState::Running => return Ending::Ready,
                _ => {
                    let error = seen.error.expect("an error");
                    assert!(error.is_transient(), "{kind}: {error}");
                }
            }
        }
        panic!("{kind} does not come to its end");
    }

    /// Writes a component's progress to rm, as the Supervisor does.
    fn report(&self, kind: ComponentType, shell: &Addr<Shell>) {
        let (metadata, id) = (self.metadata.clone(), self.rows[&kind].id.clone());
        let shell = shell.downgrade();
        tokio::spawn(async move {
            while let Some(shell) = shell.upgrade() {
                let Ok(Ok(seen)) = shell.send(Observe).await else {
                    return;
                };
                drop(shell);
                let report = Report {
                    progress: serde_json::to_value(&seen.progress).ok(),
                    ..Report::default()
                };
                let _ = metadata.components().report(&id, 0, report).await;
                // as often as the Supervisor looks at it
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        });
    }

    /// Restarts a component that others depend on.
    pub async fn disturb_running(&mut self, kind: ComponentType) {
        self.stop(kind).await;
        let shell = self.shell(kind, Fate::Peace).await;
        shell.send(Start).await.expect("alive").expect("started");
    }

    pub async fn stop(&mut self, kind: ComponentType) {
        let shell = &self.shells[&kind];
        shell.send(Stop).await.expect("alive").expect("stopped");
    }

    pub async fn state(&self, kind: ComponentType) -> ShellState {
        observe(&self.shells[&kind]).await.state
    }

    /// Waits until the target has everything that the source has.
    pub async fn wait_until_followed(&self) {
        let progressed = RmProgressed::new(
            self.metadata.clone(),
            self.project.id.as_str().into(),
            self.config.source.endpoint.clone(),
        );
        wait_until("the target follows", Duration::from_secs(120), || async {
            match progressed.passed_now().await {
                Ok(Passed::Yes) => Ok(Some(())),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
    }

    /// Waits until the incremental verification has passed all that is applied; gives what it found.
    pub async fn wait_until_verified(&self) -> i64 {
        let position = |kind: ComponentType, key: &'static str| async move {
            let row = self.metadata.components().get(&self.rows[&kind].id).await;
            let progress = row.expect("a row").progress;
            let position = progress["detail"][key].clone();
            serde_json::from_value::<Position>(position).ok()
        };
        let applied = position(ComponentType::IncrSync, "watermark").await;
        let applied = applied.expect("a watermark").txn_id();
        wait_until("all is verified", Duration::from_secs(120), || async {
            match position(ComponentType::IncrVerification, "checkpoint").await {
                Some(reached) if reached.txn_id() >= applied => Ok(Some(())),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
        let verify = self.metadata.verify();
        let results = verify.list(&self.project.id, 0, 0, 0).await;
        let results = results.expect("listed");
        assert!(results.len() > 5, "{}", results.len());
        results
            .into_iter()
            .map(|r| r.expect("good").differences())
            .sum()
    }

    pub async fn inconsistencies(&self) -> i64 {
        let sub_id = self
            .metadata
            .verify()
            .last_sub_id(&self.project.id)
            .await
            .expect("read");
        let results = self
            .metadata
            .verify()
            .list(&self.project.id, sub_id.expect("verified"), 0, 0)
            .await
            .expect("listed");
        assert_eq!(results.len(), 17);
        results
            .into_iter()
            .map(|r| r.expect("good").differences())
            .sum()
    }

    /// Waits until both servers have no session of ours.
    pub async fn no_connections_are_left(&self, deadline: Duration) {
        for server in [&self.source, &self.target] {
            wait_until("sessions end", deadline, || async {
                let mut conn = server.conn().await;
                let sql = "SELECT COUNT(*) FROM information_schema.processlist WHERE user = 'oms'";
                let left: Option<i64> =
                    mysql_async::prelude::Queryable::query_first(&mut conn, sql)
                        .await
                        .map_err(|e| e.to_string())?;
                if left == Some(0) {
                    Ok(Some(()))
                } else {
                    Err(format!("{left:?} sessions"))
                }
            })
            .await;
        }
    }
}

async fn observe(shell: &Addr<Shell>) -> Observation {
    shell.send(Observe).await.expect("alive").expect("answers")
}

async fn settled(shell: &Addr<Shell>, kind: ComponentType) -> Observation {
    until(shell, kind, |seen| seen.state != ShellState::Running).await
}

async fn settled_or_ready(shell: &Addr<Shell>, kind: ComponentType) -> Observation {
    let follows = matches!(
        kind,
        ComponentType::Store | ComponentType::IncrSync | ComponentType::IncrVerification
    );
    until(shell, kind, |seen| {
        seen.state != ShellState::Running || (follows && seen.progress.ready)
    })
    .await
}

async fn until(
    shell: &Addr<Shell>,
    kind: ComponentType,
    enough: impl Fn(&Observation) -> bool,
) -> Observation {
    wait_until(
        &format!("{kind} settles"),
        Duration::from_secs(180),
        || async {
            let seen = observe(shell).await;
            if enough(&seen) {
                Ok(Some(seen))
            } else {
                Err(format!("{seen:?}"))
            }
        },
    )
    .await
}
