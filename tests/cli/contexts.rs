//! Servers by name, and scripts for shells: what needs no server.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::listener::{Listener, success};
use crate::run::Cli;

#[tokio::test(flavor = "multi_thread")]
async fn contexts_are_kept_and_chosen() {
    let home = tempfile::tempdir().expect("a folder");
    let [one, two] = [(); 2].map(|()| Listener::start(|_| (200, success(json!([])))));
    let cli = Cli::new(home.path());
    let secret = cli.file("secret", "of one\n");
    let none = cli.run(&["context", "show"]).await.expect(2);
    assert!(
        none.stderr.contains("MDB-0006") && none.stderr.contains("context add"),
        "{none}"
    );
    let (one_url, two_url) = (one.url.as_str(), two.url.as_str());
    let add = [
        "context",
        "add",
        "one",
        "--api",
        one_url,
        "--user",
        "ann",
        "--password-file",
        "secret",
    ];
    let added = cli.run(&add).await.expect(0);
    assert!(added.stderr.contains("it is the current one"), "{added}");
    cli.run(&["context", "add", "two", "--api", two_url, "--user", "bob"])
        .await
        .expect(0);
    let again = cli.run(&add).await.expect(2);
    assert!(again.stderr.contains("context remove one"), "{again}");

    // the file is its owner's, and holds the place of the password only
    let path = home.path().join(".config/oms/contexts.yaml");
    let mode = std::fs::metadata(&path).expect("kept").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = std::fs::read_to_string(&path).expect("read");
    assert!(text.contains(&secret) && !text.contains("of one"), "{text}");

    let listed = cli
        .run(&["context", "list", "--output", "json"])
        .await
        .expect(0)
        .json();
    assert_eq!(listed[0]["name"], "one");
    assert_eq!(
        (&listed[0]["current"], &listed[1]["current"]),
        (&json!(true), &json!(false))
    );
    let shown = cli.run(&["context", "show"]).await.expect(0);
    assert!(
        shown.stdout.contains("ann") && shown.stdout.contains(&secret),
        "{shown}"
    );

    // the current one is asked; then the other, whose password is nowhere but in the environment
    cli.run(&["project", "list"]).await.expect(0);
    let basic = |pair: &str| format!("Basic {}", STANDARD.encode(pair));
    let seen = one.seen();
    assert_eq!(
        (seen[0].action.as_str(), &seen[0].authorization),
        ("ListProjects", &basic("ann:of one"))
    );
    cli.run(&["context", "use", "two"]).await.expect(0);
    let asked = cli.run(&["project", "list"]).await.expect(2);
    assert!(
        asked.stderr.contains("CFG-0004") && asked.stderr.contains("OMS_API_PASSWORD"),
        "{asked}"
    );
    let cli = Cli::new(home.path()).env("OMS_API_PASSWORD", "of two");
    cli.run(&["project", "list"]).await.expect(0);
    assert_eq!(two.seen()[0].authorization, basic("bob:of two"));
    cli.run(&["project", "list", "--context", "one"])
        .await
        .expect(0);
    assert_eq!(one.seen()[0].authorization, basic("ann:of one"));
    // --rm is --rm, whatever is kept
    let local = cli
        .run(&["project", "list", "--rm", "none.db"])
        .await
        .expect(2);
    assert!(local.stderr.contains("rm database none.db"), "{local}");
    let both = cli
        .run(&["project", "list", "--rm", "x", "--context", "one"])
        .await
        .expect(2);
    assert!(both.stderr.contains("Give one of them"), "{both}");

    cli.run(&["context", "remove", "two"]).await.expect(0);
    let unknown = cli.run(&["context", "use", "two"]).await.expect(2);
    assert!(unknown.stderr.contains("There are: one."), "{unknown}");
    // without a current context and a server, it is the rm database of this folder
    let local = cli.run(&["project", "list"]).await.expect(2);
    assert!(local.stderr.contains("rm database oms_rm.db"), "{local}");
    let nowhere = cli.run(&["project", "start", "x"]).await.expect(2);
    assert!(nowhere.stderr.contains("--api URL"), "{nowhere}");
}

#[tokio::test(flavor = "multi_thread")]
async fn shells_get_their_scripts() {
    let home = tempfile::tempdir().expect("a folder");
    let cli = Cli::new(home.path());
    for shell in ["bash", "zsh", "fish"] {
        let script = cli.run(&["completion", shell]).await.expect(0).stdout;
        for word in ["verify-result", "datasource", "passwd"] {
            assert!(script.contains(word), "{shell}: no {word}");
        }
        if shell == "bash" {
            let path = cli.file("oms.bash", &script);
            let words = format!(
                "source '{path}'; COMP_WORDS=(oms context re); COMP_CWORD=2; _oms oms re context; echo \"${{COMPREPLY[*]}}\""
            );
            let told = Command::new("bash")
                .args(["-c", &words])
                .output()
                .expect("bash");
            assert_eq!(String::from_utf8_lossy(&told.stdout).trim(), "remove");
        }
    }
    cli.run(&["completion", "tcsh"]).await.expect(2);
}
