//! How fast a copy or a verification goes: modes in place of figures.
//!
//! `STEADY` spares the servers, `FAST` takes what there is, `NORMAL` lies between; what each of them
//! means stands in the parameters `migration.checker.params.*`. `CUSTOM` means the figures of the
//! project itself.

use super::options::{FullImportOptions, FullVerificationOptions};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How fast a step goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum SpeedMode {
    /// Spares the servers: `migration.checker.params.steady`.
    Steady,
    /// `migration.checker.params.normal`.
    Normal,
    /// Takes what there is: `migration.checker.params.fast`.
    Fast,
    /// The project's own figures.
    #[default]
    Custom,
}

impl SpeedMode {
    /// All modes.
    pub const ALL: [Self; 4] = [Self::Steady, Self::Normal, Self::Fast, Self::Custom];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Steady => "STEADY",
            Self::Normal => "NORMAL",
            Self::Fast => "FAST",
            Self::Custom => "CUSTOM",
        }
    }
}

/// What a mode means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Speed {
    /// Slices that are copied, or compared, at the same time: each has a session at the source and
    /// one at the target.
    pub threads: usize,
    /// A slice that is read holds about so many bytes.
    pub read_batch_bytes: u64,
    /// A target transaction of the copy holds about so many bytes; 0: as the target takes it, between
    /// 64 KiB and 4 MiB.
    pub write_batch_bytes: usize,
}

/// The most threads: each is two sessions.
const THREADS_MOST: usize = 512;

impl Speed {
    /// `STEADY`, unless the parameter says otherwise.
    pub const STEADY: Self = Self {
        threads: 4,
        read_batch_bytes: 1 << 20,
        write_batch_bytes: 256 << 10,
    };
    /// `NORMAL`.
    pub const NORMAL: Self = Self {
        threads: 8,
        read_batch_bytes: 8 << 20,
        write_batch_bytes: 1 << 20,
    };
    /// `FAST`.
    pub const FAST: Self = Self {
        threads: 32,
        read_batch_bytes: 16 << 20,
        write_batch_bytes: 0,
    };

    /// What is wrong with it, in words.
    ///
    /// # Errors
    /// The words.
    pub fn check(&self) -> Result<(), String> {
        if !(1..=THREADS_MOST).contains(&self.threads) {
            let found = self.threads;
            return Err(format!(
                "threads is {found}, it must be 1 to {THREADS_MOST}"
            ));
        }
        if !((64 << 10)..=(1 << 30)).contains(&self.read_batch_bytes) {
            return Err(format!(
                "readBatchBytes is {}, it must be 65536 to 1073741824",
                self.read_batch_bytes
            ));
        }
        let write = self.write_batch_bytes;
        if write != 0 && !((16 << 10)..=(64 << 20)).contains(&write) {
            return Err(format!(
                "writeBatchBytes is {write}, it must be 0, or 16384 to 67108864"
            ));
        }
        Ok(())
    }

    /// Sets a copy's figures.
    pub fn apply_copy(&self, options: &mut FullImportOptions) {
        options.workers = self.threads;
        options.slice_bytes = self.read_batch_bytes;
        options.batch_bytes = self.write_batch_bytes;
    }

    /// Sets a verification's figures.
    pub fn apply_verification(&self, options: &mut FullVerificationOptions) {
        options.workers = self.threads;
        options.slice_bytes = self.read_batch_bytes;
    }
}
