//! What belongs to the whole service: system parameters, quotas of the node, data sources. One player has
//! them, so what they are is known exactly.

use std::collections::BTreeMap;

use futures::future::BoxFuture;
use rand::RngExt;
use serde_json::{Value, json};

use super::databases::{Databases, SECRET};
use super::player::{Doubt, Hand, Player, list, text};
use crate::client::OmsServer;

const ACTIONS: &[&str] = &[
    "UpdateSystemParameter",
    "ResetSystemParameter",
    "UpdateServerQuota",
    "CreateMysqlDataSource",
    "CreateOceanBaseDataSource",
    "TestDataSource",
    "DeleteDataSource",
];
/// What accounts at the databases begin with.
const MARK: &str = "svc";
const ACCOUNTS: u32 = 3;

/// Parameters that are not the default, quotas, data sources.
#[derive(Clone, Debug, Default, PartialEq)]
struct World {
    parameters: BTreeMap<String, Value>,
    /// Of Stores and of connectors.
    quotas: [Option<u64>; 2],
    sources: BTreeMap<String, Source>,
}

/// A data source, by its kind and its account.
#[derive(Clone, Debug, PartialEq)]
struct Source {
    description: String,
    has_version: bool,
}

/// One with the service.
pub struct Service {
    hand: Hand,
    doubt: Doubt<World>,
    node: String,
    ports: [u16; 2],
    ids: BTreeMap<String, String>,
}

fn key(kind: &str, account: &str) -> String {
    format!("{kind} {account}")
}

impl Service {
    pub fn new(hand: Hand, databases: &Databases) -> Self {
        Self {
            hand,
            doubt: Doubt::new(World::default()),
            node: String::new(),
            ports: [databases.source.port(), databases.oceanbase.port()],
            ids: BTreeMap::new(),
        }
    }

    /// A parameter, and a value that it may have.
    fn parameter(&mut self) -> (&'static str, Value) {
        let number: u32 = self.hand.rng.random_range(1..300);
        match self.hand.rng.random_range(0..4) {
            0 => (
                "oms.step.metric.config",
                json!({ "keepDays": number, "sampleSeconds": 1 + number % 20 }),
            ),
            1 => (
                "oms.user.password.expiration.date.config",
                json!({ "days": 100 + number, "reminder": 20 }),
            ),
            2 => (
                "migration.checker.params.steady",
                json!({ "threads": 1 + number % 4, "readBatchBytes": 1_048_576, "writeBatchBytes": 65_536 * (1 + number % 4) }),
            ),
            _ => (
                "precheck.skippable_flags",
                json!({ "DB_TRIGGER": number.is_multiple_of(2) }),
            ),
        }
    }

    async fn ask(
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

    async fn create_source(&mut self, server: &OmsServer, action: &'static str) -> Option<()> {
        let kind = match action {
            "CreateMysqlDataSource" => "MYSQL",
            _ => "OB_MYSQL_CE",
        };
        let accounts = (0..ACCOUNTS).map(|number| format!("{MARK}db{number}"));
        let taken = &self.doubt.sure.sources;
        let free = accounts.filter(|account| !taken.contains_key(&key(kind, account)));
        let free: Vec<String> = free.collect();
        let Some(account) = self.hand.pick(&free) else {
            return Some(());
        };
        let description = format!("d{}", self.hand.next());
        let body = json!({
            "name": account, "ip": "127.0.0.1", "port": self.ports[usize::from(kind != "MYSQL")],
            "username": account, "password": SECRET, "description": description,
        });
        let mut next = self.doubt.sure.clone();
        let source = Source {
            description,
            has_version: true,
        };
        next.sources.insert(key(kind, &account), source);
        let id = self.ask(server, action, body, next).await?;
        let id = id.as_str().expect("an id").to_owned();
        self.ids.insert(key(kind, &account), id);
        Some(())
    }

    async fn make(&mut self, server: &OmsServer, action: &'static str) -> Option<()> {
        let mut next = self.doubt.sure.clone();
        let sources: Vec<String> = next.sources.keys().cloned().collect();
        let source = self.hand.pick(&sources);
        let body = match action {
            "UpdateSystemParameter" => {
                let (name, value) = self.parameter();
                next.parameters.insert(name.to_owned(), value.clone());
                json!({ "name": name, "value": value })
            }
            "ResetSystemParameter" => {
                let name = next.parameters.pop_last().map(|(name, _)| name);
                let name = name.unwrap_or_else(|| self.parameter().0.to_owned());
                json!({ "name": name })
            }
            "UpdateServerQuota" => {
                let mut quota = || match self.hand.rng.random_bool(0.2) {
                    true => None,
                    false => Some(self.hand.rng.random_range(1000..2000)),
                };
                next.quotas = [quota(), quota()];
                let [store, connector] = next.quotas;
                json!({ "name": self.node, "storeQuota": store, "connectorQuota": connector })
            }
            "CreateMysqlDataSource" | "CreateOceanBaseDataSource" => {
                return self.create_source(server, action).await;
            }
            "TestDataSource" | "DeleteDataSource" => {
                let Some(source) = source else {
                    return Some(());
                };
                if action == "DeleteDataSource" {
                    next.sources.remove(&source);
                }
                json!({ "id": self.ids[&source] })
            }
            other => panic!("{other}"),
        };
        self.ask(server, action, body, next).await.map(drop)
    }

    async fn ready(&mut self, server: &OmsServer, action: &'static str) -> Option<()> {
        match action {
            "ResetSystemParameter" => self.make(server, "UpdateSystemParameter").await,
            "TestDataSource" => self.create_source(server, "CreateMysqlDataSource").await,
            "DeleteDataSource" => {
                self.create_source(server, "CreateOceanBaseDataSource")
                    .await
            }
            "CreateMysqlDataSource" | "CreateOceanBaseDataSource" => {
                while self.doubt.sure.sources.len() > 2 {
                    self.make(server, "DeleteDataSource").await?;
                }
                Some(())
            }
            _ => Some(()),
        }
    }

    async fn look_again(&mut self, server: &OmsServer) {
        self.hand.again(server).await;
        let mut found = World::default();
        for row in list(server, "ListSystemParameters", json!({})).await {
            assert!(row["problem"].is_null(), "{row:#}");
            if row["isDefault"] == false {
                found
                    .parameters
                    .insert(text(&row, "name"), row["value"].clone());
            }
        }
        let nodes = list(server, "ListServers", json!({})).await;
        assert_eq!(nodes.len(), 1, "{nodes:#?}");
        self.node = text(&nodes[0], "name");
        for (place, usage) in found.quotas.iter_mut().zip(0..) {
            *place = nodes[0]["components"][usage as usize]["upperLimit"].as_u64();
        }
        self.ids.clear();
        for row in list(server, "ListDataSource", json!({})).await {
            let account = text(&row, "userName");
            if account.starts_with(MARK) {
                let key = key(&text(&row, "type"), &account);
                self.ids.insert(key.clone(), text(&row, "id"));
                let source = Source {
                    description: text(&row, "description"),
                    has_version: !text(&row, "version").is_empty(),
                };
                found.sources.insert(key, source);
            }
        }
        let new = found
            .sources
            .keys()
            .find(|key| !self.doubt.sure.sources.contains_key(*key));
        let new = new.cloned();
        self.doubt.settle(&self.hand, found);
        if let Some(new) = new {
            // nobody was told of it, and it works
            let by_id = json!({ "id": self.ids[&new] });
            server.call("TestDataSource", by_id).await.data();
        }
    }
}

impl Player for Service {
    fn name(&self) -> &'static str {
        "service"
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
