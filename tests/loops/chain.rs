//! A chain of projects, A to B to C and back: what one project wrote at B is carried on by the other.

use crate::both::seed;
use crate::harness::server::start_all;
use crate::harness::{Kind, Options, same_rows, wait_until};
use crate::link::{LONG, Link, Plan};
use crate::load::{Load, SCHEMA};

#[tokio::test(flavor = "multi_thread")]
async fn what_one_project_wrote_another_carries_on() {
    let seed = seed();
    println!("chain: OMS_SEED={seed}");
    let [a, b, c] = start_all([
        (Kind::MariaDb, Options::default()),
        (Kind::MySql, Options::default()),
        (Kind::MariaDb, Options::default()),
    ])
    .await;
    for side in [&a, &b, &c] {
        side.exec(SCHEMA).await;
    }
    let mut links = [
        Link::started(Plan::new("np_1/incr_sync", &a, &b).leaving_out(&["np_1/"])).await,
        Link::started(Plan::new("np_1/reverse_incr_sync", &b, &a).leaving_out(&["np_1/"])).await,
        Link::started(Plan::new("np_2/incr_sync", &b, &c).leaving_out(&["np_2/"])).await,
        Link::started(Plan::new("np_2/reverse_incr_sync", &c, &b).leaving_out(&["np_2/"])).await,
    ];
    let loads = [
        Load::start(&a, 0, seed),
        Load::start(&b, 1, seed),
        Load::start(&c, 2, seed),
    ];
    wait_until("every application to write", LONG, || async {
        let committed = [0, 1, 2].map(|at: usize| loads[at].committed());
        match committed.iter().all(|n| *n >= 150) {
            true => Ok(Some(())),
            false => Err(format!("{committed:?}")),
        }
    })
    .await;
    let mut written = Vec::new();
    for load in loads {
        written.push(load.stop().await);
    }
    println!("chain: {written:?} transactions");
    // from both ends to the middle, and from there to both ends
    let mut ends = Vec::new();
    for at in [0, 3, 1, 2] {
        ends.push((at, links[at].catch_up().await));
    }
    same_rows(&a, &b, "d").await;
    same_rows(&b, &c, "d").await;
    // at the ends each application's own; in the middle also what came from the other end, of which
    // several transactions may have become one
    for (at, end) in ends {
        let (transactions, _) = links[at].log(&end).await;
        match at {
            0 => assert_eq!(transactions, written[0], "at A"),
            3 => assert_eq!(transactions, written[2], "at C"),
            1 => assert!(transactions > written[1] && transactions <= written[1] + written[2]),
            _ => assert!(transactions > written[1] && transactions <= written[1] + written[0]),
        }
    }
    for link in &mut links {
        link.stop().await;
    }
}
