//! A switchover and its rehearsal, for people.

use super::standing::{Standing, is_over, open_objects, standing, sub_step, sub_steps};
use crate::cli::migrate::progress::span;
use crate::cli::remote::columns::{self, Column, cell, text_at};
use crate::cli::table;
use crate::error::ALL_KINDS;
use crate::workflow::switch::{COMPLETE_OBJECT, Part};
use serde_json::Value;

const HEAD: &[Column] = &[
    ("Project", "id"),
    ("Step", "status"),
    ("Way", "way"),
    ("Writes stop by", "stopWrites"),
    ("Gone without", "waive"),
    ("Began (UTC)", "gmtStart"),
    ("Done (UTC)", "gmtFinish"),
    ("Way back", "reverseStatus"),
    ("Way back, lag", "lag"),
];

const SUB_STEPS: &[Column] = &[
    ("SUB-STEP", "name"),
    ("STATUS", "status"),
    ("BY", "by"),
    ("SINCE (UTC)", "since"),
    ("RETRIES", "retryCount"),
    ("CAN BE SKIPPED", "skippable"),
    ("WHAT", "what"),
];

const OBJECTS: &[Column] = &[("OBJECT", "name"), ("ID", "id"), ("STATUS", "status")];

const CHECKS: &[Column] = &[
    ("CHECK", "name"),
    ("STATUS", "status"),
    ("WAIVED", "waived"),
    ("FOUND", "message"),
    ("WHAT TO DO", "proposal"),
];

/// Where it is. `name`: how the user calls the project.
pub fn state(state: &Value, name: &str) -> String {
    let mut head = state.clone();
    if let Some(ms) = state["reverseLagMs"].as_u64() {
        head["lag"] = span(ms as f64 / 1000.0).into();
    }
    let mut parts = vec![columns::fields(&head, HEAD)];
    let subs: Vec<Value> = sub_steps(state).map(row).collect();
    if !subs.is_empty() {
        parts.push(columns::rows(&subs, SUB_STEPS));
    }
    if state["objects"]
        .as_array()
        .is_some_and(|all| !all.is_empty())
    {
        parts.push(columns::list(&state["objects"], OBJECTS));
    }
    parts.push(next(state, name));
    parts.join("\n\n")
}

fn row(sub: &Value) -> Value {
    let mut row = sub.clone();
    let error = text_at(sub, "errorDetail.message");
    let begun = sub["status"] != "PENDING";
    row["since"] = begun.then(|| text_at(sub, "gmtModified")).into();
    row["what"] = match error.is_empty() || is_over(sub) {
        true => text_at(sub, "description").into(),
        false => format!("{}: {error}", text_at(sub, "errorDetail.code")).into(),
    };
    row
}

/// What it waits for, and which command goes on.
pub fn next(state: &Value, name: &str) -> String {
    let name = cell(&name.into());
    let command = format!("oms project switch {name}");
    match standing(state) {
        Standing::NotBegun => {
            format!("not begun: `{command} --rehearse` tries it, `{command}` begins it")
        }
        Standing::RolledBack => format!("rolled back: `{command}` begins it anew"),
        Standing::OnTheWay if state["way"] == "BACK" => {
            format!("on its way back: `{command} --rollback` watches it")
        }
        Standing::OnTheWay => format!("on its way: `{command}` watches it"),
        Standing::Waits(what) => waits(state, &what, &command),
        Standing::Done => format!(
            "done: the application works at the target, and the source follows; `{command} --rollback` takes it back"
        ),
        Standing::DoneOneWay => {
            "done: the application works at the target; there is no way back".to_owned()
        }
        Standing::Failed(sub) => {
            let remedy = sub_step(state, &sub).map(remedy).unwrap_or_default();
            let ways = after_failure(state, &sub, &name);
            format!("{sub} failed: {remedy}\nto go on: {ways}")
        }
        Standing::FailedAlone => format!("failed: {}", text_at(state, "errorDetail.message")),
        Standing::WayBackFailed => format!(
            "the application works at the target; the way back failed: `oms project show {name} --steps` says why, `oms project resume {name}` lets it go on"
        ),
        Standing::Suspended => format!("paused: `oms project resume {name}` lets it go on"),
    }
}

fn waits(state: &Value, what: &str, command: &str) -> String {
    let back = if state["way"] == "BACK" {
        " --rollback"
    } else {
        ""
    };
    let mut lines = Vec::new();
    if what == COMPLETE_OBJECT {
        lines.push(
            "waits for a person, who moves these objects to the target or goes on without them:"
                .to_owned(),
        );
        for object in open_objects(state) {
            let id = text_at(object, "id");
            lines.push(format!(
                "  {}: `{command}{back} --confirm {id}`, or `{command} --skip {id}`",
                text_at(object, "name")
            ));
        }
        lines.push(format!(
            "all of them: `{command}{back} --confirm {COMPLETE_OBJECT}`"
        ));
    } else {
        let said = sub_step(state, what).map(|sub| text_at(sub, "description"));
        lines.push(format!(
            "waits for a person's word: {what}: {}",
            said.unwrap_or_default()
        ));
        lines.push(format!(
            "when that is so: `{command}{back} --confirm {}`",
            cell(&what.into())
        ));
    }
    lines.join("\n")
}

/// What is to be done about an error: as the server says, or as its code's table does.
pub fn remedy(row: &Value) -> String {
    let said = text_at(row, "errorDetail.proposal");
    let code = text_at(row, "errorDetail.code");
    let known = ALL_KINDS.iter().find(|kind| kind.code() == code);
    match (said.is_empty(), known) {
        (false, _) => said,
        (true, Some(kind)) => kind.remedy().to_owned(),
        (true, None) => "Read what it says.".to_owned(),
    }
}

/// What a person can do about a sub-step that failed.
pub fn after_failure(state: &Value, sub: &str, name: &str) -> String {
    let command = format!("oms project switch {name}");
    let mut ways = vec![format!("`{command} --retry {sub}` when it is mended")];
    let found = sub_step(state, sub);
    if let Some(row) = found.filter(|row| row["skippable"] == true) {
        let price = text_at(row, "skipConsequence");
        ways.push(format!(
            "`{command} --skip {sub}` goes on without it ({})",
            price.trim_end_matches('.')
        ));
    }
    if sub == Part::Precheck.text() {
        ways.push(format!(
            "`{command} --rollback`, and then `{command} --waive ITEM`, begins anew without an item"
        ));
    } else if state["way"] != "BACK" {
        ways.push(format!("`{command} --rollback` takes the switchover back"));
    }
    ways.join("; ")
}

/// What a rehearsal found.
pub fn rehearsal(found: &Value) -> String {
    let checks = found["checks"].as_array().map_or(&[][..], Vec::as_slice);
    let told: Vec<Value> = checks
        .iter()
        .filter(|c| c["status"] != "PASSED")
        .cloned()
        .collect();
    let mut parts = Vec::new();
    if !told.is_empty() {
        parts.push(columns::rows(&told, CHECKS));
    }
    parts.push(format!(
        "{} of {} checks passed",
        checks.len() - told.len(),
        checks.len()
    ));
    let mut steps = table::headed(["SUB-STEP", "WHAT", "STATEMENTS"]);
    for sub in sub_steps(found) {
        let statements = sub["statements"].as_array().into_iter().flatten();
        let statements: Vec<String> = statements.map(cell).collect();
        steps.add_row([
            text_at(sub, "name"),
            text_at(sub, "description"),
            statements.join("\n"),
        ]);
    }
    parts.push(steps.to_string());
    let objects = found["objects"].as_array().into_iter().flatten();
    let objects: Vec<String> = objects
        .map(|object| format!("  {}", cell(object)))
        .collect();
    if !objects.is_empty() {
        parts.push(format!(
            "objects that a person moves:\n{}",
            objects.join("\n")
        ));
    }
    let seconds = |key: &str| found[key].as_u64().map(|ms| span(ms as f64 / 1000.0));
    parts.push(match (seconds("catchUpMs"), seconds("withoutWritesMs")) {
        (Some(catch_up), Some(without)) => format!(
            "the target had the source's last position after {catch_up}; the application would be without writes for about {without}, and for as long as persons take"
        ),
        _ => "the target did not come to the source's last position in time: it is not known how long the application would be without writes".to_owned(),
    });
    let ready = match found["ready"] == true {
        true => "ready: the switchover can begin; nothing was changed",
        false => {
            "not ready: mend what failed, or waive it by its name with --waive; nothing was changed"
        }
    };
    parts.push(ready.to_owned());
    parts.join("\n\n")
}
