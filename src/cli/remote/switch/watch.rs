//! Watches a switchover until it is done, fails, or waits for a person; asks where there is a terminal.

use super::ask::{Ends, Said, ask, can_ask, questions};
use super::standing::{Standing, confirmable, standing, turn};
use super::text;
use super::view::SwitchView;
use crate::cli::args::Output;
use crate::cli::exit::ExitCode;
use crate::cli::failure::{Failure, Outcome};
use crate::cli::migrate::progress::span;
use crate::cli::print;
use crate::cli::remote::client::Client;
use crate::cli::remote::columns::text_at;
use crate::cli::remote::wait::{self, SILENCE, passes};
use crate::error::{Error, ErrorReport, Kind, Result};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Rest between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// The project itself is looked at less often.
const LOOKS_FOR_PROJECT: u32 = 10;
/// What a person ordered reaches a step that failed within this time; and beside another step that failed
/// the next sub-step has begun within it, or it will not.
const GRACE: Duration = Duration::from_secs(10);

/// What is watched.
pub struct Watch<'c> {
    /// The server.
    pub client: &'c Client,
    /// The project's id.
    pub id: String,
    /// The project as the user calls it.
    pub name: String,
    /// What is confirmed beforehand.
    pub confirm: Vec<String>,
    /// The roll-back is watched.
    pub rollback: bool,
    /// At most so many seconds.
    pub timeout: Option<u64>,
    /// How the result is printed.
    pub output: Output,
}

/// What was seen until now.
struct Seen {
    begun: Instant,
    answered: Instant,
    /// Since when it looks as it does.
    since: Instant,
    /// Another step failed, and why.
    other: Option<Failure>,
    looks: u32,
    ends: Ends,
    /// A confirmation that the server refused, for what waited then.
    refused: Option<(Vec<String>, Failure)>,
    last: String,
}

impl Watch<'_> {
    /// Stays until there is nothing more to watch.
    ///
    /// # Errors
    /// The error of what failed, with exit code 3; `WaitTimedOut`; what the API says.
    pub async fn run(&self) -> Outcome {
        let mut view = SwitchView::new(self.output != Output::Text);
        let ended = self.look_on(&mut view).await;
        view.end();
        let (state, exit) = ended?;
        let moved = exit == ExitCode::Equal && !self.rollback;
        self.tell(&state, moved.then(|| view.without_writes()).flatten())?;
        Ok(exit)
    }

    async fn look_on(&self, view: &mut SwitchView) -> Outcome<(Value, ExitCode)> {
        let now = Instant::now();
        let mut seen = Seen {
            begun: now,
            answered: now,
            since: now,
            other: None,
            looks: 0,
            ends: Ends::default(),
            refused: None,
            last: "nothing was seen of it".to_owned(),
        };
        loop {
            match self.look(&mut seen).await {
                Ok(state) => {
                    seen.answered = Instant::now();
                    view.show(&state);
                    if let Some(exit) = self.heed(&state, &mut seen, view).await? {
                        return Ok((state, exit));
                    }
                }
                Err(failure) if passes(&failure) && seen.answered.elapsed() < SILENCE => {}
                Err(failure) => return Err(failure),
            }
            let late = |seconds| seen.begun.elapsed() >= Duration::from_secs(seconds);
            if self.timeout.is_some_and(late) {
                let what = format!("the switchover of project {}", self.id);
                let late = Error::new(Kind::WaitTimedOut, what).detail(seen.last);
                return Err(late.into());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// The switchover; now and then the project as well, which may have been paused or may fail by itself.
    async fn look(&self, seen: &mut Seen) -> Outcome<Value> {
        let body = || json!({ "id": self.id });
        if seen.looks.is_multiple_of(LOOKS_FOR_PROJECT) {
            let project = self.client.call("DescribeProject", body()).await?.data;
            seen.ends = Ends::of(&project);
            let own = |step: &Value| {
                matches!(
                    step["name"].as_str(),
                    Some("TRANSFER_APP_SWITCH" | "REVERSE_INCR_TRANSFER")
                )
            };
            let steps = project["steps"].as_array().into_iter().flatten();
            let other = steps
                .into_iter()
                .any(|s| s["status"] == "FAILED" && !own(s));
            seen.other = other.then(|| wait::failed(&project));
            let status = project["status"].as_str().unwrap_or_default();
            if matches!(status, "SUSPEND" | "RELEASING" | "RELEASED" | "DELETED") {
                return Err(wait::elsewhere(&format!("project {}", self.id), status).into());
            }
        }
        seen.looks = seen.looks.wrapping_add(1);
        Ok(self.client.call("DescribeAppSwitch", body()).await?.data)
    }

    /// Decides on what was seen; None where it is watched further.
    async fn heed(
        &self,
        state: &Value,
        seen: &mut Seen,
        view: &mut SwitchView,
    ) -> Outcome<Option<ExitCode>> {
        let last = match turn(state) {
            Some(sub) => format!("{} is {}", text_at(sub, "name"), text_at(sub, "status")),
            None => format!("the way back is {}", text_at(state, "reverseStatus")),
        };
        if last != seen.last {
            (seen.last, seen.since) = (last, Instant::now());
        }
        // one that is at work comes to an end by itself
        let idle = turn(state).is_some_and(|sub| sub["status"] != "RUNNING");
        let rests = seen.since.elapsed() >= GRACE;
        let standing = standing(state);
        let elsewhere = |what: &str| Err(elsewhere_switched(&self.id, what).into());
        match standing {
            Standing::OnTheWay if rests && idle && seen.other.is_some() => {
                seen.other.take().map_or(Ok(None), Err)
            }
            Standing::OnTheWay if self.rollback || state["way"] != "BACK" => Ok(None),
            Standing::OnTheWay => elsewhere("rolled it back"),
            Standing::Waits(what) => self.answer(state, &what, seen, view).await,
            Standing::Done | Standing::DoneOneWay if !self.rollback => Ok(Some(ExitCode::Equal)),
            Standing::RolledBack if self.rollback => Ok(Some(ExitCode::Equal)),
            Standing::RolledBack | Standing::NotBegun => elsewhere("rolled it back"),
            Standing::Done | Standing::DoneOneWay => elsewhere("began it anew"),
            Standing::Suspended => {
                Err(wait::elsewhere(&format!("project {}", self.id), "SUSPEND").into())
            }
            Standing::Failed(sub) => Err(self.failed(state, &sub)),
            Standing::WayBackFailed => {
                let body = json!({ "id": self.id });
                let project = self.client.call("DescribeProject", body).await?.data;
                Err(wait::failed(&project))
            }
            Standing::FailedAlone if rests => Err(self.failed(state, "")),
            Standing::FailedAlone => Ok(None),
        }
    }

    /// Gives the word that was given beforehand, or asks for it; None where it was given.
    async fn answer(
        &self,
        state: &Value,
        what: &str,
        seen: &mut Seen,
        view: &mut SwitchView,
    ) -> Outcome<Option<ExitCode>> {
        let now = confirmable(state, what, &self.confirm);
        if !now.is_empty() {
            if let Some((refused, failure)) =
                seen.refused.take().filter(|(before, _)| *before == now)
            {
                tracing::debug!(?refused, "it still waits, and the word was refused");
                return Err(failure);
            }
            for sub in &now {
                let body = json!({ "id": self.id, "subStep": sub });
                if let Err(failure) = self.client.call("ConfirmAppSwitch", body).await {
                    if passes(&failure) {
                        break;
                    }
                    // somebody else was quicker, or the next look says that it still waits
                    seen.refused = Some((now, failure));
                    break;
                }
            }
            return Ok(None);
        }
        if self.output != Output::Text || !can_ask() {
            return Ok(Some(ExitCode::Waits));
        }
        view.end();
        for question in questions(state, what, &seen.ends) {
            let about = question.about.clone();
            let said = tokio::task::spawn_blocking(move || {
                ask(
                    &question,
                    &mut std::io::stdin().lock(),
                    &mut std::io::stderr(),
                )
            });
            let said = said
                .await
                .map_err(|e| Error::new(Kind::Internal, "asking").caused_by(e))?;
            let action = match said {
                Said::Yes => "ConfirmAppSwitch",
                Said::Skip => "SkipAppSwitch",
                Said::No => return Ok(Some(ExitCode::Waits)),
            };
            let body = json!({ "id": self.id, "subStep": about });
            self.client.call(action, body).await?;
        }
        // nobody's patience is measured
        seen.begun = Instant::now();
        Ok(None)
    }

    /// Prints the result, below the sub-steps.
    fn tell(&self, state: &Value, without: Option<f64>) -> Result<()> {
        if self.output != Output::Text {
            return print::document(self.output, state);
        }
        if let Some(seconds) = without {
            let seconds = span(seconds);
            print::note(&format!("project {}: {seconds} without writes", self.id));
        }
        let next = text::next(state, &self.name);
        print::out(&format!("project {}: {next}", self.id));
        Ok(())
    }

    /// Why a sub-step failed, or the step.
    fn failed(&self, state: &Value, sub: &str) -> Failure {
        let found = super::standing::sub_step(state, sub).unwrap_or(state);
        let text = |place: &str| text_at(found, place);
        let code = text("errorDetail.code");
        let remedy = text::remedy(found);
        let what = match sub {
            "" => "the step TRANSFER_APP_SWITCH".to_owned(),
            sub => format!("sub-step {sub}"),
        };
        let report = ErrorReport {
            code,
            message: format!(
                "project {}: {what} failed: {}",
                self.id,
                text("errorDetail.message")
            ),
            proposal: match sub {
                "" => remedy,
                sub => format!(
                    "{remedy}\n  to go on: {}",
                    text::after_failure(state, sub, &self.name)
                ),
            },
            retryable: false,
        };
        Failure::new(report, ExitCode::StepFailed)
    }
}

fn elsewhere_switched(id: &str, did: &str) -> Error {
    Error::new(
        Kind::StateInvalid,
        format!("the switchover of project {id}"),
    )
    .detail(format!("somebody else {did} meanwhile"))
    .remedy("`oms project switch ID --status` shows where it is.")
}
