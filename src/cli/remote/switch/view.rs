//! The sub-steps while they are watched: a line for each on a terminal, that changes; without one a line
//! for each change.

use super::clock::Clock;
use super::standing::{is_over, objects, sub_steps, turn};
use crate::cli::migrate::progress::span;
use crate::cli::remote::columns::text_at;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::Value;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// The row of the way back, behind the sub-steps.
const WAY_BACK: &str = "REVERSE_INCR_TRANSFER";

/// Shows one switchover.
pub struct SwitchView {
    bars: Option<MultiProgress>,
    rows: Vec<Shown>,
    clock: Clock,
    quiet: bool,
}

struct Shown {
    name: String,
    bar: Option<ProgressBar>,
    said: String,
}

/// A line, and what of it is news where lines are printed one by one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    name: String,
    text: String,
    news: Option<String>,
    moves: bool,
}

impl SwitchView {
    /// Changing lines on a terminal, one by one elsewhere; nothing at all if `quiet`.
    pub fn new(quiet: bool) -> Self {
        let terminal = std::io::stderr().is_terminal() && !quiet;
        Self {
            bars: terminal.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr())),
            rows: Vec::new(),
            clock: Clock::default(),
            quiet,
        }
    }

    /// Shows it as it is now.
    pub fn show(&mut self, state: &Value) {
        let now = Instant::now();
        self.clock.look(state, now);
        if self.quiet {
            return;
        }
        let lines = lines(state, &self.clock, now);
        // a switchover that is rolled back has other sub-steps
        let known = |(row, line): (&Shown, &Line)| row.name == line.name;
        if self.rows.len() > lines.len() || !self.rows.iter().zip(&lines).all(known) {
            self.end();
        }
        for line in &lines[self.rows.len()..] {
            let bars = self.bars.as_ref();
            self.rows.push(Shown {
                name: line.name.clone(),
                bar: bars.map(|bars| bars.add(ProgressBar::new_spinner())),
                said: String::new(),
            });
        }
        for (row, line) in self.rows.iter_mut().zip(lines) {
            row.show(line);
        }
    }

    /// How long the application was without writes until now, seconds: since a person's word, or the
    /// source's read_only; None where that was not seen.
    pub fn without_writes(&self) -> Option<f64> {
        let now = Instant::now();
        [
            "REACH_STOP_POSITION",
            "STOP_FORWARD_SYNC",
            "PROCESS_DB_OBJECTS",
            "CREATE_REVERSE_SYNC",
        ]
        .into_iter()
        .map(|name| self.clock.seconds(name, now))
        .sum()
    }

    /// Leaves the lines as they are; the next look draws them anew.
    pub fn end(&mut self) {
        for row in self.rows.drain(..) {
            if let Some(bar) = &row.bar {
                bar.abandon();
            }
        }
        if self.bars.is_some() {
            self.bars = Some(MultiProgress::with_draw_target(ProgressDrawTarget::stderr()));
        }
    }
}

impl Shown {
    fn show(&mut self, line: Line) {
        match &self.bar {
            Some(bar) => {
                if line.text != self.said {
                    let template = if line.moves {
                        "{spinner:.cyan} {wide_msg}"
                    } else {
                        "  {wide_msg}"
                    };
                    if let Ok(style) = ProgressStyle::with_template(template) {
                        bar.set_style(style);
                    }
                    match line.moves {
                        true => bar.enable_steady_tick(Duration::from_millis(120)),
                        false => bar.disable_steady_tick(),
                    }
                    bar.set_message(line.text.clone());
                }
                self.said = line.text;
            }
            None => {
                if let Some(news) = line.news.filter(|news| *news != self.said) {
                    print(&line.text);
                    self.said = news;
                }
            }
        }
    }
}

#[allow(clippy::print_stderr, reason = "progress for people")]
fn print(text: &str) {
    eprintln!("{text}");
}

/// A line for each sub-step, and one for the way back.
fn lines(state: &Value, clock: &Clock, now: Instant) -> Vec<Line> {
    let total = sub_steps(state).count();
    let current = turn(state).map(|sub| text_at(sub, "name"));
    let mut lines: Vec<Line> = sub_steps(state)
        .zip(1..)
        .map(|(sub, at)| {
            let name = text_at(sub, "name");
            let its_turn = current.as_ref() == Some(&name);
            let waits = its_turn && state["waitsFor"].is_string();
            let word = word(sub, its_turn, waits);
            let time = clock.seconds(&name, now).map(span).unwrap_or_default();
            let note = note(state, sub, its_turn);
            let text = format!("{at:>2}/{total} {name:<21} {word:<13} {time:>9}  {note}");
            Line {
                news: (!word.is_empty()).then(|| format!("{word} {note}")),
                text: text.trim_end().to_owned(),
                moves: its_turn && !waits && word == "at work",
                name,
            }
        })
        .collect();
    let back = text_at(state, "reverseStatus");
    if !matches!(back.as_str(), "" | "INIT") {
        let lag = state["reverseLagMs"].as_u64();
        let lag = lag.map(|ms| format!("lag {}", span(ms as f64 / 1000.0)));
        let text = format!(
            "      {WAY_BACK:<21} {back:<13} {:>9}  {}",
            "",
            lag.unwrap_or_default()
        );
        lines.push(Line {
            name: WAY_BACK.to_owned(),
            text: text.trim_end().to_owned(),
            news: Some(back),
            moves: false,
        });
    }
    lines
}

/// Where a sub-step is, in a word or two; nothing for what is to come.
fn word(sub: &Value, its_turn: bool, waits: bool) -> &'static str {
    match sub["status"].as_str().unwrap_or_default() {
        "FINISHED" => "done",
        "SKIPPED" => "skipped",
        "FAILED" => "failed",
        _ if waits => "waits for you",
        "RUNNING" => "at work",
        _ if its_turn => "at work",
        _ => "",
    }
}

fn note(state: &Value, sub: &Value, its_turn: bool) -> String {
    let error = text_at(sub, "errorDetail.message");
    if !error.is_empty() && !is_over(sub) {
        let tries = format!(
            "try {} of {}",
            sub["retryCount"].as_u64().unwrap_or(0) + 1,
            sub["maxRetryCount"].as_u64().unwrap_or(0) + 1
        );
        return format!("{} {error} ({tries})", text_at(sub, "errorDetail.code"));
    }
    let open = objects(state).filter(|object| !is_over(object)).count();
    if its_turn && open > 0 && sub["name"] == "PROCESS_DB_OBJECTS" {
        return format!(
            "{open} of {} objects to be moved by you",
            objects(state).count()
        );
    }
    text_at(sub, "description")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn texts(state: &Value) -> Vec<(String, bool)> {
        let now = Instant::now();
        let mut clock = Clock::default();
        clock.look(state, now);
        let lines = lines(state, &clock, now);
        lines.into_iter().map(|l| (l.text, l.moves)).collect()
    }

    fn state() -> Value {
        json!({
            "status": "RUNNING", "way": "FORWARD", "gmtStart": "2026-01-01T00:00:00",
            "waitsFor": null, "reverseStatus": "INIT", "reverseLagMs": null, "objects": [],
            "subSteps": [
                { "name": "START_SWITCH", "status": "FINISHED", "by": "OMS",
                  "description": "Start it", "gmtModified": "2026-01-01T00:00:01" },
                { "name": "SWITCH_PRECHECK", "status": "RUNNING", "by": "OMS",
                  "description": "Check", "gmtModified": "2026-01-01T00:00:01" },
                { "name": "STOP_SOURCE_WRITES", "status": "PENDING", "by": "PERSON",
                  "description": "No writes", "gmtModified": "2026-01-01T00:00:01" },
            ],
        })
    }

    #[test]
    fn each_sub_step_says_where_it_is_and_who_has_the_turn() {
        let mut state = state();
        let lines = texts(&state);
        assert_eq!(
            lines[0].0,
            " 1/3 START_SWITCH          done              1.0 s  Start it"
        );
        assert_eq!(
            lines[1].0,
            " 2/3 SWITCH_PRECHECK       at work           0.0 s  Check"
        );
        assert!(lines[1].1 && !lines[0].1 && !lines[2].1);
        assert_eq!(
            lines[2].0,
            " 3/3 STOP_SOURCE_WRITES                             No writes"
        );
        state["subSteps"][1]["status"] = "FINISHED".into();
        state["waitsFor"] = "STOP_SOURCE_WRITES".into();
        let waits = &texts(&state)[2];
        assert!(waits.0.contains("waits for you") && !waits.1, "{waits:?}");
    }

    #[test]
    fn what_failed_says_why_and_how_often_it_is_tried() {
        let mut state = state();
        let failed = &mut state["subSteps"][1];
        failed["status"] = "FAILED".into();
        failed["retryCount"] = 1.into();
        failed["maxRetryCount"] = 3.into();
        failed["errorDetail"] = json!({ "code": "SWI-0003", "message": "late\u{1b}[2J" });
        let line = &texts(&state)[1].0;
        assert!(line.contains("failed"), "{line}");
        assert!(line.ends_with("SWI-0003 late [2J (try 2 of 4)"), "{line}");
    }

    #[test]
    fn objects_are_counted_and_the_way_back_has_a_line() {
        let mut state = state();
        state["subSteps"][1]["name"] = "PROCESS_DB_OBJECTS".into();
        state["waitsFor"] = "COMPLETE_OBJECT".into();
        state["objects"] = json!([{ "status": "FINISHED" }, { "status": "PENDING" }]);
        assert!(texts(&state)[1].0.contains("waits for you"));
        assert!(
            texts(&state)[1]
                .0
                .ends_with("1 of 2 objects to be moved by you")
        );
        assert_eq!(texts(&state).len(), 3);
        state["reverseStatus"] = "MONITORING".into();
        state["reverseLagMs"] = 700.into();
        let line = texts(&state).pop().expect("a line").0;
        assert!(line.contains("REVERSE_INCR_TRANSFER MONITORING"), "{line}");
        assert!(line.ends_with("lag 0.7 s"), "{line}");
    }
}
