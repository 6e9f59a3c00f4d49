//! The Store: how fast it pulls a log, and how fast it is read.

use super::common::{Figures, SUBTOPIC, Store, cpu_seconds, peak_memory};
use oms::component::log_source::LogSource;
use oms::model::change::LogItem;
use oms::model::options::StoreOptions;
use oms::model::position::Position;
use serde_json::json;
use std::path::{Path, PathBuf};
use std::time::Instant;

#[derive(clap::Args)]
pub struct Pull {
    /// URL of the source.
    #[arg(long)]
    source: String,
    /// Tables, as a pattern.
    #[arg(long)]
    include: String,
    /// Where to begin, JSON.
    #[arg(long)]
    start: String,
    /// Where to end, JSON.
    #[arg(long)]
    until: String,
    /// Folder of the Store.
    #[arg(long)]
    dir: PathBuf,
}

impl Pull {
    pub async fn run(self) -> Figures {
        let start: Position = serde_json::from_str(&self.start)?;
        let until: Position = serde_json::from_str(&self.until)?;
        let options = StoreOptions {
            segment_bytes: 1 << 30,
            ..StoreOptions::default()
        };
        let begun = Instant::now();
        let store = Store::start(
            &self.source,
            &self.include,
            self.dir.clone(),
            Some(start),
            options,
        )?;
        store.holds(&until).await?;
        let seconds = begun.elapsed().as_secs_f64();
        store.stop().await?;
        let bytes = size_of(&self.dir)?;
        Ok(json!({
            "seconds": seconds, "bytes": bytes, "mb_per_s": bytes as f64 / 1e6 / seconds,
            "cpu_seconds": cpu_seconds(), "peak_memory": peak_memory(),
        }))
    }
}

#[derive(clap::Args)]
pub struct Replay {
    /// URL of the source.
    #[arg(long)]
    source: String,
    /// Tables, as a pattern: those with which it was pulled.
    #[arg(long)]
    include: String,
    /// Where to begin, JSON.
    #[arg(long)]
    start: String,
    /// Where to end, JSON.
    #[arg(long)]
    until: String,
    /// Folder of the Store.
    #[arg(long)]
    dir: PathBuf,
    /// Consumers at the same time.
    #[arg(long, default_value_t = 1)]
    consumers: usize,
}

impl Replay {
    pub async fn run(self) -> Figures {
        let start: Position = serde_json::from_str(&self.start)?;
        let until: Position = serde_json::from_str(&self.until)?;
        let store = Store::start(
            &self.source,
            &self.include,
            self.dir.clone(),
            None,
            StoreOptions::default(),
        )?;
        store.holds(&until).await?;
        let bytes = size_of(&self.dir)?;
        let (memory_before, begun) = (peak_memory(), Instant::now());
        let mut consumers = tokio::task::JoinSet::new();
        for _ in 0..self.consumers {
            let mut reader = store.hub.open(SUBTOPIC, &start).await?;
            let until = until.txn_id();
            consumers.spawn(async move {
                let (mut transactions, mut changes) = (0_u64, 0_u64);
                loop {
                    let end = match reader.next().await? {
                        LogItem::Txn(piece) => {
                            changes += piece.changes.len() as u64;
                            transactions += u64::from(piece.end.is_some());
                            piece.end
                        }
                        LogItem::Ddl(ddl) => Some(ddl.end),
                        LogItem::Heartbeat(position) => Some(position),
                    };
                    if end.is_some_and(|end| end.txn_id() >= until) {
                        return Ok::<_, oms::error::Error>((transactions, changes));
                    }
                }
            });
        }
        let mut read = (0, 0);
        while let Some(done) = consumers.join_next().await {
            read = done??;
        }
        let seconds = begun.elapsed().as_secs_f64();
        store.stop().await?;
        let all = bytes as f64 * self.consumers as f64;
        Ok(json!({
            "seconds": seconds, "bytes": bytes, "consumers": self.consumers,
            "mb_per_s": all / 1e6 / seconds, "transactions": read.0, "changes": read.1,
            "peak_memory": peak_memory(), "peak_memory_before": memory_before,
        }))
    }
}

/// Bytes of a Store's segments.
fn size_of(dir: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if entry.path().extension().is_some_and(|e| e == "seg") {
            bytes += entry.metadata()?.len();
        }
    }
    Ok(bytes)
}
