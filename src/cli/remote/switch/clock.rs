//! How long the sub-steps take, as seen from here; what was over before the first look, as the rows say.

use super::standing::{is_over, sub_steps, turn};
use crate::cli::remote::columns::text_at;
use chrono::NaiveDateTime;
use serde_json::Value;
use std::collections::HashMap;
use std::time::Instant;

/// Keeps what was seen.
#[derive(Debug, Default)]
pub struct Clock {
    /// Whose turn it was at the last look, and since when.
    turn: Option<(String, Instant)>,
    took: HashMap<String, f64>,
}

impl Clock {
    /// Looks.
    pub fn look(&mut self, state: &Value, now: Instant) {
        let current = turn(state).map(|sub| text_at(sub, "name"));
        let before = self.turn.as_ref().map(|(name, _)| name.clone());
        if current != before
            && let Some((name, since)) = self.turn.take()
        {
            let over = sub_steps(state).any(|sub| sub["name"] == *name && is_over(sub));
            if over {
                let seconds = now.duration_since(since).as_secs_f64();
                self.took.insert(name, seconds);
            }
        }
        let forward = state["way"] == "FORWARD";
        let mut previous = time(&state["gmtStart"]).filter(|_| forward);
        for (at, sub) in sub_steps(state).enumerate() {
            let ended = time(&sub["gmtModified"]);
            let name = text_at(sub, "name");
            // the rows of a roll-back follow each other from its own first sub-step on
            let told = (forward || at > 1) && is_over(sub);
            if told
                && let (Some(from), Some(to)) = (previous, ended)
                && to >= from
            {
                let seconds = (to - from).num_seconds() as f64;
                self.took.entry(name).or_insert(seconds);
            }
            previous = ended.filter(|_| is_over(sub));
        }
        if current != before {
            self.turn = current.map(|name| (name, now));
        }
    }

    /// How long a sub-step took, or takes until now, seconds.
    pub fn seconds(&self, name: &str, now: Instant) -> Option<f64> {
        match &self.turn {
            Some((turn, since)) if turn == name => Some(now.duration_since(*since).as_secs_f64()),
            _ => self.took.get(name).copied(),
        }
    }
}

fn time(value: &Value) -> Option<NaiveDateTime> {
    NaiveDateTime::parse_from_str(value.as_str()?, "%Y-%m-%dT%H:%M:%S").ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::time::Duration;

    fn state(way: &str, statuses: [&str; 3]) -> Value {
        let sub = |(at, status): (usize, &&str)| {
            json!({
                "name": format!("S{at}"), "status": status,
                "gmtModified": format!("2026-01-01T00:00:{:02}", at * 4 + 3),
            })
        };
        let subs: Vec<Value> = statuses.iter().enumerate().map(sub).collect();
        json!({ "way": way, "gmtStart": "2026-01-01T00:00:01", "subSteps": subs })
    }

    #[test]
    fn what_is_seen_is_measured_and_the_rest_is_read() {
        let mut clock = Clock::default();
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        clock.look(&state("FORWARD", ["FINISHED", "RUNNING", "PENDING"]), at(0));
        assert_eq!(clock.seconds("S0", at(0)), Some(2.0));
        assert_eq!(clock.seconds("S1", at(500)), Some(0.5));
        assert_eq!(clock.seconds("S2", at(500)), None);
        clock.look(
            &state("FORWARD", ["FINISHED", "FINISHED", "PENDING"]),
            at(1250),
        );
        assert_eq!(clock.seconds("S1", at(2000)), Some(1.25));
        assert_eq!(clock.seconds("S2", at(2000)), Some(0.75));
        // two at once
        let mut clock = Clock::default();
        clock.look(&state("FORWARD", ["RUNNING", "PENDING", "PENDING"]), at(0));
        clock.look(
            &state("FORWARD", ["FINISHED", "FINISHED", "RUNNING"]),
            at(250),
        );
        assert_eq!(clock.seconds("S0", at(300)), Some(0.25));
        assert_eq!(clock.seconds("S1", at(300)), Some(4.0));
    }

    #[test]
    fn what_was_made_before_a_roll_back_says_nothing_about_it() {
        let mut clock = Clock::default();
        let now = Instant::now();
        clock.look(&state("BACK", ["FINISHED", "FINISHED", "FINISHED"]), now);
        assert_eq!(clock.seconds("S0", now), None);
        assert_eq!(clock.seconds("S1", now), None);
        assert_eq!(clock.seconds("S2", now), Some(4.0));
    }
}
