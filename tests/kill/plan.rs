//! When to kill: pure choices from a seed, so that a run can be repeated.

use std::fmt;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

/// How many pairs of servers share the kills.
const PAIRS: usize = 3;
/// A migration that was killed so often is done; another one begins.
const PER_ROUND: usize = 16;

/// The steps in which a kill must land.
pub const STEPS: [&str; 7] = [
    "TRANSFER_PRECHECK",
    "STRUCT_TRANSFER",
    "TRANSFER_INCR_LOG_PULL",
    "FULL_TRANSFER",
    "INDEX_TRANSFER",
    "INCR_TRANSFER",
    "FULL_VERIFIER",
];

/// When to kill.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kill {
    /// Soon after a step has begun.
    In(&'static str),
    /// At any instant.
    AnyTime,
}

impl fmt::Display for Kill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::In(step) => write!(f, "aimed at {step}"),
            Self::AnyTime => write!(f, "at random"),
        }
    }
}

/// The choices of one round.
pub struct Plan(StdRng);

impl Plan {
    /// Other choices for each seed and round, the same ones for the same.
    pub fn new(seed: u64, round: usize) -> Self {
        Self(StdRng::seed_from_u64(
            seed.wrapping_mul(1009).wrapping_add(round as u64),
        ))
    }

    /// So many kills: one in each step, in order; of the others every third in the copy, the rest at any
    /// instant from when changes are followed. (Before that, one would skip the steps that are short.)
    pub fn kills(&mut self, count: usize) -> Vec<Kill> {
        let mut kills: Vec<_> = STEPS.into_iter().map(Kill::In).collect();
        for extra in 0..count.saturating_sub(STEPS.len()) {
            if extra % 3 == 0 {
                kills.insert(4, Kill::In("FULL_TRANSFER"));
            } else {
                let following = kills
                    .iter()
                    .position(|kill| *kill == Kill::In("INCR_TRANSFER"));
                let first = following.map_or(kills.len(), |place| place + 1);
                kills.insert(self.0.random_range(first..=kills.len()), Kill::AnyTime);
            }
        }
        kills
    }

    /// How long to wait before the kill, once its time has come.
    pub fn pause(&mut self, kill: Kill) -> Duration {
        let most = match kill {
            Kill::In("FULL_TRANSFER" | "INCR_TRANSFER") => 300,
            Kill::In("FULL_VERIFIER") => 600,
            Kill::In(_) => 40,
            Kill::AnyTime => 4000,
        };
        match self.0.random_range(0..4) {
            // A quarter of them at once: the first writes of a step are the delicate ones.
            0 if kill != Kill::AnyTime => Duration::ZERO,
            _ => Duration::from_millis(self.0.random_range(0..most)),
        }
    }
}

/// The seed, and how many kills in each round, for one pair of servers.
pub fn rounds(pair: usize) -> (u64, Vec<usize>) {
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let seed = number("OMS_SEED")
        .unwrap_or_else(|| clock.map_or(1, |now| now.as_millis() as u64 % 1_000_000));
    let all = number("OMS_KILLS").unwrap_or(30) as usize;
    // The first pairs take the rest of the division.
    let mut left = (all / PAIRS + usize::from(pair < all % PAIRS)).max(STEPS.len());
    let mut rounds = Vec::new();
    while left > 0 {
        // No round smaller than what hits every step.
        let kills = if left < PER_ROUND + STEPS.len() {
            left
        } else {
            PER_ROUND
        };
        rounds.push(kills);
        left -= kills;
    }
    (seed, rounds)
}

#[test]
fn every_step_is_killed_and_seeds_repeat() {
    for count in [7, 10, 25] {
        let kills = Plan::new(5, 0).kills(count);
        assert_eq!(kills.len(), count.max(STEPS.len()));
        assert!(STEPS.iter().all(|step| kills.contains(&Kill::In(step))));
        assert_eq!(kills, Plan::new(5, 0).kills(count));
    }
    let (_, rounds) = rounds(0);
    assert!(
        rounds.iter().all(|&kills| kills >= STEPS.len()),
        "{rounds:?}"
    );
}
