//! What goes wrong on the way, and what a server refuses: code, message, remedy and exit code.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::client::{OmsServer, PASSWORD};
use crate::listener::{CERTIFICATE, Listener, success};
use crate::run::Cli;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_server_is_named() {
    let home = tempfile::tempdir().expect("a folder");
    let cli = |url: &str| Cli::at(home.path(), url, "admin", "secret of mine");
    let closed = {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        format!("http://{}", socket.local_addr().expect("an address"))
    };
    let unreachable = cli(&closed).run(&["label", "list"]).await.expect(2);
    assert!(
        unreachable.stderr.contains("error SRC-0001"),
        "{unreachable}"
    );
    assert!(unreachable.stderr.contains(&closed), "{unreachable}");
    assert!(
        unreachable.stderr.contains("`oms server` runs there"),
        "{unreachable}"
    );

    let other = Listener::start(|_| (404, "<html>not here</html>".to_owned()));
    let strange = cli(&other.url).run(&["label", "list"]).await.expect(2);
    assert!(strange.stderr.contains("error CLI-0001"), "{strange}");
    assert!(strange.stderr.contains("HTTP status 404"), "{strange}");
    assert!(!strange.stderr.contains("<html>"), "{strange}");

    for (url, says) in [("ftp://h", "http://"), ("http://admin:hidden@h", "--user")] {
        let refused = cli(url)
            .run(&["label", "list", "--output", "json"])
            .await
            .expect(2);
        assert_eq!(refused.json()["error"]["code"], "CFG-0001");
        assert!(
            refused.stderr.contains(says) && !refused.stderr.contains("hidden"),
            "{refused}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_s_words_are_shown() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = tempfile::tempdir().expect("a folder");
    let server = OmsServer::start(folder.path(), None).await;
    let (name, first) = server.account.clone();
    let url = format!("http://{}", server.address);
    let cli = |password: &str| {
        let log = "trace,ureq_proto::util=trace";
        Cli::at(home.path(), &url, &name, password).env("OMS_LOG", log)
    };
    let wrong = cli("wrong").run(&["project", "list"]).await.expect(2);
    assert!(wrong.stderr.contains("error API-0002"), "{wrong}");
    let must = cli(&first).run(&["project", "list"]).await.expect(2);
    assert!(
        must.stderr.contains("error API-0003: account admin"),
        "{must}"
    );

    let files = Cli::new(home.path());
    let short = files.file("short", "short\n");
    let new = files.file("new", &format!("{PASSWORD}\n"));
    let change = ["user", "passwd", "--new-password-file"];
    let arguments = [&change[..], &[&short]].concat();
    let refused = cli(&first).run(&arguments).await.expect(2);
    assert!(
        refused.stderr.contains("error API-0001: newPassword"),
        "{refused}"
    );
    let arguments = [&change[..], &[&new]].concat();
    let changed = cli(&first).run(&arguments).await.expect(0);
    // a log of everything holds neither password, nor the bytes that were sent
    for said in [&must, &refused, &changed] {
        let said = said.to_string();
        assert!(said.contains("DEBUG ureq"), "{said}");
        let encoded = STANDARD.encode(format!("{name}:{first}"));
        for hidden in [first.as_str(), PASSWORD, &encoded, "ureq_proto::util"] {
            assert!(!said.contains(hidden), "{hidden}: {said}");
        }
    }

    let cli = cli(PASSWORD);
    let empty = cli
        .run(&["project", "list", "--output", "json"])
        .await
        .expect(0);
    assert_eq!(empty.json(), serde_json::json!([]));
    // another account, whose password its maker knows
    let create = ["user", "create", "bob", "--role", "USER", "--password-file"];
    cli.run(&[&create[..], &[&new]].concat()).await.expect(0);
    let listed = cli.run(&["user", "list"]).await.expect(0);
    assert!(
        listed.stdout.contains("bob") && listed.stdout.contains("USER"),
        "{listed}"
    );
    let must = cli.run(&["project", "list", "--user", "bob"]).await;
    let must = must.expect(2);
    assert!(
        must.stderr.contains("error API-0003: account bob"),
        "{must}"
    );
    cli.run(&["user", "delete", "bob"]).await.expect(0);
    for (arguments, code, says) in [
        (&["project", "show", "np_none"][..], "MDB-0006", "'np_none'"),
        (
            &["project", "show", "nobody"],
            "MDB-0006",
            "none with this id or name",
        ),
        (&["project", "pause", "np_none"], "MDB-0006", "'np_none'"),
        (
            &["datasource", "create", "x", "mysql://root@127.0.0.1:1"],
            "SRC-0001",
            "127.0.0.1:1",
        ),
        (
            &["datasource", "create", "a name", "mysql://root@127.0.0.1:1"],
            "API-0001",
            "name",
        ),
        (
            &["project", "verify-result", "np_none", "--incr"],
            "CFG-0001",
            "--incr",
        ),
        (
            &["project", "create", "-f", "none.yaml"],
            "CFG-0002",
            "none.yaml",
        ),
    ] {
        let ended = cli.run(arguments).await.expect(2);
        assert!(
            ended.stderr.contains(&format!("error {code}")),
            "{arguments:?}\n{ended}"
        );
        assert!(ended.stderr.contains(says), "{arguments:?}\n{ended}");
        assert!(
            ended.stderr.contains("what to do: "),
            "{arguments:?}\n{ended}"
        );
    }
    let body =
        "name: shop\ntype: SYNC\nsourceEndpointId: e_1\nsinkEndpointId: e_2\nenableTea: true\n";
    let unknown = cli
        .fed(&["project", "create", "-f", "-"], body)
        .await
        .expect(2);
    assert!(unknown.stderr.contains("error API-0001"), "{unknown}");
    assert!(
        unknown.stderr.contains("unknown field `enableTea`"),
        "{unknown}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_must_come_from_a_known_authority() {
    let home = tempfile::tempdir().expect("a folder");
    let server = Listener::encrypted(|_| (200, success(serde_json::json!([]))));
    let cli = Cli::at(home.path(), &server.url, "admin", "secret of mine");
    let unknown = cli.run(&["label", "list"]).await.expect(2);
    assert!(unknown.stderr.contains("error SRC-0001"), "{unknown}");
    assert!(
        unknown.stderr.to_lowercase().contains("certificate"),
        "{unknown}"
    );
    assert!(server.seen().is_empty(), "the password must not leave");
    cli.file("ca.pem", CERTIFICATE);
    cli.run(&["label", "list", "--api-ca-file", "ca.pem"])
        .await
        .expect(0);
    assert_eq!(server.seen().len(), 1);
    cli.file("no.pem", "nothing\n");
    let empty = cli
        .run(&["label", "list", "--api-ca-file", "no.pem"])
        .await
        .expect(2);
    assert!(empty.stderr.contains("no certificate"), "{empty}");

    // a context keeps it
    let cli = Cli::new(home.path()).env("OMS_API_PASSWORD", "secret of mine");
    let add = [
        "context",
        "add",
        "x",
        "--api",
        &server.url,
        "--user",
        "u",
        "--ca-file",
        "ca.pem",
    ];
    cli.run(&add).await.expect(0);
    cli.run(&["label", "list"]).await.expect(0);
}
