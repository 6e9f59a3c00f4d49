//! Settings of TLS: what belongs together, what is stored, what is never shown.

use super::*;

fn pem(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/harness/tls");
    std::fs::read_to_string(path.join(name)).expect("a file")
}

fn tls(mode: TlsMode, ca: Option<&str>, client: Option<(&str, &str)>) -> Tls {
    Tls {
        mode,
        ca: ca.map(pem),
        cert: client.map(|(cert, _)| pem(cert)),
        key: client.map(|(_, key)| Secret::new(pem(key))),
    }
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let client = Some(("client.pem", "client.key"));
    for good in [
        tls(TlsMode::Disabled, None, None),
        tls(TlsMode::Preferred, None, client),
        tls(TlsMode::Required, None, client),
        tls(TlsMode::VerifyCa, Some("ca.pem"), None),
        tls(TlsMode::VerifyIdentity, Some("ca.pem"), client),
        tls(TlsMode::VerifyIdentity, None, None),
    ] {
        good.check()
            .unwrap_or_else(|problem| panic!("{good:?}: {problem:?}"));
    }
    let half = Tls {
        cert: None,
        ..tls(TlsMode::Required, None, client)
    };
    let other = Some(("client.pem", "other-client.key"));
    let nonsense = Tls {
        ca: Some("nonsense".to_owned()),
        ..Tls::of(TlsMode::VerifyCa)
    };
    let encrypted = Tls {
        key: Some(Secret::new(
            "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
        )),
        ..tls(TlsMode::Required, None, client)
    };
    for (bad, part, why) in [
        (
            tls(TlsMode::Required, Some("ca.pem"), None),
            "ca",
            "REQUIRED does not use it",
        ),
        (
            tls(TlsMode::Disabled, None, client),
            "cert",
            "DISABLED does not use it",
        ),
        (half, "cert", "missing"),
        (
            tls(TlsMode::Required, None, other),
            "key",
            "does not belong",
        ),
        (
            tls(TlsMode::Required, None, Some(("client.key", "client.key"))),
            "cert",
            "no certificate",
        ),
        (
            tls(TlsMode::Required, None, Some(("client.pem", "client.pem"))),
            "key",
            "no private key",
        ),
        (nonsense, "ca", "no certificate"),
        (encrypted, "key", "passphrase"),
    ] {
        let problem = bad.check().expect_err(why);
        assert_eq!(problem.part, part, "{problem:?}");
        assert!(problem.why.contains(why), "{problem:?}");
    }
}

#[test]
fn what_is_stored_is_read_again_and_has_no_key() {
    let client = Some(("client.pem", "client.key"));
    let full = tls(TlsMode::VerifyCa, Some("ca.pem"), client);
    let mut options = json!({ "description": "d" });
    full.write_options(&mut options);
    assert!(!options.to_string().contains("PRIVATE KEY"));
    let again = Tls::read_options(&options, full.key.clone()).expect("good");
    assert_eq!(again, full);
    assert!(!format!("{full:?}").contains("BEGIN"), "{full:?}");
    let plain = Tls::default();
    plain.write_options(&mut options);
    assert_eq!(
        options,
        json!({ "description": "d", "tls": false, "sslMode": "DISABLED" })
    );
    assert_eq!(Tls::read_options(&options, None), Ok(plain));
    // as an earlier version stored it
    let old = Tls::read_options(&json!({ "tls": true }), None).expect("good");
    assert_eq!(old, Tls::of(TlsMode::VerifyIdentity));
    let wrong = Tls::read_options(&json!({ "sslMode": "maybe" }), None);
    assert!(wrong.expect_err("no mode").contains("VERIFY_IDENTITY"));
}

/// What the parser says quotes the line that it does not understand.
#[test]
fn what_is_malformed_is_refused_without_a_word_of_it() {
    const LINE: &str = "MIGHAgEAMBMGByqGSM49SECRET";
    let texts = [
        format!("-----BEGIN PRIVATE KEY {LINE}\n-----END PRIVATE KEY-----\n"),
        format!("-----BEGIN PRIVATE KEY-----\n{LINE}!*\n-----END PRIVATE KEY-----\n"),
        format!("-----BEGIN {LINE}-----\n{LINE}\n"),
    ];
    for text in texts {
        let client = Some(("client.pem", "client.key"));
        let key = Tls {
            key: Some(Secret::new(text.clone())),
            ..tls(TlsMode::Required, None, client)
        };
        let cert = Tls {
            cert: Some(text.clone()),
            ..tls(TlsMode::Required, None, client)
        };
        let ca = Tls {
            ca: Some(text.clone()),
            ..Tls::of(TlsMode::VerifyCa)
        };
        for (bad, part) in [(key, "key"), (cert, "cert"), (ca, "ca")] {
            let problem = bad.check().expect_err(part);
            assert_eq!(problem.part, part, "{problem:?}");
            assert!(!format!("{problem:?}").contains("SECRET"), "{problem:?}");
            assert!(problem.why.contains("well-formed"), "{problem:?}");
        }
    }
}
