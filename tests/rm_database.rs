//! The rm database on everything it runs on: SQLite, MySQL, MariaDB, OceanBase and
//! PostgreSQL.

mod harness;
mod rm;

use std::time::Duration;

use harness::Postgres;
use harness::server::{Kind, Options, Server};

#[tokio::test(flavor = "multi_thread")]
async fn on_sqlite() {
    let dir = tempfile::tempdir().expect("a folder");
    rm::suite(&dir.path().join("rm.db").to_string_lossy()).await;
}

async fn on(kind: Kind) {
    let server = Server::start(kind, Options::default()).await;
    rm::suite(&format!("{}/oms_rm", server.url())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_mysql() {
    on(Kind::MySql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_mariadb() {
    on(Kind::MariaDb).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_oceanbase() {
    on(Kind::OceanBase).await;
}

/// The database that is being made when its client dies, and another one.
async fn opens_on_one_that_hangs(database: &str) {
    let server = harness::stuck(database).await;
    let url = format!("{}/oms_rm", server.url());
    let opening = async {
        let meta = oms::metadata::Metadata::open(&url).await.expect("it opens");
        meta.migrate().await.expect("its schema is made");
        meta.close().await.expect("it closes");
    };
    let opened = tokio::time::timeout(Duration::from_secs(120), opening).await;
    opened.expect("within two minutes");
    harness::stuck::nothing_is_left(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_an_oceanbase_that_hangs_in_making_it() {
    opens_on_one_that_hangs("oms_rm").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_an_oceanbase_that_hangs() {
    opens_on_one_that_hangs("first").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_postgresql() {
    // as a careful person configures a server: all that is not said by `oms` itself is unfriendly
    let server = Postgres::start(&[
        "default_transaction_isolation=serializable",
        "synchronous_commit=off",
        "timezone=Asia/Tokyo",
        "lc_messages=C",
    ])
    .await;
    rm::suite(&format!("{}/oms_rm", server.url_with_password())).await;
    rm::postgres::suite(&server).await;
}
