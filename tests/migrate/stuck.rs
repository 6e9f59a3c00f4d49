//! A target whose schema statements wait for one that never ends: each way in which `oms` changes its
//! schema lets them go on.

use std::time::Duration;

use oms::component::incr_sync::{Claim, MySqlTarget, Target};
use oms::datasource::mysql::fence::Fence;
use oms::datasource::mysql::{Endpoint, Session, heartbeat};
use oms::model::position::Position;

use crate::harness::stuck::nothing_is_left;
use crate::harness::{Kind, Migration, Options, Server, same_rows, stuck};

const LONG: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_goes_through() {
    let (source, target) = tokio::join!(
        Server::start(Kind::MySql, Options::default()),
        stuck("shop")
    );
    source.load_shop().await;
    let migration = Migration::shop(&source, &target);
    let ended = migration.caught_up().await.expect(0);
    assert_eq!(ended.json()["differences"], 0, "{ended}");
    same_rows(&source, &target, "shop").await;
    let log = std::fs::read_to_string(migration.log()).expect("a log");
    let says = "a schema statement had no answer: a table was made and dropped to let it go on";
    assert!(log.contains(says), "{log}");
    nothing_is_left(&target).await;
}

async fn within<T>(what: &str, answer: impl Future<Output = T>) -> T {
    let answer = tokio::time::timeout(LONG, answer).await;
    answer.unwrap_or_else(|_| panic!("{what} had no answer within {LONG:?}"))
}

async fn ours(target: &Server) -> oms::datasource::mysql::Server {
    let endpoint = Endpoint::parse(&target.url()).expect("a URL");
    let server = oms::datasource::mysql::Server::open(&endpoint).await;
    server.expect("it answers")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fence_is_made() {
    let target = stuck("omstxndb").await;
    let server = ours(&target).await;
    let mut conn = server.session(Session::Plain).await.expect("a session");
    let fence = within(
        "the fence",
        Fence::acquire(&mut conn, &server, "np_1/x", 5, 2),
    )
    .await;
    assert_eq!(fence.expect("made").epoch(), 5);
    nothing_is_left(&target).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_progress_is_made() {
    let target = stuck("first").await;
    let claim = Claim {
        epoch: 1,
        lanes: 2,
        start: Position {
            file: "binlog.000001".to_owned(),
            offset: 4,
            gtid: None,
            time_ms: 0,
        },
    };
    let progress = MySqlTarget::new(ours(&target).await, "np_1/incr_sync", 1 << 20);
    let taken = within("the progress", progress.take_over(claim)).await;
    assert_eq!(taken.expect("taken over").commits, [1, 1]);
    nothing_is_left(&target).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_heartbeat_is_made() {
    let server = stuck("drc").await;
    let made = within("the heartbeat", heartbeat::make(&ours(&server).await)).await;
    made.expect("made");
    nothing_is_left(&server).await;
}
