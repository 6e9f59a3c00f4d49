//! How much a writer hands to the target at once. A target that answers at once is given more, so
//! that fewer commits are paid for; one that is slow, or that ends transactions for their length, is
//! given less, so that a lock is held and a try repeated for a moment only.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Where it begins, and how far it goes, bytes.
const FIRST: usize = 1 << 20;
const LEAST: usize = 64 << 10;
const MOST: usize = 4 << 20;
/// A batch that was written sooner is too small, one that was written later too large.
const SOON: Duration = Duration::from_millis(50);
const LATE: Duration = Duration::from_secs(1);

/// The size of a writer's batches.
#[derive(Debug)]
pub(super) struct BatchSize {
    is_fixed: bool,
    bytes: AtomicUsize,
}

impl BatchSize {
    /// Always this size; 0: as the target takes it.
    pub(super) fn new(fixed: usize) -> Self {
        Self {
            is_fixed: fixed > 0,
            bytes: AtomicUsize::new(if fixed > 0 { fixed } else { FIRST }),
        }
    }

    /// The size now, bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// A batch of this size was written in this time.
    pub(super) fn wrote(&self, bytes: usize, took: Duration) {
        let now = self.bytes();
        if took > LATE {
            self.set(now / 2);
        } else if took < SOON && bytes >= now / 2 {
            self.set(now * 2);
        }
    }

    /// A batch failed for a reason that may pass.
    pub(super) fn failed(&self) {
        self.set(self.bytes() / 2);
    }

    fn set(&self, bytes: usize) {
        if !self.is_fixed {
            self.bytes
                .store(bytes.clamp(LEAST, MOST), Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_the_target() {
        let size = BatchSize::new(0);
        assert_eq!(size.bytes(), FIRST);
        for _ in 0..9 {
            size.wrote(size.bytes(), Duration::from_millis(1));
        }
        assert_eq!(size.bytes(), MOST);
        // the last batch of a slice says nothing
        let before = size.bytes();
        size.wrote(100, Duration::from_millis(1));
        size.wrote(before, Duration::from_millis(300));
        assert_eq!(size.bytes(), before);
        size.wrote(before, Duration::from_secs(2));
        assert_eq!(size.bytes(), before / 2);
        for _ in 0..9 {
            size.failed();
        }
        assert_eq!(size.bytes(), LEAST);
    }

    #[test]
    fn a_setting_stays_as_it_is() {
        let size = BatchSize::new(300_000);
        size.wrote(300_000, Duration::from_secs(9));
        size.wrote(300_000, Duration::ZERO);
        size.failed();
        assert_eq!(size.bytes(), 300_000);
    }
}
