//! When the server is killed: after a while, or just after so many transactions were committed in rm.

use std::fmt;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rand::RngExt;
use rand::rngs::StdRng;

use crate::client::OmsServer;

/// Where SQLite's shared memory of a write-ahead log has the counter of its commits.
const COMMITS_AT: u64 = 8;
/// Commits that do not come are not waited for any longer.
const LONGEST: Duration = Duration::from_millis(400);

/// A moment.
#[derive(Clone, Copy)]
pub enum Moment {
    /// So long after the storm's beginning.
    After(Duration),
    /// When so many transactions were committed.
    Commits(u32),
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::After(time) => write!(f, "after {} ms", time.as_millis()),
            Self::Commits(number) => write!(f, "after {number} commits"),
        }
    }
}

impl Moment {
    /// Some moment; `most` is how many commits a storm of this size has in its first actions.
    pub fn some(rng: &mut StdRng, most: u32) -> Self {
        match rng.random_range(0..4) {
            0 => Self::After(Duration::from_millis(
                rng.random_range(0..LONGEST.as_millis() as u64),
            )),
            _ => Self::Commits(rng.random_range(1..=most)),
        }
    }
}

/// The counter of commits of the rm database in a folder.
pub struct Commits(File);

impl Commits {
    pub fn of(folder: &Path) -> Self {
        let file = File::open(folder.join("rm.db-shm"));
        Self(file.expect("the shared memory of rm"))
    }

    fn count(&self) -> u32 {
        let mut bytes = [0; 4];
        let read = self.0.read_exact_at(&mut bytes, COMMITS_AT);
        read.expect("the counter of commits");
        u32::from_ne_bytes(bytes)
    }
}

/// Kills the server at a moment, counted from now; gives how many transactions it committed until then.
pub fn kill(server: &OmsServer, folder: &Path, moment: Moment) -> u32 {
    let commits = Commits::of(folder);
    let (begun, first) = (Instant::now(), commits.count());
    let done = || commits.count().wrapping_sub(first);
    let is_over = || match moment {
        Moment::After(time) => begun.elapsed() >= time,
        Moment::Commits(number) => done() >= number || begun.elapsed() >= LONGEST,
    };
    while !is_over() {
        match moment {
            Moment::After(time) => std::thread::sleep(time.saturating_sub(begun.elapsed())),
            Moment::Commits(_) => std::thread::yield_now(),
        }
    }
    server.kill9_now();
    done()
}
