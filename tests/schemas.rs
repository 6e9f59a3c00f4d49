//! Table definitions on real servers: schema tracking by DDL agrees with what servers print, and
//! Struct-Transfer carries schemas from flavour to flavour.

mod harness;
mod schema;

use harness::server::{Kind, Options, Server};

#[tokio::test(flavor = "multi_thread")]
async fn tracking_agrees_with_mysql() {
    let server = Server::start(Kind::MySql, Options::default()).await;
    schema::tracking::agrees(&server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tracking_agrees_with_mariadb() {
    let server = Server::start(Kind::MariaDb, Options::default()).await;
    schema::tracking::agrees(&server).await;
}

async fn carry(source: Kind, targets: &[Kind]) {
    let source = Server::start(source, Options::default()).await;
    for target in targets {
        let target = Server::start(*target, Options::default()).await;
        schema::transfer::carries(&source, &target).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn schemas_of_mysql_are_carried() {
    carry(Kind::MySql, &[Kind::MariaDb, Kind::OceanBase, Kind::MySql]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn schemas_of_mariadb_are_carried() {
    carry(
        Kind::MariaDb,
        &[Kind::MariaDb, Kind::OceanBase, Kind::MySql],
    )
    .await;
}

async fn replay(source: Kind) {
    let source = Server::start(source, Options::default()).await;
    for target in [Kind::OceanBase, Kind::MariaDb, Kind::MySql] {
        let target = Server::start(target, Options::default()).await;
        schema::replay::follows(&source, &target).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ddl_of_mysql_is_replayed() {
    replay(Kind::MySql).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ddl_of_mariadb_is_replayed() {
    replay(Kind::MariaDb).await;
}
