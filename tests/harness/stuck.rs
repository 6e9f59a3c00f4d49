//! An OceanBase whose schema statements wait for one that never ends (`docs/oceanbase.md`).

use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts};

use super::oms::announce;
use super::server::{Kind, Options, Server, wait_for_value};
use super::wait::wait_until;

/// About every sixth new server hangs, sometimes most of them.
const TRIES: u64 = 40;
/// The client dies so long after it sent its statement, milliseconds.
const MOMENTS: [u64; 9] = [10, 9, 11, 8, 12, 7, 14, 6, 17];

/// Starts new servers, and on each cuts off the client of the very first `CREATE DATABASE`, which is for
/// `database`, until one hangs.
///
/// # Panics
/// When none does.
pub async fn stuck(database: &str) -> Server {
    for number in 0..TRIES {
        let server = Server::start(Kind::OceanBase, Options::default()).await;
        let moment = Duration::from_millis(MOMENTS[number as usize % MOMENTS.len()]);
        let statement = format!("CREATE DATABASE {database}");
        cut_off(&server, statement.clone(), moment).await;
        if hangs(&server, &statement).await {
            let number = number + 1;
            announce(&format!(
                "a server hangs: try {number}, cut off after {moment:?}"
            ));
            return server;
        }
    }
    panic!("{TRIES} new servers, and none hangs where its first CREATE DATABASE is cut off");
}

/// Sends a statement and ends the connection a moment later, as the kernel does for a process that dies.
async fn cut_off(server: &Server, statement: String, moment: Duration) {
    let opts: Opts = server.opts().into();
    let sent = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async move {
            let mut conn = Conn::new(opts).await.expect("connected");
            let _ = tokio::time::timeout(moment, conn.query_drop(statement)).await;
        });
        // with the runtime goes what the driver would still do for the connection
        runtime.shutdown_background();
    });
    sent.await.expect("no panic");
}

/// Whether a statement whose client is gone is still there after two seconds.
async fn hangs(server: &Server, statement: &str) -> bool {
    let seconds =
        format!("SELECT MAX(TIME) FROM information_schema.PROCESSLIST WHERE INFO = '{statement}'");
    let what = "the end of a statement that was cut off";
    wait_until(what, Duration::from_secs(30), || async {
        let mut conn = server.try_conn().await?;
        let row: Option<Option<u64>> = conn
            .query_first(&seconds)
            .await
            .map_err(|error| error.to_string())?;
        match row.flatten() {
            None => Ok(Some(false)),
            Some(seconds) if seconds >= 2 => Ok(Some(true)),
            Some(seconds) => Err(format!("it takes {seconds} s")),
        }
    })
    .await
}

/// That no table of a nudge is left in `test`.
///
/// # Panics
/// When one is.
pub async fn nothing_is_left(server: &Server) {
    let left = "SELECT CAST(COUNT(*) AS CHAR) FROM information_schema.TABLES WHERE LEFT(TABLE_NAME, 8) = 'oms_wake'";
    wait_for_value(server, left, "0", Duration::from_secs(30)).await;
}
