//! Solo: one process leads by a lease in the `rm` database.
//!
//! The holder's name says which process it is (host, pid, and the pid's start time), so that a
//! process that was killed on this host is known to be dead at once; one elsewhere is waited for
//! until its lease runs out. The leader renews well before that.
//!
//! A leader that could not renew in time (a loaded machine, a database that is away) goes on: there
//! is nobody whom its own end would help, and should another process take the lease over, the epoch
//! fences every row and every transaction of the older one. It learns of that with its next renewal,
//! which changes nothing then, and ends.

use crate::error::{Error, Kind, Result};
use crate::metadata::{Leased, Metadata};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The lease's name.
const LEASE: &str = "leader";
/// How long a lease holds without being renewed.
pub const TTL: Duration = Duration::from_secs(5);
const RENEW_EVERY: Duration = Duration::from_secs(1);

/// Leadership, kept until it is dropped, released or lost.
pub struct Leadership {
    metadata: Metadata,
    holder: String,
    /// Rises with each take-over.
    pub epoch: i64,
    lost: watch::Receiver<bool>,
    stop: CancellationToken,
}

impl Leadership {
    /// Takes the lease; waits while another process may still be alive, at most a little longer
    /// than a lease holds. A holder that renews meanwhile is alive: [`Kind::RmHeld`].
    pub async fn acquire(metadata: &Metadata) -> Result<Self> {
        let holder = own_name();
        let deadline = Instant::now() + TTL + RENEW_EVERY;
        let epoch = loop {
            match metadata.leases().acquire(LEASE, &holder, TTL).await? {
                Leased::Acquired { epoch } => break epoch,
                Leased::Held {
                    holder: other,
                    remaining,
                    ..
                } => {
                    if is_dead(&other) {
                        // its lease is given back in its name
                        if let Some(lease) = metadata.leases().get(LEASE).await?
                            && lease.holder == other
                        {
                            // somebody else may have been faster
                            let _ = metadata
                                .leases()
                                .release(LEASE, &other, lease.epoch)
                                .await?;
                        }
                        continue;
                    }
                    if Instant::now() + remaining.min(RENEW_EVERY) > deadline {
                        return Err(Error::new(
                            Kind::RmHeld,
                            format!("rm database {}", metadata.place()),
                        )
                        .detail(format!("process {other} works with it")));
                    }
                    tokio::time::sleep(remaining.min(Duration::from_millis(250))).await;
                }
            }
        };
        let (lost_tx, lost) = watch::channel(false);
        let stop = CancellationToken::new();
        tokio::spawn(renew(
            metadata.clone(),
            holder.clone(),
            epoch,
            lost_tx,
            stop.clone(),
        ));
        Ok(Self {
            metadata: metadata.clone(),
            holder,
            epoch,
            lost,
            stop,
        })
    }

    /// Completes when leadership was lost.
    pub async fn lost(&self) {
        let mut lost = self.lost.clone();
        // a renewer that is gone renews no more
        let _ = lost.wait_for(|lost| *lost).await;
    }

    /// Gives the lease back, so that the next process need not wait.
    pub async fn release(self) -> Result<()> {
        self.stop.cancel();
        // a lease that is somebody else's by now need not be given back
        let _ = self
            .metadata
            .leases()
            .release(LEASE, &self.holder, self.epoch)
            .await?;
        Ok(())
    }
}

impl Drop for Leadership {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn renew(
    metadata: Metadata,
    holder: String,
    epoch: i64,
    lost: watch::Sender<bool>,
    stop: CancellationToken,
) {
    let mut held_until = Instant::now() + TTL;
    let mut late = false;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(RENEW_EVERY) => {}
        }
        let before = Instant::now();
        let renewal = metadata.leases();
        let renewal = renewal.renew(LEASE, &holder, epoch, TTL);
        match tokio::time::timeout(TTL, renewal).await {
            Ok(Ok(written)) if written.applied() => {
                if late {
                    tracing::warn!(epoch, "the lease on the rm database is renewed, late");
                }
                (held_until, late) = (before + TTL, false);
            }
            Ok(Ok(_)) => break,
            Ok(Err(error)) => tracing::warn!(%error, "renewing the lease"),
            Err(_) => tracing::warn!("renewing the lease: no answer within {TTL:?}"),
        }
        if !late && Instant::now() >= held_until {
            late = true;
            tracing::warn!(
                epoch,
                "the lease on the rm database ran out; nobody is known to have taken it"
            );
        }
    }
    tracing::error!(epoch, "the lease on the rm database is lost");
    lost.send_replace(true);
}

/// `host/pid/start`: start is the pid's start time in clock ticks after boot, so that a pid that
/// was used again is not taken for the old process.
fn own_name() -> String {
    let pid = std::process::id();
    format!("{}/{pid}/{}", host(), started(pid).unwrap_or(0))
}

fn host() -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}@{}", name.trim(), boot.trim())
}

fn started(pid: u32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace();
    // a zombie holds nothing any more
    if fields.next()? == "Z" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

/// Whether the holder was a process of this host and this boot that is gone.
fn is_dead(holder: &str) -> bool {
    let mut parts = holder.rsplitn(3, '/');
    let (Some(start), Some(pid), Some(on)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let (Ok(start), Ok(pid)) = (start.parse::<u64>(), pid.parse::<u32>()) else {
        return false;
    };
    on == host() && started(pid) != Some(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_process_of_this_host_is_known() {
        assert!(!is_dead(&own_name()));
        assert!(is_dead(&format!("{}/{}/1", host(), std::process::id())));
        assert!(!is_dead("other-host@boot/1/1"));
        assert!(!is_dead("nonsense"));
    }

    #[tokio::test]
    async fn one_leads_and_the_next_has_a_higher_epoch() {
        let dir = tempfile::tempdir().expect("a folder");
        let rm = dir.path().join("rm.db");
        let metadata = Metadata::open(&rm.to_string_lossy()).await.expect("opened");
        metadata.migrate().await.expect("migrated");
        let first = Leadership::acquire(&metadata).await.expect("free");
        let epoch = first.epoch;
        first.release().await.expect("released");
        let held = metadata
            .leases()
            .acquire(LEASE, "other-host@x/1/1", TTL)
            .await
            .expect("free");
        assert!(matches!(held, Leased::Acquired { .. }));
        // the other one is gone without a word: its lease runs out
        let second = Leadership::acquire(&metadata).await.expect("ran out");
        assert!(second.epoch > epoch);
    }
}
