//! `oms project switch`: what each order sends, and switchovers in every state to look at.

use serde_json::{Value, json};

use crate::cases::Case;

fn sub(name: &str, status: &str) -> Value {
    let person = matches!(name, "STOP_SOURCE_WRITES" | "STOP_TARGET_WRITES");
    let price = match name {
        "CREATE_DEST_STORE" => json!("There is no way back."),
        "REACH_STOP_POSITION" => json!("Changes stay at the source only."),
        _ => Value::Null,
    };
    json!({
        "id": format!("t_{}", name.to_lowercase()), "name": name, "status": status,
        "description": format!("What {name} does"), "by": if person { "PERSON" } else { "OMS" },
        "skippable": price.is_string(), "skipConsequence": price,
        "retryCount": 0, "maxRetryCount": 3, "gmtModified": "2026-01-01T00:00:07",
        "errorDetail": null,
    })
}

/// A switchover of this step's state, with as many sub-steps done.
pub fn switchover(status: &str, done: usize) -> Value {
    let names = [
        "START_SWITCH",
        "SWITCH_PRECHECK",
        "CREATE_DEST_STORE",
        "STOP_SOURCE_WRITES",
        "REACH_STOP_POSITION",
        "STOP_FORWARD_SYNC",
        "PROCESS_DB_OBJECTS",
        "CREATE_REVERSE_SYNC",
    ];
    let of = |(at, name): (usize, &&str)| match at < done {
        true => sub(name, "FINISHED"),
        false => sub(name, "PENDING"),
    };
    // there are none before it begins
    let names = if status == "INIT" { &[][..] } else { &names };
    let subs: Vec<Value> = names.iter().enumerate().map(of).collect();
    json!({
        "id": "np_1", "status": status, "way": "FORWARD", "stopWrites": "CONFIRM", "waive": [],
        "gmtStart": "2026-01-01T00:00:05", "gmtFinish": null, "errorDetail": null,
        "waitsFor": null, "subSteps": subs, "objects": [],
        "reverseLagMs": null, "reverseStatus": "INIT",
    })
}

/// One that waits for the word that writes have stopped.
pub fn waiting() -> Value {
    let mut state = switchover("RUNNING", 3);
    state["waitsFor"] = "STOP_SOURCE_WRITES".into();
    state
}

/// One that waits for a trigger and an event.
pub fn with_objects() -> Value {
    let mut state = switchover("RUNNING", 6);
    state["subSteps"][6]["status"] = "RUNNING".into();
    state["waitsFor"] = "COMPLETE_OBJECT".into();
    state["objects"] = json!([
        { "id": "t_a", "name": "TRIGGER shop.t", "status": "PENDING" },
        { "id": "t_b", "name": "EVENT shop.e", "status": "FINISHED" },
    ]);
    state
}

/// One whose fifth sub-step failed.
pub fn failed() -> Value {
    let mut state = switchover("FAILED", 4);
    let sub = &mut state["subSteps"][4];
    sub["status"] = "FAILED".into();
    sub["errorDetail"] = json!({
        "code": "SWI-0004", "message": "looking for writes: changes of shop.t: 2",
        "proposal": "Stop whoever writes.",
    });
    state
}

/// One that is done.
pub fn done() -> Value {
    let mut state = switchover("FINISHED", 8);
    state["reverseStatus"] = "MONITORING".into();
    state["reverseLagMs"] = 400.into();
    state
}

/// One that was rolled back, or is being so.
pub fn back(status: &str) -> Value {
    let mut state = switchover(status, 0);
    state["way"] = "BACK".into();
    let statuses = if status == "INIT" {
        "FINISHED"
    } else {
        "PENDING"
    };
    state["subSteps"] = json!([
        sub("STOP_DEST_STORE", statuses),
        sub("FORGET_REVERSE", statuses)
    ]);
    state
}

/// What a rehearsal answers.
pub fn rehearsal(ready: bool) -> Value {
    let status = if ready { "PASSED" } else { "FAILED" };
    json!({
        "ready": ready,
        "checks": [
            { "name": "LAG", "status": "PASSED", "message": "12 ms", "proposal": "", "waived": false },
            { "name": "VERIFICATION", "status": status, "message": "nothing was verified",
              "proposal": "Verify.", "waived": false },
        ],
        "subSteps": [
            { "name": "STOP_SOURCE_WRITES", "description": "No more writes",
              "statements": ["source: SET GLOBAL read_only = ON"] },
            { "name": "CREATE_DEST_STORE", "description": "A Store",
              "statements": ["target: CREATE DATABASE `drc`", "target: CREATE TABLE `drc`.`heartbeat`"] },
        ],
        "objects": ["TRIGGER shop.t"], "catchUpMs": 40, "withoutWritesMs": 1540,
    })
}

/// A project's switchover by the project's id.
pub fn of(id: &Value) -> Value {
    match id.as_str() {
        Some("np_waits") => waiting(),
        Some("np_objects") => with_objects(),
        Some("np_failed") => failed(),
        Some("np_done") => done(),
        Some("np_back") => back("RUNNING"),
        Some("np_was_back") => back("INIT"),
        _ => switchover("INIT", 0),
    }
}

pub fn of_switches() -> Vec<Case> {
    let sub = |id: &str, sub: &str| json!({ "id": id, "subStep": sub });
    vec![
        (
            "project switch shop --rehearse --stop-writes read-only --waive VERIFICATION",
            "RehearseAppSwitch",
            json!({ "id": "np_1", "stopWrites": "READ_ONLY", "waive": ["VERIFICATION"] }),
            "can begin",
        ),
        (
            "project switch shop --no-wait --stop-writes confirm --waive LAG --waive VERIFICATION --catch-up-timeout 9",
            "StartAppSwitch",
            json!({
                "id": "np_1", "stopWrites": "CONFIRM", "waive": ["LAG", "VERIFICATION"],
                "catchUpTimeoutSec": 9,
            }),
            "begins",
        ),
        (
            "project switch np_was_back --no-wait",
            "StartAppSwitch",
            json!({ "id": "np_was_back" }),
            "begins",
        ),
        (
            "project switch np_done --status",
            "DescribeAppSwitch",
            json!({ "id": "np_done" }),
            "done: the application works at the target",
        ),
        (
            "project switch np_waits --no-wait --confirm STOP_SOURCE_WRITES",
            "ConfirmAppSwitch",
            sub("np_waits", "STOP_SOURCE_WRITES"),
            "is confirmed",
        ),
        (
            "project switch np_objects --no-wait --confirm all",
            "ConfirmAppSwitch",
            sub("np_objects", "t_a"),
            "is confirmed",
        ),
        (
            "project switch np_failed --no-wait --retry REACH_STOP_POSITION",
            "RetryAppSwitch",
            sub("np_failed", "REACH_STOP_POSITION"),
            "runs again",
        ),
        (
            "project switch np_failed --no-wait --skip REACH_STOP_POSITION",
            "SkipAppSwitch",
            sub("np_failed", "REACH_STOP_POSITION"),
            "goes on without",
        ),
        (
            "project switch np_done --no-wait --rollback",
            "RollBackAppSwitch",
            json!({ "id": "np_done" }),
            "rolled back",
        ),
    ]
}
