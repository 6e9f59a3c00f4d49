//! What each command sends, and what it prints of the answer.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::cases::{answer, cases};
use crate::listener::{Listener, success};
use crate::run::Cli;

#[tokio::test(flavor = "multi_thread")]
async fn each_command_is_an_action() {
    let home = tempfile::tempdir().expect("a folder");
    let server = Listener::start(answer);
    let cli = Cli::at(home.path(), &server.url, "admin", "of the env");
    cli.file("secret", "of a file\nrest\n");
    cli.file("new", "a new one");
    cli.file("project.yaml", "name: x");
    for (command, action, body, says) in cases() {
        let arguments: Vec<&str> = command.split(' ').collect();
        let ended = cli.run(&arguments).await.expect(0);
        assert!(ended.stdout.contains(says), "{command}\n{ended}");
        let last = server.seen().pop().expect("a request");
        assert_eq!(last.action, action, "{command}");
        // null: any
        if !body.is_null() {
            assert_eq!(last.body, body, "{command}");
        }
        let basic = format!("Basic {}", STANDARD.encode("admin:of the env"));
        assert_eq!(last.authorization, basic);
        let said = format!("{}{}", ended.stdout, ended.stderr);
        for hidden in ["of a file", "of the env", "a new one"] {
            assert!(!said.contains(hidden), "{command}\n{ended}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_what_the_server_answered() {
    let home = tempfile::tempdir().expect("a folder");
    let server = Listener::start(answer);
    let cli = Cli::at(home.path(), &server.url, "admin", "secret");
    let json = cli
        .run(&["user", "list", "--output", "json"])
        .await
        .expect(0);
    assert_eq!(
        json.json(),
        json!([{ "id": "u_1", "account": "admin", "role": "ROOT" }])
    );
    let yaml = cli
        .run(&["user", "list", "--output", "yaml"])
        .await
        .expect(0);
    let read: Value = serde_yaml_ng::from_str(&yaml.stdout).expect("YAML");
    assert_eq!(read, json.json());
    assert!(yaml.stdout.contains("account: admin"), "{yaml}");
    let done = cli
        .run(&["label", "delete", "l_1", "--output", "json"])
        .await
        .expect(0);
    assert_eq!(done.json(), Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_pages_are_read() {
    let home = tempfile::tempdir().expect("a folder");
    let server = Listener::start(|request| {
        let page = request.body["pageNumber"].as_u64().unwrap_or(0);
        let items = (page - 1) * 150..(page * 150).min(310);
        let items: Vec<_> = items.map(|id| json!({ "id": format!("e_{id}") })).collect();
        let body = json!({ "success": true, "totalCount": 310, "data": items });
        (200, body.to_string())
    });
    let cli = Cli::at(home.path(), &server.url, "admin", "secret");
    let listed = cli
        .run(&["datasource", "list", "--output", "json"])
        .await
        .expect(0);
    assert_eq!(listed.json().as_array().map(Vec::len), Some(310));
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_ends_in_time_or_with_the_step_s_error() {
    let home = tempfile::tempdir().expect("a folder");
    let server = Listener::start(|request| {
        let failed = json!({
            "errorCode": "FUL-0001", "errorMsg": "shop.t holds rows",
            "errorDetails": [{ "proposal": "Empty it." }],
        });
        let project = match request.body["id"].as_str() {
            Some("np_failed") => json!({
                "id": "np_failed", "status": "FAILED",
                "steps": [{ "name": "FULL_TRANSFER", "status": "FAILED", "extraInfo": failed }],
            }),
            _ => json!({
                "id": "np_slow", "status": "RUNNING",
                "steps": [{ "name": "FULL_TRANSFER", "status": "RUNNING", "progress": 40 }],
            }),
        };
        (200, success(project))
    });
    let cli = Cli::at(home.path(), &server.url, "admin", "secret");
    let slow = cli
        .run(&["project", "start", "np_slow", "--wait", "--timeout", "1"])
        .await
        .expect(2);
    assert!(
        slow.stderr.contains("error CLI-0002: project np_slow"),
        "{slow}"
    );
    assert!(slow.stderr.contains("Full migration"), "{slow}");
    let failed = cli
        .run(&["project", "resume", "np_failed", "--wait"])
        .await
        .expect(3);
    assert!(
        failed.stderr.contains(
            "error FUL-0001: project np_failed: step FULL_TRANSFER failed: shop.t holds rows"
        ),
        "{failed}"
    );
    assert!(failed.stderr.contains("what to do: Empty it."), "{failed}");
    let arguments = [
        "project",
        "resume",
        "np_failed",
        "--wait",
        "--output",
        "json",
    ];
    let failed = cli.run(&arguments).await.expect(3).json();
    assert_eq!(failed["result"], "ERROR");
    assert_eq!(failed["error"]["code"], "FUL-0001");
    let sent: Vec<_> = server.seen().into_iter().map(|r| r.action).collect();
    assert_eq!(sent[0], "StartProject");
    assert!(sent.ends_with(&["ResumeProject".to_owned(), "DescribeProject".to_owned()]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_for_tables_shows_the_sub_project_and_ends_with_the_change_s_error() {
    let home = tempfile::tempdir().expect("a folder");
    let looks = std::sync::atomic::AtomicU32::new(0);
    let server = Listener::start(move |request| {
        let running = json!({ "id": "mr_1", "status": "RUNNING", "subProjectId": "np_sub" });
        let failed = json!({
            "id": "mr_1", "status": "FAILED", "subProjectId": "np_sub",
            "errorDetail": {
                "errorCode": "FUL-0001", "errorMsg": "shop.t holds rows", "proposal": "Empty it.",
            },
        });
        let data = match (request.action.as_str(), request.body["id"].as_str()) {
            ("CreateProjectModifyRecords", _) => json!("mr_1"),
            ("ListProjectModifyRecords", Some("np_slow")) => json!([running]),
            ("ListProjectModifyRecords", _) => {
                let look = looks.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                json!([{ "id": "mr_0", "status": "SUCCESS" }, if look == 0 { running } else { failed }])
            }
            _ => json!({
                "id": "np_sub", "status": "RUNNING",
                "steps": [{ "name": "FULL_TRANSFER", "status": "RUNNING", "progress": 40 }],
            }),
        };
        (200, success(data))
    });
    let cli = Cli::at(home.path(), &server.url, "admin", "secret");
    let add = ["project", "objects", "add"];
    let slow = cli
        .run(&[&add[..], &["np_slow", "a.t", "--wait", "--timeout", "1"]].concat())
        .await
        .expect(2);
    assert!(
        slow.stderr.contains("error CLI-0002: change mr_1"),
        "{slow}"
    );
    assert!(slow.stderr.contains("it is RUNNING"), "{slow}");
    assert!(slow.stderr.contains("Full migration"), "{slow}");
    let failed = cli
        .run(&[&add[..], &["np_1", "a.t", "--wait"]].concat())
        .await
        .expect(3);
    let said = "error FUL-0001: change mr_1: shop.t holds rows";
    assert!(failed.stderr.contains(said), "{failed}");
    assert!(failed.stderr.contains("what to do: Empty it."), "{failed}");
    let sent: Vec<_> = server.seen().into_iter().map(|r| r.action).collect();
    let last = ["DescribeProject", "ListProjectModifyRecords"].map(str::to_owned);
    assert!(sent.ends_with(&last), "{sent:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn differences_are_listed_up_to_a_limit() {
    let home = tempfile::tempdir().expect("a folder");
    let server = Listener::start(|request| {
        let table = |name: &str, source_only: u64| {
            json!({
                "sourceSchemaName": "s", "sourceTableName": name, "sourceOnlyCount": source_only,
                "destOnlyCount": 0, "mismatchedCount": 0, "consistentCount": 5,
            })
        };
        let (data, total) = match request.action.as_str() {
            "ListProjectFullVerifyResult" => {
                let tables = [table("a", 0), table("b", 2), table("c", 9)];
                (
                    json!({ "differentNumber": 11, "fullVerifyTableStatistics": tables }),
                    3,
                )
            }
            _ => {
                let size = request.body["pageSize"].as_u64().unwrap_or(0);
                let wanted = if request.body["table"] == "b" { 2 } else { 9 };
                let row = |id| json!({ "type": "MASTER_ONLY", "failedRecordUniqueKeys": [id] });
                (Value::from_iter((0..wanted.min(size)).map(row)), wanted)
            }
        };
        let body = json!({ "success": true, "totalCount": total, "data": data });
        (200, body.to_string())
    });
    let cli = Cli::at(home.path(), &server.url, "admin", "secret");
    let arguments = ["project", "verify-result", "np_1", "--limit", "5"];
    let text = cli.run(&arguments).await.expect(1);
    assert!(
        text.stdout.contains("s.c") && text.stdout.contains("11 differences"),
        "{text}"
    );
    let json = cli
        .run(&[&arguments[..], &["--output", "json"]].concat())
        .await
        .expect(1)
        .json();
    let rows = json["inconsistencies"].as_array().expect("rows");
    let of: Vec<_> = rows
        .iter()
        .filter_map(|row| row["table"].as_str())
        .collect();
    assert_eq!(of, ["b", "b", "c", "c", "c"]);
    assert_eq!(
        json["fullVerifyTableStatistics"].as_array().map(Vec::len),
        Some(3)
    );
}
