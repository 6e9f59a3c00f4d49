//! The API over TLS, and what other machines may reach.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::client::{OmsServer, PASSWORD};

/// A file of the test's own certificate authority, good for 127.0.0.1 and a hundred years.
fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/server/tls")
        .join(name)
}

fn trusting(authority: &str) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(file(authority)).expect("a certificate");
    roots.add(certificate).expect("an authority");
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config).into()
}

fn config(listen: &str, more: &str) -> String {
    let (cert, key) = (file("server.pem"), file("server.key"));
    let tls = format!(
        "tls: {{cert: '{}', key: '{}'}}",
        cert.display(),
        key.display()
    );
    format!("listen: {listen}\n{}\n", more.replace("TLS", &tls))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_speaks_tls() {
    let folder = tempfile::tempdir().expect("a folder");
    let yaml = config("127.0.0.1:0", "TLS");
    let mut server = OmsServer::start_with(folder.path(), &yaml, Some(trusting("ca.pem"))).await;
    server.change_password(PASSWORD).await;
    let reply = server.call("ListProjects", json!({})).await;
    assert_eq!(reply.data(), &json!([]));
    assert_eq!(server.get("/readyz").await.status, 200);

    // who trusts another authority, or speaks in plain text, gets no answer
    let socket = tokio::net::TcpStream::connect(server.address())
        .await
        .expect("connected");
    let name = "127.0.0.1".try_into().expect("a name");
    let stranger = TlsConnector::from(Arc::new(
        ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth(),
    ));
    let refused = stranger.connect(name, socket).await;
    refused.expect_err("an authority that is not known");
    let mut plain = std::net::TcpStream::connect(server.address()).expect("connected");
    let answer = tokio::task::spawn_blocking(move || {
        use std::io::{Read, Write};
        let _ = plain.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
        let mut answer = Vec::new();
        let _ = plain.read_to_end(&mut answer);
        answer
    });
    let answer = answer.await.expect("no panic");
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    assert_eq!(server.terminate().await, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_machines_need_tls() {
    let folder = tempfile::tempdir().expect("a folder");
    let open = "0.0.0.0:0";
    let said = OmsServer::fails(folder.path(), open).await;
    assert!(
        said.contains("CFG-0001") && said.contains("tls.cert"),
        "{said}"
    );
    let (cert, key) = (file("server.pem"), file("server.key"));
    let missing = folder.path().join("none.pem");
    for (cert, key, code, says) in [
        (&cert, &missing, "CFG-0002", "tls.key"),
        (&missing, &key, "CFG-0002", "tls.cert"),
        (&key, &key, "CFG-0001", "tls.cert"),
        (&cert, &cert, "CFG-0001", "tls.key"),
        (&file("ca.pem"), &key, "CFG-0001", "tls = "),
    ] {
        let env = [("OMS_TLS_CERT", &**cert), ("OMS_TLS_KEY", &**key)];
        let said = OmsServer::fails_with(folder.path(), open, &env).await;
        assert!(said.contains(code) && said.contains(says), "{said}");
    }
    let half = [("OMS_TLS_CERT", &*cert)];
    let said = OmsServer::fails_with(folder.path(), "127.0.0.1:0", &half).await;
    assert!(said.contains("belong together"), "{said}");

    // an explicit word, for what has a proxy in front of it
    let yaml = config(open, "allow_plain_http: true");
    let server = OmsServer::start_with(folder.path(), &yaml, None).await;
    assert_eq!(server.get("/readyz").await.status, 200);
}
