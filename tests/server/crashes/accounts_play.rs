//! How accounts play in the storm: what they can do, and what they look at after a kill.

use futures::future::BoxFuture;

use super::accounts::{ACTIONS, Accounts};
use super::player::{Hand, Player};
use crate::client::OmsServer;

impl Player for Accounts {
    fn name(&self) -> &'static str {
        "accounts"
    }

    fn actions(&self) -> &'static [&'static str] {
        ACTIONS
    }

    fn prepare<'a>(&'a mut self, server: &'a OmsServer, action: &'static str) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let ready = self.ready(server, action).await;
            ready.expect("the server is there");
        })
    }

    fn act<'a>(
        &'a mut self,
        server: &'a OmsServer,
        action: &'static str,
    ) -> BoxFuture<'a, Option<()>> {
        Box::pin(self.make(server, action))
    }

    fn settle<'a>(&'a mut self, server: &'a OmsServer) -> BoxFuture<'a, ()> {
        Box::pin(self.look_again(server))
    }

    fn hand(&mut self) -> &mut Hand {
        &mut self.hand
    }
}
