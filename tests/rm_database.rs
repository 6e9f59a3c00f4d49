//! The rm database on everything it runs on: SQLite, MySQL, MariaDB and OceanBase.

mod harness;
mod rm;

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
