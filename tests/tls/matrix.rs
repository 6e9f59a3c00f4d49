//! Every mode against every kind of server, on both ways.

use oms::datasource::mysql::{Endpoint, Tls, TlsMode};

use crate::harness::server::{PASSWORD, USER, start_all};
use crate::harness::{Kind, Options, Server};
use crate::{both, endpoint, tls, with_certificate, with_client};

/// That both ways are encrypted, or are not.
async fn connects(endpoint: &Endpoint, encrypted: bool) {
    for (way, result) in ["driver", "wire"].into_iter().zip(both(endpoint).await) {
        let found = result.unwrap_or_else(|e| panic!("{way}, {:?}: {e}", endpoint.tls));
        assert_eq!(found, encrypted, "{way}, {:?}", endpoint.tls);
    }
}

/// That both ways are refused, with the same code.
async fn refused(endpoint: &Endpoint, code: &str, remedy: &str) {
    for (way, result) in ["driver", "wire"].into_iter().zip(both(endpoint).await) {
        let error = result.expect_err(way);
        let text = format!("{error} {error:?}");
        assert_eq!(
            error.kind().code(),
            code,
            "{way}, {:?}: {text}",
            endpoint.tls
        );
        assert!(
            error.remedy_text().contains(remedy),
            "{}",
            error.remedy_text()
        );
        assert!(
            !text.contains("PRIVATE") && !text.contains(PASSWORD),
            "{text}"
        );
        assert!(!error.is_transient(), "{text}");
    }
}

use TlsMode::{Disabled, Preferred, Required, VerifyCa, VerifyIdentity};

/// A server whose certificate is its own host's.
async fn at_home(server: &Server, insecure: &str) {
    let at = |tls: Tls| endpoint(server.port(), USER, PASSWORD, tls);
    connects(&at(tls(Disabled, None)), false).await;
    for (mode, ca) in [
        (Preferred, None),
        (Required, None),
        (VerifyCa, Some("ca.pem")),
        (VerifyIdentity, Some("ca.pem")),
    ] {
        connects(&at(tls(mode, ca)), true).await;
        connects(&at(with_client(tls(mode, ca), "client")), true).await;
    }
    let by_name = Endpoint {
        host: "localhost".to_owned(),
        ..at(tls(VerifyIdentity, Some("ca.pem")))
    };
    connects(&by_name, true).await;
    // another authority, and none of the well-known ones
    for mode in [VerifyCa, VerifyIdentity] {
        for ca in [Some("other-ca.pem"), None] {
            refused(&at(tls(mode, ca)), "TLS-0001", "authority").await;
        }
    }
    accounts(server).await;
    server
        .exec("SET GLOBAL require_secure_transport = ON")
        .await;
    connects(&at(tls(Required, None)), true).await;
    refused(&at(tls(Disabled, None)), insecure, "mode with TLS").await;
}

/// Accounts that want more than a password.
async fn accounts(server: &Server) {
    server
        .exec("CREATE USER safe IDENTIFIED BY 'oms-secret' REQUIRE SSL")
        .await;
    server
        .exec("CREATE USER known IDENTIFIED BY 'oms-secret' REQUIRE X509")
        .await;
    let at = |user: &str, tls: Tls| endpoint(server.port(), user, PASSWORD, tls);
    refused(&at("safe", tls(Disabled, None)), "SRC-0003", "REQUIRE SSL").await;
    connects(&at("safe", tls(Required, None)), true).await;
    let checked = || tls(VerifyIdentity, Some("ca.pem"));
    refused(&at("known", tls(Disabled, None)), "SRC-0003", "X509").await;
    refused(&at("known", checked()), "SRC-0003", "client certificate").await;
    connects(&at("known", with_client(checked(), "client")), true).await;
    connects(
        &at("known", with_client(tls(Preferred, None), "client")),
        true,
    )
    .await;
    let strange = at("known", with_client(checked(), "other-client"));
    refused(&strange, "TLS-0003", "client certificate").await;
}

/// A server whose certificate is another host's.
async fn strange(server: &Server) {
    let at = |tls: Tls| endpoint(server.port(), USER, PASSWORD, tls);
    connects(&at(tls(Required, None)), true).await;
    connects(&at(tls(VerifyCa, Some("ca.pem"))), true).await;
    refused(&at(tls(VerifyIdentity, Some("ca.pem"))), "TLS-0002", "name").await;
    // the name is not checked, the rest is
    refused(
        &at(tls(VerifyCa, Some("other-ca.pem"))),
        "TLS-0001",
        "authority",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mysql() {
    let [home, stranger, own] = start_all([
        (Kind::MySql, with_certificate("server")),
        (Kind::MySql, with_certificate("stranger")),
        // with the certificates that MySQL makes itself, which name no host
        (Kind::MySql, Options::default()),
    ])
    .await;
    at_home(&home, "TLS-0005").await;
    strange(&stranger).await;
    let made = std::fs::read_to_string(own.folder().join("data/ca.pem")).expect("made");
    let at = |mode| {
        let tls = Tls {
            ca: Some(made.clone()),
            ..Tls::of(mode)
        };
        endpoint(own.port(), USER, PASSWORD, tls)
    };
    connects(&at(VerifyCa), true).await;
    refused(&at(VerifyIdentity), "TLS-0002", "VERIFY_CA").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mariadb() {
    let [home, stranger, plain] = start_all([
        (Kind::MariaDb, with_certificate("server")),
        (Kind::MariaDb, with_certificate("stranger")),
        (Kind::MariaDb, Options::default().arg("--skip-ssl")),
    ])
    .await;
    // a wrong password looks the same
    at_home(&home, "SRC-0003").await;
    strange(&stranger).await;
    let at = |tls: Tls| endpoint(plain.port(), USER, PASSWORD, tls);
    connects(&at(tls(Preferred, None)), false).await;
    connects(&at(with_client(tls(Preferred, None), "client")), false).await;
    for (mode, ca) in [
        (Required, None),
        (VerifyCa, Some("ca.pem")),
        (VerifyIdentity, Some("ca.pem")),
    ] {
        refused(&at(tls(mode, ca)), "TLS-0004", "PREFERRED").await;
    }
}
