//! Deleting what is old: whole segments, the oldest first, never one that a consumer may still
//! ask for.

use super::live::LiveStore;
use super::segment::{self, Segments, io_error};
use crate::error::Result;
use crate::model::ids::TxnId;
use crate::model::options::StoreOptions;
use std::path::Path;
use std::time::Duration;

/// What may be kept.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Age by the source's clock.
    age: Duration,
    /// Bytes in all; 0: no limit.
    bytes: u64,
}

impl From<&StoreOptions> for Limits {
    fn from(options: &StoreOptions) -> Self {
        Self {
            age: Duration::from_secs(options.retention_secs),
            bytes: options.retention_bytes,
        }
    }
}

/// The segments that go. A segment's newest event is older than the next segment's start.
fn obsolete(segments: &Segments, limits: Limits, now_ms: u64, slowest: Option<TxnId>) -> Vec<u64> {
    let oldest_ms = now_ms.saturating_sub(limits.age.as_millis() as u64);
    let mut bytes: u64 = segments.values().map(|s| s.bytes).sum();
    let mut gone = Vec::new();
    for ((number, segment), (_, next)) in segments.iter().zip(segments.iter().skip(1)) {
        let too_old = next.base.time_ms < oldest_ms;
        let too_large = limits.bytes > 0 && bytes > limits.bytes;
        let wanted = slowest.is_some_and(|slowest| slowest < next.base.txn_id());
        if wanted || !(too_old || too_large) {
            break;
        }
        bytes -= segment.bytes;
        gone.push(*number);
    }
    gone
}

/// Deletes what is old. Blocks.
pub(super) fn clean(live: &LiveStore, dir: &Path, limits: Limits) -> Result<()> {
    let Some(published) = live.published() else {
        return Ok(());
    };
    let now_ms = published.tip.time_ms;
    let gone = {
        let mut segments = live.segments.lock();
        let gone = obsolete(&segments, limits, now_ms, live.slowest_consumer());
        for number in &gone {
            segments.remove(number);
        }
        gone
    };
    for number in gone {
        let path = segment::path(dir, number);
        tracing::info!(segment = number, "an old segment is deleted");
        std::fs::remove_file(&path).map_err(|e| io_error("deleting", &path, e))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::segment::Segment;
    use super::*;
    use crate::model::position::Position;

    fn segments() -> Segments {
        (1..=4)
            .map(|n| {
                let base = Position {
                    file: "b.000001".to_owned(),
                    offset: n * 100,
                    gtid: None,
                    time_ms: n * 1000,
                };
                (n, Segment { base, bytes: 10 })
            })
            .collect()
    }

    fn gone(age_ms: u64, bytes: u64, slowest: Option<u64>) -> Vec<u64> {
        let limits = Limits {
            age: Duration::from_millis(age_ms),
            bytes,
        };
        let slowest = slowest.map(|offset| TxnId::from_file(1, offset));
        obsolete(&segments(), limits, 10_000, slowest)
    }

    #[test]
    fn old_segments_go_unless_a_consumer_is_there() {
        assert_eq!(gone(100_000, 0, None), Vec::<u64>::new());
        // segment 2 ends where 3 begins, at 3000 ms
        assert_eq!(gone(6500, 0, None), [1, 2]);
        // the last one always stays
        assert_eq!(gone(0, 0, None), [1, 2, 3]);
        assert_eq!(gone(0, 0, Some(300)), [1, 2]);
        assert_eq!(gone(0, 0, Some(299)), [1]);
        assert_eq!(gone(100_000, 25, None), [1, 2]);
        assert_eq!(gone(100_000, 25, Some(150)), Vec::<u64>::new());
    }
}
