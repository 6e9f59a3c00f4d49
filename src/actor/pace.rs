//! How often to look: quickly while things change, seldom while they stay as they are. A link that
//! only follows an idle source must cost next to nothing.

use std::time::Duration;
use tokio::time::Instant;

/// Things that have not changed for so long are looked at seldom.
const CALM_AFTER: Duration = Duration::from_secs(5);

/// The time between two looks at something that is seen as a `T`.
#[derive(Debug)]
pub struct Pace<T> {
    quick: Duration,
    calm: Duration,
    last: Option<T>,
    since: Instant,
}

impl<T: PartialEq> Pace<T> {
    /// Looks after `quick` while things change, after `calm` once they have not for a while.
    pub fn new(quick: Duration, calm: Duration) -> Self {
        Self {
            quick,
            calm,
            last: None,
            since: Instant::now(),
        }
    }

    /// Tells what was seen.
    pub fn saw(&mut self, now: T) {
        if self.last.as_ref() != Some(&now) {
            self.last = Some(now);
            self.since = Instant::now();
        }
    }

    /// Forgets what was seen: something is about to change.
    pub fn stir(&mut self) {
        self.last = None;
        self.since = Instant::now();
    }

    /// How long to wait until the next look.
    pub fn delay(&self) -> Duration {
        if self.last.is_some() && self.since.elapsed() >= CALM_AFTER {
            self.calm
        } else {
            self.quick
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_stays_as_it_is_is_looked_at_seldom() {
        let (quick, calm) = (Duration::from_millis(100), Duration::from_secs(1));
        let mut pace = Pace::new(quick, calm);
        pace.saw(1);
        tokio::time::advance(CALM_AFTER).await;
        assert_eq!(pace.delay(), calm);
        pace.saw(1);
        assert_eq!(pace.delay(), calm);
        pace.saw(2);
        assert_eq!(pace.delay(), quick);
        tokio::time::advance(CALM_AFTER).await;
        pace.stir();
        assert_eq!(pace.delay(), quick);
    }
}
