//! Waiting longer after each failure.

use std::time::Duration;

/// Doubling waits between a first and a longest one, with up to a quarter more by chance, so that
/// many that failed together do not come back together.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    attempt: u32,
}

impl Backoff {
    /// Waits from `first`, doubled each time, at most `longest`.
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            attempt: 0,
        }
    }

    /// Failures in a row so far.
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// Counts a failure, and says how long to wait after it.
    pub fn next_wait(&mut self) -> Duration {
        let factor = 1_u32.checked_shl(self.attempt).unwrap_or(u32::MAX);
        self.attempt = self.attempt.saturating_add(1);
        let wait = self.first.saturating_mul(factor).min(self.longest);
        wait + wait.mul_f64(rand::random_range(0.0..0.25))
    }

    /// It works again.
    pub fn reset(&mut self) {
        self.attempt = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        let waits: Vec<_> = (0..40).map(|_| backoff.next_wait().as_millis()).collect();
        assert!((100..=125).contains(&waits[0]), "{waits:?}");
        assert!((200..=250).contains(&waits[1]), "{waits:?}");
        assert!(
            waits[4..].iter().all(|w| (1000..=1250).contains(w)),
            "{waits:?}"
        );
        backoff.reset();
        assert!(backoff.next_wait().as_millis() <= 125);
    }
}
