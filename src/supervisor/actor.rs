//! The Supervisor as an actor: a clock that makes its node supervise, one round at a time.

use super::node::{Node, Seen};
use crate::actor::pace::{Bell, Ear, Pace};
use crate::error::Result;
use actix::prelude::{
    Actor, ActorFutureExt, AsyncContext, Handler, Message, ResponseActFuture, WrapFuture,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// How often it looks while something changes, and while nothing does.
const QUICK: Duration = Duration::from_millis(100);
const CALM: Duration = Duration::from_millis(500);

/// Supervises now.
#[derive(Message)]
#[rtype(result = "Result<()>")]
pub struct Supervise;

/// Ends all works at their next safe points, and supervises no more.
#[derive(Message)]
#[rtype(result = "()")]
pub struct StopAll;

/// Supervises a node until it is stopped.
pub struct Supervisor {
    node: Arc<Mutex<Node>>,
    busy: bool,
    halted: bool,
    again: bool,
    bell: Bell,
    ear: Ear,
    pace: Pace<Seen>,
}

impl Supervisor {
    /// Supervises this node.
    pub fn new(node: Node) -> Self {
        let bell = node.bell().clone();
        Self {
            node: Arc::new(Mutex::new(node)),
            busy: false,
            halted: false,
            again: false,
            ear: bell.listen(),
            bell,
            pace: Pace::new(QUICK, CALM),
        }
    }
}

impl Actor for Supervisor {
    type Context = actix::Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.beat(false, ctx);
    }
}

impl Supervisor {
    fn beat(&mut self, rung: bool, ctx: &mut <Self as Actor>::Context) {
        // rung in the midst of a look: what changed may have been passed already
        self.again |= rung && self.busy;
        if !self.busy {
            // its own mailbox: a round that cannot be queued is made at the next beat
            let _ = ctx.address().try_send(Supervise);
        }
        let waiting = self.ear.clone().wait(self.pace.delay());
        ctx.spawn(waiting.into_actor(self).map(|(ear, rung), me, ctx| {
            me.ear = ear;
            me.beat(rung, ctx);
        }));
    }
}

impl Handler<Supervise> for Supervisor {
    type Result = ResponseActFuture<Self, Result<()>>;

    fn handle(&mut self, _: Supervise, _: &mut Self::Context) -> Self::Result {
        if self.halted || std::mem::replace(&mut self.busy, true) {
            return Box::pin(async { Ok(()) }.into_actor(self));
        }
        let node = self.node.clone();
        let round = async move {
            let result = node.lock().await.supervise().await;
            if let Err(error) = &result {
                tracing::warn!(code = error.kind().code(), %error, "supervising");
            }
            result
        };
        Box::pin(round.into_actor(self).map(|result, me, ctx| {
            me.busy = false;
            if std::mem::take(&mut me.again) {
                // no ring: the other would answer it, and so on for ever
                let _ = ctx.address().try_send(Supervise);
            }
            match result {
                Ok(seen) => {
                    if me.pace.saw(seen) {
                        me.bell.ring();
                    }
                    Ok(())
                }
                Err(error) => {
                    me.pace.stir();
                    Err(error)
                }
            }
        }))
    }
}

impl Handler<StopAll> for Supervisor {
    type Result = actix::ResponseFuture<()>;

    fn handle(&mut self, _: StopAll, _: &mut Self::Context) -> Self::Result {
        self.halted = true;
        let node = self.node.clone();
        // a round that is under way comes first
        Box::pin(async move { node.lock().await.stop_all().await })
    }
}
