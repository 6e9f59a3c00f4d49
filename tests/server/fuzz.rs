//! schemathesis reads the OpenAPI document of a running server and sends what it allows, and what it does
//! not: no server error, and no answer that the document does not know.
//!
//! `OMS_FUZZ_EXAMPLES=N` tries so many bodies for each action (default 25); `OMS_SEED=N` the same again.

use std::process::Command;

use serde_json::json;

use crate::client::OmsServer;
use crate::harness::process::root;

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// The folder that has schemathesis, and the Python that it was fetched with.
fn schemathesis() -> (String, String) {
    let install = Command::new(root().join("deploy/servers.sh"))
        .args(["install", "schemathesis"])
        .output()
        .expect("deploy/servers.sh runs");
    let said = String::from_utf8_lossy(&install.stderr).into_owned();
    assert!(install.status.success(), "{said}");
    let folder = String::from_utf8_lossy(&install.stdout).trim().to_owned();
    let python = std::fs::read_to_string(format!("{folder}/.whole")).expect("a Python");
    (folder, python.trim().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_server_error_and_no_undocumented_answer() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = OmsServer::ready(folder.path()).await;
    // something to find
    server
        .call("CreateLabel", json!({ "name": "tonight" }))
        .await
        .data();
    let document = server.get("/api/openapi.json").await;
    assert_eq!(document.status, 200);
    assert_eq!(document.body["openapi"], "3.1.0");
    let seed = number("OMS_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    let examples = number("OMS_FUZZ_EXAMPLES").unwrap_or(25).to_string();
    let (name, password) = server.account.clone();
    let url = server.url("/api/openapi.json");
    let run = tokio::task::spawn_blocking(move || {
        let (folder, python) = schemathesis();
        Command::new(python)
            .env("PYTHONPATH", folder)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .args(["-m", "schemathesis.cli", "run", &url])
            .args(["--auth", &format!("{name}:{password}")])
            .args(["--checks", "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,response_schema_conformance,unsupported_method"])
            // they would change the password that this test has, and name servers that are looked for
            .args(["--exclude-operation-id", "ChangePassword"])
            .args(["--exclude-operation-id-regex", "Create.*DataSource"])
            .args(["--phases", "examples,coverage,fuzzing", "--max-examples", &examples])
            .args(["--seed", &seed.to_string(), "--workers", "2", "--no-color"])
            .current_dir(std::env::temp_dir())
            .output()
    });
    let run = run.await.expect("no panic").expect("python runs");
    assert!(
        run.status.success(),
        "OMS_SEED={seed}\n{}\n{}",
        String::from_utf8_lossy(&run.stdout),
        String::from_utf8_lossy(&run.stderr)
    );
    assert_eq!(server.get("/livez").await.status, 200);
}
