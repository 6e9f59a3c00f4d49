//! Accounts with their departments, tokens, sessions and data sources: nobody else touches them, so what
//! they are is known exactly. See [`super::accounts_world`] for how they are looked at.

mod ready;

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use rand::RngExt;
use serde_json::{Value, json};

use super::accounts_world::{ADMIN, Source, User, World};
use super::databases::{Databases, SECRET};
use super::player::{Doubt, Hand, Player, Sent, text};
use crate::client::OmsServer;

/// Things of a kind that one keeps, at most.
const MOST: usize = 3;
/// Wrong passwords in front of the one that locks.
const WRONG: usize = 4;
const ACTIONS: &[&str] = &[
    "CreateUser",
    "UpdateUser",
    "DeleteUser",
    "UnlockUser",
    "ChangePassword",
    "CreateApiToken",
    "DeleteApiToken",
    "CreateSession",
    "DeleteSession",
    "CreateDepartment",
    "DeleteDepartment",
    "CreateMySqlDataSource",
    "DeleteDataSource",
    "lock",
];

/// One with accounts.
pub struct Accounts {
    hand: Hand,
    /// What names of its things begin with.
    mark: &'static str,
    port: u16,
    doubt: Doubt<World>,
    /// Of departments, accounts, tokens and data sources, by name.
    ids: BTreeMap<String, String>,
    /// What proves a token, by name, and a session, by id; with whose it is.
    secrets: BTreeMap<String, (String, String)>,
    /// An account that one more wrong password locks.
    to_lock: Option<String>,
}

impl Accounts {
    pub fn new(hand: Hand, mark: &'static str, databases: &Databases) -> Self {
        Self {
            hand,
            mark,
            port: databases.source.port(),
            doubt: Doubt::new(World::default()),
            ids: BTreeMap::new(),
            secrets: BTreeMap::new(),
            to_lock: None,
        }
    }

    /// A name of letters only, as accounts have.
    fn fresh(&mut self) -> String {
        let mut number = self.hand.next();
        let mut name = self.mark.to_owned();
        for _ in 0..4 {
            name.push(char::from(b'a' + (number % 26) as u8));
            number /= 26;
        }
        name
    }

    fn password(&mut self) -> String {
        format!("Pass-Word_{:04}", self.hand.rng.random_range(0..10_000))
    }

    /// The login of an account that can do something.
    fn login(&mut self) -> Option<(String, String)> {
        self.login_of(|_| true)
    }

    fn login_of(&mut self, which: impl Fn(&User) -> bool) -> Option<(String, String)> {
        let fits = |user: &User| !user.locked && !user.must_change && which(user);
        let users = self.doubt.sure.users.iter();
        let open = users.filter(|(_, user)| fits(user));
        let all: Vec<_> = open
            .map(|(name, u)| (name.clone(), u.password.clone()))
            .collect();
        self.hand.pick(&all)
    }

    /// An account of any kind.
    fn user(&mut self, which: impl Fn(&User) -> bool) -> Option<(String, String)> {
        let users = self.doubt.sure.users.iter();
        let all: Vec<_> = users
            .filter(|(_, user)| which(user))
            .map(|(name, _)| name.clone())
            .collect();
        let name = self.hand.pick(&all)?;
        let id = self.id(&name);
        Some((name, id))
    }

    fn id(&self, name: &str) -> String {
        self.ids.get(name).cloned().unwrap_or_default()
    }

    fn department(&mut self) -> String {
        let mut all: Vec<String> = self.doubt.sure.departments.iter().cloned().collect();
        all.push("default".to_owned());
        self.hand.pick(&all).expect("one")
    }

    async fn admin(
        &mut self,
        server: &OmsServer,
        action: &'static str,
        body: Value,
        next: World,
    ) -> Option<Value> {
        self.doubt.ask(next);
        let sent = self.hand.send(server, action, body).await;
        self.doubt.learn(&self.hand, sent)
    }

    async fn own(
        &mut self,
        server: &OmsServer,
        login: &(String, String),
        action: &'static str,
        body: Value,
        next: World,
    ) -> Option<Value> {
        self.doubt.ask(next);
        let sent = self.hand.send_as(server, login, action, body).await;
        self.doubt.learn(&self.hand, sent)
    }

    async fn create_user(&mut self, server: &OmsServer) -> Option<()> {
        if self.doubt.sure.users.len() >= MOST {
            return Some(());
        }
        let (name, password, department) = (self.fresh(), self.password(), self.department());
        let body = json!({
            "account": name, "password": password, "role": "USER", "description": "new",
            "departmentId": self.id(&department),
        });
        let mut next = self.doubt.sure.clone();
        let user = User {
            password,
            must_change: true,
            description: "new".to_owned(),
            department,
            ..User::default()
        };
        next.users.insert(name.clone(), user);
        let id = self.admin(server, "CreateUser", body, next).await?;
        self.ids
            .insert(name, id.as_str().expect("an id").to_owned());
        Some(())
    }

    /// Sometimes with another password, which ends its tokens and sessions.
    async fn update_user(&mut self, server: &OmsServer) -> Option<()> {
        let Some((name, id)) = self.user(|_| true) else {
            return Some(());
        };
        let department = self.department();
        let description = format!("d{}", self.hand.next());
        let mut body = json!({
            "id": id, "description": description, "departmentId": self.id(&department),
        });
        let password = self.hand.rng.random_bool(0.5).then(|| self.password());
        let mut next = self.doubt.sure.clone();
        let user = next.users.get_mut(&name).expect("it is there");
        (user.description, user.department) = (description, department);
        if let Some(password) = password {
            body["password"] = password.clone().into();
            *user = User {
                password,
                must_change: true,
                description: user.description.clone(),
                department: user.department.clone(),
                ..User::default()
            };
        }
        self.admin(server, "UpdateUser", body, next).await.map(drop)
    }

    async fn delete_user(&mut self, server: &OmsServer) -> Option<()> {
        let Some((name, id)) = self.user(|_| true) else {
            return Some(());
        };
        let mut next = self.doubt.sure.clone();
        next.users.remove(&name);
        for source in next.sources.values_mut().filter(|s| s.owner == name) {
            source.owner = ADMIN.to_owned();
        }
        let body = json!({ "id": id });
        self.admin(server, "DeleteUser", body, next).await.map(drop)
    }

    async fn unlock_user(&mut self, server: &OmsServer) -> Option<()> {
        let locked = self.user(|user| user.locked);
        let Some((name, id)) = locked.or_else(|| self.user(|_| true)) else {
            return Some(());
        };
        let mut next = self.doubt.sure.clone();
        next.users.get_mut(&name).expect("it is there").locked = false;
        let body = json!({ "id": id });
        self.admin(server, "UnlockUser", body, next).await.map(drop)
    }

    async fn change_password(&mut self, server: &OmsServer) -> Option<()> {
        let Some((name, _)) = self.user(|user| !user.locked) else {
            return Some(());
        };
        let password = self.password();
        let mut next = self.doubt.sure.clone();
        let user = next.users.get_mut(&name).expect("it is there");
        if user.password == password {
            return Some(());
        }
        let login = (
            name,
            std::mem::replace(&mut user.password, password.clone()),
        );
        user.must_change = false;
        user.sessions = 0;
        let body = json!({ "oldPassword": login.1, "newPassword": password });
        self.own(server, &login, "ChangePassword", body, next)
            .await
            .map(drop)
    }

    async fn create_token(&mut self, server: &OmsServer) -> Option<()> {
        let Some(login) = self.login_of(|user| user.tokens.len() < MOST) else {
            return Some(());
        };
        let name = self.fresh();
        let mut next = self.doubt.sure.clone();
        let user = next.users.get_mut(&login.0).expect("it is there");
        user.tokens.insert(name.clone());
        let body = json!({ "name": name, "expireDays": 9 });
        let made = self
            .own(server, &login, "CreateApiToken", body, next)
            .await?;
        self.ids.insert(name.clone(), text(&made, "id"));
        self.secrets.insert(name, (login.0, text(&made, "token")));
        Some(())
    }

    async fn delete_token(&mut self, server: &OmsServer) -> Option<()> {
        let Some(login) = self.login_of(|user| !user.tokens.is_empty()) else {
            return Some(());
        };
        let mut next = self.doubt.sure.clone();
        let user = next.users.get_mut(&login.0).expect("it is there");
        let token = user.tokens.pop_first().expect("one");
        let body = json!({ "id": self.id(&token) });
        self.own(server, &login, "DeleteApiToken", body, next)
            .await
            .map(drop)
    }

    async fn create_session(&mut self, server: &OmsServer) -> Option<()> {
        let Some(login) = self.login_of(|user| user.sessions < MOST) else {
            return Some(());
        };
        let mut next = self.doubt.sure.clone();
        next.users.get_mut(&login.0).expect("it is there").sessions += 1;
        let made = self
            .own(server, &login, "CreateSession", json!({}), next)
            .await?;
        let secret = (login.0, text(&made, "token"));
        self.secrets.insert(text(&made, "id"), secret);
        Some(())
    }

    async fn delete_session(&mut self, server: &OmsServer) -> Option<()> {
        let Some(login) = self.login_of(|user| user.sessions > 0) else {
            return Some(());
        };
        // some of those that were opened are over
        let open = server
            .try_call_as(&login, "ListSessions", json!({}))
            .await?;
        let id = text(&open.data()[0], "id");
        let mut next = self.doubt.sure.clone();
        next.users.get_mut(&login.0).expect("it is there").sessions -= 1;
        let body = json!({ "id": id });
        self.own(server, &login, "DeleteSession", body, next)
            .await
            .map(drop)
    }

    async fn create_department(&mut self, server: &OmsServer) -> Option<()> {
        if self.doubt.sure.departments.len() >= MOST {
            return Some(());
        }
        let name = self.fresh();
        let mut next = self.doubt.sure.clone();
        next.departments.insert(name.clone());
        let body = json!({ "name": name });
        let id = self.admin(server, "CreateDepartment", body, next).await?;
        self.ids
            .insert(name, id.as_str().expect("an id").to_owned());
        Some(())
    }

    async fn delete_department(&mut self, server: &OmsServer) -> Option<()> {
        let Some(name) = self.empty_department() else {
            return Some(());
        };
        let mut next = self.doubt.sure.clone();
        next.departments.remove(&name);
        let body = json!({ "id": self.id(&name) });
        self.admin(server, "DeleteDepartment", body, next)
            .await
            .map(drop)
    }

    fn empty_department(&mut self) -> Option<String> {
        let world = &self.doubt.sure;
        let full = |name: &String| world.users.values().any(|user| user.department == *name);
        let empty = world.departments.iter().filter(|name| !full(name));
        let all: Vec<String> = empty.cloned().collect();
        self.hand.pick(&all)
    }

    async fn create_source(&mut self, server: &OmsServer) -> Option<()> {
        let taken = &self.doubt.sure.sources;
        let accounts = (0..MOST).map(|n| format!("{}db{n}", self.mark));
        let free: Vec<String> = accounts.filter(|name| !taken.contains_key(name)).collect();
        let (Some(account), Some(login)) = (self.hand.pick(&free), self.login()) else {
            return Some(());
        };
        let mut next = self.doubt.sure.clone();
        let source = Source {
            owner: login.0.clone(),
            has_version: true,
        };
        next.sources.insert(account.clone(), source);
        let body = json!({
            "name": account, "ip": "127.0.0.1", "port": self.port, "username": account,
            "password": SECRET,
        });
        let id = self
            .own(server, &login, "CreateMySqlDataSource", body, next)
            .await?;
        self.ids
            .insert(account, id.as_str().expect("an id").to_owned());
        Some(())
    }

    async fn delete_source(&mut self, server: &OmsServer) -> Option<()> {
        let mut next = self.doubt.sure.clone();
        let Some((account, _)) = next.sources.pop_first() else {
            return Some(());
        };
        let body = json!({ "id": self.id(&account) });
        self.admin(server, "DeleteDataSource", body, next)
            .await
            .map(drop)
    }

    /// The wrong password that is one too many, where there were others.
    async fn lock(&mut self, server: &OmsServer) -> Option<()> {
        let Some(name) = self.to_lock.take() else {
            return Some(());
        };
        let mut next = self.doubt.sure.clone();
        next.users.get_mut(&name).expect("it is there").locked = true;
        self.doubt.ask(next);
        self.wrong(server, &name, 1).await?;
        self.doubt
            .learn(&self.hand, Sent::Done(Value::Null))
            .map(drop)
    }

    async fn wrong(&mut self, server: &OmsServer, name: &str, times: usize) -> Option<()> {
        let wrong = (name.to_owned(), "Wrong-Pass_00".to_owned());
        for _ in 0..times {
            self.hand.last = format!("a wrong password of {name}");
            let reply = server.try_call_as(&wrong, "ListUsers", json!({})).await?;
            assert_eq!(reply.status, 401, "{:#}", reply.body);
        }
        Some(())
    }

    async fn make(&mut self, server: &OmsServer, action: &'static str) -> Option<()> {
        match action {
            "CreateUser" => self.create_user(server).await,
            "UpdateUser" => self.update_user(server).await,
            "DeleteUser" => self.delete_user(server).await,
            "UnlockUser" => self.unlock_user(server).await,
            "ChangePassword" => self.change_password(server).await,
            "CreateApiToken" => self.create_token(server).await,
            "DeleteApiToken" => self.delete_token(server).await,
            "CreateSession" => self.create_session(server).await,
            "DeleteSession" => self.delete_session(server).await,
            "CreateDepartment" => self.create_department(server).await,
            "DeleteDepartment" => self.delete_department(server).await,
            "CreateMySqlDataSource" => self.create_source(server).await,
            "DeleteDataSource" => self.delete_source(server).await,
            "lock" => self.lock(server).await,
            other => panic!("{other}"),
        }
    }
}

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
