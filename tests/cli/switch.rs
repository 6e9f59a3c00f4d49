//! `oms project switch` from its first look to its exit code, at a listener that plays a switchover.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::cases_switch::{back, done, failed, of, rehearsal, switchover, waiting, with_objects};
use crate::listener::{Listener, Request, success};
use crate::run::Cli;

const PROJECT: &str = "np_1";

/// A server whose switchover goes on with each order: it plays `acts`, and the next one begins with a
/// word that is no look.
fn play(acts: Vec<Vec<Value>>) -> Listener {
    let (act, look) = (AtomicUsize::new(0), AtomicUsize::new(0));
    Listener::start(move |request: &Request| {
        let data = match request.action.as_str() {
            "DescribeProject" => project("RUNNING", "MONITORING"),
            "DescribeAppSwitch" => {
                let looks = &acts[act.load(Ordering::SeqCst).min(acts.len() - 1)];
                let at = look.fetch_add(1, Ordering::SeqCst);
                looks[at.min(looks.len() - 1)].clone()
            }
            _ => {
                act.fetch_add(1, Ordering::SeqCst);
                look.store(0, Ordering::SeqCst);
                Value::Null
            }
        };
        (200, success(data))
    })
}

fn project(status: &str, incr: &str) -> Value {
    json!({
        "id": PROJECT, "name": "shop", "status": status,
        "sourceConnectInfo": { "endpointName": "from", "dbEngine": "MYSQL", "connectionInfo": "10.0.0.1:3306" },
        "sinkConnectInfo": { "endpointName": "to", "dbEngine": "OB_MYSQL", "connectionInfo": "10.0.0.2:2881" },
        "steps": [{ "name": "INCR_TRANSFER", "status": incr, "extraInfo": {
            "errorCode": "INC-0001", "errorMsg": "the target is gone",
        } }],
    })
}

fn orders(server: &Listener) -> Vec<(String, Value)> {
    let seen = server.seen().into_iter().map(|r| (r.action, r.body));
    seen.filter(|(action, _)| !action.starts_with("Describe"))
        .collect()
}

fn sub(name: &str) -> Value {
    json!({ "id": PROJECT, "subStep": name })
}

async fn run(server: &Listener, arguments: &[&str], code: i32) -> crate::harness::Ended {
    let home = tempfile::tempdir().expect("a folder");
    let cli = Cli::at(home.path(), &server.url, "admin", "secret");
    let arguments = [&["project", "switch", PROJECT][..], arguments].concat();
    cli.run(&arguments).await.expect(code)
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stays_until_the_way_back_follows() {
    let mut almost = done();
    almost["reverseStatus"] = "RUNNING".into();
    let server = play(vec![
        vec![switchover("INIT", 0)],
        vec![
            switchover("RUNNING", 1),
            switchover("RUNNING", 2),
            waiting(),
        ],
        vec![switchover("RUNNING", 4), with_objects()],
        vec![switchover("RUNNING", 7), almost, done()],
    ]);
    let ended = run(&server, &["--confirm", "all"], 0).await;
    let sent = orders(&server);
    let expected = [
        ("StartAppSwitch".to_owned(), json!({ "id": PROJECT })),
        ("ConfirmAppSwitch".to_owned(), sub("STOP_SOURCE_WRITES")),
        ("ConfirmAppSwitch".to_owned(), sub("t_a")),
    ];
    assert_eq!(sent, expected);
    assert!(
        ended
            .stdout
            .contains("done: the application works at the target"),
        "{ended}"
    );
    // one line for each change, in their order
    let order = [
        "1/8 START_SWITCH          done",
        "2/8 SWITCH_PRECHECK       at work",
        "2/8 SWITCH_PRECHECK       done",
        "4/8 STOP_SOURCE_WRITES    waits for you",
        "5/8 REACH_STOP_POSITION   at work",
        "7/8 PROCESS_DB_OBJECTS    waits for you",
        "8/8 CREATE_REVERSE_SYNC   done",
        "REVERSE_INCR_TRANSFER RUNNING",
        "REVERSE_INCR_TRANSFER MONITORING",
    ];
    let mut rest = ended.stderr.as_str();
    for line in order {
        let at = rest
            .find(line)
            .unwrap_or_else(|| panic!("{line} is not behind the one before\n{ended}"));
        rest = &rest[at + line.len()..];
    }
    let twice = ended.stderr.matches("SWITCH_PRECHECK       done").count();
    assert_eq!(twice, 1, "{ended}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_person_ends_with_its_own_code_and_the_command_that_goes_on() {
    let acts = || vec![vec![switchover("INIT", 0)], vec![waiting()]];
    let server = play(acts());
    let ended = run(&server, &[], 4).await;
    let goes_on = format!("oms project switch {PROJECT} --confirm STOP_SOURCE_WRITES");
    assert!(ended.stdout.contains(&goes_on), "{ended}");
    assert_eq!(orders(&server).len(), 1, "nothing is confirmed by default");
    // what was given beforehand is for what it names
    let server = play(acts());
    run(&server, &["--confirm", "COMPLETE_OBJECT"], 4).await;
    assert_eq!(orders(&server).len(), 1);

    let server = play(vec![vec![with_objects()]]);
    let ended = run(&server, &["--output", "json"], 4).await;
    assert_eq!(ended.json(), with_objects());
    assert!(ended.stderr.is_empty(), "{ended}");
    let ended = run(&server, &[], 4).await;
    assert!(
        ended.stdout.contains("TRIGGER shop.t") && !ended.stdout.contains("EVENT shop.e"),
        "{ended}"
    );
    assert!(ended.stdout.contains("--confirm t_a"), "{ended}");
    // an object by its name
    let server = play(vec![vec![with_objects()], vec![done()]]);
    run(&server, &["--confirm", "TRIGGER shop.t"], 0).await;
    assert_eq!(
        orders(&server),
        [("ConfirmAppSwitch".to_owned(), sub("t_a"))]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_told_with_what_can_be_done() {
    let server = play(vec![vec![switchover("RUNNING", 4), failed()]]);
    let ended = run(&server, &[], 3).await;
    for part in [
        "error SWI-0004: project np_1: sub-step REACH_STOP_POSITION failed: looking for writes",
        "what to do: Stop whoever writes.",
        "`oms project switch np_1 --retry REACH_STOP_POSITION`",
        "`oms project switch np_1 --skip REACH_STOP_POSITION` goes on without it (Changes stay at the source only)",
        "`oms project switch np_1 --rollback`",
    ] {
        assert!(ended.stderr.contains(part), "{part}\n{ended}");
    }
    let json = run(&server, &["--output", "json"], 3).await.json();
    assert_eq!(json["error"]["code"], "SWI-0004");
    // another try: until the step knows of it, it has not failed again
    let mut told = failed();
    told["subSteps"][4]["status"] = "PENDING".into();
    let server = play(vec![
        vec![failed()],
        vec![told, switchover("RUNNING", 5), done()],
    ]);
    run(&server, &["--retry", "REACH_STOP_POSITION"], 0).await;
    assert_eq!(
        orders(&server),
        [("RetryAppSwitch".to_owned(), sub("REACH_STOP_POSITION"))]
    );
    let server = play(vec![vec![failed()], vec![done()]]);
    let ended = run(&server, &["--skip", "REACH_STOP_POSITION"], 0).await;
    let warned = "warning: REACH_STOP_POSITION is skipped: Changes stay at the source only.";
    assert!(ended.stderr.contains(warned), "{ended}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_step_that_fails_ends_the_wait() {
    let looks = Arc::new(AtomicUsize::new(0));
    let server = Listener::start(move |request: &Request| {
        let data = match request.action.as_str() {
            "DescribeProject" if looks.fetch_add(1, Ordering::SeqCst) > 0 => {
                project("FAILED", "FAILED")
            }
            "DescribeProject" => project("RUNNING", "MONITORING"),
            _ => switchover("RUNNING", 4),
        };
        (200, success(data))
    });
    let ended = run(&server, &[], 3).await;
    assert!(
        ended
            .stderr
            .contains("step INCR_TRANSFER failed: the target is gone"),
        "{ended}"
    );
    let paused = Listener::start(|request: &Request| {
        let data = match request.action.as_str() {
            "DescribeProject" => project("SUSPEND", "SUSPEND"),
            _ => switchover("RUNNING", 4),
        };
        (200, success(data))
    });
    let ended = run(&paused, &[], 2).await;
    assert!(ended.stderr.contains("made it SUSPEND"), "{ended}");
    let slow = play(vec![vec![switchover("RUNNING", 4)]]);
    let ended = run(&slow, &["--timeout", "1"], 2).await;
    assert!(ended.stderr.contains("error CLI-0002"), "{ended}");
    assert!(
        ended.stderr.contains("REACH_STOP_POSITION is PENDING"),
        "{ended}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_rolled_back_from_anywhere() {
    let server = play(vec![vec![done()], vec![back("RUNNING"), back("INIT")]]);
    let ended = run(&server, &["--rollback"], 0).await;
    assert_eq!(
        orders(&server),
        [("RollBackAppSwitch".to_owned(), json!({ "id": PROJECT }))]
    );
    assert!(ended.stderr.contains("1/2 STOP_DEST_STORE"), "{ended}");
    assert!(ended.stdout.contains("rolled back"), "{ended}");
    // once more: it is so already
    let server = play(vec![vec![back("INIT")]]);
    run(&server, &["--rollback"], 0).await;
    assert_eq!(orders(&server), []);
    // somebody else's
    let server = play(vec![vec![switchover("RUNNING", 2), back("RUNNING")]]);
    let ended = run(&server, &[], 2).await;
    assert!(
        ended.stderr.contains("somebody else rolled it back"),
        "{ended}"
    );
    let server = play(vec![vec![back("RUNNING")]]);
    let ended = run(&server, &[], 2).await;
    assert!(ended.stderr.contains("it is being rolled back"), "{ended}");
    assert!(ended.stderr.contains("--rollback` watches"), "{ended}");
    let server = play(vec![vec![done()]]);
    run(&server, &["--skip", "FORGET_REVERSE"], 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_began_otherwise_is_not_begun_again() {
    let server = play(vec![vec![waiting()]]);
    let ended = run(&server, &["--stop-writes", "read-only"], 2).await;
    assert!(
        ended.stderr.contains("has begun already, with CONFIRM"),
        "{ended}"
    );
    let ended = run(&server, &["--waive", "LAG"], 2).await;
    assert!(ended.stderr.contains("nothing waived"), "{ended}");
    // the same again goes on where it is
    run(&server, &["--stop-writes", "confirm"], 4).await;
    assert_eq!(orders(&server), []);
    // nothing waits yet
    let server = play(vec![vec![switchover("INIT", 0)]]);
    let ended = run(&server, &["--no-wait", "--confirm", "all"], 2).await;
    assert!(ended.stderr.contains("nothing of all waits"), "{ended}");
    assert_eq!(orders(&server), []);
    for wrong in ["SWITCH_PRECHECK", "STOP_SOURCE_WRITE", "yes"] {
        let ended = run(&server, &["--confirm", wrong], 2).await;
        assert!(
            ended.stderr.contains(&format!("--confirm {wrong}")),
            "{ended}"
        );
    }
    assert!(
        server.seen().is_empty(),
        "asked a server about a wrong word"
    );
    for twice in [
        &["--rehearse", "--rollback"][..],
        &["--status", "--confirm", "all"],
    ] {
        run(&server, twice, 2).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_word_ends_the_wait_when_it_still_waits() {
    let server = Listener::start(|request: &Request| match request.action.as_str() {
        "ConfirmAppSwitch" => {
            let error = json!({ "code": "API-0004", "message": "not yours", "proposal": "Ask." });
            (
                403,
                json!({ "success": false, "errorDetail": error }).to_string(),
            )
        }
        "DescribeProject" => (200, success(project("RUNNING", "MONITORING"))),
        _ => (200, success(waiting())),
    });
    let ended = run(&server, &["--confirm", "all"], 2).await;
    assert!(
        ended.stderr.contains("error API-0004: not yours"),
        "{ended}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_and_a_rehearsal_are_shown() {
    let home = tempfile::tempdir().expect("a folder");
    let server = Listener::start(|request: &Request| {
        let data = match request.action.as_str() {
            "RehearseAppSwitch" => rehearsal(request.body["id"] == "np_ready"),
            _ => of(&request.body["id"]),
        };
        (200, success(data))
    });
    let cli = Cli::at(home.path(), &server.url, "admin", "secret");
    let show = async |id: &str, flag: &str, code: i32| {
        let ended = cli.run(&["project", "switch", id, flag]).await.expect(code);
        let lines: Vec<&str> = ended.stdout.lines().map(str::trim_end).collect();
        lines.join("\n")
    };
    insta::assert_snapshot!("switch_waits", show("np_waits", "--status", 4).await);
    insta::assert_snapshot!("switch_objects", show("np_objects", "--status", 4).await);
    insta::assert_snapshot!("switch_failed", show("np_failed", "--status", 3).await);
    insta::assert_snapshot!("switch_done", show("np_done", "--status", 0).await);
    insta::assert_snapshot!("switch_back", show("np_back", "--status", 0).await);
    insta::assert_snapshot!("switch_not_begun", show("np_1", "--status", 0).await);
    insta::assert_snapshot!("rehearsal_ready", show("np_ready", "--rehearse", 0).await);
    insta::assert_snapshot!("rehearsal_failed", show("np_1", "--rehearse", 2).await);
    let json = [
        "project",
        "switch",
        "np_1",
        "--rehearse",
        "--output",
        "json",
    ];
    assert_eq!(cli.run(&json).await.expect(2).json(), rehearsal(false));
}
