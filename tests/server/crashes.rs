//! kill -9 in the midst of every action: whatever was under way, the next start finds everything whole or
//! not there, and what was answered is there.
//!
//! Some players make actions at the same time, each on things of its own whose state it knows, or on
//! things that all of them use. A round begins with some actions of each; then each makes the thing that
//! its next action needs, all of them make that action at once and go on, and the server is killed just
//! after so many commits of rm, or after a while. After the start each player looks at its things.
//!
//! `OMS_SEED=N` makes the same choices again; `OMS_KILLS=N` kills so often (default 12, which is mostly enough
//! for every action); `OMS_TEST_KEEP=1` leaves rm and the log.

mod accounts;
mod accounts_world;
mod chaos;
mod crowd;
mod databases;
mod end;
mod kill;
mod objects;
mod operator;
mod player;
mod probe;
mod rm;
mod service;
mod switch;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::client::{OmsServer, PASSWORD};
use crate::harness::Server;
use crate::harness::oms::announce;
use crate::life::datasource;
use accounts::Accounts;
use chaos::Chaos;
use crowd::Crowd;
use databases::{Databases, MARKS};
use kill::Moment;
use objects::Objects;
use operator::Operator;
use player::{Hand, Player, Tally};
use probe::Probe;
use service::Service;
use switch::Switch;

/// Rounds that are enough for every action, mostly.
const ENOUGH: u64 = 12;
/// Rounds more, at most, for actions that were not sent before the server was killed.
const MORE: u64 = 8;
/// Actions of each player in front of the one at which the server is killed, at most.
const BEFORE: u32 = 6;
/// Actions that change something and are not made, and why.
const EXCEPTIONS: &[(&str, &str)] = &[];

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// The players of one kind share what is still to be made.
#[derive(Default)]
struct Aims {
    left: BTreeMap<&'static str, VecDeque<&'static str>>,
    /// What was made in a storm.
    made: BTreeSet<&'static str>,
}

impl Aims {
    /// Takes in what the players made.
    fn learn(&mut self, players: &mut Players) {
        for player in players {
            let tally = &player.hand().tally;
            let made = tally.iter().filter(|(_, tally)| tally.is_made());
            self.made.extend(made.map(|(action, _)| action));
        }
    }

    /// What none of these has made yet: the server was killed before it was sent.
    fn missing(&self, actions: &[&'static str]) -> Vec<&'static str> {
        let is_one = |action: &str| action.starts_with(char::is_uppercase);
        let all = actions.iter().filter(|action| is_one(action));
        all.filter(|action| !self.made.contains(**action))
            .copied()
            .collect()
    }

    fn has_missing(&self, players: &Players) -> bool {
        let mut all = players.iter();
        all.any(|player| !self.missing(player.actions()).is_empty())
    }

    fn next(&mut self, player: &mut dyn Player) -> &'static str {
        let missing = self.missing(player.actions());
        let left = self.left.entry(player.name()).or_default();
        if left.is_empty() {
            let mut all = match missing.is_empty() {
                true => player.actions().to_vec(),
                false => missing,
            };
            all.sort_unstable();
            all.dedup();
            all.shuffle(&mut player.hand().rng);
            left.extend(all);
        }
        left.pop_front().expect("an action")
    }
}

/// A few actions of any kind; nobody is killed.
async fn calm(mut player: Box<dyn Player>, server: Arc<OmsServer>) -> Box<dyn Player> {
    let most = player.hand().rng.random_range(0..=BEFORE);
    for _ in 0..most {
        let actions = player.actions();
        let action = player.hand().pick(actions).expect("an action");
        let done = player.act(&server, action).await;
        done.expect("the server is there");
    }
    player
}

/// Makes what an action needs; then all make theirs at the same time, and go on with any others until
/// the server is gone.
async fn storm(
    mut player: Box<dyn Player>,
    server: Arc<OmsServer>,
    first: Option<&'static str>,
    begin: Arc<Barrier>,
) -> Box<dyn Player> {
    if let Some(first) = first {
        player.prepare(&server, first).await;
    }
    player.hand().storms = true;
    begin.wait().await;
    let mut next = first;
    while let Some(action) = next {
        next = match player.act(&server, action).await {
            None => None,
            Some(()) => {
                let actions = player.actions();
                player.hand().pick(actions)
            }
        };
    }
    player.hand().storms = false;
    player
}

type Players = Vec<Box<dyn Player>>;

/// Lets all do something at the same time.
async fn all<F>(players: Players, each: impl Fn(Box<dyn Player>) -> F) -> Players
where
    F: Future<Output = Box<dyn Player>> + Send + 'static,
{
    let tasks = players.into_iter().map(each).enumerate();
    let tasks: JoinSet<_> = tasks
        .map(|(seat, task)| async move { (seat, task.await) })
        .collect();
    in_their_seats(tasks).await
}

/// Who is back first does not change the next choices.
async fn in_their_seats(tasks: JoinSet<(usize, Box<dyn Player>)>) -> Players {
    let mut players = tasks.join_all().await;
    players.sort_by_key(|(seat, _)| *seat);
    players.into_iter().map(|(_, player)| player).collect()
}

fn password(server: &Server) -> String {
    let url = url::Url::parse(&server.url_with_password()).expect("a URL");
    url.password().unwrap_or_default().to_owned()
}

/// Everybody, with what they begin with.
async fn players(
    server: &OmsServer,
    folder: &Path,
    databases: &Databases,
    rng: &mut StdRng,
) -> Players {
    let from = &databases.source;
    let (secret, from_name) = (password(from), "from");
    let sides = [
        datasource(server, "CreateMysqlDataSource", from_name, from, &secret).await,
        datasource(
            server,
            "CreateMysqlDataSource",
            "to",
            &databases.target,
            &secret,
        )
        .await,
    ];
    let operator = Operator::start(Hand::new(rng), server, folder, &sides).await;
    let objects = Objects::start(Hand::new(rng), server, &sides, databases).await;
    let switch = Switch::start(Hand::new(rng), server, folder, &sides).await;
    let mut players: Players = vec![
        Box::new(operator),
        Box::new(switch),
        Box::new(objects),
        Box::new(Service::new(Hand::new(rng), databases)),
        Box::new(Probe::new(Hand::new(rng), sides.clone())),
    ];
    for mark in MARKS {
        players.push(Box::new(Accounts::new(Hand::new(rng), mark, databases)));
        players.push(Box::new(Crowd::new(Hand::new(rng))));
        players.push(Box::new(Chaos::new(Hand::new(rng), sides.clone())));
    }
    players
}

/// Every action that changes something was made, and was not only refused.
fn all_were_made(document: &serde_json::Value, tally: &BTreeMap<&'static str, Tally>) {
    let paths = document["paths"].as_object().expect("paths");
    let changing: Vec<&str> = paths
        .values()
        .map(|path| &path["post"])
        .filter(|action| action["x-oms-changes"] == true)
        .filter_map(|action| action["operationId"].as_str())
        .collect();
    assert!(changing.len() > 50, "{changing:?}");
    let made = |name: &str| tally.get(name).is_some_and(Tally::is_made);
    for (name, why) in EXCEPTIONS {
        assert!(
            changing.contains(name) && !made(name),
            "{name} is no exception: {why}"
        );
    }
    let except = |name: &str| EXCEPTIONS.iter().any(|(exception, _)| *exception == name);
    let missing: Vec<_> = changing
        .into_iter()
        .filter(|name| !made(name) && !except(name))
        .collect();
    assert!(missing.is_empty(), "never made in the storm: {missing:?}");
}

/// One round: calm, storm, kill, start; gives the new server.
async fn round(
    server: Arc<OmsServer>,
    folder: &Path,
    players: &mut Players,
    aims: &mut Aims,
    rng: &mut StdRng,
    number: u64,
) -> Arc<OmsServer> {
    let time = Instant::now();
    *players = all(std::mem::take(players), |player| {
        calm(player, server.clone())
    })
    .await;
    // later rounds aim at single actions too
    let alone = number >= ENOUGH && !aims.has_missing(players) && rng.random_bool(0.5);
    let only = rng.random_range(0..players.len());
    let mut firsts: VecDeque<_> = players
        .iter_mut()
        .enumerate()
        .map(|(at, player)| (!alone || at == only).then(|| aims.next(player.as_mut())))
        .collect();
    let aimed: Vec<_> = firsts.iter().flatten().copied().collect();
    let moment = Moment::some(rng, if alone { 12 } else { 60 });
    let begin = Arc::new(Barrier::new(players.len() + 1));
    let mut tasks = JoinSet::new();
    for (seat, player) in std::mem::take(players).into_iter().enumerate() {
        let first = firsts.pop_front().flatten();
        let task = storm(player, server.clone(), first, begin.clone());
        tasks.spawn(async move { (seat, task.await) });
    }
    let early = tokio::select! {
        biased;
        _ = begin.wait() => None,
        // who panicked is never ready; who has nothing to make may be back already
        Some(ended) = tasks.join_next() => Some(ended.expect("no panic")),
    };
    let (victim, place) = (server.clone(), folder.to_owned());
    let killed = tokio::task::spawn_blocking(move || kill::kill(&victim, &place, moment));
    let commits = killed.await.expect("no panic");
    if let Some(early) = early {
        tasks.spawn(async move { early });
    }
    *players = in_their_seats(tasks).await;
    drop(server);
    let storm = time.elapsed();
    let server = Arc::new(OmsServer::start(folder, Some(PASSWORD)).await);
    let started = time.elapsed();
    settle(&server, folder, players).await;
    announce(&format!(
        "{number}: {aimed:?} killed {moment}, at {commits} commits; {storm:.1?} {started:.1?} {:.1?}",
        time.elapsed()
    ));
    server
}

/// Everything is whole, and what was answered is there.
async fn settle(server: &Arc<OmsServer>, folder: &Path, players: &mut Players) {
    rm::sound(folder).await;
    end::all_can_be_read(server).await;
    let settled = |mut player: Box<dyn Player>| {
        let server = server.clone();
        async move {
            player.settle(&server).await;
            player
        }
    };
    *players = all(std::mem::take(players), settled).await;
    for player in players.iter_mut() {
        let answered = std::mem::take(&mut player.hand().answered);
        rm::audited(folder, &answered).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_in_the_midst_of_actions() {
    let seed = number("OMS_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    announce(&format!("actions and kills: OMS_SEED={seed}"));
    let mut rng = StdRng::seed_from_u64(seed);
    // what a killed process has written stays, and no other's disk makes a lease run out
    let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir());
    let mut folder = folder.expect("a folder");
    folder.disable_cleanup(std::env::var_os("OMS_TEST_KEEP").is_some());
    let databases = Databases::start().await;
    for schema in [
        chaos::SCHEMA,
        operator::SCHEMA,
        objects::SCHEMA,
        probe::SCHEMA,
        switch::SCHEMA,
    ] {
        databases.source.exec(schema).await;
    }
    let server = OmsServer::ready(folder.path()).await;
    let mut players = players(&server, folder.path(), &databases, &mut rng).await;
    let mut server = Arc::new(server);
    settle(&server, folder.path(), &mut players).await;
    let mut aims = Aims::default();
    let rounds = number("OMS_KILLS").unwrap_or(ENOUGH);
    let most = if rounds < ENOUGH {
        rounds
    } else {
        rounds + MORE
    };
    for number in 0..most {
        aims.learn(&mut players);
        if number >= rounds && !aims.has_missing(&players) {
            break;
        }
        server = round(
            server,
            folder.path(),
            &mut players,
            &mut aims,
            &mut rng,
            number,
        )
        .await;
    }
    let mut tally: BTreeMap<&'static str, Tally> = BTreeMap::new();
    for player in &mut players {
        player.finish(&server, &databases).await;
        for (action, more) in &player.hand().tally {
            let all = tally.entry(action).or_default();
            all.done += more.done;
            all.cut += more.cut;
            all.refused += more.refused;
        }
    }
    announce(&format!("{tally:?}"));
    if rounds >= ENOUGH {
        let document = server.get("/api/openapi.json").await;
        all_were_made(&document.body, &tally);
    }
    let ended = end::delete_all(&server).await;
    announce(&format!("{ended} projects brought to their end"));
    rm::nothing_is_left(folder.path()).await;
}
