//! MariaDB's accounts with ed25519, plain and encrypted, on both ways.

use oms::datasource::mysql::TlsMode;

use crate::harness::{Kind, Server, process};
use crate::{both, endpoint, tls, with_certificate};

#[tokio::test(flavor = "multi_thread")]
async fn an_account_proves_itself() {
    let script = process::root().join("deploy/servers.sh");
    let output = std::process::Command::new("bash")
        .arg(&script)
        .args(["install", "mariadb-plugins"])
        .output()
        .expect("bash");
    assert!(output.status.success(), "{output:?}");
    let folder = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let options = with_certificate("server").arg(format!("--plugin-dir={folder}"));
    let server = Server::start(Kind::MariaDb, options).await;
    server.exec("INSTALL SONAME 'auth_ed25519'").await;
    server
        .exec("CREATE USER ed IDENTIFIED VIA ed25519 USING PASSWORD('ed-secret')")
        .await;
    for (mode, ca) in [
        (TlsMode::Disabled, None),
        (TlsMode::VerifyIdentity, Some("ca.pem")),
    ] {
        let right = endpoint(server.port(), "ed", "ed-secret", tls(mode, ca));
        for result in both(&right).await {
            assert_eq!(result.expect("logged in"), mode != TlsMode::Disabled);
        }
        let wrong = endpoint(server.port(), "ed", "wrong", tls(mode, ca));
        for result in both(&wrong).await {
            assert_eq!(result.expect_err("wrong").kind().code(), "SRC-0003");
        }
    }
}
