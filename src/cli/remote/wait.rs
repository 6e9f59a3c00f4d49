//! `--wait`: looks at a project, or at a change of its objects, until it is where it shall be, and shows
//! steps meanwhile.

use super::client::Client;
use super::columns::{at, text_at};
use crate::cli::args::Output;
use crate::cli::exit::ExitCode;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::migrate::progress::{ProgressView, StepLine};
use crate::error::{ALL_KINDS, Error, ErrorReport, Kind};
use entity::StepStatus;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Rest between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// A server that does not answer for so long is given up: one that is started again does before.
pub(super) const SILENCE: Duration = Duration::from_secs(60);

/// What is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// Every step that the project does by itself is FINISHED or MONITORING.
    Settled,
    /// SUSPEND.
    Paused,
    /// RELEASED.
    Released,
}

/// How a project stands to a goal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    OnTheWay,
    Reached,
    Failed,
    /// Somebody else gave it a state from which the goal is not reached by itself.
    Elsewhere,
}

/// The step that begins only when somebody says so.
const SWITCH: &str = "TRANSFER_APP_SWITCH";
/// The step that it begins; without it, this one begins by itself.
const WAY_BACK: &str = "REVERSE_INCR_TRANSFER";

fn standing(project: &Value, goal: Goal) -> Standing {
    let status = project["status"].as_str().unwrap_or_default();
    match (goal, status) {
        (_, "FAILED") => Standing::Failed,
        (Goal::Paused, "SUSPEND") | (Goal::Released, "RELEASED") | (Goal::Settled, "FINISHED") => {
            Standing::Reached
        }
        (Goal::Released, _) | (Goal::Paused, "RUNNING") => Standing::OnTheWay,
        (_, "RUNNING_MODIFYING" | "RUNNING_MERGING") => Standing::OnTheWay,
        (Goal::Settled, "RUNNING") => {
            let steps = project["steps"].as_array().map_or(&[][..], Vec::as_slice);
            let is = |s: &Value, name: &str| s["name"] == name;
            let switches = steps.iter().any(|s| is(s, SWITCH));
            let by_itself = |s: &&Value| {
                let by_hand = is(s, SWITCH) || switches && is(s, WAY_BACK);
                s["interactive"] != true && !by_hand
            };
            let done = |s: &Value| matches!(s["status"].as_str(), Some("FINISHED" | "MONITORING"));
            match !steps.is_empty() && steps.iter().filter(by_itself).all(done) {
                true => Standing::Reached,
                false => Standing::OnTheWay,
            }
        }
        _ => Standing::Elsewhere,
    }
}

/// What one look found.
struct Look {
    standing: Standing,
    /// The state, in the server's word.
    seen: String,
    /// Steps to be shown.
    lines: Vec<StepLine>,
    /// All that the server said.
    found: Value,
}

/// Waits, and gives the project as it is then.
///
/// # Errors
/// The error of the step that failed, with exit code 3; `WaitTimedOut`; what the API says.
pub async fn wait(
    client: &Client,
    id: &str,
    goal: Goal,
    timeout: Option<u64>,
    output: Output,
) -> Outcome<Value> {
    let look = async || {
        let project = client.call("DescribeProject", json!({ "id": id })).await?;
        let project = project.data;
        Ok::<Look, Failure>(Look {
            standing: standing(&project, goal),
            seen: text_at(&project, "status"),
            lines: lines(&project),
            found: project,
        })
    };
    until(&format!("project {id}"), timeout, output, look, failed).await
}

/// Waits for the end of a change of a project's objects, and gives its record as it is then. The steps
/// that are shown are those of the sub-project that brings tables.
///
/// # Errors
/// The error of a change that failed, with exit code 3; else as [`wait`].
pub async fn wait_for_change(
    client: &Client,
    project: &str,
    record: &str,
    timeout: Option<u64>,
    output: Output,
) -> Outcome<Value> {
    let look = async || {
        let wanted = json!({ "id": project });
        let all = client.pages("ListProjectModifyRecords", wanted).await?;
        let Some(found) = all.into_iter().find(|r| r["id"] == record) else {
            let gone = Error::new(Kind::NotFound, format!("change {record}"));
            return Err(Failure::from(
                gone.detail(format!("project {project} has it no more")),
            ));
        };
        let standing = standing_of_change(&found);
        let lines = match (standing, found["subProjectId"].as_str()) {
            (Standing::OnTheWay, Some(sub)) => {
                match client.call("DescribeProject", json!({ "id": sub })).await {
                    Ok(sub) => lines(&sub.data),
                    // it is named before it is made
                    Err(failure) if failure.report.code == Kind::NotFound.code() => Vec::new(),
                    Err(failure) => return Err(failure),
                }
            }
            _ => Vec::new(),
        };
        Ok(Look {
            standing,
            seen: text_at(&found, "status"),
            lines,
            found,
        })
    };
    until(
        &format!("change {record}"),
        timeout,
        output,
        look,
        change_failed,
    )
    .await
}

fn standing_of_change(record: &Value) -> Standing {
    match record["status"].as_str().unwrap_or_default() {
        "SUCCESS" => Standing::Reached,
        "FAILED" => Standing::Failed,
        "TERMINATED" | "CANCEL" => Standing::Elsewhere,
        _ => Standing::OnTheWay,
    }
}

/// Looks until what is waited for is over.
async fn until(
    what: &str,
    timeout: Option<u64>,
    output: Output,
    look: impl AsyncFn() -> Outcome<Look>,
    failed: impl Fn(&Value) -> Failure,
) -> Outcome<Value> {
    let begun = Instant::now();
    let mut answered = Instant::now();
    let mut view = ProgressView::new(output != Output::Text);
    let mut seen = String::from("nothing");
    loop {
        match look().await {
            Ok(look) => {
                answered = Instant::now();
                seen = look.seen;
                view.show(&look.lines);
                if look.standing != Standing::OnTheWay {
                    view.end();
                }
                match look.standing {
                    Standing::OnTheWay => {}
                    Standing::Reached => return Ok(look.found),
                    Standing::Failed => return Err(failed(&look.found)),
                    Standing::Elsewhere => return Err(elsewhere(what, &seen).into()),
                }
            }
            Err(failure) if passes(&failure) && answered.elapsed() < SILENCE => {}
            Err(failure) => {
                view.end();
                return Err(failure);
            }
        }
        if timeout.is_some_and(|seconds| begun.elapsed() >= Duration::from_secs(seconds)) {
            view.end();
            return Err(Error::new(Kind::WaitTimedOut, what.to_owned())
                .detail(format!(
                    "after {} s it is {seen}",
                    begun.elapsed().as_secs()
                ))
                .into());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Whether the server may answer the next time.
pub(super) fn passes(failure: &Failure) -> bool {
    failure.report.retryable
}

/// Somebody else gave it this state.
pub(super) fn elsewhere(what: &str, status: &str) -> Error {
    Error::new(Kind::StateInvalid, what.to_owned())
        .detail(format!("somebody else made it {status} meanwhile"))
}

/// The error of the step that failed.
pub(super) fn failed(project: &Value) -> Failure {
    let steps = project["steps"].as_array().into_iter().flatten();
    let step = steps.into_iter().find(|s| s["status"] == "FAILED");
    let text = |place: &str| step.map(|s| text_at(s, place)).unwrap_or_default();
    let detail = step.map_or(&Value::Null, |s| &s["extraInfo"]["errorDetails"][0]);
    let message = format!(
        "project {}: step {} failed: {}",
        text_at(project, "id"),
        text("name"),
        text("extraInfo.errorMsg")
    );
    let look = "`oms project show ID --steps` shows where it stopped.";
    let proposal = text_at(detail, "proposal");
    failure(message, text("extraInfo.errorCode"), proposal, look)
}

/// The error of a change of objects that failed.
fn change_failed(record: &Value) -> Failure {
    let text = |key: &str| text_at(record, &format!("errorDetail.{key}"));
    let message = format!("change {}: {}", text_at(record, "id"), text("errorMsg"));
    let look = "`oms project objects list PROJECT` shows where it stopped.";
    failure(message, text("errorCode"), text("proposal"), look)
}

/// What the server said of a failure; `look` is proposed where neither it nor the code proposes anything.
fn failure(message: String, code: String, proposal: String, look: &str) -> Failure {
    let known = ALL_KINDS.iter().find(|kind| kind.code() == code);
    let general = known.map_or(look, |kind| kind.remedy());
    let report = ErrorReport {
        message,
        proposal: match proposal.is_empty() {
            true => general.to_owned(),
            false => proposal,
        },
        code,
        retryable: false,
    };
    Failure::new(report, ExitCode::StepFailed)
}

/// The steps, for the progress that is shown. A step that this program does not know is left out.
fn lines(project: &Value) -> Vec<StepLine> {
    let steps = project["steps"].as_array().into_iter().flatten();
    let lag = at(project, "extraInfo.syncDelay").as_u64();
    let line = |step: &Value| {
        let figure = |place: &str| at(step, place).as_u64().unwrap_or(0);
        let name = known(&step["name"])?;
        let status = known(&step["status"])?;
        // what the switchover stopped is not behind anything
        let follows = name == entity::StepName::IncrTransfer && status != StepStatus::Finished;
        Some(StepLine {
            name,
            status,
            percent: figure("progress"),
            done: figure("stepInfo.processedRecords"),
            total: figure("stepInfo.capacity"),
            bytes: 0,
            lag_ms: lag
                .filter(|_| follows)
                .map(|seconds| seconds.saturating_mul(1000)),
        })
    };
    steps.filter_map(line).collect()
}

fn known<T: DeserializeOwned>(value: &Value) -> Option<T> {
    serde_json::from_value(value.clone()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(status: &str, steps: &[(&str, &str)]) -> Value {
        let step = |(name, status): &(&str, &str)| json!({ "name": name, "status": status });
        json!({ "id": "np_1", "status": status, "steps": steps.iter().map(step).collect::<Vec<_>>() })
    }

    #[test]
    fn a_project_is_settled_when_nothing_is_left_that_it_does_by_itself() {
        let of = |status, steps: &[_]| standing(&project(status, steps), Goal::Settled);
        let copied = ("FULL_TRANSFER", "FINISHED");
        let follows = ("INCR_TRANSFER", "MONITORING");
        let done = [copied, follows, ("TRANSFER_APP_SWITCH", "INIT")];
        assert_eq!(of("RUNNING", &done), Standing::Reached);
        let back = ("REVERSE_INCR_TRANSFER", "INIT");
        let switches = [copied, follows, ("TRANSFER_APP_SWITCH", "INIT"), back];
        assert_eq!(of("RUNNING", &switches), Standing::Reached);
        // of a project that follows both ways from the beginning
        assert_eq!(of("RUNNING", &[copied, follows, back]), Standing::OnTheWay);
        assert_eq!(
            of("RUNNING", &[copied, ("INCR_TRANSFER", "INIT")]),
            Standing::OnTheWay
        );
        assert_eq!(of("RUNNING", &[]), Standing::OnTheWay);
        assert_eq!(of("FINISHED", &[]), Standing::Reached);
        assert_eq!(of("FAILED", &done), Standing::Failed);
        assert_eq!(of("SUSPEND", &done), Standing::Elsewhere);
    }

    #[test]
    fn pause_and_release_wait_for_their_state() {
        let of = |status, goal| standing(&project(status, &[]), goal);
        assert_eq!(of("SUSPEND", Goal::Paused), Standing::Reached);
        assert_eq!(of("RUNNING", Goal::Paused), Standing::OnTheWay);
        assert_eq!(of("RELEASED", Goal::Paused), Standing::Elsewhere);
        assert_eq!(of("RELEASING", Goal::Released), Standing::OnTheWay);
        assert_eq!(of("RELEASED", Goal::Released), Standing::Reached);
        assert_eq!(of("FAILED", Goal::Released), Standing::Failed);
    }

    #[test]
    fn a_change_of_objects_is_over_when_its_record_says_so() {
        let of = |status: &str| standing_of_change(&json!({ "id": "mr_1", "status": status }));
        for status in ["PENDING", "MODIFYING", "RUNNING", "MERGING"] {
            assert_eq!(of(status), Standing::OnTheWay, "{status}");
        }
        assert_eq!(of("SUCCESS"), Standing::Reached);
        assert_eq!(of("FAILED"), Standing::Failed);
        assert_eq!(of("TERMINATED"), Standing::Elsewhere);
        assert_eq!(of("CANCEL"), Standing::Elsewhere);
    }

    #[test]
    fn a_failed_project_ends_with_its_step_s_error() {
        let mut failed_one = project("FAILED", &[("FULL_TRANSFER", "FAILED")]);
        failed_one["steps"][0]["extraInfo"] =
            json!({ "errorCode": "FUL-0001", "errorMsg": "table t holds rows" });
        let failure = failed(&failed_one);
        assert_eq!(failure.exit, ExitCode::StepFailed);
        assert_eq!(failure.report.code, "FUL-0001");
        assert!(
            failure
                .report
                .message
                .contains("FULL_TRANSFER failed: table t")
        );
        assert_eq!(failure.report.proposal, Kind::TargetNotEmpty.remedy());
        failed_one["steps"][0]["extraInfo"]["errorDetails"] = json!([{ "proposal": "this" }]);
        assert_eq!(failed(&failed_one).report.proposal, "this");
        let broken = failed(&project("FAILED", &[]));
        assert!(!broken.report.proposal.is_empty());
    }

    #[test]
    fn steps_become_lines() {
        let mut project = project(
            "RUNNING",
            &[("INCR_TRANSFER", "MONITORING"), ("NEW_STEP", "INIT")],
        );
        project["extraInfo"] = json!({ "syncDelay": 2 });
        project["steps"][0]["progress"] = 100.into();
        let lines = lines(&project);
        assert_eq!(lines.len(), 1);
        assert_eq!((lines[0].percent, lines[0].lag_ms), (100, Some(2000)));
        project["steps"][0]["status"] = "FINISHED".into();
        assert_eq!(super::lines(&project)[0].lag_ms, None);
    }
}
