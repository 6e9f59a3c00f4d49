//! Whether sums pay for a table. They do where rows are far away or the servers are idle; they don't
//! where most slices differ, or where a server is slow at SHA-2 and its rows are near (OceanBase on
//! the same machine: rows are twice as fast). So both ways are measured while they work.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// After so many slices with different sums in a row, sums are only tried now and then…
const IN_VAIN: u32 = 8;
/// … for one slice in so many.
const TRY_AGAIN: u32 = 16;
/// This slice is compared by rows, to see what that costs.
const PROBE: u32 = 6;
/// And one in so many is compared in the way that cost more.
const PROBE_AGAIN: u32 = 64;

/// What was learned about one table's slices, which are about equally large.
#[derive(Debug, Default)]
pub struct Gauge {
    in_vain: AtomicU32,
    refused: AtomicBool,
    slices: AtomicU32,
    /// Nanoseconds of a slice, averaged; 0: not known.
    by_sums: AtomicU64,
    by_rows: AtomicU64,
}

impl Gauge {
    /// Whether the next slice is to be compared by its sum.
    pub fn takes_sums(&self) -> bool {
        if !self.is_worth_it() {
            return false;
        }
        let slice = self.slices.fetch_add(1, Ordering::Relaxed);
        let cost = |way: &AtomicU64| way.load(Ordering::Relaxed);
        match (cost(&self.by_sums), cost(&self.by_rows)) {
            (0, _) => true,
            (_, 0) => slice != PROBE,
            (sums, rows) => (sums <= rows) != (slice % PROBE_AGAIN == PROBE_AGAIN - 1),
        }
    }

    fn is_worth_it(&self) -> bool {
        let in_vain = self.in_vain.load(Ordering::Relaxed);
        !self.refused.load(Ordering::Relaxed)
            && (in_vain < IN_VAIN || {
                self.in_vain.fetch_add(1, Ordering::Relaxed);
                in_vain.is_multiple_of(TRY_AGAIN)
            })
    }

    /// A server cannot compute the sums.
    pub fn refuse(&self) {
        self.refused.store(true, Ordering::Relaxed);
    }

    /// What the sums of a slice said.
    pub fn learn(&self, was_equal: bool) {
        if was_equal {
            self.in_vain.store(0, Ordering::Relaxed);
        } else {
            self.in_vain.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How long a slice took.
    pub fn took(&self, by_sums: bool, time: Duration) {
        let way = if by_sums {
            &self.by_sums
        } else {
            &self.by_rows
        };
        let new = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).max(1);
        let old = way.load(Ordering::Relaxed);
        let average = if old == 0 { new } else { old / 4 * 3 + new / 4 };
        way.store(average.max(1), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_given_up_where_they_are_in_vain_and_tried_again() {
        let gauge = Gauge::default();
        for _ in 0..IN_VAIN {
            assert!(gauge.takes_sums());
            gauge.learn(false);
        }
        let tries = |gauge: &Gauge| (0..160).filter(|_| gauge.takes_sums()).count();
        assert_eq!(tries(&gauge), 10);
        gauge.learn(true);
        assert_eq!(tries(&gauge), 160);
    }

    #[test]
    fn the_cheaper_way_is_taken_and_the_other_looked_at_now_and_then() {
        for (sums, rows, few) in [(10, 30, false), (30, 10, true)] {
            let gauge = Gauge::default();
            let mut by_sums = 0;
            for _ in 0..640 {
                let takes = gauge.takes_sums();
                by_sums += u32::from(takes);
                gauge.took(
                    takes,
                    Duration::from_millis(if takes { sums } else { rows }),
                );
            }
            // the first ones, and every 64th of the others
            let expected = if few { 6..=17 } else { 629..=630 };
            assert!(expected.contains(&by_sums), "{by_sums}");
        }
    }
}
