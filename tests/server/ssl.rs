//! Data sources with TLS by the API and by the command line: what is wrong is named, what is secret is
//! not shown, and what was stored works after a restart and with another key.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{OmsServer, PASSWORD};
use crate::harness::server::{PASSWORD as SECRET, start_all, wait_for_value};
use crate::harness::{Kind, Options, process};
use crate::life::create;

fn file(name: &str) -> String {
    let folder = process::root().join("tests/harness/tls");
    folder.join(name).display().to_string()
}

fn pem(name: &str) -> String {
    std::fs::read_to_string(file(name)).expect("a certificate of the tests")
}

fn with_certificate() -> Options {
    Options::default()
        .arg(format!("--ssl-ca={}", file("ca.pem")))
        .arg(format!("--ssl-cert={}", file("server.pem")))
        .arg(format!("--ssl-key={}", file("server.key")))
}

/// `oms datasource create` at a server; its code, and what it says.
async fn by_command(server: &OmsServer, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oms"));
    command
        .args(["datasource", "create"])
        .args(arguments)
        .env("OMS_API_URL", format!("http://{}", server.address()))
        .env("OMS_API_USER", &server.account.0)
        .env("OMS_API_PASSWORD", &server.account.1)
        .env("OMS_DATASOURCE_PASSWORD", SECRET)
        .env("OMS_LOG", "trace");
    let ended = tokio::task::spawn_blocking(move || command.output());
    let ended = ended.await.expect("no panic").expect("oms starts");
    let said = [ended.stdout, ended.stderr].concat();
    (
        ended.status.code(),
        String::from_utf8_lossy(&said).into_owned(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn data_sources_with_tls() {
    let folder = tempfile::tempdir().expect("a folder");
    let [source, target] = start_all([
        (Kind::MySql, with_certificate()),
        (Kind::MariaDb, with_certificate()),
    ])
    .await;
    for database in [&source, &target] {
        database
            .exec(&format!(
                "CREATE USER known IDENTIFIED BY '{SECRET}' REQUIRE X509"
            ))
            .await;
        database
            .exec("GRANT ALL ON *.* TO known WITH GRANT OPTION")
            .await;
    }
    source
        .exec(
            "CREATE DATABASE s; CREATE TABLE s.t (id INT PRIMARY KEY); INSERT INTO s.t VALUES (1)",
        )
        .await;
    let server = OmsServer::ready(folder.path()).await;
    let body = |name: &str, more: Value| {
        let port = if name == "to" {
            target.port()
        } else {
            source.port()
        };
        let mut body = json!({
            "name": name, "ip": "127.0.0.1", "port": port, "username": "known", "password": SECRET,
        });
        for (key, value) in more.as_object().expect("an object") {
            body[key] = value.clone();
        }
        body
    };
    let full = json!({
        "sslMode": "VERIFY_IDENTITY", "sslCa": pem("ca.pem"), "sslCert": pem("client.pem"),
        "sslKey": pem("client.key"),
    });
    let but = |key: &str, value: Value| {
        let mut full = full.clone();
        full[key] = value;
        full
    };
    for (wrong, code, says) in [
        (but("sslMode", json!("MAYBE")), "API-0001", "sslMode"),
        (but("sslKey", Value::Null), "API-0001", "sslKey"),
        (but("sslCert", Value::Null), "API-0001", "sslCert"),
        (
            but("sslKey", json!(pem("other-client.key"))),
            "API-0001",
            "sslKey",
        ),
        (but("sslCa", json!("no PEM")), "API-0001", "sslCa"),
        (but("sslMode", json!("REQUIRED")), "API-0001", "sslCa"),
        (
            json!({ "useSsl": true, "sslMode": "DISABLED" }),
            "API-0001",
            "sslMode",
        ),
        (
            but("sslCa", json!(pem("other-ca.pem"))),
            "TLS-0001",
            "UnknownIssuer",
        ),
        (json!({ "useSsl": true }), "TLS-0001", "UnknownIssuer"),
        (json!({ "sslMode": "REQUIRED" }), "SRC-0003", "known"),
    ] {
        let reply = server
            .call("CreateMysqlDataSource", body("from", wrong))
            .await;
        reply.refused(400, code, says);
        assert!(!reply.body.to_string().contains("PRIVATE KEY"));
    }
    let made = server
        .call("CreateMysqlDataSource", body("from", full.clone()))
        .await;
    let from = made.data().as_str().expect("an id").to_owned();

    // by command, from files
    let url = format!("mysql://known@127.0.0.1:{}", target.port());
    let (ca, cert, key) = (file("ca.pem"), file("client.pem"), file("client.key"));
    let files = ["--ssl-ca", &ca, "--ssl-cert", &cert, "--ssl-key", &key];
    let (code, said) = by_command(&server, &[&["to", &url], &files[..]].concat()).await;
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("--ssl-mode"), "{said}");
    let missing = [
        "to",
        &url,
        "--ssl-mode",
        "VERIFY_CA",
        "--ssl-ca",
        "/no/such",
    ];
    let (code, said) = by_command(&server, &missing).await;
    assert!(
        code == Some(2) && said.contains("CFG-0002") && said.contains("/no/such"),
        "{said}"
    );
    let all = [&["to", &url, "--ssl-mode", "verify_ca"], &files[..]].concat();
    let (code, said) = by_command(&server, &all).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(!said.contains("PRIVATE KEY"), "{said}");
    let listed = server.call("ListDataSource", json!({})).await;
    let find = |name: &str| {
        let mut items = listed.data().as_array().into_iter().flatten();
        let found = items.find(|item| item["name"] == name);
        found.expect(name).clone()
    };
    assert_eq!(find("from")["sslMode"], "VERIFY_IDENTITY");
    assert_eq!(find("to")["sslMode"], "VERIFY_CA");
    let to = find("to")["id"].as_str().expect("an id").to_owned();

    // what is stored works after a kill, and with another key
    server.kill9();
    let server = OmsServer::start(folder.path(), Some(PASSWORD)).await;
    for rotated in [false, true] {
        if rotated {
            let ended = Command::new(env!("CARGO_BIN_EXE_oms"))
                .args(["rm", "rotate-key", "--rm"])
                .arg(folder.path().join("rm.db"))
                .env("OMS_KEY_FILE", folder.path().join("oms.key"))
                .output()
                .expect("oms starts");
            assert!(ended.status.success(), "{ended:?}");
        }
        for id in [&from, &to] {
            let tested = server.call("TestDataSource", json!({ "id": id })).await;
            tested.data();
        }
    }
    let mapping = json!({ "mode": "WILDCARD", "tableAndViewWhiteList": ["s.*"] });
    let project = create(&server, "moved", &from, &to, mapping).await;
    let minutes = Duration::from_secs(180);
    server
        .call("StartProject", json!({ "id": project }))
        .await
        .data();
    server
        .step_is(&project, "INCR_TRANSFER", "MONITORING", minutes)
        .await;
    source.exec("INSERT INTO s.t VALUES (2)").await;
    wait_for_value(&target, "SELECT COUNT(*) FROM s.t", "2", minutes).await;

    // made again without TLS, where the account needs none: that is what counts from then on
    source.exec("ALTER USER known REQUIRE NONE").await;
    let again = server
        .call("CreateMysqlDataSource", body("from", json!({})))
        .await;
    assert_eq!(again.data(), &json!(from));
    let listed = server
        .call("ListDataSource", json!({ "searchKey": from }))
        .await;
    assert_eq!(listed.data()[0]["sslMode"], "DISABLED", "{:#}", listed.body);

    // no key anywhere
    let hidden = pem("client.key");
    let hidden = hidden.lines().nth(1).expect("a line of the key");
    let mut all = server.log() + &listed.body.to_string();
    let lines = server
        .call("ListAuditLogs", json!({ "pageSize": 100 }))
        .await;
    all += &lines.body.to_string();
    for name in ["rm.db", "rm.db-wal", "server.out"] {
        let bytes = std::fs::read(folder.path().join(name)).unwrap_or_default();
        all += &String::from_utf8_lossy(&bytes);
    }
    assert!(!all.contains(hidden) && !all.contains("PRIVATE KEY") && !all.contains(SECRET));
    assert_eq!(server.terminate().await, Some(0));
}
