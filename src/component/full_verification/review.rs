//! Rows in flight: keys that look different are looked at again, because the source lives and the
//! target only follows it.
//!
//! One round reads the keys at the source, waits until Incr-Sync has passed that moment, reads
//! them at the target, and at the source once more. A target row that is equal to the source row
//! as it was at any look since the round before is equal: the target only lags. A row that changes
//! faster than two looks are apart is sampled: many looks at both sides, one after another. What
//! is still different after the last round is a difference, but only if Incr-Sync was seen to pass
//! the source in one of the rounds, or if nobody can tell.

use super::canon::Image;
use super::plan::{Key, Plan, Side};
use super::ports::{Passed, Progressed};
use super::sides::{Pair, fetch};
use crate::datasource::mysql::Connection;
use crate::error::{Error, Kind, Result};
use crate::model::options::FullVerificationOptions;
use std::time::Duration;
use tokio::time::Instant;

/// What a side held for a key: None where it held no row.
pub type Seen = Option<Image>;

/// How often rows are looked at again.
#[derive(Debug, Clone, Copy)]
pub struct Rounds {
    /// At most so many rounds.
    pub max: u32,
    /// Time from one round to the next.
    pub period: Duration,
    /// No round begins later.
    pub time_max: Duration,
}

impl From<&FullVerificationOptions> for Rounds {
    fn from(options: &FullVerificationOptions) -> Self {
        Self {
            max: options.reviewer_rounds_max,
            period: Duration::from_millis(options.reviewer_period_ms),
            time_max: Duration::from_millis(options.reviewer_time_max_ms),
        }
    }
}

/// So many rounds in which the source stood still and Incr-Sync had passed prove a difference.
const PROOF_ROUNDS: u32 = 2;
/// How many hot rows are sampled in one round.
const SAMPLED_KEYS: usize = 32;
/// How long the source is sampled in one round.
const SAMPLE_TIME: Duration = Duration::from_millis(300);
/// Images of one row that are remembered while it is sampled.
const SAMPLED_IMAGES: usize = 4096;

/// What was seen of one suspect.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    /// The source's images since the last look of the round before.
    source: Vec<Seen>,
    /// Rounds in which Incr-Sync was seen to pass the source's moment.
    passed: u32,
    /// Rounds, of those, in which the source did not change either.
    still: u32,
}

impl Watch {
    /// Begins a round: only the last image of the round before stays.
    pub fn begin_round(&mut self) {
        let last = self.source.pop();
        self.source.clear();
        self.source.extend(last);
    }

    /// Notes the source's image.
    pub fn source(&mut self, seen: Seen) {
        if self.source.last() != Some(&seen) && self.source.len() < SAMPLED_IMAGES {
            self.source.push(seen);
        }
    }

    /// Whether the target's image is one that the source had since the round before.
    pub fn explains(&self, target: Seen) -> bool {
        self.source.contains(&target)
    }

    /// Whether the source changed since the round before.
    pub fn is_hot(&self) -> bool {
        self.source.len() > 1
    }

    /// Ends a round that did not show the row to be equal.
    pub fn end_round(&mut self, passed: Passed) {
        if passed == Passed::Yes {
            self.passed += 1;
            self.still += u32::from(!self.is_hot());
        }
    }

    /// Whether further rounds cannot change the judgement.
    pub fn is_proved(&self) -> bool {
        self.still >= PROOF_ROUNDS
    }

    /// Whether a difference may be called one: Incr-Sync passed, or nobody can tell.
    pub fn may_be_final(&self, someone_tells: bool) -> bool {
        !someone_tells || self.passed > 0
    }
}

/// Looks at keys again until they are equal or proved different; gives those that are different.
pub async fn review(
    plan: &Plan,
    pair: &mut Pair,
    keys: Vec<Key>,
    rounds: Rounds,
    progressed: &dyn Progressed,
    beat: &(dyn Fn() + Send + Sync),
) -> Result<Vec<Key>> {
    let mut different = Vec::new();
    let mut open: Vec<(Key, Watch)> = keys.into_iter().map(|k| (k, Watch::default())).collect();
    let begin = Instant::now();
    let mut someone_tells = false;
    for round in 0..rounds.max {
        if open.is_empty() || (round > 0 && begin.elapsed() > rounds.time_max) {
            break;
        }
        if round > 0 {
            tokio::time::sleep_until(begin + rounds.period * round).await;
        }
        beat();
        let passed = look(plan, pair, &mut open, progressed).await?;
        someone_tells |= passed != Passed::Unknown;
        let (proved, rest) = open.into_iter().partition(|(_, watch)| watch.is_proved());
        open = rest;
        let proved: Vec<(Key, Watch)> = proved;
        different.extend(proved.into_iter().map(|(key, _)| key));
    }
    let unsure = open
        .iter()
        .filter(|(_, watch)| !watch.may_be_final(someone_tells))
        .count();
    if unsure > 0 {
        return Err(not_passed(plan, unsure));
    }
    different.extend(open.into_iter().map(|(key, _)| key));
    Ok(different)
}

/// The error for rows that cannot be judged.
pub fn not_passed(plan: &Plan, rows: usize) -> Error {
    Error::new(Kind::VerifyFailed, format!("comparing table {}", plan.source))
        .detail(format!(
            "{rows} row(s) look different, but Incr-Sync did not reach the source's position while they were looked at, so that they cannot be judged"
        ))
        .remedy("Look why Incr-Sync is behind, wait until it has caught up, and verify again.")
}

/// One round; keys that are equal leave `open`.
async fn look(
    plan: &Plan,
    pair: &mut Pair,
    open: &mut Vec<(Key, Watch)>,
    progressed: &dyn Progressed,
) -> Result<Passed> {
    open.iter_mut().for_each(|(_, watch)| watch.begin_round());
    note_source(plan, &mut pair.source, open).await?;
    let passed = progressed.passed_now().await?;
    let targets = images(plan, &mut pair.target, Side::Target, &keys_of(open)).await?;
    note_source(plan, &mut pair.source, open).await?;
    let mut targets = targets.into_iter();
    open.retain(|(_, watch)| !targets.next().is_some_and(|seen| watch.explains(seen)));
    if open.iter().any(|(_, watch)| watch.is_hot()) {
        sample(plan, pair, open, progressed).await?;
    }
    open.iter_mut()
        .for_each(|(_, watch)| watch.end_round(passed));
    Ok(passed)
}

async fn note_source(plan: &Plan, conn: &mut Connection, open: &mut [(Key, Watch)]) -> Result<()> {
    let seen = images(plan, conn, Side::Source, &keys_of(open)).await?;
    for ((_, watch), seen) in open.iter_mut().zip(seen) {
        watch.source(seen);
    }
    Ok(())
}

fn keys_of(open: &[(Key, Watch)]) -> Vec<Key> {
    open.iter().map(|(key, _)| key.clone()).collect()
}

/// What a side holds for keys, now.
async fn images(plan: &Plan, conn: &mut Connection, side: Side, keys: &[Key]) -> Result<Vec<Seen>> {
    let asked: Vec<&Key> = keys.iter().collect();
    let mut seen = vec![None; keys.len()];
    fetch(conn, plan, side, &asked, false, |at, row| {
        seen[at] = Some(plan.image(side, &row));
    })
    .await?;
    Ok(seen)
}

/// Looks at hot rows many times: the source for a while, the target until it has passed that while.
async fn sample(
    plan: &Plan,
    pair: &mut Pair,
    open: &mut Vec<(Key, Watch)>,
    progressed: &dyn Progressed,
) -> Result<()> {
    let hot: Vec<usize> = (0..open.len())
        .filter(|&at| open[at].1.is_hot())
        .take(SAMPLED_KEYS)
        .collect();
    let keys: Vec<Key> = hot.iter().map(|&at| open[at].0.clone()).collect();
    let (source, target) = (&mut pair.source, &mut pair.target);
    let until = Instant::now() + SAMPLE_TIME;
    let stop = std::sync::atomic::AtomicBool::new(false);
    let looking_at_source = async {
        let mut samples: Vec<Vec<Seen>> = Vec::new();
        while Instant::now() < until && samples.len() < SAMPLED_IMAGES {
            samples.push(images(plan, source, Side::Source, &keys).await?);
        }
        let passed = progressed.passed_now().await;
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        passed.map(|_| samples)
    };
    let looking_at_target = async {
        let mut samples: Vec<Vec<Seen>> = Vec::new();
        loop {
            let last = stop.load(std::sync::atomic::Ordering::Relaxed);
            let seen = images(plan, target, Side::Target, &keys).await?;
            if samples.last() != Some(&seen) && samples.len() < SAMPLED_IMAGES {
                samples.push(seen);
            }
            if last {
                return Ok(samples);
            }
        }
    };
    let (sources, targets) =
        futures::future::try_join(looking_at_source, looking_at_target).await?;
    for (place, &at) in hot.iter().enumerate() {
        sources
            .iter()
            .for_each(|seen| open[at].1.source(seen[place]));
    }
    let mut at = 0;
    let mut explained = hot
        .iter()
        .enumerate()
        .filter(|&(place, &at)| targets.iter().any(|seen| open[at].1.explains(seen[place])))
        .map(|(_, &at)| at)
        .collect::<Vec<_>>()
        .into_iter()
        .peekable();
    open.retain(|_| {
        let gone = explained.next_if_eq(&at).is_some();
        at += 1;
        !gone
    });
    Ok(())
}

#[cfg(test)]
mod tests;
