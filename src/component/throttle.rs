//! A limit on rows and bytes each second (`throttleRps`, `throttleIOPS`), which may be changed while
//! the work runs.

use parking_lot::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::time::Instant;

/// What was not used is saved up for so long.
const BURST: Duration = Duration::from_millis(100);
/// Who waits looks so often whether the limit was changed.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Rows and bytes each second; 0: no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rates {
    /// `throttleRps`: rows each second.
    pub rows: u64,
    /// `throttleIOPS`: bytes each second.
    pub bytes: u64,
}

/// Shared by all who work for one component.
#[derive(Debug)]
pub struct Throttle {
    state: Mutex<State>,
    /// See [`Throttle::width`].
    width: AtomicUsize,
}

#[derive(Debug)]
struct State {
    rates: Rates,
    rows: Bucket,
    bytes: Bucket,
}

/// What may still be used; below zero where more was used than there was.
#[derive(Debug)]
struct Bucket {
    level: f64,
    filled: Instant,
}

impl Bucket {
    fn new() -> Self {
        Self {
            level: 0.0,
            filled: Instant::now(),
        }
    }

    /// Fills up until now; how long until something may be used.
    fn wait(&mut self, rate: u64) -> Duration {
        let now = Instant::now();
        let rate = rate as f64;
        let gained = now.duration_since(self.filled).as_secs_f64() * rate;
        self.filled = now;
        self.level = (self.level + gained).min(rate * BURST.as_secs_f64());
        if rate == 0.0 || self.level >= 0.0 {
            return Duration::ZERO;
        }
        Duration::try_from_secs_f64(-self.level / rate).unwrap_or(LOOK_EVERY)
    }

    fn forgive(&mut self) {
        *self = Self::new();
    }
}

impl Default for Throttle {
    fn default() -> Self {
        Self::new(Rates::default())
    }
}

impl Throttle {
    /// With these limits.
    pub fn new(rates: Rates) -> Self {
        let state = State {
            rates,
            rows: Bucket::new(),
            bytes: Bucket::new(),
        };
        Self {
            state: Mutex::new(state),
            width: AtomicUsize::new(0),
        }
    }

    /// Workers that may be at work at the same time, where that follows a setting while the work runs;
    /// 0: as many as it began with.
    pub fn width(&self) -> usize {
        self.width.load(Ordering::Relaxed)
    }

    /// Changes the number of workers.
    pub fn set_width(&self, workers: usize) {
        self.width.store(workers, Ordering::Relaxed);
    }

    /// The limits now.
    pub fn rates(&self) -> Rates {
        self.state.lock().rates
    }

    /// Changes the limits; who waits goes by the new ones at once.
    pub fn set(&self, rates: Rates) {
        let mut state = self.state.lock();
        if state.rates != rates {
            tracing::info!(
                rows_per_s = rates.rows,
                bytes_per_s = rates.bytes,
                "the throttle was changed"
            );
            state.rates = rates;
            state.rows.forgive();
            state.bytes.forgive();
        }
    }

    /// Uses so many rows and bytes, and waits as long as that is more than the limits allow. A batch
    /// is never split, so one that is larger than a second's worth passes, and is paid for after it.
    pub async fn take(&self, rows: u64, bytes: u64) {
        {
            let mut state = self.state.lock();
            let rates = state.rates;
            if rates == Rates::default() {
                return;
            }
            state.rows.level -= if rates.rows > 0 { rows as f64 } else { 0.0 };
            state.bytes.level -= if rates.bytes > 0 { bytes as f64 } else { 0.0 };
        }
        loop {
            let wait = {
                let mut state = self.state.lock();
                let Rates { rows, bytes } = state.rates;
                state.rows.wait(rows).max(state.bytes.wait(bytes))
            };
            if wait.is_zero() {
                return;
            }
            tokio::time::sleep(wait.min(LOOK_EVERY)).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    async fn use_up(throttle: &Throttle, batches: u64, rows: u64, bytes: u64) -> f64 {
        let begun = Instant::now();
        for _ in 0..batches {
            throttle.take(rows, bytes).await;
        }
        begun.elapsed().as_secs_f64()
    }

    #[tokio::test(start_paused = true)]
    async fn the_stricter_limit_counts() {
        let throttle = |rows, bytes| Throttle::new(Rates { rows, bytes });
        assert!(use_up(&throttle(0, 0), 100, 1000, 1 << 20).await < 0.01);
        let by_rows = use_up(&throttle(1000, 0), 100, 100, 1 << 20).await;
        assert!((9.5..10.5).contains(&by_rows), "{by_rows}");
        let by_bytes = use_up(&throttle(1_000_000, 1 << 20), 10, 100, 1 << 20).await;
        assert!((9.5..10.5).contains(&by_bytes), "{by_bytes}");
    }

    #[tokio::test(start_paused = true)]
    async fn several_share_the_limit() {
        let throttle = Arc::new(Throttle::new(Rates {
            rows: 1000,
            bytes: 0,
        }));
        let begun = Instant::now();
        let mut all = tokio::task::JoinSet::new();
        for _ in 0..4 {
            let throttle = Arc::clone(&throttle);
            all.spawn(async move { use_up(&throttle, 25, 100, 0).await });
        }
        while all.join_next().await.is_some() {}
        let took = begun.elapsed().as_secs_f64();
        assert!((9.5..10.5).contains(&took), "{took}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_reaches_who_waits() {
        let throttle = Arc::new(Throttle::new(Rates { rows: 1, bytes: 0 }));
        let waiting = {
            let throttle = Arc::clone(&throttle);
            tokio::spawn(async move { use_up(&throttle, 1, 100_000, 0).await })
        };
        tokio::time::sleep(Duration::from_secs(10)).await;
        throttle.set(Rates::default());
        let took = waiting.await.expect("no panic");
        assert!((10.0..10.5).contains(&took), "{took}");
    }
}
