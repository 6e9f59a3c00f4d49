//! `oms project switch`: the forward switchover of a project at a server, its rehearsal and its roll-back.
//!
//! A command gives at most one order, and then watches: [`watch`] decides on what [`standing`] read from
//! `DescribeAppSwitch`, [`view`] shows the sub-steps meanwhile, [`ask`] asks for a person's word where
//! there is a terminal. What it waits for without one is an exit code, and the command that goes on.

pub mod args;
mod ask;
mod clock;
mod standing;
mod text;
mod view;
mod watch;

use super::client::Client;
use super::columns::text_at;
use super::{act, find, tell};
use crate::cli::args::Output;
use crate::cli::exit::ExitCode;
use crate::cli::failure::Outcome;
use crate::cli::print;
use crate::error::{Error, Kind, Result};
use crate::workflow::switch::{COMPLETE_OBJECT, Hand, Part, StopWrites};
use args::SwitchProject;
use serde_json::{Value, json};
use standing::{Standing, confirmable, id_of, standing, sub_step};
use watch::Watch;

/// Runs the command.
pub async fn switch(client: &Client, wanted: SwitchProject, output: Output) -> Outcome {
    confirms_what_can_be(&wanted.confirm)?;
    let id = find::project(client, &wanted.id).await?;
    if wanted.rehearse {
        return rehearse(client, &id, &wanted, output).await;
    }
    if wanted.status {
        let state = describe(client, &id).await?;
        tell(output, &state, |state| text::state(state, &wanted.id))?;
        return Ok(exit_of(&state));
    }
    if wanted.no_wait && !wanted.confirm.is_empty() {
        return confirm_now(client, &id, &wanted, output).await;
    }
    let (action, body, done) = order(client, &id, &wanted).await?;
    if wanted.no_wait {
        return match action {
            Some(action) => act(client, output, action, body, &done).await,
            None => tell(output, &Value::Null, |_| done),
        };
    }
    if let Some(action) = action {
        client.call(action, body).await?;
    }
    if output == Output::Text {
        print::note(&done);
    }
    let watch = Watch {
        client,
        rollback: wanted.rollback || is_back(client, &id, &wanted).await?,
        name: wanted.id,
        confirm: wanted.confirm,
        timeout: wanted.timeout,
        id,
        output,
    };
    watch.run().await
}

/// A sub-step of a roll-back that is tried again or skipped: its roll-back is watched.
async fn is_back(client: &Client, id: &str, wanted: &SwitchProject) -> Outcome<bool> {
    if wanted.retry.is_none() && wanted.skip.is_none() {
        return Ok(false);
    }
    Ok(describe(client, id).await?["way"] == "BACK")
}

async fn describe(client: &Client, id: &str) -> Outcome<Value> {
    let body = json!({ "id": id });
    Ok(client.call("DescribeAppSwitch", body).await?.data)
}

/// What a sub-step of ours that waits for nobody would do with a word is nothing: better said before.
fn confirms_what_can_be(confirm: &[String]) -> Result<()> {
    for text in confirm {
        let part = Part::from_text(text);
        if part.is_some_and(|part| part.hand(StopWrites::Confirm) != Hand::Person) {
            return Err(Error::new(Kind::ConfigInvalid, format!("--confirm {text}"))
                .detail("oms does this sub-step by itself: it waits for no word")
                .remedy("STOP_SOURCE_WRITES, STOP_TARGET_WRITES, COMPLETE_OBJECT and objects wait for one."));
        }
        let looks = part.is_some()
            || matches!(text.as_str(), "all" | COMPLETE_OBJECT)
            || text.starts_with("t_")
            || text.contains(' ');
        if !looks {
            return Err(Error::new(Kind::ConfigInvalid, format!("--confirm {text}"))
                .detail("it is no sub-step, and neither an object's id (t_…) nor its name (TRIGGER shop.t)")
                .remedy("`oms project switch ID --status` shows what waits for a word."));
        }
    }
    Ok(())
}

/// How a switchover is asked for.
fn options(id: &str, wanted: &SwitchProject) -> Value {
    let mut body = json!({ "id": id });
    if let Some(stop) = wanted.stop_writes {
        body["stopWrites"] = stop.text().into();
    }
    if let Some(seconds) = wanted.catch_up_timeout {
        body["catchUpTimeoutSec"] = seconds.into();
    }
    if !wanted.waive.is_empty() {
        body["waive"] = json!(wanted.waive);
    }
    body
}

async fn rehearse(client: &Client, id: &str, wanted: &SwitchProject, output: Output) -> Outcome {
    let body = options(id, wanted);
    let found = client.call("RehearseAppSwitch", body).await?.data;
    tell(output, &found, text::rehearsal)?;
    Ok(match found["ready"] == true {
        true => ExitCode::Equal,
        // as that of a failed pre-check
        false => ExitCode::BadInput,
    })
}

/// What `--status` ends with: as the wait would.
fn exit_of(state: &Value) -> ExitCode {
    match standing(state) {
        Standing::Waits(_) => ExitCode::Waits,
        Standing::Failed(_) | Standing::FailedAlone | Standing::WayBackFailed => {
            ExitCode::StepFailed
        }
        _ => ExitCode::Equal,
    }
}

/// Confirms what waits at this moment, and does not wait for more.
async fn confirm_now(client: &Client, id: &str, wanted: &SwitchProject, output: Output) -> Outcome {
    let begins = wanted.rollback || wanted.retry.is_some() || wanted.skip.is_some();
    let state = describe(client, id).await?;
    let now = match standing(&state) {
        Standing::Waits(what) if !begins => confirmable(&state, &what, &wanted.confirm),
        _ => Vec::new(),
    };
    if now.is_empty() {
        return Err(Error::new(
            Kind::StateInvalid,
            format!("the switchover of project {id}"),
        )
        .detail(format!(
            "nothing of {} waits for a word now",
            wanted.confirm.join(", ")
        ))
        .remedy("Leave --no-wait away to confirm it when it does; --status shows what waits.")
        .into());
    }
    for sub in &now[..now.len() - 1] {
        let body = json!({ "id": id, "subStep": sub });
        client.call("ConfirmAppSwitch", body).await?;
    }
    let body = json!({ "id": id, "subStep": now.last() });
    let done = format!("project {id}: {} is confirmed", now.join(", "));
    act(client, output, "ConfirmAppSwitch", body, &done).await
}

type Order = (Option<&'static str>, Value, String);

/// What is ordered, if anything, and what is said about it.
async fn order(client: &Client, id: &str, wanted: &SwitchProject) -> Outcome<Order> {
    if let Some(sub) = &wanted.retry {
        let body = json!({ "id": id, "subStep": sub });
        return Ok((
            Some("RetryAppSwitch"),
            body,
            format!("project {id}: {sub} runs again"),
        ));
    }
    let state = describe(client, id).await?;
    if let Some(sub) = &wanted.skip {
        if let Some(price) = sub_step(&state, sub).and_then(|row| row["skipConsequence"].as_str()) {
            print::warn(&format!("{sub} is skipped: {price}"));
        }
        let body = json!({ "id": id, "subStep": id_of(&state, sub) });
        return Ok((
            Some("SkipAppSwitch"),
            body,
            format!("project {id}: goes on without {sub}"),
        ));
    }
    let body = json!({ "id": id });
    let now = standing(&state);
    if wanted.rollback {
        let done = format!("project {id}: the switchover is rolled back");
        return Ok(match now {
            Standing::RolledBack => (None, body, done),
            _ => (Some("RollBackAppSwitch"), body, done),
        });
    }
    match now {
        Standing::NotBegun | Standing::RolledBack => {
            let done = format!("project {id}: the switchover begins");
            Ok((Some("StartAppSwitch"), options(id, wanted), done))
        }
        _ if state["way"] == "BACK" => Err(Error::new(
            Kind::StateInvalid,
            format!("the switchover of project {id}"),
        )
        .detail("it is being rolled back")
        .remedy(format!(
            "`oms project switch {} --rollback` watches that; then it can begin anew.",
            wanted.id
        ))
        .into()),
        _ => {
            as_it_began(&state, wanted)?;
            Ok((None, body, format!("project {id}: the switchover goes on")))
        }
    }
}

/// A switchover that has begun keeps to what it began with.
fn as_it_began(state: &Value, wanted: &SwitchProject) -> Result<()> {
    let other = |flag: String, began: String| {
        Err(Error::new(Kind::StateInvalid, flag)
            .detail(format!("the switchover has begun already, with {began}"))
            .remedy(format!(
                "Leave it away; or roll it back first (`oms project switch {} --rollback`) and begin anew.",
                wanted.id
            )))
    };
    if let Some(stop) = wanted
        .stop_writes
        .filter(|stop| state["stopWrites"] != stop.text())
    {
        let began = text_at(state, "stopWrites");
        return other(format!("--stop-writes for {}", stop.text()), began);
    }
    let waived = state["waive"].as_array().map_or(&[][..], Vec::as_slice);
    match wanted
        .waive
        .iter()
        .find(|name| !waived.iter().any(|w| w == *name))
    {
        Some(name) => {
            let began = match waived.is_empty() {
                true => "nothing waived".to_owned(),
                false => format!("these waived: {}", text_at(state, "waive")),
            };
            other(format!("--waive {name}"), began)
        }
        None => Ok(()),
    }
}
