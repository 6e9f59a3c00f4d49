//! Many at the same few accounts: somebody logs in while another deletes the account, its department or
//! its token. What is there in the end is anybody's guess, but nothing hangs on what is gone.

use futures::future::BoxFuture;
use rand::RngExt;
use serde_json::{Value, json};

use super::player::{Hand, Player, Sent, text};
use crate::client::OmsServer;

const NAMES: [&str; 2] = ["crowd_a", "crowd_b"];
const DEPARTMENTS: [&str; 2] = ["crowd one", "crowd two"];
const PASSWORDS: [&str; 2] = ["Crowd-Pass_01", "Crowd-Pass_02"];
const ACTIONS: &[&str] = &[
    "CreateUser",
    "CreateUser",
    "DeleteUser",
    "UpdateUser",
    "ChangePassword",
    "CreateApiToken",
    "CreateApiToken",
    "CreateSession",
    "CreateSession",
    "DeleteApiToken",
    "DeleteSession",
    "CreateDepartment",
    "DeleteDepartment",
];

/// One of the crowd.
pub struct Crowd {
    hand: Hand,
}

impl Crowd {
    pub fn new(hand: Hand) -> Self {
        Self { hand }
    }

    fn name(&mut self) -> &'static str {
        NAMES[self.hand.rng.random_range(0..NAMES.len())]
    }

    /// A login that may be right. A wrong one costs a quarter of a second, and five lock the account.
    fn login(&mut self) -> (String, String) {
        (self.name().to_owned(), PASSWORDS[1].to_owned())
    }

    /// The id of a row of a list, by a column.
    async fn find(
        &mut self,
        server: &OmsServer,
        action: &str,
        column: &str,
        name: &str,
    ) -> Option<String> {
        let reply = server.try_call(action, json!({ "pageSize": 150 })).await?;
        let rows = reply.data().as_array().cloned().unwrap_or_default();
        let of: Vec<String> = rows
            .iter()
            .filter(|row| row[column] == name)
            .map(|row| text(row, "id"))
            .collect();
        Some(self.hand.pick(&of).unwrap_or_default())
    }

    async fn make(&mut self, server: &OmsServer, action: &'static str) -> Option<()> {
        let name = self.name();
        let department = self.hand.pick(&DEPARTMENTS).unwrap_or_default();
        let mut login = server.account.clone();
        let body = match action {
            "CreateUser" => {
                let id = self
                    .find(server, "ListDepartments", "name", department)
                    .await?;
                json!({ "account": name, "password": PASSWORDS[0], "role": "USER", "departmentId": id })
            }
            "UpdateUser" => {
                let id = self.find(server, "ListUsers", "account", name).await?;
                let department = self.find(server, "ListDepartments", "name", department);
                json!({ "id": id, "departmentId": department.await? })
            }
            "DeleteUser" => json!({ "id": self.find(server, "ListUsers", "account", name).await? }),
            "ChangePassword" => {
                login = (name.to_owned(), PASSWORDS[0].to_owned());
                json!({ "oldPassword": PASSWORDS[0], "newPassword": PASSWORDS[1] })
            }
            "CreateApiToken" => {
                login = self.login();
                json!({ "name": format!("t{}", self.hand.rng.random::<u32>()), "expireDays": 1 })
            }
            "CreateSession" => {
                login = self.login();
                json!({})
            }
            "DeleteApiToken" => {
                json!({ "id": self.find(server, "ListApiTokens", "owner", name).await? })
            }
            "DeleteSession" => {
                json!({ "id": self.find(server, "ListSessions", "account", name).await? })
            }
            "CreateDepartment" => json!({ "name": department }),
            "DeleteDepartment" => {
                let id = self
                    .find(server, "ListDepartments", "name", department)
                    .await?;
                json!({ "id": id })
            }
            other => panic!("{other}"),
        };
        if body["id"] == "" || body["departmentId"] == "" {
            return Some(());
        }
        match self.hand.send_as(server, &login, action, body).await {
            Sent::Cut => None,
            Sent::Done(Value::Null | Value::String(_) | Value::Object(_)) => Some(()),
            Sent::Done(other) => panic!("{}: {other:#}", self.hand.last),
            Sent::Refused(reply) => {
                let expected = [400, 401, 403, 404, 409, 429];
                assert!(
                    expected.contains(&reply.status),
                    "{}: {:#}",
                    self.hand.last,
                    reply.body
                );
                Some(())
            }
        }
    }

    /// Forgets wrong passwords, so that it is never locked for long.
    async fn unlock(&mut self, server: &OmsServer) {
        for name in NAMES {
            let id = self.find(server, "ListUsers", "account", name).await;
            let id = id.expect("the server is there");
            if !id.is_empty() {
                server.call("UnlockUser", json!({ "id": id })).await.data();
            }
        }
    }
}

impl Player for Crowd {
    fn name(&self) -> &'static str {
        "crowd"
    }

    fn actions(&self) -> &'static [&'static str] {
        ACTIONS
    }

    fn prepare<'a>(&'a mut self, _: &'a OmsServer, _: &'static str) -> BoxFuture<'a, ()> {
        Box::pin(async {})
    }

    fn act<'a>(
        &'a mut self,
        server: &'a OmsServer,
        action: &'static str,
    ) -> BoxFuture<'a, Option<()>> {
        Box::pin(self.make(server, action))
    }

    fn settle<'a>(&'a mut self, server: &'a OmsServer) -> BoxFuture<'a, ()> {
        Box::pin(self.unlock(server))
    }

    fn hand(&mut self) -> &mut Hand {
        &mut self.hand
    }
}
