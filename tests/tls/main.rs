//! TLS to the databases that are moved, on real servers: every mode, on the driver's way and on the
//! wire's, what is refused and how, and a whole migration between servers that take nothing else.

#[path = "../harness/mod.rs"]
mod harness;

mod ed25519;
mod matrix;
mod moved;

use std::path::PathBuf;

use harness::{Options, process};
use oms::datasource::mysql::connect::Session;
use oms::datasource::mysql::{Endpoint, Flavour, Secret, Server, Tls, TlsMode};
use oms::error::Error;

/// A file of the tests' certificates.
pub fn file(name: &str) -> PathBuf {
    process::root().join("tests/harness/tls").join(name)
}

/// What is in it.
pub fn pem(name: &str) -> String {
    std::fs::read_to_string(file(name)).expect("a certificate of the tests")
}

/// A server with a certificate of the tests' authority (`server`: of 127.0.0.1, `stranger`: of another
/// host).
pub fn with_certificate(name: &str) -> Options {
    let option = |key: &str, name: &str| format!("--{key}={}", file(name).display());
    Options::default()
        .arg(option("ssl-ca", "ca.pem"))
        .arg(option("ssl-cert", &format!("{name}.pem")))
        .arg(option("ssl-key", &format!("{name}.key")))
}

/// A mode with an authority.
pub fn tls(mode: TlsMode, ca: Option<&str>) -> Tls {
    Tls {
        ca: ca.map(pem),
        ..Tls::of(mode)
    }
}

/// The same with a client certificate.
pub fn with_client(tls: Tls, name: &str) -> Tls {
    Tls {
        cert: Some(pem(&format!("{name}.pem"))),
        key: Some(Secret::new(pem(&format!("{name}.key")))),
        ..tls
    }
}

/// An account at a server.
pub fn endpoint(port: u16, user: &str, password: &str, tls: Tls) -> Endpoint {
    tls.check().unwrap_or_else(|problem| panic!("{problem:?}"));
    Endpoint {
        host: "127.0.0.1".to_owned(),
        port,
        user: user.to_owned(),
        password: Secret::new(password),
        tls,
        binlog: None,
    }
}

/// Logs in with the driver, and on the wire; whether the connection is encrypted, as the server says.
pub async fn both(endpoint: &Endpoint) -> [Result<bool, Error>; 2] {
    const CIPHER: &str = "SHOW SESSION STATUS LIKE 'Ssl_cipher'";
    let driver = async {
        let server = Server::open(endpoint).await?;
        let mut session = server.session(Session::Plain).await?;
        let row: Option<(String, String)> = session.first("asking", CIPHER).await?;
        Ok(row.is_some_and(|(_, cipher)| !cipher.is_empty()))
    };
    let wire = async {
        let server = Server {
            endpoint: endpoint.clone(),
            flavour: Flavour::MySql,
            version: String::new(),
            max_packet: 1 << 20,
            log_only: false,
        };
        let mut session = server.wire(Session::Plain).await?;
        let rows = session.all(CIPHER.as_bytes()).await.expect("an answer");
        let cells: Vec<_> = rows.iter().flat_map(|row| row.cells()).collect();
        Ok(matches!(cells.get(1), Some(oms::model::row::Cell::Value(cipher)) if !cipher.is_empty()))
    };
    [driver.await, wire.await]
}
