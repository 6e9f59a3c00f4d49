//! Makes what an action on accounts needs, and looks at all of it after a start.

use serde_json::json;

use super::{Accounts, MOST, WRONG};
use crate::client::OmsServer;
use crate::crashes::accounts_world::{User, look};
use crate::crashes::player::Doubt;

impl Accounts {
    /// Makes what an action needs, and what it must take along.
    pub(super) async fn ready(&mut self, server: &OmsServer, action: &'static str) -> Option<()> {
        let least = |user: &&User| !user.locked && !user.must_change;
        if action == "CreateUser" && self.doubt.sure.users.len() >= MOST {
            self.delete_user(server).await?;
        }
        if action == "CreateDepartment" && self.doubt.sure.departments.len() >= MOST {
            // its members go elsewhere
            while self.empty_department().is_none() {
                self.delete_user(server).await?;
            }
            self.delete_department(server).await?;
        }
        if action == "DeleteDepartment" && self.empty_department().is_none() {
            self.create_department(server).await?;
            while self.empty_department().is_none() {
                self.delete_user(server).await?;
            }
        }
        while self.doubt.sure.users.values().filter(least).count() == 0 {
            if self.user(|user| user.must_change).is_none() {
                if self.doubt.sure.users.len() >= MOST {
                    self.delete_user(server).await?;
                }
                self.create_user(server).await?;
            }
            self.change_password(server).await?;
        }
        match action {
            "UpdateUser" | "DeleteUser" | "ChangePassword" | "DeleteApiToken" | "DeleteSession" => {
                self.create_token(server).await?;
                self.create_session(server).await?;
                self.create_source(server).await?;
            }
            "CreateApiToken" => self.delete_token(server).await?,
            "CreateSession" => self.delete_session(server).await?,
            "CreateMySqlDataSource" => self.delete_source(server).await?,
            "DeleteDataSource" => self.create_source(server).await?,
            _ => {}
        }
        if let ("UnlockUser" | "lock", Some((name, _))) = (action, self.login()) {
            let body = json!({ "id": self.id(&name) });
            server.call("UnlockUser", body).await.data();
            self.wrong(server, &name, WRONG).await?;
            self.to_lock = Some(name);
            if action == "UnlockUser" {
                self.lock(server).await?;
            }
        }
        Some(())
    }

    pub(super) async fn look_again(&mut self, server: &OmsServer) {
        self.hand.again(server).await;
        let Doubt { sure, maybe } = &self.doubt;
        let look = look(server, self.mark, sure, maybe.as_ref()).await;
        self.ids = look.ids;
        self.doubt.settle(&self.hand, look.world);
        let works =
            |owner: &str, is_there: bool| is_there && self.doubt.sure.users.contains_key(owner);
        for (name, (owner, secret)) in &self.secrets {
            let of = self.doubt.sure.users.get(owner);
            let token = of.is_some_and(|user| user.tokens.contains(name));
            let is_there = works(owner, token || look.sessions.contains(name));
            let reply = server.call_with(secret, "ListUsers", json!({})).await;
            let expected = if is_there { 200 } else { 401 };
            assert_eq!(
                reply.status, expected,
                "{name} of {owner}: {:#}",
                reply.body
            );
        }
        let sessions = look.sessions;
        let users = &self.doubt.sure.users;
        self.secrets.retain(|name, (owner, _)| {
            let of = users.get(owner);
            sessions.contains(name) || of.is_some_and(|user| user.tokens.contains(name))
        });
    }
}
