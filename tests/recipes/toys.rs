//! Components that keep to the contract as the real ones do, with tasks in `rm` and the outcome of
//! each in the test's hands.

use futures::future::BoxFuture;
use oms::actor::shell::WorkFactory;
use oms::actor::work::{Assignment, Context, Finish, Work};
use oms::component::struct_transfer::{Object, ObjectLog, RmObjects};
use oms::error::{Error, Kind, Result};
use oms::metadata::{Component, ComponentType, Metadata};
use oms::supervisor::Maker;
use parking_lot::Mutex;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

/// What the test lets the components do, and what they did; outlives restarts of the server.
#[derive(Default)]
pub struct Stage {
    /// Objects whose tasks fail, and why.
    pub broken: Mutex<HashMap<String, Kind>>,
    /// Components that fail as soon as they work.
    pub failing: Mutex<HashSet<ComponentType>>,
    /// Components that work now.
    pub working: Mutex<HashMap<ComponentType, u32>>,
    /// Works begun so far.
    pub begun: Mutex<HashMap<ComponentType, u32>>,
    /// How often each object was tried.
    pub tries: Mutex<HashMap<String, u32>>,
}

/// The objects that the schema has.
pub const OBJECTS: [&str; 3] = ["shop", "orders", "customers"];

pub struct Toys {
    pub stage: Arc<Stage>,
    pub metadata: Metadata,
    pub leader: i64,
}

impl Maker for Toys {
    fn maker<'a>(
        &'a self,
        component: &'a Component,
        assignment: &'a Assignment,
    ) -> BoxFuture<'a, Result<WorkFactory>> {
        let kind = component.kind;
        let step = assignment.step.clone();
        let (stage, metadata, leader) = (self.stage.clone(), self.metadata.clone(), self.leader);
        Box::pin(async move {
            let factory: WorkFactory = Box::new(move || {
                let tasks = RmObjects::new(metadata.clone(), step.clone(), leader);
                Ok(Box::new(Toy {
                    kind,
                    stage: stage.clone(),
                    tasks,
                }))
            });
            Ok(factory)
        })
    }
}

struct Toy {
    kind: ComponentType,
    stage: Arc<Stage>,
    tasks: RmObjects,
}

struct Working(Arc<Stage>, ComponentType);

impl Working {
    fn new(stage: &Arc<Stage>, kind: ComponentType) -> Self {
        *stage.working.lock().entry(kind).or_default() += 1;
        *stage.begun.lock().entry(kind).or_default() += 1;
        Self(stage.clone(), kind)
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        if let Some(n) = self.0.working.lock().get_mut(&self.1) {
            *n -= 1;
        }
    }
}

impl Work for Toy {
    fn run(self: Box<Self>, context: Context) -> BoxFuture<'static, Result<Finish>> {
        Box::pin(async move {
            let _working = Working::new(&self.stage, self.kind);
            self.fail_if_told()?;
            match self.kind {
                ComponentType::StructTransfer => self.objects().await,
                ComponentType::Store
                | ComponentType::IncrSync
                | ComponentType::IncrVerification => self.follow(&context).await,
                _ => Ok(Finish::Done),
            }
        })
    }
}

impl Toy {
    fn fail_if_told(&self) -> Result<()> {
        match self.stage.failing.lock().contains(&self.kind) {
            true => Err(Error::new(Kind::StatementFailed, "a component of a test")),
            false => Ok(()),
        }
    }

    /// As Struct-Transfer: each object by itself, the failed ones named at the end.
    async fn objects(&self) -> Result<Finish> {
        let mut failed = None;
        for name in OBJECTS {
            let object = Object::database(name);
            if self.tasks.is_skipped(&object).await? || self.tasks.is_finished(&object).await? {
                continue;
            }
            self.tasks.begin(&object).await?;
            *self.stage.tries.lock().entry(name.to_owned()).or_default() += 1;
            let broken = self.stage.broken.lock().get(name).copied();
            match broken {
                Some(kind) => {
                    let report = Error::new(kind, format!("object {name}")).report();
                    self.tasks.failed(&object, &report).await?;
                    failed = Some(name);
                }
                None => self.tasks.finished(&object, &[]).await?,
            }
        }
        match failed {
            Some(name) => Err(Error::new(Kind::StatementFailed, format!("object {name}"))),
            None => Ok(Finish::Done),
        }
    }

    /// As Store and Incr-Sync: ready, and goes on until it is told to end.
    async fn follow(&self, context: &Context) -> Result<Finish> {
        context.progress().set_ready(true);
        while !context.is_cancelled() {
            context.progress().beat();
            self.fail_if_told()?;
            let rest = tokio::time::sleep(Duration::from_millis(20));
            tokio::select! {
                () = context.cancelled() => {}
                () = rest => {}
            }
        }
        Ok(Finish::Cancelled)
    }
}
