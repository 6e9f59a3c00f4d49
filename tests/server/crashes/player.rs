//! Those who act in the storm: what one sends, what it is answered, and what it may find after a kill.

use std::collections::BTreeMap;
use std::fmt::Debug;

use futures::future::BoxFuture;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::Value;

use super::databases::Databases;
use crate::client::{OmsServer, Reply};

/// One who acts, on things of its own mostly.
pub trait Player: Send {
    /// What it is called in messages.
    fn name(&self) -> &'static str;

    /// The actions that it makes; one with a small first letter is no action of the API.
    fn actions(&self) -> &'static [&'static str];

    /// Makes the things that an action needs; nobody is killed meanwhile.
    fn prepare<'a>(&'a mut self, server: &'a OmsServer, action: &'static str) -> BoxFuture<'a, ()>;

    /// Makes an action, if it finds something to make it on; None where the server is gone.
    fn act<'a>(
        &'a mut self,
        server: &'a OmsServer,
        action: &'static str,
    ) -> BoxFuture<'a, Option<()>>;

    /// Looks at its things after a start: what was answered is there, what was not is whole or not there.
    fn settle<'a>(&'a mut self, server: &'a OmsServer) -> BoxFuture<'a, ()>;

    /// At the end: what began comes to its end, and is right.
    fn finish<'a>(
        &'a mut self,
        _server: &'a OmsServer,
        _databases: &'a Databases,
    ) -> BoxFuture<'a, ()> {
        Box::pin(async {})
    }

    /// What all of them have.
    fn hand(&mut self) -> &mut Hand;
}

/// What became of the requests of one action.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Answered: it was done.
    pub done: u32,
    /// Never answered: the server was killed.
    pub cut: u32,
    /// Answered: it was refused.
    pub refused: u32,
}

impl Tally {
    /// It was done, or may have been.
    pub fn is_made(&self) -> bool {
        self.done + self.cut > 0
    }
}

/// A request that was answered: its line in the audit log says the same.
pub struct Answered {
    pub request: String,
    pub action: &'static str,
    pub code: String,
}

/// What became of a request.
pub enum Sent {
    /// It was done; with `data`.
    Done(Value),
    /// It was refused.
    Refused(Reply),
    /// No answer came.
    Cut,
}

/// What every player has.
pub struct Hand {
    pub rng: StdRng,
    /// The server will be killed: what is sent now counts.
    pub storms: bool,
    pub tally: BTreeMap<&'static str, Tally>,
    pub answered: Vec<Answered>,
    /// What is being sent, for messages.
    pub last: String,
    /// The last request, where it deletes something and no answer came; and whose it was.
    cut: Option<((String, String), &'static str, Value)>,
    count: u32,
}

impl Hand {
    pub fn new(rng: &mut StdRng) -> Self {
        Self {
            rng: StdRng::seed_from_u64(rng.random()),
            storms: false,
            tally: BTreeMap::new(),
            answered: Vec::new(),
            last: String::new(),
            cut: None,
            count: 0,
        }
    }

    /// A number that this player did not have yet.
    pub fn next(&mut self) -> u32 {
        self.count += 1;
        self.count
    }

    /// One of a list.
    pub fn pick<T: Clone>(&mut self, of: &[T]) -> Option<T> {
        match of.is_empty() {
            true => None,
            false => Some(of[self.rng.random_range(0..of.len())].clone()),
        }
    }

    /// Sends an action as the first account.
    pub async fn send(&mut self, server: &OmsServer, action: &'static str, body: Value) -> Sent {
        let admin = server.account.clone();
        self.send_as(server, &admin, action, body).await
    }

    /// Sends an action.
    pub async fn send_as(
        &mut self,
        server: &OmsServer,
        account: &(String, String),
        action: &'static str,
        body: Value,
    ) -> Sent {
        self.last = format!("{action} {body} as {}", account.0);
        let reply = server.try_call_as(account, action, body.clone()).await;
        let mut uncounted = Tally::default();
        let tally = match self.storms {
            true => self.tally.entry(action).or_default(),
            false => &mut uncounted,
        };
        let Some(reply) = reply else {
            tally.cut += 1;
            let deletes = action.starts_with("Delete");
            self.cut = deletes.then(|| (account.clone(), action, body));
            return Sent::Cut;
        };
        assert!(reply.status < 500, "{}: {:#}", self.last, reply.body);
        let text = |key: &str| reply.body[key].as_str().unwrap_or("OK").to_owned();
        if ![401, 429].contains(&reply.status) {
            self.answered.push(Answered {
                request: text("requestId"),
                action,
                code: text("code"),
            });
        }
        match reply.status {
            200 => {
                tally.done += 1;
                Sent::Done(reply.body["data"].clone())
            }
            _ => {
                tally.refused += 1;
                Sent::Refused(reply)
            }
        }
    }
}

impl Hand {
    /// Sometimes does what a client does whose connection broke while it deleted something of which
    /// nobody else knows: the same again. It is deleted now, or the answer says that it is gone.
    pub async fn again(&mut self, server: &OmsServer) {
        let Some((account, action, body)) = self.cut.take() else {
            return;
        };
        if self.rng.random_bool(0.5) {
            return;
        }
        let last = self.last.clone();
        match self.send_as(server, &account, action, body).await {
            Sent::Done(_) => {}
            Sent::Refused(reply) => {
                let gone = match action {
                    "DeleteProject" => reply.body["code"] == "CMP-0003",
                    _ => reply.body["code"] == "MDB-0006",
                };
                assert!(gone, "again {last}: {:#}", reply.body);
            }
            Sent::Cut => panic!("again {last}: no answer"),
        }
        self.last = last;
    }
}

/// What something is, where it is not known of the last request whether it was done.
#[derive(Debug)]
pub struct Doubt<W> {
    /// What it is, or was before the request.
    pub sure: W,
    /// What it is if the request was done.
    pub maybe: Option<W>,
}

impl<W: Clone + PartialEq + Debug> Doubt<W> {
    pub fn new(sure: W) -> Self {
        Self { sure, maybe: None }
    }

    /// A request is sent that makes it this.
    pub fn ask(&mut self, next: W) {
        self.maybe = Some(next);
    }

    /// What became of the request; gives its data, and None where no answer came.
    ///
    /// # Panics
    /// Where it was refused: nobody else changes these things.
    #[track_caller]
    pub fn learn(&mut self, hand: &Hand, sent: Sent) -> Option<Value> {
        match sent {
            Sent::Done(data) => {
                self.sure = self.maybe.take().expect("it was asked");
                Some(data)
            }
            Sent::Refused(reply) => panic!("{}: {:#}\n{self:#?}", hand.last, reply.body),
            Sent::Cut => None,
        }
    }

    /// It is found so after a start: as it was, or as the last request makes it.
    ///
    /// # Panics
    /// Where it is neither.
    #[track_caller]
    pub fn settle(&mut self, hand: &Hand, found: W) {
        let maybe = self.maybe.take();
        assert!(
            found == self.sure || Some(&found) == maybe.as_ref(),
            "found {found:#?}\nbefore {}: {:#?}\nafter it: {maybe:#?}",
            hand.last,
            self.sure
        );
        self.sure = found;
    }
}

/// The items of a list, of its pages the first.
pub async fn list(server: &OmsServer, action: &str, mut body: Value) -> Vec<Value> {
    if action != "ListAllLabels" && action != "ListSystemParameters" && action != "ListServers" {
        body["pageSize"] = 150.into();
    }
    let reply = server.call(action, body).await;
    assert!(
        reply.body["message"].is_null(),
        "{action}: {:#}",
        reply.body
    );
    reply.data().as_array().cloned().unwrap_or_default()
}

/// A text of a row.
pub fn text(row: &Value, key: &str) -> String {
    row[key].as_str().unwrap_or_default().to_owned()
}
