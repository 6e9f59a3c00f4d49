//! The suites of `tests/schemas.rs`.

pub mod notebook;
pub mod replay;
pub mod tracking;
pub mod transfer;

use crate::harness::server::Server as Running;
use oms::datasource::mysql::{Connection, Endpoint, Server, catalogue};

/// The endpoint of a running server.
pub fn endpoint(server: &Running) -> Endpoint {
    Endpoint::parse(&server.url()).expect("a URL of the harness")
}

/// A session for the catalogue.
pub async fn open(server: &Running) -> (Server, Connection) {
    let opened = Server::open(&endpoint(server)).await.expect("it answers");
    let conn = catalogue::open(&opened).await.expect("a session");
    (opened, conn)
}
