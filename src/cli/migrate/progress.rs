//! Progress on the terminal: one bar for each step, with rate and time left; without a terminal
//! one line for each change, and a line every ten seconds.

use crate::cli::print::note;
use crate::workflow::steps::description;
use entity::{StepName, StepStatus};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::collections::HashMap;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// A step as it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct StepLine {
    /// Which step.
    pub name: StepName,
    /// State.
    pub status: StepStatus,
    /// Percent.
    pub percent: u64,
    /// Units done.
    pub done: u64,
    /// Units in all; 0: unknown.
    pub total: u64,
    /// Bytes done.
    pub bytes: u64,
    /// Lag, milliseconds.
    pub lag_ms: Option<u64>,
}

/// Shows the steps of one project.
pub struct ProgressView {
    bars: Option<MultiProgress>,
    shown: HashMap<StepName, Shown>,
    quiet: bool,
    last_line: Instant,
}

struct Shown {
    bar: Option<ProgressBar>,
    status: StepStatus,
    /// Where and when the current rate began to be measured.
    mark: (Instant, u64),
    rate: f64,
}

const LINE_EVERY: Duration = Duration::from_secs(10);
const RATE_OVER: Duration = Duration::from_millis(1500);

impl ProgressView {
    /// Bars on a terminal, lines elsewhere; nothing at all if `quiet`.
    pub fn new(quiet: bool) -> Self {
        let terminal = std::io::stderr().is_terminal() && !quiet;
        Self {
            bars: terminal.then(|| MultiProgress::with_draw_target(ProgressDrawTarget::stderr())),
            shown: HashMap::new(),
            quiet,
            last_line: Instant::now(),
        }
    }

    /// Shows the steps as they are now.
    pub fn show(&mut self, steps: &[StepLine]) {
        if self.quiet {
            return;
        }
        for step in steps {
            self.show_step(step);
        }
        if self.bars.is_none() && self.last_line.elapsed() >= LINE_EVERY {
            self.last_line = Instant::now();
            for step in steps {
                if matches!(step.status, StepStatus::Running | StepStatus::Monitoring) {
                    let rate = self.shown.get(&step.name).map_or(0.0, |s| s.rate);
                    note(&format!(
                        "{:<36} {}",
                        description(step.name),
                        message(step, rate)
                    ));
                }
            }
        }
    }

    fn show_step(&mut self, step: &StepLine) {
        if step.status == StepStatus::Init {
            return;
        }
        let bars = self.bars.as_ref();
        let shown = self.shown.entry(step.name).or_insert_with(|| Shown {
            bar: bars.map(|bars| new_bar(bars, step.name)),
            status: StepStatus::Init,
            mark: (Instant::now(), step.done),
            rate: 0.0,
        });
        if shown.mark.0.elapsed() >= RATE_OVER {
            let seconds = shown.mark.0.elapsed().as_secs_f64();
            shown.rate = step.done.saturating_sub(shown.mark.1) as f64 / seconds;
            shown.mark = (Instant::now(), step.done);
        }
        let text = message(step, shown.rate);
        match &shown.bar {
            Some(bar) => {
                bar.set_position(step.percent);
                bar.set_message(text);
            }
            None if shown.status != step.status => {
                note(&format!(
                    "{:<36} {:<10} {text}",
                    description(step.name),
                    step.status.to_string()
                ));
            }
            None => {}
        }
        shown.status = step.status;
    }

    /// Leaves the bars as they are and gives the terminal back.
    pub fn end(&mut self) {
        for shown in self.shown.values() {
            if let Some(bar) = &shown.bar {
                bar.abandon();
            }
        }
    }
}

fn new_bar(bars: &MultiProgress, name: StepName) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix:<36} {bar:24.cyan/dim} {percent:>3}% {msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = bars.add(ProgressBar::new(100).with_style(style));
    bar.set_prefix(description(name));
    bar
}

/// What is said beside the bar.
fn message(step: &StepLine, rate: f64) -> String {
    let mut parts = Vec::new();
    match step.name {
        StepName::FullTransfer | StepName::FullVerifier => {
            let total = if step.total > 0 {
                format!(" / {}", count(step.total.max(step.done)))
            } else {
                String::new()
            };
            parts.push(format!("{}{total} rows", count(step.done)));
            if step.status == StepStatus::Running {
                if rate > 0.0 {
                    parts.push(format!("{} rows/s", count(rate as u64)));
                    if step.total > step.done {
                        parts.push(format!(
                            "{} left",
                            span((step.total - step.done) as f64 / rate)
                        ));
                    }
                }
                if step.bytes > 0 {
                    parts.push(size(step.bytes));
                }
            }
        }
        StepName::IncrTransfer => {
            if step.done > 0 {
                parts.push(format!("{} changes", count(step.done)));
            }
            if rate > 0.0 {
                parts.push(format!("{} changes/s", count(rate as u64)));
            }
        }
        StepName::IncrVerifier if step.done > 0 => {
            parts.push(format!("{} rows looked at", count(step.done)));
        }
        StepName::TransferIncrLogPull if step.bytes > 0 => {
            parts.push(format!("{} kept", size(step.bytes)));
        }
        _ if step.total > 0 => parts.push(format!("{} / {}", count(step.done), count(step.total))),
        _ => {}
    }
    if let Some(lag) = step.lag_ms {
        parts.push(format!("lag {}", span(lag as f64 / 1000.0)));
    }
    parts.join("  ")
}

/// 1234567 as `1,234,567`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Bytes as `12.3 MB`.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{:.1} kB", bytes as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} MB", bytes as f64 / 1e6),
        _ => format!("{:.2} GB", bytes as f64 / 1e9),
    }
}

/// Seconds as `0.4 s`, `12 s`, `3 min 20 s` or `2 h 5 min`.
pub fn span(seconds: f64) -> String {
    let whole = seconds as u64;
    match whole {
        0..10 => format!("{seconds:.1} s"),
        10..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        assert_eq!(
            [count(7), count(1234), count(1_234_567)],
            ["7", "1,234", "1,234,567"]
        );
        assert_eq!(
            [size(12), size(12_345), size(1_500_000_000)],
            ["12 B", "12.3 kB", "1.50 GB"]
        );
        assert_eq!(
            [span(0.44), span(12.0), span(200.0), span(7500.0)],
            ["0.4 s", "12 s", "3 min 20 s", "2 h 5 min"]
        );
    }

    #[test]
    fn the_copy_tells_rate_and_time_left() {
        let step = StepLine {
            name: StepName::FullTransfer,
            status: StepStatus::Running,
            percent: 50,
            done: 100_000,
            total: 200_000,
            bytes: 20_000_000,
            lag_ms: None,
        };
        assert_eq!(
            message(&step, 10_000.0),
            "100,000 / 200,000 rows  10,000 rows/s  10 s left  20.0 MB"
        );
    }
}
