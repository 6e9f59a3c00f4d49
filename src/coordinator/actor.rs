//! The Coordinator as an actor: a clock that makes it look, one look at a time.

use super::act::Reconciler;
use super::sample::Sampler;
use crate::actor::pace::{Bell, Ear, Pace};
use crate::error::{Kind, Result};
use crate::metadata::{StepName, StepStatus};
use crate::workflow::plan::{Action, StepView, View, plan};
use actix::prelude::{
    Actor, ActorFutureExt, AsyncContext, Handler, Message, ResponseActFuture, ResponseFuture,
    WrapFuture,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, watch};

/// How often it looks while something changes, and while nothing does.
const QUICK: Duration = Duration::from_millis(200);
const CALM: Duration = Duration::from_secs(1);

/// Looks at the projects now.
#[derive(Message)]
#[rtype(result = "Result<()>")]
pub struct Tick;

/// Looks no more; answers when the last look is done.
#[derive(Message)]
#[rtype(result = "()")]
pub struct Halt;

/// Reconciles its projects until it is stopped or fenced.
pub struct Coordinator {
    reconciler: Reconciler,
    scope: Scope,
    looking: bool,
    halted: bool,
    sampler: Sampler,
    /// Held by a look.
    look: Arc<Mutex<()>>,
    again: bool,
    bell: Bell,
    ear: Ear,
    pace: Pace<Vec<View>>,
    /// What the last look did.
    last: Vec<Action>,
    seen: watch::Sender<Option<View>>,
    fenced: watch::Sender<bool>,
}

impl Coordinator {
    /// Coordinates these projects; rings the bell when it changed something, and looks when others
    /// ring it. The second part tells what the last look at the last of them
    /// saw, the third when a newer leader was found.
    pub fn new(
        reconciler: Reconciler,
        scope: Scope,
        bell: Bell,
    ) -> (Self, watch::Receiver<Option<View>>, watch::Receiver<bool>) {
        let (seen, seen_rx) = watch::channel(None);
        let (fenced, fenced_rx) = watch::channel(false);
        let coordinator = Self {
            reconciler,
            scope,
            looking: false,
            halted: false,
            sampler: Sampler::default(),
            look: Arc::default(),
            again: false,
            ear: bell.listen(),
            bell,
            pace: Pace::new(QUICK, CALM),
            last: Vec::new(),
            seen,
            fenced,
        };
        (coordinator, seen_rx, fenced_rx)
    }
}

/// Which projects are coordinated.
#[derive(Debug, Clone)]
pub enum Scope {
    /// These.
    These(Vec<String>),
    /// All that are not at their end.
    All,
}

impl Scope {
    async fn projects(&self, reconciler: &Reconciler) -> Result<Vec<String>> {
        match self {
            Self::These(projects) => Ok(projects.clone()),
            Self::All => reconciler.living().await,
        }
    }
}

/// Whether a project's switchover, or its roll-back, is under way.
fn switches(view: &View) -> bool {
    let runs =
        |s: &StepView| s.name == StepName::TransferAppSwitch && s.status == StepStatus::Running;
    view.steps.iter().any(runs)
}

/// What was done about a project that others may be waiting for.
fn changes(view: &View) -> Vec<Action> {
    let mut actions = plan(view);
    actions.retain(|action| !matches!(action, Action::Progress { .. }));
    actions
}

impl Actor for Coordinator {
    type Context = actix::Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.beat(false, ctx);
    }
}

impl Coordinator {
    fn beat(&mut self, rung: bool, ctx: &mut <Self as Actor>::Context) {
        // rung in the midst of a look: what changed may have been passed already
        self.again |= rung && self.looking;
        if !self.looking {
            // its own mailbox: a look that cannot be queued is made at the next beat
            let _ = ctx.address().try_send(Tick);
        }
        let waiting = self.ear.clone().wait(self.pace.delay());
        ctx.spawn(waiting.into_actor(self).map(|(ear, rung), me, ctx| {
            me.ear = ear;
            me.beat(rung, ctx);
        }));
    }
}

impl Handler<Tick> for Coordinator {
    type Result = ResponseActFuture<Self, Result<()>>;

    fn handle(&mut self, _: Tick, _: &mut Self::Context) -> Self::Result {
        if self.halted || std::mem::replace(&mut self.looking, true) {
            return Box::pin(async { Ok(()) }.into_actor(self));
        }
        let reconciler = self.reconciler.clone();
        let scope = self.scope.clone();
        let sampler = self.sampler.clone();
        let held = Arc::clone(&self.look);
        let look = async move {
            let _held = held.lock().await;
            let mut views = Vec::new();
            let mut failed = None;
            let projects = scope.projects(&reconciler).await?;
            // what cannot be read together is read one by one
            let glance = reconciler.glance(&projects).await.unwrap_or_default();
            let mut switching = Vec::new();
            for project in &projects {
                if let Some(view) = glance
                    .get(project)
                    .and_then(|rows| reconciler.at_peace(rows))
                {
                    if switches(&view) {
                        switching.push(project.clone());
                    }
                    views.push(view);
                    continue;
                }
                match reconciler.reconcile(project).await {
                    Ok(view) => {
                        if view.as_ref().is_some_and(switches) {
                            switching.push(project.clone());
                        }
                        views.extend(view);
                    }
                    Err(error) => {
                        tracing::warn!(project_id = %project, code = error.kind().code(), %error, "reconciling");
                        failed = Some(error);
                    }
                }
            }
            let switched = reconciler.bring_on_switches(&switching).await?;
            let stirred = reconciler.operations().await? || switched;
            let changed = reconciler.change_objects().await?;
            sampler.look(&reconciler, &projects, &glance).await;
            failed.map_or(Ok((views, stirred || changed)), Err)
        };
        Box::pin(look.into_actor(self).map(|looked, me, ctx| {
            me.looking = false;
            if std::mem::take(&mut me.again) {
                // no ring: the other would answer it, and so on for ever
                let _ = ctx.address().try_send(Tick);
            }
            match looked {
                Ok((views, stirred)) => {
                    let actions: Vec<Action> = views.iter().flat_map(changes).collect();
                    if me.last != actions || stirred {
                        me.last = actions;
                        me.bell.ring();
                    }
                    if let Some(view) = views.last() {
                        me.seen.send_replace(Some(view.clone()));
                    }
                    me.pace.saw(views);
                    if stirred {
                        me.pace.stir();
                    }
                    Ok(())
                }
                Err(error) => {
                    me.pace.stir();
                    if error.kind() == Kind::Fenced {
                        me.fenced.send_replace(true);
                    }
                    Err(error)
                }
            }
        }))
    }
}

impl Handler<Halt> for Coordinator {
    type Result = ResponseFuture<()>;

    fn handle(&mut self, _: Halt, _: &mut Self::Context) -> Self::Result {
        self.halted = true;
        let look = Arc::clone(&self.look);
        Box::pin(async move { drop(look.lock().await) })
    }
}
