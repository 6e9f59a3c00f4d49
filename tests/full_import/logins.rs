//! Sessions for bulk data log in whatever proof the server wants, the first time and later.

use oms::datasource::mysql::{Endpoint, Server as OurServer, Session};
use oms::error::Kind as ErrorKind;

use crate::harness::{Kind, Options, Server};

fn endpoint(server: &Server, user: &str, password: &str) -> Endpoint {
    let url = format!("mysql://{user}:{password}@127.0.0.1:{}", server.port());
    Endpoint::parse(&url).expect("a valid URL")
}

/// Logs in as this user, twice after the server forgot what it remembered of him.
async fn logs_in(server: &Server, user: &str, password: &str) {
    let known = OurServer::open(&endpoint(server, user, password)).await;
    let known = known.expect("the driver logs in");
    server.exec("FLUSH PRIVILEGES").await;
    for _ in 0..2 {
        let mut wire = known.wire(Session::Read).await.expect(user);
        assert!(wire.id() > 0);
        let rows = wire.all(b"SELECT CURRENT_USER()").await.expect("an answer");
        assert_eq!(rows.len(), 1);
        assert!(wire.is_usable());
    }
    let wrong = OurServer {
        endpoint: endpoint(server, user, "mistaken"),
        ..known
    };
    let error = wrong.wire(Session::Read).await.expect_err("wrong password");
    assert_eq!(error.kind(), ErrorKind::AccessDenied, "{error}");
    assert!(!error.to_string().contains("mistaken"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql_with_its_digests() {
    let server = Server::start(Kind::MySql, Options::default()).await;
    server
        .exec("CREATE USER sha@'%' IDENTIFIED WITH caching_sha2_password BY 'pässwörd 1'; CREATE USER bare@'%'")
        .await;
    logs_in(&server, "sha", "p%C3%A4ssw%C3%B6rd%201").await;
    let bare = OurServer::open(&endpoint(&server, "bare", "")).await;
    let bare = bare.expect("no password");
    bare.wire(Session::Read).await.expect("no password");
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb_with_its_digests() {
    let server = Server::start(Kind::MariaDb, Options::default()).await;
    server
        .exec("CREATE USER old@'%' IDENTIFIED VIA mysql_native_password USING PASSWORD('secret')")
        .await;
    logs_in(&server, "old", "secret").await;
}
