//! A node that is late with its lease goes on, unless another one has taken it meanwhile.

use std::time::Duration;

use oms::metadata::{Lease, Leased, Metadata};
use sea_orm::{ConnectOptions, ConnectionTrait, Database};
use serde_json::json;

use crate::client::OmsServer;
use crate::harness::wait_until;

const LEADER: &str = "leader";
const MINUTE: Duration = Duration::from_secs(60);

async fn lease(rm: &Metadata) -> Lease {
    let lease = rm.leases().get(LEADER).await.expect("an answer");
    lease.expect("a lease")
}

fn now_ms() -> i64 {
    chrono::Utc::now().timestamp_millis()
}

/// The lease, once it ran out, or once it counts.
async fn until(rm: &Metadata, counts: bool) -> Lease {
    let what = ["the lease to run out", "the lease to count"][usize::from(counts)];
    wait_until(what, MINUTE, || async {
        let lease = lease(rm).await;
        match (lease.expires_at_ms > now_ms()) == counts {
            true => Ok(Some(lease)),
            false => Err(format!("{lease:?} at {}", now_ms())),
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_node_goes_on_unless_another_took_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = OmsServer::ready(folder.path()).await;
    let file = folder.path().join("rm.db");
    let rm = Metadata::open(&file.to_string_lossy())
        .await
        .expect("opened");
    let before = lease(&rm).await;

    // somebody holds the whole database's lock for longer than the lease
    let mut options = ConnectOptions::new(format!("sqlite://{}", file.display()));
    options.max_connections(1);
    let holder = Database::connect(options).await.expect("opened");
    wait_until("the lock", MINUTE, || async {
        let locked = holder.execute_unprepared("BEGIN IMMEDIATE").await;
        locked.map(Some).map_err(|error| error.to_string())
    })
    .await;
    until(&rm, false).await;
    holder.execute_unprepared("ROLLBACK").await.expect("let go");
    let renewed = until(&rm, true).await;
    assert_eq!(
        (&renewed.holder, renewed.epoch),
        (&before.holder, before.epoch)
    );
    let reply = server.call("CreateLabel", json!({ "name": "late" })).await;
    reply.data();

    // another process takes it: the late one finds that out and ends by itself
    wait_until("the lease", MINUTE, || async {
        let leases = rm.leases();
        let freed = leases.release(LEADER, &renewed.holder, renewed.epoch).await;
        let _ = freed.map_err(|error| error.to_string())?;
        match leases.acquire(LEADER, "other@boot/1/1", MINUTE).await {
            Ok(Leased::Acquired { epoch }) => Ok(Some(epoch)),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    assert_ne!(server.ended().await, Some(0));
}
