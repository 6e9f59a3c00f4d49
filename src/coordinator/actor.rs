//! The Coordinator as an actor: a clock that makes it look, one look at a time.

use super::act::Reconciler;
use crate::actor::pace::{Bell, Ear, Pace};
use crate::error::{Kind, Result};
use crate::workflow::plan::{Action, View, plan};
use actix::prelude::{
    Actor, ActorFutureExt, AsyncContext, Handler, Message, ResponseActFuture, WrapFuture,
};
use std::time::Duration;
use tokio::sync::watch;

/// How often it looks while something changes, and while nothing does.
const QUICK: Duration = Duration::from_millis(200);
const CALM: Duration = Duration::from_secs(1);

/// Looks at the projects now.
#[derive(Message)]
#[rtype(result = "Result<()>")]
pub struct Tick;

/// Reconciles its projects until it is stopped or fenced.
pub struct Coordinator {
    reconciler: Reconciler,
    projects: Vec<String>,
    looking: bool,
    again: bool,
    bell: Bell,
    ear: Ear,
    pace: Pace<Option<View>>,
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
        projects: Vec<String>,
        bell: Bell,
    ) -> (Self, watch::Receiver<Option<View>>, watch::Receiver<bool>) {
        let (seen, seen_rx) = watch::channel(None);
        let (fenced, fenced_rx) = watch::channel(false);
        let coordinator = Self {
            reconciler,
            projects,
            looking: false,
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

/// What was done about a project that others may be waiting for.
fn changes(view: &View) -> Vec<Action> {
    let mut actions = plan(view);
    actions.retain(|action| !matches!(action, Action::Progress { .. }));
    actions
}

impl Actor for Coordinator {
    type Context = actix::Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.beat(ctx);
    }
}

impl Coordinator {
    fn beat(&mut self, ctx: &mut <Self as Actor>::Context) {
        // rung in the midst of a look: what changed may have been passed already
        self.again |= self.looking;
        if !self.looking {
            // its own mailbox: a look that cannot be queued is made at the next beat
            let _ = ctx.address().try_send(Tick);
        }
        let waiting = self.ear.clone().wait(self.pace.delay());
        ctx.spawn(waiting.into_actor(self).map(|ear, me, ctx| {
            me.ear = ear;
            me.beat(ctx);
        }));
    }
}

impl Handler<Tick> for Coordinator {
    type Result = ResponseActFuture<Self, Result<()>>;

    fn handle(&mut self, _: Tick, _: &mut Self::Context) -> Self::Result {
        if std::mem::replace(&mut self.looking, true) {
            return Box::pin(async { Ok(()) }.into_actor(self));
        }
        let reconciler = self.reconciler.clone();
        let projects = self.projects.clone();
        let look = async move {
            let mut last = Ok(None);
            for project in &projects {
                last = reconciler.reconcile(project).await;
                if let Err(error) = &last {
                    tracing::warn!(project_id = %project, code = error.kind().code(), %error, "reconciling");
                }
            }
            last
        };
        Box::pin(look.into_actor(self).map(|last, me, _| {
            me.looking = false;
            if std::mem::take(&mut me.again) {
                me.bell.ring();
            }
            match last {
                Ok(view) => {
                    let actions = view.as_ref().map(changes).unwrap_or_default();
                    if me.last != actions {
                        me.last = actions;
                        me.bell.ring();
                    }
                    me.pace.saw(view.clone());
                    if view.is_some() {
                        me.seen.send_replace(view);
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
