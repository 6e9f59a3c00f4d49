//! A server's Coordinator and Supervisor over one project in a real rm database, and an operator with
//! SQL beside them.

use crate::harness::wait_until;
use crate::toys::{Stage, Toys};
use actix::{Actor, Addr};
use oms::actor::pace::Bell;
use oms::coordinator::{Coordinator, Halt, Reconciler, Scope, make_steps};
use oms::metadata::{
    AlarmLevel, Component, ComponentType, Metadata, NewProject, Project, ProjectType, Step,
    StepName, Task, new_id,
};
use oms::model::filter::ObjectFilter;
use oms::model::objects::Modified;
use oms::model::options::Options;
use oms::model::project::{ProjectConfig, Stages};
use oms::supervisor::{EPOCH_STRIDE, Node, StopAll, Supervisor};
use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend};
use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const NODE: &str = "127.0.0.1";
/// Within this an edit has its effect; the Coordinator itself needs a second at most.
const SOON: Duration = Duration::from_secs(20);

pub struct World {
    pub metadata: Metadata,
    pub raw: DatabaseConnection,
    pub stage: Arc<Stage>,
    pub project: String,
    epoch: i64,
    life: Option<Life>,
}

struct Life {
    coordinator: Addr<Coordinator>,
    supervisor: Addr<Supervisor>,
}

impl World {
    /// A new project, not started, and no server.
    pub async fn new(url: &str, epoch: i64) -> Self {
        let metadata = Metadata::open(url).await.expect("opened");
        metadata.migrate().await.expect("migrated");
        let place = match url.contains("://") {
            true => url.to_owned(),
            false => format!("sqlite://{url}"),
        };
        let mut options = ConnectOptions::new(place);
        options.idle_timeout(None).max_lifetime(None);
        let raw = Database::connect(options).await;
        let project = new_id("np_");
        let config = ProjectConfig {
            filter: ObjectFilter::default(),
            options: Options::default(),
            data_dir: "/nowhere".into(),
            stages: Stages::default(),
            modified: Modified::default(),
            reverse_incr_sync: None,
        };
        let new = NewProject {
            id: project.clone(),
            name: project.clone(),
            kind: ProjectType::Migration,
            source_id: "e_s".to_owned(),
            target_id: "e_t".to_owned(),
            config: config.to_json(),
            alarm_level: AlarmLevel::Low,
        };
        metadata.projects().create(new).await.expect("created");
        make_steps(&metadata, &project, &config)
            .await
            .expect("steps");
        Self {
            metadata,
            raw: raw.expect("a connection of the operator's"),
            stage: Arc::default(),
            project,
            epoch,
            life: None,
        }
    }

    /// Starts a server; it finds what there is, as after any restart.
    pub async fn start(&mut self) {
        self.epoch += EPOCH_STRIDE;
        let toys = Toys {
            stage: self.stage.clone(),
            metadata: self.metadata.clone(),
            leader: self.epoch,
        };
        let bell = Bell::default();
        let only = Some(vec![self.project.clone()]);
        let node = Node::new(
            self.metadata.clone(),
            Box::new(toys),
            NODE,
            self.epoch,
            only,
        )
        .ringing(bell.clone());
        let reconciler = Reconciler::new(self.metadata.clone(), self.epoch, NODE);
        reconciler
            .living()
            .await
            .expect("what was left is taken over");
        let (coordinator, _, _) = Coordinator::new(reconciler, Scope::All, bell);
        self.life = Some(Life {
            coordinator: coordinator.start(),
            supervisor: Supervisor::new(node).start(),
        });
    }

    /// The server ends, as at a signal.
    pub async fn stop(&mut self) {
        if let Some(life) = self.life.take() {
            life.coordinator.send(Halt).await.expect("halted");
            life.supervisor.send(StopAll).await.expect("stopped");
        }
    }

    /// A server with a project that was started.
    pub async fn running(url: &str, epoch: i64) -> Self {
        let mut world = Self::new(url, epoch).await;
        world.begin().await;
        world
    }

    /// Starts the project, and the server.
    pub async fn begin(&mut self) {
        let epoch = self.epoch + EPOCH_STRIDE / 2;
        let reconciler = Reconciler::new(self.metadata.clone(), epoch, NODE);
        reconciler.claim(&self.project).await.expect("claimed");
        reconciler.resume(&self.project).await.expect("started");
        self.start().await;
    }

    /// Ends the server, and takes the project out of the way of the tests after this one.
    pub async fn end(mut self) {
        self.stop().await;
        self.sql("UPDATE oms_project SET project_status = 'DELETED' WHERE id = :project")
            .await;
    }

    /// Runs a recipe as an operator does.
    pub async fn recipe(&self, name: &str, step: Option<StepName>) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recipes");
        let mut path = folder.join(format!("{name}.sql"));
        let own = folder.join(format!("{name}.postgresql.sql"));
        if self.raw.get_database_backend() == DbBackend::Postgres && own.exists() {
            path = own;
        }
        let text = std::fs::read_to_string(&path).expect("a recipe");
        let text = match step {
            Some(step) => text.replace(":step", &format!("'{step}'")),
            None => text,
        };
        self.sql(&text).await;
    }

    /// Runs SQL with `:project` filled in; every statement must find a row.
    pub async fn sql(&self, text: &str) {
        let lines = text.lines().filter(|line| !line.starts_with("--"));
        let text = lines.collect::<Vec<_>>().join("\n");
        let text = text.replace(":project", &format!("'{}'", self.project));
        for sql in text.split(";\n").map(|s| s.trim().trim_end_matches(';')) {
            if !sql.is_empty() {
                let done = self.raw.execute_unprepared(sql).await.expect(sql);
                assert!(done.rows_affected() > 0, "{sql}");
            }
        }
    }

    pub async fn the_project(&self) -> Project {
        let project = self.metadata.projects().get(&self.project).await;
        project.expect("a good project")
    }

    /// The steps; those that cannot be understood are left out.
    pub async fn steps(&self) -> Vec<Step> {
        let steps = self.metadata.steps().list(&self.project).await;
        steps.expect("listed").into_iter().flatten().collect()
    }

    pub async fn step(&self, name: StepName) -> Step {
        let steps = self.steps().await;
        let found = steps.into_iter().find(|s| s.name == name);
        found.unwrap_or_else(|| panic!("{name} cannot be understood"))
    }

    pub async fn components(&self) -> Vec<Component> {
        let components = self.metadata.components().list(&self.project).await;
        components.expect("listed").into_iter().flatten().collect()
    }

    pub async fn component_of(&self, step: &Step) -> Option<Component> {
        let id = step.step_info.get("component")?.as_str()?;
        self.components().await.into_iter().find(|c| c.id == id)
    }

    pub async fn tasks(&self, step: StepName) -> Vec<Task> {
        let id = self.step(step).await.id;
        let tasks = self.metadata.tasks().list(&id).await.expect("listed");
        tasks.into_iter().flatten().collect()
    }

    pub fn working(&self, kind: ComponentType) -> u32 {
        self.stage.working.lock().get(&kind).copied().unwrap_or(0)
    }

    pub fn begun(&self, kind: ComponentType) -> u32 {
        self.stage.begun.lock().get(&kind).copied().unwrap_or(0)
    }

    /// Waits until what is seen is good.
    pub async fn until<T: Debug>(
        &self,
        what: &str,
        look: impl AsyncFn() -> T,
        good: impl Fn(&T) -> bool,
    ) -> T {
        let (look, good) = (&look, &good);
        wait_until(what, SOON, || async move {
            let seen = look().await;
            match good(&seen) {
                true => Ok(Some(seen)),
                false => Err(format!("{seen:?}")),
            }
        })
        .await
    }
}
