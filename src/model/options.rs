//! Settings of a project's components, with their defaults. One struct per component.

use super::speed::SpeedMode;
use serde::{Deserialize, Serialize};

/// All settings of a project.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Options {
    /// Store.
    pub store: StoreOptions,
    /// Full-Import.
    pub full_import: FullImportOptions,
    /// Incr-Sync.
    pub incr_sync: IncrSyncOptions,
    /// Full-Verification.
    pub full_verification: FullVerificationOptions,
    /// Incr-Verification.
    pub incr_verification: IncrVerificationOptions,
}

/// Settings of a Store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreOptions {
    /// A segment file is closed when it is larger, bytes.
    pub segment_bytes: u64,
    /// Written frames are made durable at the latest after this time, milliseconds.
    pub fsync_interval_ms: u64,
    /// `store.clearer.outdated`: what is older is deleted, seconds (migration: 120 h).
    pub retention_secs: u64,
    /// What goes beyond is deleted even if it is not old, bytes; 0: no limit.
    pub retention_bytes: u64,
    /// A transaction is kept in pieces of about this size, bytes.
    pub piece_bytes: usize,
    /// How often the heartbeat row is written at the source, milliseconds.
    pub heartbeat_ms: u64,
    /// How changes are packed on disk. What is there already can be read whatever it is set to.
    pub compression: Compression,
}

/// How a Store packs changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Compression {
    /// Not at all: the least work.
    #[default]
    None,
    /// LZ4: some work, some space.
    Lz4,
    /// Zstandard, level 1: more work, the least space.
    Zstd,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            segment_bytes: 256 << 20,
            fsync_interval_ms: 100,
            retention_secs: 432_000,
            retention_bytes: 0,
            piece_bytes: 1 << 20,
            heartbeat_ms: 1000,
            compression: Compression::default(),
        }
    }
}

/// Settings of Full-Import.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FullImportOptions {
    /// `fullTransferSpeedMode`: unless it is `CUSTOM`, the three figures below are those of the
    /// parameter `migration.checker.params.<mode>` when the copy starts.
    pub speed: SpeedMode,
    /// Slices that are copied at the same time.
    pub workers: usize,
    /// A slice holds about this much, bytes.
    pub slice_bytes: u64,
    /// A target transaction holds about this much, bytes; 0: as the target takes it, between 64 KiB
    /// and 4 MiB.
    pub batch_bytes: usize,
    /// `throttleRps`: rows read each second, at most; 0: no limit. Taken over while it runs.
    pub throttle_rps: u64,
    /// `throttleIOPS`: bytes read each second, at most; 0: no limit. Taken over while it runs.
    pub throttle_iops: u64,
}

impl Default for FullImportOptions {
    fn default() -> Self {
        Self {
            speed: SpeedMode::Custom,
            workers: 4,
            slice_bytes: 16 << 20,
            batch_bytes: 0,
            throttle_rps: 0,
            throttle_iops: 0,
        }
    }
}

/// Settings of Incr-Sync.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IncrSyncOptions {
    /// Lanes: target transactions at the same time.
    pub lanes: usize,
    /// Rows in one target transaction, about.
    pub batch_rows: usize,
    /// Bytes in one target transaction, about; a larger source transaction has one of its own.
    pub batch_bytes: usize,
    /// Source transactions read ahead, bytes.
    pub window_bytes: usize,
    /// What a reader of the target may see.
    pub transaction_mode: TransactionMode,
    /// What becomes of the source's DDL.
    pub ddl_mode: DdlMode,
    /// `throttleRps`: changes applied each second, at most; 0: no limit. Taken over while it runs.
    pub throttle_rps: u64,
    /// `throttleIOPS`: bytes applied each second, at most; 0: no limit. Taken over while it runs.
    pub throttle_iops: u64,
}

/// How the source's transactions become visible at the target.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TransactionMode {
    /// Each whole, those that do not touch the same rows in any order: the fastest.
    #[default]
    Eventual,
    /// Each whole and in the source's order: every state of the target was one of the source.
    Atomic,
}

/// What becomes of DDL in the source's log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DdlMode {
    /// It is applied. Of two directions that run at the same time at most one may do so.
    #[default]
    Apply,
    /// It is passed over with a word in the log, and counted: DDL goes the other way only. What removes
    /// rows without logging them (TRUNCATE), and what is not understood, waits for an operator.
    Ignore,
    /// It waits for an operator, who skips its task once he has dealt with it.
    Refuse,
}

impl Default for IncrSyncOptions {
    fn default() -> Self {
        Self {
            lanes: 4,
            batch_rows: 1000,
            batch_bytes: 1 << 20,
            window_bytes: 64 << 20,
            transaction_mode: TransactionMode::default(),
            ddl_mode: DdlMode::default(),
            throttle_rps: 0,
            throttle_iops: 0,
        }
    }
}

/// Settings of Full-Verification.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FullVerificationOptions {
    /// `fullVerifySpeedMode`: unless it is `CUSTOM`, the two figures below are those of the parameter
    /// `migration.checker.params.<mode>` when the verification starts.
    pub speed: SpeedMode,
    /// Slices that are compared at the same time.
    pub workers: usize,
    /// A slice that is compared holds about this much, bytes.
    pub slice_bytes: u64,
    /// `reviewer.rounds.max`: how often rows that differ are looked at again.
    pub reviewer_rounds_max: u32,
    /// `reviewer.period`: time between two rounds, milliseconds.
    pub reviewer_period_ms: u64,
    /// `reviewer.time.max`: all rounds together, milliseconds.
    pub reviewer_time_max_ms: u64,
    /// `limitator.table.diff.max`: a table's comparison ends at so many differences.
    pub table_diff_max: u64,
    /// `limitator.table.nonunique.max`: the same for a table without a key.
    pub table_nonunique_max: u64,
    /// Whether differences are corrected at the target.
    pub correct: bool,
}

impl Default for FullVerificationOptions {
    fn default() -> Self {
        Self {
            speed: SpeedMode::Custom,
            workers: 4,
            slice_bytes: 8 << 20,
            reviewer_rounds_max: 20,
            reviewer_period_ms: 3000,
            reviewer_time_max_ms: 60_000,
            table_diff_max: 10_000,
            table_nonunique_max: 10_000,
            correct: false,
        }
    }
}

/// Settings of Incr-Verification. Suspect rows are looked at as `full_verification` says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IncrVerificationOptions {
    /// `enableIncrVerify`: whether what Incr-Sync applies is verified all the time.
    pub enabled: bool,
    /// While Incr-Sync lags, it works for this share of the time, percent.
    pub share_percent: u8,
}

impl Default for IncrVerificationOptions {
    fn default() -> Self {
        Self {
            enabled: false,
            share_percent: 10,
        }
    }
}

impl Options {
    /// What is wrong with the settings, in words.
    pub fn check(&self) -> Result<(), String> {
        let at_least = |name: &str, value: u64, least: u64| {
            (value >= least)
                .then_some(())
                .ok_or_else(|| format!("{name} is {value}, the least is {least}"))
        };
        let full = &self.full_import;
        let incr = &self.incr_sync;
        let verify = &self.full_verification;
        at_least("store.segment_bytes", self.store.segment_bytes, 1 << 20)?;
        at_least("store.fsync_interval_ms", self.store.fsync_interval_ms, 1)?;
        at_least("store.retention_secs", self.store.retention_secs, 60)?;
        at_least("store.piece_bytes", self.store.piece_bytes as u64, 4 << 10)?;
        at_least("store.heartbeat_ms", self.store.heartbeat_ms, 50)?;
        at_least("full_import.workers", full.workers as u64, 1)?;
        at_least("full_import.slice_bytes", full.slice_bytes, 64 << 10)?;
        if full.batch_bytes > 0 {
            at_least("full_import.batch_bytes", full.batch_bytes as u64, 16 << 10)?;
        }
        at_least("incr_sync.lanes", incr.lanes as u64, 1)?;
        at_least("incr_sync.batch_rows", incr.batch_rows as u64, 1)?;
        at_least("incr_sync.batch_bytes", incr.batch_bytes as u64, 16 << 10)?;
        at_least("incr_sync.window_bytes", incr.window_bytes as u64, 1 << 20)?;
        let share = self.incr_verification.share_percent;
        if !(1..=100).contains(&share) {
            return Err(format!(
                "incr_verification.share_percent is {share}, it must be 1 to 100"
            ));
        }
        at_least("full_verification.workers", verify.workers as u64, 1)?;
        at_least(
            "full_verification.slice_bytes",
            verify.slice_bytes,
            64 << 10,
        )?;
        at_least("full_verification.table_diff_max", verify.table_diff_max, 1)?;
        at_least(
            "full_verification.table_nonunique_max",
            verify.table_nonunique_max,
            1,
        )
    }
}
