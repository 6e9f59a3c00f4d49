//! From a commit at the source to the moment in which a reader of the target sees it.

use super::common::Figures;
use oms::datasource::mysql::{Endpoint, Server, Session};
use serde_json::json;
use std::time::{Duration, Instant};

/// How often the target is asked.
const LOOK_EVERY: Duration = Duration::from_micros(200);
/// What has not come after this is lost.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(clap::Args)]
pub struct Latency {
    /// URL of the source.
    #[arg(long)]
    source: String,
    /// URL of the target.
    #[arg(long)]
    target: String,
    /// A table `(id BIGINT PRIMARY KEY, v INT)` that is followed, as `schema.table`.
    #[arg(long)]
    table: String,
    /// Transactions each second.
    #[arg(long)]
    rate: f64,
    /// How many.
    #[arg(long)]
    count: usize,
    /// Ids begin behind this.
    #[arg(long, default_value_t = 0)]
    after: u64,
}

impl Latency {
    pub async fn run(self) -> Figures {
        let source = Server::open(&Endpoint::parse(&self.source)?).await?;
        let target = Server::open(&Endpoint::parse(&self.target)?).await?;
        let (table, after, count) = (self.table.clone(), self.after, self.count);
        let mut writer = source.session(Session::Plain).await?;
        let period = Duration::from_secs_f64(1.0 / self.rate);
        let begun = Instant::now();
        let writing = tokio::spawn(async move {
            let mut committed = Vec::with_capacity(count);
            let mut due = tokio::time::interval(period);
            due.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            for at in 0..count as u64 {
                due.tick().await;
                let id = after + at + 1;
                let sql = format!("INSERT INTO {table} (id, v) VALUES ({id}, {at})");
                writer.run("writing", sql).await?;
                committed.push(Instant::now());
            }
            Ok::<_, oms::error::Error>(committed)
        });
        let mut reader = target.session(Session::Plain).await?;
        let mut seen: Vec<Instant> = Vec::with_capacity(count);
        let mut last = Instant::now();
        while seen.len() < count {
            let newest: Option<Option<u64>> = reader
                .first("looking", format!("SELECT MAX(id) FROM {}", self.table))
                .await?;
            let now = Instant::now();
            let come = newest.flatten().unwrap_or(0).saturating_sub(after) as usize;
            while seen.len() < come.min(count) {
                seen.push(now);
                last = now;
            }
            if last.elapsed() > PATIENCE {
                return Err(format!("{} of {count} came", seen.len()).into());
            }
            // a timer of the runtime would sleep a whole millisecond
            tokio::task::block_in_place(|| std::thread::sleep(LOOK_EVERY));
        }
        let committed = writing.await??;
        let seconds = begun.elapsed().as_secs_f64();
        // one that is seen before its commit was answered took no time
        let mut times: Vec<f64> = committed
            .iter()
            .zip(&seen)
            .map(|(from, to)| to.saturating_duration_since(*from).as_secs_f64() * 1000.0)
            .collect();
        times.sort_by(f64::total_cmp);
        let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
        Ok(json!({
            "count": count, "rate": count as f64 / seconds,
            "p50_ms": at(0.5), "p90_ms": at(0.9), "p99_ms": at(0.99), "max_ms": at(1.0),
        }))
    }
}
