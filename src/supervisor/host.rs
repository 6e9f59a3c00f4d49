//! What a node says of its host: CPU, memory and disk in use, every few seconds, in `oms_node`.

use crate::error::Kind;
use crate::metadata::{Beat, Load, Metadata};
use std::path::PathBuf;
use std::time::Duration;

/// How often it is said. One that says nothing for six times as long is down.
const EVERY: Duration = Duration::from_secs(5);

/// Who says it.
#[derive(Debug, Clone)]
pub struct Host {
    /// The rm database.
    pub metadata: Metadata,
    /// The node's name, which is its address.
    pub name: String,
    /// The port of its API.
    pub port: u16,
    /// The leader's epoch: a node with an older one is silent.
    pub epoch: i64,
    /// Folder of the Stores, whose disk is looked at.
    pub data_dir: PathBuf,
}

impl Host {
    /// Says it until it is dropped, or until somebody newer has the node's name.
    pub async fn report(self) {
        let mut before = None;
        loop {
            let ticks = cpu_ticks(&read("/proc/stat"));
            let load = Load {
                cpu: ticks
                    .zip(before)
                    .and_then(|(now, before)| busy(before, now)),
                memory: memory(&read("/proc/meminfo")),
                disk: self.disk(),
            };
            before = ticks;
            if self.beat(load).await {
                return;
            }
            tokio::time::sleep(EVERY).await;
        }
    }

    /// Says that the node ends.
    pub async fn end(&self) {
        let ended = self.metadata.nodes().end(&self.name, self.epoch).await;
        if let Err(error) = ended {
            tracing::warn!(%error, "the node's last word");
        }
    }

    /// True where somebody newer has the name.
    async fn beat(&self, load: Load) -> bool {
        let beat = Beat {
            name: self.name.clone(),
            ip: self.name.clone(),
            port: self.port.into(),
            region: String::new(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            load,
        };
        let written = match self.metadata.nodes().beat(beat, self.epoch).await {
            Ok(written) => written.require("oms_node", &self.name, self.epoch),
            Err(error) => Err(error),
        };
        let Err(error) = written else { return false };
        let error = crate::error::Error::from(error);
        tracing::warn!(code = error.kind().code(), %error, "the node's heartbeat");
        error.kind() == Kind::Fenced
    }

    fn disk(&self) -> Option<i32> {
        // the folder may not be there yet
        let mut folders = self.data_dir.ancestors();
        let found = folders.find_map(|folder| rustix::fs::statvfs(folder).ok())?;
        let used = found.f_blocks.saturating_sub(found.f_bfree);
        // what only root may still use is none of ours
        percent(used, used + found.f_bavail)
    }
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

fn percent(part: u64, whole: u64) -> Option<i32> {
    let percent = part.saturating_mul(100).checked_div(whole)?;
    i32::try_from(percent.min(100)).ok()
}

/// Busy and all ticks of all CPUs since the start of the host.
fn cpu_ticks(stat: &str) -> Option<(u64, u64)> {
    let line = stat.lines().find(|line| line.starts_with("cpu "))?;
    // user nice system idle iowait irq softirq steal; guests are in user already
    let ticks = line.split_ascii_whitespace().skip(1).take(8);
    let ticks: Vec<u64> = ticks.map(str::parse).collect::<Result<_, _>>().ok()?;
    let idle = ticks.get(3)? + ticks.get(4)?;
    let all: u64 = ticks.iter().sum();
    Some((all - idle, all))
}

fn busy(before: (u64, u64), now: (u64, u64)) -> Option<i32> {
    percent(now.0.checked_sub(before.0)?, now.1.checked_sub(before.1)?)
}

fn memory(meminfo: &str) -> Option<i32> {
    let of = |name: &str| -> Option<u64> {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
        line.split_ascii_whitespace().next()?.parse().ok()
    };
    let (all, free) = (of("MemTotal:")?, of("MemAvailable:")?);
    percent(all.checked_sub(free)?, all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read() {
        let before = cpu_ticks("cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1 1 1 1\n").expect("ticks");
        assert_eq!(before, (150, 1000));
        let now = cpu_ticks("cpu  150 10 90 950 50 0 0 0 7 7\n").expect("ticks");
        assert_eq!(busy(before, now), Some(40));
        assert_eq!(busy(now, before), None, "a host that started anew");
        assert_eq!(busy(now, now), None);
        for bad in ["", "cpu x y", "cpu 1 2", "cpu0 1 2 3 4 5 6 7 8"] {
            assert_eq!(cpu_ticks(bad), None, "{bad}");
        }
        assert_eq!(
            memory("MemTotal:  1000 kB\nMemFree: 5 kB\nMemAvailable:  250 kB\n"),
            Some(75)
        );
        assert_eq!(memory("MemTotal: 1000 kB\n"), None);
        assert_eq!(percent(9, 4), Some(100));
        assert_eq!(percent(1, 0), None);
    }
}
